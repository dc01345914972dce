/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/names.h"

#include <string.h>

const char *const owner_kind_names[] = { "unknown", "none", "libc", "object", "raw", "mixed", NULL };
const char *const owner_place_names[] = { "unknown", "libc",  "tls-symbol", "tls-block",
					  "data",    "heap",  "stack",	    "anonymous",
					  "file",    "unmapped", NULL };
const char *const confidence_names[] = { "unknown", "certain", "inferred", NULL };
const char *const rseq_mode_names[] = { "unknown", "legacy", "optimized", NULL };
const char *const rseq_class_names[] = { "unknown", "absent",  "original", "extensible",
					 "rewrite", "split", NULL };
const char *const method_names[] = { "unknown", "auto", "bpf", "ptrace", "none", NULL };
const char *const seccomp_mode_names[] = { "unknown", "disabled", "strict", "filter", NULL };
const char *const severity_names[] = { "none", "info", "warning", "error", NULL };

uint32_t name_find(const char *const *names, const char *word)
{
	for (uint32_t i = 1; names[0] && names[i]; i++)
		if (!strcmp(names[i], word))
			return i;
	return 0;
}
