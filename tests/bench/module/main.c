// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_bench: what can be measured in the kernel only, and has no peer.
 *
 * Loading it measures, which takes some seconds on the emulated machine, and
 * prints a row each to the kernel log:
 *
 *	BENCH {"name": ..., "unit": "ticks", "what": ..., "value": MEDIAN, ...}
 *
 * or the same with "error". Then it does nothing more and can be unloaded.
 * tests/bench/measure loads it, after the schedulers.
 *
 * Locking: none; everything runs in the loading thread but what threads.c
 * starts and waits for.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "../../../sched_iface/internal.h"
#include "bench.h"

#define SAMPLES		4096u

static const u32 sizes[] = { 2, 64, 1024 };
static const char * const scheds[] = { "default", "rr", "bvt", "credit", "edf" };
static const struct {
	enum vmm_dispatch_mode mode;
	const char *name;
} modes[] = {
	{ VMM_DISPATCH_ID, "id" },
	{ VMM_DISPATCH_PATCH, "patch" },
};

/** series_add() - keep a value, if there is room */
void series_add(struct series *s, u64 ticks)
{
	if (s->nr < s->room)
		s->v[s->nr++] = ticks;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/* One row; @err: why there are no values. Leaves the series empty. */
static void report(const char *name, const char *what, struct series *s, int err)
{
	if (!err && !s->nr)
		err = -ENODATA;
	if (err) {
		pr_info("BENCH {\"name\": \"%s\", \"unit\": \"ticks\", \"what\": \"%s\", \"error\": \"errno %d\"}\n",
			name, what, -err);
	} else {
		sort(s->v, s->nr, sizeof(*s->v), compare, NULL);
		pr_info("BENCH {\"name\": \"%s\", \"unit\": \"ticks\", \"what\": \"%s\", \"value\": %llu, \"min\": %llu, \"p99\": %llu, \"max\": %llu, \"samples\": %u}\n",
			name, what, s->v[(s->nr - 1) / 2], s->v[0],
			s->v[(u64)(s->nr - 1) * 99 / 100], s->v[s->nr - 1], s->nr);
	}
	s->nr = 0;
}

static void measure(struct series *s)
{
	char name[32], what[96];
	unsigned int i, j;
	int err;

	for (i = 0; i < ARRAY_SIZE(scheds); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			snprintf(name, sizeof(name), "dispatch_%s_%u", scheds[i], sizes[j]);
			snprintf(what, sizeof(what),
				 "end of a slice: charge, put, queue, pick, offer; %u runnable",
				 sizes[j]);
			err = room_dispatch(scheds[i], sizes[j], s);
			report(name, what, s, err);
		}
	}
	/* The other two ways to a scheduler; above it was by the pointer to its table. */
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		vmm_dispatch_set(modes[i].mode);
		for (j = 0; j < ARRAY_SIZE(scheds); j++) {
			snprintf(name, sizeof(name), "dispatch_%s_%s", modes[i].name, scheds[j]);
			snprintf(what, sizeof(what), "dispatch_%s_64 with dispatch by %s",
				 scheds[j], modes[i].name);
			err = room_dispatch(scheds[j], 64, s);
			report(name, what, s, err);
		}
	}
	vmm_dispatch_set(VMM_DISPATCH_OPS);
	for (j = 0; j < 2; j++) {
		snprintf(name, sizeof(name), "swap_room_%u", sizes[j]);
		snprintf(what, sizeof(what),
			 "lock of a pCPU held by a swap, %u runnable there, no guests", sizes[j]);
		err = room_swaps(sizes[j], s);
		report(name, what, s, err);
	}
	err = threads_switch(s);
	report("switch_kernel", "owner told to go until the next thread is past the gate", s, err);
}

static int __init bench_init(void)
{
	struct series s = { .room = SAMPLES };

	s.v = kvcalloc(s.room, sizeof(*s.v), GFP_KERNEL);
	if (!s.v)
		return -ENOMEM;
	measure(&s);
	kvfree(s.v);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_SOFTDEP("pre: sched_rr sched_bvt sched_credit sched_edf");
MODULE_DESCRIPTION("Measurements of the hypervisor's schedulers");
MODULE_LICENSE("GPL");
