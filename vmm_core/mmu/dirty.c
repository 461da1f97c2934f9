// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty log: which pages of a slot were written since the last time it was asked.
 *
 * Design: write protection. While a slot has a bitmap its pages are mapped one
 * by one, writable only after a write fault has set the bit. Asking takes the
 * bits and protects those pages again. A page that becomes writable between
 * the two has its bit set for the next time, so no write is ever missed; one
 * may be reported twice. Writes that the core makes for the guest set the bit
 * themselves.
 *
 * Locking: vm->slots_lock around it all, mmu->lock for the tables.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mmu.h"

/* Words of the bitmap, as user space counts them: 64 pages each. */
static unsigned long dirty_words(const struct vmm_slot *slot)
{
	return BITS_TO_LONGS(slot->npages);
}

/**
 * vmm_dirty_alloc() - give a slot a bitmap
 * @slot: not published yet
 *
 * The second half is where vmm_get_dirty_log() puts its answer.
 * Return: 0 or -ENOMEM.
 */
int vmm_dirty_alloc(struct vmm_slot *slot)
{
	slot->dirty = kvcalloc(2 * dirty_words(slot), sizeof(long), GFP_KERNEL_ACCOUNT);
	return slot->dirty ? 0 : -ENOMEM;
}

static bool protect_range(struct vmm_vm *vm, gfn_t start, gfn_t end)
{
	bool flush;

	write_lock(&vm->mmu.lock);
	flush = ept_write_protect(&vm->mmu, start, end);
	write_unlock(&vm->mmu.lock);
	return flush;
}

/**
 * vmm_dirty_start() - protect all of a slot that has just got its bitmap
 * @vm:   the VM, slots_lock held
 * @slot: published, and no reader uses what was there before
 */
void vmm_dirty_start(struct vmm_vm *vm, struct vmm_slot *slot)
{
	gfn_t gfn, next, end = slot->base_gfn + slot->npages;
	bool flush = false;

	for (gfn = slot->base_gfn; gfn < end; gfn = next) {
		next = min_t(gfn_t, end, gfn + VMM_MMU_CHUNK);
		flush |= protect_range(vm, gfn, next);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
}

/* Move the bits to @snapshot and protect their pages again. */
static void take_bits(struct vmm_vm *vm, struct vmm_slot *slot, unsigned long *snapshot)
{
	unsigned long i, words = dirty_words(slot);
	bool flush = false;

	for (i = 0; i < words; i++) {
		unsigned long mask = 0;
		gfn_t gfn = slot->base_gfn + i * BITS_PER_LONG;

		if (READ_ONCE(slot->dirty[i]))
			mask = xchg(&slot->dirty[i], 0);
		snapshot[i] = mask;
		if (!mask)
			continue;
		/* Pages between two set bits are protected already, or their bits are set again. */
		flush |= protect_range(vm, gfn + __ffs(mask), gfn + __fls(mask) + 1);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
}

/**
 * vmm_get_dirty_log() - KVM_GET_DIRTY_LOG
 * @vm:  the VM
 * @log: copied from user space
 *
 * Context: process, may sleep.
 * Return: 0, -EINVAL (slot number), -ENOENT (no such slot, or no log), -EFAULT.
 */
int vmm_get_dirty_log(struct vmm_vm *vm, struct kvm_dirty_log *log)
{
	struct vmm_slot *slot;
	unsigned long *snapshot;
	size_t len;
	int r = 0;

	if (log->slot >= VMM_USER_SLOTS)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	slot = xa_load(&vm->slots_by_id, log->slot);
	if (!slot || !slot->dirty) {
		r = -ENOENT;
		goto out;
	}
	snapshot = slot->dirty + dirty_words(slot);
	len = dirty_words(slot) * sizeof(long);
	take_bits(vm, slot, snapshot);
	if (copy_to_user(log->dirty_bitmap, snapshot, len))
		r = -EFAULT;
out:
	mutex_unlock(&vm->slots_lock);
	return r;
}
