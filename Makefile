# SPDX-License-Identifier: GPL-2.0-or-later
# rseqctl: make help

# --- what can be set ---
PREFIX  ?= /usr/local
DESTDIR ?=
docdir  ?= $(PREFIX)/share/doc/rseqctl
O       ?= build
BPF     ?= 1
STATIC  ?= 0
SAN     ?= 0
V       ?= 0
CC      ?= cc
CLANG   ?= clang
CFLAGS  ?= -O2 -g
PKG_CONFIG ?= pkg-config
CROSS   ?=
SYSROOT ?=
ARCH    ?= $(shell dpkg --print-architecture)
VM_CACHE ?= $(O)/vm
# bpftool is in sbin, which is not on every user's path
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool || echo bpftool)

# For another architecture: Debian's cross compiler, and a root directory of that architecture.
ifneq ($(CROSS),)
CC := $(CROSS)gcc --sysroot=$(SYSROOT)
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	      PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS:-=)/pkgconfig $(PKG_CONFIG)
endif

MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# Debian's names; the first list builds, the second one tests as well.
DEPS_LIBS  := libelf-dev zlib1g-dev libjson-c-dev libiberty-dev
DEPS_BUILD := pkg-config $(DEPS_LIBS)
# Allocators and tracers in which nothing may be found; "?": where the release has that version.
DEPS_REAL  := libtcmalloc-minimal4? libjemalloc2? libmimalloc2.0? liblttng-ust1? liburcu8?
DEPS_BPF   := clang libbpf-dev bpftool
DEPS_CHECK := libcmocka-dev bats jq libxml2-utils lld mandoc musl-tools perl procps python3-prometheus-client python3-yaml \
	      strace stress-ng? $(DEPS_REAL) \
	      $(if $(filter x86_64,$(shell uname -m)),gcc-i686-linux-gnu libc6-dev-i386-cross)
DEPS_VM_amd64 := qemu-system-x86
DEPS_VM_arm64 := qemu-system-arm gcc-aarch64-linux-gnu
DEPS       := $(DEPS_BUILD) $(if $(filter 1,$(BPF)),$(DEPS_BPF)) $(DEPS_CHECK)

# --- flags ---
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
	    $(if $(CI),-Werror)
SANITIZE := $(if $(filter 1,$(SAN)),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
LIBS      = $(if $(filter 1,$(BPF)),libbpf) libelf zlib json-c
PC_FLAGS  = $(if $(filter 1,$(STATIC)),--static)
ALL_CPPFLAGS = -D_GNU_SOURCE -DHAVE_BPF=$(BPF) -DHAVE_STATIC=$(STATIC) -Isrc -Iinclude -I$(O)/gen \
	       $(shell $(PKG_CONFIG) --cflags $(LIBS) 2>/dev/null) $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu17 $(WARNINGS) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS  = $(if $(filter 1,$(STATIC)),-static) $(SANITIZE) $(LDFLAGS)
LDLIBS       = $(shell $(PKG_CONFIG) $(PC_FLAGS) --libs $(LIBS)) -liberty
BPF_FLAGS    = -target bpf -g -O2 -Wall -Wextra $(if $(CI),-Werror) -Iinclude -Ibpf \
	       -I$(SYSROOT)/usr/include/$(shell $(CC) -print-multiarch)
DEPFLAGS     = -MMD -MP -MT $@ -MF $@.d

# Progress goes to stderr: stdout belongs to what the programs print.
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $@ >&2;)

ifneq ($(words $(O)),1)
$(error O must be one folder, without blanks in its name)
endif

# --- files ---
# Each file that uses libbpf has a stand-in for BPF=0, or is a part of one that has.
NO_BPF   := $(wildcard src/*/*_none.c)
USES_BPF := $(NO_BPF:_none.c=.c) $(addprefix src/trace/,kernel_missed.c kernel_programs.c kernel_totals.c)
SRCS := $(filter-out $(if $(filter 1,$(BPF)),$(NO_BPF),$(USES_BPF)),$(wildcard src/*.c src/*/*.c))
OBJS := $(SRCS:%.c=$(O)/%.o)
SKEL := $(if $(filter 1,$(BPF)),$(addprefix $(O)/gen/,inspect.skel.h inspect.lskel.h trace.skel.h trace_old.skel.h))
MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
MAN7 := $(wildcard man/*.7)

all: $(O)/rseqctl

$(O)/rseqctl: $(OBJS) $(O)/flags
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(OBJS) $(LDLIBS) -o $@

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(DEPFLAGS) -c $< -o $@

# Generated headers are the one thing that -MMD cannot know before the first build.
$(USES_BPF:%.c=$(O)/%.o): $(SKEL)

# The libraries that stress carries and loads from memory; a static program cannot.
STRESS_LIBS := $(if $(filter 1,$(STATIC)),,$(patsubst %,$(O)/lab/librseq_%.so,2018 2018b 2019 2019b 2020 2020b))
$(O)/src/stress/dlopen.o: $(STRESS_LIBS)
$(O)/src/stress/dlopen.o: CPPFLAGS += -DLAB_DIR='"$(O)/lab"'

$(O)/bpf/%.o: bpf/%.bpf.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,BPF)$(CLANG) $(BPF_FLAGS) $(DEPFLAGS) -c $< -o $@

# "gen object" leaves DWARF out and keeps BTF.
$(O)/bpf/%.linked.o: $(O)/bpf/%.o
	$(call say,STRIP)$(BPFTOOL) gen object $@ $<

$(O)/gen/%.skel.h: $(O)/bpf/%.linked.o
	@mkdir -p $(@D)
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# The light one has the kernel relocate; it still talks to it through the system's headers.
$(O)/gen/%.lskel.h: $(O)/bpf/%.linked.o
	@mkdir -p $(@D)
	$(call say,SKEL)$(BPFTOOL) gen skeleton -L $< name $*_light > $@ 2>/dev/null

# Rewritten only when a flag changes: then everything is built again.
FLAGS = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(CLANG) $(BPF_FLAGS)
$(O)/flags: always
	@mkdir -p $(@D); printf '%s\n' '$(FLAGS)' | cmp -s - $@ || printf '%s\n' '$(FLAGS)' > $@

always:
.PHONY: always all deps deps-vm deps-libc deps-bench demo demo-run check check-run check-build check-vm \
	check-vm-run check-libc check-libc-run unit lab lab-libc lab-lookup lab-other lab-areas lab-users lab-real lint bench \
	install uninstall clean help
.SECONDARY:

-include $(shell find $(O) \( -path $(O)/vm -o -path $(O)/libc \) -prune -o -type f -name '*.d' -print 2>/dev/null)

# --- the conflict lab ---
LAB_COMMON := $(O)/lab/testify.o
LAB_LIBS   := $(patsubst tests/lab/%.c,$(O)/lab/%.so,$(filter-out %/liblookup.c %/librseq_old.c,$(wildcard tests/lab/lib*.c)))
LAB_PROGS  := $(patsubst tests/lab/%.c,$(O)/lab/%,$(filter-out tests/lab/lib%.c tests/lab/testify.c,$(wildcard tests/lab/*.c)))
# Of its own before glibc 2.34.
LAB_LIBDL  := -ldl
LAB_FLAGS   = -std=gnu17 -D_GNU_SOURCE -O1 -g -pthread $(WARNINGS) -Itests/lab

LAB_STATIC := $(foreach p,threads own-area weakref,$(O)/lab/$(p)-static $(O)/lab/$(p)-static-pie)

# What the libc that CC links with cannot have.
LAB_OMIT  ?=

lab: lab-libc lab-lookup lab-other lab-areas lab-users lab-real

lab-libc: $(filter-out $(LAB_OMIT:%=$(O)/lab/%),$(LAB_LIBS) $(LAB_PROGS) $(LAB_STATIC))

# A weak reference that is bound, copied or made 0, by how the program is linked. The last needs lld.
# A cross compiler looks for a linker of its own prefix.
WEAKREFS := nopie lto $(if $(CROSS),,$(if $(shell command -v ld.lld 2>/dev/null),lld lldpie))
lab-areas: $(O)/lab/libsection_own.so $(WEAKREFS:%=$(O)/lab/weakref-%)
$(O)/lab/weakref-nopie: WEAKREF = -fno-pie -no-pie
$(O)/lab/weakref-lto: WEAKREF = -flto -fno-pie -no-pie
$(O)/lab/weakref-lld: WEAKREF = -fno-pie -no-pie -fuse-ld=lld
$(O)/lab/weakref-lldpie: WEAKREF = -fPIE -pie -fuse-ld=lld

$(WEAKREFS:%=$(O)/lab/weakref-%): tests/lab/weakref.c tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $(filter %.c,$^) $(WEAKREF) $(LAB_LIBDL) -o $@

$(O)/lab/libsection_own.so: tests/lab/libsection.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) -fPIC -shared -DSECTION_SIGNATURE=LAB_OWN_SIGNATURE $< -o $@

$(O)/lab/%-static: tests/lab/%.c tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $(filter %.c,$^) -DLAB_STATIC -static -o $@

$(O)/lab/%-static-pie: tests/lab/%.c tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $(filter %.c,$^) -DLAB_STATIC -static-pie -o $@

# One symbol, defined and referred to in many ways: see tests/lab/README.md.
LOOKUP_LIBS := $(patsubst %,$(O)/lab/liblookup_%.so,a b small weak symbolic v1 v2 ref weakref ref1 ref2 weakref1 needs_a)
LOOKUP_PROGS := $(patsubst %,$(O)/lab/lookup-%,exe exe20 exe64 byref hidden hidden64 deps deps-ab ref)
$(O)/lab/liblookup_a.so $(O)/lab/liblookup_v1.so $(O)/lab/liblookup_v2.so: LOOKUP = -DLOOK_LENGTH=32
$(O)/lab/liblookup_b.so: LOOKUP = -DLOOK_LENGTH=64
$(O)/lab/liblookup_small.so: LOOKUP = -DLOOK_LENGTH=20
$(O)/lab/liblookup_symbolic.so: LOOKUP = -DLOOK_LENGTH=32 -Wl,-Bsymbolic
$(O)/lab/liblookup_weak.so: LOOKUP = -DLOOK_LENGTH=32 -DLOOK_WEAK
$(O)/lab/liblookup_weakref.so $(O)/lab/liblookup_weakref1.so: LOOKUP = -DLOOK_WEAK
$(O)/lab/liblookup_v1.so: LAB_LINK = -Wl,--version-script=tests/lab/lookup-1.map
$(O)/lab/liblookup_v2.so: LAB_LINK = -Wl,--version-script=tests/lab/lookup-2.map
$(O)/lab/liblookup_ref1.so: LAB_LINK = -L$(O)/lab -llookup_v1
# For a weak reference alone the linker would leave the library out.
$(O)/lab/liblookup_weakref1.so: LAB_LINK = -L$(O)/lab -Wl,--no-as-needed -llookup_v1
$(O)/lab/liblookup_ref2.so: LAB_LINK = -L$(O)/lab -llookup_v2
$(O)/lab/liblookup_needs_a.so: LAB_LINK = -L$(O)/lab -llookup_a
$(O)/lab/liblookup_ref1.so $(O)/lab/liblookup_weakref1.so: $(O)/lab/liblookup_v1.so
$(O)/lab/liblookup_ref2.so: $(O)/lab/liblookup_v2.so
$(O)/lab/liblookup_needs_a.so $(O)/lab/lookup-ref: $(O)/lab/liblookup_a.so
$(O)/lab/lookup-byref: $(O)/lab/liblookup_ref.so
$(O)/lab/lookup-deps $(O)/lab/lookup-deps-ab: $(O)/lab/liblookup_a.so $(O)/lab/liblookup_b.so $(O)/lab/liblookup_ref.so
$(O)/lab/lookup-exe: LOOKUP = -DLOOK_LENGTH=32 -rdynamic
$(O)/lab/lookup-exe20: LOOKUP = -DLOOK_LENGTH=20 -rdynamic
$(O)/lab/lookup-exe64: LOOKUP = -DLOOK_LENGTH=64 -rdynamic
$(O)/lab/lookup-hidden: LOOKUP = -DLOOK_LENGTH=32 -DLOOK_ALIGNED
$(O)/lab/lookup-hidden64: LOOKUP = -DLOOK_LENGTH=64
$(O)/lab/lookup-byref: LOOKUP = -DLOOK_LENGTH=32 -L$(O)/lab -Wl,--no-as-needed -llookup_ref
$(O)/lab/lookup-deps: LOOKUP = -L$(O)/lab -Wl,--no-as-needed -llookup_b -llookup_a -llookup_ref
$(O)/lab/lookup-deps-ab: LOOKUP = -L$(O)/lab -Wl,--no-as-needed -llookup_a -llookup_b -llookup_ref
$(O)/lab/lookup-ref: LOOKUP = -DLOOK_REFERS -L$(O)/lab -llookup_a

$(LOOKUP_LIBS): $(O)/lab/liblookup_%.so: tests/lab/liblookup.c $(wildcard tests/lab/lookup-*.map) $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) -fPIC -shared -DLOOK_NAME=$* $< $(LOOKUP) $(LAB_LINK) \
		-Wl,-rpath,'$$ORIGIN' -o $@

# The same name, and nothing of what is referred to in it.
$(O)/lab/next/liblookup_v1.so: tests/lab/liblookup.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) -fPIC -shared -DLOOK_NAME=v1 -DLOOK_WEAK $< -o $@

$(LOOKUP_PROGS): tests/lab/lookup.c tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $(filter %.c,$^) $(LOOKUP) -Wl,-rpath,'$$ORIGIN' -o $@

# Libraries of every era that want rseq: see tests/lab/README.md.
ERA_LIBS := $(patsubst %,$(O)/lab/librseq_%.so,2018 2018b 2018_ie 2018_nodelete 2019 2019b 2020 2020b)
DRAFT_LIBS := $(patsubst %,$(O)/lab/libdraft_%.so,v boast ref)
USERS_LIBS := $(ERA_LIBS) $(DRAFT_LIBS) $(O)/lab/libblind_taker.so
$(ERA_LIBS): tests/lab/librseq_old.c
$(filter %/librseq_2018.so %/librseq_2018b.so %/librseq_2018_ie.so %/librseq_2018_nodelete.so,$(ERA_LIBS)): USERS = -DERA=2018
$(O)/lab/librseq_2019.so $(O)/lab/librseq_2019b.so: USERS = -DERA=2019
$(O)/lab/librseq_2020.so $(O)/lab/librseq_2020b.so: USERS = -DERA=2020
$(O)/lab/librseq_2018_ie.so: LAB_LINK = -ftls-model=initial-exec
$(O)/lab/librseq_2018_nodelete.so: LAB_LINK = -Wl,-z,nodelete
$(DRAFT_LIBS): tests/lab/libdraft.c
$(O)/lab/libdraft_v.so: USERS = -Wl,--version-script=tests/lab/draft.map
$(O)/lab/libdraft_v.so: tests/lab/draft.map
$(O)/lab/libdraft_boast.so: USERS = -DDRAFT_BOASTS
$(O)/lab/libdraft_ref.so: USERS = -DDRAFT_REFERS -L$(O)/lab -ldraft_v
$(O)/lab/libdraft_ref.so: $(O)/lab/libdraft_v.so
$(O)/lab/libblind_taker.so: tests/lab/libblind.c
$(O)/lab/libblind_taker.so: USERS = -DBLIND_TAKES

$(USERS_LIBS): $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) -fPIC -shared $(filter %.c,$^) $(USERS) $(LAB_LINK) $(LAB_LIBDL) \
		-Wl,-rpath,'$$ORIGIN' -o $@

$(O)/lab/users-linked: $(O)/lab/librseq_2018.so
$(O)/lab/users-linked: USERS = -L$(O)/lab -Wl,--no-as-needed -lrseq_2018
$(O)/lab/users-draft: $(O)/lab/libdraft.so
$(O)/lab/users-draft: USERS = -DUSERS_FLAG -L$(O)/lab -ldraft
$(O)/lab/users-linked $(O)/lab/users-draft: tests/lab/users.c tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $(filter %.c,$^) $(USERS) \
		$(LAB_LIBDL) -Wl,-rpath,'$$ORIGIN' -o $@

$(O)/lab/with-selftest: tests/lab/with-librseq.c tests/lab/librseq_like.c tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) '-DLIBRARY=lab_program()' $(filter %.c,$^) $(LAB_LIBDL) -o $@

# For another libc and another word size. Without their compilers the tests of these skip.
MUSL_CC ?= $(if $(CROSS),none,musl-gcc)
I386_CC ?= $(if $(CROSS),none,i686-linux-gnu-gcc)
I386_LIB ?= /usr/i686-linux-gnu/lib
LAB_OTHER := threads own-area threads-static own-area-static libown_dlopen.so libown_preload.so
LAB_MUSL  := $(if $(shell command -v $(MUSL_CC) 2>/dev/null),$(LAB_OTHER:%=$(O)/lab/musl/%))
LAB_I386  := $(if $(shell command -v $(I386_CC) 2>/dev/null),$(patsubst %,$(O)/lab/i386/%,$(LAB_OTHER) mixed-owner libother.so thread-unregistered failures))
# musl's wrapper hides the kernel's headers together with glibc's.
$(O)/lab/musl/%: LAB_CC = $(MUSL_CC) -idirafter /usr/include -idirafter /usr/include/$(shell $(CC) -print-multiarch)
# Not gcc-multilib: installing it removes every other cross compiler.
$(O)/lab/i386/%: LAB_CC = $(I386_CC)
$(O)/lab/i386/%: LAB_LINK = -Wl,--dynamic-linker=$(I386_LIB)/ld-linux.so.2 -Wl,-rpath,$(I386_LIB)

define LAB_OTHER_RULES
$(O)/lab/$(1)/lib%.so: tests/lab/lib%.c $(O)/flags
	@mkdir -p $$(@D)
	$$(call say,LD)$$(LAB_CC) $$(LAB_FLAGS) $$(DEPFLAGS) -fPIC -shared $$< -o $$@

$(O)/lab/$(1)/%-static: tests/lab/%.c tests/lab/testify.c $(O)/flags
	@mkdir -p $$(@D)
	$$(call say,LD)$$(LAB_CC) $$(LAB_FLAGS) $$(DEPFLAGS) $$(filter %.c,$$^) -DLAB_STATIC -static -o $$@

$(O)/lab/$(1)/%: tests/lab/%.c tests/lab/testify.c $(O)/flags
	@mkdir -p $$(@D)
	$$(call say,LD)$$(LAB_CC) $$(LAB_FLAGS) $$(DEPFLAGS) $$(filter %.c,$$^) $$(LAB_LINK) -o $$@
endef
$(eval $(call LAB_OTHER_RULES,musl))
$(eval $(call LAB_OTHER_RULES,i386))

# threads, linked with what DEPS_REAL installs, as far as it is there. By file name: no headers are needed.
REAL_LIBS := libtcmalloc_minimal.so.4 libjemalloc.so.2 libmimalloc.so.2 liblttng-ust.so.1 liburcu.so.8
REAL_DIR  := /usr/lib/$(shell $(CC) -print-multiarch 2>/dev/null)
LAB_REAL  := $(if $(CROSS),,$(patsubst $(REAL_DIR)/%,$(O)/lab/threads-%,$(wildcard $(REAL_LIBS:%=$(REAL_DIR)/%))))

$(LAB_REAL): $(O)/lab/threads-%: tests/lab/threads.c $(LAB_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $< $(LAB_COMMON) -Wl,--no-as-needed -l:$* -o $@

lab-real: $(LAB_REAL)
lab-lookup: $(LOOKUP_LIBS) $(LOOKUP_PROGS) $(O)/lab/next/liblookup_v1.so
lab-users: $(USERS_LIBS) $(addprefix $(O)/lab/,users-linked users-draft with-selftest)
lab-other: $(LAB_MUSL) $(LAB_I386)

$(LAB_COMMON): tests/lab/testify.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(LAB_FLAGS) $(DEPFLAGS) -c $< -o $@

$(O)/lab/lib%.so: tests/lab/lib%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) -fPIC -shared $< $(LAB_LIBDL) -o $@

$(O)/lab/tcmalloc-like: $(O)/lab/libtcmalloc_like.so
$(O)/lab/tcmalloc-like: LAB_LINK = -L$(O)/lab -ltcmalloc_like
$(O)/lab/aborts $(O)/lab/forker: $(O)/lab/libaborts.so
$(O)/lab/aborts $(O)/lab/forker: LAB_LINK = -L$(O)/lab -laborts
$(O)/lab/with-librseq: $(O)/lab/librseq_like.so
$(O)/lab/with-librseq: LAB_LINK = -L$(O)/lab -lrseq_like

# Not even libpthread: a second copy of an old one in a process takes the threads of the first for its own.
$(O)/lab/libinner.so $(O)/lab/libaudit_area.so: LAB_LIBDL = -nodefaultlibs -lc
$(O)/lab/audited: LAB_LINK = -rdynamic

$(O)/lab/%: tests/lab/%.c $(LAB_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $< $(LAB_COMMON) $(LAB_LINK) $(LAB_LIBDL) -Wl,-rpath,'$$ORIGIN' -o $@

# --- tests ---
UNIT_SRCS  := $(wildcard tests/unit/*.c)
UNIT_PROGS := $(patsubst tests/%.c,$(O)/tests/%,$(UNIT_SRCS))
# Everything but the commands, which tests/cli runs as a whole.
UNIT_OBJS   = $(filter-out $(O)/src/main.o $(O)/src/cmd_%.o $(O)/src/common.o,$(OBJS))

unit: $(UNIT_PROGS)

$(O)/tests/unit/%: tests/unit/%.c $(UNIT_OBJS)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(filter-out -static,$(ALL_LDFLAGS)) $(DEPFLAGS) \
		$< $(UNIT_OBJS) $(LDLIBS) -lcmocka -o $@

check-build: all unit lab

# With "deps" in front, a make of its own: only then are the packages there to be asked for.
check: $(filter deps,$(MAKECMDGOALS))
	@$(MAKE) check-run

check-run: check-build
	@$(MAKE) check-build O=$(O)/asan SAN=1 STATIC=0 CFLAGS='-O1 -g'
	@O='$(O)' sh tests/run.sh

# The same suites on other kernels, one of each class: SERIES="5.10 6.1 ..." and FILTER=REGEX choose.
# For another architecture the guest's root directory is also what rseqctl and the lab are built with.
VM_ROOT  = $(VM_CACHE)/root-$(ARCH)
VM_arm64 = CROSS=aarch64-linux-gnu- SYSROOT=$(VM_ROOT) STATIC=1
VM_O     = $(O)$(if $(VM_$(ARCH)),/$(ARCH))

check-vm: $(filter deps-vm,$(MAKECMDGOALS))
	@$(MAKE) check-vm-run

check-vm-run: $(VM_ROOT)
	@$(MAKE) all lab O=$(VM_O) $(VM_$(ARCH)) >&2
	@O='$(VM_O)' ARCH='$(ARCH)' VM_CACHE='$(VM_CACHE)' bash tests/vm/run.sh $(SERIES)

$(VM_ROOT): tests/vm/root.sh
	$(call say,ROOT)ARCH='$(ARCH)' bash tests/vm/root.sh $@ libc6-dev libbpf-dev $(DEPS_LIBS)

# The lab against other libcs, inspected in their root directories: LIBCS="2.41 musl ..." and FILTER=REGEX.
check-libc: $(filter deps-libc,$(MAKECMDGOALS))
	@$(MAKE) check-libc-run

check-libc-run: all
	@O='$(O)' bash tests/libc/run.sh

lint:
	@sh tests/lint/arrows.sh
	@sh tests/lint/spdx.sh

# --- demo ---
demo: $(filter deps,$(MAKECMDGOALS))
	@$(MAKE) demo-run CALLER="$$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$$PPID/status)"

demo-run: all $(O)/lab/threads
	@O='$(O)' CALLER='$(CALLER)' sh tests/lib/demo.sh

# --- packages ---
deps:
	@sh tests/lib/deps.sh $(DEPS) >&2

deps-vm: deps
	@sh tests/lib/deps.sh cpio $(DEPS_VM_$(ARCH)) >&2

deps-libc: deps
	@sh tests/lib/deps.sh busybox-static >&2

deps-bench: deps
	@sh tests/lib/deps.sh gdb linux-perf? bpftrace? >&2

bench: $(filter deps-bench,$(MAKECMDGOALS)) all lab $(addprefix $(O)/bench/,bare_iter peak storm $(if $(filter x86_64,$(shell uname -m)),bare_rseq))
	@O='$(O)' bash tests/bench/inspect.sh
	@O='$(O)' BPFTOOL='$(BPFTOOL)' bash tests/bench/trace.sh
	@O='$(O)' bash tests/bench/stress.sh

$(O)/bench/storm: tests/bench/storm.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LAB_FLAGS) $(DEPFLAGS) $< -o $@

$(O)/bench/bare_rseq: tests/bench/bare_rseq.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(DEPFLAGS) $< -o $@

$(O)/bench/peak: tests/bench/peak.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(DEPFLAGS) $< -o $@

$(O)/bench/bare_iter: tests/bench/bare_iter.c $(SKEL) $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(DEPFLAGS) $< $(LDLIBS) -o $@

# --- installation ---
BASH_DIR := share/bash-completion/completions
ZSH_DIR  := share/zsh/site-functions
FISH_DIR := share/fish/vendor_completions.d
EXAMPLES := $(shell find examples -type f)

install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' $(foreach n,1 5 7,'$(DESTDIR)$(PREFIX)/share/man/man$(n)')
	install -m 755 $(O)/rseqctl '$(DESTDIR)$(PREFIX)/bin/rseqctl'
	install -m 644 $(MAN1) '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -m 644 $(MAN5) '$(DESTDIR)$(PREFIX)/share/man/man5'
	install -m 644 $(MAN7) '$(DESTDIR)$(PREFIX)/share/man/man7'
	install -D -m 644 completions/rseqctl.bash '$(DESTDIR)$(PREFIX)/$(BASH_DIR)/rseqctl'
	install -D -m 644 completions/_rseqctl '$(DESTDIR)$(PREFIX)/$(ZSH_DIR)/_rseqctl'
	install -D -m 644 completions/rseqctl.fish '$(DESTDIR)$(PREFIX)/$(FISH_DIR)/rseqctl.fish'
	$(foreach f,$(EXAMPLES),install -D -m $(if $(filter %.sh,$(f)),755,644) $(f) '$(DESTDIR)$(docdir)/$(f)' &&) true

uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/rseqctl' '$(DESTDIR)$(PREFIX)/$(BASH_DIR)/rseqctl' \
		'$(DESTDIR)$(PREFIX)/$(ZSH_DIR)/_rseqctl' '$(DESTDIR)$(PREFIX)/$(FISH_DIR)/rseqctl.fish' \
		$(patsubst man/%,'$(DESTDIR)$(PREFIX)/share/man/man1/%',$(MAN1)) \
		$(patsubst man/%,'$(DESTDIR)$(PREFIX)/share/man/man5/%',$(MAN5)) \
		$(patsubst man/%,'$(DESTDIR)$(PREFIX)/share/man/man7/%',$(MAN7)) \
		$(patsubst %,'$(DESTDIR)$(docdir)/%',$(EXAMPLES))
	@rmdir $(patsubst %,'$(DESTDIR)$(docdir)/%',$(sort $(dir $(EXAMPLES)))) '$(DESTDIR)$(docdir)/examples' '$(DESTDIR)$(docdir)' 2>/dev/null || true

clean:
	rm -rf $(O)

help:
	@echo 'make deps demo    install what is missing, build, show who owns rseq in two processes'
	@echo 'make deps check   install what is missing, build, run all tests'
	@echo
	@echo 'all         build $(O)/rseqctl'
	@echo 'deps        install what building and testing needs (Debian; apt as root or by sudo)'
	@echo 'demo        inspect a small program and the shell that called make'
	@echo 'check       all tests, also under ASan and UBSan'
	@echo 'lab         build the programs that the tests inspect'
	@echo 'lint        which room may include which, and the licence of every file'
	@echo 'deps-vm     install what check-vm needs: qemu, and a cross compiler for ARCH=arm64'
	@echo 'check-vm    the suites on Debian kernels 5.10, 6.19 and 7.2, or SERIES; ARCH=arm64: 6.12 and 7.2'
	@echo 'deps-libc   install what check-libc needs: busybox'
	@echo 'check-libc  the lab with glibc 2.31 to the newest and with musl, or LIBCS'
	@echo 'deps-bench  install what bench needs: gdb, perf, bpftrace'
	@echo 'bench       time and size against gdb, perf, bpftrace, a bare BPF iterator and a bare rseq loop'
	@echo 'install     to PREFIX (/usr/local), below DESTDIR; examples to docdir (PREFIX/share/doc/rseqctl)'
	@echo 'uninstall   remove what install put there'
	@echo 'clean       remove $(O)'
	@echo
	@echo 'BPF=0       without libbpf, clang and bpftool: no bpf method'
	@echo 'STATIC=1    one static binary, to copy into a container'
	@echo 'SAN=1       with AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'CROSS=aarch64-linux-gnu- SYSROOT=DIR  for arm64, with the headers and libraries below DIR'
	@echo 'O=DIR       build there       V=1  show commands       CI=1  warnings are errors'
