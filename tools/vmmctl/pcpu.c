// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl pcpu: physical CPUs.
 */
#include "vmmctl.h"

static void on_pcpu(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object *o = json_object_new_object();

	(void)h;
	add_u32(o, "id", a[VMM_ATTR_PCPU_ID]);
	json_object_object_add(o, "online", json_object_new_boolean(
		a[VMM_ATTR_PCPU_ONLINE] && nla_get_u8(a[VMM_ATTR_PCPU_ONLINE])));
	add_str(o, "pool", a[VMM_ATTR_POOL_NAME]);
	add_u32(o, "owner_vm", a[VMM_ATTR_PCPU_OWNER_VM]);
	add_u32(o, "owner_vcpu", a[VMM_ATTR_PCPU_OWNER_VCPU]);
	add_u32(o, "queued", a[VMM_ATTR_PCPU_QUEUED]);
	add_u64(o, "switches", a[VMM_ATTR_PCPU_SWITCHES]);
	add_u64(o, "picks", a[VMM_ATTR_PCPU_PICKS]);
	add_u64(o, "busy_ns", a[VMM_ATTR_PCPU_BUSY]);
	json_object_array_add(arg, o);
}

static int cmd_list(int argc, char **argv)
{
	static const struct column columns[] = {
		{ "PCPU", "id", COL_NUM }, { "ONLINE", "online", COL_BOOL },
		{ "POOL", "pool", COL_TEXT },
		{ "OWNER-VM", "owner_vm", COL_NUM }, { "VCPU", "owner_vcpu", COL_NUM },
		{ "QUEUED", "queued", COL_NUM }, { "SWITCHES", "switches", COL_NUM },
		{ "PICKS", "picks", COL_NUM }, { "BUSY", "busy_ns", COL_NS }, { }
	};
	json_object *list;
	struct nl_msg *msg;

	if (argc)
		return usage("'%s' is too much; see 'vmmctl pcpu help'", argv[0]);
	list = json_object_new_array();
	msg = nl_request(VMM_CMD_PCPU_GET, NLM_F_DUMP);
	if (!msg || nl_talk(msg, on_pcpu, list)) {
		json_object_put(list);
		return REFUSED;
	}
	return print_list(list, columns);
}

const struct command pcpu_commands[] = {
	{ "list", cmd_list, "", "all physical CPUs" },
	{ }
};
