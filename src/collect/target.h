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
	uint32_t namespace;
	const struct mapping *mapping; /* of its dynamic section; NULL when it lies in none */
	const struct image *image;     /* NULL when its file could not be read */
	bool needed, followed; /* by the program, directly or not; its own needs are marked */
	bool startup;	       /* loaded with the program: needed or preloaded */
	bool has_tls_fields;	       /* the next two are known */
	uint64_t tls_offset, tls_modid;
};

/* Where glibc keeps what; a member is -1 where this libc does not say. */
struct libc_layout {
	int64_t link_map_tls_offset, link_map_tls_modid;
	int64_t pthread_dtvp, pthread_tid, pthread_list, sizeof_pthread;
	int64_t stack_used, stack_user;
	uint64_t rtld_global; /* address, 0 unknown */
};

struct target {
	struct service *reader;
	struct images *images;
	int64_t scan_budget_ms; /* for all of its files */
	struct process_facts *facts;
	const struct arch_abi *abi; /* NULL until known */
	struct strbuf auxv;
	struct maps maps;
	struct object *objects;
	size_t n_objects;
	bool dynamic;  /* it has a link map */
	bool complete; /* objects are all that are loaded */
	struct libc_layout libc;
	struct task_record *records;
	size_t n_records;
	bool from_kernel; /* the records hold the kernel's answer */
	uint64_t threads_in_status; /* as /proc/PID/status counts them */
};

/* The entry of the auxiliary vector, 0 where there is none. */
uint64_t target_auxv(const struct target *t, uint64_t type);

/* The process-wide address of a definition that is no TLS variable. */
uint64_t target_address(const struct object *object, const struct image_symbol *symbol);

/* The definition with that role that the base namespace uses: the first in link order. Borrowed. */
const struct image_symbol *target_find(const struct target *t, enum known_role role,
				       const struct object **ret_object);

#endif
