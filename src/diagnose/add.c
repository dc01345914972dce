/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/add.h"

struct finding *diagnose_add(const struct rule *rule, const struct diagnosis *d, enum severity severity,
			     int32_t tid, const char *object)
{
	struct finding *f = findings_add(d->findings);

	if (!f)
		return NULL;
	f->id = rule->id;
	f->title = rule->title;
	f->advice = rule->advice;
	f->severity = severity;
	f->confidence = CONFIDENCE_CERTAIN;
	if (d->process) {
		f->subject.pid = d->process->pid;
		if (d->process->owner.confidence == CONFIDENCE_INFERRED)
			f->confidence = CONFIDENCE_INFERRED;
	}
	f->subject.tid = tid;
	f->subject.object = object ? arena_strdup(&d->findings->arena, object) : NULL;
	return f;
}
