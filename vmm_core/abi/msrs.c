// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that carry a list: MSRs and CPUID entries.
 *
 * A list's length comes from user space and is bounded before anything is
 * allocated. The MSR calls answer how many entries were done: user space finds
 * the one that was refused there.
 *
 * Locking: the vCPU's calls as in regs.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "abi.h"

/* As many as KVM takes in one call. */
#define MSRS_PER_CALL	256

/**
 * vmm_abi_msr_list() - KVM_GET_MSR_INDEX_LIST and KVM_GET_MSR_FEATURE_INDEX_LIST
 * @arg:  user space's list; nmsrs is its room, and becomes the number that there are
 * @list: the indices
 * @n:    how many
 *
 * Return: 0, -EFAULT, -E2BIG (too little room: only the number was written).
 */
int vmm_abi_msr_list(struct kvm_msr_list __user *arg, const u32 *list, u32 n)
{
	u32 room;

	if (get_user(room, &arg->nmsrs) || put_user(n, &arg->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return copy_to_user(arg->indices, list, n * sizeof(*list)) ? -EFAULT : 0;
}

static struct kvm_msr_entry *fetch(struct kvm_msrs __user *arg, u32 *n)
{
	if (get_user(*n, &arg->nmsrs))
		return ERR_PTR(-EFAULT);
	if (*n >= MSRS_PER_CALL)
		return ERR_PTR(-E2BIG);
	return memdup_user(arg->entries, *n * sizeof(struct kvm_msr_entry));
}

static int give_back(struct kvm_msrs __user *arg, struct kvm_msr_entry *e, u32 n, u32 done)
{
	if (copy_to_user(arg->entries, e, n * sizeof(*e)))
		return -EFAULT;
	return done;
}

/**
 * vmm_abi_feature_msrs() - KVM_GET_MSRS of the device: what a guest could be offered
 * @arg: user space's list
 *
 * Return: how many were read, -EFAULT, -E2BIG, -ENOMEM.
 */
int vmm_abi_feature_msrs(struct kvm_msrs __user *arg)
{
	struct kvm_msr_entry *e;
	u32 n, i;
	int r;

	e = fetch(arg, &n);
	if (IS_ERR(e))
		return PTR_ERR(e);
	for (i = 0; i < n; i++) {
		struct vmm_msr msr = { .index = e[i].index, .host = true };

		if (vmm_get_msr_feature(&msr))
			break;
		e[i].data = msr.data;
	}
	r = give_back(arg, e, n, i);
	kfree(e);
	return r;
}

int vmm_abi_get_msrs(struct vmm_vcpu *vcpu, struct kvm_msrs __user *arg)
{
	struct kvm_msr_entry *e;
	u32 n, i;
	int r;

	e = fetch(arg, &n);
	if (IS_ERR(e))
		return PTR_ERR(e);
	for (i = 0; i < n; i++) {
		struct vmm_msr msr = { .index = e[i].index, .host = true };

		if (vmm_get_msr(vcpu, &msr))
			break;
		e[i].data = msr.data;
	}
	r = give_back(arg, e, n, i);
	kfree(e);
	return r;
}

int vmm_abi_set_msrs(struct vmm_vcpu *vcpu, struct kvm_msrs __user *arg)
{
	struct kvm_msr_entry *e;
	u32 n, i;

	e = fetch(arg, &n);
	if (IS_ERR(e))
		return PTR_ERR(e);
	for (i = 0; i < n; i++) {
		struct vmm_msr msr = { .index = e[i].index, .data = e[i].data, .host = true };

		if (vmm_set_msr(vcpu, &msr))
			break;
	}
	kfree(e);
	return i;
}

/**
 * vmm_abi_supported_cpuid() - KVM_GET_SUPPORTED_CPUID
 * @arg: user space's list; nent is its room, and becomes the number of entries
 *
 * Return: 0, -EFAULT, -ENOMEM, -E2BIG.
 */
int vmm_abi_supported_cpuid(struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid_entry2 *e;
	u32 room;
	int n, r = 0;

	if (get_user(room, &arg->nent))
		return -EFAULT;
	e = kcalloc(VMM_MAX_CPUID, sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	n = vmm_cpuid_supported(e, min_t(u32, room, VMM_MAX_CPUID));
	if (n < 0)
		r = n;
	else if (put_user(n, &arg->nent) || copy_to_user(arg->entries, e, n * sizeof(*e)))
		r = -EFAULT;
	kfree(e);
	return r;
}

int vmm_abi_get_cpuid2(struct vmm_vcpu *vcpu, struct kvm_cpuid2 __user *arg)
{
	u32 room, i, n = vcpu->nr_cpuid;
	struct kvm_cpuid_entry2 e;

	if (get_user(room, &arg->nent) || put_user(n, &arg->nent))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	for (i = 0; i < n; i++) {
		e = vcpu->cpuid[i];
		vmm_cpuid_get(vcpu, &e);
		if (copy_to_user(&arg->entries[i], &e, sizeof(e)))
			return -EFAULT;
	}
	return 0;
}

int vmm_abi_set_cpuid2(struct vmm_vcpu *vcpu, const struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid_entry2 *e = NULL;
	u32 n;
	int r;

	if (get_user(n, &arg->nent))
		return -EFAULT;
	if (n > VMM_MAX_CPUID)
		return -E2BIG;
	if (n) {
		e = kvcalloc(n, sizeof(*e), GFP_KERNEL_ACCOUNT);
		if (!e)
			return -ENOMEM;
		if (copy_from_user(e, arg->entries, n * sizeof(*e))) {
			kvfree(e);
			return -EFAULT;
		}
	}
	r = vmm_cpuid_set(vcpu, e, n);
	if (r)
		kvfree(e);
	return r;
}
