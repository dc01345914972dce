/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restartable critical sections in assembly, one file per architecture. Each commits with one store, or
 * leaves no trace that counts. Delays can be put between any two of its steps, and each protection can be
 * taken away, so that a test can prove that it would notice.
 *
 * The steps, the delays between them (enum critical_delay), and what the descriptors cover:
 *
 *	before, publish the descriptor
 *   10:	published, compare the index, compared, load what is there, loaded
 *   11:	stores that do not count yet; copying, between the words of a copy
 *   19:	storing, commit: one store
 *   20:	committed
 *   21:
 *
 * 10 to 20 is right. 11 to 20 starts too late, 10 to 19 ends before the commit, 10 to 21 after it.
 */
#ifndef CRITICAL_CRITICAL_H
#define CRITICAL_CRITICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum critical_result {
	CRITICAL_DONE,
	CRITICAL_ABORTED, /* by the kernel: try again, with the index as it is then */
	CRITICAL_MOVED,	  /* the index was no longer the thread's: the same */
	CRITICAL_OTHER,	  /* what each section says */
};

/* Byte offsets into the descriptors that are wrong. */
enum critical_descriptor {
	CRITICAL_RIGHT = 0,
	CRITICAL_LATE_START = 32,
	CRITICAL_LATE_COMMIT = 64,
	CRITICAL_LATE_END = 96,
};

enum critical_delay {
	DELAY_BEFORE,
	DELAY_PUBLISHED,
	DELAY_COMPARED,
	DELAY_LOADED,
	DELAY_COPYING,
	DELAY_STORING,
	DELAY_COMMITTED,
	CRITICAL_DELAYS,
};

/* One thread's way into sections. Filled by critical_init, then as a test likes. */
struct critical {
	volatile uint64_t *publish;	/* rseq_cs of the registered area */
	const volatile uint32_t *start; /* where the index is read before a section */
	const volatile uint32_t *key;	/* and what it is compared with inside */
	uint64_t descriptor;		/* enum critical_descriptor */
	uint64_t aborts;		/* abort handlers that ran: exactly as often as the kernel aborted */
	uint64_t seen;			/* what critical_window and critical_deref found */
	uint32_t delay[CRITICAL_DELAYS]; /* rounds of an empty loop */
	bool ignore_aborts;		/* wrong: take an abort for success */
};

/* A number of words, or of records, and how many of them are in use. */
struct critical_ring {
	uint64_t used, capacity;
	uint64_t *items;
};

struct critical_node {
	struct critical_node *next;
};

enum { CRITICAL_RECORD_WORDS = 8 };

/* Whether there are sections for this architecture. Without, every other function does nothing. */
bool critical_is_supported(void);

/* The signature before the abort handlers. */
uint32_t critical_signature(void);

/* Sections of the calling thread, whose area is registered there; keyed by mm_cid or by cpu_id. */
void critical_init(struct critical *c, void *area, bool by_mm_cid);

/* Another key from now on. */
void critical_key(struct critical *c, const void *area, bool by_mm_cid);

static inline uint32_t critical_index(const struct critical *c)
{
	return *c->start;
}

/*
 * All take the index that was read before, and memory that belongs to that index. What is returned through
 * a pointer counts only with CRITICAL_DONE.
 */

/* *counter += n. */
enum critical_result critical_add(struct critical *c, uint32_t index, uint64_t *counter, uint64_t n);

/* CRITICAL_OTHER: the list is empty. */
enum critical_result critical_push(struct critical *c, uint32_t index, struct critical_node **head,
				   struct critical_node *node);
enum critical_result critical_pop(struct critical *c, uint32_t index, struct critical_node **head,
				  struct critical_node **ret);

/* One word. CRITICAL_OTHER: full, or empty. */
enum critical_result critical_put(struct critical *c, uint32_t index, struct critical_ring *ring,
				  uint64_t word);
enum critical_result critical_take(struct critical *c, uint32_t index, struct critical_ring *ring,
				   uint64_t *ret);

/* A record of CRITICAL_RECORD_WORDS. CRITICAL_OTHER: full, or empty. */
enum critical_result critical_copy_in(struct critical *c, uint32_t index, struct critical_ring *ring,
				      const uint64_t *record);
enum critical_result critical_copy_out(struct critical *c, uint32_t index, struct critical_ring *ring,
				       uint64_t *ret);

/* Takes the lock; any thread may release it from anywhere. CRITICAL_OTHER: it is held. */
enum critical_result critical_lock(struct critical *c, uint32_t index, uint64_t *lock);
void critical_unlock(uint64_t *lock);

/*
 * Two steps with a window between: writes own into *mark, and adds n only if it is still there and the
 * index still the same. CRITICAL_OTHER: it was not, and c->seen is what was; without an abort that
 * must never be.
 */
enum critical_result critical_window(struct critical *c, uint32_t index, uint64_t *mark, uint64_t own,
				     uint64_t *counter, uint64_t n);

/* Follows *active, and adds n if the word there is 0. CRITICAL_OTHER: it was c->seen. */
enum critical_result critical_deref(struct critical *c, uint32_t index, uint64_t *const *active,
				    uint64_t *counter, uint64_t n);

/*
 * n times critical_add of 1 as lean as it gets: no delays, no faults, retries included. The counter of
 * an index lies at base + (index << shift) bytes.
 */
void critical_count(struct critical *c, void *base, unsigned int shift, uint64_t n);

#endif
