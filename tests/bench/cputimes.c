// SPDX-License-Identifier: GPL-2.0
/*
 * cputimes PID...: the time (CLOCK_MONOTONIC) and each process's processor time, ns, in one
 * line. What /proc says of a process that runs is as old as the last tick.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return -1;
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv)
{
	clockid_t clock;
	int i;

	printf("%lld", ns(CLOCK_MONOTONIC));
	for (i = 1; i < argc; i++) {
		if (clock_getcpuclockid(atoi(argv[i]), &clock)) {
			fprintf(stderr, "cputimes: no process %s\n", argv[i]);
			return 1;
		}
		printf(" %lld", ns(clock));
	}
	printf("\n");
	return 0;
}
