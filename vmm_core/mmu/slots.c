// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: KVM_SET_USER_MEMORY_REGION.
 *
 * Design: a sorted array of pointers, replaced whole; readers search it by
 * guest frame. A change bumps its generation. What may be mapped from is
 * mmu->slots_gen, which follows under mmu->lock: a fault that began with older
 * slots sees the difference there and begins again, so creating a slot needs
 * no grace period.
 *
 * A slot that goes, or moves, is taken down in an order that keeps the MMU
 * notifier able to find every leaf:
 *
 *   1. its guest range is frozen: no new leaf there (other slots go on);
 *   2. its leaves go, processors are flushed; the notifier still knows the slot;
 *   3. the array without it is published, slots_gen follows, frozen ends;
 *   4. after a grace period (guest memory accesses by the core) it is freed.
 *
 * Locking: vm->slots_lock for changes, SRCU for readers, mmu->lock for
 * slots_gen and the frozen range.
 *
 * Limits: one address space. A change copies the array: its cost grows with
 * the number of slots.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ept_pte.h"
#include "mmu.h"

#define SLOT_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)
#define SLOT_MAX_PAGES	((1ULL << 31) - 1)	/* as KVM has it */

/*
 * Arrays that wait for their grace period, of all VMs, in bytes. Beyond the
 * limit who replaces one waits for it.
 */
static atomic_long_t retiring;
#define RETIRING_MAX	(16L << 20)

static struct vmm_slots *current_slots(struct vmm_vm *vm)
{
	return rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->slots_lock));
}

/* Index of the first slot that ends behind @gfn. */
static u32 lower_bound(const struct vmm_slots *slots, gfn_t gfn)
{
	u32 lo = 0, hi = slots->nr;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		const struct vmm_slot *s = slots->slot[mid];

		if (s->base_gfn + s->npages > gfn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/**
 * vmm_gfn_to_slot() - the slot that holds a guest frame
 * @slots: of the VM
 * @gfn:   guest frame
 *
 * Context: SRCU read side, or vm->slots_lock.
 * Return: the slot, good until the section ends, or NULL.
 */
struct vmm_slot *vmm_gfn_to_slot(struct vmm_slots *slots, gfn_t gfn)
{
	u32 i = lower_bound(slots, gfn);

	if (i == slots->nr || slots->slot[i]->base_gfn > gfn)
		return NULL;
	return slots->slot[i];
}

static bool overlaps(const struct vmm_slots *slots, const struct vmm_slot *s,
		     const struct vmm_slot *except)
{
	u32 i;

	for (i = lower_bound(slots, s->base_gfn); i < slots->nr; i++) {
		if (slots->slot[i]->base_gfn >= s->base_gfn + s->npages)
			return false;
		if (slots->slot[i] != except)
			return true;
	}
	return false;
}

/* The array without @drop and with @add, either may be NULL. */
static struct vmm_slots *copy_slots(const struct vmm_slots *old, const struct vmm_slot *drop,
				    struct vmm_slot *add)
{
	u32 i = drop ? lower_bound(old, drop->base_gfn) : old->nr;
	struct vmm_slots *new;

	new = kvmalloc(struct_size(new, slot, old->nr + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->generation = old->generation + 1;
	new->nr = old->nr;
	memcpy(new->slot, old->slot, i * sizeof(new->slot[0]));
	if (drop) {
		new->nr--;
		memcpy(new->slot + i, old->slot + i + 1, (new->nr - i) * sizeof(new->slot[0]));
	}
	if (add) {
		i = lower_bound(new, add->base_gfn);
		memmove(new->slot + i + 1, new->slot + i, (new->nr - i) * sizeof(new->slot[0]));
		new->slot[i] = add;
		new->nr++;
	}
	return new;
}

static void publish(struct vmm_vm *vm, struct vmm_slots *new)
{
	rcu_assign_pointer(vm->slots, new);
	write_lock(&vm->mmu.lock);
	vm->mmu.slots_gen = new->generation;
	vm->mmu.frozen_start = 0;
	vm->mmu.frozen_end = 0;
	write_unlock(&vm->mmu.lock);
}

static long array_size_of(const struct vmm_slots *slots)
{
	return struct_size(slots, slot, slots->nr);
}

static void free_retired(struct rcu_head *rcu)
{
	struct vmm_slots *slots = container_of(rcu, struct vmm_slots, rcu);

	atomic_long_sub(array_size_of(slots), &retiring);
	kvfree(slots);
}

/* Free an array, but not the slots in it, when its readers are gone. */
static void retire(struct vmm_vm *vm, struct vmm_slots *old)
{
	long size = array_size_of(old);

	if (atomic_long_add_return(size, &retiring) <= RETIRING_MAX) {
		call_srcu(&vm->srcu, &old->rcu, free_retired);
		return;
	}
	atomic_long_sub(size, &retiring);
	synchronize_srcu_expedited(&vm->srcu);
	kvfree(old);
}

static void free_slot(struct vmm_slot *slot)
{
	if (slot)
		kvfree(slot->dirty);
	kfree(slot);
}

/* Nobody can map from @slot any more, and nothing of it is mapped. */
static void take_down(struct vmm_vm *vm, const struct vmm_slot *slot)
{
	gfn_t gfn, next, end = slot->base_gfn + slot->npages;
	struct vmm_mmu *mmu = &vm->mmu;
	bool flush = false;
	LIST_HEAD(dead);

	write_lock(&mmu->lock);
	mmu->frozen_start = slot->base_gfn;
	mmu->frozen_end = end;
	write_unlock(&mmu->lock);
	for (gfn = slot->base_gfn; gfn < end; gfn = next) {
		/* Chunks end where tables end, so that whole tables go. */
		next = min_t(gfn_t, end, (gfn | (VMM_MMU_CHUNK - 1)) + 1);
		write_lock(&mmu->lock);
		flush |= ept_drop(mmu, gfn, next, &dead);
		write_unlock(&mmu->lock);
		cond_resched();
	}
	if (flush)
		vmm_mmu_flush(vm);
	ept_free_dead(&dead);
}

/* --- the four changes ----------------------------------------------------------- */

static int create_slot(struct vmm_vm *vm, struct vmm_slot *slot)
{
	struct vmm_slots *new, *old = current_slots(vm);
	int r;

	if (overlaps(old, slot, NULL))
		return -EEXIST;
	if ((slot->flags & KVM_MEM_LOG_DIRTY_PAGES) && vmm_dirty_alloc(vm, slot))
		return -ENOMEM;
	new = copy_slots(old, NULL, slot);
	if (!new)
		return -ENOMEM;
	r = xa_insert(&vm->slots_by_id, slot->id, slot, GFP_KERNEL_ACCOUNT);
	if (r) {
		kvfree(new);
		return r;
	}
	if (slot->dirty)
		vmm_dirty_count(vm, 1);
	publish(vm, new);
	retire(vm, old);
	return 0;
}

static int delete_slot(struct vmm_vm *vm, struct vmm_slot *slot)
{
	struct vmm_slots *new, *old = current_slots(vm);

	new = copy_slots(old, slot, NULL);
	if (!new)
		return -ENOMEM;
	take_down(vm, slot);
	xa_erase(&vm->slots_by_id, slot->id);
	publish(vm, new);
	synchronize_srcu_expedited(&vm->srcu);
	if (slot->dirty)
		vmm_dirty_count(vm, -1);
	free_slot(slot);
	kvfree(old);
	return 0;
}

static int move_slot(struct vmm_vm *vm, struct vmm_slot *from, struct vmm_slot *to)
{
	struct vmm_slots *new, *old = current_slots(vm);
	bool log = to->flags & KVM_MEM_LOG_DIRTY_PAGES;

	if (overlaps(old, to, from))
		return -EEXIST;
	if (log && !from->dirty && vmm_dirty_alloc(vm, to))
		return -ENOMEM;
	new = copy_slots(old, from, to);
	if (!new)
		return -ENOMEM;
	take_down(vm, from);
	if (log && from->dirty)
		to->dirty = from->dirty;
	else if (log)
		vmm_dirty_count(vm, 1);
	/* The id is there: storing over it takes no memory. */
	xa_store(&vm->slots_by_id, to->id, to, GFP_KERNEL_ACCOUNT);
	publish(vm, new);
	synchronize_srcu_expedited(&vm->srcu);
	if (to->dirty == from->dirty)
		from->dirty = NULL;
	if (from->dirty)
		vmm_dirty_count(vm, -1);
	free_slot(from);
	kvfree(old);
	return 0;
}

/* The dirty log goes on or off; memory stays where it is. */
static int set_slot_flags(struct vmm_vm *vm, struct vmm_slot *from, struct vmm_slot *to)
{
	struct vmm_slots *new, *old = current_slots(vm);
	bool log = to->flags & KVM_MEM_LOG_DIRTY_PAGES;

	if (log && vmm_dirty_alloc(vm, to))
		return -ENOMEM;
	new = copy_slots(old, from, to);
	if (!new)
		return -ENOMEM;
	xa_store(&vm->slots_by_id, to->id, to, GFP_KERNEL_ACCOUNT);
	if (log)
		vmm_dirty_count(vm, 1);
	publish(vm, new);
	synchronize_srcu_expedited(&vm->srcu);
	if (log) {
		vmm_dirty_start(vm, to);
	} else {
		vmm_dirty_stop(vm, to);
		vmm_dirty_count(vm, -1);
	}
	free_slot(from);
	kvfree(old);
	return 0;
}

/* --- the ioctl ------------------------------------------------------------------- */

static int check_region(const struct kvm_userspace_memory_region *r)
{
	u64 npages = r->memory_size >> PAGE_SHIFT;
	unsigned int gpa_bits = min_t(unsigned int, boot_cpu_data.x86_phys_bits,
				      EPT_GFN_BITS + PAGE_SHIFT);

	if (r->flags & ~SLOT_FLAGS)
		return -EINVAL;
	if ((r->memory_size | r->guest_phys_addr | r->userspace_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)r->userspace_addr, r->memory_size))
		return -EINVAL;
	if (r->slot >= VMM_USER_SLOTS)	/* the upper half names the address space: 0 */
		return -EINVAL;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr || npages > SLOT_MAX_PAGES)
		return -EINVAL;
	if (npages && (r->guest_phys_addr + r->memory_size - 1) >> gpa_bits)
		return -EINVAL;
	return 0;
}

static int change_slot(struct vmm_vm *vm, struct vmm_slot *old, struct vmm_slot *new)
{
	if (new->hva != old->hva || new->npages != old->npages ||
	    ((new->flags ^ old->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (new->base_gfn != old->base_gfn)
		return move_slot(vm, old, new);
	if (new->flags != old->flags)
		return set_slot_flags(vm, old, new);
	free_slot(new);		/* the same again */
	return 0;
}

/**
 * vmm_set_memory_region() - create, delete, move a slot, or change its flags
 * @vm:     the VM
 * @region: copied from user space
 *
 * Context: process of the VM's owner, may sleep; takes vm->slots_lock.
 * Return: 0, -EINVAL (alignment, range, flags, slot number; deleting what is
 * not there; changing size, address or read-only), -EEXIST (overlap), -ENOMEM.
 */
int vmm_set_memory_region(struct vmm_vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct vmm_slot *old, *new;
	int r = check_region(region);

	if (r)
		return r;
	mutex_lock(&vm->slots_lock);
	old = xa_load(&vm->slots_by_id, region->slot);
	if (!region->memory_size) {
		r = old ? delete_slot(vm, old) : -EINVAL;
		goto out;
	}
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	r = -ENOMEM;
	if (!new)
		goto out;
	new->id = region->slot;
	new->flags = region->flags;
	new->base_gfn = region->guest_phys_addr >> PAGE_SHIFT;
	new->npages = region->memory_size >> PAGE_SHIFT;
	new->hva = region->userspace_addr;
	r = old ? change_slot(vm, old, new) : create_slot(vm, new);
	if (r)
		free_slot(new);
out:
	mutex_unlock(&vm->slots_lock);
	return r;
}

/**
 * vmm_slots_init() - no slots yet
 * @vm: being created; nobody else knows it
 *
 * Return: 0 or -ENOMEM.
 */
int vmm_slots_init(struct vmm_vm *vm)
{
	struct vmm_slots *slots = kvzalloc(sizeof(*slots), GFP_KERNEL_ACCOUNT);
	int r;

	if (!slots)
		return -ENOMEM;
	r = init_srcu_struct(&vm->srcu);
	if (r) {
		kvfree(slots);
		return r;
	}
	xa_init(&vm->slots_by_id);
	RCU_INIT_POINTER(vm->slots, slots);
	return 0;
}

/** vmm_slots_destroy() - undo vmm_slots_init() and free the slots; nobody uses the VM */
void vmm_slots_destroy(struct vmm_vm *vm)
{
	struct vmm_slots *slots = rcu_dereference_protected(vm->slots, true);
	u32 i;

	srcu_barrier(&vm->srcu);
	cleanup_srcu_struct(&vm->srcu);
	for (i = 0; i < slots->nr; i++)
		free_slot(slots->slot[i]);
	kvfree(slots);
	RCU_INIT_POINTER(vm->slots, NULL);
	xa_destroy(&vm->slots_by_id);
}
