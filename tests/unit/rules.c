/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules on made-up facts: each fires on its case, and is silent on its near misses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/diagnose.h"
#include "model/known.h"

/* A process of two threads that glibc owns; each test changes what it is about. */
struct world {
	struct host_facts host;
	struct process_facts process;
	struct thread_facts threads[2];
	struct candidate candidates[2];
	struct object_facts objects[1];
	struct symbol_facts symbols[1];
	struct findings findings;
	struct kernel_facts kernel;
	bool asked; /* how the kernel behaves */
};

static void make_thread(struct thread_facts *f, int32_t tid)
{
	*f = (struct thread_facts){
		.has = THREAD_AREA | THREAD_TP | THREAD_REGISTRATION | THREAD_IDS | THREAD_LIBC_CPU_ID,
		.tid = tid,
		.registered = 1,
		.own_pthread = 1,
		.area = 0x1000u * (uint32_t)tid,
		.length = 32,
		.signature = 0x53053053,
		.area_mapped = 1,
		.area_writable = 1,
		.owner = { .kind = OWNER_LIBC, .name = "glibc", .object = "ld.so",
			   .confidence = CONFIDENCE_CERTAIN },
	};
}

static void make_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->host.rseq_class = CLASS_EXTENSIBLE;
	make_thread(&w->threads[0], 10);
	make_thread(&w->threads[1], 11);
	for (int i = 0; i < 2; i++) {
		w->candidates[i] = (struct candidate){ .has = CANDIDATE_ADDRESS | CANDIDATE_CPU_ID,
						       .name = "tcmalloc",
						       .object = "libt.so",
						       .symbol = "__rseq_abi",
						       .address = 0x99,
						       .cpu_id = -2 };
	}
	w->objects[0] = (struct object_facts){ .path = "libt.so", .has_area = 1, .symbols = w->symbols, .n_symbols = 1 };
	w->symbols[0] = (struct symbol_facts){ .name = "__rseq_abi", .role = ROLE_AREA, .defined = 1,
					       .type = "TLS", .bind = "GLOBAL", .version = "", .size = 32, .wins = 1 };
	w->process = (struct process_facts){
		.pid = 10,
		.has = PROCESS_REGISTERED,
		.tunables = "",
		.arch_signature = 0x53053053,
		.owner = w->threads[0].owner,
		.libc = { .has = LIBC_OFFSET | LIBC_SIZE, .name = "glibc", .object = "ld.so",
			  .rseq_offset = 2336, .rseq_size = 20 },
		.threads = w->threads,
		.n_threads = 2,
		.threads_total = 2,
		.threads_registered = 2,
		.objects = w->objects,
		.n_objects = 1,
	};
}

/* tcmalloc owns every thread, libc was told to stay away. */
static void make_tcmalloc(struct world *w)
{
	struct owner owner = { .kind = OWNER_OBJECT, .name = "tcmalloc", .object = w->candidates[0].object,
			       .confidence = CONFIDENCE_CERTAIN };

	w->process.libc.rseq_size = 0;
	w->process.tunables = "glibc.pthread.rseq=0";
	w->process.owner = owner;
	for (int i = 0; i < 2; i++) {
		w->threads[i].owner = owner;
		w->threads[i].candidates = &w->candidates[i];
		w->threads[i].n_candidates = 1;
		w->candidates[i].address = w->threads[i].area;
		w->candidates[i].cpu_id = 1;
	}
}

static const struct finding *run(struct world *w, const char *id)
{
	struct diagnosis d = { &w->host, &w->process, &w->findings, w->asked ? &w->kernel : NULL };

	diagnose_process(&d);
	for (size_t i = 0; i < w->findings.n; i++)
		if (!strcmp(w->findings.items[i].id, id))
			return &w->findings.items[i];
	return NULL;
}

static void done(struct world *w)
{
	findings_done(&w->findings);
	free(w->process.unknown);
	arena_done(&w->process.arena);
}

static void expect(struct world *w, const char *id, enum severity severity)
{
	const struct finding *f = run(w, id);

	assert_non_null(f);
	assert_int_equal(f->severity, severity);
	assert_true(f->detail && *f->detail && f->advice && *f->advice && f->n_evidence);
	done(w);
}

static void expect_none(struct world *w, const char *id)
{
	assert_null(run(w, id));
	done(w);
}

static void give_candidates(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		w->threads[i].candidates = &w->candidates[i];
		w->threads[i].n_candidates = 1;
	}
}

static void quiet(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	run(&w, "");
	assert_int_equal(w.findings.n, 0);
	done(&w);
}

static void lost_registration(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	give_candidates(&w);
	expect(&w, "lost-registration", SEVERITY_WARNING);
	/* never tried: not lost */
	make_world(&w);
	give_candidates(&w);
	w.candidates[0].cpu_id = w.candidates[1].cpu_id = -1;
	expect_none(&w, "lost-registration");
	make_world(&w);
	give_candidates(&w);
	w.candidates[0].cpu_id = w.candidates[1].cpu_id = -1;
	expect(&w, "not-started", SEVERITY_INFO);
	/* librseq that uses libc's area */
	make_world(&w);
	give_candidates(&w);
	w.symbols[0] = (struct symbol_facts){ .has = SYMBOL_VALUE, .role = ROLE_LIBRSEQ_OFFSET,
					      .defined = 1, .value = 2336 };
	expect_none(&w, "lost-registration");
	/* refused, but nobody holds the thread: not lost to an owner */
	make_world(&w);
	give_candidates(&w);
	for (int i = 0; i < 2; i++) {
		w.threads[i].registered = 0;
		w.threads[i].has &= ~(uint64_t)THREAD_REGISTRATION;
		w.threads[i].owner = (struct owner){ .kind = OWNER_NONE };
	}
	expect_none(&w, "lost-registration");
	/* the thread was another one at the second look */
	make_world(&w);
	give_candidates(&w);
	w.threads[0].changed = w.threads[1].changed = 1;
	expect_none(&w, "lost-registration");
}

static void libc_disabled(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	make_tcmalloc(&w);
	expect(&w, "libc-disabled", SEVERITY_INFO);
	/* a thread that tcmalloc has not reached yet changes nothing */
	make_world(&w);
	make_tcmalloc(&w);
	w.threads[1].registered = 0;
	w.threads[1].has &= ~(uint64_t)THREAD_REGISTRATION;
	w.threads[1].owner = (struct owner){ .kind = OWNER_NONE };
	w.candidates[1].cpu_id = -1;
	expect(&w, "libc-disabled", SEVERITY_INFO);
	/* one that it could not register does */
	make_world(&w);
	make_tcmalloc(&w);
	w.threads[1].owner = (struct owner){ .kind = OWNER_NONE };
	w.candidates[1].cpu_id = -2;
	expect(&w, "libc-disabled", SEVERITY_WARNING);
	/* set-user-ID programs ignore the variable: the call failed */
	make_world(&w);
	make_tcmalloc(&w);
	w.process.secure = 1;
	expect_none(&w, "libc-disabled");
	make_world(&w);
	make_tcmalloc(&w);
	w.process.secure = 1;
	expect(&w, "libc-failed", SEVERITY_INFO);
	/* libc owns */
	make_world(&w);
	w.process.tunables = "glibc.pthread.rseq=0";
	expect_none(&w, "libc-disabled");
}

static void libc_failed(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.process.libc.rseq_size = 0;
	expect(&w, "libc-failed", SEVERITY_WARNING);
	make_world(&w);
	w.process.libc.rseq_size = 0;
	w.process.tunables = "glibc.pthread.rseq=0";
	expect_none(&w, "libc-failed");
	/* a libc without rseq has not failed */
	make_world(&w);
	w.process.libc = (struct libc_facts){ .name = "glibc" };
	expect_none(&w, "libc-failed");
	/* no environment: it cannot be told */
	make_world(&w);
	w.process.libc.rseq_size = 0;
	w.process.tunables = NULL;
	assert_null(run(&w, "libc-failed"));
	assert_int_equal(w.process.n_unknown, 1);
	assert_string_equal(w.process.unknown[0].what, "libc-failed");
	done(&w);
}

static void tunables(void **state)
{
	(void)state;
	assert_true(tunables_disable_rseq("glibc.pthread.rseq=0"));
	assert_true(tunables_disable_rseq("glibc.malloc.check=1:glibc.pthread.rseq=0:x"));
	assert_true(tunables_disable_rseq("glibc.pthread.rseq=1:glibc.pthread.rseq=0"));
	assert_false(tunables_disable_rseq("glibc.pthread.rseq=0:glibc.pthread.rseq=1"));
	assert_false(tunables_disable_rseq("glibc.pthread.rseq=2"));
	assert_false(tunables_disable_rseq("xglibc.pthread.rseq=0"));
	assert_false(tunables_disable_rseq("glibc.pthread.rseq="));
	assert_false(tunables_disable_rseq(""));
	assert_false(tunables_disable_rseq(NULL));
}

static void unregister(struct world *w, int thread, int32_t libc_cpu_id)
{
	struct thread_facts *f = &w->threads[thread];

	f->registered = 0;
	f->has &= ~(uint64_t)(THREAD_REGISTRATION | THREAD_IDS);
	f->area = 0;
	f->owner = (struct owner){ .kind = OWNER_NONE };
	f->libc_cpu_id = libc_cpu_id;
	w->process.threads_registered = 1;
}

static void thread_unregistered(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	unregister(&w, 1, -1);
	expect(&w, "thread-unregistered", SEVERITY_WARNING);
	make_world(&w);
	unregister(&w, 1, -2);
	expect(&w, "thread-unregistered", SEVERITY_WARNING);
	make_world(&w);
	unregister(&w, 1, 3);
	w.threads[0].shares_tp = w.threads[1].shares_tp = 1;
	expect(&w, "thread-unregistered", SEVERITY_INFO);
	make_world(&w);
	unregister(&w, 1, 0);
	w.threads[1].own_pthread = 0;
	expect(&w, "thread-unregistered", SEVERITY_INFO);
	make_world(&w);
	make_tcmalloc(&w);
	unregister(&w, 1, -2);
	w.candidates[1].cpu_id = -1;
	expect(&w, "thread-unregistered", SEVERITY_INFO);
	for (int i = 0; i < 4; i++) {
		make_world(&w);
		unregister(&w, 1, -1);
		w.threads[1].worker = i == 0;
		w.threads[1].exiting = i == 1;
		w.threads[1].changed = i == 2;
		if (i == 3) {
			unregister(&w, 1, -1);
			w.process.threads_registered = 0; /* no sibling is */
		}
		expect_none(&w, "thread-unregistered");
	}
}

static void mixed_owner(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.process.owner = (struct owner){ .kind = OWNER_MIXED };
	w.threads[1].owner = (struct owner){ .kind = OWNER_OBJECT, .object = "libx.so" };
	expect(&w, "mixed-owner", SEVERITY_WARNING);
	make_world(&w);
	unregister(&w, 1, -1);
	expect_none(&w, "mixed-owner");
}

static void id_fields_modified(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.threads[1].cpu_id_start = 0x80007f00;
	expect(&w, "id-fields-modified", SEVERITY_INFO);
	make_world(&w);
	w.threads[1].cpu_id_start = 0x80007f00;
	w.host.rseq_class = CLASS_REWRITE;
	expect(&w, "id-fields-modified", SEVERITY_ERROR);
	make_world(&w);
	w.threads[1].cpu_id_start = 5;
	w.host.rseq_class = CLASS_SPLIT;
	w.threads[1].mode = MODE_OPTIMIZED;
	expect(&w, "id-fields-modified", SEVERITY_ERROR);
	make_world(&w);
	w.threads[1].cpu_id_start = 5;
	w.host.rseq_class = CLASS_SPLIT;
	w.threads[1].mode = MODE_LEGACY;
	expect(&w, "id-fields-modified", SEVERITY_INFO);
	make_world(&w);
	w.threads[1].cpu_id_start = 5;
	w.host.rseq_class = CLASS_UNKNOWN;
	assert_non_null(run(&w, "id-fields-modified"));
	assert_int_equal(w.process.n_unknown, 1);
	done(&w);
	make_world(&w);
	w.threads[1].cpu_id_start = 5;
	w.threads[1].has &= ~(uint64_t)THREAD_IDS; /* could not be read */
	expect_none(&w, "id-fields-modified");
}

/* --- the area itself --- */

static void area_invalid(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.threads[1].area_writable = 0;
	expect(&w, "area-invalid", SEVERITY_ERROR);
	make_world(&w);
	w.threads[1].area_mapped = 0;
	expect(&w, "area-invalid", SEVERITY_ERROR);
	make_world(&w);
	w.threads[1].area += 8;
	expect(&w, "area-invalid", SEVERITY_ERROR);
	/* not known is not wrong */
	make_world(&w);
	w.threads[1].area_mapped = w.threads[1].area_writable = -1;
	expect_none(&w, "area-invalid");
}

static void dangling_section(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.process.has |= PROCESS_SECOND_LOOK;
	w.threads[1].section_state = SECTION_UNMAPPED;
	expect(&w, "dangling-section", SEVERITY_ERROR);
	make_world(&w); /* one look is not enough */
	w.threads[1].section_state = SECTION_UNMAPPED;
	expect_none(&w, "dangling-section");
	make_world(&w);
	w.process.has |= PROCESS_SECOND_LOOK;
	w.threads[1].section_state = SECTION_VALID;
	expect_none(&w, "dangling-section");
}

static void lengths(void **state)
{
	static const struct {
		uint32_t length, size, wrong;
	} cases[] = { { 32, 20, 0 }, { 32, 28, 0 }, { 32, 32, 0 }, { 33, 33, 0 }, { 40, 40, 0 },
		      { 32, 33, 1 }, { 33, 20, 1 }, { 64, 33, 1 }, { 32, 19, 1 } };
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make_world(&w);
		w.process.libc.rseq_size = cases[i].size;
		w.threads[0].length = w.threads[1].length = cases[i].length;
		if (cases[i].wrong)
			expect(&w, "length-and-size", SEVERITY_WARNING);
		else
			expect_none(&w, "length-and-size");
	}
	make_world(&w);
	w.threads[1].owner.room = 20;
	expect(&w, "length-exceeds-area", SEVERITY_ERROR);
	make_world(&w);
	w.threads[1].owner.room = 32;
	expect_none(&w, "length-exceeds-area");
	make_world(&w);
	w.threads[1].length = 64;
	expect(&w, "mixed-length", SEVERITY_WARNING);
}

static void signatures(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.threads[1].signature = 1;
	expect(&w, "nonstandard-signature", SEVERITY_WARNING);
	make_world(&w);
	w.threads[1].signature = 1;
	expect(&w, "mixed-signature", SEVERITY_WARNING);
	make_world(&w);
	w.threads[0].signature = w.threads[1].signature = 1;
	w.objects[0].abort_signatures[w.objects[0].n_abort_signatures++] = 0x53053053;
	expect(&w, "nonstandard-signature", SEVERITY_ERROR);
	make_world(&w);
	w.threads[0].signature = w.threads[1].signature = 1;
	w.objects[0].abort_signatures[w.objects[0].n_abort_signatures++] = 1;
	expect(&w, "nonstandard-signature", SEVERITY_WARNING);
}

static void emulated(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	w.process.has |= PROCESS_SECOND_LOOK;
	w.threads[1].registered = 0;
	w.threads[1].has = THREAD_AREA | THREAD_TP | THREAD_LIBC_CPU_ID;
	w.threads[1].libc_cpu_id = 3;
	expect(&w, "emulated", SEVERITY_WARNING);
	w.threads[1].own_pthread = 0; /* a child of vfork, a raw clone: another thread's area */
	expect_none(&w, "emulated");
	make_world(&w);
	w.process.has |= PROCESS_SECOND_LOOK;
	w.threads[1].registered = 0;
	w.threads[1].has = THREAD_AREA | THREAD_TP | THREAD_LIBC_CPU_ID;
	w.threads[1].libc_cpu_id = -1;
	expect_none(&w, "emulated");
}

/* --- users --- */

static void refcounts(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	give_candidates(&w);
	w.candidates[1].has |= CANDIDATE_REFCOUNT;
	w.candidates[1].refcount = 1;
	expect(&w, "refcount-mismatch", SEVERITY_ERROR);
	make_world(&w);
	give_candidates(&w);
	w.candidates[1].has |= CANDIDATE_REFCOUNT;
	w.candidates[1].refcount = 1;
	w.candidates[1].address = w.threads[1].area;
	expect_none(&w, "refcount-mismatch");
	make_world(&w);
	give_candidates(&w);
	w.candidates[1].has |= CANDIDATE_REFCOUNT;
	w.candidates[1].refcount = 1;
	w.threads[1].registered = 0;
	expect(&w, "unregistered-under-user", SEVERITY_ERROR);
	make_world(&w);
	give_candidates(&w);
	w.candidates[1].has |= CANDIDATE_REFCOUNT;
	w.candidates[1].refcount = 1;
	w.threads[1].registered = 0;
	w.process.has = 0; /* the kernel was not asked */
	expect_none(&w, "unregistered-under-user");
}

static void versions(void **state)
{
	struct symbol_facts *s;
	struct world w;

	(void)state;
	for (int i = 0; i < 3; i++) {
		make_world(&w);
		s = &w.symbols[0];
		s->defined = 0;
		s->exported = 1;
		s->version = "GLIBC_2.35";
		s->binds = i < 2 ? "ld.so" : NULL; /* nobody has it, and nobody could */
		s->binds_version = i ? "GLIBC_2.35" : "";
		if (i)
			expect_none(&w, "version-mismatch");
		else
			expect(&w, "version-mismatch", SEVERITY_ERROR);
	}
}

/* --- the kernel --- */

/* tcmalloc owns, with its pointer's symbol, and this kernel does that. */
static void make_kernel(struct world *w, uint32_t class, uint32_t cpu_id_start)
{
	make_world(w);
	make_tcmalloc(w);
	w->symbols[0].role = ROLE_SLABS;
	w->host.rseq_class = class;
	w->kernel = (struct kernel_facts){ .host = &w->host, .promise.cpu_id_start = cpu_id_start,
					   .why_unseen = cpu_id_start ? NULL : "--probe-kernel never" };
	w->asked = true;
}

static const struct finding *run_kernel(struct world *w, const char *id)
{
	w->kernel.host = &w->host;
	diagnose_kernel(&w->kernel, &w->findings);
	for (size_t i = 0; i < w->findings.n; i++)
		if (!strcmp(w->findings.items[i].id, id))
			return &w->findings.items[i];
	return NULL;
}

static void breaks_tcmalloc(void **state)
{
	static const uint32_t quiet_classes[] = { CLASS_ORIGINAL, CLASS_EXTENSIBLE, CLASS_SPLIT };
	struct world w;

	(void)state;
	make_kernel(&w, CLASS_REWRITE, VERDICT_FAIL);
	expect(&w, "kernel-breaks-tcmalloc", SEVERITY_ERROR);
	make_kernel(&w, CLASS_SPLIT, VERDICT_FAIL); /* what is seen counts more than a class */
	expect(&w, "kernel-breaks-tcmalloc", SEVERITY_ERROR);
	make_kernel(&w, CLASS_UNKNOWN, VERDICT_FAIL);
	expect(&w, "kernel-breaks-tcmalloc", SEVERITY_ERROR);
	for (size_t i = 0; i < 3; i++) {
		make_kernel(&w, quiet_classes[i], VERDICT_PASS);
		assert_null(run(&w, "kernel-breaks-tcmalloc"));
		assert_int_equal(w.process.n_unknown, 0);
		assert_int_equal(findings_worst(&w.findings, 0), SEVERITY_INFO); /* libc-disabled */
		done(&w);
	}
	make_kernel(&w, CLASS_REWRITE, VERDICT_PASS); /* a distribution has put it back */
	expect_none(&w, "kernel-breaks-tcmalloc");
	/* stripped, but caught with its pointer */
	make_kernel(&w, CLASS_REWRITE, VERDICT_FAIL);
	w.symbols[0].role = ROLE_AREA;
	w.threads[1].cpu_id_start = 0x80007f00;
	expect(&w, "kernel-breaks-tcmalloc", SEVERITY_ERROR);
	make_kernel(&w, CLASS_REWRITE, VERDICT_FAIL);
	w.symbols[0].role = ROLE_AREA;
	w.threads[1].cpu_id_start = 5; /* between the kernel's two writes */
	expect_none(&w, "kernel-breaks-tcmalloc");
	/* libc owns, and tcmalloc is there: it works without */
	make_kernel(&w, CLASS_REWRITE, VERDICT_FAIL);
	for (int i = 0; i < 2; i++)
		w.threads[i].owner = (struct owner){ .kind = OWNER_LIBC, .name = "glibc", .object = "ld.so" };
	expect(&w, "kernel-breaks-tcmalloc", SEVERITY_INFO);
	/* nobody in this process cares */
	make_kernel(&w, CLASS_REWRITE, VERDICT_FAIL);
	w.symbols[0].role = ROLE_AREA;
	expect_none(&w, "kernel-breaks-tcmalloc");
}

static void breaks_tcmalloc_unseen(void **state)
{
	static const uint32_t classes[] = { CLASS_REWRITE, CLASS_SPLIT, CLASS_UNKNOWN };
	struct world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct finding *f;

		make_kernel(&w, classes[i], VERDICT_UNKNOWN);
		f = run(&w, "kernel-breaks-tcmalloc");
		assert_int_equal(f != NULL, classes[i] == CLASS_REWRITE);
		assert_true(!f || (f->severity == SEVERITY_ERROR && f->confidence == CONFIDENCE_INFERRED));
		assert_int_equal(w.process.n_unknown, 1);
		assert_string_equal(w.process.unknown[0].what, "kernel-breaks-tcmalloc");
		assert_non_null(strstr(w.process.unknown[0].why, "--probe-kernel never"));
		done(&w);
	}
	make_kernel(&w, CLASS_EXTENSIBLE, VERDICT_UNKNOWN);
	assert_null(run(&w, "kernel-breaks-tcmalloc"));
	assert_int_equal(w.process.n_unknown, 0);
	done(&w);
	make_world(&w); /* not where it does not matter */
	w.host.rseq_class = CLASS_SPLIT;
	assert_null(run(&w, "kernel-breaks-tcmalloc"));
	assert_int_equal(w.process.n_unknown, 0);
	done(&w);
}

static void misses_aborts(void **state)
{
	const struct finding *f;
	struct world w;

	(void)state;
	make_kernel(&w, CLASS_SPLIT, VERDICT_PASS);
	w.kernel.promise.aborts[PROMISE_ORIGINAL][PROMISE_PREEMPTION] = VERDICT_FAIL;
	w.kernel.promise.aborts[PROMISE_ORIGINAL][PROMISE_SIGNAL] = VERDICT_PASS;
	w.kernel.promise.aborts[PROMISE_ORIGINAL][PROMISE_MEMBARRIER] = VERDICT_FAIL;
	f = run(&w, "kernel-misses-aborts");
	assert_non_null(f);
	assert_string_equal(f->detail, "a critical section goes on after preemption, membarrier (registered with 32 bytes)");
	done(&w);
	/* longer ones alone, which this process does not have */
	make_kernel(&w, CLASS_SPLIT, VERDICT_PASS);
	w.kernel.promise.aborts[PROMISE_LONGER][PROMISE_SIGNAL] = VERDICT_FAIL;
	expect_none(&w, "kernel-misses-aborts");
	make_kernel(&w, CLASS_SPLIT, VERDICT_PASS);
	w.kernel.promise.aborts[PROMISE_LONGER][PROMISE_SIGNAL] = VERDICT_FAIL;
	w.threads[1].length = 33;
	expect(&w, "kernel-misses-aborts", SEVERITY_ERROR);
	make_kernel(&w, CLASS_SPLIT, VERDICT_PASS);
	w.kernel.promise.aborts[PROMISE_ORIGINAL][PROMISE_SIGNAL] = VERDICT_SKIP; /* one CPU, say */
	expect_none(&w, "kernel-misses-aborts");
	/* the machine alone: both */
	make_kernel(&w, CLASS_SPLIT, VERDICT_PASS);
	w.kernel.promise.aborts[PROMISE_ORIGINAL][PROMISE_SIGNAL] = VERDICT_FAIL;
	w.kernel.promise.aborts[PROMISE_LONGER][PROMISE_MIGRATION] = VERDICT_FAIL;
	f = run_kernel(&w, "kernel-misses-aborts");
	assert_non_null(f);
	assert_string_equal(f->detail, "a critical section goes on after signal (registered with 32 bytes); "
				       "migration (registered with more than 32 bytes)");
	done(&w);
}

static void kernel_alone(void **state)
{
	const struct finding *f;
	struct world w;

	(void)state;
	make_kernel(&w, CLASS_EXTENSIBLE, VERDICT_PASS);
	w.kernel.promise.call = VERDICT_PASS;
	assert_null(run_kernel(&w, ""));
	assert_int_equal(w.findings.n, 0);
	done(&w);
	make_kernel(&w, CLASS_REWRITE, VERDICT_FAIL);
	f = run_kernel(&w, "kernel-breaks-tcmalloc");
	assert_true(f && f->severity == SEVERITY_INFO && !f->subject.pid && f->n_evidence);
	done(&w);
	/* not tried: by the class, unless rseq() is denied here */
	make_kernel(&w, CLASS_REWRITE, VERDICT_UNKNOWN);
	w.kernel.promise.call = VERDICT_PASS;
	f = run_kernel(&w, "kernel-breaks-tcmalloc");
	assert_true(f && f->confidence == CONFIDENCE_INFERRED);
	done(&w);
	make_kernel(&w, CLASS_REWRITE, VERDICT_UNKNOWN);
	w.kernel.promise.call = VERDICT_FAIL;
	w.kernel.promise.error = EPERM;
	assert_null(run_kernel(&w, "kernel-breaks-tcmalloc"));
	assert_non_null(run_kernel(&w, "seccomp-blocks-rseq"));
	done(&w);
}

static void denied(void **state)
{
	static const struct {
		int error;
		uint32_t class, feature_size, seccomp;
		bool filter; /* it is to blame */
	} cases[] = {
		{ ENOSYS, CLASS_ABSENT, 0, SECCOMP_DISABLED, false },
		{ ENOSYS, CLASS_ABSENT, 0, SECCOMP_FILTERED, false },
		{ ENOSYS, CLASS_UNKNOWN, 0, SECCOMP_DISABLED, false },
		{ ENOSYS, CLASS_UNKNOWN, 0, SECCOMP_FILTERED, true },
		{ ENOSYS, CLASS_UNKNOWN, 28, SECCOMP_DISABLED, true },
		{ ENOSYS, CLASS_ORIGINAL, 0, SECCOMP_FILTERED, true },
		{ EPERM, CLASS_SPLIT, 33, SECCOMP_FILTERED, true },
		{ EPERM, CLASS_ABSENT, 0, SECCOMP_FILTERED, true },
		{ 0, CLASS_EXTENSIBLE, 28, SECCOMP_FILTERED, true }, /* killed */
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int filter = 0; filter < 2; filter++) {
			const struct finding *f;

			make_kernel(&w, cases[i].class, VERDICT_SKIP);
			w.host.feature_size = cases[i].feature_size;
			w.kernel.seccomp = cases[i].seccomp;
			w.kernel.promise.call = VERDICT_FAIL;
			w.kernel.promise.error = cases[i].error;
			f = run_kernel(&w, filter ? "seccomp-blocks-rseq" : "kernel-no-rseq");
			assert_int_equal(f != NULL, cases[i].filter == filter);
			assert_true(!f || (f->severity == SEVERITY_WARNING && f->n_evidence && f->detail));
			done(&w);
		}
}

/* tcmalloc asked in vain, and libc was told not to ask. */
static void make_refused(struct world *w)
{
	make_world(w);
	make_tcmalloc(w);
	for (int i = 0; i < 2; i++) {
		unregister(w, i, -1);
		w->candidates[i].cpu_id = -2;
	}
	w->process.threads_registered = 0;
	w->process.owner = (struct owner){ .kind = OWNER_NONE };
	w->process.seccomp = SECCOMP_FILTERED;
}

static void target_denied(void **state)
{
	struct world w;

	(void)state;
	make_refused(&w);
	expect(&w, "seccomp-blocks-rseq", SEVERITY_WARNING);
	make_refused(&w);
	w.process.seccomp = SECCOMP_DISABLED;
	expect_none(&w, "seccomp-blocks-rseq");
	make_refused(&w);
	w.candidates[0].cpu_id = w.candidates[1].cpu_id = -1; /* never asked */
	expect_none(&w, "seccomp-blocks-rseq");
	make_refused(&w);
	w.process.tunables = ""; /* libc asked as well, and says so itself */
	assert_non_null(run(&w, "libc-failed"));
	assert_null(run(&w, "seccomp-blocks-rseq"));
	done(&w);
	make_world(&w); /* refused since libc owns */
	give_candidates(&w);
	w.process.seccomp = SECCOMP_FILTERED;
	expect_none(&w, "seccomp-blocks-rseq");
	make_refused(&w);
	w.host.rseq_class = CLASS_ABSENT;
	expect(&w, "kernel-no-rseq", SEVERITY_WARNING);
	make_refused(&w);
	w.host.rseq_class = CLASS_ABSENT;
	expect_none(&w, "seccomp-blocks-rseq");
	make_refused(&w);
	expect_none(&w, "kernel-no-rseq");
}

static void catalogue(void **state)
{
	(void)state;
	for (size_t i = 0; i < rules_n; i++) {
		assert_ptr_equal(rule_find(rules[i].id), &rules[i]); /* no id twice */
		assert_true(rules[i].title && rules[i].levels && rules[i].story && rules[i].advice);
		assert_true(rules[i].run != NULL);
	}
	assert_null(rule_find("lost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet),	       cmocka_unit_test(lost_registration),
		cmocka_unit_test(libc_disabled),       cmocka_unit_test(libc_failed),
		cmocka_unit_test(tunables),	       cmocka_unit_test(thread_unregistered),
		cmocka_unit_test(mixed_owner),	       cmocka_unit_test(id_fields_modified),
		cmocka_unit_test(catalogue),	       cmocka_unit_test(area_invalid),
		cmocka_unit_test(dangling_section),    cmocka_unit_test(lengths),
		cmocka_unit_test(signatures),	       cmocka_unit_test(emulated),
		cmocka_unit_test(refcounts),	       cmocka_unit_test(versions),
		cmocka_unit_test(breaks_tcmalloc),     cmocka_unit_test(breaks_tcmalloc_unseen),
		cmocka_unit_test(misses_aborts),       cmocka_unit_test(kernel_alone),
		cmocka_unit_test(denied),	       cmocka_unit_test(target_denied),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
