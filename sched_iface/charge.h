/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The account of an owner, for those who end a turn: dispatch.c and take.c. With the lock
 * of the domain held.
 */
#ifndef _SCHED_IFACE_CHARGE_H
#define _SCHED_IFACE_CHARGE_H

#include "call.h"

/* How much of the time since @e was charged its thread was off the CPU; @off: ever, up to @now. */
static __always_inline u64 vmm_charge_away(struct vmm_entity *e, u64 off, u64 now)
{
	u64 away = off > e->off_seen ? off - e->off_seen : 0;

	away = min(away, now - e->charged);
	e->off_seen += away;
	e->stats.off_ns += away;
	return away;
}

/* @e, p->curr, has used @ran ns up to @now. @trusted: vmm_trusted(@p) */
static __always_inline void vmm_charge_ran(struct vmm_pcpu *p, struct vmm_sched *s, bool trusted,
					   struct vmm_entity *e, u64 ran, u64 now)
{
	e->stats.run_ns += ran;
	e->slice_ran += ran;
	p->busy_ns += ran;
	if (now - e->share_at >= VMM_SHARE_WINDOW_NS)
		vmm_entity_update_share(e, now);
	if (trusted)
		vmm_call_charge(s, p, e, ran + e->came_ns, now);
	e->came_ns = 0;
}

#endif /* _SCHED_IFACE_CHARGE_H */
