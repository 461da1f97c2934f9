// SPDX-License-Identifier: GPL-2.0
/*
 * Events as they happen, to the multicast group "events".
 *
 * Locking: none of its own; callers may sleep. An event that finds no memory
 * or no listener is dropped: events tell, the dumps are the truth.
 */
#include <net/genetlink.h>
#include <linux/vmm.h>
#include "internal.h"
#include "netlink.h"

/* @more: bytes beyond those of the usual message */
static struct sk_buff *event_new_long(u8 cmd, u32 more, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&vmm_genl_family, &init_net, 0))
		return NULL;
	skb = genlmsg_new(NLMSG_GOODSIZE + more, GFP_KERNEL);
	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, 0, 0, &vmm_genl_family, 0, cmd);
	if (!*hdr) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

static struct sk_buff *event_new(u8 cmd, void **hdr)
{
	return event_new_long(cmd, 0, hdr);
}

static void event_send(struct sk_buff *skb, void *hdr, int err)
{
	if (err) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&vmm_genl_family, skb, 0, 0, GFP_KERNEL);
}

/** vmm_event_vm() - a VM came into being, or ended. Pool mutex held. */
void vmm_event_vm(const struct vmm_group *g, bool created)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	if (!vmm_pool_is_real(g->pool))
		return;
	skb = event_new(created ? VMM_CMD_EVENT_VM_CREATED : VMM_CMD_EVENT_VM_ENDED, &hdr);
	if (!skb)
		return;
	err = nla_put_u32(skb, VMM_ATTR_VM_ID, g->id) ?:
	      nla_put_string(skb, VMM_ATTR_VM_NAME, g->name) ?:
	      nla_put_u32(skb, VMM_ATTR_VM_PID, g->pid) ?:
	      nla_put_u32(skb, VMM_ATTR_VM_UID, from_kuid(&init_user_ns, g->uid));
	event_send(skb, hdr, err);
}

/** vmm_event_sched() - a scheduler was loaded, or removed */
void vmm_event_sched(const char *name, bool loaded)
{
	struct sk_buff *skb;
	void *hdr;

	skb = event_new(loaded ? VMM_CMD_EVENT_SCHED_LOADED :
				 VMM_CMD_EVENT_SCHED_REMOVED, &hdr);
	if (skb)
		event_send(skb, hdr, nla_put_string(skb, VMM_ATTR_SCHED_NAME, name));
}

/** vmm_event_warning() - a scheduler has something to tell the operator */
void vmm_event_warning(const char *name, const char *what)
{
	struct sk_buff *skb;
	void *hdr;

	skb = event_new(VMM_CMD_EVENT_SCHED_WARNING, &hdr);
	if (skb)
		event_send(skb, hdr, nla_put_string(skb, VMM_ATTR_SCHED_NAME, name) ?:
				     nla_put_string(skb, VMM_ATTR_CAUSE, what));
}

/** vmm_event_thrown_out() - a scheduler broke its contract, and another one is active */
void vmm_event_thrown_out(const struct vmm_pool *pool, const struct vmm_exit_record *rec)
{
	struct sk_buff *skb;
	void *hdr;

	if (pool->host != &vmm_real_host)
		return;
	skb = event_new(VMM_CMD_EVENT_SCHED_THROWN_OUT, &hdr);
	if (skb)
		event_send(skb, hdr, nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ?:
				     nla_put_string(skb, VMM_ATTR_SCHED_NAME, rec->name) ?:
				     vmm_nl_put_exit(skb, pool, rec, true, false));
}

/** vmm_event_swap() - another scheduler is active. Pool mutex held. */
void vmm_event_swap(const struct vmm_pool *pool, const struct vmm_swap_result *res,
		    const char *cause)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = event_new(VMM_CMD_EVENT_SCHED_ACTIVATED, &hdr);
	if (!skb)
		return;
	err = nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ?:
	      nla_put_string(skb, VMM_ATTR_CAUSE, cause) ?:
	      vmm_nl_put_swap(skb, res);
	event_send(skb, hdr, err);
}

/**
 * vmm_event_moved() - a VM has gone to another pool. Machine and pool mutex held.
 * @g:       the VM
 * @res:     what that took
 * @warning: what the operator should know; or NULL
 */
void vmm_event_moved(const struct vmm_group *g, const struct vmm_swap_result *res,
		     const char *warning)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = event_new(VMM_CMD_EVENT_VM_MOVED, &hdr);
	if (!skb)
		return;
	err = nla_put_u32(skb, VMM_ATTR_VM_ID, g->id) ?:
	      nla_put_string(skb, VMM_ATTR_VM_NAME, g->name) ?:
	      nla_put_u32(skb, VMM_ATTR_POOL_ID, g->pool->id) ?:
	      nla_put_string(skb, VMM_ATTR_POOL_NAME, g->pool->name) ?:
	      (warning ? nla_put_string(skb, VMM_ATTR_CAUSE, warning) : 0) ?:
	      vmm_nl_put_swap(skb, res);
	event_send(skb, hdr, err);
}

/** vmm_event_pool() - a pool was added, removed or changed. Machine mutex held. */
void vmm_event_pool(const struct vmm_pool *pool, const char *cause)
{
	struct sk_buff *skb;
	void *hdr;

	if (!vmm_pool_is_real(pool))
		return;
	skb = event_new_long(VMM_CMD_EVENT_POOL, vmm_nl_cpus_room(pool->nr_pcpus), &hdr);
	if (skb)
		event_send(skb, hdr, nla_put_u32(skb, VMM_ATTR_POOL_ID, pool->id) ?:
				     nla_put_string(skb, VMM_ATTR_POOL_NAME, pool->name) ?:
				     vmm_nl_put_pool_cpus(skb, pool) ?:
				     nla_put_string(skb, VMM_ATTR_CAUSE, cause));
}
