// SPDX-License-Identifier: GPL-2.0
/*
 * One stretch in the guest: from the last checks to an exit that needs more
 * than the processor's own half.
 *
 * Design: events are put into the VMCS with interrupts on. Then, with
 * interrupts off: mode = IN_GUEST, a barrier, and the checks (requests, the
 * gate, pending work of the thread). Whoever wants the vCPU out writes its
 * request first and looks at the mode then, so either the check sees the
 * request, or the IPI ends the run. Exits whose handling needs nothing but the
 * vCPU itself (exit/router.c, fast handlers) are served here with interrupts
 * still off, and the guest goes on.
 *
 * External interrupts are not acknowledged by the exit (but for virtualised APICs,
 * vmx/apicv.c): they stay pending and
 * are delivered through the IDT when interrupts are switched on. NMIs are
 * dispatched by INT 2 right after the exit, before anything can execute IRET
 * and so unblock further ones; machine checks at the next opportunity.
 *
 * Locking: vcpu->mutex is held by this thread.
 */
#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/hw_breakpoint.h>
#include <linux/instrumentation.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/vtime.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/mce.h>
#include <asm/mmu_context.h>
#include <asm/perf_event.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>
#include "exit/exit.h"
#include "trace.h"
#include "vmx/vmx.h"

static_assert(offsetof(struct vmx_entry_frame, host_rsp) == 0);
static_assert(offsetof(struct vmx_entry_frame, spec_ctrl) == 8);
static_assert(offsetof(struct vmx_entry_frame, host_spec_ctrl) == 16);
static_assert(VMM_RCX == 1 && VMM_RDX == 2 && VMM_RBX == 3 && VMM_RSP == 4 && VMM_RBP == 5 &&
	      VMM_RSI == 6 && VMM_RDI == 7 && VMM_R15 == 15);

/*
 * For RCU, the time in the guest is like the time in user space. @quiescent:
 * report a quiescent state where context tracking does not. Once a jiffy and
 * vCPU is enough: RCU learns of a grace period, and looks who has been quiet, in
 * the tick, which ends the guest's run.
 */
static __always_inline void guest_context_enter(bool quiescent)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();

	if (!context_tracking_guest_enter() && quiescent) {
		instrumentation_begin();
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
		rcu_virt_note_context_switch();
#else
		rcu_virt_note_context_switch(smp_processor_id());
#endif
		instrumentation_end();
	}
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void guest_context_exit(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/** vmx_run_setup() - does the host use performance counters? It found its driver while it booted. */
void vmx_run_setup(void)
{
	int nr = 0;

	preempt_disable();
	vmx_caps.host_pmu = boot_cpu_has(X86_FEATURE_ARCH_PERFMON) &&
			    perf_guest_get_msrs(&nr, NULL);
	preempt_enable();
}

/* The MSRs that the guest's and the host's performance counters need otherwise. */
static void load_perf_msrs(struct vmx_vcpu *vmx)
{
	struct perf_guest_switch_msr *msrs;
	struct vmx_autoload *a = vmx->autoload;
	int i, nr = 0;
	u32 n = 0;

	if (!vmx_caps.host_pmu)
		return;
	msrs = perf_guest_get_msrs(&nr, NULL);
	for (i = 0; msrs && i < nr && n < VMX_NR_AUTOLOAD; i++) {
		if (msrs[i].host == msrs[i].guest)
			continue;
		a->guest[n] = (struct vmx_msr_entry){ .index = msrs[i].msr,
						      .value = msrs[i].guest };
		a->host[n] = (struct vmx_msr_entry){ .index = msrs[i].msr,
						     .value = msrs[i].host };
		n++;
	}
	if (n != vmx->autoload_nr) {
		vmx->autoload_nr = n;
		vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, n);
		vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, n);
	}
}

static __always_inline void load_xstate(struct vmm_vcpu *vcpu)
{
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->xcr0 != vmx_caps.host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
		if (vcpu->xss != vmx_caps.host_xss && boot_cpu_has(X86_FEATURE_XSAVES))
			wrmsrl(MSR_IA32_XSS, vcpu->xss);
	}
	if (cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	    ((vcpu->cr4 & X86_CR4_PKE) || (vcpu->xcr0 & XFEATURE_MASK_PKRU)))
		write_pkru(vcpu->pkru);
}

static __always_inline void unload_xstate(struct vmm_vcpu *vcpu, u32 host_pkru)
{
	if (cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	    ((vcpu->cr4 & X86_CR4_PKE) || (vcpu->xcr0 & XFEATURE_MASK_PKRU))) {
		vcpu->pkru = rdpkru();
		write_pkru(host_pkru);
	}
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->xcr0 != vmx_caps.host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vmx_caps.host_xcr0);
		if (vcpu->xss != vmx_caps.host_xss && boot_cpu_has(X86_FEATURE_XSAVES))
			wrmsrl(MSR_IA32_XSS, vmx_caps.host_xss);
	}
}

static void invvpid_single(u16 vpid)
{
	struct {
		u64 vpid;
		u64 linear;
	} desc = { .vpid = vpid };
	unsigned long type = VMX_VPID_EXTENT_SINGLE_CONTEXT;

	asm volatile("1: invvpid %0, %1\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (desc), "r" (type) : "cc", "memory");
}

/*
 * Whoever takes permissions away raises tlb_gen and then brings out the vCPUs
 * that are IN_GUEST; this one became IN_GUEST before reading it.
 */
static __always_inline void flush_tlbs(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u64 gen = atomic64_read(&vcpu->vm->mmu.tlb_gen);

	if (unlikely(gen != vcpu->tlb_gen || vmx->flush_ept)) {
		vmx->flush_ept = false;
		vcpu->tlb_gen = gen;
		vmx_flush_ept(vcpu->vm->mmu.eptp);
		clear_bit(VMM_REQ_TLB_FLUSH, &vcpu->requests);
	}
	if (unlikely(vmx->flush_vpid)) {
		vmx->flush_vpid = false;
		if (vmx->vpid)
			invvpid_single(vmx->vpid);
	}
}

static __always_inline void write_dirty(struct vmm_vcpu *vcpu)
{
	u32 dirty = vcpu->regs_dirty;

	if (dirty & BIT(VMM_RIP))
		vmcs_writel(GUEST_RIP, vcpu->rip);
	if (dirty & ~BIT(VMM_RIP)) {
		if (dirty & BIT(VMM_RSP))
			vmcs_writel(GUEST_RSP, vcpu->regs[VMM_RSP]);
		if (dirty & BIT(VMM_RFLAGS))
			vmcs_writel(GUEST_RFLAGS, vcpu->rflags);
	}
	vcpu->regs_dirty = 0;
}

static __always_inline void refresh_host_fields(struct vmx_vcpu *vmx)
{
	unsigned long cr3 = __get_current_cr3_fast(), cr4 = cr4_read_shadow();

	if (unlikely(cr3 != vmx->host.cr3)) {
		vmx->host.cr3 = cr3;
		vmcs_writel(HOST_CR3, cr3);
	}
	if (unlikely(cr4 != vmx->host.cr4)) {
		vmx->host.cr4 = cr4;
		vmcs_writel(HOST_CR4, cr4);
	}
}

#define EXIT_IS_NMI(info) (((info) & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) == \
			   (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR))
#define EXIT_IS_MC(info) (((info) & (INTR_INFO_VALID_MASK | INTR_INFO_VECTOR_MASK | \
				     INTR_INFO_INTR_TYPE_MASK)) == \
			  (INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | X86_TRAP_MC))

/* The entry itself, where nothing may be traced. True: the processor refused. */
static noinstr bool enter_guest(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx, bool quiescent)
{
	unsigned int flags = (vmx->launched ? VMX_ENTER_LAUNCHED : 0) |
			     (vmx->spec_passthrough ? VMX_ENTER_SAVE_SPEC : 0);
	bool refused;

	guest_context_enter(quiescent);
	if (static_branch_unlikely(&vmx_l1d_key))
		vmx_flush_l1d(vmx);
	if (vcpu->cr2 != native_read_cr2())
		native_write_cr2(vcpu->cr2);
	if (static_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		vmx->frame.host_spec_ctrl = this_cpu_read(x86_spec_ctrl_current);

	refused = vmx_enter_guest(&vmx->frame, vcpu->regs, flags);

	vcpu->cr2 = native_read_cr2();
	if (likely(!refused)) {
		vmx->exit_reason = vmcs_read_raw(VM_EXIT_REASON);
		if ((u16)vmx->exit_reason == EXIT_REASON_EXCEPTION_NMI &&
		    EXIT_IS_NMI((u32)vmcs_read_raw(VM_EXIT_INTR_INFO)))
			asm volatile("int $2" : : : "memory");
	}
	guest_context_exit();
	return refused;
}

static void machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = {
		.cs = 3,	/* as if user space was interrupted */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
#endif
}

/*
 * Interrupts are off and stay off from the last check to here.
 * Return: true when the exit is not dealt with yet.
 */
static bool run_guest(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	unsigned long tick = READ_ONCE(jiffies);
	bool quiescent = vmx->quiet_at != tick;
	u32 reason;

	vmx->quiet_at = tick;
	for (;;) {
		write_dirty(vcpu);
		if (trace_vmm_entry_enabled())
			trace_vmm_entry(vcpu->id, vmm_read_reg(vcpu, VMM_RIP));
		if (unlikely(enter_guest(vcpu, vmx, quiescent))) {
			vmx->exit_reason = VMX_EXIT_REASONS_FAILED_VMENTRY | 0xffff;
			return true;
		}
		reason = vmx->exit_reason;
		vmx_exit_state(vcpu);
		if (unlikely(reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
			if ((u16)reason == EXIT_REASON_MCE_DURING_VMENTRY)
				machine_check();
			return true;
		}
		vmx->launched = true;
		vmx->event_set = false;
		vmx->idt_vectoring = vmcs_read32(IDT_VECTORING_INFO_FIELD);
		vcpu->exits++;
		if (trace_vmm_exit_enabled())
			trace_vmm_exit(vcpu->id, reason, vmm_read_reg(vcpu, VMM_RIP),
				       vmcs_readl(EXIT_QUALIFICATION));
		vmx_complete_events(vcpu);

		if (reason == EXIT_REASON_EXCEPTION_NMI &&
		    EXIT_IS_MC(vmcs_read32(VM_EXIT_INTR_INFO)))
			machine_check();
		if (!vmm_fast_exit(vcpu, reason))
			return true;
		/* Served; may the guest go on at once? The order is that of vmx_vcpu_enter(). */
		quiescent = false;
		if (unlikely(READ_ONCE(vcpu->requests) || vcpu->exception.pending ||
			     vmx->debug_stop || vcpu->nmi_pending || vcpu->interrupt.pending ||
			     vcpu->irq_look || vmx_apicv_waits(vmx) ||
			     context_tracking_enabled_this_cpu() ||
			     xfer_to_guest_mode_work_pending() ||
			     !vmm_gate_may_run(&vcpu->entity)))
			return false;
		flush_tlbs(vcpu, vmx);
	}
}

/* One NMI can be in its handler and one more wait. */
static void take_nmis(struct vmm_vcpu *vcpu)
{
	u32 max = vmm_nmi_blocked(vcpu) || vcpu->nmi.injected ? 1 : 2;

	vcpu->nmi_pending = min_t(u32, vcpu->nmi_pending + atomic_xchg(&vcpu->nmi_queued, 0), max);
}

/* Interrupts are on. Requests that need them; 1: go on, 0 / <0: leave. */
static int handle_requests(struct vmm_vcpu *vcpu)
{
	if (test_and_clear_bit(VMM_REQ_VM_DEAD, &vcpu->requests))
		return -EIO;
	if (test_and_clear_bit(VMM_REQ_TRIPLE_FAULT, &vcpu->requests)) {
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	if (vcpu->requests & (BIT(VMM_REQ_CLOCK) | BIT(VMM_REQ_STEAL)))
		vmm_pv_before_entry(vcpu);
	if (test_and_clear_bit(VMM_REQ_APICV, &vcpu->requests))
		vmx_apicv_update(vcpu);
	if (test_and_clear_bit(VMM_REQ_MSR_FILTER, &vcpu->requests))
		vmx_msr_filter_changed(vcpu);
	if (test_and_clear_bit(VMM_REQ_PML, &vcpu->requests)) {
		int r = vmx_pml_update(vcpu);

		if (r)
			return r;
	}
	if (test_and_clear_bit(VMM_REQ_NMI, &vcpu->requests))
		take_nmis(vcpu);
	if (test_and_clear_bit(VMM_REQ_EVENT, &vcpu->requests) && vcpu->apic) {
		vcpu->irq_look = true;
		vmm_apic_accept_events(vcpu);
	}
	if (test_and_clear_bit(VMM_REQ_IOAPIC_EOI, &vcpu->requests)) {
		vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		vcpu->run->eoi.vector = vmm_apic_eoi_vector(vcpu);
		return 0;
	}
	if (test_and_clear_bit(VMM_REQ_TLB_FLUSH, &vcpu->requests))
		vcpu->vmx->flush_ept = true;
	return 1;
}

/**
 * vmx_vcpu_enter() - run the guest until an exit has to be handled
 * @vcpu: the vCPU; its VMCS is loaded, its entity owns a pCPU (or lost it)
 *
 * Context: process, preemptible, interrupts on.
 * Return: VMX_RUN_EXIT (call vmm_handle_exit()), VMX_RUN_AGAIN (something wants
 * a look: signals, the gate, a request), 0 (user space: vcpu->run is filled),
 * -EIO (the VM is dead), -ENOMEM (for the log of dirty pages).
 */
int vmx_vcpu_enter(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	u64 debugctl;
	u32 host_pkru = 0;
	bool exited;
	int r;

	if (unlikely(READ_ONCE(vcpu->requests))) {
		r = handle_requests(vcpu);
		if (r <= 0)
			return r;
		/* INIT came */
		if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE))
			return VMX_RUN_AGAIN;
	}
	if (unlikely(READ_ONCE(vcpu->vm->bugged)))
		return -EIO;
	vmx_inject(vcpu);

	preempt_disable();
	if (!vmx->host.loaded)
		vmx_host_save(vmx);
	local_irq_disable();
	/* Pairs with the barriers in vmm_kick() and vmm_kick_all(). */
	smp_store_mb(vcpu->mode, VMM_IN_GUEST);
	xfer_to_guest_mode_prepare();
	if (unlikely(READ_ONCE(vcpu->requests) || xfer_to_guest_mode_work_pending() ||
		     !vmm_gate_may_run(&vcpu->entity) || vmx_apicv_waits(vmx) ||
		     READ_ONCE(vcpu->vm->bugged))) {
		WRITE_ONCE(vcpu->mode, VMM_OUTSIDE_GUEST);
		local_irq_enable();
		preempt_enable();
		return VMX_RUN_AGAIN;
	}

	if (!vmx->uret_loaded)
		vmx_uret_load(vmx, vcpu->efer);
	refresh_host_fields(vmx);
	flush_tlbs(vcpu, vmx);
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		host_pkru = rdpkru();
	load_perf_msrs(vmx);
	debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
	if (unlikely((vcpu->dr7 | vcpu->guest_debug) & 0xff) || unlikely(hw_breakpoint_active()))
		vmx_load_debugregs(vcpu);
	vtime_account_guest_enter();
	load_xstate(vcpu);

	exited = run_guest(vcpu, vmx);

	/* Before the interrupt of whoever brings us out to read the log is served. */
	if (unlikely(vmx->pml_on))
		vmx_pml_drain(vcpu);
	unload_xstate(vcpu, host_pkru);
	WRITE_ONCE(vcpu->mode, VMM_OUTSIDE_GUEST);
	if (debugctl)
		update_debugctlmsr(debugctl);
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
	if (vmx_apicv_on(vmx) && exited && vmx->exit_reason == EXIT_REASON_EXTERNAL_INTERRUPT)
		vmx_dispatch_interrupt(vmx);
	/*
	 * The interrupt that ended the run is served here, still on the guest's
	 * time, and before preemption is possible.
	 */
	local_irq_enable();
	vmx->l1d_flush = true;
	local_irq_disable();
	vtime_account_guest_exit();
	local_irq_enable();
	preempt_enable();
	return exited ? VMX_RUN_EXIT : VMX_RUN_AGAIN;
}
