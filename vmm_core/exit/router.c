// SPDX-License-Identifier: GPL-2.0
/*
 * Which handler serves which exit.
 *
 * One table, by basic exit reason. What is not in it cannot happen with the
 * controls we set, and ends KVM_RUN with an internal error if it does.
 * The few exits that a guest may cause hundreds of thousands of times a second
 * and that need nothing but the vCPU are served at once, without the way
 * through interrupts-on: vmm_fast_exit().
 *
 * Locking: see exit.h.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include "exit/exit.h"

static int (*const handlers[])(struct vmm_vcpu *vcpu) = {
	[EXIT_REASON_EXCEPTION_NMI] = exit_exception,
	[EXIT_REASON_EXTERNAL_INTERRUPT] = exit_interrupt,
	[EXIT_REASON_TRIPLE_FAULT] = exit_triple_fault,
	[EXIT_REASON_INTERRUPT_WINDOW] = exit_window,
	[EXIT_REASON_NMI_WINDOW] = exit_window,
	[EXIT_REASON_TASK_SWITCH] = exit_task_switch,
	[EXIT_REASON_CPUID] = exit_cpuid,
	[EXIT_REASON_HLT] = exit_hlt,
	[EXIT_REASON_INVD] = exit_nop,
	[EXIT_REASON_RDPMC] = exit_rdpmc,
	[EXIT_REASON_VMCALL] = exit_vmcall,
	[EXIT_REASON_VMCLEAR] = exit_undefined,
	[EXIT_REASON_VMLAUNCH] = exit_undefined,
	[EXIT_REASON_VMPTRLD] = exit_undefined,
	[EXIT_REASON_VMPTRST] = exit_undefined,
	[EXIT_REASON_VMREAD] = exit_undefined,
	[EXIT_REASON_VMRESUME] = exit_undefined,
	[EXIT_REASON_VMWRITE] = exit_undefined,
	[EXIT_REASON_VMOFF] = exit_undefined,
	[EXIT_REASON_VMON] = exit_undefined,
	[EXIT_REASON_CR_ACCESS] = exit_cr,
	[EXIT_REASON_DR_ACCESS] = exit_dr,
	[EXIT_REASON_IO_INSTRUCTION] = exit_io,
	[EXIT_REASON_MSR_READ] = exit_rdmsr,
	[EXIT_REASON_MSR_WRITE] = exit_wrmsr,
	[EXIT_REASON_MWAIT_INSTRUCTION] = exit_mwait,
	[EXIT_REASON_MONITOR_INSTRUCTION] = exit_mwait,
	[EXIT_REASON_PAUSE_INSTRUCTION] = exit_pause,
	[EXIT_REASON_EPT_VIOLATION] = exit_ept_violation,
	[EXIT_REASON_EPT_MISCONFIG] = exit_ept_misconfig,
	[EXIT_REASON_EOI_INDUCED] = exit_eoi,
	[EXIT_REASON_INVEPT] = exit_undefined,
	[EXIT_REASON_INVVPID] = exit_undefined,
	[EXIT_REASON_WBINVD] = exit_nop,
	[EXIT_REASON_XSETBV] = exit_xsetbv,
	[EXIT_REASON_VMFUNC] = exit_undefined,
	[EXIT_REASON_ENCLS] = exit_undefined,
	[EXIT_REASON_PML_FULL] = exit_pml_full,
};

/** vmm_serve_fast() - serve one of VMM_FAST_EXITS; true: done */
bool vmm_serve_fast(struct vmm_vcpu *vcpu, u32 reason)
{
	switch (reason) {
	case EXIT_REASON_CPUID:
		exit_cpuid(vcpu);
		return true;
	case EXIT_REASON_VMCALL:
		return exit_vmcall_fast(vcpu);
	case EXIT_REASON_MSR_READ:
		return exit_rdmsr_fast(vcpu);
	case EXIT_REASON_MSR_WRITE:
		return exit_wrmsr_fast(vcpu);
	default:
		return false;
	}
}

/* The processor refused to enter, or refused the guest's state. */
static noinline int failed_entry(struct vmm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u32 reason = vcpu->vmx->exit_reason;

	vmx_dump_vmcs(vcpu);
	if (vmx_rebooting())
		return -EIO;
	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	/* Refused by VMLAUNCH itself: the instruction error, else the exit reason. */
	run->fail_entry.hardware_entry_failure_reason =
		(u16)reason == 0xffff ? vmcs_read32(VM_INSTRUCTION_ERROR) : reason;
	run->fail_entry.cpu = vcpu->cpu;
	return 0;
}

static noinline int unknown_exit(struct vmm_vcpu *vcpu)
{
	u64 data[2] = { vcpu->vmx->exit_reason, vcpu->cpu };

	vmx_dump_vmcs(vcpu);
	return vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, data, 2);
}

/**
 * vmm_handle_exit() - serve the exit that vmx_vcpu_enter() brought
 * @vcpu: the vCPU
 *
 * Context: process, interrupts on, VMCS loaded; may sleep.
 * Return: 1: go on in the guest, 0: to user space, <0: errno of KVM_RUN,
 * VMX_RUN_YIELD.
 */
int vmm_handle_exit(struct vmm_vcpu *vcpu)
{
	u32 reason = vcpu->vmx->exit_reason;

	if (unlikely(reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		return failed_entry(vcpu);
	reason = (u16)reason;
	if (likely(reason < ARRAY_SIZE(handlers))) {
		reason = array_index_nospec(reason, ARRAY_SIZE(handlers));
		/* The commonest without an indirect call, which may be dear. */
		if (reason == EXIT_REASON_IO_INSTRUCTION)
			return exit_io(vcpu);
		if (reason == EXIT_REASON_EPT_VIOLATION)
			return exit_ept_violation(vcpu);
		if (reason == EXIT_REASON_EXTERNAL_INTERRUPT)
			return exit_interrupt(vcpu);
		if (likely(handlers[reason]))
			return handlers[reason](vcpu);
	}
	return unknown_exit(vcpu);
}
