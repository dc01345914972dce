/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Built with BPF=0, which leaves libbpf and its decoder out. */
#include "collect/kernel_class.h"

enum rseq_class kernel_class_read(const char **ret_why)
{
	*ret_why = "this rseqctl was built without BPF, whose library reads the kernel's types";
	return CLASS_UNKNOWN;
}
