// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that user space wants to serve itself: KVM_X86_SET_MSR_FILTER.
 *
 * A filter is a default and up to 16 ranges with a bit for each MSR: 1 lets the
 * access through, 0 denies it. A denied access is #GP, or goes to user space
 * where KVM_CAP_X86_USER_SPACE_MSR asks for that. MSRs of the x2APIC are the
 * kernel's in any case.
 *
 * Locking: replaced whole under vm->lock; readers hold SRCU of the slots, also
 * with interrupts off.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include "abi.h"

#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff
#define RANGE_FLAGS	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)
#define MAX_RANGE_MSRS	(KVM_MSR_FILTER_MAX_BITMAP_SIZE * BITS_PER_BYTE)

struct msr_range {
	u32 base, n, flags;
	unsigned long *allowed;
};

struct vmm_msr_filter {
	bool default_allow;
	unsigned int nr;
	struct msr_range range[KVM_MSR_FILTER_MAX_RANGES];
};

static void free_filter(struct vmm_msr_filter *f)
{
	unsigned int i;

	if (!f)
		return;
	for (i = 0; i < f->nr; i++)
		kfree(f->range[i].allowed);
	kfree(f);
}

/** vmm_msr_filter_free() - at the end of a VM */
void vmm_msr_filter_free(struct vmm_vm *vm)
{
	free_filter(rcu_dereference_protected(vm->msr_filter, true));
}

/**
 * vmm_msr_allowed() - does the filter let an access through?
 * @vm:    the VM
 * @index: MSR
 * @write: WRMSR
 *
 * Context: any but NMI.
 */
bool vmm_msr_allowed(struct vmm_vm *vm, u32 index, bool write)
{
	u32 kind = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	const struct vmm_msr_filter *f;
	bool allowed = true;
	unsigned int i;
	int idx;

	if (likely(!rcu_access_pointer(vm->msr_filter)))
		return true;
	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;
	idx = srcu_read_lock(&vm->srcu);
	f = srcu_dereference(vm->msr_filter, &vm->srcu);
	if (f) {
		allowed = f->default_allow;
		for (i = 0; i < f->nr; i++) {
			const struct msr_range *r = &f->range[i];

			if ((r->flags & kind) && index - r->base < r->n) {
				allowed = test_bit(index - r->base, r->allowed);
				break;
			}
		}
	}
	srcu_read_unlock(&vm->srcu, idx);
	return allowed;
}

static int take_range(struct vmm_msr_filter *f, const struct kvm_msr_filter_range *ur)
{
	struct msr_range *r = &f->range[f->nr];

	if (!ur->nmsrs)
		return 0;
	if ((ur->flags & ~RANGE_FLAGS) || !ur->flags || ur->nmsrs > MAX_RANGE_MSRS)
		return -EINVAL;
	/* The uapi header does not say whose address it is. */
	r->allowed = memdup_user((const void __user *)ur->bitmap,
				 BITS_TO_LONGS(ur->nmsrs) * sizeof(long));
	if (IS_ERR(r->allowed))
		return PTR_ERR(r->allowed);
	r->base = ur->base;
	r->n = ur->nmsrs;
	r->flags = ur->flags;
	f->nr++;
	return 0;
}

static struct vmm_msr_filter *build(const struct kvm_msr_filter *uf)
{
	struct vmm_msr_filter *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int r = 0;

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->default_allow = !(uf->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(uf->ranges) && !r; i++)
		r = take_range(f, &uf->ranges[i]);
	/* To deny everything without an exception is a mistake. */
	if (!r && !f->nr && !f->default_allow)
		r = -EINVAL;
	if (r) {
		free_filter(f);
		return ERR_PTR(r);
	}
	if (f->nr)
		return f;
	free_filter(f);
	return NULL;
}

/**
 * vmm_abi_set_msr_filter() - KVM_X86_SET_MSR_FILTER
 * @vm:  the VM, vm->lock held
 * @arg: the filter
 *
 * Once it returns every vCPU that enters the guest goes by the new one.
 * Return: 0, -EFAULT, -EINVAL, -ENOMEM.
 */
int vmm_abi_set_msr_filter(struct vmm_vm *vm, const struct kvm_msr_filter __user *arg)
{
	struct kvm_msr_filter *uf;
	struct vmm_msr_filter *f, *old;
	struct vmm_vcpu *vcpu;
	unsigned long id;

	uf = memdup_user(arg, sizeof(*uf));
	if (IS_ERR(uf))
		return PTR_ERR(uf);
	f = uf->flags & ~KVM_MSR_FILTER_DEFAULT_DENY ? ERR_PTR(-EINVAL) : build(uf);
	kfree(uf);
	if (IS_ERR(f))
		return PTR_ERR(f);
	old = rcu_dereference_protected(vm->msr_filter, lockdep_is_held(&vm->lock));
	rcu_assign_pointer(vm->msr_filter, f);
	synchronize_srcu(&vm->srcu);
	free_filter(old);
	xa_for_each(&vm->vcpus, id, vcpu)
		vmm_make_request(vcpu, VMM_REQ_MSR_FILTER);
	return 0;
}
