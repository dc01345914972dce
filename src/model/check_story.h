/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each check asks, what it means that it failed, and what to do. */
#ifndef MODEL_CHECK_STORY_H
#define MODEL_CHECK_STORY_H

struct check_story {
	const char *id;	     /* of a check, or of all that begin with it and "-" */
	const char *asked, *failure, *fix;
	const char *since;   /* since when what is asked is there */
};

/* The story of that id itself, else of the word it begins with; NULL when there is none. */
const struct check_story *check_story_find(const char *id);

#endif
