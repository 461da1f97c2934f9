// SPDX-License-Identifier: GPL-2.0
/*
 * Exits with little to them.
 */
#include <asm/trapnr.h>
#include "exit/exit.h"

/** exit_interrupt() - the host's interrupt has been served when interrupts were switched on */
int exit_interrupt(struct vmm_vcpu *vcpu)
{
	vcpu->irq_exits++;
	return 1;
}

/** exit_window() - something can be delivered now: the next entry does it, or user space */
int exit_window(struct vmm_vcpu *vcpu)
{
	return 1;
}

/** exit_triple_fault() - the guest shuts down */
int exit_triple_fault(struct vmm_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

/** exit_undefined() - an instruction that this processor does not have */
int exit_undefined(struct vmm_vcpu *vcpu)
{
	vmm_queue_exception(vcpu, X86_TRAP_UD);
	return 1;
}

/**
 * exit_nop() - an instruction with nothing to do for us
 * @vcpu: the vCPU
 *
 * INVD and WBINVD: caches are coherent, and other guests need them. MONITOR and
 * MWAIT are not offered by CPUID; a guest that uses them anyway goes on at once.
 */
int exit_nop(struct vmm_vcpu *vcpu)
{
	vmm_skip_insn(vcpu);
	return 1;
}

/** exit_rdpmc() - there are no performance counters */
int exit_rdpmc(struct vmm_vcpu *vcpu)
{
	vmm_queue_exception(vcpu, X86_TRAP_GP);
	return 1;
}

/** exit_xsetbv() - the processor has checked CR4.OSXSAVE only */
int exit_xsetbv(struct vmm_vcpu *vcpu)
{
	u64 val = (u32)vcpu->regs[VMM_RAX] | (u64)(u32)vcpu->regs[VMM_RDX] << 32;

	if (vmm_cpl(vcpu) > 0 || vmm_set_xcr(vcpu, (u32)vcpu->regs[VMM_RCX], val))
		vmm_queue_exception(vcpu, X86_TRAP_GP);
	else
		vmm_skip_insn(vcpu);
	return 1;
}

/** exit_task_switch() - hardware task switching is not implemented */
int exit_task_switch(struct vmm_vcpu *vcpu)
{
	u64 data[2] = { EXIT_REASON_TASK_SWITCH, vmx_qualification() };

	return vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, data, 2);
}
