/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conformance suite: one scheduler, whichever it is, in the virtual machine
 * room of tests/kunit/virtual.h. The gate, dispatch and swap are the real ones.
 */
#ifndef _VMM_CONFORM_H
#define _VMM_CONFORM_H

#include "../kunit/rnd.h"
#include "../kunit/virtual.h"

#define MS	NSEC_PER_MSEC
#define US	NSEC_PER_USEC

/**
 * struct conform - the scheduler under test
 * @ops:         its table
 * @shim:        the same with every op watched; see shim.c
 * @weights:     it says: shares are proportional to weights (else: all the same)
 * @idles:       it says: a pCPU may stay free although somebody could run there
 * @share_error: it says: shares are right to within so many per cent
 * @wake_ns:     it says: who wakes up runs within so long
 * @set:         parameters that it is to be tested with
 * @nr_set:      how many
 * @set_vm:      those of each VM
 * @nr_set_vm:   how many
 * @room:        the present test's
 * @capped:      some VM has a cap: pCPUs may stay free
 * @complaint:   the first thing that it did wrong, "": none
 * @picks:       how often it named somebody
 * @declines:    how often it named nobody while somebody was queued
 * @slice_min:   shortest slice that it gave, ns
 * @slice_max:   longest one that ends
 * @endless:     slices without end
 * @inits:       init() less exit(), where it has them
 * @pcpus:       pcpu_init() less pcpu_exit()
 * @entities:    attach() less detach()
 */
struct conform {
	const struct vmm_sched_ops *ops;
	struct vmm_sched_ops shim;
	bool weights;
	bool idles;
	u32 share_error;
	u64 wake_ns;
	struct vmm_param_set set[VMM_SCHED_MAX_PARAMS];
	unsigned int nr_set;
	struct vmm_param_set set_vm[VMM_SCHED_MAX_PARAMS];
	unsigned int nr_set_vm;

	struct virt_room *room;
	bool capped;
	char complaint[160];
	u64 picks;
	u64 declines;
	u64 slice_min;
	u64 slice_max;
	u64 endless;
	int inits;
	int pcpus;
	int entities;
};

extern struct conform conform;

extern struct kunit_case conform_order_cases[];
extern struct kunit_case conform_share_cases[];
extern struct kunit_case conform_change_cases[];

/* shim.c */
void conform_make_shim(struct conform *c);
void conform_complain(struct conform *c, const char *fmt, ...) __printf(2, 3);

/* load.c: rooms and what goes on in them */
struct virt_room *conform_room(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus, u32 per_vm);
void conform_leave(struct kunit *test);
int conform_activate(struct virt_room *r, const char **why);
void conform_setup_vms(struct kunit *test, struct virt_room *r);
bool conform_active(struct virt_room *r);
void conform_good(struct kunit *test);
void conform_hogs(struct virt_room *r, u32 from, u32 to);
void conform_sleepers(struct virt_room *r, u32 from, u32 to, u64 run_for, u64 sleep_for);
void conform_act(struct virt_room *r, struct rnd *rnd);
void conform_traffic(struct kunit *test, struct rnd *rnd, u32 steps);
void conform_all_get_on(struct kunit *test);
void conform_set_vm(struct virt_room *r, u32 vcpu, u32 weight, u32 cap);
void conform_pin(struct kunit *test, struct virt_room *r, u32 vcpu, u32 pcpu);
u64 conform_ran(struct virt_room *r);
int conform_swap_to(struct virt_room *r, u32 peer);
const char *conform_peer(u32 peer);

#define CONFORM_PEERS 5

#endif /* _VMM_CONFORM_H */
