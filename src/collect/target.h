/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that is being looked at: what the files of this room hand to each other. */
#ifndef COLLECT_TARGET_H
#define COLLECT_TARGET_H

#include "collect/images.h"
#include "model/abi.h"
#include "model/facts.h"
#include "model/known.h"
#include "proc/maps.h"
#include "proc/service.h"
#include "rseqctl/task_record.h"

/* A loaded object, as the dynamic linker lists it. */
struct object {
	uint64_t link_map, base, dynamic; /* addresses in the target; link_map 0: there is none */
	uint32_t namespace; /* NAMESPACE_UNKNOWN: mapped like a loaded object, but in no list */
	const struct mapping *mapping; /* of its dynamic section; NULL when it lies in none */
	const struct image *image;     /* NULL when its file could not be read */
	bool scanned;	       /* its file was asked for */
	uint32_t *needs; /* the objects that it names as needed, by index */
	uint32_t n_needs;
	uint64_t exports; /* a bit per known symbol that it defines for others */
	uint32_t root;	  /* outside the global scope: whose opening brought it, itself mostly */
	uint32_t *bound;  /* per symbol of the image: the object whose definition its references got */
	bool needed;	  /* by the program, directly or not */
	bool startup;	  /* loaded with the program: needed or preloaded */
	bool kept;	  /* dlclose leaves it: linked so, or needed by one that is */
	uint32_t scope; /* place in the global scope of its namespace, from 1; 0: not in it */
	bool has_tls_offset, has_tls_modid; /* each of the next two is known */
	uint64_t tls_offset, tls_modid;
};

#define NAMESPACE_UNKNOWN UINT32_MAX

/* In bound: the references got none (weak ones), or nothing is known. */
#define BOUND_NONE (UINT32_MAX - 1)
#define BOUND_UNKNOWN UINT32_MAX

/* Where libc keeps what; a member is -1 (an address 0) where this libc does not say. */
struct libc_layout {
	int64_t link_map_tls_offset, link_map_tls_modid;
	int64_t pthread_tid, pthread_list; /* in its descriptor of a thread */
	int64_t pthread_from_tp;	   /* that descriptor's distance from the thread pointer, not negative */
	bool has_dtv;
	int64_t dtv_from_tp; /* of the pointer to the dtv */
	uint32_t dtv_entry;  /* bytes */
	int32_t dtv_count;   /* from the dtv to the number of modules it has */
	int64_t kept_offset;		 /* where that was looked for, 0 not yet */
	bool keeps_offset;		 /* a static program's data hold it, as libc's public values */
	uint64_t stack_used, stack_user; /* addresses of the lists of threads */
	uint64_t rtld_global;
};

struct target {
	struct service *reader;
	struct images *images;
	int64_t scan_budget_ms; /* for all of its files */
	struct process_facts *facts;
	const struct arch_abi *abi; /* NULL until known */
	struct strbuf auxv;
	int auxv_error; /* -errno where it could not be read, else 0 */
	struct maps maps;
	struct object *objects;
	size_t n_objects;
	uint32_t n_namespaces;
	uint64_t exe_base;
	uint64_t debug; /* the dynamic linker's struct r_debug, 0 unknown */
	int list_error; /* 0, or -errno: why its list was not read */
	bool dynamic;	/* it has a link map */
	bool complete;	/* objects are all that are loaded */
	bool scoped;	/* the global scopes were read */
	int64_t lookup_steps; /* what look-ups may still cost */
	struct libc_layout libc;
	struct task_record *records;
	size_t n_records;
	bool from_kernel; /* the records hold the kernel's answer */
	bool maps_stale;  /* an area that can be read lies in no mapping: it was made since */
	uint64_t threads_in_status; /* as /proc/PID/status counts them */
	int32_t inner_pid; /* of the process in its own PID namespace; 0 unknown */
};

/* The entry of the auxiliary vector, 0 where there is none. */
uint64_t target_auxv(const struct target *t, uint64_t type);

/* The process-wide address of a definition that is no TLS variable. */
uint64_t target_address(const struct object *object, const struct image_symbol *symbol);

/* The first definition with that role in the base namespace, one that others can bind to. Borrowed. */
const struct image_symbol *target_find(const struct target *t, enum known_role role,
				       const struct object **ret_object);

/* The same for what libc has for debuggers, which may be local to it. */
const struct image_symbol *target_find_private(const struct target *t, enum known_role role,
					       const struct object **ret_object);

/* n words of the program's size (4 or 8 bytes each). 0 or -errno: -EFAULT, or -ENOEXEC, size unknown. */
int target_words(const struct target *t, uint64_t addr, uint64_t *ret, size_t n) _must_check_;

/* One such word out of bytes that were read. */
uint64_t target_word(const struct target *t, const void *bytes);

#endif
