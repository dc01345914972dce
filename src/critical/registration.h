/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rseq registration of the calling thread: libc's, or one of our own. */
#ifndef CRITICAL_REGISTRATION_H
#define CRITICAL_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an area of our own is aligned to (7.0 asks for 64 above a length of 32), and the longest there is. */
enum { REGISTRATION_ALIGN = 64, REGISTRATION_LENGTH_MAX = 4096 };

/* 0: rseq can be used. -ENOSYS: this kernel has none. Another errno: it is denied, as by seccomp. */
int registration_available(void);

/* libc's area of the calling thread, when libc registered it; else NULL. */
void *registration_libc_area(void);

/*
 * Where libc keeps the calling thread's area, registered or not, and the size that it tells programs of (0: not
 * registered). NULL: this libc knows nothing of rseq.
 */
void *registration_libc_place(uint32_t *ret_size);

/* Registers length bytes (32 or more) at area, aligned as said above. 0 or -errno, as rseq(2) says it. */
int registration_register(void *area, uint32_t length);
int registration_unregister(void *area, uint32_t length);

/*
 * The length with which the calling thread is registered at that area, 0 when it is not. Asked by a wrong
 * signature, which changes nothing; only that length (0: none) and usual ones are tried.
 */
uint32_t registration_length(void *area, uint32_t likely);

/* The length that libc would choose here: the kernel's, but at least 32. */
uint32_t registration_usual_length(void);

/* Whether the kernel keeps mm_cid, for a registration of any length (6.3 on). */
bool registration_has_mm_cid(void);

#endif
