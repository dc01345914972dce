/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/environment.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "critical/registration.h"
#include "util/io.h"
#include "util/parse.h"

enum { FILE_MAX = 1 << 20, UNKNOWN_MAX = 4 };

static void unknown(struct environment_facts *e, struct arena *arena, const char *what, const char *why)
{
	if (!e->unknown)
		e->unknown = arena_alloc(arena, UNKNOWN_MAX * sizeof(*e->unknown));
	if (e->unknown && e->n_unknown < UNKNOWN_MAX)
		e->unknown[e->n_unknown++] = (struct unknown){ what, why };
}

static bool read_file(const char *path, struct strbuf *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && io_read_file(fd, FILE_MAX, out) == 0;
}

/* The first line of a file, or NULL. */
static const char *read_line(struct arena *arena, const char *path)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct span all, line;

	if (!read_file(path, &text))
		return NULL;
	all = (struct span){ strbuf_str(&text), text.len };
	return parse_line(&all, &line) ? arena_strndup(arena, line.p, line.len) : NULL;
}

/* x86 calls it "model name"; others say less, and some nothing. */
static const char *read_cpu_model(struct arena *arena)
{
	static const char *const keys[] = { "model name", "cpu model", "CPU part", "uarch" };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct span all, line;

	if (!read_file("/proc/cpuinfo", &text))
		return NULL;
	all = (struct span){ strbuf_str(&text), text.len };
	while (parse_line(&all, &line)) {
		const char *colon = memchr(line.p, ':', line.len);

		for (size_t i = 0; colon && i < sizeof(keys) / sizeof(keys[0]); i++)
			if (parse_has_prefix(line, keys[i]) && colon + 2 < line.p + line.len)
				return arena_strndup(arena, colon + 2, (size_t)(line.p + line.len - colon - 2));
	}
	return NULL;
}

/* The names of what the kernel says it mitigates. */
static const char *read_mitigations(struct arena *arena)
{
	static const char dir[] = "/sys/devices/system/cpu/vulnerabilities";
	_cleanup_strbuf_ struct strbuf names = { 0 };
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return NULL;
	while ((entry = readdir(d))) {
		_cleanup_strbuf_ struct strbuf path = { 0 }, text = { 0 };

		strbuf_printf(&path, "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] == '.' || !read_file(strbuf_str(&path), &text))
			continue;
		if (!strncmp(strbuf_str(&text), "Mitigation", strlen("Mitigation")))
			strbuf_printf(&names, "%s%s", names.len ? " " : "", entry->d_name);
	}
	closedir(d);
	return arena_strdup(arena, strbuf_str(&names));
}

static const char *read_libc(struct arena *arena)
{
	char name[128];
	size_t n = confstr(_CS_GNU_LIBC_VERSION, name, sizeof(name));

	return n > 1 && n <= sizeof(name) ? arena_strdup(arena, name) : NULL;
}

void environment_read(const struct stress_options *options, struct arena *arena, struct environment_facts *ret)
{
	void *area = registration_libc_area();
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	*ret = (struct environment_facts){
		.libc = read_libc(arena),
		.cpu_model = read_cpu_model(arena),
		.governor = read_line(arena, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		.mitigations = read_mitigations(arena),
		.cpus = cpus > 0 ? (uint32_t)cpus : 0,
		.cpus_used = (uint32_t)CPU_COUNT(&options->cpus),
		.owner = options->own_registration ? "self" : "libc",
		.length = options->own_registration ? options->length : area ? registration_length(area, 0) : 0,
	};
	if (ret->length)
		ret->has |= ENVIRONMENT_LENGTH;
	else
		unknown(ret, arena, "length", "no likely length is the one that libc registered");
	if (!ret->libc)
		unknown(ret, arena, "libc", "this libc does not tell its version");
	if (!ret->cpu_model)
		unknown(ret, arena, "cpu_model", "/proc/cpuinfo names no model");
	if (!ret->governor)
		unknown(ret, arena, "governor", "this machine has no frequency governor");
}
