// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl pool: pools of physical CPUs, each under its own scheduler.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

const char *opt_pool;

int put_pool(struct nl_msg *msg, const char *which)
{
	if (is_number(which))
		return nla_put_u32(msg, VMM_ATTR_POOL_ID, strtoul(which, NULL, 10)) ?
			refused("out of memory") : DONE;
	if (strlen(which) > 15)
		return usage("'%s' is too long for the name of a pool", which);
	return nla_put_string(msg, VMM_ATTR_POOL_NAME, which) ? refused("out of memory") : DONE;
}

struct nl_msg *pool_request(uint8_t cmd, int flags)
{
	struct nl_msg *msg = nl_request(cmd, flags);

	if (msg && opt_pool && put_pool(msg, opt_pool)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

int take_pool_option(int *argc, char **argv)
{
	int i;

	for (i = 0; i < *argc && strcmp(argv[i], "--pool"); i++)
		;
	if (i == *argc)
		return DONE;
	if (i + 1 == *argc)
		return usage("--pool needs the name or id of a pool; see 'vmmctl pool list'");
	opt_pool = argv[i + 1];
	*argc -= 2;
	memmove(argv + i, argv + i + 2, (*argc - i) * sizeof(*argv));
	return DONE;
}

static void on_pool(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object *o;

	(void)h;
	if (!a[VMM_ATTR_POOL_ID])
		return;
	o = json_object_new_object();
	add_u32(o, "id", a[VMM_ATTR_POOL_ID]);
	add_str(o, "name", a[VMM_ATTR_POOL_NAME]);
	add_str(o, "cpus", a[VMM_ATTR_POOL_CPUS]);
	add_u32(o, "online", a[VMM_ATTR_POOL_ONLINE]);
	add_u32(o, "vms", a[VMM_ATTR_POOL_VMS]);
	add_str(o, "scheduler", a[VMM_ATTR_SCHED_NAME]);
	add_u64(o, "swaps", a[VMM_ATTR_SWAPS]);
	json_object_array_add(arg, o);
}

json_object *pool_list(void)
{
	json_object *list = json_object_new_array();
	struct nl_msg *msg = nl_request(VMM_CMD_POOL_GET, NLM_F_DUMP);

	if (!msg || nl_talk(msg, on_pool, list)) {
		json_object_put(list);
		return NULL;
	}
	return list;
}

static const struct column columns[] = {
	{ "ID", "id", COL_NUM }, { "POOL", "name", COL_TEXT }, { "CPUS", "cpus", COL_TEXT },
	{ "ONLINE", "online", COL_NUM }, { "VMS", "vms", COL_NUM },
	{ "SCHEDULER", "scheduler", COL_TEXT }, { "CHANGES", "swaps", COL_NUM }, { }
};

static int cmd_list(int argc, char **argv)
{
	json_object *list;

	if (argc)
		return usage("'%s' is too much; see 'vmmctl pool help'", argv[0]);
	list = pool_list();
	if (!list)
		return REFUSED;
	return print_list(list, columns);
}

static int cmd_show(int argc, char **argv)
{
	json_object *list;
	struct nl_msg *msg;
	int ret;

	if (argc != 1)
		return usage("which pool? vmmctl pool show NAME|ID");
	msg = nl_request(VMM_CMD_POOL_GET, NLM_F_ACK);
	if (!msg)
		return REFUSED;
	ret = put_pool(msg, argv[0]);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	list = json_object_new_array();
	ret = nl_talk(msg, on_pool, list);
	if (!ret && opt_json)
		print_json(json_object_array_get_idx(list, 0));
	else if (!ret)
		print_table(list, columns);
	json_object_put(list);
	return ret;
}

static int put_cpus(struct nl_msg *msg, const char *list)
{
	return nla_put_string(msg, VMM_ATTR_POOL_CPUS, strcmp(list, "none") ? list : "") ?
		usage("that list is too long") : DONE;
}

static int fill_add(struct nl_msg *msg, int argc, char **argv)
{
	const char *cpus = "none", *sched = "default";
	int i;

	if (strlen(argv[0]) > 15)
		return usage("'%s' is too long for the name of a pool", argv[0]);
	for (i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage("'%s' needs a value", argv[i]);
		if (!strcmp(argv[i], "cpus"))
			cpus = argv[i + 1];
		else if (!strcmp(argv[i], "sched"))
			sched = argv[i + 1];
		else
			return usage("'%s' is nothing that a pool has; see 'vmmctl pool help'", argv[i]);
	}
	if (nla_put_string(msg, VMM_ATTR_POOL_NAME, argv[0]) ||
	    nla_put_string(msg, VMM_ATTR_SCHED_NAME, sched))
		return usage("that name is too long");
	return put_cpus(msg, cpus);
}

static int cmd_add(int argc, char **argv)
{
	struct nl_msg *msg;
	int ret;

	if (!argc)
		return usage("which name? vmmctl pool add NAME [cpus LIST] [sched S]");
	msg = nl_request(VMM_CMD_POOL_ADD, NLM_F_ACK);
	ret = msg ? fill_add(msg, argc, argv) : REFUSED;
	if (!ret)
		return nl_talk(msg, NULL, NULL);
	nlmsg_free(msg);
	return ret;
}

static int cmd_del(int argc, char **argv)
{
	struct nl_msg *msg;
	int ret;

	if (argc != 1)
		return usage("which pool? vmmctl pool del NAME|ID");
	msg = nl_request(VMM_CMD_POOL_DEL, NLM_F_ACK);
	ret = msg ? put_pool(msg, argv[0]) : REFUSED;
	if (!ret)
		return nl_talk(msg, NULL, NULL);
	nlmsg_free(msg);
	return ret;
}

static int fill_set(struct nl_msg *msg, char **argv)
{
	int ret = put_pool(msg, argv[0]);

	if (ret)
		return ret;
	if (!strcmp(argv[1], "cpus"))
		return put_cpus(msg, argv[2]);
	if (strcmp(argv[1], "name"))
		return usage("'%s' is nothing that a pool has; see 'vmmctl pool help'", argv[1]);
	return strlen(argv[2]) > 15 || nla_put_string(msg, VMM_ATTR_POOL_NEW_NAME, argv[2]) ?
		usage("that name is too long") : DONE;
}

static int cmd_set(int argc, char **argv)
{
	struct nl_msg *msg;
	int ret;

	if (argc != 3)
		return usage("what? vmmctl pool set NAME|ID { cpus LIST|none | name NEW }");
	msg = nl_request(VMM_CMD_POOL_SET, NLM_F_ACK);
	ret = msg ? fill_set(msg, argv) : REFUSED;
	if (!ret)
		return nl_talk(msg, NULL, NULL);
	nlmsg_free(msg);
	return ret;
}

const struct command pool_commands[] = {
	{ "list", cmd_list, "", "all pools" },
	{ "show", cmd_show, "NAME|ID", "one pool" },
	{ "add", cmd_add, "NAME [cpus LIST] [sched S]", "split a pool off: it gets these CPUs from the pools that have them, and a loaded scheduler of its own" },
	{ "del", cmd_del, "NAME|ID", "end a pool that has no VMs; its CPUs go to pool 0" },
	{ "set", cmd_set, "NAME|ID { cpus LIST|none | name NEW }", "the CPUs that it is to have, no more and no fewer: what it lacks comes from the other pools, what it has beyond them goes to pool 0; or another name" },
	{ }
};
