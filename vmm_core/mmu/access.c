// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory as the core itself reads and writes it, by physical address.
 *
 * Design: through the user mapping of the slots, as the VM's owner would, so
 * that swap, copy-on-write and the like need no thought here. Writes mark the
 * dirty log.
 *
 * Locking: SRCU of the slots around each access.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "mmu.h"

/* Where @gpa lies in user space, and how much of @len is in the same slot; NULL: nowhere. */
static void __user *find_memory(struct vmm_slots *slots, gpa_t gpa, unsigned int *len, bool write,
				struct vmm_slot **slot)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	struct vmm_slot *s = vmm_gfn_to_slot(slots, gfn);
	u64 left;

	if (!s || (write && (s->flags & KVM_MEM_READONLY)))
		return NULL;
	left = ((s->base_gfn + s->npages) << PAGE_SHIFT) - gpa;
	*len = min_t(u64, *len, left);
	*slot = s;
	return (void __user *)(vmm_slot_hva(s, gfn) + offset_in_page(gpa));
}

/**
 * vmm_read_guest() - read guest memory
 * @vm:   the VM; the caller belongs to its owner
 * @gpa:  guest-physical address
 * @data: where to
 * @len:  bytes; may span pages and slots
 *
 * Context: process, may sleep.
 * Return: 0, or -EFAULT: some of it is not there; @data is undefined then.
 */
int vmm_read_guest(struct vmm_vm *vm, gpa_t gpa, void *data, unsigned int len)
{
	int idx, r = 0;

	if (current->mm != vm->mm)
		return -EFAULT;
	idx = srcu_read_lock(&vm->srcu);
	while (len) {
		struct vmm_slots *slots = srcu_dereference(vm->slots, &vm->srcu);
		unsigned int n = len;
		struct vmm_slot *slot;
		void __user *p = find_memory(slots, gpa, &n, false, &slot);

		if (!p || copy_from_user(data, p, n)) {
			r = -EFAULT;
			break;
		}
		data += n;
		gpa += n;
		len -= n;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/**
 * vmm_write_guest() - write guest memory
 * @vm:   the VM; the caller belongs to its owner
 * @gpa:  guest-physical address
 * @data: what
 * @len:  bytes; may span pages and slots
 *
 * Context: process, may sleep.
 * Return: 0, or -EFAULT: some of it is not there or read-only; what comes
 * before that is written.
 */
int vmm_write_guest(struct vmm_vm *vm, gpa_t gpa, const void *data, unsigned int len)
{
	int idx, r = 0;

	if (current->mm != vm->mm)
		return -EFAULT;
	idx = srcu_read_lock(&vm->srcu);
	while (len) {
		struct vmm_slots *slots = srcu_dereference(vm->slots, &vm->srcu);
		unsigned int n = len;
		struct vmm_slot *slot;
		void __user *p = find_memory(slots, gpa, &n, true, &slot);
		gfn_t gfn;

		if (!p || copy_to_user(p, data, n)) {
			r = -EFAULT;
			break;
		}
		for (gfn = gpa >> PAGE_SHIFT; gfn <= (gpa + n - 1) >> PAGE_SHIFT; gfn++)
			vmm_mark_dirty(slot, gfn);
		data += n;
		gpa += n;
		len -= n;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
