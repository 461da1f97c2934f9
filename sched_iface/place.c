// SPDX-License-Identifier: GPL-2.0
/*
 * Placement: on which pCPU an entity should wait, where its scheduler has a queue for
 * each and leaves that to the interface: an idle one, else one where few wait.
 *
 * Design: this is part of each decision, so it may not cost more the more pCPUs
 * there are. Of a large pool it looks at VMM_LOOK pCPUs, the next ones each time,
 * and the best of those will do: loads are levelled out by many small steps, since
 * every end of a slice is one. Who is idle stands in a bitmap, of which 64
 * are one look. All pCPUs are looked at only where the present home is no choice.
 *
 * Locking: none. A guess about load, a certainty about affinity only when checked
 * again under the lock.
 */
#include <linux/bitmap.h>
#include "internal.h"

#define VMM_LOOK	16

static unsigned int load_of(const struct vmm_pcpu *p)
{
	return READ_ONCE(p->nr_queued) + (READ_ONCE(p->curr) ? 1 : 0);
}

/* The least loaded of @n pCPUs from @from on that the entity may use; its home wins a tie. */
static struct vmm_pcpu *least_loaded(struct vmm_entity *e, struct vmm_pool *pool, u32 from, u32 n)
{
	struct vmm_pcpu *home = READ_ONCE(e->home), *best = NULL;
	unsigned int load, best_load = 0;

	if (n < pool->nr_pcpus && home->pool == pool && vmm_entity_allowed(e, home)) {
		best = home;
		best_load = load_of(home);
	}
	for (; n; n--, from = from + 1 < pool->nr_pcpus ? from + 1 : 0) {
		struct vmm_pcpu *p = &pool->pcpus[from];

		if (!vmm_entity_allowed(e, p))
			continue;
		load = load_of(p);
		if (!best || load < best_load || (load == best_load && p == home)) {
			best = p;
			best_load = load;
		}
	}
	return best;
}

static struct vmm_pcpu *least_of_all(struct vmm_entity *e, struct vmm_pool *pool)
{
	return least_loaded(e, pool, 0, pool->nr_pcpus);
}

/* The same for some of them: those behind the ones that its home has looked at last. */
static struct vmm_pcpu *least_of_some(struct vmm_entity *e, struct vmm_pool *pool)
{
	struct vmm_pcpu *home = READ_ONCE(e->home);
	u32 nr = pool->nr_pcpus, from;

	if (nr <= VMM_LOOK)
		return least_of_all(e, pool);
	from = READ_ONCE(home->looked);
	if (from >= nr)
		from = 0;
	WRITE_ONCE(home->looked, from + VMM_LOOK);
	return least_loaded(e, pool, from, VMM_LOOK);
}

/* Those of 64 pCPUs where the entity may run, by the masks; online or not */
static unsigned long may_run(const struct vmm_entity *e, unsigned int word)
{
	unsigned int anywhere = READ_ONCE(e->anywhere);
	const unsigned long *affinity;
	unsigned long bits = ~0UL;

	if (anywhere < 2)
		bits = e->wish[word];
	if (!anywhere) {
		rcu_read_lock();
		affinity = rcu_dereference(e->group->affinity);
		if (affinity)
			bits &= affinity[word];
		rcu_read_unlock();
	}
	return bits;
}

/**
 * vmm_next_idle() - the next idle pCPU where an entity may run
 * @pool: where to look
 * @e:    the entity
 * @from: number to begin with
 *
 * Return: a pCPU; NULL: there is none. The mark of idle may be stale.
 */
struct vmm_pcpu *vmm_next_idle(struct vmm_pool *pool, const struct vmm_entity *e, u32 from)
{
	unsigned long bits;
	u32 id;

	while (from < pool->nr_pcpus) {
		bits = READ_ONCE(pool->idle[BIT_WORD(from)]) & BITMAP_FIRST_WORD_MASK(from);
		if (bits)
			bits &= may_run(e, BIT_WORD(from));
		if (!bits) {
			from = (BIT_WORD(from) + 1) * BITS_PER_LONG;
			continue;
		}
		id = BIT_WORD(from) * BITS_PER_LONG + __ffs(bits);
		if (vmm_entity_allowed(e, &pool->pcpus[id]))
			return &pool->pcpus[id];
		from = id + 1;
	}
	return NULL;
}

/**
 * vmm_choose_home() - which pCPU an entity should be queued on
 * @e:   the entity, OUT
 * @why: why it will be queued
 *
 * It may go to another pool meanwhile: whoever queues it looks at that again.
 *
 * Return: never NULL; a pCPU outside the affinity only when none in it is online.
 */
struct vmm_pcpu *vmm_choose_home(struct vmm_entity *e, enum vmm_enqueue_why why)
{
	struct vmm_pool *pool = READ_ONCE(e->pool);
	struct vmm_pcpu *home = READ_ONCE(e->home), *p;

	if (e->anywhere) {
		WRITE_ONCE(e->anywhere, 0);
		p = least_of_all(e, pool);
		if (p)
			return p;
	}
	if (vmm_entity_allowed(e, home)) {
		if (why == VMM_ENQ_SLICE || why == VMM_ENQ_YIELD || why == VMM_ENQ_PREEMPT ||
		    test_bit(home->id, pool->idle))
			return home;
		return vmm_next_idle(pool, e, 0) ?: least_of_some(e, pool) ?: home;
	}
	p = vmm_next_idle(pool, e, 0);
	while (!p) {
		p = least_of_all(e, pool);
		if (!p && e->anywhere == 2)
			return READ_ONCE(e->home);	/* nothing is online: wait there */
		if (!p)
			WRITE_ONCE(e->anywhere, e->anywhere + 1);
	}
	return p;
}

/** vmm_better_elsewhere() - at the end of a slice: would another pCPU have fewer, even with @e? */
bool vmm_better_elsewhere(struct vmm_entity *e, const struct vmm_pcpu *p)
{
	struct vmm_pcpu *best;

	if (vmm_pcpu_sched(p)->ops->levels)
		return false;
	best = least_of_some(e, p->pool);
	return best && best != p && load_of(best) + 1 < load_of(p);
}

/** vmm_idle_elsewhere() - would another pCPU start @e at once, while its home is busy? */
bool vmm_idle_elsewhere(const struct vmm_entity *e, const struct vmm_pcpu *p)
{
	return !test_bit(p->id, p->pool->idle) && vmm_next_idle(p->pool, e, 0);
}
