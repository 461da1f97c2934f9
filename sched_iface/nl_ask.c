// SPDX-License-Identifier: GPL-2.0
/*
 * Control plane, requests for a decision: what is asked for, of which vCPU, and
 * the answer. What happens is in request.c.
 *
 * A request that cannot be understood, or names what is not there, gets an
 * errno. One that was understood gets an answer, which says whether it was done.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmm.h>
#include "internal.h"
#include "netlink.h"

#define BOOST_MAX_NS	(10ULL * NSEC_PER_SEC)

static struct vmm_entity *find_vcpu(struct genl_info *info, struct vmm_group *g, int attr)
{
	u32 index = nla_get_u32(info->attrs[attr]);
	struct vmm_entity *e;

	list_for_each_entry(e, &g->entities, group_node)
		if (e->index == index)
			return e;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "the VM has no vCPU of that number; see 'vmmctl vcpu list'");
	return ERR_PTR(-ENOENT);
}

/* TO_VCPU of TO_VM, or of @g itself; NULL: nobody is named */
static struct vmm_entity *find_target(struct genl_info *info, struct vmm_group *g)
{
	struct nlattr *vm = info->attrs[VMM_ATTR_TO_VM];
	const char *name;
	u32 id = 0;

	if (!info->attrs[VMM_ATTR_TO_VCPU]) {
		if (!vm)
			return NULL;
		NL_SET_ERR_MSG_ATTR(info->extack, vm, "which vCPU of it? TO_VCPU is missing");
		return ERR_PTR(-EINVAL);
	}
	if (vm) {
		name = nla_data(vm);
		if (!kstrtou32(name, 10, &id))
			name = NULL;
		g = vmm_group_find(g->pool, name, id);
	}
	if (!g) {
		NL_SET_ERR_MSG_ATTR(info->extack, vm,
				    "there is no VM of that name in the same pool to yield to; see 'vmmctl vm list'");
		return ERR_PTR(-ENOENT);
	}
	return find_vcpu(info, g, VMM_ATTR_TO_VCPU);
}

static int put_answer(struct sk_buff *skb, const struct vmm_entity *e, const struct vmm_answer *a)
{
	struct nlattr *nest = nla_nest_start(skb, VMM_ATTR_FEEDBACK);

	if (!nest ||
	    nla_put_u32(skb, VMM_FEEDBACK_VCPU, e->index) ||
	    nla_put_u32(skb, VMM_FEEDBACK_RESULT, a->result) ||
	    nla_put_u32(skb, VMM_FEEDBACK_STATE, a->state) ||
	    nla_put_u32(skb, VMM_FEEDBACK_PCPU, a->pcpu) ||
	    nla_put_u64_64bit(skb, VMM_FEEDBACK_TIME, a->took_ns, VMM_FEEDBACK_PAD) ||
	    (a->next_vm && (nla_put_u32(skb, VMM_FEEDBACK_NEXT_VM, a->next_vm) ||
			    nla_put_string(skb, VMM_FEEDBACK_NEXT_NAME, a->next_name) ||
			    nla_put_u32(skb, VMM_FEEDBACK_NEXT_VCPU, a->next_vcpu)))) {
		if (nest)
			nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static void ask_one(u32 ask, struct vmm_entity *e, u8 how, u64 begin, struct vmm_answer *a)
{
	if (ask == VMM_ASK_PAUSE)
		vmm_request_pause(e, how, begin, a);
	else
		vmm_request_resume(e, how, a);
}

/* All vCPUs; those that there is no room for in the message are done without a word. */
static void ask_vm(struct sk_buff *skb, u32 ask, struct vmm_group *g)
{
	u64 begin = vmm_pool_now(g->pool);
	struct vmm_answer a;
	struct vmm_entity *e;

	g->paused = ask == VMM_ASK_PAUSE;
	list_for_each_entry(e, &g->entities, group_node) {
		ask_one(ask, e, VMM_PAUSED_VM, begin, &a);
		put_answer(skb, e, &a);
	}
}

static int ask_vcpu(struct sk_buff *skb, struct genl_info *info, u32 ask, struct vmm_group *g)
{
	struct nlattr *boost = info->attrs[VMM_ATTR_BOOST];
	struct vmm_entity *e, *to;
	struct vmm_answer a;

	e = find_vcpu(info, g, VMM_ATTR_VCPU_INDEX);
	if (IS_ERR(e))
		return PTR_ERR(e);
	to = find_target(info, g);
	if (IS_ERR(to))
		return PTR_ERR(to);
	if (to == e) {
		NL_SET_ERR_MSG(info->extack, "a vCPU cannot yield to itself");
		return -EINVAL;
	}
	if ((to && ask != VMM_ASK_YIELD) || (boost && ask != VMM_ASK_BOOST)) {
		NL_SET_ERR_MSG(info->extack, "only a yield is to somebody, only a boost is for a time");
		return -EINVAL;
	}
	if (boost && nla_get_u64(boost) > BOOST_MAX_NS) {
		NL_SET_ERR_MSG_ATTR(info->extack, boost, "a boost lasts 10s at most");
		return -ERANGE;
	}
	if (ask == VMM_ASK_YIELD)
		vmm_request_yield(e, to, &a);
	else if (ask == VMM_ASK_BOOST)
		vmm_request_boost(e, boost ? nla_get_u64(boost) : 0, &a);
	else
		ask_one(ask, e, VMM_PAUSED_VCPU, vmm_pool_now(g->pool), &a);
	return put_answer(skb, e, &a);
}

static int ask_of(struct sk_buff *skb, struct genl_info *info, u32 ask, struct vmm_group *g)
{
	if (nla_put_u32(skb, VMM_ATTR_ASK, ask) ||
	    nla_put_u32(skb, VMM_ATTR_VM_ID, g->id) ||
	    nla_put_string(skb, VMM_ATTR_VM_NAME, g->name) ||
	    nla_put_u32(skb, VMM_ATTR_VM_WEIGHT, g->weight) ||
	    nla_put_u32(skb, VMM_ATTR_VM_CAP, g->cap) ||
	    nla_put_u8(skb, VMM_ATTR_VM_TIME_CRITICAL, g->time_critical))
		return -EMSGSIZE;
	if (info->attrs[VMM_ATTR_VCPU_INDEX])
		return ask_vcpu(skb, info, ask, g);
	if (ask != VMM_ASK_PAUSE && ask != VMM_ASK_RESUME) {
		NL_SET_ERR_MSG(info->extack, "which vCPU? Only pause and resume take a whole VM");
		return -EINVAL;
	}
	ask_vm(skb, ask, g);
	return 0;
}

/** vmm_nl_ask() - VMM_CMD_ASK */
int vmm_nl_ask(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *answer;
	struct vmm_group *g;
	void *hdr;
	int ret;

	ret = vmm_nl_admin(skb, info);
	if (ret)
		return ret;
	if (!info->attrs[VMM_ATTR_ASK]) {
		NL_SET_ERR_MSG(info->extack, "what is asked for? ASK is missing");
		return -EINVAL;
	}
	answer = genlmsg_new(SZ_32K, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	hdr = genlmsg_put_reply(answer, info, &vmm_genl_family, 0, VMM_CMD_ASK);
	ret = -EMSGSIZE;
	if (!hdr)
		goto err;
	g = vmm_nl_find_vm(info);
	ret = PTR_ERR_OR_ZERO(g);
	if (ret)
		goto err;
	ret = ask_of(answer, info, nla_get_u32(info->attrs[VMM_ATTR_ASK]), g);
	mutex_unlock(&g->pool->mutex);
	if (ret)
		goto err;
	genlmsg_end(answer, hdr);
	return genlmsg_reply(answer, info);
err:
	nlmsg_free(answer);
	return ret;
}
