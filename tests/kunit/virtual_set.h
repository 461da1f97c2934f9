/* SPDX-License-Identifier: GPL-2.0 */
/* What operator and guests do to a virtual machine room, in few words. */
#ifndef _VMM_KUNIT_VIRTUAL_SET_H
#define _VMM_KUNIT_VIRTUAL_SET_H

#include <linux/bitmap.h>
#include "virtual.h"

static inline void set_sched(struct kunit *test, struct virt_room *r, const char *name, u64 val)
{
	const struct vmm_param_set set = { name, val };
	const char *why;

	KUNIT_EXPECT_EQ(test, vmm_sched_set_params(r->pool, &set, 1, &why), 0);
}

static inline void pin(struct kunit *test, struct virt_room *r, u32 i, u32 pcpu)
{
	DECLARE_BITMAP(bits, 64) = { };

	set_bit(pcpu, bits);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[i].group, bits), 0);
	mutex_unlock(&r->pool->mutex);
}

static inline void hogs(struct virt_room *r, u32 from, u32 to)
{
	while (from < to)
		r->vcpu[from++].hog = true;
}

static inline void make_busy(struct virt_room *r)
{
	u32 i;

	/* two hogs, one that mostly sleeps, in turn */
	for (i = 0; i < r->nr_vcpus; i++) {
		if (i % 3 < 2) {
			r->vcpu[i].hog = true;
		} else {
			r->vcpu[i].run_for = NSEC_PER_MSEC + i * 1000;
			r->vcpu[i].sleep_for = 7 * NSEC_PER_MSEC + i * 3000;
		}
	}
}

#endif /* _VMM_KUNIT_VIRTUAL_SET_H */
