/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pCPUs under the credit rules and a virtual clock: what sched_credit's main.c
 * does with the interface, done here with a table. For runs that are too large
 * for the virtual room.
 */
#ifndef _VMM_KUNIT_CREDIT_SIM_H
#define _VMM_KUNIT_CREDIT_SIM_H

#include <kunit/test.h>
#include <linux/list.h>
#include "../../sched_credit/credit_policy.h"
#include "rnd.h"

#define MS		1000000LL	/* ns */
#define PERIOD		(30 * MS)

/** struct csim_ent - a vCPU */
struct csim_ent {
	struct credit_ent c;
	struct credit_vm own;	/* its VM, unless the test says otherwise */
	u32 lo, hi;		/* pCPUs that it may use */
	u32 home;
	u64 got;		/* service, ns */
	u64 run_for;		/* a sleeper: runs so long */
	u64 sleep_for;		/* ... and sleeps so long */
	u64 ran;		/* of the present burst */
	u64 wake_at;		/* 0: awake */
	u64 queued_at;
	u64 waited_max;		/* from wake-up to pCPU */
	bool woke;
	struct list_head sleeping;
};

/** struct csim_pcpu - a pCPU */
struct csim_pcpu {
	struct credit_queue q;
	u64 tick_at;
	u32 ticks;
	u64 since;		/* curr has been charged up to here */
	u64 slice_end;
	u64 idle_ns;
	u64 idle_since;
	struct list_head sleepers;
};

/** struct csim - all of it */
struct csim {
	struct kunit *test;
	struct credit_pool pool;
	struct rnd rnd;
	u32 nr_pcpus;
	u32 nr;
	u64 now;
	u64 ratelimit;
	u32 batch;
	u64 steals;
	struct csim_pcpu *p;
	struct csim_ent *e;
};

struct csim *csim_make(struct kunit *test, u32 nr_pcpus, u32 nr);
void csim_set(struct csim *s, u32 i, u32 weight, u32 cap);
/* All start, each on the pCPU of its range that comes next. */
void csim_start(struct csim *s);
void csim_run(struct csim *s, u64 until);
/* Forget what was measured so far. */
void csim_reset(struct csim *s);
/*
 * The oracle: weighted max-min over one pool in which everybody may run
 * everywhere, by raising the level until the pool is used up. In ns per @span.
 */
void csim_fair(const struct csim *s, u64 span, u64 *fair);

#endif /* _VMM_KUNIT_CREDIT_SIM_H */
