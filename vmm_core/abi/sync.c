// SPDX-License-Identifier: GPL-2.0
/*
 * Registers in the shared page (KVM_CAP_SYNC_REGS): user space reads and writes
 * them there instead of by a call before and after each KVM_RUN.
 *
 * The page is copied before it is checked: user space may change it at any time.
 *
 * Locking: vcpu->mutex.
 */
#include "abi.h"

/** vmm_sync_check() - are there all of these KVM_SYNC_*? 1, or -EINVAL */
int vmm_sync_check(u64 fields)
{
	return fields & ~(u64)KVM_SYNC_X86_VALID_FIELDS ? -EINVAL : 1;
}

/**
 * vmm_sync_in() - take over what user space has changed
 * @vcpu: the vCPU, VMCS loaded
 *
 * Return: 0 or -EINVAL.
 */
int vmm_sync_in(struct vmm_vcpu *vcpu)
{
	u64 set = READ_ONCE(vcpu->run->kvm_dirty_regs);
	struct kvm_sync_regs regs = vcpu->run->s.regs;

	/* It has been copied: from here on it stays as it is. */
	barrier();
	if (set & KVM_SYNC_X86_REGS) {
		vmm_regs_set(vcpu, &regs.regs);
		vcpu->run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_REGS;
	}
	if (set & KVM_SYNC_X86_SREGS) {
		if (vmm_sregs_set(vcpu, &regs.sregs))
			return -EINVAL;
		vcpu->run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_SREGS;
	}
	if (set & KVM_SYNC_X86_EVENTS) {
		if (vmm_events_set(vcpu, &regs.events))
			return -EINVAL;
		vcpu->run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_EVENTS;
	}
	return 0;
}

/** vmm_sync_out() - show user space what it wants to see; VMCS loaded */
void vmm_sync_out(struct vmm_vcpu *vcpu)
{
	u64 get = READ_ONCE(vcpu->run->kvm_valid_regs);
	struct kvm_sync_regs *regs = &vcpu->run->s.regs;

	if (get & KVM_SYNC_X86_REGS)
		vmm_regs_get(vcpu, &regs->regs);
	if (get & KVM_SYNC_X86_SREGS)
		vmm_sregs_get(vcpu, &regs->sregs);
	if (get & KVM_SYNC_X86_EVENTS)
		vmm_events_get(vcpu, &regs->events);
}
