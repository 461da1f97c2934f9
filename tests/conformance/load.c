// SPDX-License-Identifier: GPL-2.0
/*
 * Rooms for the conformance suite, what goes on in them, and what has to be true
 * of them at any time.
 */
#include <linux/bitmap.h>
#include "conform.h"

/* Those that it changes places with, each with what lets it take any crowd. */
static const struct {
	const char *name;
	struct vmm_param_set set[2];
	unsigned int nr_set;
} peers[CONFORM_PEERS] = {
	{ "default" }, { "rr" }, { "bvt" }, { "credit" },
	{ "edf", { { "budget", 50 * US }, { "utilisation_cap", 1000 } }, 2 },
};

const char *conform_peer(u32 peer)
{
	return peers[peer].name;
}

/** conform_swap_to() - one of ours becomes active instead. 0, -ENOENT: not loaded, or why not */
int conform_swap_to(struct virt_room *r, u32 peer)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(peers[peer].name);
	struct vmm_swap_result res;
	const char *why;
	int ret;

	if (!ops)
		return -ENOENT;
	ret = vmm_sched_activate(r->pool, ops, peers[peer].set, peers[peer].nr_set, &res, &why);
	vmm_sched_put(ops);
	r->throttles = true;
	return ret;
}

/** conform_activate() - the scheduler under test takes over */
int conform_activate(struct virt_room *r, const char **why)
{
	struct conform *c = &conform;
	struct vmm_swap_result res;

	r->throttles = c->idles;
	return vmm_sched_activate(r->pool, &c->shim, c->set, c->nr_set, &res, why);
}

/** conform_setup_vms() - the parameters that it is to be tested with, on all VMs */
void conform_setup_vms(struct kunit *test, struct virt_room *r)
{
	struct conform *c = &conform;
	const char *why = NULL;
	u32 i;

	mutex_lock(&r->pool->mutex);
	for (i = 0; c->nr_set_vm && i < r->nr_vcpus; i += r->per_vm) {
		KUNIT_EXPECT_EQ_MSG(test, vmm_group_set_params(r->vcpu[i].group, c->set_vm,
							       c->nr_set_vm, &why),
				    0, "set_vm: %s", why ?: "");
		vmm_group_params_changed(r->vcpu[i].group);
	}
	mutex_unlock(&r->pool->mutex);
}

/** conform_room() - a room under the scheduler under test; two caches where there are many pCPUs */
struct virt_room *conform_room(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus, u32 per_vm)
{
	struct conform *c = &conform;
	const char *why = NULL;
	u32 llc[64], i;
	int ret;

	for (i = 0; i < nr_pcpus; i++)
		llc[i] = i / 4;
	c->complaint[0] = 0;
	c->capped = false;
	c->room = virt_create_vms(test, nr_pcpus, llc, nr_vcpus, per_vm);
	ret = conform_activate(c->room, &why);
	KUNIT_ASSERT_EQ_MSG(test, ret, 0, "it does not take over: %s", why ?: "");
	conform_setup_vms(test, c->room);
	return c->room;
}

/** conform_leave() - the end of a test: nothing of the scheduler remains in the room */
void conform_leave(struct kunit *test)
{
	struct conform *c = &conform;
	struct virt_room *r = c->room;
	u32 i;

	c->room = NULL;
	if (!r)
		return;
	for (i = 0; i < r->nr_vcpus; i++) {
		r->vcpu[i].hog = false;
		r->vcpu[i].run_for = 0;
	}
	KUNIT_EXPECT_EQ(test, conform_swap_to(r, 0), 0);
	KUNIT_EXPECT_EQ_MSG(test, c->entities, 0, "attach() and detach() do not match");
	KUNIT_EXPECT_EQ_MSG(test, c->pcpus, 0, "pcpu_init() and pcpu_exit() do not match");
	KUNIT_EXPECT_EQ_MSG(test, c->inits, 0, "init() and exit() do not match");
	c->entities = 0;
	c->pcpus = 0;
	c->inits = 0;
	virt_destroy(r);
}

/** conform_active() - is the scheduler under test in charge? */
bool conform_active(struct virt_room *r)
{
	const struct vmm_sched *s = rcu_access_pointer(r->pool->active);

	return s->ops == &conform.shim && !s->broken;
}

/** conform_good() - what must hold at any moment while it is in charge */
void conform_good(struct kunit *test)
{
	struct conform *c = &conform;
	u32 i;

	if (c->complaint[0]) {
		KUNIT_FAIL(test, "%s", c->complaint);
		c->complaint[0] = 0;
	}
	KUNIT_ASSERT_TRUE_MSG(test, conform_active(c->room), "thrown out: it %s",
			      c->room->pool->last_exit.reason);
	for (i = 0; i < c->room->nr_pcpus; i++) {
		struct vmm_pcpu *p = &c->room->pool->pcpus[i];

		/* Whose affinity changed while it is in user space goes when it is back. */
		KUNIT_EXPECT_TRUE_MSG(test, !p->curr || vmm_entity_allowed(p->curr, p) ||
				      (p->kick && vmm_state(p->curr) != VMM_GATE_OWNER),
				      "somebody has pCPU %u who may not run there", i);
	}
	/* Whoever has a cap may be held back. */
	c->room->throttles = c->idles || c->capped;
	virt_check(test, c->room);
}

void conform_hogs(struct virt_room *r, u32 from, u32 to)
{
	while (from < to)
		r->vcpu[from++].hog = true;
}

void conform_sleepers(struct virt_room *r, u32 from, u32 to, u64 run_for, u64 sleep_for)
{
	for (; from < to; from++) {
		r->vcpu[from].run_for = run_for;
		r->vcpu[from].sleep_for = sleep_for;
	}
}

void conform_set_vm(struct virt_room *r, u32 vcpu, u32 weight, u32 cap)
{
	struct vmm_group *g = r->vcpu[vcpu].group;

	mutex_lock(&r->pool->mutex);
	WRITE_ONCE(g->weight, weight);
	WRITE_ONCE(g->cap, cap);
	conform.capped |= cap;
	vmm_group_params_changed(g);
	mutex_unlock(&r->pool->mutex);
}

void conform_pin(struct kunit *test, struct virt_room *r, u32 vcpu, u32 pcpu)
{
	DECLARE_BITMAP(bits, 64) = { };

	set_bit(pcpu, bits);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[vcpu].group, bits), 0);
	mutex_unlock(&r->pool->mutex);
}

/** conform_ran() - all together, so far */
u64 conform_ran(struct virt_room *r)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < r->nr_vcpus; i++)
		total += virt_ran(r, i);
	return total;
}

/* --- random traffic ---------------------------------------------------------------- */

/* An owner's thread comes out of the guest: for one of the reasons that there are. */
static void act_owner(struct vmm_entity *e, struct rnd *rnd)
{
	vmm_gate_off(e);
	switch (rnd_range(rnd, 0, 6)) {
	case 0:
		vmm_gate_yield(e);
		break;
	case 1:
		vmm_gate_try_block(e);
		break;
	case 2:
		vmm_gate_exit(e, VMM_EXIT_LEAVE);
		return;
	case 3:
		vmm_gate_exit(e, VMM_EXIT_HALT);
		return;
	case 4:
		vmm_gate_exit(e, VMM_EXIT_LOAN);
		return;
	default:
		break;
	}
	if (vmm_state(e) == VMM_GATE_OFF && (!e->home->kick || vmm_gate_resolve(e)))
		vmm_gate_on(e);
}

/** conform_act() - the thread of some vCPU does something that is possible in its state */
void conform_act(struct virt_room *r, struct rnd *rnd)
{
	struct virt_vcpu *v = &r->vcpu[rnd_range(rnd, 0, r->nr_vcpus - 1)];
	struct vmm_entity *e = &v->e;

	v->absent = true;	/* it is driven from here, not by the room */
	switch (vmm_state(e)) {
	case VMM_GATE_OUT:
		/* Its thread is where it was, or is not. */
		if (conform.ops->take && rnd_range(rnd, 0, 1) && vmm_gate_take(e, e->home))
			vmm_gate_on(e);
		else
			vmm_gate_claim(e, NULL);
		break;
	case VMM_GATE_QUEUED:
		if (!rnd_range(rnd, 0, 15))
			vmm_gate_cancel(e);
		break;
	case VMM_GATE_OFFERED:
		if (!rnd_range(rnd, 0, 7))
			vmm_gate_cancel(e);
		else if (vmm_gate_own(e))
			vmm_gate_on(e);
		break;
	case VMM_GATE_OWNER:
		act_owner(e, rnd);
		break;
	case VMM_GATE_OFF:		/* halted in user space */
	case VMM_GATE_LOANED:
		if (vmm_state(e) == VMM_GATE_LOANED)
			atomic_cmpxchg(&e->state, VMM_GATE_LOANED, VMM_GATE_OFF);
		if (!e->home->kick)
			e->next_why = VMM_ENQ_NEW;	/* as vmm_gate_enter() */
		if (!e->home->kick || vmm_gate_resolve(e))
			vmm_gate_on(e);
		break;
	case VMM_GATE_BLOCKED:
		vmm_gate_wake(e);
		break;
	}
}

/** conform_traffic() - @steps of it, and time passes */
void conform_traffic(struct kunit *test, struct rnd *rnd, u32 steps)
{
	struct virt_room *r = conform.room;
	u32 i;

	for (i = 0; i < steps; i++) {
		conform_act(r, rnd);
		if (!rnd_range(rnd, 0, 3))
			r->now += rnd_range(rnd, 1, rnd_range(rnd, 0, 9) ? 200 * US : 8 * MS);
		virt_settle(r);
		if (!(i % 64)) {
			if (conform_active(r))
				conform_good(test);
			else
				virt_check(test, r);
			cond_resched();
		}
	}
}

/* Who halted in user space has work again. */
static void wake_all(struct virt_room *r)
{
	u32 i;

	for (i = 0; i < r->nr_vcpus; i++) {
		struct vmm_entity *e = &r->vcpu[i].e;

		r->vcpu[i].absent = false;
		r->vcpu[i].run_for = 0;
		r->vcpu[i].wake_ns = 0;
		r->vcpu[i].hog = true;
		if (vmm_state(e) == VMM_GATE_OFF || vmm_state(e) == VMM_GATE_LOANED)
			vmm_gate_cancel(e);
		if (vmm_state(e) == VMM_GATE_BLOCKED)
			vmm_gate_wake(e);
	}
}

/** conform_all_get_on() - everybody wants to run from now on, and everybody does, within a minute */
void conform_all_get_on(struct kunit *test)
{
	struct virt_room *r = conform.room;
	u64 *ran = kunit_kcalloc(test, r->nr_vcpus, sizeof(*ran), GFP_KERNEL);
	u64 begin = r->now, end = begin + 60 * NSEC_PER_SEC;
	u32 i = 0;

	KUNIT_ASSERT_NOT_NULL(test, ran);
	for (i = 0; i < r->nr_vcpus; i++)
		ran[i] = virt_ran(r, i);
	wake_all(r);
	for (i = 0; i < r->nr_vcpus; ) {
		if (virt_ran(r, i) > ran[i]) {
			i++;
			continue;
		}
		if (r->now >= end)
			break;
		virt_run(r, r->now + 10 * MS);
	}
	conform_good(test);
	KUNIT_EXPECT_EQ_MSG(test, i, r->nr_vcpus,
			    "vCPU %u of %u is runnable and has not run for a minute", i, r->nr_vcpus);
	for (i = 0; i < r->nr_vcpus; i++)
		r->vcpu[i].hog = false;
}
