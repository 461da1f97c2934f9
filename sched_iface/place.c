// SPDX-License-Identifier: GPL-2.0
/*
 * Placement: on which pCPU an entity should wait, where its scheduler has a queue
 * for each and leaves that to the interface.
 *
 * Locking: none needed. What is read of other pCPUs is a guess; affinity is looked
 * at again under the lock of the one that was chosen.
 */
#include <linux/bitmap.h>
#include "internal.h"

static unsigned int load_of(const struct vmm_pcpu *p)
{
	return READ_ONCE(p->nr_queued) + (READ_ONCE(p->curr) ? 1 : 0);
}

/* The least loaded pCPU that the entity may use; its present home wins a tie. */
static struct vmm_pcpu *least_loaded(struct vmm_entity *e)
{
	struct vmm_pool *pool = READ_ONCE(e->pool);
	struct vmm_pcpu *best = NULL;
	unsigned int load, best_load = 0;
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++) {
		struct vmm_pcpu *p = &pool->pcpus[i];

		if (!vmm_entity_allowed(e, p))
			continue;
		load = load_of(p);
		if (!best || load < best_load || (load == best_load && p == e->home)) {
			best = p;
			best_load = load;
		}
	}
	return best;
}

/**
 * vmm_choose_home() - which pCPU an entity should be queued on
 * @e:   the entity, OUT
 * @why: why it will be queued
 *
 * Read without locks: a guess about load, a certainty about affinity only when
 * checked again under the lock.
 *
 * Return: never NULL; a pCPU outside the affinity only when none in it is online.
 */
struct vmm_pcpu *vmm_choose_home(struct vmm_entity *e, enum vmm_enqueue_why why)
{
	struct vmm_pool *pool = READ_ONCE(e->pool);
	struct vmm_pcpu *home = READ_ONCE(e->home), *p;
	unsigned int i;

	if (e->anywhere) {
		WRITE_ONCE(e->anywhere, 0);
		p = least_loaded(e);
		if (p)
			return p;
	}
	if (vmm_entity_allowed(e, home)) {
		if (why == VMM_ENQ_SLICE || why == VMM_ENQ_YIELD || why == VMM_ENQ_PREEMPT ||
		    test_bit(home->id, pool->idle))
			return home;
	}
	for_each_set_bit(i, pool->idle, pool->nr_pcpus)
		if (vmm_entity_allowed(e, &pool->pcpus[i]))
			return &pool->pcpus[i];
	for (;;) {
		p = least_loaded(e);
		if (p)
			return p;
		if (e->anywhere == 2)
			return READ_ONCE(e->home);	/* nothing is online: wait there */
		WRITE_ONCE(e->anywhere, e->anywhere + 1);
	}
}

/** vmm_better_elsewhere() - at the end of a slice: would another pCPU have fewer, even with @e? */
bool vmm_better_elsewhere(struct vmm_entity *e, const struct vmm_pcpu *p)
{
	struct vmm_pcpu *best = least_loaded(e);

	return best && best != p && load_of(best) + 1 < load_of(p);
}

/** vmm_idle_elsewhere() - would another pCPU start @e at once, while its home is busy? */
bool vmm_idle_elsewhere(const struct vmm_entity *e, const struct vmm_pcpu *p)
{
	struct vmm_pool *pool = e->pool;
	unsigned int i;

	if (test_bit(p->id, pool->idle))
		return false;
	for_each_set_bit(i, pool->idle, pool->nr_pcpus)
		if (vmm_entity_allowed(e, &pool->pcpus[i]))
			return true;
	return false;
}
