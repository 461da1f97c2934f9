/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How an op of the active scheduler is reached: one of three ways, which the
 * operator chooses (see enum vmm_dispatch_mode in uapi/linux/vmm.h).
 *
 *   ops:   through the instance's pointer to its table, which a swap replaces
 *          under the lock and RCU;
 *   id:    each pCPU holds the number of its scheduler, and the registry's table
 *          of numbers says which functions stand for it;
 *   patch: the address of the function is written into the call sites (static
 *          calls). There is one set of call sites and there may be several
 *          instances at work (pools, the two sides of a swap): those of which
 *          the addresses are not in the code go by ops.
 *
 * All vmm_call_*() are called as the ops are: see <vmm/sched.h>.
 */
#ifndef _SCHED_IFACE_CALL_H
#define _SCHED_IFACE_CALL_H

#include <linux/jump_label.h>
#include <linux/static_call.h>
#include "internal.h"

DECLARE_STATIC_KEY_FALSE(vmm_mode_id);
DECLARE_STATIC_KEY_FALSE(vmm_mode_patch);

/* By number; written under the registry's mutex. */
extern const struct vmm_sched_ops *vmm_sched_by_id[VMM_SCHED_IDS];

/* The instance whose functions are in the call sites, or NULL while they change. */
extern struct vmm_sched *vmm_patched;

void vmm_no_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		    enum vmm_enqueue_why why, u64 now);
void vmm_no_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now);
u32 vmm_no_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns);
void vmm_no_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		   u64 now);
void vmm_no_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		enum vmm_put_why why, u64 now);
u64 vmm_no_wakeup(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *curr,
		  struct vmm_entity *woken, u64 now);
u64 vmm_no_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		enum vmm_enqueue_why why, u64 now);

DECLARE_STATIC_CALL(vmm_enqueue, vmm_no_enqueue);
DECLARE_STATIC_CALL(vmm_dequeue, vmm_no_dequeue);
DECLARE_STATIC_CALL(vmm_pick, vmm_no_pick);
DECLARE_STATIC_CALL(vmm_charge, vmm_no_charge);
DECLARE_STATIC_CALL(vmm_put, vmm_no_put);
DECLARE_STATIC_CALL(vmm_wakeup, vmm_no_wakeup);
DECLARE_STATIC_CALL(vmm_take, vmm_no_take);

/* Pairs with the release in dispatch_mode.c: the code has been changed before. */
static __always_inline bool vmm_is_patched(const struct vmm_sched *s)
{
	return static_branch_unlikely(&vmm_mode_patch) && smp_load_acquire(&vmm_patched) == s;
}

static __always_inline const struct vmm_sched_ops *vmm_ops_of(const struct vmm_sched *s,
							      const struct vmm_pcpu *p)
{
	/* On the far side of a swap the pCPU's number is not (or no longer) that of @s. */
	if (static_branch_unlikely(&vmm_mode_id) && p->sched_id == s->id &&
	    s->id < VMM_SCHED_IDS)
		return vmm_sched_by_id[p->sched_id];
	return s->ops;
}

static __always_inline void vmm_call_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
					     struct vmm_entity *e, enum vmm_enqueue_why why,
					     u64 now)
{
	if (vmm_is_patched(s))
		static_call(vmm_enqueue)(s, p, e, why, now);
	else
		vmm_ops_of(s, p)->enqueue(s, p, e, why, now);
}

static __always_inline void vmm_call_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
					     struct vmm_entity *e, u64 now)
{
	if (vmm_is_patched(s))
		static_call(vmm_dequeue)(s, p, e, now);
	else
		vmm_ops_of(s, p)->dequeue(s, p, e, now);
}

static __always_inline u32 vmm_call_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
					 u64 *slice_ns)
{
	if (vmm_is_patched(s))
		return static_call(vmm_pick)(s, p, now, slice_ns);
	return vmm_ops_of(s, p)->pick(s, p, now, slice_ns);
}

static __always_inline void vmm_call_charge(struct vmm_sched *s, struct vmm_pcpu *p,
					    struct vmm_entity *e, u64 ran_ns, u64 now)
{
	if (vmm_is_patched(s))
		static_call(vmm_charge)(s, p, e, ran_ns, now);
	else
		vmm_ops_of(s, p)->charge(s, p, e, ran_ns, now);
}

static __always_inline void vmm_call_put(struct vmm_sched *s, struct vmm_pcpu *p,
					 struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
	if (vmm_is_patched(s))
		static_call(vmm_put)(s, p, e, why, now);
	else
		vmm_ops_of(s, p)->put(s, p, e, why, now);
}

/* A scheduler without the op: the slice stays as it is. */
static __always_inline u64 vmm_call_wakeup(struct vmm_sched *s, struct vmm_pcpu *p,
					   struct vmm_entity *curr, struct vmm_entity *woken,
					   u64 now)
{
	const struct vmm_sched_ops *ops;

	if (vmm_is_patched(s))
		return static_call(vmm_wakeup)(s, p, curr, woken, now);
	ops = vmm_ops_of(s, p);
	return ops->wakeup ? ops->wakeup(s, p, curr, woken, now) : VMM_SLICE_INFINITE;
}

/* Of a scheduler that has the op. */
static __always_inline u64 vmm_call_take(struct vmm_sched *s, struct vmm_pcpu *p,
					 struct vmm_entity *e, enum vmm_enqueue_why why, u64 now)
{
	if (vmm_is_patched(s))
		return static_call(vmm_take)(s, p, e, why, now);
	return vmm_ops_of(s, p)->take(s, p, e, why, now);
}

#endif /* _SCHED_IFACE_CALL_H */
