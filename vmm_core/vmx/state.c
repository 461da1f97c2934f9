// SPDX-License-Identifier: GPL-2.0
/*
 * Registers and control registers of a vCPU.
 *
 * General registers are in memory after every exit. RSP, RIP, RFLAGS and the
 * control registers stay in the VMCS until somebody asks (regs_avail); what is
 * written goes back before the next entry (regs_dirty), control registers at
 * once, because the hardware wants them in three fields each.
 *
 * CR0 and CR4: bits that the guest owns are changed by it without an exit; the
 * others exit, and the guest reads them from the read shadow. PG, PE, CD, NW of
 * CR0 and the mode bits of CR4 are the host's: long mode, PDPTEs and the
 * guest's reserved bits hang on them. CR4.VMXE is always set for the processor
 * and never shown to the guest.
 *
 * Locking: vcpu->mutex is held by this thread and the VMCS is loaded.
 */
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include "vmx/vmx.h"

#define CR0_GUEST_OWNED	(X86_CR0_TS | X86_CR0_MP | X86_CR0_EM | X86_CR0_AM | X86_CR0_WP)
#define CR0_ALLOWED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define CR4_GUEST_OWNED	(X86_CR4_PVI | X86_CR4_DE | X86_CR4_PCE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_PGE | X86_CR4_TSD | X86_CR4_FSGSBASE)

/* Changes of these that exit make the processor drop translations. */
#define CR0_TLB_BITS	(X86_CR0_PG | X86_CR0_WP | X86_CR0_PE)
#define CR4_TLB_BITS	(X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_SMEP | X86_CR4_SMAP | \
			 X86_CR4_PKE | X86_CR4_PCIDE | X86_CR4_LA57)

static unsigned long cr4_guest_owned(const struct vmm_vcpu *vcpu)
{
	return CR4_GUEST_OWNED & ~vcpu->cr4_reserved;
}

static bool is_paging(const struct vmm_vcpu *vcpu)
{
	return vcpu->cr0 & X86_CR0_PG;
}

static bool single_step(const struct vmm_vcpu *vcpu)
{
	return vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP;
}

/**
 * vmm_read_reg() - a register as the guest sees it
 * @vcpu: the vCPU
 * @reg:  general register, RIP, RFLAGS, CR0, CR3 or CR4
 *
 * Return: its value. The trap flag that a debugger in user space set is hidden.
 */
unsigned long vmm_read_reg(struct vmm_vcpu *vcpu, enum vmm_reg reg)
{
	bool avail = vcpu->regs_avail & BIT(reg);

	vcpu->regs_avail |= BIT(reg);
	switch (reg) {
	case VMM_RSP:
		if (!avail)
			vcpu->regs[VMM_RSP] = vmcs_readl(GUEST_RSP);
		return vcpu->regs[VMM_RSP];
	case VMM_RIP:
		if (!avail)
			vcpu->rip = vmcs_readl(GUEST_RIP);
		return vcpu->rip;
	case VMM_RFLAGS:
		if (!avail)
			vcpu->rflags = vmcs_readl(GUEST_RFLAGS);
		return single_step(vcpu) ? vcpu->rflags & ~X86_EFLAGS_TF : vcpu->rflags;
	case VMM_CR0:
		if (!avail)
			vcpu->cr0 = (vcpu->cr0 & ~CR0_GUEST_OWNED) |
				    (vmcs_readl(GUEST_CR0) & CR0_GUEST_OWNED);
		return vcpu->cr0;
	case VMM_CR3:
		if (!avail)
			vcpu->cr3 = vmcs_readl(GUEST_CR3);
		return vcpu->cr3;
	case VMM_CR4:
		if (!avail)
			vcpu->cr4 = (vcpu->cr4 & ~cr4_guest_owned(vcpu)) |
				    (vmcs_readl(GUEST_CR4) & cr4_guest_owned(vcpu));
		return vcpu->cr4;
	default:
		return reg < VMM_NR_GPRS ? vcpu->regs[reg] : 0;
	}
}

/**
 * vmm_write_reg() - set a general register, RIP or RFLAGS
 * @vcpu: the vCPU
 * @reg:  which
 * @val:  new value; bits of RFLAGS that do not exist make the next entry fail
 */
void vmm_write_reg(struct vmm_vcpu *vcpu, enum vmm_reg reg, unsigned long val)
{
	switch (reg) {
	case VMM_RIP:
		vcpu->rip = val;
		break;
	case VMM_RFLAGS:
		val |= X86_EFLAGS_FIXED;
		if (single_step(vcpu))
			val |= X86_EFLAGS_TF;
		vcpu->rflags = val;
		break;
	default:
		if (reg >= VMM_NR_GPRS)
			return;
		vcpu->regs[reg] = val;
		break;
	}
	vcpu->regs_avail |= BIT(reg);
	vcpu->regs_dirty |= BIT(reg);
}

/* --- control registers ----------------------------------------------------- */

/* The three fields of CR0. */
static void apply_cr0(struct vmm_vcpu *vcpu, unsigned long val)
{
	unsigned long hw = val & ~(X86_CR0_NW | X86_CR0_CD);

	hw |= vmx_caps.cr0_fixed0;
	vcpu->cr0 = val;
	vcpu->regs_avail |= BIT(VMM_CR0);
	vmcs_writel(CR0_READ_SHADOW, val);
	vmcs_writel(GUEST_CR0, hw);
}

static void apply_cr4(struct vmm_vcpu *vcpu, unsigned long val)
{
	unsigned long hw = val | vmx_caps.cr4_fixed0 | X86_CR4_VMXE;

	/* A machine check in the guest is the host's business. */
	hw |= cr4_read_shadow() & X86_CR4_MCE;
	vcpu->cr4 = val;
	vcpu->regs_avail |= BIT(VMM_CR4);
	vmcs_writel(CR4_READ_SHADOW, val);
	vmcs_writel(GUEST_CR4, hw);
}

static void apply_efer(struct vmm_vcpu *vcpu, u64 efer)
{
	struct vmx_vcpu *vmx = vcpu->vmx;

	if ((vcpu->efer ^ efer) & EFER_NX)
		vmx->flush_vpid = true;
	vcpu->efer = efer;
	vmx->uret_loaded = false;
	vmcs_write64(GUEST_IA32_EFER, efer);
	if (efer & EFER_LMA) {
		/* The processor insists on a 64-bit TSS, which has the type of a 32-bit one. */
		u32 ar = vmx_segment_ar(VMM_TR);

		if ((ar & VMX_AR_TYPE_MASK) != VMX_AR_TYPE_BUSY_64_TSS)
			vmcs_write32(GUEST_TR_AR_BYTES,
				     (ar & ~VMX_AR_TYPE_MASK) | VMX_AR_TYPE_BUSY_64_TSS);
		vmx_set_vmentry(vmx, vmx->vmentry | VM_ENTRY_IA32E_MODE);
	} else {
		vmx_set_vmentry(vmx, vmx->vmentry & ~VM_ENTRY_IA32E_MODE);
	}
}

/*
 * PAE paging: the entry loads the four top-level entries from the VMCS.
 * Return: 0, or 1 when the guest's are not readable or not valid.
 */
static int load_pdptes(struct vmm_vcpu *vcpu, unsigned long cr3)
{
	u64 pdpte[4], reserved;
	int i;

	if (vmm_read_guest(vcpu->vm, cr3 & GENMASK(31, 5), pdpte, sizeof(pdpte)))
		return 1;
	reserved = ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0) | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);
	for (i = 0; i < 4; i++) {
		if ((pdpte[i] & 1) && (pdpte[i] & reserved))
			return 1;
	}
	vmcs_write64(GUEST_PDPTR0, pdpte[0]);
	vmcs_write64(GUEST_PDPTR1, pdpte[1]);
	vmcs_write64(GUEST_PDPTR2, pdpte[2]);
	vmcs_write64(GUEST_PDPTR3, pdpte[3]);
	return 0;
}

static bool pae_paging(unsigned long cr0, unsigned long cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

/** vmm_valid_cr0() - the value breaks none of the processor's rules for CR0 alone */
bool vmm_valid_cr0(struct vmm_vcpu *vcpu, unsigned long val)
{
	if (val >> 32)
		return false;
	if ((val & X86_CR0_NW) && !(val & X86_CR0_CD))
		return false;
	return !(val & X86_CR0_PG) || (val & X86_CR0_PE);
}

/** vmm_valid_cr4() - no bit is set that this vCPU's CPUID does not have */
bool vmm_valid_cr4(struct vmm_vcpu *vcpu, unsigned long val)
{
	return !(val & (vcpu->cr4_reserved | X86_CR4_VMXE | X86_CR4_SMXE));
}

/**
 * vmm_set_cr0() - MOV to CR0 by the guest
 * @vcpu: the vCPU
 * @val:  the value written
 *
 * Context: may sleep (PAE page directory pointers are read from guest memory).
 * Return: 0, or 1: the guest deserves #GP(0).
 */
int vmm_set_cr0(struct vmm_vcpu *vcpu, unsigned long val)
{
	unsigned long old = vmm_read_reg(vcpu, VMM_CR0), cr4 = vmm_read_reg(vcpu, VMM_CR4);
	u64 efer = vcpu->efer;
	bool on;

	if (!vmm_valid_cr0(vcpu, val))
		return 1;
	/* Reserved bits below 32 are ignored, ET is wired to 1. */
	val = (val & CR0_ALLOWED) | X86_CR0_ET;
	on = (val & X86_CR0_PG) && !(old & X86_CR0_PG);

	if (on && (efer & EFER_LME)) {
		if (!(cr4 & X86_CR4_PAE) || (vmx_segment_ar(VMM_CS) & VMX_AR_L_MASK))
			return 1;
		efer |= EFER_LMA;
	}
	if (!(val & X86_CR0_PG)) {
		if (cr4 & X86_CR4_PCIDE)
			return 1;
		if ((old & X86_CR0_PG) && vmm_is_64bit(vcpu))
			return 1;
		efer &= ~EFER_LMA;
	}
	if (pae_paging(val, cr4, efer) &&
	    ((val ^ old) & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    load_pdptes(vcpu, vmm_read_reg(vcpu, VMM_CR3)))
		return 1;

	apply_cr0(vcpu, val);
	if (efer != vcpu->efer)
		apply_efer(vcpu, efer);
	if ((val ^ old) & CR0_TLB_BITS)
		vcpu->vmx->flush_vpid = true;
	return 0;
}

/** vmm_set_cr3() - MOV to CR3 on the guest's behalf; 0, or 1 for #GP(0). May sleep. */
int vmm_set_cr3(struct vmm_vcpu *vcpu, unsigned long val)
{
	unsigned long cr4 = vmm_read_reg(vcpu, VMM_CR4);

	if (cr4 & X86_CR4_PCIDE)
		val &= ~BIT_ULL(63);
	if (vcpu->efer & EFER_LMA) {
		if (val & ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0))
			return 1;
	} else if (pae_paging(vcpu->cr0, cr4, vcpu->efer) && load_pdptes(vcpu, val)) {
		return 1;
	}
	vcpu->cr3 = val;
	vcpu->regs_avail |= BIT(VMM_CR3);
	vmcs_writel(GUEST_CR3, val);
	vcpu->vmx->flush_vpid = true;
	return 0;
}

/** vmm_set_cr4() - MOV to CR4 by the guest; 0, or 1 for #GP(0). May sleep. */
int vmm_set_cr4(struct vmm_vcpu *vcpu, unsigned long val)
{
	unsigned long old = vmm_read_reg(vcpu, VMM_CR4);

	if (!vmm_valid_cr4(vcpu, val))
		return 1;
	if (vcpu->efer & EFER_LMA) {
		if (!(val & X86_CR4_PAE) || ((val ^ old) & X86_CR4_LA57))
			return 1;
	}
	if ((val & X86_CR4_PCIDE) && !(old & X86_CR4_PCIDE)) {
		if (!(vcpu->efer & EFER_LMA) || (vmm_read_reg(vcpu, VMM_CR3) & 0xfff))
			return 1;
	}
	if (pae_paging(vcpu->cr0, val, vcpu->efer) &&
	    ((val ^ old) & (X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PGE | X86_CR4_SMEP)) &&
	    load_pdptes(vcpu, vmm_read_reg(vcpu, VMM_CR3)))
		return 1;

	apply_cr4(vcpu, val);
	if ((val ^ old) & CR4_TLB_BITS)
		vcpu->vmx->flush_vpid = true;
	return 0;
}

/**
 * vmm_set_efer() - WRMSR to EFER
 * @vcpu: the vCPU
 * @val:  the value written; LMA is the processor's and keeps its value
 * @host: user space writes it: the state around it need not fit yet
 *
 * Return: 0, or 1: not allowed.
 */
int vmm_set_efer(struct vmm_vcpu *vcpu, u64 val, bool host)
{
	u64 allowed = EFER_SCE;

	if (host || vmm_cpuid_has(vcpu, X86_FEATURE_LM))
		allowed |= EFER_LME | EFER_LMA;
	if (host || vmm_cpuid_has(vcpu, X86_FEATURE_NX))
		allowed |= EFER_NX;
	if (val & ~allowed)
		return 1;
	if (!host && is_paging(vcpu) && ((val ^ vcpu->efer) & EFER_LME))
		return 1;
	apply_efer(vcpu, (val & ~EFER_LMA) | (vcpu->efer & EFER_LMA));
	return 0;
}

/**
 * vmm_load_sregs() - set the control registers together, as user space asks
 * @vcpu: the vCPU
 * @cr0:  checked by the caller, like the others
 * @cr3:  page table root
 * @cr4:  without VMXE
 * @efer: LMA included
 *
 * PAE page directory pointers that cannot be read are taken as not present.
 * Context: process, may sleep; the VMCS is loaded.
 */
void vmm_load_sregs(struct vmm_vcpu *vcpu, unsigned long cr0, unsigned long cr3, unsigned long cr4,
		    u64 efer)
{
	apply_cr0(vcpu, cr0 | X86_CR0_ET);
	apply_cr4(vcpu, cr4);
	vcpu->cr3 = cr3;
	vcpu->regs_avail |= BIT(VMM_CR3);
	vmcs_writel(GUEST_CR3, cr3);
	apply_efer(vcpu, efer);
	if (pae_paging(cr0, cr4, efer) && load_pdptes(vcpu, cr3)) {
		vmcs_write64(GUEST_PDPTR0, 0);
		vmcs_write64(GUEST_PDPTR1, 0);
		vmcs_write64(GUEST_PDPTR2, 0);
		vmcs_write64(GUEST_PDPTR3, 0);
	}
	vcpu->vmx->flush_vpid = true;
}

/** vmm_set_xcr() - XSETBV; 0, or 1: the guest deserves #GP(0) */
int vmm_set_xcr(struct vmm_vcpu *vcpu, u32 index, u64 val)
{
	const u64 mpx = XFEATURE_MASK_BNDREGS | XFEATURE_MASK_BNDCSR;
	const u64 amx = XFEATURE_MASK_XTILE;

	if (index != XCR_XFEATURE_ENABLED_MASK)
		return 1;
	if (!(val & XFEATURE_MASK_FP) || (val & ~(vcpu->supported_xcr0 | XFEATURE_MASK_FP)))
		return 1;
	if ((val & XFEATURE_MASK_YMM) && !(val & XFEATURE_MASK_SSE))
		return 1;
	if ((val & mpx) && (val & mpx) != mpx)
		return 1;
	if ((val & XFEATURE_MASK_AVX512) &&
	    ((val & XFEATURE_MASK_AVX512) != XFEATURE_MASK_AVX512 || !(val & XFEATURE_MASK_YMM)))
		return 1;
	if ((val & amx) && (val & amx) != amx)
		return 1;
	vcpu->xcr0 = val;
	return 0;
}

/** vmx_write_cr_masks() - tell the processor which bits the guest owns; CPUID decides */
void vmx_write_cr_masks(struct vmm_vcpu *vcpu)
{
	/* Read what the guest owned so far before that changes. */
	vmm_read_reg(vcpu, VMM_CR4);
	vmcs_writel(CR0_GUEST_HOST_MASK, ~CR0_GUEST_OWNED);
	vmcs_writel(CR4_GUEST_HOST_MASK, ~cr4_guest_owned(vcpu));
}

/* --- instruction pointer ---------------------------------------------------- */

/** vmx_advance_oddly() - vmx_advance_rip() where RIP wraps, a shadow ends, or the guest is stepped */
void vmx_advance_oddly(struct vmm_vcpu *vcpu, unsigned long next, u32 shadow)
{
	/* Outside 64-bit mode it wraps at 4 GiB, if it gets there. */
	if ((vcpu->rip ^ next) >> 32 && !vmm_is_64bit(vcpu))
		next = (u32)next;
	vmm_write_reg(vcpu, VMM_RIP, next);
	if (shadow & VMX_INTR_SHADOW)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, shadow & ~VMX_INTR_SHADOW);
	if (vcpu->rflags & X86_EFLAGS_TF) {
		if (single_step(vcpu))
			vcpu->vmx->debug_stop = true;
		else
			vmx_deliver_db(vcpu, DR_STEP);
	}
}

/**
 * vmm_advance_rip() - the instruction at RIP is done
 * @vcpu: the vCPU
 * @len:  its length
 *
 * Does what the processor would have done after it: ends the interrupt shadow
 * and raises the single-step trap.
 */
void vmm_advance_rip(struct vmm_vcpu *vcpu, unsigned int len)
{
	vmx_advance_rip(vcpu, len);
}

/** vmm_skip_insn() - vmm_advance_rip() over the instruction that exited */
void vmm_skip_insn(struct vmm_vcpu *vcpu)
{
	vmx_skip_insn(vcpu);
}

/** vmm_interrupt_shadow() - KVM_X86_SHADOW_INT_* as the guest is */
u32 vmm_interrupt_shadow(struct vmm_vcpu *vcpu)
{
	u32 info = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);

	return (info & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (info & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

/** vmm_set_interrupt_shadow() - the inverse; @mask: KVM_X86_SHADOW_INT_* */
void vmm_set_interrupt_shadow(struct vmm_vcpu *vcpu, u32 mask)
{
	u32 info = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);

	info &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	/* Both at once is no state of the processor's; MOV SS is the stronger one. */
	if (mask & KVM_X86_SHADOW_INT_MOV_SS)
		info |= GUEST_INTR_STATE_MOV_SS;
	else if (mask & KVM_X86_SHADOW_INT_STI)
		info |= GUEST_INTR_STATE_STI;
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, info);
}

/** vmx_get_pdptrs() - the 4 PDPTEs of PAE paging */
void vmx_get_pdptrs(struct vmm_vcpu *vcpu, u64 *pdpte)
{
	pdpte[0] = vmcs_read64(GUEST_PDPTR0);
	pdpte[1] = vmcs_read64(GUEST_PDPTR1);
	pdpte[2] = vmcs_read64(GUEST_PDPTR2);
	pdpte[3] = vmcs_read64(GUEST_PDPTR3);
}

/** vmx_set_pdptrs() - set them, as they were saved; the entry checks them */
void vmx_set_pdptrs(struct vmm_vcpu *vcpu, const u64 *pdpte)
{
	vmcs_write64(GUEST_PDPTR0, pdpte[0]);
	vmcs_write64(GUEST_PDPTR1, pdpte[1]);
	vmcs_write64(GUEST_PDPTR2, pdpte[2]);
	vmcs_write64(GUEST_PDPTR3, pdpte[3]);
}
