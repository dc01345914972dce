/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/target.h"

#include "proc/status.h"

uint64_t target_auxv(const struct target *t, uint64_t type)
{
	struct span auxv = { strbuf_str(&t->auxv), t->auxv.len };
	uint64_t value = 0;

	status_find_auxv(auxv, t->abi ? t->abi->word : sizeof(void *), type, &value);
	return value;
}

uint64_t target_address(const struct object *object, const struct image_symbol *symbol)
{
	return object->base + symbol->value;
}

const struct image_symbol *target_find(const struct target *t, enum known_role role,
				       const struct object **ret_object)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && k < image->n_symbols; k++) {
			const struct image_symbol *s = &image->symbols[k];

			/* A static program's libc is in no dynamic table: any symbol of it will do. */
			if (known_symbols[s->known].role != role || !s->defined ||
			    (t->dynamic && !s->exported) || t->objects[i].namespace != 0)
				continue;
			if (ret_object)
				*ret_object = &t->objects[i];
			return s;
		}
	}
	return NULL;
}
