/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was learned, with nothing concluded but who owns. A fact that is missing has its bit in
 * `has` clear (or is NULL, or -1 for a tri-state), and the process's `unknown` says why.
 */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/names.h"
#include "util/arena.h"

struct unknown {
	const char *what, *why;
};

struct owner {
	uint32_t kind;	    /* enum owner_kind */
	uint32_t place;	    /* enum owner_place */
	uint32_t confidence; /* enum confidence */
	const char *name;   /* "glibc", "tcmalloc"...; NULL where the object is not recognised */
	const char *object; /* path of the object or name of the mapping; NULL where there is none */
	const char *symbol; /* the area's, where it is one */
	const char *detail; /* more about a raw place, in words, or NULL */
	uint64_t room;	    /* bytes from the area to the end of the symbol or TLS block that holds it; 0 unknown */
};

/* What rseq_cs of a registered area points to. */
enum section_state {
	SECTION_UNKNOWN,
	SECTION_NONE, /* it is 0 */
	SECTION_VALID,
	SECTION_UNMAPPED,
	SECTION_BROKEN, /* to memory that holds no descriptor which the kernel takes */
};

/* An area that this thread could have registered: one per definition of an area symbol. */
struct candidate {
	uint64_t has;
	size_t object_index;
	const char *name; /* by whose symbols the object is known, or NULL */
	const char *object, *symbol;
	uint64_t address, size; /* of the variable */
	int32_t cpu_id;
	uint32_t refcount;
};
enum { CANDIDATE_ADDRESS = 1, CANDIDATE_CPU_ID = 2, CANDIDATE_REFCOUNT = 4 };

struct thread_facts {
	uint64_t has;
	int32_t tid;
	char comm[17];
	int8_t registered; /* -1 unknown */
	int8_t in_section; /* -1 unknown, as while it is on a CPU */
	int8_t worker;	   /* made by the kernel inside the process (io_uring): never registers */
	int8_t exiting;
	int8_t on_cpu;
	int8_t own_pthread; /* glibc made it: -1 unknown */
	int8_t shares_tp;   /* its thread pointer is another thread's too */
	int8_t changed;	    /* gone, or another registration, at the second look */
	int8_t area_mapped, area_writable; /* where it is registered; -1 unknown */
	int8_t area_orphaned; /* in the mapping of a deleted file that is no loaded object */
	uint8_t section_state; /* enum section_state */
	uint32_t mode;	    /* enum rseq_mode */
	uint64_t area;
	uint32_t length, signature;
	uint64_t tp, ip;
	int64_t tp_offset; /* area minus thread pointer */
	uint32_t cpu_id_start, cpu_id, flags, node_id, mm_cid, slice_ctrl;
	uint64_t rseq_cs;
	int32_t libc_cpu_id; /* in libc's area of this thread, whoever registered */
	struct owner owner;
	struct candidate *candidates;
	size_t n_candidates;
};
enum {
	THREAD_AREA = 1 << 0, /* area; length and signature as well where it is not 0 */
	THREAD_TP = 1 << 1,
	THREAD_IP = 1 << 2,
	THREAD_OFFSET = 1 << 3,
	THREAD_LIBC_CPU_ID = 1 << 4,
	/* The content of the registered area, as far as length and kernel make it active. */
	THREAD_IDS = 1 << 5, /* cpu_id_start, cpu_id, rseq_cs, flags */
	THREAD_NODE_ID = 1 << 6,
	THREAD_MM_CID = 1 << 7,
	THREAD_SLICE = 1 << 8,
	THREAD_REGISTRATION = 1 << 9, /* registered: length and signature */
	THREAD_COMM = 1 << 10,
};

struct symbol_facts {
	uint64_t has;
	const char *name;
	int8_t defined, exported;
	int8_t wins; /* -1: not a matter of look-up (a local symbol, a reference), or unknown */
	const char *wins_reason; /* of a reference: why that definition wins */
	const char *binds; /* a reference: path of the object whose definition it gets; NULL for none */
	const char *binds_version; /* of that definition, "" for none */
	const char *type, *bind;
	const char *version; /* "" for none */
	uint64_t size, value, address;
	uint8_t role; /* enum known_role */
};
enum { SYMBOL_VALUE = 1, SYMBOL_SIZE = 2 };

enum { ABORT_SIGNATURES_MAX = 4 };

struct object_facts {
	uint64_t has;
	const char *path;
	const char *name; /* "glibc", "tcmalloc", "librseq" or NULL */
	const char *build_id; /* hexadecimal, "" for none */
	uint32_t namespace;
	int8_t startup;	 /* loaded with the program: cannot be unloaded */
	int8_t matters;	 /* has rseq symbols or sections, or owns */
	int8_t has_area; /* threads have a candidate in it */
	int8_t published; /* one of its sections was, while it was watched; -1 not watched, or it has none */
	int8_t nodelete; /* dlclose leaves it: linked so, or needed by an object that is */
	int8_t static_tls; /* its TLS is reused, not freed, when it goes; -1 unknown, or it has none */
	uint32_t abort_signatures[ABORT_SIGNATURES_MAX]; /* before its abort handlers: different ones */
	size_t n_abort_signatures;
	uint64_t base;
	uint64_t sections_total;
	struct symbol_facts *symbols;
	size_t n_symbols;
};
enum { OBJECT_SECTIONS = 1, OBJECT_NAMESPACE = 2 };

struct libc_facts {
	uint64_t has;
	const char *name;    /* "glibc", "musl" or NULL */
	const char *version; /* "2.36" */
	const char *build;   /* "Debian GLIBC 2.36-9+deb12u14" */
	const char *linkage; /* "dynamic", "static" */
	const char *object;  /* what exports __rseq_offset */
	int64_t rseq_offset;
	uint32_t rseq_size, rseq_flags;
};
enum { LIBC_OFFSET = 1, LIBC_SIZE = 2, LIBC_FLAGS = 4 };

struct auxv_facts {
	uint64_t has;
	uint64_t rseq_feature_size, rseq_align; /* 0: the kernel does not say (up to 6.2) */
};
enum { AUXV_READ = 1 };

struct process_facts {
	uint64_t has;
	struct arena arena; /* all strings below */
	int32_t pid;
	const char *comm, *exe, *arch;
	uint32_t arch_signature; /* by convention of that architecture */
	uint32_t method; /* enum method that was used */
	uint64_t max_stop_ns;
	struct auxv_facts auxv;
	const char *tunables; /* GLIBC_TUNABLES as started, "" when not set, NULL unknown */
	const char *ld_preload, *ld_audit; /* likewise */
	int8_t secure;	      /* AT_SECURE: libc ignored the tunables; -1 unknown */
	uint32_t sample_seconds; /* how long sections were watched */
	uint32_t namespaces;  /* link namespaces: 1 and those of LD_AUDIT and dlmopen */
	uint32_t seccomp;     /* enum seccomp_mode */
	int32_t tracer;
	struct libc_facts libc;
	struct owner owner;
	uint32_t threads_total, threads_registered, threads_unregistered;
	struct thread_facts *threads;
	size_t n_threads;
	struct object_facts *objects;
	size_t n_objects;
	struct unknown *unknown;
	size_t n_unknown;
};
enum { PROCESS_TRACER = 1, PROCESS_STOP = 2, PROCESS_REGISTERED = 4, PROCESS_SECOND_LOOK = 8, PROCESS_NAMESPACES = 16 };

struct host_facts {
	uint64_t has;
	char kernel[65], arch[65];
	uint32_t rseq_class; /* enum rseq_class */
	uint64_t feature_size, align;
	struct unknown *unknown;
	size_t n_unknown;
};
enum { HOST_AUXV = 1 };

void process_facts_done(struct process_facts *p);

/* Notes that something could not be learned. Strings are copied. */
void process_unknown(struct process_facts *p, const char *what, const char *format, ...)
	_printf_(3, 4);

/* Whether a libc that registered may have that as its __rseq_size: 20, 28, 32, or from 33 on. */
bool rseq_is_libc_size(uint32_t size);

/* Bytes of an area that the kernel keeps up: those the registration covers and the kernel knows. */
uint32_t rseq_active_size(uint32_t length, uint64_t feature_size);

#endif
