// SPDX-License-Identifier: GPL-2.0
/*
 * onward - do guests go on?
 *
 *	onward [-t MS] FILE...	wait until each has printed more than now
 *	onward -n FILE		how many lines it has printed so far
 *
 * FILE: what vmmguest --progress writes. One program for what would be several a
 * round in a shell script: on the debug kernel each costs half a second.
 * Status 0; 1: some have not gone on in time, they are named; 2: usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "progress.h"

#define MAX_FILES	16

static uint64_t lines(const char *path)
{
	struct progress p;

	return progress_read(path, &p) ? 0 : p.lines;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static int onward(char **file, int n, unsigned long limit_ms)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t before[MAX_FILES], end = now_ms() + limit_ms;
	int i, at = 0;

	for (i = 0; i < n; i++)
		before[i] = lines(file[i]);
	for (;;) {
		while (at < n && lines(file[at]) > before[at])
			at++;
		if (at == n)
			return 0;
		if (now_ms() >= end)
			break;
		nanosleep(&pause, NULL);
	}
	for (i = 0; i < n; i++) {
		if (lines(file[i]) <= before[i])
			printf("%s stays at %llu\n", file[i], (unsigned long long)before[i]);
	}
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long limit_ms = 10000;
	int opt, number = 0;

	while ((opt = getopt(argc, argv, "nt:")) != -1) {
		if (opt == 'n')
			number = 1;
		else if (opt == 't')
			limit_ms = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	argv += optind;
	argc -= optind;
	if (!argc || argc > MAX_FILES)
		return 2;
	if (!number)
		return onward(argv, argc, limit_ms);
	printf("%llu\n", (unsigned long long)lines(argv[0]));
	return 0;
}
