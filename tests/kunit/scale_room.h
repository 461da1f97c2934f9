/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A room for thousands of pCPUs: as virtual.h, but driven by events. A step costs
 * what happens in it, however many pCPUs and vCPUs there are.
 *
 * The cost of a decision is told in instructions, which are the same on every machine: the
 * processor is single-stepped through it.
 */
#ifndef _VMM_KUNIT_SCALE_ROOM_H
#define _VMM_KUNIT_SCALE_ROOM_H

#include <kunit/test.h>
#include <linux/timerqueue.h>
#include "../../sched_iface/internal.h"

/** struct scale_vcpu - an entity that always wants to run, or runs and sleeps in turn */
struct scale_vcpu {
	struct vmm_entity e;
	struct list_head ready;		/* its thread has something to do */
	struct timerqueue_node timer;	/* a sleeper's next step */
	u64 run_for;			/* a sleeper: runs so long at a time; 0: a hog */
	u64 sleep_for;
	u64 off_at;			/* when it last lost the pCPU */
	u64 gap;			/* longest time without one while it wanted one */
	u64 ran_before;			/* at the beginning of a measurement */
};

/** struct scale_pcpu - the timer of a pCPU */
struct scale_pcpu {
	struct timerqueue_node timer;
	bool armed;
};

/** struct scale_room - a pool and its clock */
struct scale_room {
	struct vmm_host_ops host;
	struct vmm_pool *pool;
	u64 now;
	struct timerqueue_head pcpu_timers, vcpu_timers;
	struct list_head ready;
	u32 nr_pcpus, nr_vcpus, nr_groups;
	struct scale_pcpu *pcpu;
	struct scale_vcpu *vcpu;
	struct vmm_group **group;
	u64 decisions;			/* threads that became owners */
	u64 watch_at;			/* when the watchdog looks next */
	bool broken;			/* a scheduler was thrown out */
	/* Of every count_every-th end of a slice the instructions are counted; 0: of none. */
	u32 count_every, ends, counted;
	u64 insns, insns_max;		/* of all that were counted; of the longest */
};

#define SCALE_START_NS	NSEC_PER_SEC	/* the clock at first */
#define SCALE_VM_VCPUS	64		/* in each VM */

struct scale_room *scale_create(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus);
void scale_destroy(struct scale_room *room);
void scale_start(struct scale_room *room);
void scale_run(struct scale_room *room, u64 until);
void scale_count(struct scale_room *room, u64 ns, u32 samples);
u64 scale_ran(struct scale_room *room, u32 vcpu);
int scale_swap(struct scale_room *room, const char *name, struct vmm_swap_result *res);

#endif /* _VMM_KUNIT_SCALE_ROOM_H */
