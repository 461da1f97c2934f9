// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched history: who was active before.
 */
#include <stdio.h>
#include "vmmctl.h"

static const char * const states[] = { "loaded", "active", "unloaded" };

static void on_row(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	struct nlattr *p[VMM_PAST_MAX + 1];
	json_object *o;
	uint32_t state;

	(void)h;
	if (!a[VMM_ATTR_PAST] || !a[VMM_ATTR_SCHED_STATE] ||
	    nla_parse_nested(p, VMM_PAST_MAX, a[VMM_ATTR_PAST], NULL))
		return;
	o = json_object_new_object();
	state = nla_get_u32(a[VMM_ATTR_SCHED_STATE]);
	add_str(o, "name", a[VMM_ATTR_SCHED_NAME]);
	json_object_object_add(o, "state", json_object_new_string(state < 3 ? states[state] : "?"));
	json_object_object_add(o, "loaded", json_object_new_boolean(state != VMM_SCHED_UNLOADED));
	add_u32(o, "times", p[VMM_PAST_TIMES]);
	add_u64(o, "total_ns", p[VMM_PAST_TOTAL]);
	add_u64(o, "began_ago_ns", p[VMM_PAST_BEGAN]);
	add_u64(o, "ended_ago_ns", p[VMM_PAST_ENDED]);
	add_str(o, "ended_by", p[VMM_PAST_CAUSE]);
	add_str(o, "reason", p[VMM_PAST_REASON]);
	add_u32(o, "next", p[VMM_PAST_RANK]);
	json_object_array_add(arg, o);
}

json_object *history_list(void)
{
	json_object *list = json_object_new_array();
	struct nl_msg *msg = pool_request(VMM_CMD_SCHED_HISTORY, NLM_F_DUMP);

	if (!msg || nl_talk(msg, on_row, list)) {
		json_object_put(list);
		return NULL;
	}
	return list;
}

int cmd_sched_history(int argc, char **argv)
{
	static const struct column columns[] = {
		{ "SCHEDULER", "name", COL_TEXT }, { "STATE", "state", COL_TEXT },
		{ "NEXT", "next", COL_NUM }, { "TIMES", "times", COL_NUM },
		{ "ACTIVE-FOR", "total_ns", COL_NS }, { "BEGAN-AGO", "began_ago_ns", COL_NS },
		{ "ENDED-AGO", "ended_ago_ns", COL_NS }, { "ENDED-BY", "ended_by", COL_TEXT },
		{ "BECAUSE-IT", "reason", COL_TEXT }, { }
	};
	json_object *list;

	if (argc)
		return usage("'%s' is too much; see 'vmmctl sched help'", argv[0]);
	list = history_list();
	return list ? print_list(list, columns) : REFUSED;
}
