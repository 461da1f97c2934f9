// SPDX-License-Identifier: GPL-2.0
/*
 * Changes while vCPUs run: parameters, pCPUs, the scheduler itself, there and
 * back, with every failure that preparation can have.
 */
#include "conform.h"

/* --- parameters --------------------------------------------------------------- */

/* 0, or the errno of a refusal, which has to come with a reason. */
static int try_sched(struct kunit *test, const char *name, u64 val)
{
	struct vmm_param_set one = { name, val };
	const char *why = NULL;
	int ret = vmm_sched_set_params(conform.room->pool, &one, 1, &why);

	KUNIT_EXPECT_LE(test, ret, 0);
	KUNIT_EXPECT_TRUE_MSG(test, !ret || why, "%s=%llu was refused without a reason", name, val);
	return ret;
}

static int try_vm(struct kunit *test, u32 vcpu, const char *name, u64 val)
{
	struct virt_room *r = conform.room;
	const char *why = NULL;
	int ret;

	mutex_lock(&r->pool->mutex);
	ret = vmm_group_set_param(r->vcpu[vcpu].group, name, val, &why);
	if (!ret)
		vmm_group_params_changed(r->vcpu[vcpu].group);
	mutex_unlock(&r->pool->mutex);
	KUNIT_EXPECT_LE(test, ret, 0);
	KUNIT_EXPECT_TRUE_MSG(test, !ret || why, "%s=%llu was refused without a reason", name, val);
	return ret;
}

static void busy_for(struct kunit *test, u64 ns)
{
	virt_run(conform.room, conform.room->now + ns);
	conform_good(test);
}

static void parameters_change_while_vcpus_run(struct kunit *test)
{
	const struct vmm_sched_ops *ops = conform.ops;
	struct virt_room *r = conform_room(test, 2, 8, 2);
	unsigned int i, k, refused = 0, set = 0;
	struct rnd rnd = { 11 };

	conform_hogs(r, 0, 6);
	conform_sleepers(r, 6, 8, 300 * US, 2 * MS);
	busy_for(test, 10 * MS);
	for (i = 0; i < ops->nr_params; i++) {
		const struct vmm_sched_param *p = &ops->params[i];
		u64 val[] = { p->min, p->max, rnd_range(&rnd, p->min, p->max), p->def };
		bool vm = p->scope == VMM_SCOPE_GROUP;

		if (p->min)
			KUNIT_EXPECT_EQ(test, vm ? try_vm(test, 0, p->name, p->min - 1) :
						   try_sched(test, p->name, p->min - 1), -ERANGE);
		if (p->max != U64_MAX)
			KUNIT_EXPECT_EQ(test, vm ? try_vm(test, 0, p->name, p->max + 1) :
						   try_sched(test, p->name, p->max + 1), -ERANGE);
		for (k = 0; k < ARRAY_SIZE(val); k++) {
			if (vm ? try_vm(test, k % 2 ? 0 : 6, p->name, val[k]) :
				 try_sched(test, p->name, val[k]))
				refused++;
			else
				set++;
			busy_for(test, 30 * MS);
		}
	}
	kunit_info(test, "%u values were set, %u refused with a reason", set, refused);
	/* As it was to be tested: whatever came before must not have left a mark. */
	for (i = 0; i < conform.nr_set; i++)
		try_sched(test, conform.set[i].name, conform.set[i].val);
	conform_setup_vms(test, r);
	conform_all_get_on(test);
}

/* What every VM has: weight, quantum, cap, the time-critical flag. */
static void vm_settings_change_while_vcpus_run(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 2, 12, 2);
	struct rnd rnd = { 12 };
	u32 i, k;

	for (k = 0; k < 150; k++) {
		struct vmm_group *g = r->vcpu[rnd_range(&rnd, 0, 11)].group;

		mutex_lock(&r->pool->mutex);
		WRITE_ONCE(g->time_critical, rnd_range(&rnd, 0, 1));
		WRITE_ONCE(g->weight, rnd_weight(&rnd));
		WRITE_ONCE(g->quantum_ns, rnd_range(&rnd, 0, 1) * rnd_range(&rnd, 50 * US, 50 * MS));
		WRITE_ONCE(g->cap, rnd_range(&rnd, 0, 3) ? 0 : rnd_range(&rnd, 1, 200));
		conform.capped = true;
		vmm_group_params_changed(g);
		mutex_unlock(&r->pool->mutex);
		conform_traffic(test, &rnd, 20);
	}
	for (i = 0; i < 12; i++) {
		WRITE_ONCE(r->vcpu[i].group->quantum_ns, 0);
		conform_set_vm(r, i, VMM_WEIGHT_DEFAULT, 0);
	}
	conform_all_get_on(test);
}

/* --- pCPUs ------------------------------------------------------------------------ */

static void pcpus_go_and_come_back(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 4, 16, 2);
	struct rnd rnd = { 13 };
	u32 k;

	for (k = 0; k < 60; k++) {
		u32 pcpu = rnd_range(&rnd, 0, 3);
		bool online = r->pool->pcpus[pcpu].online;

		if (!online || r->pool->nr_online > 1)
			virt_online(r, pcpu, !online);
		virt_settle(r);		/* who is at the guest there comes out */
		conform_good(test);
		conform_traffic(test, &rnd, 40);
	}
	for (k = 0; k < 4; k++)
		if (!r->pool->pcpus[k].online)
			virt_online(r, k, true);
	conform_all_get_on(test);
}

/* --- there and back ------------------------------------------------------------------ */

static void swap_round(struct kunit *test, u32 peer, struct rnd *rnd, bool cease, u32 *seen)
{
	struct vmm_swap_how how = { .cease = cease, .timeout_ns = NSEC_PER_SEC };
	struct virt_room *r = conform.room;
	struct vmm_swap_result res;
	const char *why = NULL;
	int ret;
	u32 i;

	conform_traffic(test, rnd, 50);
	for (i = 0; i < r->nr_vcpus; i++)
		*seen |= BIT(vmm_state(&r->vcpu[i].e));
	ret = conform_swap_to(r, peer);
	KUNIT_ASSERT_EQ_MSG(test, ret, 0, "%s does not take over", conform_peer(peer));
	virt_check(test, r);
	KUNIT_EXPECT_EQ_MSG(test, conform.entities + conform.pcpus + conform.inits, 0,
			    "it is not in charge any more and holds on to something");
	conform_traffic(test, rnd, 15);
	r->throttles = conform.idles;
	ret = vmm_sched_activate_how(r->pool, &conform.shim, conform.set, conform.nr_set,
				     cease ? &how : NULL, &res, &why);
	KUNIT_ASSERT_EQ_MSG(test, ret, 0, "after %s it does not take over: %s",
			    conform_peer(peer), why ?: "");
	if (!cease)
		KUNIT_EXPECT_EQ(test, res.forced_out, 0);
	conform_good(test);
}

/* A hundred times, from and to each of ours; every fifth time with all vCPUs brought out. */
static void swaps_lose_nobody(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 4, 6, 2);
	u32 i, peer, rounds = 0, seen = 0;
	struct rnd rnd = { 14 };

	for (i = 0; i < 100; i++) {
		const struct vmm_sched_ops *ops;

		peer = i % CONFORM_PEERS;
		ops = vmm_sched_get(conform_peer(peer));
		if (!ops)
			continue;
		vmm_sched_put(ops);
		swap_round(test, peer, &rnd, i / CONFORM_PEERS % 5 == 4, &seen);
		rounds++;
	}
	kunit_info(test, "%u times there and back, %llu swaps", rounds, r->pool->nr_swaps);
	/* OUT, QUEUED, OFFERED, OFF, OWNER, LOANED, BLOCKED */
	KUNIT_EXPECT_EQ_MSG(test, seen, 0x7f, "not every state of a vCPU was met");
	KUNIT_EXPECT_GE(test, rounds, 20);
	conform_all_get_on(test);
}

/* Each step of taking over fails once: the one before goes on, and nothing is left behind. */
static void a_failed_swap_leaves_nothing(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 2, 6, 2);
	struct vmm_swap_result res;
	struct rnd rnd = { 15 };
	u32 step, failed = 0;
	const char *why;
	int ret;

	KUNIT_ASSERT_EQ(test, conform_swap_to(r, 0), 0);
	for (step = 1; step < 60; step++) {
		conform_traffic(test, &rnd, 10);
		r->pool->fail_at = step;
		ret = vmm_sched_activate(r->pool, &conform.shim, conform.set, conform.nr_set,
					 &res, &why);
		r->pool->fail_at = 0;
		if (!ret)
			break;
		failed++;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_FALSE(test, conform_active(r));
		KUNIT_EXPECT_EQ_MSG(test, conform.entities, 0, "attach() without detach()");
		KUNIT_EXPECT_EQ_MSG(test, conform.pcpus, 0, "pcpu_init() without pcpu_exit()");
		KUNIT_EXPECT_EQ_MSG(test, conform.inits, 0, "init() without exit()");
		virt_check(test, r);
	}
	KUNIT_EXPECT_GE(test, failed, 2);
	conform_good(test);
	conform_all_get_on(test);
}

/* --- history ---------------------------------------------------------------------------- */

static u32 tales;	/* how many were told */

/* The greatest lags that there are, and shares from nothing to a whole pCPU. */
static void tell_tales(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		       struct vmm_history *h, u64 now)
{
	h->lag_ns = ++tales % 2 ? (s64)VMM_LAG_MAX_NS : -(s64)VMM_LAG_MAX_NS;
	h->share_ppm = tales % 3 ? 1000000 : 0;
}

static void hogs_share(struct kunit *test, u32 n, u64 span, u32 per_cent, const char *what)
{
	struct virt_room *r = conform.room;
	u64 got[8], sum = 0, mean;
	u32 i;

	for (i = 0; i < n; i++)
		got[i] = virt_ran(r, i);
	virt_run(r, r->now + span);
	for (i = 0; i < n; i++) {
		got[i] = virt_ran(r, i) - got[i];
		sum += got[i];
	}
	mean = div_u64(sum, n);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_LE_MSG(test, abs((s64)(got[i] - mean)) * 100, mean * per_cent,
				    "%s: vCPU %u had %llu ms, %llu would be right", what, i,
				    div_u64(got[i], MS), div_u64(mean, MS));
}

/* Whatever the one before says of vCPUs, in the end they get the same. */
static void history_of_any_kind_is_taken(struct kunit *test)
{
	static struct vmm_sched_ops teller;
	const struct vmm_sched_ops *ops = vmm_sched_get("default");
	struct virt_room *r = conform_room(test, 1, 4, 1);
	struct vmm_swap_result res;
	const char *why;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	teller = *ops;
	vmm_sched_put(ops);
	teller.owner = THIS_MODULE;
	teller.name = "teller";
	teller.give_history = tell_tales;
	conform_hogs(r, 0, 4);
	for (i = 0; i < 5; i++) {
		tales = i;
		KUNIT_ASSERT_EQ(test, vmm_sched_activate(r->pool, &teller, NULL, 0, &res, &why), 0);
		virt_run(r, r->now + 25 * MS);
		KUNIT_ASSERT_EQ(test, conform_activate(r, &why), 0);
		/* Debts of a period (100 ms) are paid; after that all are the same. */
		virt_run(r, r->now + 2 * NSEC_PER_SEC);
		conform_good(test);
	}
	hogs_share(test, 4, 20 * NSEC_PER_SEC, conform.share_error, "after a wrong history");
	/* Not left in the history of the room: its table is not for long. */
	mutex_lock(&r->pool->mutex);
	r->pool->nr_history = 0;
	mutex_unlock(&r->pool->mutex);
	conform_good(test);
}

/* 200 changes in 10 s: nobody gets less than half of what is fair, nor more than twice. */
static void many_swaps_starve_nobody(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 1, 4, 1);
	u64 least = U64_MAX, most = 0;
	const char *why;
	u32 i;

	conform_hogs(r, 0, 4);
	for (i = 0; i < 200; i++) {
		KUNIT_ASSERT_EQ(test, i % 2 ? conform_activate(r, &why) : conform_swap_to(r, 0), 0);
		virt_run(r, r->now + 37 * MS + i * 100 * US);
	}
	for (i = 0; i < 4; i++) {
		least = min(least, virt_ran(r, i));
		most = max(most, virt_ran(r, i));
	}
	KUNIT_EXPECT_GE_MSG(test, least * 4, most, "one had %llu ms, another %llu ms",
			    div_u64(least, MS), div_u64(most, MS));
	kunit_info(test, "after 200 swaps with the default: %llu to %llu ms for each",
		   div_u64(least, MS), div_u64(most, MS));
	conform_good(test);
}

struct kunit_case conform_change_cases[] = {
	KUNIT_CASE(parameters_change_while_vcpus_run),
	KUNIT_CASE(vm_settings_change_while_vcpus_run),
	KUNIT_CASE(pcpus_go_and_come_back),
	KUNIT_CASE(swaps_lose_nobody),
	KUNIT_CASE(a_failed_swap_leaves_nothing),
	KUNIT_CASE(history_of_any_kind_is_taken),
	KUNIT_CASE(many_swaps_starve_nobody),
	{}
};
