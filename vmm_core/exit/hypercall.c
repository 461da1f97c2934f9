// SPDX-License-Identifier: GPL-2.0
/*
 * VMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI, answer in RAX.
 *
 * A guest may have been made for, or come from, a processor of the other maker,
 * whose instruction is VMMCALL. As KVM does, its code is changed in place,
 * unless user space does not want that.
 */
#include <linux/kvm_para.h>
#include <asm/trapnr.h>
#include "exit/exit.h"

static int hypercall(struct vmm_vcpu *vcpu, bool sleep)
{
	unsigned long a[4] = { vcpu->regs[VMM_RBX], vcpu->regs[VMM_RCX],
			       vcpu->regs[VMM_RDX], vcpu->regs[VMM_RSI] };
	unsigned long nr = vcpu->regs[VMM_RAX], ret = -KVM_EPERM;
	bool wide = vmm_is_64bit(vcpu);
	int i, r = VMM_HC_DONE;

	if (!wide) {
		nr = (u32)nr;
		for (i = 0; i < ARRAY_SIZE(a); i++)
			a[i] = (u32)a[i];
	}
	if (vmm_cpl(vcpu) == 0)
		r = vmm_pv_hypercall(vcpu, nr, a, wide, sleep, &ret);
	if (r == VMM_HC_SLEEP)
		return r;
	vcpu->regs[VMM_RAX] = wide ? ret : (u32)ret;
	vmm_skip_insn(vcpu);
	return r;
}

/** exit_vmcall_fast() - VMCALL whose service needs no sleep; interrupts are off */
bool exit_vmcall_fast(struct vmm_vcpu *vcpu)
{
	return hypercall(vcpu, false) == VMM_HC_DONE;
}

/** exit_vmcall() - VMCALL */
int exit_vmcall(struct vmm_vcpu *vcpu)
{
	switch (hypercall(vcpu, true)) {
	case VMM_HC_GIVE_WAY:
		return VMX_RUN_YIELD;
	case VMM_HC_IDLE:
		return VMX_RUN_WAIT;
	default:
		return 1;
	}
}

/* One byte of the guest's code; @write: put @val there, if the guest itself could. */
static int code_byte(struct vmm_vcpu *vcpu, unsigned long addr, u8 *val, bool write)
{
	u32 error, access = write ? VMM_PF_WRITE : VMM_PF_FETCH;
	gpa_t gpa;

	if (vmm_cpl(vcpu) == 3)
		access |= VMM_PF_USER;
	if (vmm_gva_to_gpa(vcpu, addr, access, &gpa, &error))
		return -EFAULT;
	return write ? vmm_write_guest(vcpu->vm, gpa, val, 1) :
		       vmm_read_guest(vcpu->vm, gpa, val, 1);
}

/* VMMCALL: all of it is read, then its last byte is made VMCALL's. */
static bool patch_vmmcall(struct vmm_vcpu *vcpu)
{
	static const u8 vmmcall[] = { 0x0f, 0x01, 0xd9 };
	unsigned long rip = vmm_segment_base(vcpu, VMM_CS) + vmm_read_reg(vcpu, VMM_RIP);
	u8 byte, vmcall = 0xc1;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmmcall); i++) {
		if (code_byte(vcpu, rip + i, &byte, false) || byte != vmmcall[i])
			return false;
	}
	return !code_byte(vcpu, rip + i - 1, &vmcall, true);
}

/** exit_ud() - #UD in the guest: the guest's own, but for the case above */
int exit_ud(struct vmm_vcpu *vcpu)
{
	if (!vmm_quirk(vcpu->vm, KVM_X86_QUIRK_FIX_HYPERCALL_INSN) || !patch_vmmcall(vcpu))
		vmm_queue_exception(vcpu, X86_TRAP_UD);
	return 1;
}
