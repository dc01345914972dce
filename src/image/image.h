/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an ELF file says about rseq. The result is one flat record without pointers, so that the
 * decoding can happen in a helper process and its answer can be copied.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	IMAGE_SYMBOLS_MAX = 96,
	IMAGE_NEEDED_MAX = 512,
	IMAGE_SEGMENTS_MAX = 24,
	IMAGE_NAME_MAX = 96,
};

/* Which libc the file is, or holds. */
enum image_libc { IMAGE_NO_LIBC, IMAGE_GLIBC, IMAGE_MUSL };

struct image_symbol {
	uint8_t known;	  /* index in known_symbols */
	uint8_t defined;  /* or only referred to */
	uint8_t exported; /* stands in the dynamic symbol table: others can bind to it */
	uint8_t type;	  /* STT_* */
	uint8_t bind;	  /* STB_* */
	uint8_t hidden;	  /* of a version that is not the default one: foo@V, not foo@@V */
	uint8_t visibility; /* STV_* */
	uint8_t slot_kind;  /* enum slot_kind: of the word that holds what its references got */
	uint32_t index;	    /* in the dynamic symbol table */
	uint8_t copied;	    /* defined as a copy of a library's variable, with its version */
	uint8_t pad[3];
	uint64_t slot; /* that word's address */
	int64_t addend; /* what was added to it */
	uint64_t value, size;
	char version[48]; /* "" where it has none */
};

struct image_segment {
	uint64_t vaddr, memsz, offset, filesz;
	uint32_t flags; /* PF_* */
	uint32_t pad;
};

struct image {
	uint16_t machine, type; /* EM_*, ET_* */
	uint8_t is64, little_endian;
	uint8_t dynamic;     /* has a dynamic section */
	uint8_t tls;	     /* has a TLS segment */
	uint8_t truncated;   /* more symbols, needed names or segments than fit */
	uint8_t nodelete;    /* DF_1_NODELETE */
	uint8_t google_malloc; /* has tcmalloc's section of that name */
	uint8_t libc;	     /* enum image_libc */
	uint8_t interpreter; /* names a dynamic linker */
	uint8_t pie;	     /* DF_1_PIE */
	uint8_t symbolic;    /* looks up its own symbols in itself first */
	uint8_t pad[5];
	uint32_t n_symbols, n_segments, n_needed, build_id_len;
	uint64_t tls_vaddr, tls_memsz, tls_align;
	uint64_t build_id_vaddr;
	uint64_t dynamic_vaddr;
	uint64_t sections_total; /* critical-section descriptors in __rseq_cs */
	uint64_t sections_vaddr; /* of the first of these */
	uint8_t build_id[64];
	char soname[IMAGE_NAME_MAX];
	char banner[128]; /* glibc's own description of itself, "" for others */
	char libc_version[24]; /* musl's, "" for others */
	char needed[IMAGE_NEEDED_MAX][IMAGE_NAME_MAX];
	struct image_segment segments[IMAGE_SEGMENTS_MAX]; /* PT_LOAD */
	struct image_symbol symbols[IMAGE_SYMBOLS_MAX];
};

/*
 * Reads what is above from the file behind fd, in windows by pread. 0 or -errno: -ENOEXEC when it
 * is no ELF file, -EBADMSG when it is broken; ret_what then says what was, static.
 */
int image_scan(int fd, struct image *ret, const char **ret_what);

/* The definition of a known symbol, exported ones first; NULL when there is none. Borrowed. */
const struct image_symbol *image_find(const struct image *image, const char *name);

#endif
