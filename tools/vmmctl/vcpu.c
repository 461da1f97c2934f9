// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl vcpu, and vm pause|resume: requests for a decision, and their answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

/* Order of enum vmm_feedback: the key in JSON, and what it says. */
static const struct {
	const char *key;
	const char *text;
} feedback[] = {
	[VMM_FB_DONE] = { "done", "done" },
	[VMM_FB_ALREADY] = { "already", "it was so already" },
	[VMM_FB_NOT_RUNNABLE] = { "not_runnable", "not runnable: halted, or its thread is elsewhere" },
	[VMM_FB_NOT_OWNER] = { "not_owner", "it owns no CPU: it waits for one" },
	[VMM_FB_NOBODY_WAITS] = { "nobody_waits", "nobody waits for its CPU: it keeps it" },
	[VMM_FB_PAUSED] = { "paused", "paused, itself or with its VM" },
	[VMM_FB_NOT_THERE] = { "not_there", "the other one may not run on that CPU" },
	[VMM_FB_NOT_CHOSEN] = { "not_chosen", "the scheduler decided, and chose another one" },
	[VMM_FB_NOT_OUT] = { "not_out", "told to leave the guest; it has not done so within 100 ms" },
	[VMM_FB_FORBIDDEN] = { "forbidden", "not allowed" },
	[VMM_FB_BUSY] = { "busy", "the other one's queue was at work: ask again" },
	[VMM_FB_TIME_OVER] = { "time_over", "the time was over" },
};

static const char * const asks[] = {
	[VMM_ASK_YIELD] = "yield", [VMM_ASK_BOOST] = "boost",
	[VMM_ASK_PAUSE] = "pause", [VMM_ASK_RESUME] = "resume",
};

static uint32_t number(struct nlattr *a)
{
	return a ? nla_get_u32(a) : 0;
}

static json_object *feedback_to_json(struct nlattr *nest)
{
	struct nlattr *a[VMM_FEEDBACK_MAX + 1];
	json_object *o;
	uint32_t r;

	if (nla_parse_nested(a, VMM_FEEDBACK_MAX, nest, NULL))
		return NULL;
	o = json_object_new_object();
	r = number(a[VMM_FEEDBACK_RESULT]);
	add_u32(o, "vcpu", a[VMM_FEEDBACK_VCPU]);
	json_object_object_add(o, "result", json_object_new_string(
		r < sizeof(feedback) / sizeof(feedback[0]) ? feedback[r].key : "?"));
	json_object_object_add(o, "why", json_object_new_string(
		r < sizeof(feedback) / sizeof(feedback[0]) ? feedback[r].text : "?"));
	json_object_object_add(o, "state", json_object_new_string(
		vcpu_state(number(a[VMM_FEEDBACK_STATE]))));
	add_u32(o, "pcpu", a[VMM_FEEDBACK_PCPU]);
	add_u64(o, "took_ns", a[VMM_FEEDBACK_TIME]);
	add_u32(o, "next_vm", a[VMM_FEEDBACK_NEXT_VM]);
	add_str(o, "next_name", a[VMM_FEEDBACK_NEXT_NAME]);
	add_u32(o, "next_vcpu", a[VMM_FEEDBACK_NEXT_VCPU]);
	return o;
}

static void on_answer(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object *list = json_object_new_array(), *o = arg;
	uint32_t ask = number(a[VMM_ATTR_ASK]);
	struct nlattr *f;
	int rem;

	json_object_object_add(o, "asked", json_object_new_string(
		ask < sizeof(asks) / sizeof(asks[0]) ? asks[ask] : "?"));
	add_u32(o, "vm", a[VMM_ATTR_VM_ID]);
	add_str(o, "name", a[VMM_ATTR_VM_NAME]);
	add_u32(o, "weight", a[VMM_ATTR_VM_WEIGHT]);
	add_u32(o, "cap", a[VMM_ATTR_VM_CAP]);
	json_object_object_add(o, "time_critical", json_object_new_boolean(
		a[VMM_ATTR_VM_TIME_CRITICAL] && nla_get_u8(a[VMM_ATTR_VM_TIME_CRITICAL])));
	nl_for_each(f, h, rem, VMM_ATTR_FEEDBACK)
		json_object_array_add(list, feedback_to_json(f));
	json_object_object_add(o, "vcpus", list);
}

static bool good(const char *result)
{
	return !strcmp(result, "done") || !strcmp(result, "already");
}

static void show_one(json_object *o, json_object *f)
{
	json_object *next;
	char buf[32];

	printf("%s vCPU %llu: %s; CPU %llu: ", get_str(o, "name"),
	       (unsigned long long)get_num(f, "vcpu"), get_str(f, "why"),
	       (unsigned long long)get_num(f, "pcpu"));
	if (json_object_object_get_ex(f, "next_vm", &next) && next)
		printf("next is %s vCPU %llu", get_str(f, "next_name"),
		       (unsigned long long)get_num(f, "next_vcpu"));
	else
		printf("nobody is next");
	printf("; took %s; weight %llu%s\n", show_ns(get_num(f, "took_ns"), buf, sizeof(buf)),
	       (unsigned long long)get_num(o, "weight"),
	       get_bool(o, "time_critical") ? ", time-critical" : "");
}

/* DONE when all of it was done. What was not goes to stderr, in one line. */
static int show_answer(json_object *o)
{
	json_object *list, *f;
	const char *bad = NULL;
	size_t i;

	json_object_object_get_ex(o, "vcpus", &list);
	for (i = 0; i < json_object_array_length(list); i++) {
		f = json_object_array_get_idx(list, i);
		if (!good(get_str(f, "result")))
			bad = get_str(f, "why");
		else if (!opt_json)
			show_one(o, f);
	}
	if (opt_json) {
		print_json(o);
		return bad ? REFUSED : DONE;
	}
	return bad ? refused("%s was not done: %s", get_str(o, "asked"), bad) : DONE;
}

static int put_vm(struct nl_msg *msg, const char *which)
{
	if (is_number(which))
		return nla_put_u32(msg, VMM_ATTR_VM_ID, strtoul(which, NULL, 10)) ? REFUSED : DONE;
	return nla_put_string(msg, VMM_ATTR_VM_NAME, which) ?
		usage("'%s' is too long for a name", which) : DONE;
}

static int put_index(struct nl_msg *msg, int attr, const char *text)
{
	uint32_t n;

	if (parse_u32(text, &n))
		return usage("'%s' is no vCPU: a whole number, from 0 up, is", text);
	return nla_put_u32(msg, attr, n) ? REFUSED : DONE;
}

static int ask(uint32_t what, const char *vm, const char *vcpu, const char *to_vm,
	       const char *to_vcpu, const uint64_t *boost)
{
	struct nl_msg *msg = nl_request(VMM_CMD_ASK, 0);
	json_object *o;
	int ret;

	if (!msg)
		return REFUSED;
	ret = nla_put_u32(msg, VMM_ATTR_ASK, what) ? REFUSED : put_vm(msg, vm);
	if (!ret && vcpu)
		ret = put_index(msg, VMM_ATTR_VCPU_INDEX, vcpu);
	if (!ret && to_vm && nla_put_string(msg, VMM_ATTR_TO_VM, to_vm))
		ret = usage("'%s' is too long for a name", to_vm);
	if (!ret && to_vcpu)
		ret = put_index(msg, VMM_ATTR_TO_VCPU, to_vcpu);
	if (!ret && boost && nla_put_u64(msg, VMM_ATTR_BOOST, *boost))
		ret = REFUSED;
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	o = json_object_new_object();
	ret = nl_talk(msg, on_answer, o);
	if (!ret && !json_object_object_length(o))
		ret = refused("the kernel gave no answer");
	if (!ret)
		ret = show_answer(o);
	json_object_put(o);
	return ret;
}

static int cmd_yield(int argc, char **argv)
{
	if (argc == 2)
		return ask(VMM_ASK_YIELD, argv[0], argv[1], NULL, NULL, NULL);
	if (argc == 5 && !strcmp(argv[2], "to"))
		return ask(VMM_ASK_YIELD, argv[0], argv[1], argv[3], argv[4], NULL);
	return usage("which vCPU? vmmctl vcpu yield VM INDEX [to VM INDEX]");
}

static int cmd_boost(int argc, char **argv)
{
	uint64_t ns;

	if (argc != 2 && argc != 3)
		return usage("which vCPU? vmmctl vcpu boost VM INDEX [TIME]");
	if (argc == 3 && parse_time(argv[2], &ns))
		return usage("'%s' is no time: one such as 20ms, up to 10s, is", argv[2]);
	return ask(VMM_ASK_BOOST, argv[0], argv[1], NULL, NULL, argc == 3 ? &ns : NULL);
}

static int cmd_pause(int argc, char **argv)
{
	if (argc != 2)
		return usage("which vCPU? vmmctl vcpu pause VM INDEX");
	return ask(VMM_ASK_PAUSE, argv[0], argv[1], NULL, NULL, NULL);
}

static int cmd_resume(int argc, char **argv)
{
	if (argc != 2)
		return usage("which vCPU? vmmctl vcpu resume VM INDEX");
	return ask(VMM_ASK_RESUME, argv[0], argv[1], NULL, NULL, NULL);
}

/** cmd_vm_pause() - vmmctl vm pause */
int cmd_vm_pause(int argc, char **argv)
{
	if (argc != 1)
		return usage("which VM? vmmctl vm pause NAME|ID");
	return ask(VMM_ASK_PAUSE, argv[0], NULL, NULL, NULL, NULL);
}

/** cmd_vm_resume() - vmmctl vm resume */
int cmd_vm_resume(int argc, char **argv)
{
	if (argc != 1)
		return usage("which VM? vmmctl vm resume NAME|ID");
	return ask(VMM_ASK_RESUME, argv[0], NULL, NULL, NULL, NULL);
}

static const struct column vcpu_columns[] = {
	{ "VM", "vm_name", COL_TEXT }, { "VCPU", "index", COL_NUM }, { "STATE", "state", COL_TEXT },
	{ "PAUSED", "paused", COL_TEXT }, { "PCPU", "pcpu", COL_NUM }, { "RUN", "run_ns", COL_NS },
	{ "WAIT", "wait_ns", COL_NS }, { "PAUSE", "paused_ns", COL_NS },
	{ "BOOST", "boost_ns", COL_NS }, { "GIVEN-WAY", "given_way_done", COL_NUM },
	{ "OF", "given_way", COL_NUM }, { }
};

/* The vCPUs of one VM, or of all, each with the name of its VM. NULL: said why. */
static json_object *vcpu_list(const char *which)
{
	json_object *vms = vm_list(), *list, *vcpus, *vm, *v;
	size_t i, k;

	if (!vms)
		return NULL;
	if (which && !find_vm(vms, which)) {
		json_object_put(vms);
		refused("there is no VM '%s'; see 'vmmctl vm list'", which);
		return NULL;
	}
	list = json_object_new_array();
	for (i = 0; i < json_object_array_length(vms); i++) {
		vm = json_object_array_get_idx(vms, i);
		if (which && vm != find_vm(vms, which))
			continue;
		json_object_object_get_ex(vm, "vcpus", &vcpus);
		for (k = 0; k < json_object_array_length(vcpus); k++) {
			v = json_object_get(json_object_array_get_idx(vcpus, k));
			json_object_object_add(v, "vm", json_object_new_uint64(get_num(vm, "id")));
			json_object_object_add(v, "vm_name",
					       json_object_new_string(get_str(vm, "name")));
			json_object_array_add(list, v);
		}
	}
	json_object_put(vms);
	return list;
}

static int cmd_list(int argc, char **argv)
{
	json_object *list;

	if (argc > 1)
		return usage("'%s' is too much; see 'vmmctl vcpu help'", argv[1]);
	list = vcpu_list(argc ? argv[0] : NULL);
	return list ? print_list(list, vcpu_columns) : REFUSED;
}

static int cmd_show(int argc, char **argv)
{
	json_object *list, *v, *one = NULL;
	int ret = DONE;
	uint32_t index;
	size_t i;

	if (argc != 2)
		return usage("which vCPU? vmmctl vcpu show VM INDEX");
	if (parse_u32(argv[1], &index))
		return usage("'%s' is no vCPU: a whole number, from 0 up, is", argv[1]);
	list = vcpu_list(argv[0]);
	if (!list)
		return REFUSED;
	for (i = 0; i < json_object_array_length(list); i++) {
		v = json_object_array_get_idx(list, i);
		if (get_num(v, "index") == index)
			one = v;
	}
	if (!one) {
		ret = refused("'%s' has no vCPU %u; see 'vmmctl vcpu list'", argv[0], index);
	} else if (opt_json) {
		print_json(one);
	} else {
		json_object_object_foreach(one, key, val)
			printf("%s: %s\n", key, json_object_get_string(val));
	}
	json_object_put(list);
	return ret;
}

const struct command vcpu_commands[] = {
	{ "list", cmd_list, "[VM]", "the vCPUs of a VM, or of all" },
	{ "show", cmd_show, "VM INDEX", "all that is known of one vCPU" },
	{ "yield", cmd_yield, "VM INDEX [to VM INDEX]",
	  "it gives its CPU away now, to whom the scheduler says or to the one named" },
	{ "boost", cmd_boost, "VM INDEX [TIME]",
	  "it is next in line; with a time, for so long, whenever it becomes runnable" },
	{ "pause", cmd_pause, "VM INDEX", "it leaves its guest and waits for nothing until resumed" },
	{ "resume", cmd_resume, "VM INDEX", "undo pause" },
	{ }
};
