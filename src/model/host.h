/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running machine says of itself to everybody. */
#ifndef MODEL_HOST_H
#define MODEL_HOST_H

#include "model/facts.h"

/* Kernel, architecture and auxiliary vector: of the caller, whose kernel is everybody's. */
void host_read(struct host_facts *host);

/* The class that goes with a layout of the kernel's types (enum task_layout). */
enum rseq_class host_class(uint32_t layout);

/* The mode of a registration of that length (0: not known): it chooses, on such kernels alone as have the two. */
enum rseq_mode host_mode(const struct host_facts *host, uint32_t length);

#endif
