/* SPDX-License-Identifier: GPL-2.0 */
/* Pools of a virtual machine room: what the suites do with them, in few words. */
#ifndef _VMM_KUNIT_VIRTUAL_POOLS_H
#define _VMM_KUNIT_VIRTUAL_POOLS_H

#include <linux/bitmap.h>
#include "virtual_set.h"

#define MS NSEC_PER_MSEC

static inline void to_bits(struct virt_room *r, unsigned long *bits, u64 mask)
{
	u32 i;

	bitmap_zero(bits, 64);
	for (i = 0; i < r->nr_pcpus; i++)
		if (mask & BIT_ULL(i))
			set_bit(i, bits);
}

static inline int add(struct virt_room *r, const char *name, u64 mask, const char *sched,
		      struct vmm_pool **pool, const char **why)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(sched);
	struct vmm_machine *m = r->pool->machine;
	DECLARE_BITMAP(bits, 64);
	int ret;

	if (!ops)
		return -ENOENT;
	to_bits(r, bits, mask);
	mutex_lock(&m->mutex);
	ret = vmm_pool_add(m, name, bits, ops, pool, why);
	mutex_unlock(&m->mutex);
	vmm_sched_put(ops);
	if (!ret)
		r->nr_pools = min_t(u32, VIRT_POOLS, max(r->nr_pools, (*pool)->id + 1));
	return ret;
}

static inline struct vmm_pool *split(struct kunit *test, struct virt_room *r, const char *name,
				     u64 mask, const char *sched)
{
	struct vmm_pool *pool = NULL;
	const char *why = "";

	KUNIT_ASSERT_EQ_MSG(test, add(r, name, mask, sched, &pool, &why), 0, "%s", why);
	virt_check(test, r);
	return pool;
}

static inline int set_cpus(struct virt_room *r, struct vmm_pool *pool, u64 mask, const char **why)
{
	DECLARE_BITMAP(bits, 64);
	int ret;

	to_bits(r, bits, mask);
	mutex_lock(&pool->machine->mutex);
	ret = vmm_pool_set_cpus(pool, bits, why);
	mutex_unlock(&pool->machine->mutex);
	return ret;
}

static inline int del(struct vmm_pool *pool, const char **why)
{
	int ret;

	mutex_lock(&pool->machine->mutex);
	ret = vmm_pool_del(pool, why);
	mutex_unlock(&pool->machine->mutex);
	return ret;
}

static inline int send(struct vmm_group *g, struct vmm_pool *to, struct vmm_swap_result *res,
		       const char **why)
{
	struct vmm_machine *m = to->machine;
	struct vmm_pool *from;
	int ret;

	mutex_lock(&m->mutex);
	from = g->pool;
	mutex_lock(&from->mutex);
	ret = vmm_pool_take_vm(to, g, res, why);
	mutex_unlock(&from->mutex);
	mutex_unlock(&m->mutex);
	return ret;
}

static inline void must_send(struct kunit *test, struct virt_room *r, u32 i, struct vmm_pool *to)
{
	struct vmm_swap_result res;
	const char *why = "";

	KUNIT_ASSERT_EQ_MSG(test, send(r->vcpu[i].group, to, &res, &why), 0, "%s", why);
	virt_check(test, r);
}

/* All VMs go back to pool 0, and the pool ends. */
static inline void join(struct kunit *test, struct virt_room *r, struct vmm_pool *pool)
{
	const char *why = "";
	u32 i;

	for (i = 0; i < r->nr_vcpus; i++)
		if (r->vcpu[i].group->pool == pool)
			must_send(test, r, i, r->pool);
	KUNIT_EXPECT_EQ_MSG(test, del(pool, &why), 0, "%s", why);
	virt_check(test, r);
}

static inline int swap_how(struct vmm_pool *pool, const char *name,
			   const struct vmm_swap_how *how, const char **why)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	struct vmm_swap_result res;
	int ret;

	if (!ops)
		return -ESRCH;
	ret = vmm_sched_activate_how(pool, ops, NULL, 0, how, &res, why);
	vmm_sched_put(ops);
	return ret;
}

static inline int swap_in(struct vmm_pool *pool, const char *name)
{
	const char *why;

	return swap_how(pool, name, NULL, &why);
}

static inline const char *active(struct vmm_pool *pool)
{
	return rcu_access_pointer(pool->active)->ops->name;
}

#endif /* _VMM_KUNIT_VIRTUAL_POOLS_H */
