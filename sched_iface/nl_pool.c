// SPDX-License-Identifier: GPL-2.0
/*
 * Control plane, pools: which there are, and changes to them.
 *
 * Locking: the machine's mutex over each change, so that what was checked holds.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/vmm.h>
#include "internal.h"
#include "netlink.h"

static void say(struct genl_info *info, const char *why)
{
	/* Static strings only: an extack keeps the pointer. */
	if (why && info->extack)
		info->extack->_msg = why;
}

/* --- which pool -------------------------------------------------------------------- */

/* Machine mutex held. @zero: it is pool 0 when nothing is said. */
static struct vmm_pool *named_pool(struct genl_info *info, bool zero)
{
	struct nlattr *name = info->attrs[VMM_ATTR_POOL_NAME];
	struct nlattr *id = info->attrs[VMM_ATTR_POOL_ID];
	struct vmm_pool *pool;

	if (!name && !id && !zero) {
		NL_SET_ERR_MSG(info->extack, "which pool? Neither its name nor its id is there");
		return ERR_PTR(-EINVAL);
	}
	pool = vmm_pool_find(vmm_pool0->machine, name ? nla_data(name) : NULL,
			     id ? nla_get_u32(id) : 0);
	if (pool)
		return pool;
	NL_SET_ERR_MSG_ATTR(info->extack, name ?: id,
			    "there is no such pool; see 'vmmctl pool list'");
	return ERR_PTR(-ENOENT);
}

/**
 * vmm_nl_pool() - the pool that a request is about; pool 0 when nothing is said
 * @info:   the request
 * @serial: set to its serial number
 *
 * It may have been deleted when its mutex is held, and another one been made in its
 * place: see pool->live and pool->serial.
 * Return: the pool or ERR_PTR(), with its reason.
 */
struct vmm_pool *vmm_nl_pool(struct genl_info *info, u64 *serial)
{
	struct vmm_machine *m = vmm_pool0->machine;
	struct vmm_pool *pool;

	mutex_lock(&m->mutex);
	pool = named_pool(info, true);
	if (!IS_ERR(pool))
		*serial = pool->serial;
	mutex_unlock(&m->mutex);
	return pool;
}

/** vmm_nl_dump_pool() - the same for a dump */
struct vmm_pool *vmm_nl_dump_pool(struct netlink_callback *cb)
{
	struct nlattr *name = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, VMM_ATTR_POOL_NAME);
	struct nlattr *id = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, VMM_ATTR_POOL_ID);
	struct vmm_machine *m = vmm_pool0->machine;
	struct vmm_pool *pool;

	mutex_lock(&m->mutex);
	pool = vmm_pool_find(m, name ? nla_data(name) : NULL, id ? nla_get_u32(id) : 0);
	mutex_unlock(&m->mutex);
	return pool ?: ERR_PTR(-ENOENT);
}

/**
 * vmm_nl_cpu_list() - a list of CPUs as bits, one for each pCPU
 * @info: the request
 * @type: of the attribute, which is there
 * @bits: to be freed by bitmap_free()
 */
int vmm_nl_cpu_list(struct genl_info *info, int type, unsigned long **bits)
{
	struct nlattr *a = info->attrs[type];
	int ret;

	*bits = bitmap_zalloc(vmm_pool0->nr_pcpus, GFP_KERNEL);
	if (!*bits)
		return -ENOMEM;
	ret = bitmap_parselist(nla_data(a), *bits, vmm_pool0->nr_pcpus);
	if (ret) {
		NL_SET_ERR_MSG_ATTR(info->extack, a,
				    "not a list of this machine's CPUs, such as 0-3,8");
		bitmap_free(*bits);
		*bits = NULL;
	}
	return ret;
}

/**
 * vmm_nl_put_cpus() - a list of CPUs, as long as it is
 * @skb:  the message
 * @type: of the attribute
 * @bits: the CPUs
 * @nr:   how many there could be
 *
 * Return: 0, or -EMSGSIZE: there is no room.
 */
int vmm_nl_put_cpus(struct sk_buff *skb, int type, const unsigned long *bits, u32 nr)
{
	int len = snprintf(NULL, 0, "%*pbl", (int)nr, bits) + 1;
	struct nlattr *a = nla_reserve(skb, type, len);

	if (!a)
		return -EMSGSIZE;
	snprintf(nla_data(a), len, "%*pbl", (int)nr, bits);
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_nl_put_cpus);

/** vmm_nl_cpus_room() - bytes that the longest list of @nr CPUs takes: that of every second one */
u32 vmm_nl_cpus_room(u32 nr)
{
	/* The greatest number, and a comma or the end. */
	u32 each = snprintf(NULL, 0, "%u", nr) + 1;

	return nla_total_size((nr / 2 + 1) * each);
}
EXPORT_SYMBOL_GPL(vmm_nl_cpus_room);

/* A dump may begin with a list that is longer than the usual message. */
int vmm_nl_cpus_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = NLMSG_GOODSIZE + vmm_nl_cpus_room(vmm_pool0->nr_pcpus);
	return 0;
}

/* --- what a pool is ------------------------------------------------------------------ */

/** vmm_nl_put_pool_cpus() - VMM_ATTR_POOL_CPUS. Machine mutex held. */
int vmm_nl_put_pool_cpus(struct sk_buff *skb, const struct vmm_pool *pool)
{
	unsigned long *bits = bitmap_zalloc(pool->nr_pcpus, GFP_KERNEL);
	int ret;
	u32 i;

	if (!bits)
		return -ENOMEM;
	/* Of the real machine some numbers may be no CPUs. */
	for (i = 0; i < pool->nr_pcpus; i++)
		if (pool->machine->member[i]->pool == pool &&
		    (cpu_possible(i) || !vmm_pool_is_real(pool)))
			set_bit(i, bits);
	ret = vmm_nl_put_cpus(skb, VMM_ATTR_POOL_CPUS, bits, pool->nr_pcpus);
	bitmap_free(bits);
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_nl_put_pool_cpus);

/* Machine mutex held. */
static int put_pool(struct sk_buff *skb, u32 portid, u32 seq, int flags, struct vmm_pool *pool)
{
	struct vmm_sched *s;
	struct vmm_group *g;
	u32 vms = 0;
	void *hdr;
	int ret;

	hdr = genlmsg_put(skb, portid, seq, &vmm_genl_family, flags, VMM_CMD_POOL_GET);
	if (!hdr)
		return -EMSGSIZE;
	mutex_lock(&pool->mutex);
	s = rcu_dereference_protected(pool->active, lockdep_is_held(&pool->mutex));
	list_for_each_entry(g, &pool->groups, node)
		vms++;
	ret = nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ?:
	      nla_put_string(skb, VMM_ATTR_POOL_NAME, pool->name) ?:
	      vmm_nl_put_pool_cpus(skb, pool) ?:
	      nla_put_u32(skb, VMM_ATTR_POOL_ONLINE, pool->nr_online) ?:
	      nla_put_u32(skb, VMM_ATTR_POOL_VMS, vms) ?:
	      nla_put_string(skb, VMM_ATTR_SCHED_NAME, s->ops->name) ?:
	      nla_put_u64_64bit(skb, VMM_ATTR_SWAPS, pool->nr_swaps, VMM_ATTR_PAD);
	mutex_unlock(&pool->mutex);
	if (ret) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int vmm_nl_pool_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vmm_machine *m = vmm_pool0->machine;
	struct vmm_pool *pool;
	u32 i;

	mutex_lock(&m->mutex);
	for (i = cb->args[0]; i < VMM_POOLS; i++) {
		pool = vmm_pool_find(m, NULL, i);
		if (pool && put_pool(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				     NLM_F_MULTI, pool))
			break;
	}
	mutex_unlock(&m->mutex);
	cb->args[0] = i;
	return skb->len;
}

int vmm_nl_pool_get(struct sk_buff *skb, struct genl_info *info)
{
	u32 room = vmm_nl_cpus_room(vmm_pool0->nr_pcpus);
	struct sk_buff *answer = genlmsg_new(NLMSG_GOODSIZE + room, GFP_KERNEL);
	struct vmm_machine *m = vmm_pool0->machine;
	struct vmm_pool *pool;
	int ret;

	if (!answer)
		return -ENOMEM;
	mutex_lock(&m->mutex);
	pool = named_pool(info, false);
	ret = PTR_ERR_OR_ZERO(pool) ?:
	      put_pool(answer, info->snd_portid, info->snd_seq, 0, pool);
	mutex_unlock(&m->mutex);
	if (ret) {
		nlmsg_free(answer);
		return ret;
	}
	return genlmsg_reply(answer, info);
}

/* --- changes --------------------------------------------------------------------------- */

int vmm_nl_pool_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *sched = info->attrs[VMM_ATTR_SCHED_NAME];
	struct vmm_machine *m = vmm_pool0->machine;
	const struct vmm_sched_ops *ops;
	unsigned long *cpus = NULL;
	const char *why = NULL;
	struct vmm_pool *pool;
	int ret;

	ret = vmm_nl_admin(skb, info);
	if (ret)
		return ret;
	if (!info->attrs[VMM_ATTR_POOL_NAME] || !info->attrs[VMM_ATTR_POOL_CPUS]) {
		NL_SET_ERR_MSG(info->extack, "a pool needs a name and a list of CPUs, which may be empty");
		return -EINVAL;
	}
	ret = vmm_nl_cpu_list(info, VMM_ATTR_POOL_CPUS, &cpus);
	if (ret)
		return ret;
	ops = vmm_sched_get(sched ? nla_data(sched) : vmm_default_ops.name);
	if (!ops) {
		NL_SET_ERR_MSG_ATTR(info->extack, sched,
				    "no scheduler of that name is loaded; see 'vmmctl sched list', load one with 'vmmctl sched load'");
		ret = -ENOENT;
		goto out;
	}
	mutex_lock(&m->mutex);
	ret = vmm_pool_add(m, nla_data(info->attrs[VMM_ATTR_POOL_NAME]), cpus, ops, &pool, &why);
	mutex_unlock(&m->mutex);
	vmm_sched_put(ops);
	if (ret)
		say(info, why);
out:
	bitmap_free(cpus);
	return ret;
}

/* The pool of a request that changes it, with the machine's mutex locked. */
static struct vmm_pool *lock_pool(struct sk_buff *skb, struct genl_info *info)
{
	struct vmm_machine *m = vmm_pool0->machine;
	struct vmm_pool *pool;
	int ret = vmm_nl_admin(skb, info);

	if (ret)
		return ERR_PTR(ret);
	mutex_lock(&m->mutex);
	pool = named_pool(info, false);
	if (IS_ERR(pool))
		mutex_unlock(&m->mutex);
	return pool;
}

int vmm_nl_pool_del(struct sk_buff *skb, struct genl_info *info)
{
	struct vmm_pool *pool = lock_pool(skb, info);
	const char *why = NULL;
	int ret;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	ret = vmm_pool_del(pool, &why);
	mutex_unlock(&pool->machine->mutex);
	if (ret)
		say(info, why);
	return ret;
}

int vmm_nl_pool_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[VMM_ATTR_POOL_NEW_NAME];
	struct nlattr *list = info->attrs[VMM_ATTR_POOL_CPUS];
	unsigned long *cpus = NULL;
	const char *why = NULL;
	struct vmm_pool *pool;
	int ret;

	if (!name == !list) {
		NL_SET_ERR_MSG(info->extack, "one change at a time: a new name, or a list of CPUs");
		return -EINVAL;
	}
	ret = list ? vmm_nl_cpu_list(info, VMM_ATTR_POOL_CPUS, &cpus) : 0;
	if (ret)
		return ret;
	pool = lock_pool(skb, info);
	if (IS_ERR(pool)) {
		ret = PTR_ERR(pool);
		goto out;
	}
	ret = list ? vmm_pool_set_cpus(pool, cpus, &why) :
		     vmm_pool_set_name(pool, nla_data(name), &why);
	mutex_unlock(&pool->machine->mutex);
	if (ret)
		say(info, why);
out:
	bitmap_free(cpus);
	return ret;
}

/* --- VMs ----------------------------------------------------------------------------------- */

static int moved_answer(struct genl_info *info, const struct vmm_swap_result *res)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &vmm_genl_family, 0, VMM_CMD_VM_SET);
	if (!hdr || vmm_nl_put_swap(skb, res)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

static bool comes_alone(const struct genl_info *info)
{
	static const int others[] = {
		VMM_ATTR_VM_NEW_NAME, VMM_ATTR_VM_WEIGHT, VMM_ATTR_VM_CAP, VMM_ATTR_VM_QUANTUM,
		VMM_ATTR_VM_CPUS, VMM_ATTR_VM_TIME_CRITICAL, VMM_ATTR_SCHED_PARAM,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (info->attrs[others[i]])
			return false;
	return true;
}

/* By name, or by id: no name is a number. Machine mutex held. */
static struct vmm_pool *target(struct vmm_machine *m, const char *text)
{
	u32 id;

	return kstrtou32(text, 10, &id) ? vmm_pool_find(m, text, 0) : vmm_pool_find(m, NULL, id);
}

/** vmm_nl_vm_to_pool() - VM_SET with VM_POOL, the caller may */
int vmm_nl_vm_to_pool(struct sk_buff *skb, struct genl_info *info)
{
	struct vmm_machine *m = vmm_pool0->machine;
	struct vmm_pool *from, *to;
	struct vmm_swap_result res;
	const char *why = NULL;
	struct vmm_group *g;
	int ret;

	if (!comes_alone(info)) {
		NL_SET_ERR_MSG(info->extack, "a move to another pool comes alone: make the other changes before or after it");
		return -EINVAL;
	}
	mutex_lock(&m->mutex);
	to = target(m, nla_data(info->attrs[VMM_ATTR_VM_POOL]));
	if (!to) {
		mutex_unlock(&m->mutex);
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[VMM_ATTR_VM_POOL],
				    "there is no such pool; see 'vmmctl pool list'");
		return -ENOENT;
	}
	g = vmm_nl_find_vm(info);
	if (IS_ERR(g)) {
		ret = PTR_ERR(g);
	} else {
		from = g->pool;
		ret = vmm_pool_take_vm(to, g, &res, &why);
		mutex_unlock(&from->mutex);
	}
	mutex_unlock(&m->mutex);
	if (ret) {
		say(info, why);
		return ret;
	}
	return moved_answer(info, &res);
}
