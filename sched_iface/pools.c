// SPDX-License-Identifier: GPL-2.0
/*
 * Several pools over one machine: they come and go, and pCPUs change hands.
 *
 * Design: every pool has a pCPU (struct vmm_pcpu) for each CPU of the machine, and
 * every CPU is a member of one pool; in the others its pCPU is offline for good. So
 * a CPU that goes to another pool goes offline in one, by the very steps of a hotplug,
 * and comes online in the other, directly, and one that goes offline on the machine
 * and comes back does so in its pool. Each pool has its own mutex, scheduler,
 * history and timers: what happens in one touches no other.
 *
 * All checks come before the first CPU moves. After them nothing can fail: a CPU
 * leaves a pool with VMs only when another one that is online stays, where those
 * who are brought out can go.
 *
 * Pools stay in memory when they are deleted, and serve again for the next: a
 * vCPU's thread looks at entity->pool and entity->home without a lock.
 *
 * Locking: machine->mutex for all changes, then the mutex of a pool, or of two.
 */
#include <linux/bitmap.h>
#include <linux/ctype.h>
#include "internal.h"

/* --- finding and locking ----------------------------------------------------------- */

/** vmm_lock_pool_of() - lock the pool of a VM, which cannot go to another one then */
struct vmm_pool *vmm_lock_pool_of(struct vmm_group *g)
{
	struct vmm_pool *pool;

	for (;;) {
		pool = READ_ONCE(g->pool);
		mutex_lock(&pool->mutex);
		if (likely(pool == READ_ONCE(g->pool)))
			return pool;
		mutex_unlock(&pool->mutex);
	}
}

/** vmm_lock_pool_of_killable() - the same; 0, or -EINTR: the caller is being killed */
int vmm_lock_pool_of_killable(struct vmm_group *g, struct vmm_pool **pool)
{
	for (;;) {
		*pool = READ_ONCE(g->pool);
		if (mutex_lock_killable(&(*pool)->mutex))
			return -EINTR;
		if (likely(*pool == READ_ONCE(g->pool)))
			return 0;
		mutex_unlock(&(*pool)->mutex);
	}
}

/**
 * vmm_pool_find() - look for a pool
 * @m:    where; machine mutex held
 * @name: its name, or NULL
 * @id:   its id, where @name is NULL
 */
struct vmm_pool *vmm_pool_find(struct vmm_machine *m, const char *name, u32 id)
{
	u32 i;

	lockdep_assert_held(&m->mutex);
	for (i = 0; i < VMM_POOLS; i++)
		if (m->pool[i] && m->pool[i]->live &&
		    (name ? !strcmp(m->pool[i]->name, name) : i == id))
			return m->pool[i];
	return NULL;
}
EXPORT_SYMBOL_GPL(vmm_pool_find);

/* Locks the pool of a VM that was just seen; false: it has gone, or to another one. */
static bool lock_seen(struct vmm_machine *m, struct vmm_pool *pool, struct vmm_group *g, u32 id,
		      const char *name)
{
	bool there;

	mutex_lock(&pool->mutex);
	mutex_lock(&m->vm_mutex);
	there = xa_load(&m->vms, id) == g && g->pool == pool && (!name || !strcmp(g->name, name));
	mutex_unlock(&m->vm_mutex);
	if (!there)
		mutex_unlock(&pool->mutex);
	return there;
}

/**
 * vmm_machine_find_vm() - look for a VM in all pools
 * @m:    where
 * @name: its name, or NULL
 * @id:   its id, where @name is NULL
 *
 * Return: the VM, with the mutex of its pool locked, or NULL.
 */
struct vmm_group *vmm_machine_find_vm(struct vmm_machine *m, const char *name, u32 id)
{
	struct vmm_pool *pool = NULL;
	struct vmm_group *g;
	unsigned long i;

	do {
		mutex_lock(&m->vm_mutex);
		if (name) {
			xa_for_each(&m->vms, i, g)
				if (!strcmp(g->name, name))
					break;
		} else {
			g = xa_load(&m->vms, id);
		}
		if (g) {
			pool = g->pool;
			id = g->id;
		}
		mutex_unlock(&m->vm_mutex);
	} while (g && !lock_seen(m, pool, g, id, name));
	return g;
}
EXPORT_SYMBOL_GPL(vmm_machine_find_vm);

/** vmm_machine_next_vm() - the same for the first VM with an id above @id */
struct vmm_group *vmm_machine_next_vm(struct vmm_machine *m, unsigned long id)
{
	struct vmm_pool *pool = NULL;
	struct vmm_group *g;
	unsigned long next;

	do {
		next = id;
		mutex_lock(&m->vm_mutex);
		g = xa_find_after(&m->vms, &next, ULONG_MAX, XA_PRESENT);
		if (g)
			pool = g->pool;
		mutex_unlock(&m->vm_mutex);
	} while (g && !lock_seen(m, pool, g, next, NULL));
	return g;
}

/* --- a pCPU comes and goes ----------------------------------------------------------- */

/* Pool mutex held. */
static void pcpu_up(struct vmm_pcpu *p)
{
	struct vmm_pool *pool = p->pool;
	struct vmm_post post = { };
	unsigned long flags;

	lockdep_assert_held(&pool->mutex);
	pool->nr_online++;
	local_irq_save(flags);
	vmm_pcpu_lock(p);
	p->online = true;
	set_bit(p->id, pool->idle);
	vmm_watch_restart(p, vmm_pool_now(pool));
	/* With nobody queued here the scheduler may find somebody who waits elsewhere. */
	if (!p->curr)
		vmm_pick(p, vmm_pool_now(pool), &post);
	else
		vmm_check_curr(p, vmm_pool_now(pool), &post);
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);
	vmm_post_run(&post);
	vmm_gate_return(p);
	vmm_pool_pcpus_changed(pool);
}

/* Pool mutex held. Owners are on their way out when this returns. */
static void pcpu_down(struct vmm_pcpu *p)
{
	lockdep_assert_held(&p->pool->mutex);
	p->pool->nr_online--;
	vmm_gate_evacuate(p);
	vmm_pool_pcpus_changed(p->pool);
}

/* Until nobody has or waits for it. There is another one in its pool, or nobody is. */
static void pcpu_drain(struct vmm_pcpu *p)
{
	struct vmm_entity *e;

	for (;;) {
		local_irq_disable();
		vmm_pcpu_lock(p);
		e = p->curr ?: list_first_entry_or_null(&p->queued, struct vmm_entity,
							queued_node);
		vmm_pcpu_unlock(p);
		local_irq_enable();
		if (!e)
			return;
		vmm_gate_requeue(e);	/* it stays as long as we hold its pool's mutex */
		p->pool->host->relax(p->pool);
	}
}

/**
 * vmm_machine_set_online() - a CPU of the machine has come, or is about to go
 * @m:      the machine
 * @cpu:    its number
 * @online: which
 *
 * It stays in its pool, under the scheduler there. When it was the last one, the VMs of
 * that pool wait until there is one again.
 * Context: process; takes the machine's and the pool's mutex.
 */
void vmm_machine_set_online(struct vmm_machine *m, u32 cpu, bool online)
{
	struct vmm_pool *pool;
	struct vmm_pcpu *p;

	mutex_lock(&m->mutex);
	p = m->member[cpu];
	pool = p->pool;
	mutex_lock(&pool->mutex);
	if (online)
		pcpu_up(p);
	else
		pcpu_down(p);
	if (!pool->nr_online && !list_empty(&pool->groups))
		vmm_event_pool(pool, "no CPU is online: its VMs wait");
	mutex_unlock(&pool->mutex);
	mutex_unlock(&m->mutex);
}
EXPORT_SYMBOL_GPL(vmm_machine_set_online);

/* --- membership ---------------------------------------------------------------------------- */

/* Both are offline. Who waits on @to has not been passed over by the picks on @from. */
static void carry_counters(struct vmm_pcpu *from, struct vmm_pcpu *to)
{
	struct vmm_entity *e;

	local_irq_disable();
	vmm_pcpu_lock(to);
	list_for_each_entry(e, &to->queued, queued_node)
		e->picks_at += from->picks;
	to->switches += from->switches;
	to->picks += from->picks;
	to->busy_ns += from->busy_ns;
	vmm_pcpu_unlock(to);
	local_irq_enable();
	from->switches = 0;
	from->picks = 0;
	from->busy_ns = 0;
}

/* After check_cpus(): cannot fail. */
static void move_cpu(struct vmm_machine *m, u32 cpu, struct vmm_pool *to)
{
	struct vmm_pcpu *p = m->member[cpu], *q = &to->pcpus[cpu];
	struct vmm_pool *from = p->pool;
	bool up = p->online;

	lockdep_assert_held(&m->mutex);
	if (from == to)
		return;
	mutex_lock(&from->mutex);
	mutex_lock_nested(&to->mutex, SINGLE_DEPTH_NESTING);
	if (up)
		pcpu_down(p);
	/* One owner of a CPU at most: the last one of the old pool has to be out. */
	pcpu_drain(p);
	carry_counters(p, q);
	WRITE_ONCE(m->member[cpu], q);
	if (up)
		pcpu_up(q);
	mutex_unlock(&to->mutex);
	mutex_unlock(&from->mutex);
}

/* What a pool keeps of its CPUs when it has to give away those in @cpus, or all others. */
static void count_left(struct vmm_machine *m, const struct vmm_pool *pool,
		       const unsigned long *cpus, bool keeps, u32 *left, u32 *online, u32 *lost)
{
	u32 i;

	*left = 0;
	*online = 0;
	*lost = 0;
	for (i = 0; i < pool->nr_pcpus; i++) {
		bool mine = m->member[i]->pool == pool;

		if (test_bit(i, cpus) != keeps) {
			*lost += mine;
		} else if (mine || keeps) {
			(*left)++;
			*online += m->member[i]->online;
		}
	}
}

/* May @pool have exactly @cpus? */
static int check_cpus(struct vmm_machine *m, const struct vmm_pool *pool,
		      const unsigned long *cpus, const char **why)
{
	u32 i, left, online, lost;

	for (i = 0; i < VMM_POOLS; i++) {
		const struct vmm_pool *o = m->pool[i];

		if (!o || (!o->live && o != pool))
			continue;
		count_left(m, o, cpus, o == pool, &left, &online, &lost);
		if (!lost)
			continue;
		if (!o->id && o == pool) {
			*why = "pool 0 has the CPUs that no other pool has: give those to another pool instead";
			return -EINVAL;
		}
		if (!o->id && !left) {
			*why = "pool 0 has to keep a CPU: new VMs begin there";
			return -EBUSY;
		}
		if (!list_empty(&o->groups) && !online) {
			*why = "that would take the last online CPU of a pool that has VMs: move them first ('vmmctl vm set VM pool NAME'), or give it another CPU";
			return -EBUSY;
		}
	}
	return 0;
}

/* @pool gets what it lacks first, so that it is never without. */
static void apply_cpus(struct vmm_machine *m, struct vmm_pool *pool, const unsigned long *cpus)
{
	u32 i;

	for_each_set_bit(i, cpus, pool->nr_pcpus)
		move_cpu(m, i, pool);
	for (i = 0; i < pool->nr_pcpus; i++)
		if (m->member[i]->pool == pool && !test_bit(i, cpus))
			move_cpu(m, i, m->pool[0]);
}

/**
 * vmm_pool_set_cpus() - choose the CPUs of a pool
 * @pool: the pool
 * @cpus: bits by number; those it lacks come from the pools that have them, those it has
 *        beyond them go to pool 0
 * @why:  set to the reason of a refusal
 *
 * Context: process, sleeps; machine mutex held, no pool's.
 * Return: 0, -EINVAL, -EBUSY: nothing has changed.
 */
int vmm_pool_set_cpus(struct vmm_pool *pool, const unsigned long *cpus, const char **why)
{
	struct vmm_machine *m = pool->machine;
	int ret = check_cpus(m, pool, cpus, why);

	if (ret)
		return ret;
	apply_cpus(m, pool, cpus);
	vmm_event_pool(pool, "cpus");
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_pool_set_cpus);

/* --- pools come and go ------------------------------------------------------------------------ */

static int check_name(struct vmm_machine *m, const struct vmm_pool *pool, const char *name,
		      const char **why)
{
	size_t len = strnlen(name, VMM_POOL_NAME_LEN), i;
	const struct vmm_pool *other;

	for (i = 0; i < len; i++)
		if (!((isascii(name[i]) && isalnum(name[i])) || strchr("_-.", name[i])))
			break;
	/* A number alone would be taken for an id. */
	if (!len || len == VMM_POOL_NAME_LEN || i < len || strspn(name, "0123456789") == len) {
		*why = "a pool's name has 1 to 15 letters, digits, - _ and ., and is not a number";
		return -EINVAL;
	}
	other = vmm_pool_find(m, name, 0);
	if (other && other != pool) {
		*why = "there is a pool of that name";
		return -EEXIST;
	}
	return 0;
}

/** vmm_pool_set_name() - rename a pool. Machine mutex held. 0, -EINVAL, -EEXIST */
int vmm_pool_set_name(struct vmm_pool *pool, const char *name, const char **why)
{
	int ret = check_name(pool->machine, pool, name, why);

	if (ret)
		return ret;
	mutex_lock(&pool->mutex);
	strscpy(pool->name, name, sizeof(pool->name));
	mutex_unlock(&pool->mutex);
	vmm_event_pool(pool, "name");
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_pool_set_name);

/* One that was deleted, or a new one. */
static struct vmm_pool *spare_pool(struct vmm_machine *m, const char **why, int *ret)
{
	u32 i, empty = VMM_POOLS;

	for (i = VMM_POOLS; i-- > 0; ) {
		if (!m->pool[i])
			empty = i;
		else if (!m->pool[i]->live)
			return m->pool[i];
	}
	*why = "there are as many pools as there can be";
	*ret = -ENOSPC;
	if (empty == VMM_POOLS)
		return NULL;
	*why = "out of memory";
	*ret = -ENOMEM;
	/* Those who look through all pools without the lock find it complete. */
	if (!vmm_fail_point(m->pool[0]))
		smp_store_release(&m->pool[empty], vmm_pool_beside(m, empty));
	return m->pool[empty];
}

/**
 * vmm_pool_add() - split a pool off
 * @m:    the machine
 * @name: its name
 * @cpus: CPUs that it gets, from whichever pools have them; may be none
 * @ops:  its scheduler; the caller holds a reference on the module
 * @pool: set to the new pool
 * @why:  set to the reason of a refusal
 *
 * Context: process, sleeps; machine mutex held, no pool's.
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC, -ENOMEM, -EBUSY, or what the scheduler says:
 * nothing has changed.
 */
int vmm_pool_add(struct vmm_machine *m, const char *name, const unsigned long *cpus,
		 const struct vmm_sched_ops *ops, struct vmm_pool **pool, const char **why)
{
	struct vmm_pool *p;
	int ret = check_name(m, NULL, name, why);

	if (ret)
		return ret;
	p = spare_pool(m, why, &ret);
	if (!p)
		return ret;
	ret = check_cpus(m, p, cpus, why);
	if (ret)
		return ret;
	mutex_lock(&p->mutex);
	ret = vmm_swap_to(p, ops, "request", why);
	if (!ret) {
		strscpy(p->name, name, sizeof(p->name));
		p->serial = ++m->pools_made;
		p->live = true;
	}
	mutex_unlock(&p->mutex);
	if (ret)
		return ret;
	apply_cpus(m, p, cpus);
	vmm_event_pool(p, "added");
	*pool = p;
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_pool_add);

/**
 * vmm_pool_del() - a pool ends; its CPUs go to pool 0
 * @pool: the pool
 * @why:  set to the reason of a refusal
 *
 * Context: process, sleeps; machine mutex held, no pool's.
 * Return: 0; -EPERM: pool 0; -EBUSY: there are VMs in it.
 */
int vmm_pool_del(struct vmm_pool *pool, const char **why)
{
	struct vmm_machine *m = pool->machine;
	u32 i;

	lockdep_assert_held(&m->mutex);
	if (!pool->id) {
		*why = "pool 0 always exists: new VMs begin there";
		return -EPERM;
	}
	/* VMs come by moves only, which hold the machine's mutex. */
	if (!list_empty(&pool->groups)) {
		*why = "there are VMs in it: move them first ('vmmctl vm set VM pool NAME')";
		return -EBUSY;
	}
	vmm_event_pool(pool, "removed");
	for (i = 0; i < pool->nr_pcpus; i++)
		if (m->member[i]->pool == pool)
			move_cpu(m, i, m->pool[0]);
	mutex_lock(&pool->mutex);
	WARN_ON(vmm_swap_to(pool, &vmm_default_ops, "request", why));
	pool->live = false;
	/* Who begins a change from here on is told that the pool has gone. */
	vmm_change_done(pool);
	mutex_unlock(&pool->mutex);
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_pool_del);

/**
 * vmm_pool_take_vm() - move a VM to a pool
 * @to:  the pool
 * @g:   the VM
 * @res: what was done
 * @why: set to the reason of a refusal
 *
 * Context: process, sleeps; machine mutex and the mutex of the VM's present pool held.
 * Return: as vmm_group_move().
 */
int vmm_pool_take_vm(struct vmm_pool *to, struct vmm_group *g, struct vmm_swap_result *res,
		     const char **why)
{
	bool same = g->pool == to;
	int ret;

	lockdep_assert_held(&to->machine->mutex);
	if (!same)
		mutex_lock_nested(&to->mutex, SINGLE_DEPTH_NESTING);
	ret = vmm_group_move(g, to, res, why);
	if (!same)
		mutex_unlock(&to->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_pool_take_vm);

/* --- schedulers that go ------------------------------------------------------------------------- */

/** vmm_machine_broken() - replace every scheduler that broke its contract; no lock held */
void vmm_machine_broken(struct vmm_machine *m)
{
	struct vmm_pool *pool;
	u32 i;

	for (i = 0; i < VMM_POOLS; i++) {
		pool = READ_ONCE(m->pool[i]);
		if (pool)
			vmm_swap_broken(pool);
	}
}
EXPORT_SYMBOL_GPL(vmm_machine_broken);

/**
 * vmm_machine_unregister() - a scheduler's module goes: out of every pool, and its history
 * @m:   the machine
 * @ops: its table; nobody can ask for it any more
 *
 * Context: process, sleeps; no lock held.
 */
void vmm_machine_unregister(struct vmm_machine *m, const struct vmm_sched_ops *ops)
{
	struct vmm_pool *pool;
	u32 i;

	for (i = 0; i < VMM_POOLS; i++) {
		pool = READ_ONCE(m->pool[i]);
		if (pool)
			vmm_swap_unregister(pool, ops);
	}
}
EXPORT_SYMBOL_GPL(vmm_machine_unregister);
