// SPDX-License-Identifier: GPL-2.0-only
/*
 * For kernels before 5.17, which have no bpf_find_vma and refuse to load a program with a callback even
 * where it is never called: the same, but what is mapped is searched for in the tree of that time.
 */
#define NO_FIND_VMA
#include "trace.bpf.c"
