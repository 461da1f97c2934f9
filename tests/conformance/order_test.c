// SPDX-License-Identifier: GPL-2.0
/*
 * Order: nobody is lost or picked twice, whatever vCPUs do, on one pCPU or on many;
 * slices are in bounds; the table is in order.
 */
#include <linux/slab.h>
#include "conform.h"

/* What registration does not look at. */
static void table_is_in_order(struct kunit *test)
{
	const struct vmm_sched_ops *ops = conform.ops;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, vmm_sched_register(ops), -EEXIST);
	KUNIT_EXPECT_NOT_NULL_MSG(test, ops->owner, "owner is THIS_MODULE");
	KUNIT_EXPECT_TRUE_MSG(test, !ops->check_group || ops->nr_params,
			      "check_group() without parameters");
	for (i = 0; i < ops->nr_params; i++) {
		const struct vmm_sched_param *p = &ops->params[i];

		KUNIT_EXPECT_TRUE_MSG(test, *p->help && !strchr(p->help, '\n'),
				      "the help of %s is not one line", p->name);
		KUNIT_EXPECT_TRUE_MSG(test, p->unit != VMM_UNIT_BOOL || p->max <= 1,
				      "%s is a bool with more than two values", p->name);
		KUNIT_EXPECT_TRUE_MSG(test, p->unit <= VMM_UNIT_BOOL, "%s has no unit", p->name);
	}
	kunit_info(test, "%s: %u parameters, memory %zu + %zu per pCPU + %zu per vCPU + %zu per VM bytes",
		   ops->name, ops->nr_params, ops->sched_size, ops->pcpu_size, ops->entity_size,
		   ops->group_size);
}

static void traffic_on(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus, u32 per_vm, u32 steps)
{
	struct rnd rnd = { nr_pcpus };
	u32 i;

	conform_room(test, nr_pcpus, nr_vcpus, per_vm);
	/* Looked at often: a later claim may bring back who was lost. */
	for (i = 0; i < steps; i += 200) {
		conform_traffic(test, &rnd, 200);
		conform_all_get_on(test);
	}
}

/* Claims, cancelled claims, yields, halts, wake-ups, loans and slice ends at random. */
static void nobody_is_lost_on_1_pcpu(struct kunit *test)
{
	traffic_on(test, 1, 7, 1, 4000);
}

static void nobody_is_lost_on_2_pcpus(struct kunit *test)
{
	traffic_on(test, 2, 12, 3, 4000);
}

static void nobody_is_lost_on_8_pcpus(struct kunit *test)
{
	traffic_on(test, 8, 40, 4, 4000);
}

static void a_thousand_vcpus_all_run(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 4, 1000, 1);
	u64 begin = r->now;

	conform_hogs(r, 0, 1000);
	virt_run(r, r->now + 20 * MS);
	conform_good(test);
	conform_all_get_on(test);
	kunit_info(test, "all 1,000 on 4 pCPUs had run after %llu ms",
		   div_u64(r->now - begin, MS));
}

static void sixty_four_pcpus_all_run(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 64, 200, 2);
	u64 begin, ran, want;
	u32 i;

	conform_hogs(r, 0, 160);
	conform_sleepers(r, 160, 200, 700 * US, 5 * MS);
	virt_run(r, r->now + 20 * MS);
	begin = r->now;
	ran = conform_ran(r);
	for (i = 0; i < 4; i++) {
		virt_run(r, r->now + 10 * MS);
		conform_good(test);
	}
	ran = conform_ran(r) - ran;
	want = (r->now - begin) * 64;
	kunit_info(test, "64 pCPUs were used to %llu %%", div64_u64(ran * 100, want));
	KUNIT_EXPECT_LE(test, ran, want);
	if (!conform.idles)
		KUNIT_EXPECT_GE(test, ran, div_u64(want * 95, 100));
	conform_all_get_on(test);
}

/* VMs come and go while others run; they go in whatever state they are. */
static void vms_come_and_go(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 2, 6, 1);
	int attached = conform.entities;
	struct rnd rnd = { 17 };
	u32 i, k;

	conform_hogs(r, 0, 4);
	conform_sleepers(r, 4, 6, 300 * US, 2 * MS);
	for (i = 0; i < 60; i++) {
		struct virt_vcpu *v = kzalloc(sizeof(*v), GFP_KERNEL);
		struct vmm_group *g = vmm_group_create_in(r->pool, "comes-and-goes");

		KUNIT_ASSERT_NOT_NULL(test, v);
		KUNIT_ASSERT_FALSE(test, IS_ERR(g));
		KUNIT_ASSERT_EQ(test, vmm_entity_init(&v->e, g, 0), 0);
		KUNIT_EXPECT_EQ(test, conform.entities, attached + 1);
		for (k = 0; k < 1 + i % 4; k++) {
			if (vmm_state(&v->e) == VMM_GATE_OUT)
				vmm_gate_claim(&v->e, NULL);
			virt_run(r, r->now + rnd_range(&rnd, 10 * US, 8 * MS));
			if (vmm_state(&v->e) == VMM_GATE_OFFERED && vmm_gate_own(&v->e))
				vmm_gate_on(&v->e);
		}
		vmm_gate_off(&v->e);
		if (i % 3 == 1)
			vmm_gate_try_block(&v->e);
		else if (i % 3 == 2)
			vmm_gate_exit(&v->e, VMM_EXIT_LOAN);
		vmm_entity_destroy(&v->e);
		vmm_group_put(g);
		kfree(v);
		KUNIT_EXPECT_EQ(test, conform.entities, attached);
		conform_good(test);
	}
	conform_all_get_on(test);
}

/* Those seen so far, in all tests up to here, and with quanta that the operator may set. */
static void slices_are_in_bounds(struct kunit *test)
{
	static const u64 quantum[] = { 50 * US, 100 * US, 1 * MS, 333 * MS, 10 * NSEC_PER_SEC };
	struct virt_room *r = conform_room(test, 2, 8, 1);
	u32 i;

	conform_hogs(r, 0, 6);
	conform_sleepers(r, 6, 8, 200 * US, 3 * MS);
	for (i = 0; i < ARRAY_SIZE(quantum); i++) {
		mutex_lock(&r->pool->mutex);
		WRITE_ONCE(r->vcpu[i].group->quantum_ns, quantum[i]);
		vmm_group_params_changed(r->vcpu[i].group);
		mutex_unlock(&r->pool->mutex);
		virt_run(r, r->now + 100 * MS);
		conform_good(test);
	}
	kunit_info(test, "%llu picks: slices of %llu to %llu us, %llu without end; %llu times nobody",
		   conform.picks, div_u64(conform.slice_min, US), div_u64(conform.slice_max, US),
		   conform.endless, conform.declines);
}

struct kunit_case conform_order_cases[] = {
	KUNIT_CASE(table_is_in_order),
	KUNIT_CASE(nobody_is_lost_on_1_pcpu),
	KUNIT_CASE(nobody_is_lost_on_2_pcpus),
	KUNIT_CASE(nobody_is_lost_on_8_pcpus),
	KUNIT_CASE(a_thousand_vcpus_all_run),
	KUNIT_CASE(sixty_four_pcpus_all_run),
	KUNIT_CASE(vms_come_and_go),
	KUNIT_CASE(slices_are_in_bounds),
	{}
};
