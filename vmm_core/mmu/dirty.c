// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty log: which pages of a slot were written since the last time it was asked.
 *
 * Design: while a slot has a bitmap its pages are mapped one by one. Where the
 * processor can (PML, vmx/pml.c), it writes down each page whose dirty bit it
 * sets, and vCPUs move that to the bitmap when they leave the guest. Where it
 * cannot, a page becomes writable only by a fault that sets its bit. Large
 * leaves that are there when the log begins are protected and split by the
 * first write. Asking takes the bits and has those pages logged anew. A page
 * that is written between the two has its bit set for the next time, so no
 * write is ever missed; one may be reported twice. Writes that the core makes
 * for the guest set the bit themselves.
 *
 * With KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 asking only reads, and user space says
 * which pages shall be logged anew. Where it wants all bits set at first,
 * nothing is done to the pages when the log begins.
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

static bool initially_set(const struct vmm_vm *vm)
{
	return READ_ONCE(vm->dirty_manual) & KVM_DIRTY_LOG_INITIALLY_SET;
}

/**
 * vmm_dirty_alloc() - give a slot a bitmap
 * @vm:   the VM
 * @slot: not published yet
 *
 * The second half is for what goes to, or comes from, user space.
 * Return: 0 or -ENOMEM.
 */
int vmm_dirty_alloc(struct vmm_vm *vm, struct vmm_slot *slot)
{
	slot->dirty = kvcalloc(2 * dirty_words(slot), sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return -ENOMEM;
	if (initially_set(vm))
		bitmap_set(slot->dirty, 0, slot->npages);
	return 0;
}

/**
 * vmm_dirty_count() - a slot with a log comes or goes
 * @vm:     the VM, slots_lock held
 * @change: 1, before the slot is published; -1, when nobody uses its bitmap any more
 *
 * From the first one on no vCPU runs without the processor's log.
 */
void vmm_dirty_count(struct vmm_vm *vm, int change)
{
	unsigned int before = vm->mmu.nr_logged;
	struct vmm_vcpu *vcpu;
	unsigned long id;

	lockdep_assert_held(&vm->slots_lock);
	WRITE_ONCE(vm->mmu.nr_logged, before + change);
	if (!vm->mmu.pml || (before && vm->mmu.nr_logged))
		return;
	smp_mb();	/* the count before the look who is there; see vm_create_vcpu() */
	xa_for_each(&vm->vcpus, id, vcpu)
		set_bit(VMM_REQ_PML, &vcpu->requests);
	vmm_kick_all(vm);
}

static bool log_range(struct vmm_vm *vm, gfn_t start, gfn_t end)
{
	bool flush;

	write_lock(&vm->mmu.lock);
	flush = ept_log_writes(&vm->mmu, start, end);
	write_unlock(&vm->mmu.lock);
	return flush;
}

/**
 * vmm_dirty_start() - log all of a slot that has just got its bitmap
 * @vm:   the VM, slots_lock held
 * @slot: published and counted, and no reader uses what was there before
 */
void vmm_dirty_start(struct vmm_vm *vm, struct vmm_slot *slot)
{
	gfn_t gfn, next, end = slot->base_gfn + slot->npages;
	bool flush = false;

	if (initially_set(vm))
		return;
	for (gfn = slot->base_gfn; gfn < end; gfn = next) {
		next = min_t(gfn_t, end, gfn + VMM_MMU_CHUNK);
		flush |= log_range(vm, gfn, next);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
}

/**
 * vmm_dirty_stop() - a slot has no log any more
 * @vm:   the VM, slots_lock held
 * @slot: published without a bitmap
 *
 * Its memory gets back what it lost: the right to be written, and large leaves.
 */
void vmm_dirty_stop(struct vmm_vm *vm, struct vmm_slot *slot)
{
	gfn_t gfn, next, end = slot->base_gfn + slot->npages;
	bool flush = false;
	LIST_HEAD(dead);

	for (gfn = slot->base_gfn; gfn < end; gfn = next) {
		/* Chunks end where tables end, so that whole tables go. */
		next = min_t(gfn_t, end, (gfn | (VMM_MMU_CHUNK - 1)) + 1);
		write_lock(&vm->mmu.lock);
		flush |= ept_stop_log(&vm->mmu, gfn, next, &dead);
		write_unlock(&vm->mmu.lock);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
	ept_free_dead(&dead);
}

/**
 * vmm_dirty_gpas() - pages that the guest has written
 * @vm:  the VM
 * @gpa: guest-physical addresses, anywhere in a page
 * @n:   how many
 *
 * Those in no slot with a log are nobody's business.
 * Context: any but NMI.
 */
void vmm_dirty_gpas(struct vmm_vm *vm, const u64 *gpa, unsigned int n)
{
	struct vmm_slot *slot = NULL;
	struct vmm_slots *slots;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	while (n--) {
		gfn_t gfn = gpa[n] >> PAGE_SHIFT;

		if (!slot || gfn - slot->base_gfn >= slot->npages)
			slot = vmm_gfn_to_slot(slots, gfn);
		if (slot)
			vmm_mark_dirty(slot, gfn);
	}
	srcu_read_unlock(&vm->srcu, idx);
}

/* Bits that were taken out of word @i: their pages are logged anew. */
static bool log_anew(struct vmm_vm *vm, struct vmm_slot *slot, unsigned long i, unsigned long mask)
{
	gfn_t gfn = slot->base_gfn + i * BITS_PER_LONG;

	/*
	 * Pages between two such bits are logged already, or their bits are set
	 * and stay so.
	 */
	return log_range(vm, gfn + __ffs(mask), gfn + __fls(mask) + 1);
}

/* Move the bits to @snapshot. */
static void take_bits(struct vmm_vm *vm, struct vmm_slot *slot, unsigned long *snapshot)
{
	unsigned long i, words = dirty_words(slot);
	bool flush = false;

	for (i = 0; i < words; i++) {
		unsigned long mask = 0;

		if (READ_ONCE(slot->dirty[i]))
			mask = xchg(&slot->dirty[i], 0);
		snapshot[i] = mask;
		if (!mask)
			continue;
		flush |= log_anew(vm, slot, i, mask);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
}

/* Take out the bits that @wanted has, from word @first on. */
static void clear_bits(struct vmm_vm *vm, struct vmm_slot *slot, unsigned long first,
		       const unsigned long *wanted, unsigned long words)
{
	bool flush = false;
	unsigned long i;

	for (i = 0; i < words; i++) {
		atomic_long_t *word = (atomic_long_t *)&slot->dirty[first + i];
		unsigned long mask = wanted[i];

		if (mask)
			mask &= atomic_long_fetch_andnot(mask, word);
		if (!mask)
			continue;
		flush |= log_anew(vm, slot, first + i, mask);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
}

/* The slot with a log, or an error. */
static struct vmm_slot *logged_slot(struct vmm_vm *vm, u32 id)
{
	struct vmm_slot *slot = xa_load(&vm->slots_by_id, id);

	return slot && slot->dirty ? slot : ERR_PTR(-ENOENT);
}

/**
 * vmm_get_dirty_log() - KVM_GET_DIRTY_LOG
 * @vm:  the VM
 * @log: copied from user space
 *
 * What vCPUs wrote before the call is in the answer.
 * Context: process, may sleep.
 * Return: 0, -EINVAL (slot number), -ENOENT (no such slot, or no log), -EFAULT.
 */
int vmm_get_dirty_log(struct vmm_vm *vm, struct kvm_dirty_log *log)
{
	struct vmm_slot *slot;
	unsigned long *bits;
	int r = 0;

	if (log->slot >= VMM_USER_SLOTS)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	slot = logged_slot(vm, log->slot);
	if (IS_ERR(slot)) {
		r = PTR_ERR(slot);
		goto out;
	}
	if (vm->mmu.pml)
		vmm_kick_all(vm);
	bits = slot->dirty;
	if (!READ_ONCE(vm->dirty_manual)) {
		bits += dirty_words(slot);
		take_bits(vm, slot, bits);
	}
	if (copy_to_user(log->dirty_bitmap, bits, dirty_words(slot) * sizeof(long)))
		r = -EFAULT;
out:
	mutex_unlock(&vm->slots_lock);
	return r;
}

/**
 * vmm_clear_dirty_log() - KVM_CLEAR_DIRTY_LOG
 * @vm:  the VM
 * @log: copied from user space: 64 pages are the unit, but for the end of the slot
 *
 * Bits that are set in user space's bitmap and in ours go, their pages are
 * logged anew.
 * Context: process, may sleep.
 * Return: 0, -EINVAL (slot number, pages), -ENOENT (no such slot, or no log), -EFAULT.
 */
int vmm_clear_dirty_log(struct vmm_vm *vm, const struct kvm_clear_dirty_log *log)
{
	unsigned long words = BITS_TO_LONGS((u64)log->num_pages);
	unsigned long *wanted;
	struct vmm_slot *slot;
	int r = -EINVAL;
	u64 left;

	if (log->slot >= VMM_USER_SLOTS || log->first_page % BITS_PER_LONG)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	slot = logged_slot(vm, log->slot);
	if (IS_ERR(slot)) {
		r = PTR_ERR(slot);
		goto out;
	}
	if (log->first_page > slot->npages)
		goto out;
	left = slot->npages - log->first_page;
	if (log->num_pages > left || (log->num_pages < left && log->num_pages % BITS_PER_LONG))
		goto out;
	wanted = slot->dirty + dirty_words(slot);
	r = -EFAULT;
	if (copy_from_user(wanted, log->dirty_bitmap, words * sizeof(long)))
		goto out;
	clear_bits(vm, slot, log->first_page / BITS_PER_LONG, wanted, words);
	r = 0;
out:
	mutex_unlock(&vm->slots_lock);
	return r;
}
