// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched: schedulers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

static const char * const units[] = { "number", "ns", "percent", "boolean" };
static const char * const scopes[] = { "scheduler", "vm" };
static const char * const swap_modes[] = { "live", "cease" };
static const char * const modes[] = { "ops", "id", "patch" };
static const char * const domains[] = { "pcpu", "llc", "pool" };

void add_u64(json_object *o, const char *key, struct nlattr *a)
{
	if (a)
		json_object_object_add(o, key, json_object_new_uint64(nla_get_u64(a)));
}

void add_u32(json_object *o, const char *key, struct nlattr *a)
{
	if (a)
		json_object_object_add(o, key, json_object_new_uint64(nla_get_u32(a)));
}

void add_str(json_object *o, const char *key, struct nlattr *a)
{
	if (a)
		json_object_object_add(o, key, json_object_new_string(nla_get_string(a)));
}

static void add_enum(json_object *o, const char *key, struct nlattr *a,
		     const char * const *names, unsigned int n)
{
	if (a)
		json_object_object_add(o, key, json_object_new_string(
			nla_get_u32(a) < n ? names[nla_get_u32(a)] : "?"));
}

json_object *param_to_json(struct nlattr *nest)
{
	struct nlattr *a[VMM_PARAM_MAX + 1];
	json_object *o = json_object_new_object();

	if (nla_parse_nested(a, VMM_PARAM_MAX, nest, NULL))
		return o;
	add_str(o, "name", a[VMM_PARAM_NAME]);
	add_str(o, "help", a[VMM_PARAM_HELP]);
	add_enum(o, "unit", a[VMM_PARAM_UNIT], units, 4);
	add_enum(o, "scope", a[VMM_PARAM_SCOPE], scopes, 2);
	add_u64(o, "min", a[VMM_PARAM_MIN]);
	add_u64(o, "max", a[VMM_PARAM_MAX_VALUE]);
	add_u64(o, "default", a[VMM_PARAM_DEFAULT]);
	add_u64(o, "value", a[VMM_PARAM_VALUE]);
	return o;
}

json_object *swap_to_json(struct nlattr *nest)
{
	struct nlattr *a[VMM_SWAP_MAX + 1];
	json_object *o = json_object_new_object();

	if (nla_parse_nested(a, VMM_SWAP_MAX, nest, NULL))
		return o;
	add_str(o, "from", a[VMM_SWAP_FROM]);
	add_str(o, "to", a[VMM_SWAP_TO]);
	add_u64(o, "pause_max_ns", a[VMM_SWAP_PAUSE_MAX_NS]);
	add_u64(o, "pause_total_ns", a[VMM_SWAP_PAUSE_TOTAL_NS]);
	add_u64(o, "pause_max_ticks", a[VMM_SWAP_PAUSE_MAX_TICKS]);
	add_u64(o, "pause_total_ticks", a[VMM_SWAP_PAUSE_TOTAL_TICKS]);
	add_u64(o, "total_ns", a[VMM_SWAP_TOTAL_NS]);
	add_u32(o, "entities", a[VMM_SWAP_ENTITIES]);
	add_u32(o, "queued", a[VMM_SWAP_QUEUED]);
	add_u32(o, "running", a[VMM_SWAP_RUNNING]);
	add_u32(o, "forced_out", a[VMM_SWAP_FORCED_OUT]);
	add_enum(o, "mode", a[VMM_SWAP_DONE_AS], swap_modes, 2);
	add_u64(o, "vcpu_pause_max_ns", a[VMM_SWAP_VCPU_PAUSE_MAX_NS]);
	add_u64(o, "vcpu_pause_total_ns", a[VMM_SWAP_VCPU_PAUSE_TOTAL_NS]);
	add_u64(o, "vcpu_pause_max_ticks", a[VMM_SWAP_VCPU_PAUSE_MAX_TICKS]);
	add_u64(o, "vcpu_pause_total_ticks", a[VMM_SWAP_VCPU_PAUSE_TOTAL_TICKS]);
	return o;
}

static void on_sched(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object *o = json_object_new_object(), *params = json_object_new_array();
	json_object *history = json_object_new_array();
	struct nlattr *p;
	int rem;

	add_str(o, "name", a[VMM_ATTR_SCHED_NAME]);
	json_object_object_add(o, "active", json_object_new_boolean(
		a[VMM_ATTR_SCHED_STATE] &&
		nla_get_u32(a[VMM_ATTR_SCHED_STATE]) == VMM_SCHED_ACTIVE));
	json_object_object_add(o, "state", json_object_new_string(
		get_bool(o, "active") ? "active" : "loaded"));
	add_enum(o, "domain", a[VMM_ATTR_SCHED_DOMAIN], domains, 3);
	nl_for_each(p, h, rem, VMM_ATTR_SCHED_PARAM)
		json_object_array_add(params, param_to_json(p));
	json_object_object_add(o, "params", params);
	add_str(o, "pool", a[VMM_ATTR_POOL_NAME]);
	add_enum(o, "dispatch", a[VMM_ATTR_DISPATCH], modes, 3);
	add_u64(o, "watchdog_ns", a[VMM_ATTR_WATCHDOG]);
	add_u32(o, "id", a[VMM_ATTR_SCHED_ID]);
	add_u64(o, "since_ns", a[VMM_ATTR_SCHED_SINCE]);
	add_u64(o, "swaps", a[VMM_ATTR_SWAPS]);
	nl_for_each(p, h, rem, VMM_ATTR_HISTORY)
		json_object_array_add(history, json_object_new_string(nla_get_string(p)));
	if (get_bool(o, "active"))
		json_object_object_add(o, "history", history);
	else
		json_object_put(history);
	if (a[VMM_ATTR_SWAP])
		json_object_object_add(o, "last_swap", swap_to_json(a[VMM_ATTR_SWAP]));
	if (a[VMM_ATTR_EXIT])
		json_object_object_add(o, "last_exit", exit_to_json(a[VMM_ATTR_EXIT]));
	json_object_array_add(arg, o);
}

json_object *sched_list(void)
{
	json_object *list = json_object_new_array();
	struct nl_msg *msg = pool_request(VMM_CMD_SCHED_GET, NLM_F_DUMP);

	if (!msg || nl_talk(msg, on_sched, list)) {
		json_object_put(list);
		return NULL;
	}
	return list;
}

json_object *find_by(json_object *list, const char *key, const char *value)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		if (!strcmp(get_str(o, key), value))
			return o;
	}
	return NULL;
}

int put_param(struct nl_msg *msg, json_object *sched, const char *scope,
	      const char *name, const char *value)
{
	json_object *params, *p = NULL;
	struct nlattr *nest;
	uint64_t val;
	size_t i;

	json_object_object_get_ex(sched, "params", &params);
	for (i = 0; i < json_object_array_length(params); i++) {
		p = json_object_array_get_idx(params, i);
		if (!strcmp(get_str(p, "name"), name) && !strcmp(get_str(p, "scope"), scope))
			break;
	}
	if (i == json_object_array_length(params))
		return usage("scheduler %s has no parameter '%s' for a %s; see 'vmmctl sched show'",
			     get_str(sched, "name"), name, scope);
	if (parse_value(value, get_str(p, "unit"), &val))
		return usage("'%s' is no value for %s (%s): %s", value, name, get_str(p, "help"),
			     !strcmp(get_str(p, "unit"), "ns") ? "a time such as 10ms is" :
			     !strcmp(get_str(p, "unit"), "boolean") ? "on or off is" :
			     "a whole number is");
	nest = nla_nest_start(msg, VMM_ATTR_SCHED_PARAM);
	if (!nest || nla_put_string(msg, VMM_PARAM_NAME, name) ||
	    nla_put_u64(msg, VMM_PARAM_VALUE, val))
		return refused("the request is too long");
	nla_nest_end(msg, nest);
	return DONE;
}

static int cmd_list(int argc, char **argv)
{
	static const struct column columns[] = {
		{ "SCHEDULER", "name", COL_TEXT }, { "STATE", "state", COL_TEXT },
		{ "DOMAIN", "domain", COL_TEXT }, { "ACTIVE-FOR", "since_ns", COL_NS }, { }
	};
	json_object *list;

	if (argc)
		return usage("'%s' is too much; see 'vmmctl sched help'", argv[0]);
	list = sched_list();
	if (!list)
		return REFUSED;
	return print_list(list, columns);
}

static void show_params(json_object *sched)
{
	json_object *params;
	char val[32], min[32], max[32], def[32];
	size_t i;

	json_object_object_get_ex(sched, "params", &params);
	for (i = 0; i < json_object_array_length(params); i++) {
		json_object *p = json_object_array_get_idx(params, i), *v;
		const char *unit = get_str(p, "unit");

		printf("  %s %s", get_str(p, "scope"), get_str(p, "name"));
		if (json_object_object_get_ex(p, "value", &v))
			printf(" = %s", show_value(get_num(p, "value"), unit, val, sizeof(val)));
		printf("  (%s .. %s, default %s): %s\n",
		       show_value(get_num(p, "min"), unit, min, sizeof(min)),
		       show_value(get_num(p, "max"), unit, max, sizeof(max)),
		       show_value(get_num(p, "default"), unit, def, sizeof(def)),
		       get_str(p, "help"));
	}
}

static void show_sched(json_object *s)
{
	json_object *o;
	char buf[32];
	size_t i;

	printf("%s: %s, decides for each %s\n", get_str(s, "name"), get_str(s, "state"),
	       get_str(s, "domain"));
	show_params(s);
	if (!get_bool(s, "active"))
		return;
	printf("  active for %s; %llu changes of scheduler so far; dispatch by %s\n",
	       show_ns(get_num(s, "since_ns"), buf, sizeof(buf)),
	       (unsigned long long)get_num(s, "swaps"), get_str(s, "dispatch"));
	printf("  watchdog: nobody who may run waits for more than %s\n",
	       show_ns(get_num(s, "watchdog_ns"), buf, sizeof(buf)));
	if (json_object_object_get_ex(s, "history", &o) && json_object_array_length(o)) {
		printf("  before it:");
		for (i = 0; i < json_object_array_length(o); i++)
			printf(" %s", json_object_get_string(json_object_array_get_idx(o, i)));
		printf("\n");
	}
	if (json_object_object_get_ex(s, "last_swap", &o)) {
		printf("  last change: ");
		print_swap(o);
	}
	if (json_object_object_get_ex(s, "last_exit", &o)) {
		printf("  ");
		print_exit_line(o);
	}
}

static int cmd_show(int argc, char **argv)
{
	json_object *list, *s;
	int ret = DONE;

	if (argc > 1)
		return usage("'%s' is too much; see 'vmmctl sched help'", argv[1]);
	if (argc && !strcmp(argv[0], "--last-exit"))
		return show_last_exit();
	list = sched_list();
	if (!list)
		return REFUSED;
	s = argc ? find_by(list, "name", argv[0]) : find_by(list, "state", "active");
	if (!s)
		ret = refused("no scheduler '%s' is loaded; see 'vmmctl sched list'",
			      argc ? argv[0] : "");
	else if (opt_json)
		print_json(s);
	else
		show_sched(s);
	json_object_put(list);
	return ret;
}

static int cmd_load(int argc, char **argv)
{
	if (argc != 1)
		return usage("which scheduler? vmmctl sched load NAME|PATH");
	return module_load(argv[0]);
}

static int cmd_unload(int argc, char **argv)
{
	json_object *list;
	bool there;

	if (argc != 1)
		return usage("which scheduler? vmmctl sched unload NAME");
	if (!strcmp(argv[0], "default"))
		return refused("the default scheduler is built in: it cannot be unloaded");
	list = sched_list();
	if (!list)
		return REFUSED;
	there = find_by(list, "name", argv[0]);
	json_object_put(list);
	if (!there)
		return refused("no scheduler '%s' is loaded; see 'vmmctl sched list'", argv[0]);
	return module_unload(argv[0]);
}

int put_mode(struct nl_msg *msg, const char *name)
{
	unsigned int i;

	for (i = 0; name && i < 3; i++)
		if (!strcmp(name, modes[i]))
			return nla_put_u32(msg, VMM_ATTR_DISPATCH, i) ? REFUSED : DONE;
	return usage("dispatch is by ops, id or patch");
}

/* Without a mode: which one it is. */
static int cmd_dispatch(int argc, char **argv)
{
	json_object *list, *active;
	struct nl_msg *msg;
	int ret;

	if (argc > 1)
		return usage("'%s' is too much; see 'vmmctl sched help'", argv[1]);
	if (argc) {
		msg = nl_request(VMM_CMD_SCHED_SET, NLM_F_ACK);
		ret = msg ? put_mode(msg, argv[0]) : REFUSED;
		if (!ret)
			return nl_talk(msg, NULL, NULL);
		nlmsg_free(msg);
		return ret;
	}
	list = sched_list();
	if (!list)
		return REFUSED;
	active = find_by(list, "state", "active");
	if (opt_json)
		printf("{\"dispatch\":\"%s\"}\n", get_str(active, "dispatch"));
	else
		printf("%s\n", get_str(active, "dispatch"));
	json_object_put(list);
	return DONE;
}

/* Without a time: what it is. */
static int cmd_watchdog(int argc, char **argv)
{
	json_object *list;
	struct nl_msg *msg;
	uint64_t ns;
	char buf[32];

	if (argc > 1)
		return usage("'%s' is too much; see 'vmmctl sched help'", argv[1]);
	if (argc) {
		if (parse_time(argv[0], &ns))
			return usage("'%s' is no time such as 500ms or 2s", argv[0]);
		msg = nl_request(VMM_CMD_SCHED_SET, NLM_F_ACK);
		if (!msg)
			return REFUSED;
		if (nla_put_u64(msg, VMM_ATTR_WATCHDOG, ns)) {
			nlmsg_free(msg);
			return refused("the request is too long");
		}
		return nl_talk(msg, NULL, NULL);
	}
	list = sched_list();
	if (!list)
		return REFUSED;
	ns = get_num(find_by(list, "state", "active"), "watchdog_ns");
	if (opt_json)
		printf("{\"watchdog_ns\":%llu}\n", (unsigned long long)ns);
	else
		printf("%s\n", show_ns(ns, buf, sizeof(buf)));
	json_object_put(list);
	return DONE;
}

const struct command sched_commands[] = {
	{ "list", cmd_list, "", "all loaded schedulers" },
	{ "show", cmd_show, "[NAME|--last-exit]", "one scheduler whole: parameters, history, last change; without a name the active one. --last-exit: who was thrown out last, why, and its last decisions" },
	{ "load", cmd_load, "NAME|PATH", "load a scheduler's module; it does not become active by that" },
	{ "dispatch", cmd_dispatch, "[ops|id|patch]", "how the active scheduler is reached: through its table, by its number, by addresses in the code" },
	{ "set", cmd_sched_set, "NAME [OPTION]...", "make a scheduler the active one, while the guests run; or change its parameters. --image PATH: load it from there; --policy keep|unload-before|unload-after: what becomes of the old one; --mode live|cease; --timeout T; --dispatch MODE; --set PARAM=VALUE" },
	{ "back", cmd_sched_back, "[OPTION]...", "make the scheduler before this one active again, with the parameters that it had; options as of set" },
	{ "history", cmd_sched_history, "", "who was active before: how often, how long, why it ended, who is the next to take over" },
	{ "timeline", cmd_sched_timeline, "[-o FILE]... [--for T] [--around-swap] [--format perfetto|svg] [--buffer SIZE]", "record who runs when, as a trace for ui.perfetto.dev or a picture (SVG); --around-swap: around the next change of scheduler" },
	{ "watchdog", cmd_watchdog, "[T]", "how long a vCPU that may run can wait before its scheduler is thrown out, 100ms to 30s" },
	{ "unload", cmd_unload, "NAME", "unload a scheduler; the one before it takes over if it is active" },
	{ }
};
