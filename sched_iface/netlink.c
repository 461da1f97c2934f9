// SPDX-License-Identifier: GPL-2.0
/*
 * The control plane: generic netlink family "vmm" (see uapi/linux/vmm.h).
 *
 * It lives here and not in vmm_core, so that schedulers can be loaded, swapped
 * and looked at on machines without VMX.
 *
 * Changing state takes CAP_SYS_ADMIN; each refusal says why in its extack. A
 * dump keeps no pointers between its messages: it remembers how far it came in
 * the order of the list, under the mutex each time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmm.h>
#include "internal.h"
#include "netlink.h"

#define VMM_CPUS_LEN	(SZ_32K - 1)	/* every second CPU of 8,192 are 20 thousand characters */

static const struct nla_policy vmm_policy[VMM_ATTR_MAX + 1] = {
	[VMM_ATTR_SCHED_NAME]	= { .type = NLA_NUL_STRING, .len = VMM_SCHED_NAME_LEN - 1 },
	[VMM_ATTR_SCHED_PARAM]	= { .type = NLA_NESTED },
	[VMM_ATTR_VM_ID]	= { .type = NLA_U32 },
	[VMM_ATTR_VM_NAME]	= { .type = NLA_NUL_STRING, .len = VMM_NAME_LEN - 1 },
	[VMM_ATTR_VM_NEW_NAME]	= { .type = NLA_NUL_STRING, .len = VMM_NAME_LEN - 1 },
	[VMM_ATTR_VM_WEIGHT]	= { .type = NLA_U32 },
	[VMM_ATTR_VM_QUANTUM]	= { .type = NLA_U64 },
	[VMM_ATTR_VM_CPUS]	= { .type = NLA_NUL_STRING, .len = VMM_CPUS_LEN },
	[VMM_ATTR_VM_TIME_CRITICAL] = { .type = NLA_U8 },
	[VMM_ATTR_VM_CAP]	= { .type = NLA_U32 },
	[VMM_ATTR_SWAP_MODE]	= NLA_POLICY_MAX(NLA_U32, VMM_SWAP_CEASE),
	[VMM_ATTR_TIMEOUT]	= { .type = NLA_U64 },
	[VMM_ATTR_ASK]		= NLA_POLICY_MAX(NLA_U32, VMM_ASK_RESUME),
	[VMM_ATTR_VCPU_INDEX]	= { .type = NLA_U32 },
	[VMM_ATTR_TO_VM]	= { .type = NLA_NUL_STRING, .len = VMM_NAME_LEN - 1 },
	[VMM_ATTR_TO_VCPU]	= { .type = NLA_U32 },
	[VMM_ATTR_BOOST]	= { .type = NLA_U64 },
	[VMM_ATTR_VM_GUEST_CRITICAL] = { .type = NLA_U8 },
	[VMM_ATTR_DISPATCH]	= NLA_POLICY_MAX(NLA_U32, VMM_DISPATCH_PATCH),
	[VMM_ATTR_POOL_ID]	= { .type = NLA_U32 },
	[VMM_ATTR_POOL_NAME]	= { .type = NLA_NUL_STRING, .len = VMM_POOL_NAME_LEN - 1 },
	[VMM_ATTR_POOL_NEW_NAME] = { .type = NLA_NUL_STRING, .len = VMM_POOL_NAME_LEN - 1 },
	[VMM_ATTR_POOL_CPUS]	= { .type = NLA_NUL_STRING, .len = VMM_CPUS_LEN },
	[VMM_ATTR_VM_POOL]	= { .type = NLA_NUL_STRING, .len = VMM_POOL_NAME_LEN - 1 },
	[VMM_ATTR_WATCHDOG]	= { .type = NLA_U64 },
};

/** vmm_nl_admin() - 0, or -EPERM with its reason */
int vmm_nl_admin(struct sk_buff *skb, struct genl_info *info)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(info->extack, "changing this takes CAP_SYS_ADMIN: run as root");
	return -EPERM;
}

/** vmm_nl_put_swap() - VMM_ATTR_SWAP */
int vmm_nl_put_swap(struct sk_buff *skb, const struct vmm_swap_result *res)
{
	struct nlattr *nest = nla_nest_start(skb, VMM_ATTR_SWAP);

	if (!nest ||
	    nla_put_string(skb, VMM_SWAP_FROM, res->from) ||
	    nla_put_string(skb, VMM_SWAP_TO, res->to) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_PAUSE_MAX_NS, res->pause_max_ns, VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_PAUSE_TOTAL_NS, res->pause_total_ns, VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_PAUSE_MAX_TICKS, res->pause_max_ticks, VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_PAUSE_TOTAL_TICKS, res->pause_total_ticks,
			      VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_TOTAL_NS, res->total_ns, VMM_SWAP_PAD) ||
	    nla_put_u32(skb, VMM_SWAP_ENTITIES, res->entities) ||
	    nla_put_u32(skb, VMM_SWAP_QUEUED, res->queued) ||
	    nla_put_u32(skb, VMM_SWAP_RUNNING, res->running) ||
	    nla_put_u32(skb, VMM_SWAP_FORCED_OUT, res->forced_out) ||
	    nla_put_u32(skb, VMM_SWAP_DONE_AS, res->ceased ? VMM_SWAP_CEASE : VMM_SWAP_LIVE) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_VCPU_PAUSE_MAX_NS, res->vcpu_pause_max_ns,
			      VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_VCPU_PAUSE_TOTAL_NS, res->vcpu_pause_total_ns,
			      VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_VCPU_PAUSE_MAX_TICKS, res->vcpu_pause_max_ticks,
			      VMM_SWAP_PAD) ||
	    nla_put_u64_64bit(skb, VMM_SWAP_VCPU_PAUSE_TOTAL_TICKS, res->vcpu_pause_total_ticks,
			      VMM_SWAP_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* --- schedulers -------------------------------------------------------------------- */

static int put_param(struct sk_buff *skb, const struct vmm_sched_param *p, const u64 *val)
{
	struct nlattr *nest = nla_nest_start(skb, VMM_ATTR_SCHED_PARAM);

	if (!nest ||
	    nla_put_string(skb, VMM_PARAM_NAME, p->name) ||
	    nla_put_string(skb, VMM_PARAM_HELP, p->help) ||
	    nla_put_u32(skb, VMM_PARAM_UNIT, p->unit) ||
	    nla_put_u32(skb, VMM_PARAM_SCOPE, p->scope) ||
	    nla_put_u64_64bit(skb, VMM_PARAM_MIN, p->min, VMM_PARAM_PAD) ||
	    nla_put_u64_64bit(skb, VMM_PARAM_MAX_VALUE, p->max, VMM_PARAM_PAD) ||
	    nla_put_u64_64bit(skb, VMM_PARAM_DEFAULT, p->def, VMM_PARAM_PAD) ||
	    (val && nla_put_u64_64bit(skb, VMM_PARAM_VALUE, *val, VMM_PARAM_PAD)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_params(struct sk_buff *skb, const struct vmm_sched_ops *ops,
		      const u64 *param)
{
	unsigned int i, n = 0;
	int ret;

	for (i = 0; i < ops->nr_params; i++) {
		const struct vmm_sched_param *p = &ops->params[i];
		const u64 *val = NULL;

		if (p->scope == VMM_SCOPE_SCHED)
			val = param ? &param[n++] : &p->def;
		ret = put_param(skb, p, val);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * vmm_nl_put_exit() - VMM_ATTR_EXIT
 * @skb:  the message
 * @pool: where it was
 * @rec:  valid
 * @vm:   whoever gets it may know the VM
 * @decisions: the last decisions too: some 1.5 KiB
 */
int vmm_nl_put_exit(struct sk_buff *skb, const struct vmm_pool *pool,
		    const struct vmm_exit_record *rec, bool vm, bool decisions)
{
	struct nlattr *nest = nla_nest_start(skb, VMM_ATTR_EXIT);

	if (!nest ||
	    nla_put_string(skb, VMM_EXIT_NAME, rec->name) ||
	    nla_put_u32(skb, VMM_EXIT_KIND, rec->kind) ||
	    nla_put_string(skb, VMM_EXIT_REASON, rec->reason) ||
	    nla_put_u32(skb, VMM_EXIT_ENTITY, rec->entity) ||
	    nla_put_u32(skb, VMM_EXIT_PCPU, rec->pcpu) ||
	    nla_put_u64_64bit(skb, VMM_EXIT_AGO, vmm_pool_now(pool) - rec->at_ns, VMM_EXIT_PAD) ||
	    nla_put_u64_64bit(skb, VMM_EXIT_WAITED, rec->waited_ns, VMM_EXIT_PAD) ||
	    nla_put_u64_64bit(skb, VMM_EXIT_PICKS, rec->picks, VMM_EXIT_PAD) ||
	    nla_put_u64_64bit(skb, VMM_EXIT_ACTIVE, rec->active_ns, VMM_EXIT_PAD) ||
	    (vm && rec->vm[0] && (nla_put_string(skb, VMM_EXIT_VM, rec->vm) ||
				  nla_put_u32(skb, VMM_EXIT_VCPU, rec->vcpu))) ||
	    (rec->next[0] && (nla_put_string(skb, VMM_EXIT_NEXT, rec->next) ||
			      nla_put_u64_64bit(skb, VMM_EXIT_TOOK, rec->took_ns,
						VMM_EXIT_PAD))) ||
	    (decisions && nla_put(skb, VMM_EXIT_DECISIONS, rec->nr * sizeof(rec->decision[0]),
				  rec->decision)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_exit(struct sk_buff *skb, struct vmm_pool *pool)
{
	struct vmm_exit_record *rec = vmm_exit_copy(pool);
	int ret;

	if (!rec)
		return 0;	/* the rest is worth more */
	ret = rec->valid ? vmm_nl_put_exit(skb, pool, rec, false, false) : 0;
	kfree(rec);
	return ret;
}

static int exit_get(struct sk_buff *request, struct genl_info *info)
{
	struct vmm_exit_record *rec;
	struct vmm_pool *pool;
	struct sk_buff *skb;
	int ret = -ENOMEM;
	u64 serial;
	void *hdr;

	pool = vmm_nl_pool(info, &serial);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	rec = vmm_exit_copy(pool);
	skb = genlmsg_new(SZ_4K, GFP_KERNEL);
	if (!rec || !skb)
		goto err;
	ret = -ENOENT;
	if (!rec->valid) {
		NL_SET_ERR_MSG(info->extack, "no scheduler has been thrown out");
		goto err;
	}
	ret = -EMSGSIZE;
	hdr = genlmsg_put_reply(skb, info, &vmm_genl_family, 0, VMM_CMD_SCHED_EXIT_GET);
	if (!hdr || nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ||
	    vmm_nl_put_exit(skb, pool, rec, netlink_capable(request, CAP_SYS_ADMIN), true))
		goto err;
	genlmsg_end(skb, hdr);
	kfree(rec);
	return genlmsg_reply(skb, info);
err:
	nlmsg_free(skb);
	kfree(rec);
	return ret;
}

static int put_active(struct sk_buff *skb, struct vmm_pool *pool, const struct vmm_sched *s)
{
	u64 since = s->activated_ns ? vmm_pool_now(pool) - s->activated_ns : 0;
	u32 i;
	int ret;

	if (nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ||
	    nla_put_string(skb, VMM_ATTR_POOL_NAME, pool->name) ||
	    nla_put_u32(skb, VMM_ATTR_DISPATCH, vmm_dispatch_get()) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_WATCHDOG, vmm_watchdog_get(), VMM_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_SCHED_SINCE, since, VMM_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_SWAPS, pool->nr_swaps, VMM_ATTR_PAD))
		return -EMSGSIZE;
	for (i = 0; i < pool->nr_history; i++)
		if (nla_put_string(skb, VMM_ATTR_HISTORY, pool->history[i]->name))
			return -EMSGSIZE;
	if (pool->nr_swaps) {
		ret = vmm_nl_put_swap(skb, &pool->last_swap);
		if (ret)
			return ret;
	}
	return put_exit(skb, pool);
}

static int put_sched(struct sk_buff *skb, u32 portid, u32 seq, struct vmm_pool *pool,
		     const struct vmm_sched_ops *ops)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	bool active = s->ops == ops;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &vmm_genl_family, NLM_F_MULTI, VMM_CMD_SCHED_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_string(skb, VMM_ATTR_SCHED_NAME, ops->name) ||
	    nla_put_u32(skb, VMM_ATTR_SCHED_ID, vmm_sched_id(ops)) ||
	    nla_put_u32(skb, VMM_ATTR_SCHED_STATE,
			active ? VMM_SCHED_ACTIVE : VMM_SCHED_LOADED) ||
	    nla_put_u32(skb, VMM_ATTR_SCHED_DOMAIN, ops->domain) ||
	    put_params(skb, ops, vmm_params_of(pool, ops)) ||
	    (active && put_active(skb, pool, s))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int sched_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vmm_pool *pool;
	struct vmm_sched_reg *r;
	long n = 0;

	mutex_lock(&vmm_registry_mutex);
	pool = vmm_nl_dump_pool(cb);
	if (IS_ERR(pool)) {
		mutex_unlock(&vmm_registry_mutex);
		return PTR_ERR(pool);
	}
	mutex_lock(&pool->mutex);
	list_for_each_entry(r, &vmm_sched_list, node) {
		if (n++ < cb->args[0] || r->going)
			continue;
		if (put_sched(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, pool, r->ops)) {
			n--;
			break;
		}
	}
	cb->args[0] = n;
	mutex_unlock(&pool->mutex);
	mutex_unlock(&vmm_registry_mutex);
	return skb->len;
}

static int sched_answer(struct genl_info *info, const struct vmm_swap_result *res)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &vmm_genl_family, 0, VMM_CMD_SCHED_SET);
	if (!hdr || vmm_nl_put_swap(skb, res)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/**
 * vmm_nl_params() - the parameters that go with a request
 * @info: the request
 * @set:  VMM_SCHED_MAX_PARAMS entries
 *
 * Return: how many, or a negative errno with its reason.
 */
int vmm_nl_params(struct genl_info *info, struct vmm_param_set *set)
{
	static const struct nla_policy policy[VMM_PARAM_MAX + 1] = {
		[VMM_PARAM_NAME] = { .type = NLA_NUL_STRING, .len = VMM_SCHED_NAME_LEN - 1 },
		[VMM_PARAM_VALUE] = { .type = NLA_U64 },
	};
	struct nlattr *tb[VMM_PARAM_MAX + 1], *a;
	int rem, n = 0, ret;

	nlmsg_for_each_attr(a, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(a) != VMM_ATTR_SCHED_PARAM)
			continue;
		if (n == VMM_SCHED_MAX_PARAMS) {
			NL_SET_ERR_MSG(info->extack, "too many parameters in one request");
			return -E2BIG;
		}
		ret = nla_parse_nested(tb, VMM_PARAM_MAX, a, policy, info->extack);
		if (ret)
			return ret;
		if (!tb[VMM_PARAM_NAME] || !tb[VMM_PARAM_VALUE]) {
			NL_SET_ERR_MSG(info->extack, "a parameter lacks its name or its value");
			return -EINVAL;
		}
		set[n].name = nla_data(tb[VMM_PARAM_NAME]);
		set[n].val = nla_get_u64(tb[VMM_PARAM_VALUE]);
		n++;
	}
	return n;
}

#define CEASE_TIMEOUT_MIN_NS	NSEC_PER_MSEC
#define CEASE_TIMEOUT_MAX_NS	(60 * NSEC_PER_SEC)

static int swap_how(struct genl_info *info, struct vmm_swap_how *how)
{
	struct nlattr *mode = info->attrs[VMM_ATTR_SWAP_MODE];
	struct nlattr *timeout = info->attrs[VMM_ATTR_TIMEOUT];

	how->cease = mode && nla_get_u32(mode) == VMM_SWAP_CEASE;
	how->timeout_ns = timeout ? nla_get_u64(timeout) : NSEC_PER_SEC;
	if (how->timeout_ns < CEASE_TIMEOUT_MIN_NS || how->timeout_ns > CEASE_TIMEOUT_MAX_NS) {
		NL_SET_ERR_MSG_ATTR(info->extack, timeout, "the timeout is 1 ms to 60 s");
		return -ERANGE;
	}
	return 0;
}

static int set_watchdog(struct genl_info *info, struct nlattr *a)
{
	int ret = vmm_watchdog_set(nla_get_u64(a));

	if (ret)
		NL_SET_ERR_MSG_ATTR(info->extack, a, "the watchdog's bound is 100 ms to 30 s");
	return ret;
}

static int sched_set(struct sk_buff *skb, struct genl_info *info)
{
	struct vmm_param_set set[VMM_SCHED_MAX_PARAMS];
	const struct vmm_sched_ops *ops;
	struct vmm_swap_result res;
	struct vmm_swap_how how = { .ends_change = true };
	const char *why = NULL;
	struct vmm_pool *pool;
	int n, ret;

	ret = vmm_nl_admin(skb, info);
	if (ret)
		return ret;
	if (info->attrs[VMM_ATTR_DISPATCH] && !info->attrs[VMM_ATTR_SCHED_NAME])
		return vmm_dispatch_set(nla_get_u32(info->attrs[VMM_ATTR_DISPATCH]));
	if (info->attrs[VMM_ATTR_WATCHDOG] && !info->attrs[VMM_ATTR_SCHED_NAME])
		return set_watchdog(info, info->attrs[VMM_ATTR_WATCHDOG]);
	if (!info->attrs[VMM_ATTR_SCHED_NAME]) {
		NL_SET_ERR_MSG(info->extack, "which scheduler? The name is missing");
		return -EINVAL;
	}
	n = vmm_nl_params(info, set);
	if (n < 0)
		return n;
	ret = swap_how(info, &how);
	if (ret)
		return ret;
	pool = vmm_nl_pool(info, &how.serial);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	ops = vmm_sched_get(nla_data(info->attrs[VMM_ATTR_SCHED_NAME]));
	if (!ops) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[VMM_ATTR_SCHED_NAME],
				    "no scheduler of that name is loaded; see 'vmmctl sched list', load one with 'vmmctl sched load'");
		return -ENOENT;
	}
	ret = vmm_sched_activate_how(pool, ops, set, n, &how, &res, &why);
	vmm_sched_put(ops);
	if (ret) {
		/* Static strings only: an extack keeps the pointer. */
		if (info->extack)
			info->extack->_msg = why;
		return ret;
	}
	/* What could fail has not: the mode is changed last. */
	if (info->attrs[VMM_ATTR_DISPATCH])
		vmm_dispatch_set(nla_get_u32(info->attrs[VMM_ATTR_DISPATCH]));
	return sched_answer(info, &res);
}

/* --- pCPUs --------------------------------------------------------------------------- */

static int put_pcpu(struct sk_buff *skb, struct netlink_callback *cb, struct vmm_pcpu *p)
{
	u32 vm = 0, vcpu = 0, queued;
	u64 switches, picks, busy;
	unsigned long flags;
	bool online;
	void *hdr;

	local_irq_save(flags);
	vmm_pcpu_lock(p);
	vmm_charge(p, vmm_pool_now(p->pool));
	online = p->online;
	queued = p->nr_queued;
	switches = p->switches;
	picks = p->picks;
	busy = p->busy_ns;
	if (p->curr) {
		vm = p->curr->group->id;
		vcpu = p->curr->index;
	}
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &vmm_genl_family, NLM_F_MULTI, VMM_CMD_PCPU_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, VMM_ATTR_PCPU_ID, p->id) ||
	    nla_put_u8(skb, VMM_ATTR_PCPU_ONLINE, online) ||
	    nla_put_u32(skb, VMM_ATTR_POOL_ID, p->pool->id) ||
	    nla_put_string(skb, VMM_ATTR_POOL_NAME, p->pool->name) ||
	    nla_put_u32(skb, VMM_ATTR_PCPU_QUEUED, queued) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_PCPU_SWITCHES, switches, VMM_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_PCPU_PICKS, picks, VMM_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_PCPU_BUSY, busy, VMM_ATTR_PAD) ||
	    (vm && (nla_put_u32(skb, VMM_ATTR_PCPU_OWNER_VM, vm) ||
		    nla_put_u32(skb, VMM_ATTR_PCPU_OWNER_VCPU, vcpu)))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int pcpu_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vmm_machine *m = vmm_pool0->machine;
	u32 i;

	mutex_lock(&m->mutex);
	for (i = cb->args[0]; i < vmm_pool0->nr_pcpus; i++)
		if (put_pcpu(skb, cb, m->member[i]))
			break;
	mutex_unlock(&m->mutex);
	cb->args[0] = i;
	return skb->len;
}

/* --- family ---------------------------------------------------------------------------- */

/* Answers that have lists of CPUs in them. */
static const struct genl_ops vmm_genl_long_ops[] = {
	{ .cmd = VMM_CMD_VM_GET, .doit = vmm_nl_vm_get,
	  .start = vmm_nl_cpus_start, .dumpit = vmm_nl_vm_dump },
	{ .cmd = VMM_CMD_POOL_GET, .doit = vmm_nl_pool_get,
	  .start = vmm_nl_cpus_start, .dumpit = vmm_nl_pool_dump },
};

static const struct genl_small_ops vmm_genl_ops[] = {
	{ .cmd = VMM_CMD_SCHED_GET, .dumpit = sched_dump },
	{ .cmd = VMM_CMD_SCHED_SET, .doit = sched_set },
	{ .cmd = VMM_CMD_VM_SET, .doit = vmm_nl_vm_set },
	{ .cmd = VMM_CMD_PCPU_GET, .dumpit = pcpu_dump },
	{ .cmd = VMM_CMD_SCHED_BEGIN, .doit = vmm_nl_sched_begin },
	{ .cmd = VMM_CMD_SCHED_ABORT, .doit = vmm_nl_sched_abort },
	{ .cmd = VMM_CMD_SCHED_HISTORY, .dumpit = vmm_nl_history_dump },
	{ .cmd = VMM_CMD_ASK, .doit = vmm_nl_ask },
	{ .cmd = VMM_CMD_POOL_ADD, .doit = vmm_nl_pool_add },
	{ .cmd = VMM_CMD_POOL_DEL, .doit = vmm_nl_pool_del },
	{ .cmd = VMM_CMD_POOL_SET, .doit = vmm_nl_pool_set },
	{ .cmd = VMM_CMD_SCHED_EXIT_GET, .doit = exit_get },
};

static const struct genl_multicast_group vmm_genl_groups[] = {
	{ .name = VMM_GENL_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_SYS_ADMIN },
};

struct genl_family vmm_genl_family __ro_after_init = {
	.name		= VMM_GENL_NAME,
	.version	= VMM_GENL_VERSION,
	.maxattr	= VMM_ATTR_MAX,
	.policy		= vmm_policy,
	.module		= THIS_MODULE,
	.ops		= vmm_genl_long_ops,
	.n_ops		= ARRAY_SIZE(vmm_genl_long_ops),
	.small_ops	= vmm_genl_ops,
	.n_small_ops	= ARRAY_SIZE(vmm_genl_ops),
	.resv_start_op	= VMM_CMD_PCPU_GET + 1,
	.mcgrps		= vmm_genl_groups,
	.n_mcgrps	= ARRAY_SIZE(vmm_genl_groups),
};

int __init vmm_netlink_init(void)
{
	return genl_register_family(&vmm_genl_family);
}

void vmm_netlink_exit(void)
{
	genl_unregister_family(&vmm_genl_family);
}
