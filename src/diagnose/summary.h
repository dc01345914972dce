/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting processes by who owns and by what was found. */
#ifndef DIAGNOSE_SUMMARY_H
#define DIAGNOSE_SUMMARY_H

#include "model/facts.h"
#include "model/finding.h"
#include "model/summary.h"

/* One process more; its findings are those from `first` on. Strings are copied. */
void summary_add(struct summary *s, const struct process_facts *p, const struct findings *findings,
		 size_t first);

/* The most frequent owner first; the worst finding first, and of those the most frequent. */
void summary_sort(struct summary *s);

#endif
