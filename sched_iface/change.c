// SPDX-License-Identifier: GPL-2.0
/*
 * A change of scheduler in several steps, and who undoes it.
 *
 * Policy unload-before removes the old scheduler's module before it loads the
 * new one. In between a stopgap is in charge, and only the requester knows what
 * was there before: so it says "begin" first. From then until a scheduler is
 * made active on request, by anybody, the end of the requester's socket (it was
 * killed, or gave up) has the old scheduler loaded again by modprobe and made
 * active with the parameters that it had. "abort" asks for the same and waits.
 *
 * With the pool that it was begun in a change ends; of another one that is made
 * in its place it knows nothing.
 *
 * Locking: change_mutex protects the one record, and is innermost: every end of a
 * netlink socket takes it. The work sleeps in modprobe and swaps without it, while
 * UNDOING keeps others from beginning.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kmod.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>
#include "internal.h"
#include "netlink.h"

static DEFINE_MUTEX(change_mutex);

static struct {
	enum { NONE, BEGUN, UNDOING } state;
	u32 portid;			/* of the requester's socket */
	struct vmm_pool *pool;		/* where */
	u64 serial;			/* ... and which of those that this memory has been */
	char name[VMM_SCHED_NAME_LEN];	/* who was active */
	char param[VMM_SCHED_MAX_PARAMS][VMM_SCHED_NAME_LEN];
	u64 val[VMM_SCHED_MAX_PARAMS];
	unsigned int nr;
	int ret;			/* of the last undoing */
} change;

static void remember(struct vmm_pool *pool)
{
	const struct vmm_sched *s;
	unsigned int i;

	lockdep_assert_held(&change_mutex);
	s = rcu_dereference_protected(pool->active, lockdep_is_held(&pool->mutex));
	strscpy(change.name, s->ops->name, sizeof(change.name));
	change.pool = pool;
	change.serial = pool->serial;
	change.nr = 0;
	for (i = 0; i < s->ops->nr_params; i++) {
		if (s->ops->params[i].scope != VMM_SCOPE_SCHED)
			continue;
		strscpy(change.param[change.nr], s->ops->params[i].name, VMM_SCHED_NAME_LEN);
		change.val[change.nr] = s->param[change.nr];
		change.nr++;
	}
}

/* UNDOING: the record is the work's own. */
static int bring_back(void)
{
	const struct vmm_swap_how how = { .serial = change.serial };
	struct vmm_param_set set[VMM_SCHED_MAX_PARAMS];
	const struct vmm_sched_ops *ops;
	struct vmm_swap_result res;
	const char *why = "its module cannot be loaded";
	unsigned int i;
	int ret = -ENOENT;

	for (i = 0; i < change.nr; i++) {
		set[i].name = change.param[i];
		set[i].val = change.val[i];
	}
	ops = vmm_sched_get(change.name);
	if (!ops) {
		request_module("sched_%s", change.name);
		ops = vmm_sched_get(change.name);
	}
	if (ops) {
		ret = vmm_sched_activate_how(change.pool, ops, set, change.nr, &how, &res, &why);
		vmm_sched_put(ops);
	}
	if (ret)
		pr_err("change given up; scheduler %s does not come back: %s (%d)\n",
		       change.name, why, ret);
	else
		pr_notice("change given up; scheduler %s is active again\n", change.name);
	return ret;
}

static void undo(struct work_struct *work)
{
	int ret = bring_back();

	mutex_lock(&change_mutex);
	change.ret = ret;
	change.state = NONE;
	mutex_unlock(&change_mutex);
}

static DECLARE_WORK(undo_work, undo);

static bool begin_undo(u32 portid)
{
	bool ours;

	mutex_lock(&change_mutex);
	ours = change.state == BEGUN && change.portid == portid;
	if (ours)
		change.state = UNDOING;
	mutex_unlock(&change_mutex);
	if (ours)
		queue_work(system_unbound_wq, &undo_work);
	return ours;
}

static int on_netlink(struct notifier_block *nb, unsigned long event, void *data)
{
	struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC &&
	    net_eq(n->net, &init_net))
		begin_undo(n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_nb = { .notifier_call = on_netlink };

/**
 * vmm_change_begin() - from now on what is active in a pool comes back
 * @pool:   the pool
 * @serial: its serial number when it was found
 * @portid: of the requester
 * @why:    set to the reason of a refusal
 *
 * Context: process; takes the pool's mutex.
 * Return: 0; -EBUSY: another one is under way; -ENOENT: the pool has gone.
 */
int vmm_change_begin(struct vmm_pool *pool, u64 serial, u32 portid, const char **why)
{
	int ret = 0;

	mutex_lock(&pool->mutex);
	mutex_lock(&change_mutex);
	if (!pool->live || pool->serial != serial) {
		*why = "the pool has just been deleted";
		ret = -ENOENT;
	} else if (change.state != NONE) {
		*why = "another change with unload-before is under way: try again";
		ret = -EBUSY;
	} else {
		remember(pool);
		change.portid = portid;
		change.state = BEGUN;
	}
	mutex_unlock(&change_mutex);
	mutex_unlock(&pool->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_change_begin);

/**
 * vmm_change_abort() - have undone what was begun, and wait for it
 * @portid: of the requester
 * @why:    set to the reason of a failure
 *
 * Context: process; sleeps, also in modprobe; no lock of ours held.
 * Return: 0; -ENOENT: nothing was begun, or it is done; or why the old one is not back.
 */
int vmm_change_abort(u32 portid, const char **why)
{
	int ret;

	*why = "no change was begun here, or it is done";
	if (!begin_undo(portid))
		return -ENOENT;
	*why = "the kernel log says why";
	flush_work(&undo_work);
	mutex_lock(&change_mutex);
	ret = change.ret;
	mutex_unlock(&change_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_change_abort);

/**
 * vmm_change_done() - a scheduler was made active on request, or the pool ends: nothing to undo
 * @pool: the pool
 *
 * Context: process; pool mutex held, so that it is still the pool that the request was for and
 * nobody has begun anything there since. When the pool ends: before it is made anew.
 */
void vmm_change_done(const struct vmm_pool *pool)
{
	lockdep_assert_held(&pool->mutex);
	mutex_lock(&change_mutex);
	if (change.state == BEGUN && change.pool == pool && change.serial == pool->serial)
		change.state = NONE;
	mutex_unlock(&change_mutex);
}

/* --- netlink ------------------------------------------------------------------------ */

static void say(struct genl_info *info, const char *why)
{
	/* Static strings only: an extack keeps the pointer. */
	if (info->extack)
		info->extack->_msg = why;
}

/** vmm_nl_sched_begin() - VMM_CMD_SCHED_BEGIN */
int vmm_nl_sched_begin(struct sk_buff *skb, struct genl_info *info)
{
	int ret = vmm_nl_admin(skb, info);
	struct vmm_pool *pool;
	const char *why;
	u64 serial;

	if (ret)
		return ret;
	pool = vmm_nl_pool(info, &serial);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	ret = vmm_change_begin(pool, serial, info->snd_portid, &why);
	if (ret)
		say(info, why);
	return ret;
}

/** vmm_nl_sched_abort() - VMM_CMD_SCHED_ABORT */
int vmm_nl_sched_abort(struct sk_buff *skb, struct genl_info *info)
{
	int ret = vmm_nl_admin(skb, info);
	const char *why;

	if (ret)
		return ret;
	ret = vmm_change_abort(info->snd_portid, &why);
	if (ret)
		say(info, why);
	return ret;
}

int __init vmm_change_init(void)
{
	return netlink_register_notifier(&netlink_nb);
}

/** vmm_change_exit() - after the netlink family: nobody begins any more */
void vmm_change_exit(void)
{
	netlink_unregister_notifier(&netlink_nb);
	flush_work(&undo_work);
}
