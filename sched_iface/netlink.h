/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SCHED_IFACE_NETLINK_H
#define _SCHED_IFACE_NETLINK_H

#include <net/genetlink.h>

struct vmm_group;
struct vmm_param_set;
struct vmm_pool;
struct vmm_swap_result;

extern struct genl_family vmm_genl_family;

struct vmm_pool;
struct vmm_exit_record;
int vmm_nl_put_exit(struct sk_buff *skb, const struct vmm_pool *pool,
		    const struct vmm_exit_record *rec, bool vm, bool decisions);
int vmm_nl_put_swap(struct sk_buff *skb, const struct vmm_swap_result *res);

int vmm_nl_params(struct genl_info *info, struct vmm_param_set *set);
int vmm_nl_admin(struct sk_buff *skb, struct genl_info *info);

/* change.c */
int vmm_nl_sched_begin(struct sk_buff *skb, struct genl_info *info);
int vmm_nl_sched_abort(struct sk_buff *skb, struct genl_info *info);

/* history.c */
int vmm_nl_history_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* nl_pool.c */
int vmm_nl_put_cpus(struct sk_buff *skb, int type, const unsigned long *bits, u32 nr);
u32 vmm_nl_cpus_room(u32 nr);
int vmm_nl_cpus_start(struct netlink_callback *cb);
int vmm_nl_put_pool_cpus(struct sk_buff *skb, const struct vmm_pool *pool);
struct vmm_pool *vmm_nl_pool(struct genl_info *info, u64 *serial);
struct vmm_pool *vmm_nl_dump_pool(struct netlink_callback *cb);
int vmm_nl_cpu_list(struct genl_info *info, int type, unsigned long **bits);
int vmm_nl_pool_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vmm_nl_pool_get(struct sk_buff *skb, struct genl_info *info);
int vmm_nl_pool_add(struct sk_buff *skb, struct genl_info *info);
int vmm_nl_pool_del(struct sk_buff *skb, struct genl_info *info);
int vmm_nl_pool_set(struct sk_buff *skb, struct genl_info *info);
int vmm_nl_vm_to_pool(struct sk_buff *skb, struct genl_info *info);

/* nl_vm.c */
int vmm_nl_vm_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vmm_nl_vm_get(struct sk_buff *skb, struct genl_info *info);
int vmm_nl_vm_set(struct sk_buff *skb, struct genl_info *info);
struct vmm_group *vmm_nl_find_vm(struct genl_info *info);

/* nl_ask.c */
int vmm_nl_ask(struct sk_buff *skb, struct genl_info *info);

#endif /* _SCHED_IFACE_NETLINK_H */
