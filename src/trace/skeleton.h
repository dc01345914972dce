/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF programs as bpftool writes them into a header, whose code shadows names. */
#ifndef TRACE_SKELETON_H
#define TRACE_SKELETON_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "trace.skel.h"
#pragma GCC diagnostic pop

#endif
