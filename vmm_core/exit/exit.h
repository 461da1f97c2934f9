/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exit handlers. Each serves one reason; interrupts are on and it may sleep.
 * Return: as vmm_handle_exit() in vmm.h. Those named *_fast run with interrupts
 * off, between the exit and the next entry, and touch nothing but the vCPU;
 * true: served.
 */
#ifndef _VMM_CORE_EXIT_H
#define _VMM_CORE_EXIT_H

#include "vmx/vmx.h"

/* router.c; @reason: without flags */
bool vmm_serve_fast(struct vmm_vcpu *vcpu, u32 reason);

#define VMM_FAST_EXITS (BIT_ULL(EXIT_REASON_CPUID) | BIT_ULL(EXIT_REASON_VMCALL) | \
			BIT_ULL(EXIT_REASON_MSR_READ) | BIT_ULL(EXIT_REASON_MSR_WRITE))

/**
 * vmm_fast_exit() - count an exit, and serve it if nothing but the vCPU is needed
 * @vcpu:   the vCPU
 * @reason: why it left the guest
 *
 * Context: interrupts off, right after the exit.
 * Return: true: served.
 */
static __always_inline bool vmm_fast_exit(struct vmm_vcpu *vcpu, u32 reason)
{
	if (likely(reason < ARRAY_SIZE(vcpu->exit_count)))
		vcpu->exit_count[reason]++;
	return reason < 64 && (BIT_ULL(reason) & VMM_FAST_EXITS) && vmm_serve_fast(vcpu, reason);
}

/* cpuid.c */
int exit_cpuid(struct vmm_vcpu *vcpu);
/* msr.c */
int exit_rdmsr(struct vmm_vcpu *vcpu);
int exit_wrmsr(struct vmm_vcpu *vcpu);
bool exit_rdmsr_fast(struct vmm_vcpu *vcpu);
bool exit_wrmsr_fast(struct vmm_vcpu *vcpu);
/* hypercall.c */
int exit_vmcall(struct vmm_vcpu *vcpu);
bool exit_vmcall_fast(struct vmm_vcpu *vcpu);
int exit_ud(struct vmm_vcpu *vcpu);
/* io.c */
int exit_io(struct vmm_vcpu *vcpu);
/* cr.c */
int exit_cr(struct vmm_vcpu *vcpu);
/* dr.c */
int exit_dr(struct vmm_vcpu *vcpu);
/* ept.c */
int exit_ept_violation(struct vmm_vcpu *vcpu);
int exit_ept_misconfig(struct vmm_vcpu *vcpu);
int exit_pml_full(struct vmm_vcpu *vcpu);
/* hlt.c */
int exit_hlt(struct vmm_vcpu *vcpu);
/* exception.c */
int exit_exception(struct vmm_vcpu *vcpu);
/* misc.c */
int exit_interrupt(struct vmm_vcpu *vcpu);
int exit_window(struct vmm_vcpu *vcpu);
int exit_eoi(struct vmm_vcpu *vcpu);
int exit_triple_fault(struct vmm_vcpu *vcpu);
int exit_undefined(struct vmm_vcpu *vcpu);
int exit_nop(struct vmm_vcpu *vcpu);
int exit_pause(struct vmm_vcpu *vcpu);
int exit_mwait(struct vmm_vcpu *vcpu);
int exit_rdpmc(struct vmm_vcpu *vcpu);
int exit_xsetbv(struct vmm_vcpu *vcpu);
int exit_task_switch(struct vmm_vcpu *vcpu);

#endif /* _VMM_CORE_EXIT_H */
