// SPDX-License-Identifier: GPL-2.0
/*
 * The processor's half of a vCPU: its VMCS from birth to end, and RESET.
 *
 * Locking: vcpu->mutex is held by this thread, or nobody else knows the vCPU
 * yet. VPIDs come from one bitmap under a spinlock.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "vmx/vmx.h"

#define NR_VPIDS	VMX_NR_VPIDS

/* #DB and #AC: a guest could keep the processor delivering them for ever. */
#define EXCEPTIONS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC) | BIT(X86_TRAP_UD))

static DEFINE_SPINLOCK(vpid_lock);
static DECLARE_BITMAP(vpids, NR_VPIDS) = { 1 };	/* 0 is the host's */

/* 0: none left; such a vCPU loses its translations at each entry and exit. */
static u16 vpid_get(void)
{
	unsigned long vpid;

	spin_lock(&vpid_lock);
	vpid = find_first_zero_bit(vpids, NR_VPIDS);
	if (vpid < NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = 0;
	spin_unlock(&vpid_lock);
	return vpid;
}

static void vpid_put(u16 vpid)
{
	if (!vpid)
		return;
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpid_lock);
}

static void init_controls(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	vmx->proc = vmx_caps.proc;
	vmx->proc2 = vmx_caps.proc2 & ~VMX_PROC2_ON_DEMAND;
	if (!vmx->vpid)
		vmx->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmx->vmentry = vmx_caps.vmentry;
	vmx->exceptions = EXCEPTIONS;

	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.pin);
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, vmx->proc);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, vmx->proc2);
	vmcs_write32(VM_EXIT_CONTROLS, vmx_caps.vmexit);
	vmcs_write32(VM_ENTRY_CONTROLS, vmx->vmentry);
	vmcs_write32(EXCEPTION_BITMAP, vmx->exceptions);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);
	vmcs_write64(VMCS_LINK_POINTER, ~0ULL);
	if (vmx->proc2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmx->ple_window = VMX_PLE_WINDOW;
		vmcs_write32(PLE_GAP, VMX_PLE_GAP);
		vmcs_write32(PLE_WINDOW, vmx->ple_window);
	}
	vmcs_write64(MSR_BITMAP, __pa(vmx->msr_bitmap));
	vmcs_write64(EPT_POINTER, vcpu->vm->mmu.eptp);
	vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write64(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->autoload->host));
	vmcs_write64(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->autoload->guest));
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx_tsc_write(vmx);
	if (vmx_caps.proc2 & VMX_PROC2_XSAVES)
		vmcs_write64(XSS_EXIT_BITMAP, 0);
	vmcs_write64(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write64(GUEST_IA32_PAT, vcpu->msr_pat);
	vmcs_writel(CR0_GUEST_HOST_MASK, ~0UL);
	vmcs_writel(CR4_GUEST_HOST_MASK, ~0UL);
	vmx_host_init_vmcs(vmx);
}

/**
 * vmx_vm_init() - the processor's part of a new VM
 * @vm: the VM
 *
 * Guests' time stamp counters start here, the same for all vCPUs.
 * Return: 0.
 */
int vmx_vm_init(struct vmm_vm *vm)
{
	vmx_tsc_vm_init(vm);
	return 0;
}

static void free_vmx(struct vmx_vcpu *vmx)
{
	vmx_apicv_destroy(vmx);
	vmx_pml_free(vmx);
	vpid_put(vmx->vpid);
	free_page((unsigned long)vmx->vmcs);
	free_page((unsigned long)vmx->msr_bitmap);
	kfree(vmx->autoload);
	kfree(vmx);
}

/**
 * vmx_vcpu_create() - VMCS, MSR bitmap and VPID of a new vCPU
 * @vcpu: its vm, run and preempt notifier are set up
 *
 * The registers have no defined values before vmx_vcpu_reset().
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int vmx_vcpu_create(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx;

	vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	if (!vmx)
		return -ENOMEM;
	vmx->vcpu = vcpu;
	INIT_LIST_HEAD(&vmx->node);
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->msr_bitmap = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->autoload = kzalloc(sizeof(*vmx->autoload), GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->msr_bitmap || !vmx->autoload) {
		free_vmx(vmx);
		return -ENOMEM;
	}
	*(u32 *)vmx->vmcs = vmx_caps.revision;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	vmx->vpid = vpid_get();
	vmx->flush_vpid = true;	/* the tag may have been another vCPU's */
	vmx_msr_bitmap_init(vmx);
	vcpu->vmx = vmx;
	if (vmx_apicv_create(vcpu)) {
		free_vmx(vmx);
		vcpu->vmx = NULL;
		return -ENOMEM;
	}
	vmx_tsc_vcpu_init(vcpu);
	vcpu->cpu = -1;

	vmm_vcpu_load(vcpu);
	init_controls(vcpu, vmx);
	vmm_vcpu_put(vcpu);
	return 0;
}

/** vmx_vcpu_destroy() - undo vmx_vcpu_create(); no thread uses the vCPU. May sleep. */
void vmx_vcpu_destroy(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;

	vmx_vmclear(vcpu);
	free_vmx(vmx);
	vcpu->vmx = NULL;
}

static void reset_segments(struct vmm_vcpu *vcpu)
{
	static const struct kvm_segment data = {
		.limit = 0xffff, .type = 3, .present = 1, .s = 1,
	};
	struct kvm_segment cs = data, ldtr = data, tr = data;
	static const struct kvm_dtable dt = { .limit = 0xffff };
	enum vmm_seg seg;

	cs.base = 0xffff0000;
	cs.selector = 0xf000;
	cs.type = 11;
	ldtr.type = 2;
	ldtr.s = 0;
	tr.type = 11;
	tr.s = 0;
	for (seg = VMM_ES; seg <= VMM_GS; seg++)
		vmm_set_segment(vcpu, seg == VMM_CS ? &cs : &data, seg);
	vmm_set_segment(vcpu, &ldtr, VMM_LDTR);
	vmm_set_segment(vcpu, &tr, VMM_TR);
	vmm_set_dt(vcpu, &dt, &dt);
}

/**
 * vmx_vcpu_reset() - the state of the processor's half after RESET or INIT
 * @vcpu: the vCPU
 * @init: INIT: the MSRs and the caches' mode stay
 *
 * Context: the VMCS is loaded; may sleep.
 */
void vmx_vcpu_reset(struct vmm_vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	unsigned long cache = X86_CR0_CD | X86_CR0_NW;
	int i;

	if (init)
		cache &= vcpu->cr0;

	reset_segments(vcpu);
	vmcs_write32(GUEST_SYSENTER_CS, 0);
	vmcs_writel(GUEST_SYSENTER_ESP, 0);
	vmcs_writel(GUEST_SYSENTER_EIP, 0);
	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write64(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write64(GUEST_IA32_PAT, vcpu->msr_pat);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_writel(GUEST_DR7, vcpu->dr7);
	vmx_write_cr_masks(vcpu);
	vmm_load_sregs(vcpu, cache | X86_CR0_ET, 0, 0, 0);
	vmm_write_reg(vcpu, VMM_RFLAGS, X86_EFLAGS_FIXED);
	vmm_write_reg(vcpu, VMM_RIP, 0xfff0);
	vmm_write_reg(vcpu, VMM_RSP, 0);
	vmx->event_set = false;
	vmx->flush_vpid = true;
	if (init)
		return;
	vmx->guest_kernel_gs_base = 0;
	if (vmx->host.loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, 0);
	for (i = 0; i < VMX_NR_URET; i++)
		vmx->uret[i] = 0;
	vmx->frame.spec_ctrl = 0;
	vmx_cpuid_changed(vcpu);
}

/**
 * vmx_cpuid_changed() - controls that follow from what the guest's CPUID offers
 * @vcpu: the vCPU
 *
 * Without the control, RDTSCP, INVPCID and XSAVES raise #UD in the guest.
 * Context: the VMCS is loaded.
 */
void vmx_cpuid_changed(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	u32 proc2 = vmx->proc2 & ~VMX_PROC2_BY_CPUID, offered = 0;

	if (vmm_cpuid_has(vcpu, X86_FEATURE_RDTSCP) || vmm_cpuid_has(vcpu, X86_FEATURE_RDPID))
		offered |= SECONDARY_EXEC_ENABLE_RDTSCP;
	if (vmm_cpuid_has(vcpu, X86_FEATURE_INVPCID))
		offered |= SECONDARY_EXEC_ENABLE_INVPCID;
	if (vmm_cpuid_has(vcpu, X86_FEATURE_XSAVES))
		offered |= VMX_PROC2_XSAVES;
	proc2 |= offered & vmx_caps.proc2;
	if (proc2 != vmx->proc2) {
		vmx->proc2 = proc2;
		vmcs_write32(SECONDARY_VM_EXEC_CONTROL, proc2);
	}
	vmx_write_cr_masks(vcpu);
	if (boot_cpu_has(X86_FEATURE_IBPB))
		vmx_msr_intercept(vmx, MSR_IA32_PRED_CMD, true,
				  !vmm_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL));
}
