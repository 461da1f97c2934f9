// SPDX-License-Identifier: GPL-2.0
/*
 * linuxinit - the whole user space of a Linux guest: process 1, which computes
 *
 * The same running hash over its own memory as our other guests (payload.h), one
 * line "NAME SEQ HASH" per report on the console. Name, seed and sizes come from
 * the kernel's command line: words of the form x=y that the kernel does not know
 * are process 1's environment. Without vmmname it says so and starts a shell. With
 * vmmchecks=1 it looks after more than memory (linuxcheck.c), with vmmdisk=PATH after
 * a disk, too. With vmmsteal=1 a line "steal MS" follows each report: the time that this
 * guest's processors wanted to run and could not, from /proc/stat.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linuxcheck.h"
#include "payload.h"

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void fill(uint64_t *mem, uint64_t words, uint64_t seed)
{
	uint64_t i;

	for (i = 0; i < words; i++) {
		mem[i] = seed;
		seed = seed * HASH_FILL_MUL + HASH_FILL_ADD;
	}
}

static uint64_t hash_round(uint64_t *mem, uint64_t words, uint64_t h)
{
	uint64_t i;

	for (i = 0; i < words; i++) {
		mem[i] = mem[i] * HASH_STEP_MUL + HASH_STEP_ADD;
		h = h * HASH_FOLD + mem[i];
	}
	return h;
}

/* Every line is computed on the next processor. Returns how many there are. */
static int turn(uint64_t seq)
{
	static cpu_set_t all;
	cpu_set_t one;
	int cpu, n, nth;

	if (!CPU_COUNT(&all) && sched_getaffinity(0, sizeof(all), &all))
		return -1;
	n = CPU_COUNT(&all);
	nth = seq % n;
	for (cpu = 0; nth || !CPU_ISSET(cpu, &all); cpu++)
		nth -= CPU_ISSET(cpu, &all);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) ? -1 : n;
}

/* The eighth number of the first line; in units of 10 ms. */
static void print_steal(void)
{
	unsigned long long steal;
	FILE *f = fopen("/proc/stat", "r");

	if (!f)
		return;
	if (fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) == 1)
		printf("steal %llu\n", steal * 10);
	fclose(f);
}

int main(void)
{
	uint64_t bytes = setting("vmmbytes", 1 << 20);
	uint64_t rounds = setting("vmmrounds", 4);
	uint64_t hash = setting("vmmseed", 1), seq = 0, i;
	int steal = setting("vmmsteal", 0);
	const char *name = getenv("vmmname");
	uint64_t *mem = malloc(bytes);
	bool checks = setting("vmmchecks", 0);

	if (!name || !mem) {
		printf("linuxinit: no vmmname\n");
		execl("/bin/sh", "sh", NULL);
		for (;;)
			pause();
	}
	if (steal) {
		mkdir("/proc", 0755);
		mount("proc", "/proc", "proc", 0, NULL);
	}
	fill(mem, bytes / 8, hash);
	if (checks)
		checks_start(name, getenv("vmmdisk"));
	for (;;) {
		int cpus = turn(seq);

		/* A line that nobody expects. */
		if (cpus != (int)setting("vmmcpus", cpus))
			printf("%s 0 %d processors\n", name, cpus);
		for (i = 0; i < rounds; i++)
			hash = hash_round(mem, bytes / 8, hash);
		printf("%s %" PRIu64 " %016" PRIx64 "\n", name, ++seq, hash);
		if (steal)
			print_steal();
		fflush(stdout);
		if (checks)
			checks_turn(seq);
	}
}
