/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two sides of a reader say to each other. */
#ifndef PROC_READER_WIRE_H
#define PROC_READER_WIRE_H

enum reader_op {
	READER_OP_FILE = 1, /* a name -> its bytes */
	READER_OP_EXE,	    /* -> the link's text */
	READER_OP_MEMORY,   /* struct memory_range[] -> int32_t err[], then all bytes */
	READER_OP_IDENTIFY, /* struct mapped_file -> struct file_key */
	READER_OP_ALIVE,
	READER_OP_MAPS, /* int32_t pid -> the bytes of its maps */
};

#endif
