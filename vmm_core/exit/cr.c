// SPDX-License-Identifier: GPL-2.0
/*
 * MOV to and from control registers, CLTS, LMSW.
 *
 * CR3 never exits. CR0 and CR4 exit when a bit changes that the host owns
 * (vmx/state.c). CR8 is the task priority of the local APIC. If that is user
 * space's, lowering it may let an interrupt through there, so it hears of it.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "exit/exit.h"

#define CR_NUMBER(qual)		((qual) & 15)
#define CR_TYPE(qual)		(((qual) >> 4) & 3)
#define CR_GPR(qual)		(((qual) >> 8) & 15)
#define CR_LMSW_DATA(qual)	(((qual) >> 16) & 0xffff)

enum { CR_MOV_TO, CR_MOV_FROM, CR_CLTS, CR_LMSW };

static int done(struct vmm_vcpu *vcpu, int refused)
{
	if (refused)
		vmm_queue_exception(vcpu, X86_TRAP_GP);
	else
		vmm_skip_insn(vcpu);
	return 1;
}

static int set_cr8(struct vmm_vcpu *vcpu, unsigned long val)
{
	unsigned long old = vmm_get_cr8(vcpu);

	if (val & ~0xful)
		return done(vcpu, 1);
	vmm_set_cr8(vcpu, val);
	vmm_skip_insn(vcpu);
	if (val >= old || vcpu->apic)
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return 0;
}

static int mov_to(struct vmm_vcpu *vcpu, unsigned int cr, enum vmm_reg gpr)
{
	unsigned long val = vmm_read_reg(vcpu, gpr);

	/* Outside 64-bit mode the instruction has 32-bit operands. */
	if (!vmm_is_64bit(vcpu))
		val = (u32)val;
	switch (cr) {
	case 0:
		return done(vcpu, vmm_set_cr0(vcpu, val));
	case 3:
		return done(vcpu, vmm_set_cr3(vcpu, val));
	case 4:
		return done(vcpu, vmm_set_cr4(vcpu, val));
	case 8:
		return set_cr8(vcpu, val);
	default:
		return exit_undefined(vcpu);
	}
}

static int mov_from(struct vmm_vcpu *vcpu, unsigned int cr, enum vmm_reg gpr)
{
	switch (cr) {
	case 3:
		vmm_write_reg(vcpu, gpr, vmm_read_reg(vcpu, VMM_CR3));
		break;
	case 8:
		vmm_write_reg(vcpu, gpr, vmm_get_cr8(vcpu));
		break;
	default:
		return exit_undefined(vcpu);
	}
	vmm_skip_insn(vcpu);
	return 1;
}

/** exit_cr() - an access to a control register */
int exit_cr(struct vmm_vcpu *vcpu)
{
	unsigned long qual = vmx_qualification();
	unsigned long cr0;

	switch (CR_TYPE(qual)) {
	case CR_MOV_TO:
		return mov_to(vcpu, CR_NUMBER(qual), CR_GPR(qual));
	case CR_MOV_FROM:
		return mov_from(vcpu, CR_NUMBER(qual), CR_GPR(qual));
	case CR_CLTS:
		cr0 = vmm_read_reg(vcpu, VMM_CR0) & ~X86_CR0_TS;
		return done(vcpu, vmm_set_cr0(vcpu, cr0));
	default:
		/* LMSW sets the low four bits, and cannot clear PE. */
		cr0 = vmm_read_reg(vcpu, VMM_CR0);
		cr0 = (cr0 & ~0xeul) | (CR_LMSW_DATA(qual) & 0xf);
		return done(vcpu, vmm_set_cr0(vcpu, cr0));
	}
}
