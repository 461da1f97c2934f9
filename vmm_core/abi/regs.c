// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_{GET,SET}_REGS, KVM_{GET,SET}_SREGS and KVM_{GET,SET}_SREGS2.
 *
 * What user space sets is checked as a whole before anything changes, so that
 * a refused call leaves the vCPU as it was.
 *
 * Locking: vcpu->mutex; the VMCS is current between vmm_vcpu_load() and
 * vmm_vcpu_put(), which the ioctl entry in vcpu.c sees to; copies from and to
 * user space happen there as well (they may sleep: the VMCS is preemptible).
 */
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include "abi.h"

/** vmm_regs_get() - the general registers; VMCS loaded */
void vmm_regs_get(struct vmm_vcpu *vcpu, struct kvm_regs *regs)
{
	*regs = (struct kvm_regs) {
		.rax = vmm_read_reg(vcpu, VMM_RAX), .rbx = vmm_read_reg(vcpu, VMM_RBX),
		.rcx = vmm_read_reg(vcpu, VMM_RCX), .rdx = vmm_read_reg(vcpu, VMM_RDX),
		.rsi = vmm_read_reg(vcpu, VMM_RSI), .rdi = vmm_read_reg(vcpu, VMM_RDI),
		.rsp = vmm_read_reg(vcpu, VMM_RSP), .rbp = vmm_read_reg(vcpu, VMM_RBP),
		.r8 = vmm_read_reg(vcpu, VMM_R8), .r9 = vmm_read_reg(vcpu, VMM_R9),
		.r10 = vmm_read_reg(vcpu, VMM_R10), .r11 = vmm_read_reg(vcpu, VMM_R11),
		.r12 = vmm_read_reg(vcpu, VMM_R12), .r13 = vmm_read_reg(vcpu, VMM_R13),
		.r14 = vmm_read_reg(vcpu, VMM_R14), .r15 = vmm_read_reg(vcpu, VMM_R15),
		.rip = vmm_read_reg(vcpu, VMM_RIP), .rflags = vmm_read_reg(vcpu, VMM_RFLAGS),
	};

	/* A debugger's single-step is not the guest's business, nor its saved state's. */
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		regs->rflags &= ~(u64)X86_EFLAGS_TF;
}

int vmm_abi_get_regs(struct vmm_vcpu *vcpu, struct kvm_regs __user *arg)
{
	struct kvm_regs regs;

	vmm_regs_get(vcpu, &regs);
	return copy_to_user(arg, &regs, sizeof(regs)) ? -EFAULT : 0;
}

/** vmm_regs_set() - the general registers; VMCS loaded */
void vmm_regs_set(struct vmm_vcpu *vcpu, const struct kvm_regs *regs)
{
	vmm_write_reg(vcpu, VMM_RAX, regs->rax);
	vmm_write_reg(vcpu, VMM_RBX, regs->rbx);
	vmm_write_reg(vcpu, VMM_RCX, regs->rcx);
	vmm_write_reg(vcpu, VMM_RDX, regs->rdx);
	vmm_write_reg(vcpu, VMM_RSI, regs->rsi);
	vmm_write_reg(vcpu, VMM_RDI, regs->rdi);
	vmm_write_reg(vcpu, VMM_RSP, regs->rsp);
	vmm_write_reg(vcpu, VMM_RBP, regs->rbp);
	vmm_write_reg(vcpu, VMM_R8, regs->r8);
	vmm_write_reg(vcpu, VMM_R9, regs->r9);
	vmm_write_reg(vcpu, VMM_R10, regs->r10);
	vmm_write_reg(vcpu, VMM_R11, regs->r11);
	vmm_write_reg(vcpu, VMM_R12, regs->r12);
	vmm_write_reg(vcpu, VMM_R13, regs->r13);
	vmm_write_reg(vcpu, VMM_R14, regs->r14);
	vmm_write_reg(vcpu, VMM_R15, regs->r15);
	vmm_write_reg(vcpu, VMM_RIP, regs->rip);
	vmm_write_reg(vcpu, VMM_RFLAGS, regs->rflags | X86_EFLAGS_FIXED);
	/* An exception that waits belongs to the instruction that was at the old RIP. */
	vcpu->exception.pending = false;
	vmm_make_request(vcpu, VMM_REQ_EVENT);
}

int vmm_abi_set_regs(struct vmm_vcpu *vcpu, const struct kvm_regs __user *arg)
{
	struct kvm_regs regs;

	if (copy_from_user(&regs, arg, sizeof(regs)))
		return -EFAULT;
	vmm_regs_set(vcpu, &regs);
	return 0;
}

/** vmm_sregs_get() - segments, control registers and the like; VMCS loaded */
void vmm_sregs_get(struct vmm_vcpu *vcpu, struct kvm_sregs *s)
{
	memset(s, 0, sizeof(*s));
	vmm_get_segment(vcpu, &s->cs, VMM_CS);
	vmm_get_segment(vcpu, &s->ds, VMM_DS);
	vmm_get_segment(vcpu, &s->es, VMM_ES);
	vmm_get_segment(vcpu, &s->fs, VMM_FS);
	vmm_get_segment(vcpu, &s->gs, VMM_GS);
	vmm_get_segment(vcpu, &s->ss, VMM_SS);
	vmm_get_segment(vcpu, &s->tr, VMM_TR);
	vmm_get_segment(vcpu, &s->ldt, VMM_LDTR);
	vmm_get_dt(vcpu, &s->idt, &s->gdt);
	s->cr0 = vmm_read_reg(vcpu, VMM_CR0);
	s->cr2 = vcpu->cr2;
	s->cr3 = vmm_read_reg(vcpu, VMM_CR3);
	s->cr4 = vmm_read_reg(vcpu, VMM_CR4);
	s->cr8 = vmm_get_cr8(vcpu);
	s->efer = vcpu->efer;
	s->apic_base = vcpu->apic_base;
	if ((vcpu->interrupt.pending || vcpu->interrupt.injected) && !vcpu->interrupt.soft)
		__set_bit(vcpu->interrupt.vector, (unsigned long *)s->interrupt_bitmap);
}

int vmm_abi_get_sregs(struct vmm_vcpu *vcpu, struct kvm_sregs __user *arg)
{
	struct kvm_sregs s;

	vmm_sregs_get(vcpu, &s);
	return copy_to_user(arg, &s, sizeof(s)) ? -EFAULT : 0;
}

static bool valid_sregs(struct vmm_vcpu *vcpu, const struct kvm_sregs *s)
{
	u64 efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;

	if (!vmm_valid_cr0(vcpu, s->cr0) || !vmm_valid_cr4(vcpu, s->cr4))
		return false;
	if (s->efer & ~efer || s->cr8 & ~0xfull)
		return false;
	if ((s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG)) {
		/* Long mode is active, and all its parts must say so. */
		if (!(s->cr4 & X86_CR4_PAE) || !(s->efer & EFER_LMA))
			return false;
		if (s->cr3 & ~(GENMASK_ULL(vcpu->maxphyaddr - 1, 0)))
			return false;
		return !(s->cs.l && s->cs.db);
	}
	return !(s->efer & EFER_LMA) && !s->cs.l;
}

/* All but the interrupt bitmap. */
static int set_common(struct vmm_vcpu *vcpu, const struct kvm_sregs *s)
{
	if (!valid_sregs(vcpu, s) || vmm_set_apic_base(vcpu, s->apic_base, true))
		return -EINVAL;

	vcpu->cr2 = s->cr2;
	vmm_set_cr8(vcpu, s->cr8);
	vmm_set_dt(vcpu, &s->idt, &s->gdt);
	vmm_load_sregs(vcpu, s->cr0, s->cr3, s->cr4, s->efer);
	vmm_set_segment(vcpu, &s->cs, VMM_CS);
	vmm_set_segment(vcpu, &s->ds, VMM_DS);
	vmm_set_segment(vcpu, &s->es, VMM_ES);
	vmm_set_segment(vcpu, &s->fs, VMM_FS);
	vmm_set_segment(vcpu, &s->gs, VMM_GS);
	vmm_set_segment(vcpu, &s->ss, VMM_SS);
	vmm_set_segment(vcpu, &s->tr, VMM_TR);
	vmm_set_segment(vcpu, &s->ldt, VMM_LDTR);
	/* Clients that know no run states reset the boot processor this way. */
	if (s->cs.selector == 0xf000 && s->cs.base == 0xffff0000 && !(s->cr0 & X86_CR0_PE) &&
	    vcpu->id == vcpu->vm->bsp_id && vmm_read_reg(vcpu, VMM_RIP) == 0xfff0)
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

/**
 * vmm_sregs_set() - segments, control registers and the like
 * @vcpu: the vCPU, VMCS loaded
 * @s:    what they are to be; all of it is checked before anything changes
 *
 * Return: 0 or -EINVAL.
 */
int vmm_sregs_set(struct vmm_vcpu *vcpu, const struct kvm_sregs *s)
{
	unsigned int vector;

	if (set_common(vcpu, s))
		return -EINVAL;
	vector = find_first_bit((unsigned long *)s->interrupt_bitmap, KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS) {
		vcpu->interrupt = (struct vmm_event) { .pending = true, .vector = vector };
		vmm_make_request(vcpu, VMM_REQ_EVENT);
	} else {
		vcpu->interrupt.pending = false;
		vcpu->interrupt.injected = false;
	}
	return 0;
}

int vmm_abi_set_sregs(struct vmm_vcpu *vcpu, const struct kvm_sregs __user *arg)
{
	struct kvm_sregs s;

	if (copy_from_user(&s, arg, sizeof(s)))
		return -EFAULT;
	return vmm_sregs_set(vcpu, &s);
}

/* Paging as 32-bit systems with large memory have it: its top level is in registers. */
static bool has_pdptrs(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

/* The two structures begin alike. */
#define SREGS_COMMON	offsetof(struct kvm_sregs, interrupt_bitmap)
static_assert(offsetof(struct kvm_sregs2, flags) == SREGS_COMMON);

int vmm_abi_get_sregs2(struct vmm_vcpu *vcpu, struct kvm_sregs2 __user *arg)
{
	struct kvm_sregs2 s2 = {};
	struct kvm_sregs s;

	vmm_sregs_get(vcpu, &s);
	memcpy(&s2, &s, SREGS_COMMON);
	if (has_pdptrs(s.cr0, s.cr4, s.efer)) {
		vmx_get_pdptrs(vcpu, s2.pdptrs);
		s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return copy_to_user(arg, &s2, sizeof(s2)) ? -EFAULT : 0;
}

int vmm_abi_set_sregs2(struct vmm_vcpu *vcpu, const struct kvm_sregs2 __user *arg)
{
	struct kvm_sregs2 s2;
	struct kvm_sregs s = {};
	bool pdptrs;

	if (copy_from_user(&s2, arg, sizeof(s2)))
		return -EFAULT;
	pdptrs = s2.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	if ((s2.flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID) ||
	    (pdptrs && !has_pdptrs(s2.cr0, s2.cr4, s2.efer)))
		return -EINVAL;
	memcpy(&s, &s2, SREGS_COMMON);
	if (set_common(vcpu, &s))
		return -EINVAL;
	if (pdptrs)
		vmx_set_pdptrs(vcpu, s2.pdptrs);
	return 0;
}
