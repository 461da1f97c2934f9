// SPDX-License-Identifier: GPL-2.0
/*
 * History: which schedulers were active, when, and why each ended.
 *
 * pool->history is the stack of those that can take over: tables of
 * registered schedulers. This is the record beside it, for the operator: names and numbers, no pointers, so that it outlives
 * the modules. A name has one record, which moves to the front each time that
 * the scheduler ends; so both are in the same order. When there is no room the
 * oldest goes.
 *
 * Locking: the pool's mutex.
 */
#include "internal.h"
#include "netlink.h"

/* --- who takes over ------------------------------------------------------------------- */

/** vmm_past_drop() - @ops does not take over by itself any more. Pool mutex held. */
void vmm_past_drop(struct vmm_pool *pool, const struct vmm_sched_ops *ops)
{
	u32 i, n = 0;

	for (i = 0; i < pool->nr_history; i++)
		if (pool->history[i] != ops)
			pool->history[n++] = pool->history[i];
	pool->nr_history = n;
}

/** vmm_past_push() - @ops is the next to take over. Pool mutex held. */
void vmm_past_push(struct vmm_pool *pool, const struct vmm_sched_ops *ops)
{
	u32 i;

	vmm_past_drop(pool, ops);
	if (ops == &vmm_default_ops)
		return;		/* it is always the last one */
	if (pool->nr_history == VMM_HISTORY_DEPTH)
		pool->nr_history--;
	for (i = pool->nr_history; i > 0; i--)
		pool->history[i] = pool->history[i - 1];
	pool->history[0] = ops;
	pool->nr_history++;
}

/* --- the record ---------------------------------------------------------------------- */

/** vmm_past_find() - the record of a scheduler, or NULL: it was not active yet. Pool mutex held. */
const struct vmm_past *vmm_past_find(const struct vmm_pool *pool, const char *name)
{
	u32 i;

	lockdep_assert_held(&pool->mutex);
	for (i = 0; i < pool->nr_past; i++)
		if (!strcmp(pool->past[i].name, name))
			return &pool->past[i];
	return NULL;
}

/* Its record at the front, made if there is none. */
static struct vmm_past *to_front(struct vmm_pool *pool, const char *name)
{
	const struct vmm_past *found = vmm_past_find(pool, name);
	struct vmm_past rec = { };
	u32 i;

	if (found) {
		rec = *found;
		i = found - pool->past;
	} else {
		strscpy(rec.name, name, sizeof(rec.name));
		i = pool->nr_past < VMM_PAST_DEPTH ? pool->nr_past++ : VMM_PAST_DEPTH - 1;
	}
	memmove(&pool->past[1], &pool->past[0], i * sizeof(rec));
	pool->past[0] = rec;
	return &pool->past[0];
}

/**
 * vmm_past_note() - a scheduler is active no longer
 * @pool:  the pool; its mutex is held
 * @a:     the scheduler's instance
 * @cause: why: request, unload, breach
 * @now:   ns
 */
void vmm_past_note(struct vmm_pool *pool, const struct vmm_sched *a, const char *cause,
		   u64 now)
{
	struct vmm_past *rec;

	lockdep_assert_held(&pool->mutex);
	rec = to_front(pool, a->ops->name);
	rec->from_ns = a->activated_ns;
	rec->until_ns = now;
	rec->total_ns += now - a->activated_ns;
	rec->times++;
	rec->reason[0] = '\0';
	if (READ_ONCE(a->broken)) {
		cause = "breach";
		raw_spin_lock_irq(&pool->exit_lock);
		if (!strcmp(pool->last_exit.name, rec->name))
			strscpy(rec->reason, pool->last_exit.reason, sizeof(rec->reason));
		raw_spin_unlock_irq(&pool->exit_lock);
	}
	strscpy(rec->cause, cause, sizeof(rec->cause));
}
EXPORT_SYMBOL_GPL(vmm_past_note);

/**
 * vmm_past_rank() - when would a scheduler take over by itself?
 * @pool: the pool; its mutex is held
 * @name: the scheduler's name
 *
 * Return: 1 for the next one, and so on; 0: it would not.
 */
unsigned int vmm_past_rank(const struct vmm_pool *pool, const char *name)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	u32 i;

	lockdep_assert_held(&pool->mutex);
	for (i = 0; i < pool->nr_history; i++)
		if (!strcmp(pool->history[i]->name, name))
			return i + 1;
	return s->ops != &vmm_default_ops && !strcmp(name, vmm_default_ops.name) ?
	       pool->nr_history + 1 : 0;
}
EXPORT_SYMBOL_GPL(vmm_past_rank);

/* --- netlink ------------------------------------------------------------------------ */

static u32 state_of(const struct vmm_pool *pool, const char *name)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	const struct vmm_sched_reg *r;

	if (!strcmp(s->ops->name, name))
		return VMM_SCHED_ACTIVE;
	list_for_each_entry(r, &vmm_sched_list, node)
		if (!r->going && !strcmp(r->ops->name, name))
			return VMM_SCHED_LOADED;
	return VMM_SCHED_UNLOADED;
}

static int put_past(struct sk_buff *skb, const struct vmm_pool *pool, const char *name,
		    u32 state)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	const struct vmm_past *rec = vmm_past_find(pool, name);
	struct nlattr *nest = nla_nest_start(skb, VMM_ATTR_PAST);
	unsigned int rank = vmm_past_rank(pool, name);
	bool active = state == VMM_SCHED_ACTIVE;
	u64 now = vmm_pool_now(pool);
	u64 total = rec ? rec->total_ns : 0;
	u64 began = active ? s->activated_ns : rec ? rec->from_ns : 0;

	if (active)
		total += now - s->activated_ns;
	if (!nest ||
	    nla_put_u32(skb, VMM_PAST_TIMES, (rec ? rec->times : 0) + active) ||
	    nla_put_u64_64bit(skb, VMM_PAST_TOTAL, total, VMM_PAST_PAD) ||
	    ((active || rec) &&
	     nla_put_u64_64bit(skb, VMM_PAST_BEGAN, now - began, VMM_PAST_PAD)) ||
	    (rec && !active &&
	     nla_put_u64_64bit(skb, VMM_PAST_ENDED, now - rec->until_ns, VMM_PAST_PAD)) ||
	    (rec && !active && nla_put_string(skb, VMM_PAST_CAUSE, rec->cause)) ||
	    (rec && !active && rec->reason[0] &&
	     nla_put_string(skb, VMM_PAST_REASON, rec->reason)) ||
	    (rank && nla_put_u32(skb, VMM_PAST_RANK, rank)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_row(struct sk_buff *skb, struct netlink_callback *cb,
		   const struct vmm_pool *pool, const char *name)
{
	u32 state = state_of(pool, name);
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &vmm_genl_family, NLM_F_MULTI, VMM_CMD_SCHED_HISTORY);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ||
	    nla_put_string(skb, VMM_ATTR_SCHED_NAME, name) ||
	    nla_put_u32(skb, VMM_ATTR_SCHED_STATE, state) ||
	    put_past(skb, pool, name, state)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* The name in row @row: the active one, the past ones, the default; NULL: has its row elsewhere. */
static const char *row_name(const struct vmm_pool *pool, u32 row)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	const char *name;

	if (!row)
		return s->ops->name;
	name = row <= pool->nr_past ? pool->past[row - 1].name : vmm_default_ops.name;
	if (!strcmp(name, s->ops->name))
		return NULL;
	if (row <= pool->nr_past && !strcmp(name, vmm_default_ops.name))
		return NULL;
	return name;
}

/** vmm_nl_history_dump() - VMM_CMD_SCHED_HISTORY */
int vmm_nl_history_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vmm_pool *pool;
	const char *name;
	u32 row;

	mutex_lock(&vmm_registry_mutex);
	pool = vmm_nl_dump_pool(cb);
	if (IS_ERR(pool)) {
		mutex_unlock(&vmm_registry_mutex);
		return PTR_ERR(pool);
	}
	mutex_lock(&pool->mutex);
	for (row = cb->args[0]; row <= pool->nr_past + 1; row++) {
		name = row_name(pool, row);
		if (name && put_row(skb, cb, pool, name))
			break;
	}
	cb->args[0] = row;
	mutex_unlock(&pool->mutex);
	mutex_unlock(&vmm_registry_mutex);
	return skb->len;
}
