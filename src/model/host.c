/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/host.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

#include "model/abi.h"
#include "rseqctl/rseq_abi.h"
#include "rseqctl/task_record.h"

void host_read(struct host_facts *host)
{
	struct utsname u;

	if (uname(&u) == 0) {
		snprintf(host->kernel, sizeof(host->kernel), "%s", u.release);
		snprintf(host->arch, sizeof(host->arch), "%s", u.machine);
	}
	host->feature_size = getauxval(AUXV_RSEQ_FEATURE_SIZE);
	host->align = getauxval(AUXV_RSEQ_ALIGN);
	host->has |= HOST_AUXV;
}

enum rseq_class host_class(uint32_t layout)
{
	switch (layout) {
	case TASK_LAYOUT_NONE:
		return CLASS_ABSENT;
	case TASK_LAYOUT_ORIGINAL:
		return CLASS_ORIGINAL;
	case TASK_LAYOUT_EXTENSIBLE:
		return CLASS_EXTENSIBLE;
	case TASK_LAYOUT_REWRITE:
		return CLASS_REWRITE;
	case TASK_LAYOUT_SPLIT:
		return CLASS_SPLIT;
	}
	return CLASS_UNKNOWN;
}

enum rseq_mode host_mode(const struct host_facts *host, uint32_t length)
{
	if (host->rseq_class != CLASS_SPLIT || !length)
		return MODE_UNKNOWN;
	return length > RSEQ_FIRST_LENGTH ? MODE_OPTIMIZED : MODE_LEGACY;
}
