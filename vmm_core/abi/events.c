// SPDX-License-Identifier: GPL-2.0
/*
 * Events on their way into a guest, as user space saves and restores them:
 * KVM_{GET,SET}_VCPU_EVENTS.
 *
 * An exception that has not been delivered has a payload (CR2, or bits of DR6).
 * User space that does not ask for it (KVM_CAP_EXCEPTION_PAYLOAD) finds it in
 * the register already.
 *
 * Locking: as in regs.c.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor.h>
#include <asm/traps.h>
#include "abi.h"

/* INT3 and INTO are raised again by running the instruction again. */
static bool exception_is_soft(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

/** vmm_deliver_payload() - what comes with an exception goes into its register */
void vmm_deliver_payload(struct vmm_vcpu *vcpu)
{
	struct vmm_event *ex = &vcpu->exception;

	if (!ex->has_payload)
		return;
	if (ex->vector == X86_TRAP_PF)
		vcpu->cr2 = ex->payload;
	else if (ex->vector == X86_TRAP_DB)
		vcpu->dr6 = (vcpu->dr6 & ~(unsigned long)DR_TRAP_BITS) | ex->payload;
	ex->has_payload = false;
}

static void get_exception(struct vmm_vcpu *vcpu, struct kvm_vcpu_events *e)
{
	struct vmm_event *ex = &vcpu->exception;
	bool apart = READ_ONCE(vcpu->vm->exception_payload);

	if (ex->pending && !apart)
		vmm_deliver_payload(vcpu);
	if (exception_is_soft(ex->vector))
		return;
	e->exception.injected = ex->injected || (ex->pending && !apart);
	e->exception.pending = ex->pending && apart;
	e->exception.nr = ex->vector;
	e->exception.has_error_code = ex->has_error;
	e->exception.error_code = ex->error;
	if (apart) {
		e->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
		e->exception_has_payload = ex->pending && ex->has_payload;
		e->exception_payload = e->exception_has_payload ? ex->payload : 0;
	}
}

/** vmm_events_get() - events under way; VMCS loaded */
void vmm_events_get(struct vmm_vcpu *vcpu, struct kvm_vcpu_events *e)
{
	memset(e, 0, sizeof(*e));
	get_exception(vcpu, e);
	e->interrupt.injected = (vcpu->interrupt.pending || vcpu->interrupt.injected) &&
			       !vcpu->interrupt.soft;
	e->interrupt.nr = vcpu->interrupt.vector;
	e->interrupt.shadow = vmm_interrupt_shadow(vcpu);
	e->nmi.injected = vcpu->nmi.injected;
	e->nmi.pending = min_t(u32, vcpu->nmi_pending, U8_MAX);
	e->nmi.masked = vmm_nmi_blocked(vcpu);
	e->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	if (READ_ONCE(vcpu->vm->triple_fault_event)) {
		e->triple_fault.pending = test_bit(VMM_REQ_TRIPLE_FAULT, &vcpu->requests);
		e->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
}

int vmm_abi_get_events(struct vmm_vcpu *vcpu, struct kvm_vcpu_events __user *arg)
{
	struct kvm_vcpu_events e;

	vmm_events_get(vcpu, &e);
	return copy_to_user(arg, &e, sizeof(e)) ? -EFAULT : 0;
}

/* What can be restored here, and for whom. */
static bool valid(struct vmm_vcpu *vcpu, const struct kvm_vcpu_events *e)
{
	const struct vmm_vm *vm = vcpu->vm;
	u32 allowed = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		      KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;
	bool apart = e->flags & KVM_VCPUEVENT_VALID_PAYLOAD;

	if (READ_ONCE(vm->exception_payload))
		allowed |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (READ_ONCE(vm->triple_fault_event))
		allowed |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	if (e->flags & ~allowed)
		return false;
	/* Without SMM its flag may only say "nothing". */
	if ((e->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (e->smi.smm || e->smi.pending || e->smi.smm_inside_nmi))
		return false;
	if ((e->exception.injected || (apart && e->exception.pending)) &&
	    (e->exception.nr > 31 || e->exception.nr == X86_TRAP_NMI))
		return false;
	return !(e->flags & KVM_VCPUEVENT_VALID_SHADOW) ||
	       !(e->interrupt.shadow & ~(KVM_X86_SHADOW_INT_MOV_SS | KVM_X86_SHADOW_INT_STI));
}

static void set_exception(struct vmm_vcpu *vcpu, const struct kvm_vcpu_events *e)
{
	struct vmm_event ex = {
		.injected = e->exception.injected,
		.vector = e->exception.nr,
		.has_error = e->exception.has_error_code,
		.error = e->exception.error_code,
	};

	if ((e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && !ex.injected && e->exception.pending) {
		ex.pending = true;
		ex.has_payload = e->exception_has_payload;
		ex.payload = e->exception_payload;
	}
	vcpu->exception = ex;
}

/**
 * vmm_events_set() - events under way
 * @vcpu: the vCPU, VMCS loaded
 * @e:    what they are to be
 *
 * Return: 0 or -EINVAL.
 */
int vmm_events_set(struct vmm_vcpu *vcpu, const struct kvm_vcpu_events *e)
{
	if (!valid(vcpu, e))
		return -EINVAL;
	if ((e->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR) && vcpu->apic)
		vmm_apic_set_sipi(vcpu, e->sipi_vector, false);
	set_exception(vcpu, e);
	vcpu->interrupt = (struct vmm_event) {
		.pending = !!e->interrupt.injected,
		.vector = e->interrupt.nr,
		.soft = !!e->interrupt.soft,
	};
	if (e->flags & KVM_VCPUEVENT_VALID_SHADOW)
		vmm_set_interrupt_shadow(vcpu, e->interrupt.shadow);
	vcpu->nmi = (struct vmm_event) {
		.injected = !!e->nmi.injected,
		.vector = X86_TRAP_NMI,
	};
	if (e->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		vcpu->nmi_pending = min_t(u32, e->nmi.pending, 2);
	vmm_set_nmi_blocked(vcpu, e->nmi.masked);
	if (e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (e->triple_fault.pending)
			set_bit(VMM_REQ_TRIPLE_FAULT, &vcpu->requests);
		else
			clear_bit(VMM_REQ_TRIPLE_FAULT, &vcpu->requests);
	}
	vmm_make_request(vcpu, VMM_REQ_EVENT);
	return 0;
}

int vmm_abi_set_events(struct vmm_vcpu *vcpu, const struct kvm_vcpu_events __user *arg)
{
	struct kvm_vcpu_events e;

	return copy_from_user(&e, arg, sizeof(e)) ? -EFAULT : vmm_events_set(vcpu, &e);
}
