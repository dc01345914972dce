/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/functions.h"

#include <errno.h>
#include <string.h>

#include "image/demangle.h"
#include "image/symbol_table.h"

/* Longer names are not worth demangling. */
#define MANGLED_MAX 4096

/* A symbol that may be the answer. */
struct candidate {
	uint64_t start, size;
	uint64_t name, room; /* its name's offset in the file, and the bytes of the table from there */
	unsigned int rank;
};

/* One place that is asked for; it lies in a section. */
struct query {
	struct function *function;
	uint64_t vaddr;
	uint64_t section_low, section_high; /* addresses of the section, as far as they are loaded */
	uint64_t low, high; /* the nearest places around it where symbols begin or end */
	uint32_t section;   /* its index */
	bool code;
	bool is_covered, has_below;
	struct candidate covers, below; /* the best so far */
};

/* All of them by address, and the table that is being searched. */
struct search {
	const struct elf_file *file;
	struct query *queries;
	size_t n;
	uint64_t names, names_size;
};

/* --- symbols against each other --- */

static bool read_name(const struct elf_file *file, const struct candidate *c, char *ret, size_t size)
{
	return elf_file_string(file, c->name, ret, c->room < size ? (size_t)c->room : size);
}

/* Of several names for one thing: the one that is for others, as in `write` and `__libc_write`. */
static bool is_better_name(const struct elf_file *file, const struct candidate *a, const struct candidate *b)
{
	char x[FUNCTION_NAME_MAX], y[FUNCTION_NAME_MAX];
	size_t low, high;

	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (!read_name(file, a, x, sizeof(x)) || !read_name(file, b, y, sizeof(y)) || !*x)
		return false;
	low = strspn(x, "_");
	high = strspn(y, "_");
	if (low != high || !*y)
		return low < high || !*y;
	return strlen(x) != strlen(y) ? strlen(x) < strlen(y) : strcmp(x, y) < 0;
}

/* Marks of where data lies in code (arm64, RISC-V), and of where the linker put a section. */
static bool is_mark(const struct elf_file *file, const struct candidate *c)
{
	char name[FUNCTION_NAME_MAX];

	if (!read_name(file, c, name, sizeof(name)))
		return true;
	if (name[0] == '$' && name[1] && strchr("adtx", name[1]))
		return !name[2] || name[2] == '.' || name[2] == 'r';
	return !strncmp(name, "__start_", 8) || !strncmp(name, "__stop_", 7);
}

static void offer_cover(const struct elf_file *file, struct query *q, const struct candidate *c)
{
	const struct candidate *old = &q->covers;

	if (q->is_covered && (c->start != old->start ? c->start < old->start :
			      c->size != old->size   ? c->size > old->size :
						       !is_better_name(file, c, old)))
		return;
	q->covers = *c;
	q->is_covered = true;
}

/* A symbol with a size is taken as well: it tells that what is below it does not reach so far. */
static void offer_below(const struct elf_file *file, struct query *q, const struct candidate *c)
{
	const struct candidate *old = &q->below;

	if (q->has_below && (c->start != old->start ? c->start < old->start :
			     !c->size != !old->size ? !c->size :
			     c->size		    ? true :
						      !is_better_name(file, c, old)))
		return;
	if (!c->size && is_mark(file, c))
		return;
	q->below = *c;
	q->has_below = true;
}

/* --- one pass over a table --- */

/* The first query at addr or above it. */
static size_t first_from(const struct search *s, uint64_t addr)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->queries[mid].vaddr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void take_boundary(struct search *s, uint64_t addr)
{
	size_t i = first_from(s, addr);

	if (addr && i < s->n && s->queries[i].low < addr && addr <= s->queries[i].vaddr)
		s->queries[i].low = addr;
	if (i > 0 && s->queries[i - 1].high > addr)
		s->queries[i - 1].high = addr;
}

static bool is_kind(const GElf_Sym *sym, bool code)
{
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_NOTYPE:
		return true;
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return code;
	case STT_OBJECT:
		return !code;
	}
	return false;
}

static bool can_name(const struct query *q, const GElf_Sym *sym)
{
	return sym->st_value >= q->section_low && sym->st_value < q->section_high &&
	       (sym->st_shndx == q->section || sym->st_shndx == SHN_XINDEX) && is_kind(sym, q->code);
}

static void take_symbol(struct search *s, GElf_Sym *sym)
{
	unsigned int type = GELF_ST_TYPE(sym->st_info), bind = GELF_ST_BIND(sym->st_info);
	struct candidate c = { .size = sym->st_size, .rank = (type != STT_NOTYPE) * 2 + (bind != STB_LOCAL) };
	uint64_t end;
	size_t first;

	if (!sym->st_name || sym->st_name >= s->names_size || sym->st_shndx == SHN_UNDEF ||
	    (sym->st_shndx >= SHN_LORESERVE && sym->st_shndx != SHN_XINDEX) ||
	    !(is_kind(sym, true) || is_kind(sym, false)))
		return;
	if (s->file->ehdr.e_machine == EM_ARM && type == STT_FUNC)
		sym->st_value &= ~1ull; /* tells Thumb */
	if (__builtin_add_overflow(sym->st_value, c.size, &end))
		end = UINT64_MAX;
	c.start = sym->st_value;
	c.name = s->names + sym->st_name;
	c.room = s->names_size - sym->st_name;
	take_boundary(s, c.start);
	if (c.size)
		take_boundary(s, end);
	first = first_from(s, c.start);
	if (first < s->n && can_name(&s->queries[first], sym))
		offer_below(s->file, &s->queries[first], &c);
	for (size_t i = first; i < s->n && s->queries[i].vaddr < end; i++)
		if (can_name(&s->queries[i], sym))
			offer_cover(s->file, &s->queries[i], &c);
}

static void search_table(struct search *s, const struct symbol_table *t, void *window)
{
	size_t got;

	for (uint64_t first = 0; first < t->n; first += got) {
		got = symbol_table_read(t, first, window);
		if (!got)
			return;
		for (size_t i = 0; i < got; i++) {
			GElf_Sym sym = symbol_table_get(t, window, i);

			take_symbol(s, &sym);
		}
	}
}

/* .symtab has more; where it was stripped, .dynsym is there. */
static void search_tables(struct search *s)
{
	_cleanup_free_ void *window = malloc(SYMBOL_WINDOW * sizeof(Elf64_Sym));
	Elf_Scn *scn = NULL;

	while (window && (scn = elf_nextscn(s->file->elf, scn))) {
		GElf_Shdr symbols, names;
		struct symbol_table t;
		Elf_Scn *strings;

		if (!gelf_getshdr(scn, &symbols) || (symbols.sh_type != SHT_SYMTAB && symbols.sh_type != SHT_DYNSYM))
			continue;
		strings = elf_getscn(s->file->elf, symbols.sh_link);
		if (!strings || !gelf_getshdr(strings, &names) || names.sh_type != SHT_STRTAB ||
		    names.sh_offset > s->file->size)
			continue;
		s->names = names.sh_offset;
		s->names_size = names.sh_size;
		t = symbol_table_at(s->file, symbols.sh_offset, symbols.sh_size);
		search_table(s, &t, window);
	}
}

/* --- where the places are --- */

/* By segment, as it is loaded; where two have it, the one with code. */
static bool locate(const struct elf_file *file, struct query *queries, size_t n)
{
	for (size_t i = 0; i < file->phnum; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(file->elf, (int)i, &ph))
			return false;
		for (size_t k = 0; ph.p_type == PT_LOAD && k < n; k++) {
			struct query *q = &queries[k];
			uint64_t at = q->function->offset - ph.p_offset;

			if (q->function->offset < ph.p_offset || at >= ph.p_filesz || q->code)
				continue;
			q->code = (ph.p_flags & PF_X) != 0;
			q->vaddr = ph.p_vaddr + at;
			q->low = ph.p_vaddr;
			q->high = ph.p_vaddr + ph.p_filesz;
		}
	}
	return true;
}

static void enter_section(const GElf_Shdr *sh, uint32_t index, struct query *q)
{
	uint64_t high = sh->sh_addr + sh->sh_size;

	q->section = index;
	q->code = (sh->sh_flags & SHF_EXECINSTR) != 0;
	q->section_low = q->low = sh->sh_addr > q->low ? sh->sh_addr : q->low;
	q->section_high = q->high = high < q->high ? high : q->high;
}

static void find_sections(const struct elf_file *file, struct query *queries, size_t n)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS)
			continue;
		for (size_t k = 0; k < n; k++)
			if (!queries[k].section && queries[k].vaddr >= sh.sh_addr &&
			    queries[k].vaddr - sh.sh_addr < sh.sh_size)
				enter_section(&sh, (uint32_t)elf_ndxscn(scn), &queries[k]);
	}
}

static int by_address(const void *a, const void *b)
{
	const struct query *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

/* Leaves those that are in a section, by address. */
static size_t keep_known(struct query *queries, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		queries[i].function->vaddr = queries[i].high ? queries[i].vaddr : queries[i].function->offset;
		if (queries[i].section)
			queries[kept++] = queries[i];
	}
	if (kept)
		qsort(queries, kept, sizeof(*queries), by_address);
	return kept;
}

/* --- the answer --- */

/* Symbols were offered to the first place above them alone. */
static void spread(struct query *queries, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct query *q = &queries[i], *below = &queries[i - 1];

		if (below->low > q->low)
			q->low = below->low;
		if (below->section == q->section && below->has_below && !q->has_below) {
			q->below = below->below;
			q->has_below = true;
		}
	}
	for (size_t i = n; i-- > 1;)
		if (queries[i].high < queries[i - 1].high)
			queries[i - 1].high = queries[i].high;
}

static void answer(const struct elf_file *file, const struct query *q)
{
	const struct candidate *best = q->is_covered			  ? &q->covers :
				       q->has_below && !q->below.size &&
						       (q->code || q->below.start == q->vaddr) ?
									    &q->below :
									    NULL;
	struct function *f = q->function;
	char name[MANGLED_MAX];

	if (q->code || q->is_covered) {
		f->low = f->offset - (q->vaddr - q->low);
		f->high = f->offset + (q->high - q->vaddr);
	}
	if (!best || !read_name(file, best, name, sizeof(name)))
		return;
	demangle(name, f->name, sizeof(f->name));
	f->start = best->start;
	f->size = best->size;
}

static int find(const struct elf_file *file, struct function *functions, size_t n, const char **ret_what)
{
	_cleanup_free_ struct query *queries = calloc(n, sizeof(*queries));
	struct search s = { .file = file, .queries = queries };

	*ret_what = "there is no memory to decode it";
	if (!queries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		queries[i].function = &functions[i];
		functions[i] = (struct function){ .offset = functions[i].offset,
						  .low = functions[i].offset,
						  .high = functions[i].offset + 1 };
	}
	*ret_what = "its program headers are broken";
	if (!locate(file, queries, n))
		return -EBADMSG;
	find_sections(file, queries, n);
	s.n = keep_known(queries, n);
	search_tables(&s);
	spread(queries, s.n);
	for (size_t i = 0; i < s.n; i++)
		answer(file, &queries[i]);
	return 0;
}

int functions_find(int fd, struct function *functions, size_t n, const char **ret_what)
{
	struct elf_file file;
	int r = n > FUNCTIONS_MAX ? -E2BIG : elf_file_open(fd, &file);

	*ret_what = r == -ENOEXEC ? "it is no ELF file" : "its ELF header is broken";
	if (r < 0)
		return r;
	r = find(&file, functions, n, ret_what);
	elf_file_done(&file);
	return r;
}
