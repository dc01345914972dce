/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys are the contract of rseqctl-json(5): more may come, none is renamed. */
#include <string.h>

#include "model/facts.h"
#include "model/field.h"
#include "model/field_rows.h"
#include "model/finding.h"
#include "model/summary.h"

static const struct field unknown_fields[] = {
	F(struct unknown, FIELD_STRING, what, "", 0, "what"),
	F(struct unknown, FIELD_STRING, why, "", 0, "why"),
};
const struct record_type unknown_type = TYPE(struct unknown, RECORD_NO_HAS, unknown_fields);

static const struct field host_fields[] = {
	F(struct host_facts, FIELD_CHARS, kernel, "kernel", 0, "kernel"),
	F(struct host_facts, FIELD_CHARS, arch, "arch", 0, "arch"),
	F_NAME(struct host_facts, rseq_class, "class", rseq_class_names, "rseq_class"),
	F(struct host_facts, FIELD_U64, feature_size, NULL, HOST_AUXV, "feature_size"),
	F(struct host_facts, FIELD_U64, align, NULL, HOST_AUXV, "align"),
	F_LIST(struct host_facts, unknown, n_unknown, unknown_type, 0, "unknown"),
};
const struct record_type host_type = TYPE(struct host_facts, offsetof(struct host_facts, has), host_fields);

static const struct field owner_fields[] = {
	F_NAME(struct owner, kind, "", owner_kind_names, "kind"),
	F(struct owner, FIELD_STRING, name, "", 0, "name"),
	F(struct owner, FIELD_STRING, object, "", 0, "object"),
	F_NAME(struct owner, confidence, "", confidence_names, "confidence"),
	F_NAME(struct owner, place, "", owner_place_names, "place"),
	F(struct owner, FIELD_STRING, symbol, "", 0, "symbol"),
	F(struct owner, FIELD_STRING, detail, "", 0, "detail"),
};
const struct record_type owner_type = TYPE(struct owner, RECORD_NO_HAS, owner_fields);

static const struct field candidate_fields[] = {
	F(struct candidate, FIELD_STRING, object, "", 0, "object"),
	F(struct candidate, FIELD_STRING, symbol, "", 0, "symbol"),
	F(struct candidate, FIELD_HEX64, address, "", CANDIDATE_ADDRESS, "address"),
	F(struct candidate, FIELD_I32, cpu_id, "", CANDIDATE_CPU_ID, "cpu_id"),
	F(struct candidate, FIELD_U32, refcount, "", CANDIDATE_REFCOUNT, "refcount"),
	F(struct candidate, FIELD_STRING, name, "", 0, "name"),
};
static const struct record_type candidate_type =
	TYPE(struct candidate, offsetof(struct candidate, has), candidate_fields);

#define INACTIVE .absent = "not active"
static const struct field thread_fields[] = {
	F(struct thread_facts, FIELD_I32, tid, "TID", 0, "tid"),
	F(struct thread_facts, FIELD_CHARS, comm, "COMM", THREAD_COMM, "comm"),
	F(struct thread_facts, FIELD_TRI, registered, "REGISTERED", 0, "registered"),
	F(struct thread_facts, FIELD_HEX64, area, "AREA", THREAD_REGISTRATION, "area"),
	F(struct thread_facts, FIELD_U32, length, "LENGTH", THREAD_REGISTRATION, "length"),
	F(struct thread_facts, FIELD_HEX32, signature, "SIGNATURE", THREAD_REGISTRATION, "signature"),
	F_NAME(struct thread_facts, mode, "MODE", rseq_mode_names, "mode"),
	F(struct thread_facts, FIELD_TRI, in_section, "SECTION", 0, "in_section"),
	F_RECORD(struct thread_facts, owner, owner_type, "owner"),
	F_LIST(struct thread_facts, candidates, n_candidates, candidate_type, 0, "candidates"),
	F(struct thread_facts, FIELD_HEX64, tp, NULL, THREAD_TP, "tp"),
	F(struct thread_facts, FIELD_I64, tp_offset, "OFFSET", THREAD_OFFSET, "tp_offset"),
	F(struct thread_facts, FIELD_U32, cpu_id_start, "START", THREAD_IDS, "cpu_id_start"),
	F(struct thread_facts, FIELD_I32, cpu_id, "CPU", THREAD_IDS, "cpu_id"),
	F(struct thread_facts, FIELD_HEX64, rseq_cs, "RSEQ_CS", THREAD_IDS, "rseq_cs"),
	F(struct thread_facts, FIELD_HEX32, flags, "FLAGS", THREAD_IDS, "flags"),
	{ .key = "node_id", .label = "NODE", .kind = FIELD_I32, .offset = offsetof(struct thread_facts, node_id),
	  .bit = THREAD_NODE_ID, INACTIVE },
	{ .key = "mm_cid", .label = "MM_CID", .kind = FIELD_I32, .offset = offsetof(struct thread_facts, mm_cid),
	  .bit = THREAD_MM_CID, INACTIVE },
	{ .key = "slice_ctrl", .label = "SLICE", .kind = FIELD_HEX32,
	  .offset = offsetof(struct thread_facts, slice_ctrl), .bit = THREAD_SLICE, INACTIVE },
	F(struct thread_facts, FIELD_TRI, worker, NULL, 0, "kernel_worker"),
	F(struct thread_facts, FIELD_TRI, exiting, NULL, 0, "exiting"),
};
const struct record_type thread_type =
	TYPE(struct thread_facts, offsetof(struct thread_facts, has), thread_fields);

static const struct field symbol_fields[] = {
	F(struct symbol_facts, FIELD_STRING, name, "SYMBOL", 0, "name"),
	F(struct symbol_facts, FIELD_TRI, defined, "DEFINED", 0, "defined"),
	F(struct symbol_facts, FIELD_TRI, wins, "WINS", 0, "wins"),
	F(struct symbol_facts, FIELD_STRING, wins_reason, "REASON", 0, "wins_reason"),
	F(struct symbol_facts, FIELD_STRING, binds, "BOUND TO", 0, "binds"),
	F(struct symbol_facts, FIELD_U64, size, "SIZE", SYMBOL_SIZE, "size"),
	F(struct symbol_facts, FIELD_STRING, type, "TYPE", 0, "type"),
	F(struct symbol_facts, FIELD_STRING, bind, "BIND", 0, "bind"),
	F(struct symbol_facts, FIELD_STRING, version, "VERSION", 0, "version"),
	F(struct symbol_facts, FIELD_I64, value, "VALUE", SYMBOL_VALUE, "value"),
};
const struct record_type symbol_type =
	TYPE(struct symbol_facts, offsetof(struct symbol_facts, has), symbol_fields);

static const struct field object_fields[] = {
	F(struct object_facts, FIELD_STRING, path, "", 0, "path"),
	F(struct object_facts, FIELD_U32, namespace, "", OBJECT_NAMESPACE, "namespace"),
	F(struct object_facts, FIELD_STRING, build_id, "", 0, "build_id"),
	F(struct object_facts, FIELD_STRING, name, "", 0, "name"),
	F(struct object_facts, FIELD_HEX64, base, "", 0, "base"),
	F_LIST(struct object_facts, symbols, n_symbols, symbol_type, 0, "symbols"),
	F(struct object_facts, FIELD_U64, sections_total, "", OBJECT_SECTIONS, "sections_total"),
	{ .key = "sections", .kind = FIELD_NULL },
};
const struct record_type object_type =
	TYPE(struct object_facts, offsetof(struct object_facts, has), object_fields);

static const struct field auxv_fields[] = {
	F(struct auxv_facts, FIELD_U64, rseq_feature_size, "AT_RSEQ_FEATURE_SIZE", AUXV_READ, "rseq_feature_size"),
	F(struct auxv_facts, FIELD_U64, rseq_align, "AT_RSEQ_ALIGN", AUXV_READ, "rseq_align"),
};
static const struct record_type auxv_type =
	TYPE(struct auxv_facts, offsetof(struct auxv_facts, has), auxv_fields);

static const struct field libc_fields[] = {
	F(struct libc_facts, FIELD_STRING, name, "name", 0, "name"),
	F(struct libc_facts, FIELD_STRING, version, "version", 0, "version"),
	F(struct libc_facts, FIELD_STRING, build, "build", 0, "build"),
	F(struct libc_facts, FIELD_STRING, linkage, "linkage", 0, "linkage"),
	F(struct libc_facts, FIELD_I64, rseq_offset, "__rseq_offset", LIBC_OFFSET, "rseq_offset"),
	F(struct libc_facts, FIELD_U32, rseq_size, "__rseq_size", LIBC_SIZE, "rseq_size"),
	F(struct libc_facts, FIELD_U32, rseq_flags, "__rseq_flags", LIBC_FLAGS, "rseq_flags"),
};
const struct record_type libc_type = TYPE(struct libc_facts, offsetof(struct libc_facts, has), libc_fields);

static const struct field process_fields[] = {
	F(struct process_facts, FIELD_I32, pid, NULL, 0, "pid"),
	F(struct process_facts, FIELD_STRING, comm, NULL, 0, "comm"),
	F(struct process_facts, FIELD_STRING, exe, "executable", 0, "exe"),
	F(struct process_facts, FIELD_STRING, arch, "architecture", 0, "arch"),
	F_NAME(struct process_facts, method, "method", method_names, "method"),
	F(struct process_facts, FIELD_U64, max_stop_ns, "longest stop (ns)", PROCESS_STOP, "max_stop_ns"),
	F_RECORD(struct process_facts, auxv, auxv_type, "auxv"),
	F(struct process_facts, FIELD_STRING, tunables, "GLIBC_TUNABLES", 0, "tunables"),
	F(struct process_facts, FIELD_STRING, ld_preload, "LD_PRELOAD", 0, "ld_preload"),
	F(struct process_facts, FIELD_STRING, ld_audit, "LD_AUDIT", 0, "ld_audit"),
	F(struct process_facts, FIELD_U32, namespaces, "link namespaces", PROCESS_NAMESPACES, "namespaces"),
	F_NAME(struct process_facts, seccomp, "seccomp", seccomp_mode_names, "seccomp"),
	F(struct process_facts, FIELD_I32, tracer, "tracer", PROCESS_TRACER, "tracer"),
	F_RECORD(struct process_facts, libc, libc_type, "libc"),
	F_RECORD(struct process_facts, owner, owner_type, "owner"),
	F(struct process_facts, FIELD_U32, threads_total, NULL, 0, "threads_total"),
	F(struct process_facts, FIELD_U32, threads_registered, NULL, PROCESS_REGISTERED, "threads_registered"),
	F_LIST(struct process_facts, threads, n_threads, thread_type, 0, "threads"),
	F_LIST(struct process_facts, objects, n_objects, object_type, 0, "objects"),
	F_LIST(struct process_facts, unknown, n_unknown, unknown_type, 0, "unknown"),
};
const struct record_type process_type =
	TYPE(struct process_facts, offsetof(struct process_facts, has), process_fields);

static const struct field subject_fields[] = {
	F(struct subject, FIELD_ID, pid, "", 0, "pid"),
	F(struct subject, FIELD_ID, tid, "", 0, "tid"),
	F(struct subject, FIELD_STRING, object, "", 0, "object"),
	F(struct subject, FIELD_STRING, section, "", 0, "section"),
};
static const struct record_type subject_type = TYPE(struct subject, RECORD_NO_HAS, subject_fields);

static const struct field finding_fields[] = {
	F(struct finding, FIELD_STRING, id, "", 0, "id"),
	F_NAME(struct finding, severity, "", severity_names, "severity"),
	F_NAME(struct finding, confidence, "", confidence_names, "confidence"),
	F(struct finding, FIELD_STRING, title, "", 0, "title"),
	F_RECORD(struct finding, subject, subject_type, "subject"),
	F(struct finding, FIELD_STRING, detail, "", 0, "detail"),
	F_STRINGS(struct finding, evidence, n_evidence, "evidence"),
	F(struct finding, FIELD_STRING, advice, "", 0, "advice"),
};
const struct record_type finding_type = TYPE(struct finding, RECORD_NO_HAS, finding_fields);

static const struct field summary_owner_fields[] = {
	F(struct summary_owner, FIELD_U32, processes, "PROCESSES", 0, "processes"),
	F(struct summary_owner, FIELD_STRING, owner, "OWNER", 0, "owner"),
};
static const struct record_type summary_owner_type =
	TYPE(struct summary_owner, RECORD_NO_HAS, summary_owner_fields);

static const struct field summary_finding_fields[] = {
	F(struct summary_finding, FIELD_U32, processes, "PROCESSES", 0, "processes"),
	F_NAME(struct summary_finding, severity, "SEVERITY", severity_names, "severity"),
	F(struct summary_finding, FIELD_STRING, id, "FINDING", 0, "id"),
};
static const struct record_type summary_finding_type =
	TYPE(struct summary_finding, RECORD_NO_HAS, summary_finding_fields);

static const struct field summary_fields[] = {
	F_LIST(struct summary, owners, n_owners, summary_owner_type, 0, "owners"),
	F_LIST(struct summary, findings, n_findings, summary_finding_type, 0, "findings"),
};
const struct record_type summary_type = TYPE(struct summary, RECORD_NO_HAS, summary_fields);

int field_is_known(const struct record_type *type, const struct field *f, const void *record)
{
	const char *at = (const char *)record + f->offset;
	uint64_t has;

	if (f->bit) {
		memcpy(&has, (const char *)record + type->has, sizeof(has));
		if (!(has & f->bit))
			return 0;
	}
	switch (f->kind) {
	case FIELD_STRING:
		return *(const char *const *)at != NULL;
	case FIELD_TRI:
		return *(const int8_t *)at >= 0;
	case FIELD_NAME:
		return *(const uint32_t *)at != 0;
	case FIELD_ID:
		return *(const int32_t *)at != 0;
	case FIELD_COUNTS:
		return *(const uint64_t *)at == 0;
	case FIELD_NULL:
		return 0;
	default:
		return 1;
	}
}

const void *field_items(const struct field *f, const void *record, size_t *ret_n)
{
	const char *base = record;

	if (f->kind == FIELD_RECORD) {
		*ret_n = 1;
		return base + f->offset;
	}
	*ret_n = *(const size_t *)(base + f->offset_n);
	return *(const void *const *)(base + f->offset);
}

const struct field *field_find(const struct record_type *type, const char *key)
{
	for (size_t i = 0; i < type->n; i++)
		if (!strcmp(type->fields[i].key, key))
			return &type->fields[i];
	return NULL;
}
