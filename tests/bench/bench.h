/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of vmmbench share. */
#ifndef VMM_BENCH_H
#define VMM_BENCH_H

#include <stdint.h>

#include "kvmclient.h"
#include "samples.h"

/**
 * struct bench - one thing to measure
 * @name: stable name of the row
 * @what: the same in words
 * @unit: of a sample; NULL: ticks
 * @samples: how many to take
 * @ours: measured on /dev/vmm only, nothing else has it
 * @named: only when --only names it
 * @measure: adds the samples; 0 or a negative errno
 * @op: enum guest_op, for those measured inside the guest
 * @arg: operand of @op, or variant of @measure
 * @backing: what backs the memory touched (GOP_TOUCH)
 * @present: the host has the pages of that memory already (GOP_TOUCH)
 * @stride: page size in bytes (GOP_TOUCH)
 */
struct bench {
	const char *name;
	const char *what;
	const char *unit;
	unsigned int samples;
	int ours;
	int named;
	int (*measure)(const struct bench *b, int dev, struct samples *s);
	enum guest_op op;
	uint64_t arg;
	enum kvmc_backing backing;
	int present;
	uint64_t stride;
};

static inline uint64_t ticks(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

int bench_in_guest(const struct bench *b, int dev, struct samples *s);
int bench_touch(const struct bench *b, int dev, struct samples *s);

int bench_null_run(const struct bench *b, int dev, struct samples *s);
int bench_create(const struct bench *b, int dev, struct samples *s);
int bench_destroy(const struct bench *b, int dev, struct samples *s);
int bench_switch(const struct bench *b, int dev, struct samples *s);
int bench_yield(const struct bench *b, int dev, struct samples *s);
#define BENCH_SWAP_CEASE	0x10000	/* bench_swap(), in @arg beside the vCPUs: mode cease */
int bench_swap(const struct bench *b, int dev, struct samples *s);
int bench_memory(const struct bench *b, int dev, struct samples *s);

#endif
