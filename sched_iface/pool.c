// SPDX-License-Identifier: GPL-2.0
/*
 * One pool, its pCPUs and the locks of their dispatch domains. What goes on
 * between several pools is in pools.c and move.c.
 *
 * Each pCPU has one lock in force, that of the dispatch domain which its
 * present scheduler asked for: its own, the LLC's or the pool's. All three
 * exist from the start and pcpu->dom points to the one in force. It changes in
 * a swap only, under the old and the new lock, so whoever got a lock through
 * pcpu->dom looks whether it is still the right one and else tries again.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include "internal.h"

/*
 * Two domain locks are held together in three places only: a swap (coarser
 * reach before finer), vmm_try_peer() (trylock) and the move of an entity
 * between two pCPUs (trylock). One lock class per reach expresses the order.
 */
static struct lock_class_key domain_keys[VMM_DOMAIN_COUNT];
static const char * const domain_names[VMM_DOMAIN_COUNT] = {
	[VMM_DOMAIN_PCPU] = "vmm_domain_pcpu",
	[VMM_DOMAIN_LLC]  = "vmm_domain_llc",
	[VMM_DOMAIN_POOL] = "vmm_domain_pool",
};

struct vmm_domain *vmm_pcpu_domain(struct vmm_pcpu *p, enum vmm_sched_domain reach)
{
	return &p->pool->domains[reach][p->dom_idx[reach]];
}

/** vmm_pcpu_lock_again() - the domain of @p changed while its lock was waited for */
void vmm_pcpu_lock_again(struct vmm_pcpu *p)
{
	struct vmm_domain *d;

	for (;;) {
		d = READ_ONCE(p->dom);
		vmm_domain_lock(d);
		if (likely(d == READ_ONCE(p->dom)))
			return;
		vmm_domain_unlock(d);
	}
}
EXPORT_SYMBOL_GPL(vmm_pcpu_lock_again);

/**
 * vmm_entity_lock() - lock the dispatch domain that an entity belongs to now
 * @e:     the entity
 * @flags: interrupt state to be restored
 *
 * Return: its home pCPU, which stays so until vmm_entity_unlock().
 */
struct vmm_pcpu *vmm_entity_lock(struct vmm_entity *e, unsigned long *flags)
{
	struct vmm_pcpu *p;

	local_irq_save(*flags);
	for (;;) {
		p = READ_ONCE(e->home);
		vmm_pcpu_lock(p);
		if (likely(p == READ_ONCE(e->home)))
			return p;
		vmm_pcpu_unlock(p);
	}
}
EXPORT_SYMBOL_GPL(vmm_entity_lock);

/** vmm_entity_unlock() - undo vmm_entity_lock() */
void vmm_entity_unlock(struct vmm_pcpu *p, unsigned long flags)
{
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);
}
EXPORT_SYMBOL_GPL(vmm_entity_unlock);

static int pool_make_domains(struct vmm_pool *pool, const u32 *llc_of)
{
	u32 nr_llc = 1, i;
	int reach;

	for (i = 0; i < pool->nr_pcpus; i++)
		if (llc_of && llc_of[i] >= nr_llc)
			nr_llc = llc_of[i] + 1;
	pool->nr_domains[VMM_DOMAIN_PCPU] = pool->nr_pcpus;
	pool->nr_domains[VMM_DOMAIN_LLC] = nr_llc;
	pool->nr_domains[VMM_DOMAIN_POOL] = 1;

	for (reach = 0; reach < VMM_DOMAIN_COUNT; reach++) {
		struct vmm_domain *d;

		d = kvcalloc(pool->nr_domains[reach], sizeof(*d), GFP_KERNEL);
		if (!d)
			return -ENOMEM;
		pool->domains[reach] = d;
		for (i = 0; i < pool->nr_domains[reach]; i++) {
			raw_spin_lock_init(&d[i].lock);
			INIT_LIST_HEAD(&d[i].resched);
			lockdep_set_class_and_name(&d[i].lock, &domain_keys[reach],
						   domain_names[reach]);
			d[i].reach = reach;
			d[i].idx = i;
		}
	}
	return 0;
}

static void free_near(struct vmm_pool *pool, enum vmm_near near)
{
	u32 i;

	for (i = 0; i < pool->nr_near[near]; i++)
		bitmap_free(pool->near[near][i]);
	kvfree(pool->near[near]);
	pool->near[near] = NULL;
	pool->nr_near[near] = 0;
}

/* One bitmap for each number that is in @of, or one for all. */
static int make_near(struct vmm_pool *pool, enum vmm_near near, const u32 *of)
{
	unsigned long **sets;
	u32 nr = 1, i;

	for (i = 0; i < pool->nr_pcpus; i++)
		if (of && of[i] >= nr)
			nr = of[i] + 1;
	sets = kvcalloc(nr, sizeof(*sets), GFP_KERNEL);
	if (!sets)
		return -ENOMEM;
	free_near(pool, near);
	pool->near[near] = sets;
	pool->nr_near[near] = nr;
	for (i = 0; i < nr; i++) {
		sets[i] = bitmap_zalloc(pool->nr_pcpus, GFP_KERNEL);
		if (!sets[i])
			return -ENOMEM;
	}
	for (i = 0; i < pool->nr_pcpus; i++) {
		set_bit(i, sets[of ? of[i] : 0]);
		pool->pcpus[i].near[near] = sets[of ? of[i] : 0];
	}
	return 0;
}

/**
 * vmm_pool_set_nodes() - say which pCPU is in which NUMA node
 * @pool:    the pool, not in use yet
 * @node_of: number of the node of each pCPU
 *
 * Until then all are in one.
 * Context: process, may sleep.
 * Return: 0, or -ENOMEM: the pool is good for vmm_pool_destroy() only.
 */
int vmm_pool_set_nodes(struct vmm_pool *pool, const u32 *node_of)
{
	return make_near(pool, VMM_NEAR_NODE, node_of);
}
EXPORT_SYMBOL_GPL(vmm_pool_set_nodes);

static void machine_free(struct vmm_machine *m)
{
	if (!m)
		return;
	kvfree(m->member);
	xa_destroy(&m->ids);
	xa_destroy(&m->vms);
	mutex_destroy(&m->vm_mutex);
	mutex_destroy(&m->mutex);
	kfree(m);
}

static struct vmm_machine *machine_new(u32 nr_pcpus)
{
	struct vmm_machine *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	mutex_init(&m->mutex);
	mutex_init(&m->vm_mutex);
	xa_init(&m->vms);
	xa_init_flags(&m->ids, XA_FLAGS_ALLOC1);
	m->member = kvcalloc(nr_pcpus, sizeof(*m->member), GFP_KERNEL);
	if (!m->member) {
		machine_free(m);
		return NULL;
	}
	return m;
}

static void pool_free(struct vmm_pool *pool)
{
	struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	int reach, cpu;

	for_each_possible_cpu(cpu) {
		struct vmm_pcpu *p = per_cpu(vmm_locked, cpu);

		if (p && p->pool == pool)
			per_cpu(vmm_locked, cpu) = NULL;
	}
	if (s)
		vmm_sched_instance_free(s);
	for (reach = 0; reach < VMM_DOMAIN_COUNT; reach++)
		kvfree(pool->domains[reach]);
	free_near(pool, VMM_NEAR_LLC);
	free_near(pool, VMM_NEAR_NODE);
	bitmap_free(pool->waiting);
	bitmap_free(pool->idle);
	kvfree(pool->pcpus);
	xa_destroy(&pool->entities);
	mutex_destroy(&pool->mutex);
	kfree(pool);
}

static void pool_init_pcpus(struct vmm_pool *pool, const u32 *llc_of, struct vmm_sched *s)
{
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++) {
		struct vmm_pcpu *p = &pool->pcpus[i];

		p->id = i;
		p->pool = pool;
		INIT_LIST_HEAD(&p->queued);
		INIT_LIST_HEAD(&p->left);
		INIT_LIST_HEAD(&p->resched_node);
		p->slice_end = VMM_SLICE_INFINITE;
		p->dom_idx[VMM_DOMAIN_PCPU] = i;
		p->dom_idx[VMM_DOMAIN_LLC] = llc_of ? llc_of[i] : 0;
		p->dom = vmm_pcpu_domain(p, vmm_default_ops.domain);
		RCU_INIT_POINTER(p->sched, s);
		p->sched_id = s->id;
	}
}

/* Without bitmaps of who is near whom; all pCPUs offline, under the default scheduler. */
static struct vmm_pool *pool_new(struct vmm_machine *m, u32 id, u32 nr_pcpus, const u32 *llc_of,
				 const struct vmm_host_ops *host)
{
	struct vmm_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	struct vmm_sched *s;

	if (!pool)
		return NULL;
	pool->id = id;
	pool->machine = m;
	pool->nr_pcpus = nr_pcpus;
	pool->host = host;
	mutex_init(&pool->mutex);
	raw_spin_lock_init(&pool->exit_lock);
	INIT_LIST_HEAD(&pool->groups);
	xa_init_flags(&pool->entities, XA_FLAGS_ALLOC1);
	vmm_watchdog_pool(pool);
	pool->pcpus = kvcalloc(nr_pcpus, sizeof(*pool->pcpus), GFP_KERNEL);
	pool->idle = bitmap_zalloc(nr_pcpus, GFP_KERNEL);
	pool->waiting = bitmap_zalloc(nr_pcpus, GFP_KERNEL);
	if (!pool->pcpus || !pool->idle || !pool->waiting || pool_make_domains(pool, llc_of))
		goto err;
	s = vmm_sched_instance(pool, &vmm_default_ops);
	if (IS_ERR(s))
		goto err;
	s->activated_ns = vmm_pool_now(pool);
	RCU_INIT_POINTER(pool->active, s);
	pool_init_pcpus(pool, llc_of, s);
	if (host->begin_pool)
		host->begin_pool(pool);
	return pool;
err:
	pool_free(pool);
	return NULL;
}

/**
 * vmm_pool_create() - a machine and its pool 0, under the built-in default scheduler
 * @nr_pcpus: how many pCPUs, all offline at first, all in this pool
 * @llc_of:   number of the last-level cache of each, or NULL: one for all
 * @host:     the machine under it
 *
 * Context: process, may sleep.
 * Return: the pool or ERR_PTR(-ENOMEM).
 */
struct vmm_pool *vmm_pool_create(u32 nr_pcpus, const u32 *llc_of,
				 const struct vmm_host_ops *host)
{
	struct vmm_machine *m = machine_new(nr_pcpus);
	struct vmm_pool *pool;
	u32 i;

	if (!m)
		return ERR_PTR(-ENOMEM);
	pool = pool_new(m, 0, nr_pcpus, llc_of, host);
	if (!pool) {
		machine_free(m);
		return ERR_PTR(-ENOMEM);
	}
	m->pool[0] = pool;
	if (make_near(pool, VMM_NEAR_LLC, llc_of) || make_near(pool, VMM_NEAR_NODE, NULL)) {
		vmm_pool_destroy(pool);
		return ERR_PTR(-ENOMEM);
	}
	for (i = 0; i < nr_pcpus; i++)
		m->member[i] = &pool->pcpus[i];
	strscpy(pool->name, "pool0", sizeof(pool->name));
	pool->live = true;
	return pool;
}
EXPORT_SYMBOL_GPL(vmm_pool_create);

/**
 * vmm_pool_beside() - memory for one more pool over a machine's pCPUs
 * @m:  the machine; pool 0 is there, and m->pool[@id] is not
 * @id: its number
 *
 * It has no pCPU and does not exist yet for anybody but the caller.
 * Context: process, may sleep; machine mutex held.
 * Return: the pool, or NULL: no memory.
 */
struct vmm_pool *vmm_pool_beside(struct vmm_machine *m, u32 id)
{
	struct vmm_pool *zero = m->pool[0], *pool = NULL;
	u32 *llc_of = kvcalloc(zero->nr_pcpus, sizeof(*llc_of), GFP_KERNEL);
	u32 i;

	lockdep_assert_held(&m->mutex);
	for (i = 0; llc_of && i < zero->nr_pcpus; i++)
		llc_of[i] = zero->pcpus[i].dom_idx[VMM_DOMAIN_LLC];
	if (llc_of)
		pool = pool_new(m, id, zero->nr_pcpus, llc_of, zero->host);
	kvfree(llc_of);
	if (!pool)
		return NULL;
	/* Those of pool 0, which stays longer. */
	for (i = 0; i < pool->nr_pcpus; i++)
		memcpy(pool->pcpus[i].near, zero->pcpus[i].near, sizeof(pool->pcpus[i].near));
	return pool;
}

/**
 * vmm_pool_destroy() - undo vmm_pool_create()
 * @pool: a machine's pool 0; its pools have no groups left, its pCPUs are offline
 */
void vmm_pool_destroy(struct vmm_pool *pool)
{
	struct vmm_machine *m = pool->machine;
	u32 i;

	for (i = VMM_POOLS; i-- > 0; ) {
		if (!m->pool[i])
			continue;
		if (m->pool[i]->host->end_pool)
			m->pool[i]->host->end_pool(m->pool[i]);
		pool_free(m->pool[i]);
	}
	machine_free(m);
}
EXPORT_SYMBOL_GPL(vmm_pool_destroy);
