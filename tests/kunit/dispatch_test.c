// SPDX-License-Identifier: GPL-2.0
/*
 * The three ways to the active scheduler: the same results by each, whatever is
 * swapped meanwhile; in mode "patch" its addresses stand in the code.
 */
#include <linux/uaccess.h>
#include "virtual.h"

#define MS NSEC_PER_MSEC

static const char * const mode_names[] = { "ops", "id", "patch" };

static const struct vmm_sched_ops *use(struct kunit *test, struct virt_room *room,
				       const char *name)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	struct vmm_swap_result res;
	const char *why;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	KUNIT_ASSERT_EQ(test, vmm_sched_activate(room->pool, ops, NULL, 0, &res, &why), 0);
	vmm_sched_put(ops);	/* its module stays: MODULE_SOFTDEP(), and nobody removes it */
	return ops;
}

/*
 * Calls (0xe8) and jumps (0xe9, from the end of a function) with a 32-bit
 * displacement, from vmm_charge() to @func.
 */
static unsigned int calls_from_charge(const void *func)
{
	const u8 *code = (const u8 *)vmm_charge;
	unsigned int i, n = 0;

	/* Further than the function goes, KASAN's code included: others do not call @func. */
	for (i = 0; i < 4096; i++) {
		u8 op = 0;
		s32 rel = 0;

		if (copy_from_kernel_nofault(&op, code + i, sizeof(op)) ||
		    (op != 0xe8 && op != 0xe9) ||
		    copy_from_kernel_nofault(&rel, code + i + 1, sizeof(rel)))
			continue;
		if (code + i + 5 + rel == func)
			n++;
	}
	return n;
}

static void patched_addresses_are_in_the_code(struct kunit *test)
{
	enum vmm_dispatch_mode before = vmm_dispatch_get();
	const struct vmm_sched_ops *rr, *bvt;
	struct virt_room *room;

	if (!IS_ENABLED(CONFIG_HAVE_STATIC_CALL_INLINE))
		kunit_skip(test, "this kernel keeps static calls in trampolines");
	room = virt_create(test, 1, 2);
	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(VMM_DISPATCH_OPS), 0);
	rr = use(test, room, "rr");
	KUNIT_EXPECT_EQ(test, calls_from_charge(rr->charge), 0);
	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(VMM_DISPATCH_PATCH), 0);
	KUNIT_EXPECT_EQ(test, calls_from_charge(rr->charge), 1);
	bvt = use(test, room, "bvt");
	KUNIT_EXPECT_EQ(test, calls_from_charge(rr->charge), 0);
	KUNIT_EXPECT_EQ(test, calls_from_charge(bvt->charge), 1);
	/* Back: nothing of it is left in the code. */
	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(VMM_DISPATCH_ID), 0);
	KUNIT_EXPECT_EQ(test, calls_from_charge(bvt->charge), 0);
	virt_destroy(room);
	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(before), 0);
}

struct outcome {
	u64 run_ns[3];
	u64 picks;
};

static void play(struct kunit *test, enum vmm_dispatch_mode mode, struct outcome *out)
{
	struct virt_room *room = virt_create(test, 1, 3);
	u32 i;

	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(mode), 0);
	use(test, room, "rr");
	for (i = 0; i < 3; i++)
		room->vcpu[i].hog = true;
	virt_run(room, room->now + 500 * MS);
	use(test, room, "bvt");
	virt_run(room, room->now + 500 * MS);
	use(test, room, "rr");
	virt_run(room, room->now + 100 * MS);
	for (i = 0; i < 3; i++)
		out->run_ns[i] = room->vcpu[i].e.stats.run_ns;
	out->picks = room->pool->pcpus[0].picks;
	KUNIT_EXPECT_FALSE(test, room->broken);
	virt_destroy(room);
}

static void every_mode_decides_alike(struct kunit *test)
{
	enum vmm_dispatch_mode before = vmm_dispatch_get();
	struct outcome first, other;
	int mode;

	play(test, VMM_DISPATCH_OPS, &first);
	KUNIT_EXPECT_GT(test, first.picks, 50);
	for (mode = VMM_DISPATCH_ID; mode <= VMM_DISPATCH_PATCH; mode++) {
		play(test, mode, &other);
		KUNIT_EXPECT_EQ(test, memcmp(&first, &other, sizeof(first)), 0);
	}
	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(before), 0);
}

/* A change of mode under a scheduler at work, and of scheduler in each mode. */
static void mode_changes_at_work(struct kunit *test)
{
	static const char * const names[] = { "bvt", "rr", "default" };
	enum vmm_dispatch_mode before = vmm_dispatch_get();
	struct virt_room *room = virt_create(test, 2, 4);
	u64 sum = 0, start = room->now;
	u32 i;

	for (i = 0; i < 4; i++)
		room->vcpu[i].hog = true;
	for (i = 0; i < 18; i++) {
		KUNIT_EXPECT_EQ_MSG(test, vmm_dispatch_set(i % 3), 0, "%s", mode_names[i % 3]);
		virt_run(room, room->now + 20 * MS);
		use(test, room, names[i / 3 % 3]);
		virt_run(room, room->now + 20 * MS);
	}
	for (i = 0; i < 4; i++)
		sum += room->vcpu[i].e.stats.run_ns;
	KUNIT_EXPECT_FALSE(test, room->broken);
	/* No pCPU was idle for long: 2 of them. */
	KUNIT_EXPECT_GE(test, sum * 100, (room->now - start) * 2 * 98);
	virt_destroy(room);
	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(before), 0);
}

static void unknown_mode_is_refused(struct kunit *test)
{
	enum vmm_dispatch_mode before = vmm_dispatch_get();

	KUNIT_EXPECT_EQ(test, vmm_dispatch_set(VMM_DISPATCH_PATCH + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_dispatch_get(), before);
}

static struct kunit_case dispatch_cases[] = {
	KUNIT_CASE(patched_addresses_are_in_the_code),
	KUNIT_CASE(every_mode_decides_alike),
	KUNIT_CASE(mode_changes_at_work),
	KUNIT_CASE(unknown_mode_is_refused),
	{ }
};

static struct kunit_suite dispatch_suite = {
	.name = "vmm_dispatch",
	.test_cases = dispatch_cases,
};

kunit_test_suite(dispatch_suite);
