// SPDX-License-Identifier: GPL-2.0
/*
 * Several pools over one virtual machine: pCPUs and VMs change hands while fake
 * vCPUs run; what must be kept is kept; what is refused changes nothing.
 */
#include <linux/slab.h>
#include "rnd.h"
#include "virtual_pools.h"

/* --- tests ---------------------------------------------------------------------------- */

/* pCPUs and VMs back and forth: no time is lost, nobody stands still, ids stay. */
static void split_and_join(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 4, 12);
	u64 begin, sum = 0, before[12];
	struct vmm_pool *p;
	const char *why;
	u32 i, k, id[12];

	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	make_busy(r);
	for (i = 0; i < 12; i++)
		id[i] = r->vcpu[i].e.id;
	begin = r->now;
	for (k = 0; k < 30; k++) {
		virt_run(r, r->now + 3 * MS + k * 1237);
		p = split(test, r, "side", k & 1 ? 0xc : 0x8, k % 3 ? "bvt" : "credit");
		virt_run(r, r->now + 2 * MS);
		for (i = 0; i < 12; i++)
			if ((i + k) % 4 == 0)	/* two hogs and a sleeper */
				must_send(test, r, i, p);
		KUNIT_EXPECT_STREQ(test, active(r->pool), "rr");
		for (i = 0; i < 12; i++)
			before[i] = virt_ran(r, i);
		virt_run(r, r->now + (k % 3 ? 80 : 250) * MS);
		for (i = 0; i < 12; i++)
			KUNIT_EXPECT_GT(test, virt_ran(r, i), before[i]);
		KUNIT_EXPECT_EQ(test, set_cpus(r, p, 0x4, &why), 0);
		virt_check(test, r);
		virt_run(r, r->now + 5 * MS);
		join(test, r, p);
	}
	for (i = 0; i < 12; i++) {
		sum += virt_ran(r, i);
		KUNIT_EXPECT_EQ(test, r->vcpu[i].e.id, id[i]);
	}
	KUNIT_EXPECT_LE(test, sum, 4 * (r->now - begin));
	KUNIT_EXPECT_GE(test, sum, 4 * (r->now - begin) * 95 / 100);
	KUNIT_EXPECT_EQ(test, r->pool->nr_online, 4U);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	virt_destroy(r);
}

/* Puts vCPU 0 .. 7 in all states: owner, off, loaned, offered, queued (2), blocked, out. */
static void all_states(struct kunit *test, struct virt_room *r)
{
	u32 i;

	vmm_gate_claim(&r->vcpu[6].e, NULL);
	KUNIT_ASSERT_TRUE(test, vmm_gate_own(&r->vcpu[6].e));
	KUNIT_ASSERT_TRUE(test, vmm_gate_try_block(&r->vcpu[6].e));
	for (i = 0; i < 6; i++) {
		vmm_gate_claim(&r->vcpu[i].e, NULL);
		if (i > 2)
			continue;
		KUNIT_ASSERT_TRUE(test, vmm_gate_own(&r->vcpu[i].e));
		vmm_gate_on(&r->vcpu[i].e);
	}
	vmm_gate_off(&r->vcpu[1].e);
	vmm_gate_off(&r->vcpu[2].e);
	vmm_gate_exit(&r->vcpu[2].e, VMM_EXIT_LOAN);
}

/* In each state of the gate, there and back. */
static void vms_move_in_every_state(struct kunit *test)
{
	static const enum vmm_gate_state want[] = {
		VMM_GATE_OWNER, VMM_GATE_OFF, VMM_GATE_LOANED, VMM_GATE_OFFERED,
		VMM_GATE_QUEUED, VMM_GATE_QUEUED, VMM_GATE_BLOCKED, VMM_GATE_OUT,
	};
	static const char * const scheds[] = { "default", "rr", "bvt", "credit" };
	u32 i, k;

	for (k = 0; k < ARRAY_SIZE(scheds); k++) {
		struct virt_room *r = virt_create(test, 6, 8);
		struct vmm_swap_result res;
		struct vmm_pool *p;
		const char *why;

		KUNIT_ASSERT_EQ(test, virt_swap(r, scheds[k]), 0);
		p = split(test, r, "side", 0x30, scheds[3 - k]);
		all_states(test, r);
		for (i = 0; i < 8; i++) {
			r->vcpu[i].absent = true;
			if (!k)
				KUNIT_EXPECT_EQ(test, vmm_state(&r->vcpu[i].e), want[i]);
		}
		for (i = 0; i < 8; i++) {
			struct vmm_entity *e = &r->vcpu[i].e;

			KUNIT_ASSERT_EQ(test, send(e->group, p, &res, &why), 0);
			virt_check(test, r);
			KUNIT_EXPECT_PTR_EQ(test, e->pool, p);
			KUNIT_EXPECT_EQ(test, res.entities, 1U);
			KUNIT_EXPECT_EQ(test, res.forced_out, !i);
			KUNIT_EXPECT_LE(test, res.vcpu_pause_max_ns, 20 * NSEC_PER_USEC);
			/* Who waited waits on; who was blocked is; who was away finds itself there. */
			if (i >= 3 && i <= 5)
				KUNIT_EXPECT_TRUE(test, vmm_state(e) == VMM_GATE_QUEUED ||
						  vmm_state(e) == VMM_GATE_OFFERED);
			else
				KUNIT_EXPECT_EQ(test, vmm_state(e), i == 6 ? VMM_GATE_BLOCKED :
						VMM_GATE_OUT);
		}
		vmm_gate_wake(&r->vcpu[6].e);
		KUNIT_EXPECT_TRUE(test, r->vcpu[6].e.home->online);
		for (i = 0; i < 8; i++) {
			r->vcpu[i].absent = false;
			r->vcpu[i].hog = true;
		}
		virt_run(r, r->now + 100 * MS);
		for (i = 0; i < 8; i++)
			KUNIT_EXPECT_GT(test, virt_ran(r, i), 0ULL);
		join(test, r, p);
		virt_swap(r, "default");
		virt_destroy(r);
	}
}

/* What is set on a VM, by us or by a scheduler's name, is what it was, there and back. */
static void parameters_are_kept(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 4, 2);
	struct vmm_group *g = r->vcpu[0].group;
	DECLARE_BITMAP(bits, 64);
	struct vmm_pool *p;
	const char *why;
	u32 k;

	KUNIT_ASSERT_EQ(test, virt_swap(r, "bvt"), 0);
	p = split(test, r, "side", 0xc, "bvt");
	make_busy(r);
	to_bits(r, bits, 0x2);
	mutex_lock(&r->pool->mutex);
	g->weight = 77;
	g->cap = 150;
	g->quantum_ns = 3 * MS;
	g->time_critical = true;
	r->vcpu[0].e.weight = 99;
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(g, bits), 0);
	KUNIT_EXPECT_EQ(test, vmm_group_set_param(g, "warp", 5 * MS, &why), 0);
	mutex_unlock(&r->pool->mutex);
	for (k = 0; k < 6; k++) {
		struct vmm_pool *to = k & 1 ? r->pool : p;
		u32 at;

		virt_run(r, r->now + 5 * MS);
		must_send(test, r, 0, to);
		virt_run(r, r->now + 5 * MS);
		KUNIT_EXPECT_EQ(test, g->weight, 77U);
		KUNIT_EXPECT_EQ(test, vmm_entity_weight(&r->vcpu[0].e), 99U);
		KUNIT_EXPECT_EQ(test, g->cap, 150U);
		KUNIT_EXPECT_EQ(test, g->quantum_ns, 3ULL * MS);
		KUNIT_EXPECT_TRUE(test, g->time_critical);
		KUNIT_EXPECT_TRUE(test, bitmap_equal(rcu_access_pointer(g->affinity), bits, 4));
		mutex_lock(&to->mutex);
		KUNIT_EXPECT_EQ(test, g->view[rcu_access_pointer(to->active)->slot]->param[0],
				5ULL * MS);
		mutex_unlock(&to->mutex);
		/* Its pCPU is in pool 0: anywhere in the other one, and there again later. */
		at = r->vcpu[0].e.home->id;
		if (k & 1)
			KUNIT_EXPECT_EQ(test, at, 1U);
		else
			KUNIT_EXPECT_GE(test, at, 2U);
	}
	/* The pCPU follows the VM: it is called back to it. */
	must_send(test, r, 0, p);
	virt_run(r, r->now + 5 * MS);
	KUNIT_EXPECT_EQ(test, set_cpus(r, p, 0xe, &why), 0);
	virt_run(r, r->now + 50 * MS);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.home->id, 1U);
	join(test, r, p);
	virt_swap(r, "default");
	virt_destroy(r);
}

/* One VM hops between two pools with a hog each: it gets half, as if it had stayed. */
static void moves_neither_favour_nor_starve(struct kunit *test)
{
	static const char * const scheds[] = { "bvt", "credit" };
	/* A stay is 47 ms: with turns of 30 it matters who happens to have the first one. */
	static const struct vmm_param_set turns = { "tslice", 10 * MS };
	u32 i, k;

	for (k = 0; k < ARRAY_SIZE(scheds); k++) {
		struct virt_room *r = virt_create(test, 2, 3);
		struct vmm_pool *p;
		const char *why;
		u64 begin, ran;

		KUNIT_ASSERT_EQ(test, virt_swap(r, scheds[k]), 0);
		p = split(test, r, "side", 0x2, scheds[k]);
		if (k) {
			KUNIT_EXPECT_EQ(test, vmm_sched_set_params(r->pool, &turns, 1, &why), 0);
			KUNIT_EXPECT_EQ(test, vmm_sched_set_params(p, &turns, 1, &why), 0);
		}
		must_send(test, r, 2, p);
		for (i = 0; i < 3; i++)
			r->vcpu[i].hog = true;
		virt_run(r, r->now + 200 * MS);
		begin = r->now;
		ran = virt_ran(r, 0);
		for (i = 0; i < 200; i++) {
			virt_run(r, r->now + 47 * MS + i * 1009);
			must_send(test, r, 0, i & 1 ? r->pool : p);
		}
		ran = (virt_ran(r, 0) - ran) * 1000;
		kunit_info(test, "%s: share of a VM that moved 200 times: %llu of 1000\n",
			   scheds[k], div64_u64(ran, r->now - begin));
		KUNIT_EXPECT_GE(test, div64_u64(ran, r->now - begin), 480ULL);
		KUNIT_EXPECT_LE(test, div64_u64(ran, r->now - begin), 520ULL);
		join(test, r, p);
		virt_swap(r, "default");
		virt_destroy(r);
	}
}

/* Right after the move it has what its weight says, among those who were there. */
static void shares_after_a_move(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 4);
	static const u32 weight[] = { 128, 256, 512, 128 };
	struct vmm_pool *p;
	u64 before[4], all = 0;
	u32 i;

	KUNIT_ASSERT_EQ(test, virt_swap(r, "credit"), 0);
	p = split(test, r, "side", 0x2, "bvt");
	for (i = 0; i < 4; i++) {
		mutex_lock(&r->pool->mutex);
		r->vcpu[i].group->weight = weight[i];
		vmm_group_params_changed(r->vcpu[i].group);
		mutex_unlock(&r->pool->mutex);
		r->vcpu[i].hog = true;
	}
	must_send(test, r, 0, p);
	must_send(test, r, 1, p);
	virt_run(r, r->now + 500 * MS);
	must_send(test, r, 2, p);
	for (i = 0; i < 3; i++)
		before[i] = virt_ran(r, i);
	virt_run(r, r->now + 2000 * MS);
	for (i = 0; i < 3; i++) {
		before[i] = virt_ran(r, i) - before[i];
		all += before[i];
	}
	for (i = 0; i < 3; i++) {
		u64 permille = div64_u64(before[i] * 1000, all), want = weight[i] * 1000 / 896;

		KUNIT_EXPECT_GE(test, permille, want - 20);
		KUNIT_EXPECT_LE(test, permille, want + 20);
	}
	/* The one left behind has its pCPU for itself. */
	KUNIT_EXPECT_EQ(test, r->vcpu[3].e.pool->id, 0U);
	join(test, r, p);
	virt_swap(r, "default");
	virt_destroy(r);
}

#define CREW 3

/* A VM of three vCPUs beside those of the room. */
static struct vmm_group *crew(struct kunit *test, struct virt_room *r, struct vmm_entity *e)
{
	struct vmm_group *g = vmm_group_create_in(r->pool, "crew");
	u32 i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(g));
	for (i = 0; i < CREW; i++)
		KUNIT_ASSERT_EQ(test, vmm_entity_init(&e[i], g, i), 0);
	return g;
}

/* Each step that can fail fails once: everybody is where he was, and goes on. */
static void failures_change_nothing(struct kunit *test)
{
	struct vmm_entity *e = kunit_kzalloc(test, CREW * sizeof(*e), GFP_KERNEL);
	struct virt_room *r = virt_create(test, 2, 3);
	u32 step, failures = 0, i;
	struct vmm_swap_result res;
	struct vmm_pool *p = NULL;
	struct vmm_group *g;
	const char *why;

	KUNIT_ASSERT_NOT_NULL(test, e);
	make_busy(r);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "credit"), 0);
	g = crew(test, r, e);
	r->pool->fail_at = 1;
	KUNIT_EXPECT_EQ(test, add(r, "side", 0x2, "credit", &p, &why), -ENOMEM);
	r->pool->fail_at = 0;
	KUNIT_EXPECT_EQ(test, r->pool->nr_online, 2U);
	/* The memory is there now: each step of its scheduler fails. */
	KUNIT_ASSERT_EQ(test, add(r, "side", 0x2, "credit", &p, &why), 0);
	KUNIT_ASSERT_EQ(test, del(p, &why), 0);
	for (step = 1; step < 50; step++) {
		int ret;

		p->fail_at = step;
		ret = add(r, "side", 0x2, "credit", &p, &why);
		p->fail_at = 0;
		virt_check(test, r);
		if (!ret)
			break;
		failures++;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_FALSE(test, p->live);
		KUNIT_EXPECT_STREQ(test, active(p), "default");
		KUNIT_EXPECT_EQ(test, r->pool->nr_online, 2U);
	}
	/* instance, its memory, two pCPUs */
	KUNIT_EXPECT_EQ(test, failures, 4U);

	failures = 0;
	for (step = 1; step < 50; step++) {
		int ret;

		virt_run(r, r->now + 2 * MS);
		p->fail_at = step;
		ret = send(g, p, &res, &why);
		p->fail_at = 0;
		virt_check(test, r);
		if (!ret)
			break;
		failures++;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_PTR_EQ(test, g->pool, r->pool);
		for (i = 0; i < CREW; i++) {
			KUNIT_EXPECT_PTR_EQ(test, e[i].pool, r->pool);
			KUNIT_EXPECT_NULL(test, xa_load(&p->entities, e[i].id));
		}
	}
	/* the VM, and for each vCPU an entry and its memory */
	KUNIT_EXPECT_EQ(test, failures, 1 + 2 * CREW);
	KUNIT_EXPECT_EQ(test, res.entities, CREW);
	for (i = 0; i < CREW; i++) {
		KUNIT_EXPECT_PTR_EQ(test, xa_load(&p->entities, e[i].id), &e[i]);
		KUNIT_EXPECT_NULL(test, xa_load(&r->pool->entities, e[i].id));
		vmm_entity_destroy(&e[i]);
	}
	vmm_group_put(g);
	join(test, r, p);
	virt_swap(r, "default");
	virt_destroy(r);
}

/* Admission of the new pool's scheduler: its reason comes back, and nothing has changed. */
static void admission_refuses_a_vm(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 4, 6);
	struct vmm_swap_result res;
	struct vmm_pool *p;
	const char *why = NULL;
	u32 i;

	r->throttles = true;
	make_busy(r);
	p = split(test, r, "rt", 0x8, "edf");
	/* 4 ms in 10 ms each: two fit on one pCPU */
	must_send(test, r, 0, p);
	must_send(test, r, 1, p);
	KUNIT_EXPECT_EQ(test, send(r->vcpu[2].group, p, &res, &why), -ENOSPC);
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_TRUE(test, strstr(why, "the budgets would not fit"));
	KUNIT_EXPECT_PTR_EQ(test, r->vcpu[2].group->pool, r->pool);
	virt_check(test, r);
	virt_run(r, r->now + 100 * MS);
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_GT(test, virt_ran(r, i), 0ULL);
	/* What has left is given back. */
	must_send(test, r, 0, r->pool);
	must_send(test, r, 2, p);
	join(test, r, p);
	virt_destroy(r);
}

/* A pCPU that goes offline and comes back is in its pool, under its scheduler. */
static void members_go_offline_and_come_back(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 3, 6);
	struct vmm_pool *p;
	struct vmm_sched *s;
	const char *why;
	u64 ran[6];
	u32 i, k;

	make_busy(r);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	p = split(test, r, "side", 0x6, "bvt");
	s = rcu_access_pointer(p->active);
	for (i = 0; i < 3; i++)
		must_send(test, r, i, p);
	for (k = 0; k < 8; k++) {
		virt_run(r, r->now + 20 * MS);
		virt_online(r, 1, false);
		virt_run(r, r->now + 60 * MS);
		if (k & 1) {
			/* The last one: its VMs wait, those of pool 0 do not. */
			virt_online(r, 2, false);
			virt_settle(r);
			for (i = 0; i < 6; i++)
				ran[i] = virt_ran(r, i);
			virt_run(r, r->now + 60 * MS);
			for (i = 0; i < 6; i++)
				KUNIT_EXPECT_EQ(test, virt_ran(r, i) > ran[i], i >= 3);
			virt_check(test, r);
		}
		/* In both orders. */
		if ((k & 3) == 3)
			virt_online(r, 2, true);
		else
			virt_online(r, 1, true);
		virt_run(r, r->now + 10 * MS);
		if ((k & 3) == 3)
			virt_online(r, 1, true);
		else if (k & 1)
			virt_online(r, 2, true);
		for (i = 0; i < 6; i++)
			ran[i] = virt_ran(r, i);
		virt_run(r, r->now + 60 * MS);
		for (i = 0; i < 6; i++)
			KUNIT_EXPECT_GT(test, virt_ran(r, i), ran[i]);
		virt_check(test, r);
		KUNIT_EXPECT_PTR_EQ(test, r->pool->machine->member[1], &p->pcpus[1]);
		KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(p->active), s);
	}
	/* An offline one changes hands too, and comes up where it belongs then. */
	virt_online(r, 2, false);
	KUNIT_EXPECT_EQ(test, set_cpus(r, p, 0x2, &why), 0);
	virt_online(r, 2, true);
	KUNIT_EXPECT_TRUE(test, r->pool->pcpus[2].online);
	join(test, r, p);
	virt_swap(r, "default");
	virt_destroy(r);
}

static void refusals_say_why(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 3, 3);
	struct vmm_pool *p, *other = NULL, *many[VMM_POOLS] = { };
	struct vmm_swap_result res;
	const char *why = NULL;
	char name[8];
	u32 i;

	make_busy(r);
	p = split(test, r, "side", 0x4, "default");
	KUNIT_EXPECT_EQ(test, add(r, "side", 0x2, "default", &other, &why), -EEXIST);
	KUNIT_EXPECT_EQ(test, add(r, "12", 0x2, "default", &other, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(r, "", 0x2, "default", &other, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(r, "a b", 0x2, "default", &other, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(r, "all", 0x7, "default", &other, &why), -EBUSY);
	KUNIT_EXPECT_TRUE(test, strstr(why, "pool 0 has to keep a CPU"));
	KUNIT_EXPECT_EQ(test, set_cpus(r, r->pool, 0x1, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, del(r->pool, &why), -EPERM);
	must_send(test, r, 0, p);
	KUNIT_EXPECT_EQ(test, del(p, &why), -EBUSY);
	KUNIT_EXPECT_TRUE(test, strstr(why, "there are VMs in it"));
	KUNIT_EXPECT_EQ(test, set_cpus(r, p, 0, &why), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_cpus(r, r->pool, 0x7, &why), -EBUSY);
	KUNIT_EXPECT_TRUE(test, strstr(why, "the last online CPU"));
	/* Without VMs the last one may go; a VM cannot come then. */
	must_send(test, r, 0, r->pool);
	KUNIT_EXPECT_EQ(test, set_cpus(r, r->pool, 0x7, &why), 0);
	KUNIT_EXPECT_EQ(test, send(r->vcpu[0].group, p, &res, &why), -EBUSY);
	KUNIT_EXPECT_TRUE(test, strstr(why, "no CPU that is online"));
	/* CPU 0 is one like the others. */
	KUNIT_EXPECT_EQ(test, set_cpus(r, p, 0x1, &why), 0);
	must_send(test, r, 0, p);
	virt_run(r, r->now + 20 * MS);
	virt_check(test, r);
	join(test, r, p);
	for (i = 1; i < VMM_POOLS; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		KUNIT_EXPECT_EQ(test, add(r, name, 0, "default", &many[i], &why), 0);
	}
	KUNIT_EXPECT_EQ(test, add(r, "more", 0, "default", &other, &why), -ENOSPC);
	r->nr_pools = VIRT_POOLS;	/* the others have no pCPU, hence no timer */
	for (i = 1; i < VMM_POOLS; i++)
		KUNIT_EXPECT_EQ(test, del(many[i], &why), 0);
	virt_destroy(r);
}

/* What happens in one pool is nothing to the other. */
static void pools_are_independent(struct kunit *test)
{
	static const char * const names[] = { "rr", "credit", "default", "bvt" };
	struct virt_room *r = virt_create(test, 2, 6);
	struct vmm_sched *zero;
	struct vmm_pool *p;
	u64 swaps;
	u32 i;

	make_busy(r);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bvt"), 0);
	zero = rcu_access_pointer(r->pool->active);
	swaps = r->pool->nr_swaps;
	p = split(test, r, "side", 0x2, "rr");
	for (i = 0; i < 3; i++)
		must_send(test, r, i, p);
	for (i = 0; i < 100; i++) {
		virt_run(r, r->now + MS + i * 977);
		KUNIT_ASSERT_EQ(test, swap_in(p, names[(i + 1) % 4]), 0);
		KUNIT_EXPECT_STREQ(test, active(p), names[(i + 1) % 4]);
		KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(r->pool->active), zero);
		virt_check(test, r);
	}
	KUNIT_EXPECT_EQ(test, r->pool->nr_swaps, swaps);
	KUNIT_EXPECT_EQ(test, r->pool->nr_history, 0U);

	/* One that goes: out of the pool where it is active, to who was before it there. */
	KUNIT_ASSERT_EQ(test, swap_in(p, "rr"), 0);
	KUNIT_ASSERT_EQ(test, swap_in(p, "credit"), 0);
	vmm_machine_unregister(r->pool->machine, rcu_access_pointer(p->active)->ops);
	KUNIT_EXPECT_STREQ(test, active(p), "rr");
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(r->pool->active), zero);
	virt_run(r, r->now + 20 * MS);
	virt_check(test, r);

	/* One that breaks its contract in one pool. */
	rcu_access_pointer(p->active)->broken = true;
	vmm_machine_broken(r->pool->machine);
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_STRNEQ(test, active(p), "rr");
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(r->pool->active), zero);
	virt_check(test, r);
	join(test, r, p);
	virt_swap(r, "default");
	virt_destroy(r);
}

#define HANDS 9

static struct rnd dice;

static u32 rnd(void)
{
	return rnd_u64(&dice);
}

/* One random change; those that are refused change nothing, as virt_check() sees. */
static void any_change(struct kunit *test, struct virt_room *r, struct vmm_pool **p)
{
	static const char * const names[] = { "rr", "credit", "default", "bvt" };
	struct vmm_swap_result res;
	u32 n = 1 + rnd() % 2, i = rnd() % HANDS, cpu = rnd() % r->nr_pcpus;
	struct vmm_pool *to = rnd() % 3 ? p[n] : r->pool;
	const char *why = NULL;
	int ret = 0;

	switch (rnd() % 8) {
	case 0:
		if (!p[n] && !add(r, n == 1 ? "one" : "two", rnd() & 0xf,
				  names[rnd() % 4], &to, &why))
			p[n] = to;
		return;
	case 1:
		if (p[n] && !del(p[n], &why))
			p[n] = NULL;
		return;
	case 2:
		ret = to ? set_cpus(r, to, rnd() & 0xf, &why) : 0;
		break;
	case 3:
		ret = to ? swap_in(to, names[rnd() % 4]) : 0;
		why = "";
		break;
	case 4:
		virt_online(r, cpu, !r->pool->machine->member[cpu]->online);
		break;
	case 5:
		r->vcpu[i].absent = !r->vcpu[i].absent;
		break;
	default:
		ret = to ? send(r->vcpu[i].group, to, &res, &why) : 0;
		break;
	}
	if (ret)
		KUNIT_EXPECT_NOT_NULL(test, why);
}

static void a_thousand_random_changes(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 4, HANDS);
	struct vmm_pool *p[3] = { };
	u64 ran[HANDS], sum = 0, begin = r->now;
	u32 i, k;

	dice.x = 20;
	make_busy(r);
	for (k = 0; k < 1000; k++) {
		any_change(test, r, p);
		virt_check(test, r);
		virt_run(r, r->now + rnd() % (3 * MS));
		virt_check(test, r);
	}
	for (i = 0; i < HANDS; i++) {
		sum += virt_ran(r, i);
		r->vcpu[i].absent = false;
	}
	KUNIT_EXPECT_LE(test, sum, 4 * (r->now - begin));
	for (i = 0; i < 4; i++)
		if (!r->pool->machine->member[i]->online)
			virt_online(r, i, true);
	for (i = 0; i < HANDS; i++)
		ran[i] = virt_ran(r, i);
	for (i = 1; i < 3; i++)
		if (p[i])
			join(test, r, p[i]);
	virt_run(r, r->now + 200 * MS);
	for (i = 0; i < HANDS; i++)
		KUNIT_EXPECT_GT(test, virt_ran(r, i), ran[i]);
	KUNIT_EXPECT_EQ(test, r->pool->nr_online, 4U);
	virt_check(test, r);
	virt_swap(r, "default");
	virt_destroy(r);
}

static struct kunit_case pools_cases[] = {
	KUNIT_CASE(split_and_join),
	KUNIT_CASE(vms_move_in_every_state),
	KUNIT_CASE(parameters_are_kept),
	KUNIT_CASE(moves_neither_favour_nor_starve),
	KUNIT_CASE(shares_after_a_move),
	KUNIT_CASE(failures_change_nothing),
	KUNIT_CASE(admission_refuses_a_vm),
	KUNIT_CASE(members_go_offline_and_come_back),
	KUNIT_CASE(refusals_say_why),
	KUNIT_CASE(pools_are_independent),
	KUNIT_CASE(a_thousand_random_changes),
	{ }
};

static struct kunit_suite pools_suite = {
	.name = "vmm_pools",
	.test_cases = pools_cases,
};
kunit_test_suites(&pools_suite);
