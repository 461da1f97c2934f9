// SPDX-License-Identifier: GPL-2.0
/*
 * RDMSR and WRMSR of the guest: the filter, and accesses that user space serves
 * (KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR).
 *
 * Locking: vcpu->mutex is held by this thread and the VMCS is loaded.
 */
#include <asm/trapnr.h>
#include "exit/exit.h"
#include "exit/msr.h"

/* Answer of the filter, beside those of the families. */
#define DENIED	3

static int finish(struct vmm_vcpu *vcpu, bool fault)
{
	if (fault)
		vmm_queue_exception(vcpu, X86_TRAP_GP);
	else
		vmm_skip_insn(vcpu);
	return 1;
}

/* User space may have moved the vCPU meanwhile: then it is left where it was put. */
static int complete_write(struct vmm_vcpu *vcpu)
{
	if (vmm_read_reg(vcpu, VMM_RIP) != vcpu->pio.rip)
		return 1;
	return finish(vcpu, READ_ONCE(vcpu->run->msr.error));
}

static int complete_read(struct vmm_vcpu *vcpu)
{
	u64 data = READ_ONCE(vcpu->run->msr.data);

	if (vmm_read_reg(vcpu, VMM_RIP) != vcpu->pio.rip)
		return 1;
	if (!READ_ONCE(vcpu->run->msr.error)) {
		vcpu->regs[VMM_RAX] = (u32)data;
		vcpu->regs[VMM_RDX] = data >> 32;
		return finish(vcpu, false);
	}
	return finish(vcpu, true);
}

/* @why: the answer that was no. Does user space want to know? */
static bool to_user(struct vmm_vcpu *vcpu, int why, u32 exit, u32 index, u64 data)
{
	struct kvm_run *run = vcpu->run;
	u32 reason = why == DENIED ? KVM_MSR_EXIT_REASON_FILTER :
		     why == VMM_MSR_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN :
		     KVM_MSR_EXIT_REASON_INVAL;

	if (!(READ_ONCE(vcpu->vm->user_msr) & reason))
		return false;
	run->exit_reason = exit;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = reason;
	run->msr.index = index;
	run->msr.data = data;
	vcpu->pio.rip = vmm_read_reg(vcpu, VMM_RIP);
	vcpu->complete = exit == KVM_EXIT_X86_RDMSR ? complete_read : complete_write;
	return true;
}

/** exit_rdmsr_fast() - RDMSR that succeeds; interrupts are off */
bool exit_rdmsr_fast(struct vmm_vcpu *vcpu)
{
	struct vmm_msr msr = { .index = vcpu->regs[VMM_RCX] };

	if (unlikely(vcpu->pv.eoi_set || !vmm_msr_allowed(vcpu->vm, msr.index, false) ||
		     vmm_get_msr(vcpu, &msr)))
		return false;
	vcpu->regs[VMM_RAX] = (u32)msr.data;
	vcpu->regs[VMM_RDX] = msr.data >> 32;
	vmm_skip_insn(vcpu);
	return true;
}

/** exit_wrmsr_fast() - WRMSR to the local APIC's most wanted registers; interrupts are off */
bool exit_wrmsr_fast(struct vmm_vcpu *vcpu)
{
	u64 data = (u32)vcpu->regs[VMM_RAX] | (u64)(u32)vcpu->regs[VMM_RDX] << 32;
	u32 index = vcpu->regs[VMM_RCX];

	if (!vmm_msr_allowed(vcpu->vm, index, true) || !vmm_apic_wrmsr_fast(vcpu, index, data))
		return false;
	vmm_skip_insn(vcpu);
	return true;
}

/** exit_rdmsr() - RDMSR */
int exit_rdmsr(struct vmm_vcpu *vcpu)
{
	struct vmm_msr msr = { .index = vcpu->regs[VMM_RCX] };
	int r = DENIED;

	/* It may read what is in service. */
	vmm_pv_eoi_take(vcpu);
	if (vmm_msr_allowed(vcpu->vm, msr.index, false))
		r = vmm_get_msr(vcpu, &msr);
	if (!r) {
		vcpu->regs[VMM_RAX] = (u32)msr.data;
		vcpu->regs[VMM_RDX] = msr.data >> 32;
	} else if (to_user(vcpu, r, KVM_EXIT_X86_RDMSR, msr.index, 0)) {
		return 0;
	}
	return finish(vcpu, r);
}

/** exit_wrmsr() - WRMSR */
int exit_wrmsr(struct vmm_vcpu *vcpu)
{
	struct vmm_msr msr = {
		.index = vcpu->regs[VMM_RCX],
		.data = (u32)vcpu->regs[VMM_RAX] | (u64)(u32)vcpu->regs[VMM_RDX] << 32,
	};
	int r = DENIED;

	if (vmm_msr_allowed(vcpu->vm, msr.index, true))
		r = vmm_set_msr(vcpu, &msr);
	if (r && to_user(vcpu, r, KVM_EXIT_X86_WRMSR, msr.index, msr.data))
		return 0;
	return finish(vcpu, r);
}
