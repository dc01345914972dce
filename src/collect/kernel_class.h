/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's class without loading a program: from its published types, which everybody may read. */
#ifndef COLLECT_KERNEL_CLASS_H
#define COLLECT_KERNEL_CLASS_H

#include "model/names.h"

/* CLASS_UNKNOWN and why, static, where the types cannot be read. Decodes /sys/kernel/btf/vmlinux. */
enum rseq_class kernel_class_read(const char **ret_why);

#endif
