// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl monitor: events as they happen, one line each.
 */
#include <stdio.h>
#include "vmmctl.h"

static void print_vm(const char *what, struct nlattr **a, json_object *o)
{
	add_u32(o, "id", a[VMM_ATTR_VM_ID]);
	add_str(o, "name", a[VMM_ATTR_VM_NAME]);
	add_u32(o, "pid", a[VMM_ATTR_VM_PID]);
	add_u32(o, "uid", a[VMM_ATTR_VM_UID]);
	if (!opt_json)
		printf("VM %llu %s %s (pid %llu)\n", (unsigned long long)get_num(o, "id"),
		       get_str(o, "name"), what, (unsigned long long)get_num(o, "pid"));
}

static void print_sched(const char *what, struct nlattr **a, json_object *o)
{
	add_str(o, "name", a[VMM_ATTR_SCHED_NAME]);
	if (!opt_json)
		printf("scheduler %s %s\n", get_str(o, "name"), what);
}

static void print_activated(struct nlattr **a, json_object *o)
{
	json_object *swap;

	add_u32(o, "pool", a[VMM_ATTR_POOL_ID]);
	add_str(o, "cause", a[VMM_ATTR_CAUSE]);
	if (!a[VMM_ATTR_SWAP])
		return;
	swap = swap_to_json(a[VMM_ATTR_SWAP]);
	json_object_object_add(o, "swap", swap);
	if (!opt_json) {
		printf("pool %llu: scheduler activated (%s): ",
		       (unsigned long long)get_num(o, "pool"), get_str(o, "cause"));
		print_swap(swap);
	}
}

static void print_warning(struct nlattr **a, json_object *o)
{
	add_str(o, "name", a[VMM_ATTR_SCHED_NAME]);
	add_str(o, "text", a[VMM_ATTR_CAUSE]);
	if (!opt_json)
		printf("scheduler %s warns: %s\n", get_str(o, "name"), get_str(o, "text"));
}

static void print_moved(struct nlattr **a, json_object *o)
{
	add_u32(o, "id", a[VMM_ATTR_VM_ID]);
	add_str(o, "name", a[VMM_ATTR_VM_NAME]);
	add_u32(o, "pool", a[VMM_ATTR_POOL_ID]);
	add_str(o, "pool_name", a[VMM_ATTR_POOL_NAME]);
	add_str(o, "warning", a[VMM_ATTR_CAUSE]);
	if (a[VMM_ATTR_SWAP])
		json_object_object_add(o, "move", swap_to_json(a[VMM_ATTR_SWAP]));
	if (!opt_json)
		printf("VM %llu %s moved to pool %s%s%s\n", (unsigned long long)get_num(o, "id"),
		       get_str(o, "name"), get_str(o, "pool_name"),
		       a[VMM_ATTR_CAUSE] ? ": " : "", get_str(o, "warning"));
}

static void print_pool(struct nlattr **a, json_object *o)
{
	add_u32(o, "pool", a[VMM_ATTR_POOL_ID]);
	add_str(o, "name", a[VMM_ATTR_POOL_NAME]);
	add_str(o, "cpus", a[VMM_ATTR_POOL_CPUS]);
	add_str(o, "cause", a[VMM_ATTR_CAUSE]);
	if (!opt_json)
		printf("pool %s (CPUs %s): %s\n", get_str(o, "name"), get_str(o, "cpus"),
		       get_str(o, "cause"));
}

static void print_thrown_out(struct nlattr **a, json_object *o)
{
	json_object *e;

	add_u32(o, "pool", a[VMM_ATTR_POOL_ID]);
	add_str(o, "name", a[VMM_ATTR_SCHED_NAME]);
	if (!a[VMM_ATTR_EXIT])
		return;
	e = exit_to_json(a[VMM_ATTR_EXIT]);
	json_object_object_add(o, "exit", e);
	if (!opt_json) {
		printf("scheduler ");
		print_exit_line(e);
	}
}

static int on_event(uint8_t cmd, struct nlattr **a)
{
	static const char * const names[] = {
		[VMM_CMD_EVENT_VM_CREATED] = "vm-created",
		[VMM_CMD_EVENT_VM_ENDED] = "vm-ended",
		[VMM_CMD_EVENT_SCHED_LOADED] = "sched-loaded",
		[VMM_CMD_EVENT_SCHED_REMOVED] = "sched-removed",
		[VMM_CMD_EVENT_SCHED_ACTIVATED] = "sched-activated",
		[VMM_CMD_EVENT_SCHED_WARNING] = "sched-warning",
		[VMM_CMD_EVENT_VM_MOVED] = "vm-moved",
		[VMM_CMD_EVENT_POOL] = "pool",
		[VMM_CMD_EVENT_SCHED_THROWN_OUT] = "sched-thrown-out",
	};
	json_object *o;

	if (cmd >= sizeof(names) / sizeof(names[0]) || !names[cmd])
		return 0;
	o = json_object_new_object();
	json_object_object_add(o, "event", json_object_new_string(names[cmd]));
	switch (cmd) {
	case VMM_CMD_EVENT_VM_CREATED:
		print_vm("created", a, o);
		break;
	case VMM_CMD_EVENT_VM_ENDED:
		print_vm("ended", a, o);
		break;
	case VMM_CMD_EVENT_SCHED_LOADED:
		print_sched("loaded", a, o);
		break;
	case VMM_CMD_EVENT_SCHED_REMOVED:
		print_sched("removed", a, o);
		break;
	case VMM_CMD_EVENT_SCHED_WARNING:
		print_warning(a, o);
		break;
	case VMM_CMD_EVENT_VM_MOVED:
		print_moved(a, o);
		break;
	case VMM_CMD_EVENT_POOL:
		print_pool(a, o);
		break;
	case VMM_CMD_EVENT_SCHED_THROWN_OUT:
		print_thrown_out(a, o);
		break;
	default:
		print_activated(a, o);
		break;
	}
	if (opt_json)
		print_json(o);
	fflush(stdout);
	json_object_put(o);
	return 0;
}

int cmd_monitor(int argc, char **argv)
{
	if (argc)
		return usage("'%s' is too much; see 'vmmctl monitor help'", argv[0]);
	return nl_events(on_event);
}
