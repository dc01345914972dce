/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was concluded from the facts. */
#ifndef MODEL_FINDING_H
#define MODEL_FINDING_H

#include <stddef.h>
#include <stdint.h>

#include "model/names.h"
#include "util/arena.h"

struct subject {
	int32_t pid, tid;   /* 0: none */
	const char *object; /* NULL: none */
	const char *section;
};

struct finding {
	const char *id; /* a word, never reused */
	uint32_t severity, confidence;
	const char *title;
	struct subject subject;
	const char *detail;
	const char **evidence; /* the numbers it was concluded from */
	size_t n_evidence;
	const char *advice;
};

/* Strings live in the arena and outlive the facts they were concluded from. */
struct findings {
	struct arena arena;
	struct finding *items;
	size_t n;
};

void findings_done(struct findings *f);

/* A new finding, zeroed; NULL when there is no memory. */
struct finding *findings_add(struct findings *f);

/* Leaves out, from `first` on, those with one of these ids; how many they were. */
size_t findings_remove(struct findings *f, size_t first, const char *const *ids, size_t n_ids);

/* Adds a line of evidence. */
void finding_evidence(struct findings *f, struct finding *finding, const char *format, ...)
	_printf_(3, 4);

/* The highest severity among those about the process (0: among all). */
enum severity findings_worst(const struct findings *f, int32_t pid);

#endif
