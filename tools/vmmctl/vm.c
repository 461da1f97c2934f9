// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl vm: virtual machines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

#define HIST_BUCKETS 128

static const char * const states[] = {
	"out", "queued", "offered", "off", "owner", "loaned", "blocked"
};

const char *vcpu_state(unsigned int state)
{
	return state < sizeof(states) / sizeof(states[0]) ? states[state] : "?";
}

/* Upper bound of the bucket that holds the percentile; buckets as in the uapi header. */
static uint64_t percentile(const uint64_t *hist, unsigned int percent)
{
	uint64_t total = 0, want, sum = 0;
	unsigned int i, order;

	for (i = 0; i < HIST_BUCKETS; i++)
		total += hist[i];
	if (!total)
		return 0;
	want = (total * percent + 99) / 100;
	for (i = 0; i < HIST_BUCKETS - 1; i++) {
		sum += hist[i];
		if (sum >= want)
			break;
	}
	if (!i)
		return 128;
	order = (i - 1) / 4 + 7;
	return (1ULL << order) + ((uint64_t)((i - 1) % 4 + 1) << (order - 2));
}

/* Adds the histogram of a vCPU to that of its VM, kept under "wake_hist". */
static void add_hist(json_object *vm, struct nlattr *a)
{
	uint32_t h[HIST_BUCKETS];
	json_object *sum;
	unsigned int i;

	if (!a || nla_len(a) < (int)sizeof(h))
		return;
	memcpy(h, nla_data(a), sizeof(h));
	if (!json_object_object_get_ex(vm, "wake_hist", &sum)) {
		sum = json_object_new_array();
		for (i = 0; i < HIST_BUCKETS; i++)
			json_object_array_add(sum, json_object_new_uint64(0));
		json_object_object_add(vm, "wake_hist", sum);
	}
	for (i = 0; i < HIST_BUCKETS; i++) {
		json_object *n = json_object_array_get_idx(sum, i);

		json_object_set_uint64(n, json_object_get_uint64(n) + h[i]);
	}
}

static void finish_hist(json_object *vm)
{
	uint64_t hist[HIST_BUCKETS] = { };
	json_object *sum;
	unsigned int i;

	if (json_object_object_get_ex(vm, "wake_hist", &sum))
		for (i = 0; i < HIST_BUCKETS; i++)
			hist[i] = json_object_get_uint64(json_object_array_get_idx(sum, i));
	json_object_object_add(vm, "wake_p50_ns", json_object_new_uint64(percentile(hist, 50)));
	json_object_object_add(vm, "wake_p99_ns", json_object_new_uint64(percentile(hist, 99)));
}

static void add_to(json_object *vm, const char *key, json_object *vcpu)
{
	json_object_object_add(vm, key,
			       json_object_new_uint64(get_num(vm, key) + get_num(vcpu, key)));
}

static void add_paused(json_object *o, struct nlattr **a)
{
	static const char * const paused[] = { "no", "itself", "vm", "itself,vm" };
	uint32_t how = a[VMM_VCPU_PAUSED] ? nla_get_u32(a[VMM_VCPU_PAUSED]) & 3 : 0;

	json_object_object_add(o, "paused", json_object_new_string(paused[how]));
	json_object_object_add(o, "guest_critical", json_object_new_boolean(
		a[VMM_VCPU_GUEST_CRITICAL] && nla_get_u8(a[VMM_VCPU_GUEST_CRITICAL])));
}

static void add_vcpu(json_object *vm, struct nlattr *nest)
{
	static const struct {
		const char *key;
		int attr;
		bool wide;
		bool sum;
	} fields[] = {
		{ "index", VMM_VCPU_INDEX, false, false },
		{ "entity", VMM_VCPU_ENTITY, false, false },
		{ "pcpu", VMM_VCPU_PCPU, false, false },
		{ "run_ns", VMM_VCPU_RUN, true, true },
		{ "wait_ns", VMM_VCPU_WAIT, true, true },
		{ "off_ns", VMM_VCPU_OFF, true, true },
		{ "share_ppm", VMM_VCPU_SHARE, false, true },
		{ "switches", VMM_VCPU_SWITCHES, true, true },
		{ "offers", VMM_VCPU_OFFERS, true, true },
		{ "noshows", VMM_VCPU_NOSHOWS, true, true },
		{ "losses", VMM_VCPU_LOSSES, true, true },
		{ "loans", VMM_VCPU_LOANS, true, true },
		{ "loans_expired", VMM_VCPU_LOANS_EXPIRED, true, true },
		{ "forced_out", VMM_VCPU_FORCED_OUT, true, true },
		{ "migrations", VMM_VCPU_MIGRATIONS, true, true },
		{ "blocks", VMM_VCPU_BLOCKS, true, true },
		{ "wakes", VMM_VCPU_WAKES, true, true },
		{ "paused_ns", VMM_VCPU_PAUSED_NS, true, true },
		{ "boost_ns", VMM_VCPU_BOOST, true, false },
		{ "given_way", VMM_VCPU_GIVEN_WAY, true, true },
		{ "given_way_done", VMM_VCPU_GIVEN_WAY_DONE, true, true },
		{ "wake_p50_ns", VMM_VCPU_WAKE_P50, true, false },
		{ "wake_p99_ns", VMM_VCPU_WAKE_P99, true, false },
	};
	struct nlattr *a[VMM_VCPU_MAX + 1];
	json_object *o, *list;
	size_t i;

	if (nla_parse_nested(a, VMM_VCPU_MAX, nest, NULL))
		return;
	o = json_object_new_object();
	if (a[VMM_VCPU_STATE]) {
		json_object_object_add(o, "state", json_object_new_string(
			vcpu_state(nla_get_u32(a[VMM_VCPU_STATE]))));
	}
	add_paused(o, a);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].wide)
			add_u64(o, fields[i].key, a[fields[i].attr]);
		else
			add_u32(o, fields[i].key, a[fields[i].attr]);
		if (fields[i].sum)
			add_to(vm, fields[i].key, o);
	}
	add_hist(vm, a[VMM_VCPU_WAKE_HIST]);
	json_object_object_get_ex(vm, "vcpus", &list);
	json_object_array_add(list, o);
}

static json_object *new_vm(struct nlmsghdr *h, struct nlattr **a)
{
	json_object *o = json_object_new_object(), *params = json_object_new_object();
	struct nlattr *p;
	int rem;

	add_u32(o, "id", a[VMM_ATTR_VM_ID]);
	add_str(o, "name", a[VMM_ATTR_VM_NAME]);
	add_u32(o, "pid", a[VMM_ATTR_VM_PID]);
	add_u32(o, "uid", a[VMM_ATTR_VM_UID]);
	add_str(o, "pool", a[VMM_ATTR_POOL_NAME]);
	add_u32(o, "weight", a[VMM_ATTR_VM_WEIGHT]);
	add_u32(o, "cap", a[VMM_ATTR_VM_CAP]);
	add_u64(o, "quantum_ns", a[VMM_ATTR_VM_QUANTUM]);
	json_object_object_add(o, "cpus", json_object_new_string(
		a[VMM_ATTR_VM_CPUS] && *nla_get_string(a[VMM_ATTR_VM_CPUS]) ?
		nla_get_string(a[VMM_ATTR_VM_CPUS]) : "all"));
	json_object_object_add(o, "time_critical", json_object_new_boolean(
		a[VMM_ATTR_VM_TIME_CRITICAL] && nla_get_u8(a[VMM_ATTR_VM_TIME_CRITICAL])));
	json_object_object_add(o, "paused", json_object_new_boolean(
		a[VMM_ATTR_VM_PAUSED] && nla_get_u8(a[VMM_ATTR_VM_PAUSED])));
	json_object_object_add(o, "guest_critical", json_object_new_boolean(
		a[VMM_ATTR_VM_GUEST_CRITICAL] && nla_get_u8(a[VMM_ATTR_VM_GUEST_CRITICAL])));
	add_u64(o, "age_ns", a[VMM_ATTR_VM_AGE]);
	nl_for_each(p, h, rem, VMM_ATTR_SCHED_PARAM) {
		json_object *one = param_to_json(p);

		json_object_object_add(params, get_str(one, "name"),
				       json_object_new_uint64(get_num(one, "value")));
		json_object_put(one);
	}
	json_object_object_add(o, "params", params);
	json_object_object_add(o, "vcpus", json_object_new_array());
	return o;
}

/* A VM with many vCPUs comes in several messages, one after the other. */
static void on_vm(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	size_t n = json_object_array_length(arg);
	json_object *vm = n ? json_object_array_get_idx(arg, n - 1) : NULL;
	struct nlattr *v;
	int rem;

	if (!a[VMM_ATTR_VM_ID])
		return;
	if (!vm || get_num(vm, "id") != nla_get_u32(a[VMM_ATTR_VM_ID])) {
		vm = new_vm(h, a);
		json_object_array_add(arg, vm);
	}
	nl_for_each(v, h, rem, VMM_ATTR_VCPU)
		add_vcpu(vm, v);
}

json_object *vm_list(void)
{
	json_object *list = json_object_new_array();
	struct nl_msg *msg = nl_request(VMM_CMD_VM_GET, NLM_F_DUMP);
	size_t i;

	if (!msg || nl_talk(msg, on_vm, list)) {
		json_object_put(list);
		return NULL;
	}
	for (i = 0; i < json_object_array_length(list); i++) {
		finish_hist(json_object_array_get_idx(list, i));
		json_object_object_del(json_object_array_get_idx(list, i), "wake_hist");
	}
	return list;
}

bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

json_object *find_vm(json_object *list, const char *which)
{
	size_t i;

	if (!is_number(which))
		return find_by(list, "name", which);
	for (i = 0; i < json_object_array_length(list); i++)
		if (get_num(json_object_array_get_idx(list, i), "id") == strtoull(which, NULL, 10))
			return json_object_array_get_idx(list, i);
	return NULL;
}

static const struct column vm_columns[] = {
	{ "ID", "id", COL_NUM }, { "NAME", "name", COL_TEXT }, { "POOL", "pool", COL_TEXT },
	{ "WEIGHT", "weight", COL_NUM },
	{ "CPUS", "cpus", COL_TEXT }, { "RUN", "run_ns", COL_NS }, { "WAIT", "wait_ns", COL_NS },
	{ "OFF", "off_ns", COL_NS }, { "SHARE", "share_ppm", COL_PPM },
	{ "SWITCHES", "switches", COL_NUM }, { "WAKE-P50", "wake_p50_ns", COL_NS },
	{ "WAKE-P99", "wake_p99_ns", COL_NS }, { }
};

static int cmd_list(int argc, char **argv)
{
	json_object *list;

	if (argc)
		return usage("'%s' is too much; see 'vmmctl vm help'", argv[0]);
	list = vm_list();
	if (!list)
		return REFUSED;
	return print_list(list, vm_columns);
}

static const char *show_cap(uint64_t cap, char *buf, size_t size)
{
	if (!cap)
		return "none";
	snprintf(buf, size, "%llu%%", (unsigned long long)cap);
	return buf;
}

static void show_vm(json_object *vm)
{
	static const struct column columns[] = {
		{ "VCPU", "index", COL_NUM }, { "STATE", "state", COL_TEXT },
		{ "PCPU", "pcpu", COL_NUM }, { "RUN", "run_ns", COL_NS },
		{ "WAIT", "wait_ns", COL_NS }, { "OFF", "off_ns", COL_NS },
		{ "SHARE", "share_ppm", COL_PPM }, { "SWITCHES", "switches", COL_NUM },
		{ "LOANS", "loans", COL_NUM }, { "EXPIRED", "loans_expired", COL_NUM },
		{ "NO-SHOWS", "noshows", COL_NUM }, { "LOST", "losses", COL_NUM },
		{ "WAKE-P99", "wake_p99_ns", COL_NS }, { }
	};
	json_object *vcpus, *params;
	uint64_t quantum = get_num(vm, "quantum_ns");
	char buf[32], cap[32];

	printf("%s: id %llu, pid %llu, user %llu, pool %s, weight %llu, cap %s, quantum %s, CPUs %s%s%s\n",
	       get_str(vm, "name"), (unsigned long long)get_num(vm, "id"),
	       (unsigned long long)get_num(vm, "pid"), (unsigned long long)get_num(vm, "uid"),
	       get_str(vm, "pool"),
	       (unsigned long long)get_num(vm, "weight"),
	       show_cap(get_num(vm, "cap"), cap, sizeof(cap)),
	       quantum ? show_ns(quantum, buf, sizeof(buf)) : "default", get_str(vm, "cpus"),
	       get_bool(vm, "time_critical") ? ", time-critical" : "",
	       get_bool(vm, "paused") ? ", paused" : "");
	json_object_object_get_ex(vm, "params", &params);
	json_object_object_foreach(params, key, val)
		printf("  %s = %llu\n", key, (unsigned long long)json_object_get_uint64(val));
	json_object_object_get_ex(vm, "vcpus", &vcpus);
	print_table(vcpus, columns);
}

static int cmd_show(int argc, char **argv)
{
	json_object *list, *vm;
	int ret = DONE;

	if (argc != 1)
		return usage("which VM? vmmctl vm show NAME|ID");
	list = vm_list();
	if (!list)
		return REFUSED;
	vm = find_vm(list, argv[0]);
	if (!vm)
		ret = refused("there is no VM '%s'; see 'vmmctl vm list'", argv[0]);
	else if (opt_json)
		print_json(vm);
	else
		show_vm(vm);
	json_object_put(list);
	return ret;
}

/* One KEY VALUE pair into the request. */
static int put_pair(struct nl_msg *msg, json_object *sched, const char *key, const char *value)
{
	uint32_t n;
	uint64_t ns = 0;

	if (!strcmp(key, "name"))
		return nla_put_string(msg, VMM_ATTR_VM_NEW_NAME, value) ?
			usage("that name is too long") : DONE;
	if (!strcmp(key, "weight")) {
		if (parse_u32(value, &n))
			return usage("'%s' is no weight: a whole number from 1 to 65535 is", value);
		return nla_put_u32(msg, VMM_ATTR_VM_WEIGHT, n) ? REFUSED : DONE;
	}
	if (!strcmp(key, "cap")) {
		if (!strcmp(value, "none"))
			value = "0";
		if (parse_u32(value, &n))
			return usage("'%s' is no cap: per cent of one CPU, or none, is", value);
		return nla_put_u32(msg, VMM_ATTR_VM_CAP, n) ? REFUSED : DONE;
	}
	if (!strcmp(key, "quantum")) {
		if (strcmp(value, "default") && parse_time(value, &ns))
			return usage("'%s' is no quantum: a time such as 10ms, or default, is", value);
		return nla_put_u64(msg, VMM_ATTR_VM_QUANTUM, ns) ? REFUSED : DONE;
	}
	if (!strcmp(key, "cpus"))
		return nla_put_string(msg, VMM_ATTR_VM_CPUS, strcmp(value, "all") ? value : "") ?
			usage("that list is too long") : DONE;
	if (!strcmp(key, "time-critical")) {
		if (strcmp(value, "on") && strcmp(value, "off"))
			return usage("time-critical is on or off, not '%s'", value);
		return nla_put_u8(msg, VMM_ATTR_VM_TIME_CRITICAL, !strcmp(value, "on")) ?
			REFUSED : DONE;
	}
	if (!strcmp(key, "guest-critical")) {
		if (strcmp(value, "on") && strcmp(value, "off"))
			return usage("guest-critical is on or off, not '%s'", value);
		return nla_put_u8(msg, VMM_ATTR_VM_GUEST_CRITICAL, !strcmp(value, "on")) ?
			REFUSED : DONE;
	}
	return put_param(msg, sched, "vm", key, value);
}

static int put_vm(struct nl_msg *msg, const char *which)
{
	return (is_number(which) ?
		nla_put_u32(msg, VMM_ATTR_VM_ID, strtoul(which, NULL, 10)) :
		nla_put_string(msg, VMM_ATTR_VM_NAME, which)) ?
		usage("'%s' is too long for a name", which) : DONE;
}

static int fill_request(struct nl_msg *msg, json_object *sched, int argc, char **argv)
{
	int i, ret = DONE;

	ret = put_vm(msg, argv[0]);
	for (i = 1; i < argc && !ret; i += 2) {
		if (i + 1 == argc)
			return usage("'%s' needs a value", argv[i]);
		ret = put_pair(msg, sched, argv[i], argv[i + 1]);
	}
	return ret;
}

static void on_moved(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object **move = arg;

	(void)h;
	if (a[VMM_ATTR_SWAP] && !*move)
		*move = swap_to_json(a[VMM_ATTR_SWAP]);
}

/* To another pool: a request of its own, with an answer. */
static int move_vm(const char *which, const char *pool)
{
	struct nl_msg *msg = nl_request(VMM_CMD_VM_SET, NLM_F_ACK);
	json_object *move = NULL;
	int ret = msg ? put_vm(msg, which) : REFUSED;

	if (!ret && (strlen(pool) > 15 || nla_put_string(msg, VMM_ATTR_VM_POOL, pool)))
		ret = usage("'%s' is too long for the name of a pool", pool);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	ret = nl_talk(msg, on_moved, &move);
	if (move && opt_json) {
		print_json(move);
	} else if (move) {
		char longest[32], total[32];

		printf("%llu vCPUs moved, %llu of them forced out; the longest pause of one was %s, all took %s\n",
		       (unsigned long long)get_num(move, "entities"),
		       (unsigned long long)get_num(move, "forced_out"),
		       show_ns(get_num(move, "vcpu_pause_max_ns"), longest, sizeof(longest)),
		       show_ns(get_num(move, "total_ns"), total, sizeof(total)));
	}
	json_object_put(move);
	return ret;
}

/* What may be set beyond the VM's own is what the scheduler of its pool declares. */
static int look_up_pool(const char *which, char *pool, size_t size)
{
	json_object *list = vm_list(), *vm;

	if (!list)
		return REFUSED;
	vm = find_vm(list, which);
	if (vm) {
		snprintf(pool, size, "%s", get_str(vm, "pool"));
		opt_pool = pool;
	}
	/* Else the kernel says that there is no such VM. */
	json_object_put(list);
	return DONE;
}

static int cmd_set(int argc, char **argv)
{
	char pool[16];
	json_object *list;
	struct nl_msg *msg;
	int ret;

	if (argc < 2)
		return usage("what? vmmctl vm set NAME|ID KEY VALUE...; see 'vmmctl vm help'");
	if (argc == 3 && !strcmp(argv[1], "pool"))
		return move_vm(argv[0], argv[2]);
	for (ret = 1; ret < argc; ret += 2)
		if (!strcmp(argv[ret], "pool"))
			return usage("a move to another pool comes alone: vmmctl vm set NAME|ID pool POOL");
	ret = look_up_pool(argv[0], pool, sizeof(pool));
	if (ret)
		return ret;
	list = sched_list();
	if (!list)
		return REFUSED;
	msg = nl_request(VMM_CMD_VM_SET, NLM_F_ACK);
	ret = msg ? fill_request(msg, find_by(list, "state", "active"), argc, argv) : REFUSED;
	if (ret)
		nlmsg_free(msg);
	else
		ret = nl_talk(msg, NULL, NULL);
	json_object_put(list);
	return ret;
}

const struct command vm_commands[] = {
	{ "list", cmd_list, "", "all VMs (those of other users with CAP_SYS_ADMIN only)" },
	{ "show", cmd_show, "NAME|ID", "one VM with its vCPUs" },
	{ "set", cmd_set, "NAME|ID [name NEW] [weight N] [cap PERCENT|none] [quantum T|default] [cpus LIST|all] [time-critical on|off] [guest-critical on|off] [PARAM VALUE]...",
	  "change it, all or nothing; PARAM is what the active scheduler declares for VMs. Alone: pool NAME|ID, move it to another pool" },
	{ "pause", cmd_vm_pause, "NAME|ID", "all its vCPUs leave their guest and wait for nothing until resumed" },
	{ "resume", cmd_vm_resume, "NAME|ID", "undo pause; a vCPU that was paused by itself stays so" },
	{ }
};
