/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/known.h"

#include "util/array.h"

const struct known_symbol known_symbols[] = {
	{ "__rseq_abi", ROLE_AREA },
	{ "__lib_rseq_abi", ROLE_AREA }, /* librseq of 2018-10 */
	{ "__rseq_handled", ROLE_HANDLED },
	{ "__rseq_refcount", ROLE_REFCOUNT },
	{ "__rseq_offset", ROLE_LIBC_OFFSET },
	{ "__rseq_size", ROLE_LIBC_SIZE },
	{ "__rseq_flags", ROLE_LIBC_FLAGS },
	{ "rseq_offset", ROLE_LIBRSEQ_OFFSET },
	{ "rseq_size", ROLE_LIBRSEQ_SIZE },
	{ "rseq_flags", ROLE_LIBRSEQ },
	{ "rseq_ownership", ROLE_LIBRSEQ },
	{ "rseq_register_current_thread", ROLE_LIBRSEQ },
	{ "rseq_unregister_current_thread", ROLE_LIBRSEQ },
	{ "tcmalloc_slabs", ROLE_SLABS },
	{ "tcmalloc_rseq", ROLE_TCMALLOC }, /* 2023-09 only */
	{ "tcmalloc_sampler", ROLE_TCMALLOC },
	{ "tcmalloc_cached_vcpu", ROLE_TCMALLOC },
	{ "TcmallocSlab_Internal_PushBatch", ROLE_TCMALLOC },
	{ "TcmallocSlab_Internal_PopBatch", ROLE_TCMALLOC },
	{ "gnu_get_libc_version", ROLE_GLIBC },
	{ "_rseq_offset", ROLE_GLIBC }, /* hidden, in static programs */
	{ "nptl_version", ROLE_GLIBC_VERSION }, /* local; for libthread_db */
	{ "__nptl_version", ROLE_GLIBC_VERSION },
	{ "_thread_db_link_map_l_tls_offset", ROLE_LINK_MAP_TLS_OFFSET },
	{ "_thread_db_link_map_l_tls_modid", ROLE_LINK_MAP_TLS_MODID },
	{ "_thread_db_pthread_dtvp", ROLE_PTHREAD_DTVP },
	{ "_thread_db_pthread_tid", ROLE_PTHREAD_TID },
	{ "_thread_db_pthread_list", ROLE_PTHREAD_LIST },
	{ "_thread_db_sizeof_pthread", ROLE_SIZEOF_PTHREAD },
	{ "_thread_db_rtld_global__dl_stack_used", ROLE_STACK_USED },
	{ "_thread_db_rtld_global__dl_stack_user", ROLE_STACK_USER },
	{ "_dl_stack_used", ROLE_STACK_USED_LIST }, /* static programs */
	{ "_dl_stack_user", ROLE_STACK_USER_LIST },
	{ "stack_used", ROLE_STACK_USED_LIST }, /* libpthread.so.0, up to 2.33 */
	{ "__stack_user", ROLE_STACK_USER_LIST },
	{ "_rtld_global", ROLE_RTLD_GLOBAL },
	{ "_r_debug", ROLE_RTLD_DEBUG },
	{ "__copy_tls", ROLE_MUSL }, /* in static programs */
	{ "_dl_debug_addr", ROLE_MUSL_DEBUG },
};

_Static_assert(ARRAY_SIZE(known_symbols) <= KNOWN_SYMBOLS_MAX, "others keep a bit for each");

const size_t known_symbols_n = ARRAY_SIZE(known_symbols);
