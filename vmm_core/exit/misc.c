// SPDX-License-Identifier: GPL-2.0
/*
 * Exits with little to them.
 */
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <asm/trapnr.h>
#include "exit/exit.h"

/** exit_interrupt() - the host's interrupt has been served when interrupts were switched on */
int exit_interrupt(struct vmm_vcpu *vcpu)
{
	vcpu->irq_exits++;
	/*
	 * A thread that slept at the gate while others had their turns is, to the host's fair
	 * scheduler, one that has just woken: another that wakes is no better, and waits
	 * for the next tick, even if it is that of a more urgent vCPU. So while vCPUs take turns
	 * the host chooses anew. How fair that is remains its business; to a deadline
	 * thread it would mean the end of its budget.
	 */
	if (vmm_gate_contended(&vcpu->entity) && !single_task_running() &&
	    current->policy == SCHED_NORMAL)
		yield();
	return 1;
}

/** exit_window() - something can be delivered now: the next entry does it, or user space */
int exit_window(struct vmm_vcpu *vcpu)
{
	return 1;
}

/** exit_eoi() - a virtualised APIC has ended an interrupt, and somebody wants to see that */
int exit_eoi(struct vmm_vcpu *vcpu)
{
	vmm_apic_eoi_exit(vcpu, vmx_qualification());
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
 * INVD and WBINVD: caches are coherent, and other guests need them.
 */
int exit_nop(struct vmm_vcpu *vcpu)
{
	vmm_skip_insn(vcpu);
	return 1;
}

/**
 * exit_mwait() - MONITOR and MWAIT
 * @vcpu: the vCPU
 *
 * They do nothing, and raise #UD only where user space asks for that and CPUID
 * does not offer them.
 */
int exit_mwait(struct vmm_vcpu *vcpu)
{
	u32 eax = 1, ebx, ecx = 0, edx;

	if (vmm_quirk(vcpu->vm, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS))
		return exit_nop(vcpu);
	vmm_cpuid(vcpu, &eax, &ebx, &ecx, &edx);
	return ecx & BIT(X86_FEATURE_MWAIT & 31) ? exit_nop(vcpu) : exit_undefined(vcpu);
}

/**
 * exit_pause() - the guest has spun for a while
 * @vcpu: the vCPU
 *
 * What it waits for may be a vCPU that waits for a pCPU itself: it gets this one.
 * Where nobody does, spinning is right, and the next look comes later.
 */
int exit_pause(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	struct vmm_vcpu *to = vmm_pv_holder(vcpu);
	bool yield = to || vmm_gate_contended(&vcpu->entity);
	u32 window = yield ? VMX_PLE_WINDOW : min_t(u32, vmx->ple_window * 2, VMX_PLE_WINDOW_MAX);

	if (window != vmx->ple_window) {
		vmx->ple_window = window;
		vmcs_write32(PLE_WINDOW, window);
	}
	vmm_skip_insn(vcpu);
	vcpu->give_to = to;
	if (yield)
		WRITE_ONCE(vcpu->spins, true);
	return yield ? VMX_RUN_YIELD : 1;
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
