// SPDX-License-Identifier: GPL-2.0
/*
 * The host's state around guests.
 *
 * A VM exit loads from the VMCS: control registers, CS SS DS ES FS GS TR, GDT
 * and IDT base, SYSENTER MSRs, EFER, PAT. What it destroys otherwise is brought
 * back at one of three moments:
 *
 *  - right after the exit (run.c): XCR0, XSS, PKRU, DR7, DEBUGCTL, CR2;
 *  - when the thread leaves the CPU or goes to user space (here): data segments
 *    with a selector, LDT, the user's GS base, the limits of GDT and TSS;
 *  - when the CPU really returns to user space (here): STAR, LSTAR, FMASK,
 *    TSC_AUX, which the kernel itself does not use, by a user-return notifier.
 *
 * Locking: preemption is off; the per-CPU record of the lazy MSRs is touched
 * with interrupts off, because switching VMX off drops it from an IPI.
 */
#include <linux/mmu_context.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/user-return-notifier.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include "vmx/vmx.h"

static unsigned long host_idt_base;
static unsigned long host_sysenter_eip;
static u32 host_sysenter_cs;
static DEFINE_PER_CPU(struct desc_ptr, host_gdt);	/* what LGDT needs */

/** vmx_host_constant() - note what is the same on all CPUs; once, before vCPUs exist */
void vmx_host_constant(void)
{
	struct desc_ptr idt;
	u64 cs;

	store_idt(&idt);
	host_idt_base = idt.address;
	rdmsrl(MSR_IA32_SYSENTER_CS, cs);
	host_sysenter_cs = cs;
	rdmsrl(MSR_IA32_SYSENTER_EIP, host_sysenter_eip);
}

/**
 * vmx_host_init_vmcs() - host-state fields that never change
 * @vmx: its VMCS is current
 *
 * Null data segments: user space has them too, almost always, so that nothing
 * needs to be brought back.
 */
void vmx_host_init_vmcs(struct vmx_vcpu *vmx)
{
	vmcs_writel(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmx->host.cr3 = __read_cr3();
	vmcs_writel(HOST_CR3, vmx->host.cr3);
	vmx->host.cr4 = cr4_read_shadow();
	vmcs_writel(HOST_CR4, vmx->host.cr4);
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_writel(HOST_IDTR_BASE, host_idt_base);
	vmcs_write32(HOST_IA32_SYSENTER_CS, host_sysenter_cs);
	vmcs_writel(HOST_IA32_SYSENTER_EIP, host_sysenter_eip);
	vmcs_write64(HOST_IA32_PAT, vmx_caps.host_pat);
	vmcs_write64(HOST_IA32_EFER, vmx_caps.host_efer);
	vmcs_writel(HOST_RIP, (unsigned long)vmx_exit_point);
	vmcs_writel(HOST_RSP, 0);
	vmx->frame.host_rsp = 0;
	vmcs_writel(HOST_FS_BASE, 0);
	vmx->host.fs_base = 0;
}

/**
 * vmx_host_percpu() - host-state fields that follow the CPU
 * @cpu: this CPU
 *
 * Context: preemption off, the VMCS is current.
 */
void vmx_host_percpu(int cpu)
{
	struct desc_ptr gdt = {
		.size = GDT_SIZE - 1,
		.address = (unsigned long)get_current_gdt_ro(),
	};
	unsigned long gs_base;

	*this_cpu_ptr(&host_gdt) = gdt;
	rdmsrl(MSR_GS_BASE, gs_base);
	vmcs_writel(HOST_GS_BASE, gs_base);
	vmcs_writel(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_writel(HOST_GDTR_BASE, gdt.address);
	/* The VMCS has been loaded, and this called, before vmx_host_init_vmcs(). */
	vmcs_writel(HOST_IA32_SYSENTER_ESP, IS_ENABLED(CONFIG_IA32_EMULATION) ?
					    (unsigned long)(cpu_entry_stack(cpu) + 1) : 0);
}

/**
 * vmx_host_save() - put aside what the guest will overwrite until vmx_host_restore()
 * @vmx: its VMCS is current
 *
 * Context: preemption off.
 */
void vmx_host_save(struct vmx_vcpu *vmx)
{
	struct vmx_host_state *h = &vmx->host;
	unsigned long fs_base;

	store_ldt(h->ldt_sel);
	savesegment(ds, h->ds_sel);
	savesegment(es, h->es_sel);
	if (likely(is_64bit_mm(current->mm))) {
		current_save_fsgs();
		h->fs_sel = current->thread.fsindex;
		h->gs_sel = current->thread.gsindex;
		fs_base = current->thread.fsbase;
		h->kernel_gs_base = current->thread.gsbase;
	} else {
		savesegment(fs, h->fs_sel);
		savesegment(gs, h->gs_sel);
		rdmsrl(MSR_FS_BASE, fs_base);
		rdmsrl(MSR_KERNEL_GS_BASE, h->kernel_gs_base);
	}
	native_wrmsrl(MSR_KERNEL_GS_BASE, vmx->guest_kernel_gs_base);
	if (h->fs_base != fs_base) {
		h->fs_base = fs_base;
		vmcs_writel(HOST_FS_BASE, fs_base);
	}
	h->loaded = true;
}

/**
 * vmx_host_restore() - bring the thread's and the CPU's state back
 * @vmx: vCPU for which vmx_host_save() was called on this CPU
 *
 * Context: preemption off; the VMCS need not be current.
 */
void vmx_host_restore(struct vmx_vcpu *vmx)
{
	struct vmx_host_state *h = &vmx->host;

	vmx->guest_kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	/* An exit leaves null selectors and no LDT. */
	if (unlikely(h->ldt_sel))
		asm volatile("lldt %0" : : "m" (h->ldt_sel));
	if (unlikely(h->gs_sel))
		load_gs_index(h->gs_sel);
	if (unlikely(h->fs_sel)) {
		loadsegment(fs, h->fs_sel);
		/* The base may have been set apart from the selector. */
		wrmsrl(MSR_FS_BASE, h->fs_base);
	}
	if (unlikely(h->ds_sel | h->es_sel)) {
		loadsegment(ds, h->ds_sel);
		loadsegment(es, h->es_sel);
	}
	native_wrmsrl(MSR_KERNEL_GS_BASE, h->kernel_gs_base);
	/* An exit sets the limits of TSS and GDT to values of its own. */
	invalidate_tss_limit();
	native_load_gdt(this_cpu_ptr(&host_gdt));
	h->loaded = false;
	vmx->uret_loaded = false;
}

/* --- MSRs switched back by the return to user space ------------------------ */

static const u32 uret_index[VMX_NR_URET] = {
	[VMX_URET_STAR] = MSR_STAR,
	[VMX_URET_LSTAR] = MSR_LSTAR,
	[VMX_URET_FMASK] = MSR_SYSCALL_MASK,
	[VMX_URET_TSC_AUX] = MSR_TSC_AUX,
};

static bool uret_exists[VMX_NR_URET];

/**
 * struct uret_cpu - lazy MSRs on one CPU
 * @notifier: fires on the next return to user space
 * @registered: it is registered
 * @host_known: @host has been read; the values are constant per CPU
 * @host:  what user space and the kernel's system call entry need
 * @now:   what the MSR holds
 */
struct uret_cpu {
	struct user_return_notifier notifier;
	bool registered;
	bool host_known;
	u64 host[VMX_NR_URET];
	u64 now[VMX_NR_URET];
};

static DEFINE_PER_CPU(struct uret_cpu, uret_cpus);

/** vmx_uret_exists() - the processor has this MSR */
bool vmx_uret_exists(enum vmx_uret_msr i)
{
	return uret_exists[i];
}

/** vmx_uret_setup() - find out which of the MSRs there are; 0 */
int vmx_uret_setup(void)
{
	int i;

	for (i = 0; i < VMX_NR_URET; i++)
		uret_exists[i] = i != VMX_URET_TSC_AUX || boot_cpu_has(X86_FEATURE_RDTSCP) ||
				 boot_cpu_has(X86_FEATURE_RDPID);
	return 0;
}

static void uret_restore(struct uret_cpu *u)
{
	int i;

	for (i = 0; i < VMX_NR_URET; i++) {
		if (u->now[i] == u->host[i])
			continue;
		wrmsrl(uret_index[i], u->host[i]);
		u->now[i] = u->host[i];
	}
}

static void uret_fire(struct user_return_notifier *notifier)
{
	struct uret_cpu *u = container_of(notifier, struct uret_cpu, notifier);
	unsigned long flags;

	/* An IPI that switches VMX off may be doing the same. */
	local_irq_save(flags);
	if (u->registered) {
		u->registered = false;
		user_return_notifier_unregister(notifier);
	}
	uret_restore(u);
	local_irq_restore(flags);
}

static void uret_learn(struct uret_cpu *u)
{
	int i;

	for (i = 0; i < VMX_NR_URET; i++) {
		if (uret_exists[i])
			rdmsrl(uret_index[i], u->host[i]);
		u->now[i] = u->host[i];
	}
	u->notifier.on_user_return = uret_fire;
	u->host_known = true;
}

static void uret_write(struct uret_cpu *u, int i, u64 val)
{
	if (u->now[i] == val || !uret_exists[i])
		return;
	wrmsrl(uret_index[i], val);
	u->now[i] = val;
	if (!u->registered) {
		u->registered = true;
		user_return_notifier_register(&u->notifier);
	}
}

static noinline void uret_write_all(struct uret_cpu *u, struct vmx_vcpu *vmx, bool syscalls,
				    bool tsc_aux)
{
	int i;

	if (!u->host_known)
		uret_learn(u);
	for (i = VMX_URET_STAR; syscalls && i < VMX_URET_TSC_AUX; i++)
		uret_write(u, i, vmx->uret[i]);
	if (tsc_aux)
		uret_write(u, VMX_URET_TSC_AUX, vmx->uret[VMX_URET_TSC_AUX]);
}

/**
 * vmx_uret_load() - load the guest's values, as far as they differ
 * @vmx:  the vCPU
 * @efer: its EFER: without SCE its system call MSRs do not matter
 *
 * Context: interrupts off, shortly before the entry.
 */
void vmx_uret_load(struct vmx_vcpu *vmx, u64 efer)
{
	struct uret_cpu *u = this_cpu_ptr(&uret_cpus);
	/* This one can be read by RDTSCP and RDPID only. */
	bool tsc_aux = vmx->proc2 & SECONDARY_EXEC_ENABLE_RDTSCP;
	u64 differ = 0;

	vmx->uret_loaded = true;
	if (efer & EFER_SCE)
		differ = (u->now[VMX_URET_STAR] ^ vmx->uret[VMX_URET_STAR]) |
			 (u->now[VMX_URET_LSTAR] ^ vmx->uret[VMX_URET_LSTAR]) |
			 (u->now[VMX_URET_FMASK] ^ vmx->uret[VMX_URET_FMASK]);
	if (tsc_aux)
		differ |= u->now[VMX_URET_TSC_AUX] ^ vmx->uret[VMX_URET_TSC_AUX];
	if (differ || unlikely(!u->host_known))
		uret_write_all(u, vmx, efer & EFER_SCE, tsc_aux);
}

/** vmx_uret_drop() - bring the MSRs back now: VMX goes off here. Interrupts are off. */
void vmx_uret_drop(void)
{
	struct uret_cpu *u = this_cpu_ptr(&uret_cpus);

	if (u->registered)
		uret_fire(&u->notifier);
	u->host_known = false;
}
