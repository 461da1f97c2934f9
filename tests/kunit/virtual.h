/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine room for KUnit: a pool of pCPUs that do not exist, under a
 * clock that stands still until the test moves it, with vCPU threads that are
 * rows of a table. The gate, dispatch and swap are the real ones.
 */
#ifndef _VMM_KUNIT_VIRTUAL_H
#define _VMM_KUNIT_VIRTUAL_H

#include <kunit/test.h>
#include "../../sched_iface/internal.h"

#define VIRT_HORIZON	U64_MAX

/** struct virt_vcpu - an entity and what its fake thread does */
struct virt_vcpu {
	struct vmm_entity e;
	struct vmm_group *group;
	bool absent;		/* its thread does not run: it takes no offer */
	bool stuck;		/* at the guest, or in a handler: does not come out when kicked */
	bool hog;		/* claims again whenever it is OUT */
	bool woken;		/* host->wake() was called since the last step */
	u64 wake_ns;		/* BLOCKED: to be woken then; 0: not planned */
	u64 run_for;		/* a sleeper: runs so long, then blocks */
	u64 sleep_for;		/* ... for so long */
	u64 started;		/* became owner at */
};

#define VIRT_POOLS	4

/** struct virt_room - a machine with its pools, and its clock */
struct virt_room {
	struct vmm_host_ops host;
	struct vmm_pool *pool;	/* pool 0 */
	u32 nr_pools;		/* ids that may be in use; those above 0 by vmm_pool_add() */
	u64 now;
	u32 nr_pcpus;
	u64 *timer;		/* of each pCPU of each pool, VIRT_HORIZON: off */
	u64 pool_timer[VIRT_POOLS];
	struct vmm_sched *pool_timer_of[VIRT_POOLS];
	u32 nr_vcpus;
	struct virt_vcpu *vcpu;
	u32 per_vm;		/* vCPUs of one VM */
	u64 kicks;
	u64 watch_at;		/* when the watchdog looks next */
	bool unwatched;		/* the watchdog's work does not get to run */
	u64 come_ns;		/* how long a thread takes from an offer to the guest */
	bool broken;		/* host->broken() was called */
	bool busy;		/* a pool's mutex is held: nobody is thrown out now */
	bool throttles;		/* its scheduler may leave a pCPU free while somebody waits */
};

struct virt_room *virt_create(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus);
struct virt_room *virt_create_vms(struct kunit *test, u32 nr_pcpus, const u32 *llc_of,
				  u32 nr_vcpus, u32 per_vm);
void virt_destroy(struct virt_room *room);
void virt_online(struct virt_room *room, u32 pcpu, bool online);
/* Runs everything that is due, then time, until @until ns. */
void virt_run(struct virt_room *room, u64 until);
/* What is due at this instant, without moving the clock. */
void virt_settle(struct virt_room *room);
/* Every invariant that can be seen from outside, at this instant. */
void virt_check(struct kunit *test, struct virt_room *room);
u64 virt_ran(struct virt_room *room, u32 vcpu);
/** virt_entity_ran() - ns that @e has been charged with up to now, in any room */
u64 virt_entity_ran(struct vmm_entity *e);
int virt_swap(struct virt_room *room, const char *name);

#endif /* _VMM_KUNIT_VIRTUAL_H */
