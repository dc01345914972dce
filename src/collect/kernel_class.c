/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/kernel_class.h"

#include <bpf/btf.h>
#include <stdbool.h>
#include <string.h>

/* The same questions as task_rseq_layout() of bpf/task_rseq.bpf.h asks through CO-RE. */
static bool has_member(const struct btf *btf, const char *type, const char *member)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint16_t i = 0; t && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(t)[i].name_off);

		if (name && !strcmp(name, member))
			return true;
	}
	return false;
}

static enum rseq_class classify(const struct btf *btf)
{
	if (btf__find_by_name_kind(btf, "rseq_data", BTF_KIND_STRUCT) > 0)
		return has_member(btf, "rseq_ids", "node_id") ? CLASS_SPLIT : CLASS_REWRITE;
	if (has_member(btf, "task_struct", "rseq_len"))
		return CLASS_EXTENSIBLE;
	return has_member(btf, "task_struct", "rseq") ? CLASS_ORIGINAL : CLASS_ABSENT;
}

enum rseq_class kernel_class_read(const char **ret_why)
{
	struct btf *btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	enum rseq_class class;

	if (!btf) {
		*ret_why = "the kernel's types (/sys/kernel/btf/vmlinux) cannot be read";
		return CLASS_UNKNOWN;
	}
	class = classify(btf);
	btf__free(btf);
	return class;
}
