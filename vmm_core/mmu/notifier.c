// SPDX-License-Identifier: GPL-2.0
/*
 * The MMU notifier: what the host does to guest memory, the EPT follows.
 *
 * Design: before the host changes the mapping of a range it says so; the
 * leaves of that range go, processors are flushed, and until the host is done
 * no new leaf is made there (mmu->in_progress with its range). When it is
 * done, mmu->seq counts: a fault that asked the host before or meanwhile finds
 * it changed and asks again. So guest memory is never pinned: swap, KSM,
 * migration, madvise and fork work as for any memory of the process.
 *
 * Ageing reads and clears accessed bits without a flush, as x86 does for its
 * own page tables: a stale translation only lets a page look idle for a while.
 *
 * Locking: called with locks of the memory management held (mmap_lock, or the
 * reverse map's). SRCU of the slots, then mmu->lock. Nothing here sleeps except
 * by cond_resched() where the range says that this is allowed. The slots are
 * read after in_progress has been raised under mmu->lock: a leaf in a slot that
 * this walk does not know yet was installed later, and saw in_progress.
 *
 * Limits: every slot is compared with the range, one after the other.
 */
#include <linux/mmu_notifier.h>
#include <linux/sched.h>

#include "mmu.h"

typedef bool (*range_fn_t)(struct vmm_mmu *mmu, gfn_t start, gfn_t end);

/*
 * Call @fn for the guest ranges behind [start, end). A chunk at a time, for the
 * lock's other users.
 */
static bool visit_ranges(struct vmm_vm *vm, unsigned long start, unsigned long end,
			 range_fn_t fn, bool can_sleep)
{
	struct vmm_slots *slots = srcu_dereference(vm->slots, &vm->srcu);
	bool any = false;
	u32 i;

	for (i = 0; i < slots->nr; i++) {
		const struct vmm_slot *s = slots->slot[i];
		unsigned long lo = max(start, s->hva);
		unsigned long hi = min(end, s->hva + (s->npages << PAGE_SHIFT));
		gfn_t gfn, last, next;

		if (lo >= hi)
			continue;
		gfn = s->base_gfn + ((lo - s->hva) >> PAGE_SHIFT);
		last = s->base_gfn + ((hi - 1 - s->hva) >> PAGE_SHIFT);
		for (; gfn <= last; gfn = next) {
			next = min_t(gfn_t, last + 1, gfn + VMM_MMU_CHUNK);
			write_lock(&vm->mmu.lock);
			any |= fn(&vm->mmu, gfn, next);
			write_unlock(&vm->mmu.lock);
			if (can_sleep)
				cond_resched();
		}
	}
	return any;
}

static int notifier_invalidate_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct vmm_vm *vm = container_of(mn, struct vmm_vm, mn);
	struct vmm_mmu *mmu = &vm->mmu;
	bool flush;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	write_lock(&mmu->lock);
	if (!mmu->in_progress++) {
		mmu->inv_start = range->start;
		mmu->inv_end = range->end;
	} else {
		/* Several at once: all of them, and what is in between. */
		mmu->inv_start = min(mmu->inv_start, range->start);
		mmu->inv_end = max(mmu->inv_end, range->end);
	}
	write_unlock(&mmu->lock);
	flush = visit_ranges(vm, range->start, range->end, ept_zap,
			       mmu_notifier_range_blockable(range));
	srcu_read_unlock(&vm->srcu, idx);
	if (flush)
		vmm_mmu_flush(vm);
	return 0;
}

static void notifier_invalidate_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct vmm_vm *vm = container_of(mn, struct vmm_vm, mn);
	struct vmm_mmu *mmu = &vm->mmu;

	write_lock(&mmu->lock);
	WRITE_ONCE(mmu->seq, mmu->seq + 1);
	WARN_ON_ONCE(!mmu->in_progress--);
	write_unlock(&mmu->lock);
}

static int notifier_age(struct mmu_notifier *mn, unsigned long start, unsigned long end,
			range_fn_t fn, bool changes)
{
	struct vmm_vm *vm = container_of(mn, struct vmm_vm, mn);
	bool young;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	young = visit_ranges(vm, start, end, fn, false);
	srcu_read_unlock(&vm->srcu, idx);
	if (young && changes && !vm->mmu.ad)
		vmm_mmu_flush(vm);
	return young;
}

static int notifier_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				      unsigned long start, unsigned long end)
{
	return notifier_age(mn, start, end, ept_clear_young, true);
}

static int notifier_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	return notifier_age(mn, start, end, ept_clear_young, true);
}

static int notifier_test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long addr)
{
	return notifier_age(mn, addr, addr + 1, ept_test_young, false);
}

/*
 * The address space is going, with all its pages, though the VM's files may
 * live on in another process. Threads that could run a vCPU are gone already.
 */
static void notifier_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct vmm_vm *vm = container_of(mn, struct vmm_vm, mn);
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	visit_ranges(vm, 0, ULONG_MAX, ept_zap, true);
	srcu_read_unlock(&vm->srcu, idx);
	vmm_mmu_flush(vm);
}

const struct mmu_notifier_ops vmm_mmu_notifier_ops = {
	.invalidate_range_start = notifier_invalidate_start,
	.invalidate_range_end = notifier_invalidate_end,
	.clear_flush_young = notifier_clear_flush_young,
	.clear_young = notifier_clear_young,
	.test_young = notifier_test_young,
	.release = notifier_release,
};
