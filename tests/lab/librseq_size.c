/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A preloaded library whose definition of libc's word for rseq comes before libc's: it says that nobody registered. */
extern const unsigned int __rseq_size;
const unsigned int __rseq_size = 0;
