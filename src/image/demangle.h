/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of C++ and Rust as they stand in the source. */
#ifndef IMAGE_DEMANGLE_H
#define IMAGE_DEMANGLE_H

#include <stddef.h>

/* A copy of name, demangled if it is mangled, cut at size - 1 bytes. A symbol's version is left out. */
void demangle(const char *name, char *ret, size_t size);

#endif
