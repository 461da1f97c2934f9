// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl: JSON values as JSON, or as text for people.
 */
#include <stdio.h>
#include <string.h>
#include "vmmctl.h"

const char *get_str(json_object *obj, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(obj, key, &v) && v ? json_object_get_string(v) : "";
}

uint64_t get_num(json_object *obj, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(obj, key, &v) && v ? json_object_get_uint64(v) : 0;
}

bool get_bool(json_object *obj, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(obj, key, &v) && json_object_get_boolean(v);
}

void print_json(json_object *obj)
{
	puts(json_object_to_json_string_ext(obj, opt_pretty ?
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE :
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
}

static const char *cell(json_object *row, const struct column *c, char *buf, size_t size)
{
	json_object *v;

	if (!json_object_object_get_ex(row, c->key, &v) || !v)
		return "-";
	switch (c->kind) {
	case COL_NUM:
		snprintf(buf, size, "%llu", (unsigned long long)json_object_get_uint64(v));
		return buf;
	case COL_NS:
		return show_ns(json_object_get_uint64(v), buf, size);
	case COL_BOOL:
		return json_object_get_boolean(v) ? "yes" : "no";
	case COL_PPM:
		snprintf(buf, size, "%.1f%%", json_object_get_uint64(v) / 10000.0);
		return buf;
	default:
		return *json_object_get_string(v) ? json_object_get_string(v) : "-";
	}
}

void print_table(json_object *list, const struct column *columns)
{
	size_t n = json_object_array_length(list), i;
	const struct column *c;
	char buf[64];
	int width[32];

	for (c = columns; c->title; c++) {
		int *w = &width[c - columns];

		*w = strlen(c->title);
		for (i = 0; i < n; i++) {
			int len = strlen(cell(json_object_array_get_idx(list, i), c, buf, sizeof(buf)));

			if (len > *w)
				*w = len;
		}
	}
	for (c = columns; c->title; c++) {
		int w = width[c - columns];

		printf("%*s%s", c->kind == COL_TEXT || c->kind == COL_BOOL ? -w : w, c->title,
		       c[1].title ? "  " : "\n");
	}
	for (i = 0; i < n; i++) {
		for (c = columns; c->title; c++) {
			int w = width[c - columns];

			printf("%*s%s", c->kind == COL_TEXT || c->kind == COL_BOOL ? -w : w,
			       cell(json_object_array_get_idx(list, i), c, buf, sizeof(buf)),
			       c[1].title ? "  " : "\n");
		}
	}
}

void print_swap(json_object *s)
{
	char max[32], total[32], all[32];

	printf("%s -> %s: pause %llu ticks (%s) at most on one pCPU, %llu ticks (%s) in all; request %s; "
	       "%llu vCPUs carried over, %llu waiting, %llu running on, %llu forced out",
	       get_str(s, "from"), get_str(s, "to"),
	       (unsigned long long)get_num(s, "pause_max_ticks"),
	       show_ns(get_num(s, "pause_max_ns"), max, sizeof(max)),
	       (unsigned long long)get_num(s, "pause_total_ticks"),
	       show_ns(get_num(s, "pause_total_ns"), total, sizeof(total)),
	       show_ns(get_num(s, "total_ns"), all, sizeof(all)),
	       (unsigned long long)get_num(s, "entities"), (unsigned long long)get_num(s, "queued"),
	       (unsigned long long)get_num(s, "running"), (unsigned long long)get_num(s, "forced_out"));
	if (!strcmp(get_str(s, "mode"), "cease"))
		printf("; ceased: a vCPU was kept out for %llu ticks (%s) at most, all of them %llu (%s)",
		       (unsigned long long)get_num(s, "vcpu_pause_max_ticks"),
		       show_ns(get_num(s, "vcpu_pause_max_ns"), max, sizeof(max)),
		       (unsigned long long)get_num(s, "vcpu_pause_total_ticks"),
		       show_ns(get_num(s, "vcpu_pause_total_ns"), total, sizeof(total)));
	printf("\n");
}

/** print_list() - the answer of a list command, as asked for; takes over @list. Returns DONE. */
int print_list(json_object *list, const struct column *columns)
{
	if (opt_json)
		print_json(list);
	else
		print_table(list, columns);
	json_object_put(list);
	return DONE;
}
