// SPDX-License-Identifier: GPL-2.0
/*
 * Run state, interrupts from user space, and the local APIC's state.
 *
 * Locking: as in regs.c; only the run state needs the VMCS.
 */
#include <linux/slab.h>
#include "abi.h"

/**
 * vmm_abi_get_mp_state() - KVM_GET_MP_STATE
 * @vcpu: the vCPU
 * @arg:  filled in
 *
 * INIT and start-up IPIs that wait are acted on first: there is no field for them.
 * Return: 0 or -EFAULT.
 */
int vmm_abi_get_mp_state(struct vmm_vcpu *vcpu, struct kvm_mp_state __user *arg)
{
	struct kvm_mp_state mp = { };

	vmm_apic_accept_events(vcpu);
	mp.mp_state = vcpu->mp_state;
	if (mp.mp_state == KVM_MP_STATE_HALTED && READ_ONCE(vcpu->pv.unhalted))
		mp.mp_state = KVM_MP_STATE_RUNNABLE;
	return copy_to_user(arg, &mp, sizeof(mp)) ? -EFAULT : 0;
}

/**
 * vmm_abi_set_mp_state() - KVM_SET_MP_STATE
 * @vcpu: the vCPU
 * @arg:  from user space
 *
 * Return: 0, -EFAULT, -EINVAL: no such state, or one that a local APIC makes
 * and the kernel has none.
 */
int vmm_abi_set_mp_state(struct vmm_vcpu *vcpu, const struct kvm_mp_state __user *arg)
{
	struct kvm_mp_state mp;

	if (copy_from_user(&mp, arg, sizeof(mp)))
		return -EFAULT;
	switch (mp.mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (!vcpu->apic)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (mp.mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
		vmm_apic_set_sipi(vcpu, 0, true);
	}
	vcpu->mp_state = mp.mp_state;
	vmm_make_request(vcpu, VMM_REQ_EVENT);
	return 0;
}

/**
 * vmm_abi_interrupt() - KVM_INTERRUPT: user space's interrupt controller delivers
 * @vcpu: the vCPU
 * @arg:  the vector
 *
 * With the local APIC in the kernel it is an 8259's, through LINT0.
 * Return: 0, -EFAULT, -EINVAL (no vector), -EEXIST (one is on its way already),
 * -ENXIO (the 8259 is in the kernel).
 */
int vmm_abi_interrupt(struct vmm_vcpu *vcpu, const struct kvm_interrupt __user *arg)
{
	struct kvm_interrupt irq;
	int r;

	if (copy_from_user(&irq, arg, sizeof(irq)))
		return -EFAULT;
	if (irq.irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	if (vcpu->apic) {
		if (vcpu->vm->irq.mode == VMM_IRQCHIP_KERNEL)
			return -ENXIO;
		r = vmm_apic_extint(vcpu, irq.irq);
		if (r)
			return r;
	} else {
		if (vcpu->interrupt.pending || vcpu->interrupt.injected)
			return -EEXIST;
		vcpu->interrupt = (struct vmm_event) { .pending = true, .vector = irq.irq };
	}
	vcpu->run->ready_for_interrupt_injection = 0;	/* until the next KVM_RUN says so */
	vmm_make_request(vcpu, VMM_REQ_EVENT);
	return 0;
}

/**
 * vmm_abi_nmi() - KVM_NMI
 * @vcpu: the vCPU
 *
 * The processor remembers one while another is in service, else the one that it
 * takes at once and one behind it.
 * Context: the VMCS is loaded.
 * Return: 0
 */
int vmm_abi_nmi(struct vmm_vcpu *vcpu)
{
	u32 most = vcpu->nmi.injected || vmm_nmi_blocked(vcpu) ? 1 : 2;

	vcpu->nmi_pending = min_t(u32, vcpu->nmi_pending + 1, most);
	vmm_make_request(vcpu, VMM_REQ_EVENT);
	return 0;
}

/** vmm_abi_get_lapic() - KVM_GET_LAPIC: 0, -EINVAL (it is in user space), -EFAULT, -ENOMEM */
int vmm_abi_get_lapic(struct vmm_vcpu *vcpu, struct kvm_lapic_state __user *arg)
{
	struct kvm_lapic_state *s;
	int r;

	if (!vcpu->apic)
		return -EINVAL;
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	r = vmm_apic_get(vcpu, s);
	if (!r && copy_to_user(arg, s, sizeof(*s)))
		r = -EFAULT;
	kfree(s);
	return r;
}

/** vmm_abi_set_lapic() - KVM_SET_LAPIC: as KVM_GET_LAPIC, -EINVAL also for a wrong id */
int vmm_abi_set_lapic(struct vmm_vcpu *vcpu, const struct kvm_lapic_state __user *arg)
{
	struct kvm_lapic_state *s;
	int r;

	if (!vcpu->apic)
		return -EINVAL;
	s = memdup_user(arg, sizeof(*s));
	if (IS_ERR(s))
		return PTR_ERR(s);
	r = vmm_apic_set(vcpu, s);
	kfree(s);
	return r;
}

/**
 * vmm_abi_set_vapic_addr() - KVM_SET_VAPIC_ADDR
 * @vcpu: the vCPU
 * @arg:  address of a word that patched guests keep their task priority in, or 0
 *
 * Nothing patches guests as long as no access to the task priority is reported
 * (see vmm_abi_tpr_reporting()), so the word is not used.
 * Return: 0, -EINVAL (no local APIC in the kernel, or no memory there), -EFAULT.
 */
int vmm_abi_set_vapic_addr(struct vmm_vcpu *vcpu, const struct kvm_vapic_addr __user *arg)
{
	struct kvm_vapic_addr va;
	u32 word;

	if (!vcpu->apic)
		return -EINVAL;
	if (copy_from_user(&va, arg, sizeof(va)))
		return -EFAULT;
	if (va.vapic_addr && vmm_read_guest(vcpu->vm, va.vapic_addr, &word, sizeof(word)))
		return -EINVAL;
	return 0;
}

/**
 * vmm_abi_tpr_reporting() - KVM_TPR_ACCESS_REPORTING
 * @vcpu: the vCPU
 * @arg:  on or off
 *
 * Accepted; accesses are served here and none is reported, as by a KVM whose
 * processor virtualises the task priority.
 * Return: 0, -EINVAL, -EFAULT.
 */
int vmm_abi_tpr_reporting(struct vmm_vcpu *vcpu, struct kvm_tpr_access_ctl __user *arg)
{
	struct kvm_tpr_access_ctl ctl;

	if (copy_from_user(&ctl, arg, sizeof(ctl)))
		return -EFAULT;
	if (ctl.flags)
		return -EINVAL;
	return copy_to_user(arg, &ctl, sizeof(ctl)) ? -EFAULT : 0;
}
