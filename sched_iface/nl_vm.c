// SPDX-License-Identifier: GPL-2.0
/*
 * Control plane, VMs: what each has and gets, and changes to it.
 *
 * Without CAP_SYS_ADMIN a caller sees its own VMs only. A request to change
 * several things is checked whole before anything changes.
 */
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/slab.h>
#include <linux/vmm.h>
#include "internal.h"
#include "netlink.h"

/* --- what a VM has and gets ------------------------------------------------------ */

static int put_vcpu(struct sk_buff *skb, struct vmm_entity *e)
{
	struct vmm_entity_stats *st;
	struct nlattr *nest;
	unsigned long flags;
	struct vmm_pcpu *p;
	u32 state, pcpu, share, paused;
	int ret = -EMSGSIZE;

	st = kmalloc(sizeof(*st), GFP_KERNEL);
	if (!st)
		return -ENOMEM;
	p = vmm_entity_lock(e, &flags);
	if (p->curr == e)
		vmm_charge(p, vmm_pool_now(p->pool));
	*st = e->stats;
	state = vmm_state(e);
	if (state == VMM_GATE_QUEUED || state == VMM_GATE_OFFERED)
		st->wait_ns += vmm_pool_now(p->pool) - e->since;
	pcpu = p->id;
	share = e->share_ppm;
	paused = e->paused;
	if (paused)
		st->paused_ns += vmm_pool_now(p->pool) - e->paused_at;
	vmm_entity_unlock(p, flags);

	nest = nla_nest_start(skb, VMM_ATTR_VCPU);
	if (nest &&
	    !nla_put_u32(skb, VMM_VCPU_INDEX, e->index) &&
	    !nla_put_u32(skb, VMM_VCPU_ENTITY, e->id) &&
	    !nla_put_u32(skb, VMM_VCPU_STATE, state) &&
	    !nla_put_u32(skb, VMM_VCPU_PCPU, pcpu) &&
	    !nla_put_u32(skb, VMM_VCPU_SHARE, share) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_RUN, st->run_ns, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_WAIT, st->wait_ns, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_OFF, st->off_ns, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_SWITCHES, st->switches, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_OFFERS, st->offers, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_NOSHOWS, st->noshows, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_LOSSES, st->losses, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_LOANS, st->loans, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_LOANS_EXPIRED, st->loan_expired, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_FORCED_OUT, st->forced_out, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_MIGRATIONS, st->migrations, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_BLOCKS, st->blocks, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_WAKES, st->wakes, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_WAKE_P50,
			       vmm_hist_percentile(st->wake_hist, 50), VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_WAKE_P99,
			       vmm_hist_percentile(st->wake_hist, 99), VMM_VCPU_PAD) &&
	    !nla_put_u32(skb, VMM_VCPU_PAUSED, paused) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_PAUSED_NS, st->paused_ns, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_BOOST, vmm_entity_boost(e), VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_GIVEN_WAY, st->given_way, VMM_VCPU_PAD) &&
	    !nla_put_u64_64bit(skb, VMM_VCPU_GIVEN_WAY_DONE, st->given_way_done,
			       VMM_VCPU_PAD) &&
	    !nla_put_u8(skb, VMM_VCPU_GUEST_CRITICAL, READ_ONCE(e->critical)) &&
	    !nla_put(skb, VMM_VCPU_WAKE_HIST, sizeof(st->wake_hist), st->wake_hist)) {
		nla_nest_end(skb, nest);
		ret = 0;
	}
	kfree(st);
	return ret;
}

static int put_vm_params(struct sk_buff *skb, const struct vmm_group *g)
{
	const struct vmm_sched *s = rcu_dereference_protected(g->pool->active, true);
	unsigned int i, n = 0;

	for (i = 0; i < s->ops->nr_params; i++) {
		const struct vmm_sched_param *p = &s->ops->params[i];
		struct nlattr *nest;

		if (p->scope != VMM_SCOPE_GROUP)
			continue;
		nest = nla_nest_start(skb, VMM_ATTR_SCHED_PARAM);
		if (!nest || nla_put_string(skb, VMM_PARAM_NAME, p->name) ||
		    nla_put_u32(skb, VMM_PARAM_UNIT, p->unit) ||
		    nla_put_u64_64bit(skb, VMM_PARAM_VALUE, g->view[s->slot]->param[n++],
				      VMM_PARAM_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_cpus(struct sk_buff *skb, const struct vmm_group *g)
{
	const unsigned long *bits =
		rcu_dereference_protected(g->affinity, lockdep_is_held(&g->pool->mutex));

	if (bits)
		return vmm_nl_put_cpus(skb, VMM_ATTR_VM_CPUS, bits, g->pool->nr_pcpus);
	return nla_put_string(skb, VMM_ATTR_VM_CPUS, "");
}

/*
 * One message for up to a few dozen vCPUs; a VM with more comes in several
 * messages with the same VM_ID. @from says where to go on.
 */
static int put_vm(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		  struct vmm_group *g, unsigned long *from)
{
	struct vmm_entity *e;
	unsigned long n = 0, put = 0;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &vmm_genl_family, flags, VMM_CMD_VM_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, VMM_ATTR_VM_ID, g->id) ||
	    nla_put_string(skb, VMM_ATTR_VM_NAME, g->name) ||
	    nla_put_u32(skb, VMM_ATTR_VM_PID, g->pid) ||
	    nla_put_u32(skb, VMM_ATTR_VM_UID, from_kuid_munged(&init_user_ns, g->uid)) ||
	    nla_put_u32(skb, VMM_ATTR_POOL_ID, g->pool->id) ||
	    nla_put_string(skb, VMM_ATTR_POOL_NAME, g->pool->name) ||
	    nla_put_u32(skb, VMM_ATTR_VM_WEIGHT, g->weight) ||
	    nla_put_u32(skb, VMM_ATTR_VM_CAP, g->cap) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_VM_QUANTUM, g->quantum_ns, VMM_ATTR_PAD) ||
	    nla_put_u8(skb, VMM_ATTR_VM_TIME_CRITICAL, g->time_critical) ||
	    nla_put_u8(skb, VMM_ATTR_VM_PAUSED, g->paused) ||
	    nla_put_u8(skb, VMM_ATTR_VM_GUEST_CRITICAL, g->guest_critical) ||
	    nla_put_u64_64bit(skb, VMM_ATTR_VM_AGE,
			      vmm_pool_now(g->pool) - g->created_ns, VMM_ATTR_PAD) ||
	    put_cpus(skb, g) || put_vm_params(skb, g))
		goto cancel;
	list_for_each_entry(e, &g->entities, group_node) {
		unsigned char *mark = skb_tail_pointer(skb);

		if (n++ < *from)
			continue;
		if (put_vcpu(skb, e)) {
			nlmsg_trim(skb, mark);
			if (!put)
				goto cancel;
			*from = n - 1;
			genlmsg_end(skb, hdr);
			return -EMSGSIZE;
		}
		put++;
	}
	*from = 0;
	genlmsg_end(skb, hdr);
	return 0;
cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

static bool may_see(const struct sk_buff *request, const struct vmm_group *g)
{
	return netlink_capable(request, CAP_SYS_ADMIN) || uid_eq(g->uid, current_uid());
}

int vmm_nl_vm_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vmm_machine *m = vmm_pool0->machine;
	unsigned long from = cb->args[1];
	struct vmm_group *g;
	bool full = false;

	/* args[0]: id of the last VM done: whatever pools they go to meanwhile, each comes once */
	while (!full) {
		g = vmm_machine_next_vm(m, cb->args[0]);
		if (!g)
			break;
		full = may_see(cb->skb, g) &&
		       put_vm(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			      NLM_F_MULTI, g, &from);
		if (!full)
			cb->args[0] = g->id;
		mutex_unlock(&g->pool->mutex);
	}
	cb->args[1] = from;
	return skb->len;
}

/**
 * vmm_nl_find_vm() - VM_NAME or VM_ID of a request, with the mutex of its pool locked
 * @info: the request
 *
 * Return: the VM, or ERR_PTR() with its reason and nothing locked.
 */
struct vmm_group *vmm_nl_find_vm(struct genl_info *info)
{
	struct nlattr *name = info->attrs[VMM_ATTR_VM_NAME];
	struct nlattr *id = info->attrs[VMM_ATTR_VM_ID];
	struct vmm_group *g;

	if (!name && !id) {
		NL_SET_ERR_MSG(info->extack, "which VM? Neither its name nor its id is there");
		return ERR_PTR(-EINVAL);
	}
	g = vmm_machine_find_vm(vmm_pool0->machine, name ? nla_data(name) : NULL,
				id ? nla_get_u32(id) : 0);
	if (!g) {
		NL_SET_ERR_MSG_ATTR(info->extack, name ?: id,
				    "there is no such VM; see 'vmmctl vm list'");
		return ERR_PTR(-ENOENT);
	}
	return g;
}

int vmm_nl_vm_get(struct sk_buff *skb, struct genl_info *info)
{
	u32 room = vmm_nl_cpus_room(vmm_pool0->nr_pcpus);
	struct sk_buff *answer = genlmsg_new(SZ_32K + room, GFP_KERNEL);
	unsigned long from = 0;
	struct vmm_group *g;
	int ret = 0;

	if (!answer)
		return -ENOMEM;
	g = vmm_nl_find_vm(info);
	if (IS_ERR(g))
		ret = PTR_ERR(g);
	else if (!may_see(skb, g))
		ret = -EPERM;
	else
		ret = put_vm(answer, info->snd_portid, info->snd_seq, 0, g, &from);
	if (!IS_ERR(g))
		mutex_unlock(&g->pool->mutex);
	/* More vCPUs than fit: the first ones are answer enough for one request; dump for all. */
	if (ret && !(ret == -EMSGSIZE && from)) {
		if (ret == -EPERM)
			NL_SET_ERR_MSG(info->extack, "that VM belongs to another user");
		nlmsg_free(answer);
		return ret;
	}
	return genlmsg_reply(answer, info);
}

/* --- changes ------------------------------------------------------------------------ */

static int check_numbers(struct genl_info *info)
{
	struct nlattr *a;

	a = info->attrs[VMM_ATTR_VM_WEIGHT];
	if (a && (nla_get_u32(a) < VMM_WEIGHT_MIN || nla_get_u32(a) > VMM_WEIGHT_MAX)) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "the weight must be 1 to 65535");
		return -ERANGE;
	}
	a = info->attrs[VMM_ATTR_VM_CAP];
	if (a && nla_get_u32(a) > VMM_CAP_PER_PCPU * num_possible_cpus()) {
		NL_SET_ERR_MSG_ATTR(info->extack, a,
				    "the cap must be 0 (none) to 100 per cent for each CPU of this machine");
		return -ERANGE;
	}
	a = info->attrs[VMM_ATTR_VM_QUANTUM];
	if (a && nla_get_u64(a) &&
	    (nla_get_u64(a) < VMM_QUANTUM_MIN_NS || nla_get_u64(a) > VMM_QUANTUM_MAX_NS)) {
		NL_SET_ERR_MSG_ATTR(info->extack, a,
				    "the quantum must be 100us to 1s, or 0 for the scheduler's default");
		return -ERANGE;
	}
	a = info->attrs[VMM_ATTR_VM_TIME_CRITICAL];
	if (a && nla_get_u8(a) > 1) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "time-critical is 0 or 1");
		return -ERANGE;
	}
	a = info->attrs[VMM_ATTR_VM_GUEST_CRITICAL];
	if (a && nla_get_u8(a) > 1) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "guest-critical is 0 or 1");
		return -ERANGE;
	}
	return 0;
}

static int parse_cpus(struct genl_info *info, unsigned long **bits, bool *all)
{
	struct nlattr *a = info->attrs[VMM_ATTR_VM_CPUS];

	*all = a && !*(char *)nla_data(a);
	return !a || *all ? 0 : vmm_nl_cpu_list(info, VMM_ATTR_VM_CPUS, bits);
}

/* What can be refused: all of it, or nothing. */
static int apply_fallible(struct genl_info *info, struct vmm_group *g, const unsigned long *bits,
			  bool all, const struct vmm_param_set *set, int n, const char **why)
{
	struct nlattr *a = info->attrs[VMM_ATTR_VM_NEW_NAME];
	char old[VMM_NAME_LEN];
	int ret;

	ret = vmm_group_check_params(g, set, n, why);
	if (ret)
		return ret;
	strscpy(old, g->name, sizeof(old));
	ret = a ? vmm_group_set_name(g, nla_data(a)) : 0;
	if (ret) {
		*why = ret == -EEXIST ? "another VM has that name" :
		       "a name has 1 to 31 printable characters, no slash, and is not a number";
		return ret;
	}
	ret = bits || all ? vmm_group_set_affinity(g, bits) : 0;
	if (ret) {
		*why = ret == -ENOMEM ? "out of memory" :
		       "none of these CPUs is online in the VM's pool";
		goto err_name;
	}
	/* Refused it would be for want of a few bytes only. */
	ret = vmm_group_set_params(g, set, n, why);
	if (!ret)
		return 0;
err_name:
	vmm_group_set_name(g, old);
	return ret;
}

static int apply_vm(struct genl_info *info, struct vmm_group *g, const unsigned long *bits,
		    bool all, const struct vmm_param_set *set, int n, const char **why)
{
	struct nlattr *a;
	int ret;

	ret = apply_fallible(info, g, bits, all, set, n, why);
	if (ret)
		return ret;
	a = info->attrs[VMM_ATTR_VM_WEIGHT];
	if (a)
		WRITE_ONCE(g->weight, nla_get_u32(a));
	a = info->attrs[VMM_ATTR_VM_CAP];
	if (a)
		WRITE_ONCE(g->cap, nla_get_u32(a));
	a = info->attrs[VMM_ATTR_VM_QUANTUM];
	if (a)
		WRITE_ONCE(g->quantum_ns, nla_get_u64(a));
	a = info->attrs[VMM_ATTR_VM_TIME_CRITICAL];
	if (a)
		WRITE_ONCE(g->time_critical, nla_get_u8(a));
	a = info->attrs[VMM_ATTR_VM_GUEST_CRITICAL];
	if (a)
		WRITE_ONCE(g->guest_critical, nla_get_u8(a));
	vmm_group_params_changed(g);
	return 0;
}

int vmm_nl_vm_set(struct sk_buff *skb, struct genl_info *info)
{
	struct vmm_param_set set[VMM_SCHED_MAX_PARAMS];
	unsigned long *bits = NULL;
	const char *why = NULL;
	struct vmm_group *g;
	int n, ret;
	bool all;

	ret = vmm_nl_admin(skb, info) ?: check_numbers(info);
	if (ret)
		return ret;
	if (info->attrs[VMM_ATTR_VM_POOL])
		return vmm_nl_vm_to_pool(skb, info);
	n = vmm_nl_params(info, set);
	if (n < 0)
		return n;
	ret = parse_cpus(info, &bits, &all);
	if (ret)
		goto out;
	g = vmm_nl_find_vm(info);
	ret = IS_ERR(g) ? PTR_ERR(g) : apply_vm(info, g, bits, all, set, n, &why);
	if (!IS_ERR(g))
		mutex_unlock(&g->pool->mutex);
	if (ret && why && info->extack)
		info->extack->_msg = why;
out:
	bitmap_free(bits);
	return ret;
}
