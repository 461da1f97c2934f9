// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl: numbers with units, in and out.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

/* A whole number without sign; *end is what follows. */
static int parse_number(const char *text, uint64_t *val, const char **end)
{
	char *e;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	*val = strtoull(text, &e, 10);
	*end = e;
	return errno ? -1 : 0;
}

int parse_u32(const char *text, uint32_t *val)
{
	const char *end;
	uint64_t v;

	if (parse_number(text, &v, &end) || *end || v > UINT32_MAX)
		return -1;
	*val = v;
	return 0;
}

/* 10ms, 200us, 1s, 500ns; a number without a unit is refused: of what? (but 0 is 0) */
int parse_time(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *end;
	size_t i;

	if (parse_number(text, ns, &end))
		return -1;
	if (!*end)
		return *ns ? -1 : 0;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (*ns > UINT64_MAX / units[i].ns)
			return -1;
		*ns *= units[i].ns;
		return 0;
	}
	return -1;
}

int parse_value(const char *text, const char *unit, uint64_t *val)
{
	const char *end;

	if (!strcmp(unit, "ns"))
		return parse_time(text, val);
	if (!strcmp(unit, "boolean")) {
		*val = !strcmp(text, "on") || !strcmp(text, "1");
		return *val || !strcmp(text, "off") || !strcmp(text, "0") ? 0 : -1;
	}
	if (parse_number(text, val, &end))
		return -1;
	if (!strcmp(unit, "percent") && !strcmp(end, "%"))
		return 0;
	return *end ? -1 : 0;
}

const char *show_ns(uint64_t ns, char *buf, size_t size)
{
	if (ns < 10000)
		snprintf(buf, size, "%lluns", (unsigned long long)ns);
	else if (ns < 10000000)
		snprintf(buf, size, "%.1fus", ns / 1e3);
	else if (ns < 10000000000)
		snprintf(buf, size, "%.1fms", ns / 1e6);
	else
		snprintf(buf, size, "%.1fs", ns / 1e9);
	return buf;
}

const char *show_value(uint64_t val, const char *unit, char *buf, size_t size)
{
	if (!strcmp(unit, "ns"))
		return show_ns(val, buf, size);
	if (!strcmp(unit, "boolean"))
		return val ? "on" : "off";
	snprintf(buf, size, "%llu%s", (unsigned long long)val, !strcmp(unit, "percent") ? "%" : "");
	return buf;
}
