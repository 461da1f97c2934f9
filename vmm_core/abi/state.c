// SPDX-License-Identifier: GPL-2.0
/*
 * State of a vCPU beyond its general and system registers: FPU and extended
 * state, debug registers.
 *
 * The guest's FPU state is in memory whenever a vCPU is outside KVM_RUN, so
 * these calls never touch the processor's registers.
 *
 * Locking: as in regs.c.
 */
#include <linux/mm.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>
#include <asm/traps.h>
#include "abi.h"

/* MXCSR bits that every processor with VMX has; another one set would fault later. */
#define MXCSR_VALID	0xffffu
#define MXCSR_RESET	0x1f80u
#define FCW_RESET	0x037fu

static struct fxregs_state *fx_of(struct vmm_vcpu *vcpu)
{
	return &vcpu->fpu.fpstate->regs.fxsave;
}

/*
 * XSAVE leaves a component that is in its initial state out and clears its
 * bit; what memory holds there is old.
 */
static bool component_valid(struct vmm_vcpu *vcpu, u64 mask)
{
	return !boot_cpu_has(X86_FEATURE_XSAVE) ||
	       (vcpu->fpu.fpstate->regs.xsave.header.xfeatures & mask);
}

int vmm_abi_get_fpu(struct vmm_vcpu *vcpu, struct kvm_fpu __user *arg)
{
	const struct fxregs_state *fx = fx_of(vcpu);
	struct kvm_fpu fpu = { .fcw = FCW_RESET, .mxcsr = MXCSR_RESET };

	if (component_valid(vcpu, XFEATURE_MASK_FP)) {
		memcpy(fpu.fpr, fx->st_space, sizeof(fpu.fpr));
		fpu.fcw = fx->cwd;
		fpu.fsw = fx->swd;
		fpu.ftwx = fx->twd;
		fpu.last_opcode = fx->fop;
		fpu.last_ip = fx->rip;
		fpu.last_dp = fx->rdp;
	}
	if (component_valid(vcpu, XFEATURE_MASK_SSE)) {
		memcpy(fpu.xmm, fx->xmm_space, sizeof(fpu.xmm));
		fpu.mxcsr = fx->mxcsr;
	}
	return copy_to_user(arg, &fpu, sizeof(fpu)) ? -EFAULT : 0;
}

int vmm_abi_set_fpu(struct vmm_vcpu *vcpu, const struct kvm_fpu __user *arg)
{
	struct fxregs_state *fx = fx_of(vcpu);
	struct kvm_fpu fpu;

	if (copy_from_user(&fpu, arg, sizeof(fpu)))
		return -EFAULT;
	if (fpu.mxcsr & ~MXCSR_VALID)
		return -EINVAL;
	memcpy(fx->st_space, fpu.fpr, sizeof(fpu.fpr));
	fx->cwd = fpu.fcw;
	fx->swd = fpu.fsw;
	fx->twd = fpu.ftwx;
	fx->fop = fpu.last_opcode;
	fx->rip = fpu.last_ip;
	fx->rdp = fpu.last_dp;
	memcpy(fx->xmm_space, fpu.xmm, sizeof(fpu.xmm));
	fx->mxcsr = fpu.mxcsr;
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		vcpu->fpu.fpstate->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/**
 * vmm_abi_xsave_size() - bytes of KVM_GET_XSAVE2 and KVM_SET_XSAVE
 * @vcpu: the vCPU, NULL: any
 *
 * Return: the size; more than struct kvm_xsave only for components that a
 * process must ask permission for, and those are not offered to guests.
 */
unsigned int vmm_abi_xsave_size(struct vmm_vcpu *vcpu)
{
	return max_t(unsigned int, sizeof(struct kvm_xsave), vcpu ? vcpu->fpu.uabi_size : 0);
}

int vmm_abi_get_xsave(struct vmm_vcpu *vcpu, void __user *arg, bool whole)
{
	unsigned int size = vmm_abi_xsave_size(vcpu);
	u64 features = vcpu->supported_xcr0 | XFEATURE_MASK_FPSSE;
	void *buf;
	int r;

	if (!whole && size > sizeof(struct kvm_xsave))
		return -EINVAL;
	buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, buf, size, features, vcpu->pkru);
	r = copy_to_user(arg, buf, size) ? -EFAULT : 0;
	kvfree(buf);
	return r;
}

int vmm_abi_set_xsave(struct vmm_vcpu *vcpu, const void __user *arg)
{
	unsigned int size = vmm_abi_xsave_size(vcpu);
	void *buf;
	int r;

	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (copy_from_user(buf, arg, size))
		r = -EFAULT;
	else
		r = fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, buf, vmm_supported_xcr0(),
						   &vcpu->pkru);
	kvfree(buf);
	return r;
}

int vmm_abi_get_xcrs(struct vmm_vcpu *vcpu, struct kvm_xcrs __user *arg)
{
	struct kvm_xcrs x = { .nr_xcrs = 1 };

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return -EINVAL;
	x.xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	x.xcrs[0].value = vcpu->xcr0;
	return copy_to_user(arg, &x, sizeof(x)) ? -EFAULT : 0;
}

int vmm_abi_set_xcrs(struct vmm_vcpu *vcpu, const struct kvm_xcrs __user *arg)
{
	struct kvm_xcrs x;
	u32 i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return -EINVAL;
	if (copy_from_user(&x, arg, sizeof(x)))
		return -EFAULT;
	if (x.nr_xcrs > KVM_MAX_XCRS || x.flags)
		return -EINVAL;
	for (i = 0; i < x.nr_xcrs; i++)
		if (x.xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return vmm_set_xcr(vcpu, XCR_XFEATURE_ENABLED_MASK, x.xcrs[i].value) ?
			       -EINVAL : 0;
	return 0;
}

int vmm_abi_get_debugregs(struct vmm_vcpu *vcpu, struct kvm_debugregs __user *arg)
{
	struct kvm_debugregs d = { .dr6 = vcpu->dr6, .dr7 = vcpu->dr7 };
	int i;

	for (i = 0; i < ARRAY_SIZE(d.db); i++)
		d.db[i] = vcpu->db[i];
	return copy_to_user(arg, &d, sizeof(d)) ? -EFAULT : 0;
}

int vmm_abi_set_debugregs(struct vmm_vcpu *vcpu, const struct kvm_debugregs __user *arg)
{
	struct kvm_debugregs d;
	int i;

	if (copy_from_user(&d, arg, sizeof(d)))
		return -EFAULT;
	if (d.flags || upper_32_bits(d.dr6) || upper_32_bits(d.dr7))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(d.db); i++)
		vcpu->db[i] = d.db[i];
	vcpu->dr6 = d.dr6;
	vcpu->dr7 = d.dr7;
	vmm_update_guest_debug(vcpu);
	return 0;
}

int vmm_abi_set_guest_debug(struct vmm_vcpu *vcpu, const struct kvm_guest_debug __user *arg)
{
	const u32 valid = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
			  KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |
			  KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |
			  KVM_GUESTDBG_BLOCKIRQ;
	struct kvm_guest_debug dbg;
	int i;

	if (copy_from_user(&dbg, arg, sizeof(dbg)))
		return -EFAULT;
	if (dbg.control & ~valid)
		return -EINVAL;
	if (dbg.control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		if (vcpu->exception.pending)
			return -EBUSY;
		vmm_queue_exception(vcpu, dbg.control & KVM_GUESTDBG_INJECT_DB ?
					  X86_TRAP_DB : X86_TRAP_BP);
	}
	vcpu->guest_debug = dbg.control & KVM_GUESTDBG_ENABLE ?
			    dbg.control & ~(KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP) : 0;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		for (i = 0; i < ARRAY_SIZE(vcpu->debug_db); i++)
			vcpu->debug_db[i] = dbg.arch.debugreg[i];
		vcpu->debug_dr7 = lower_32_bits(dbg.arch.debugreg[7]);
	}
	vmm_update_guest_debug(vcpu);
	return 0;
}

int vmm_abi_translate(struct vmm_vcpu *vcpu, struct kvm_translation __user *arg)
{
	struct kvm_translation tr;
	gpa_t gpa = 0;
	u32 error;

	if (copy_from_user(&tr, arg, sizeof(tr)))
		return -EFAULT;
	tr.valid = !vmm_gva_to_gpa(vcpu, tr.linear_address, 0, &gpa, &error);
	tr.physical_address = tr.valid ? gpa : ~0ull;
	tr.writeable = 1;
	tr.usermode = 0;
	memset(tr.pad, 0, sizeof(tr.pad));
	return copy_to_user(arg, &tr, sizeof(tr)) ? -EFAULT : 0;
}

/**
 * vmm_abi_set_signal_mask() - KVM_SET_SIGNAL_MASK: signals blocked during KVM_RUN
 * @vcpu: the vCPU
 * @arg:  the mask, NULL: the thread's own
 *
 * Return: 0, -EFAULT, -EINVAL (wrong size of the mask).
 */
int vmm_abi_set_signal_mask(struct vmm_vcpu *vcpu, const struct kvm_signal_mask __user *arg)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!arg) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&mask, arg, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, arg->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}
