/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The closed sets of words in facts, findings and output; 0 is always "unknown". */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include <stdint.h>

enum owner_kind { OWNER_UNKNOWN, OWNER_NONE, OWNER_LIBC, OWNER_OBJECT, OWNER_RAW, OWNER_MIXED };
enum owner_place {
	PLACE_UNKNOWN,
	PLACE_LIBC,	  /* the area that libc keeps for its thread */
	PLACE_TLS_SYMBOL, /* a TLS variable that is known by name */
	PLACE_TLS_BLOCK,  /* inside an object's thread-local storage */
	PLACE_DATA,	  /* inside an object's mapped segments */
	PLACE_HEAP,	  /* the brk heap */
	PLACE_STACK,
	PLACE_ANONYMOUS,
	PLACE_FILE, /* a mapped file that is no loaded object */
	PLACE_UNMAPPED,
};
enum confidence { CONFIDENCE_UNKNOWN, CONFIDENCE_CERTAIN, CONFIDENCE_INFERRED };
enum rseq_mode { MODE_UNKNOWN, MODE_LEGACY, MODE_OPTIMIZED };
enum rseq_class {
	CLASS_UNKNOWN,
	CLASS_ABSENT,
	CLASS_ORIGINAL,
	CLASS_EXTENSIBLE,
	CLASS_REWRITE,
	CLASS_SPLIT,
};
enum method { METHOD_UNKNOWN, METHOD_AUTO, METHOD_BPF, METHOD_PTRACE, METHOD_NONE };
enum seccomp_mode { SECCOMP_UNKNOWN, SECCOMP_DISABLED, SECCOMP_STRICT, SECCOMP_FILTERED };
enum severity { SEVERITY_NONE, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

/* Each is indexed by its enum; [0] is "unknown" and the list ends with NULL. */
extern const char *const owner_kind_names[];
extern const char *const owner_place_names[];
extern const char *const confidence_names[];
extern const char *const rseq_mode_names[];
extern const char *const rseq_class_names[];
extern const char *const method_names[];
extern const char *const seccomp_mode_names[];
extern const char *const severity_names[];

/* The index of the word in one of these, or 0. */
uint32_t name_find(const char *const *names, const char *word);

#endif
