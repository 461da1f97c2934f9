// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched show --last-exit: who was thrown out last, and why.
 */
#include <stdio.h>
#include <string.h>
#include "vmmctl.h"

#define NAME_OF(kind, name) \
	[kind] = name
static const char * const kinds[] = {
	VMM_BREACH_NAMES(NAME_OF)
};

static const char * const ops[] = { "pick", "wakeup", "adopt" };
static const char * const whys[] = {
	"slice", "preempt", "yield", "block", "leave", "noshow", "lost", "migrate", "swap",
};

#define NAME(table, i) ((i) < sizeof(table) / sizeof((table)[0]) ? (table)[i] : "?")

static json_object *decision_to_json(const struct vmm_decision *d)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "before_ns", json_object_new_uint64(d->at_ns));
	json_object_object_add(o, "op", json_object_new_string(NAME(ops, d->op)));
	json_object_object_add(o, "entity", json_object_new_uint64(d->entity));
	/* No slice, no end: absent. */
	if (d->slice_ns != UINT64_MAX)
		json_object_object_add(o, "slice_ns", json_object_new_uint64(d->slice_ns));
	json_object_object_add(o, "queued", json_object_new_uint64(d->queued));
	if (d->op == VMM_DECISION_PICK)
		json_object_object_add(o, "after", json_object_new_string(NAME(whys, d->why)));
	return o;
}

static json_object *decisions_to_json(struct nlattr *a)
{
	json_object *list = json_object_new_array();
	struct vmm_decision d;
	int i, n = nla_len(a) / (int)sizeof(d);

	for (i = 0; i < n; i++) {
		/* Attributes are aligned to 4 bytes only. */
		memcpy(&d, (const char *)nla_data(a) + i * sizeof(d), sizeof(d));
		json_object_array_add(list, decision_to_json(&d));
	}
	return list;
}

json_object *exit_to_json(struct nlattr *nest)
{
	struct nlattr *a[VMM_EXIT_MAX + 1];
	json_object *o = json_object_new_object();

	if (nla_parse_nested(a, VMM_EXIT_MAX, nest, NULL))
		return o;
	add_str(o, "name", a[VMM_EXIT_NAME]);
	if (a[VMM_EXIT_KIND])
		json_object_object_add(o, "kind", json_object_new_string(
			NAME(kinds, nla_get_u32(a[VMM_EXIT_KIND]))));
	add_str(o, "reason", a[VMM_EXIT_REASON]);
	add_u32(o, "entity", a[VMM_EXIT_ENTITY]);
	add_str(o, "vm", a[VMM_EXIT_VM]);
	add_u32(o, "vcpu", a[VMM_EXIT_VCPU]);
	if (a[VMM_EXIT_PCPU] && nla_get_u32(a[VMM_EXIT_PCPU]) != VMM_NO_PCPU)
		add_u32(o, "pcpu", a[VMM_EXIT_PCPU]);
	add_u64(o, "ago_ns", a[VMM_EXIT_AGO]);
	add_u64(o, "waited_ns", a[VMM_EXIT_WAITED]);
	add_u64(o, "other_picks", a[VMM_EXIT_PICKS]);
	add_u64(o, "active_ns", a[VMM_EXIT_ACTIVE]);
	add_str(o, "next", a[VMM_EXIT_NEXT]);
	add_u64(o, "took_ns", a[VMM_EXIT_TOOK]);
	if (a[VMM_EXIT_DECISIONS])
		json_object_object_add(o, "decisions", decisions_to_json(a[VMM_EXIT_DECISIONS]));
	return o;
}

static bool has(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v);
}

/** print_exit_line() - the record in one line */
void print_exit_line(json_object *o)
{
	char buf[32];

	printf("thrown out %s ago (%s): %s, because it %s",
	       show_ns(get_num(o, "ago_ns"), buf, sizeof(buf)), get_str(o, "kind"),
	       get_str(o, "name"), get_str(o, "reason"));
	if (get_num(o, "entity"))
		printf(" (entity %llu)", (unsigned long long)get_num(o, "entity"));
	printf("\n");
}

static void print_exit(json_object *o)
{
	json_object *list;
	char buf[32];
	size_t i;

	print_exit_line(o);
	if (has(o, "vm"))
		printf("  vCPU %llu of VM %s, had waited %s while %llu others were picked\n",
		       (unsigned long long)get_num(o, "vcpu"), get_str(o, "vm"),
		       show_ns(get_num(o, "waited_ns"), buf, sizeof(buf)),
		       (unsigned long long)get_num(o, "other_picks"));
	if (has(o, "pcpu"))
		printf("  on pCPU %llu\n", (unsigned long long)get_num(o, "pcpu"));
	printf("  it had been active for %s\n", show_ns(get_num(o, "active_ns"), buf, sizeof(buf)));
	if (has(o, "next"))
		printf("  %s took over, in charge of all pCPUs %s later\n", get_str(o, "next"),
		       show_ns(get_num(o, "took_ns"), buf, sizeof(buf)));
	if (!json_object_object_get_ex(o, "decisions", &list) || !json_object_array_length(list))
		return;
	printf("  its last decisions there, oldest first:\n");
	for (i = 0; i < json_object_array_length(list); i++) {
		json_object *d = json_object_array_get_idx(list, i);

		printf("  %12s before: %s", show_ns(get_num(d, "before_ns"), buf, sizeof(buf)),
		       get_str(d, "op"));
		if (get_num(d, "entity"))
			printf(" entity %llu", (unsigned long long)get_num(d, "entity"));
		else
			printf(" nobody");
		if (!get_num(d, "entity"))
			printf(",");
		else if (has(d, "slice_ns"))
			printf(" for %s,", show_ns(get_num(d, "slice_ns"), buf, sizeof(buf)));
		else
			printf(" without end,");
		printf(" %llu queued", (unsigned long long)get_num(d, "queued"));
		if (has(d, "after"))
			printf(", after %s", get_str(d, "after"));
		printf("\n");
	}
}

static void on_exit_record(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object *o;

	(void)h;
	(void)arg;
	if (!a[VMM_ATTR_EXIT])
		return;
	o = exit_to_json(a[VMM_ATTR_EXIT]);
	add_u32(o, "pool", a[VMM_ATTR_POOL_ID]);
	if (opt_json)
		print_json(o);
	else
		print_exit(o);
	json_object_put(o);
}

int show_last_exit(void)
{
	struct nl_msg *msg = pool_request(VMM_CMD_SCHED_EXIT_GET, NLM_F_ACK);

	return msg ? nl_talk(msg, on_exit_record, NULL) : REFUSED;
}
