// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU: birth, RESET, end, and KVM_RUN.
 *
 * KVM_RUN first finishes what user space was asked to complete, then passes the
 * gate and runs the guest for as long as the gate lets it. While the VMCS is
 * loaded a preempt notifier is registered: the host may take the CPU at any
 * time, and gives it back on whichever CPU it likes. It is never registered
 * while the thread waits at the gate or runs user space.
 *
 * Locking: vcpu->mutex is held by the caller of everything but create and
 * destroy. The notifier runs with interrupts off under the rq lock (out), and
 * with preemption off (in).
 */
#include <linux/entry-kvm.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <asm/apicdef.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xstate.h>
#include <asm/msr-index.h>
#include "vmx/vmx.h"

/* --- who has the CPU --------------------------------------------------------- */

static inline bool current_runnable(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return task_is_runnable(current);
#else
	return current->on_rq;
#endif
}

static void sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct vmm_vcpu *vcpu = container_of(notifier, struct vmm_vcpu, notifier);

	if (vcpu->in_gate)
		WRITE_ONCE(vcpu->in_kernel, !vmm_cpl(vcpu));
	vmx_vcpu_put(vcpu);
	vmm_pv_not_running(&vcpu->pv, vcpu);
	if (vcpu->in_gate)
		vmm_gate_sched_out(&vcpu->entity, current_runnable());
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct vmm_vcpu *vcpu = container_of(notifier, struct vmm_vcpu, notifier);
	bool moved = vcpu->cpu != cpu;

	vmx_vcpu_load(vcpu, cpu);
	vmm_pv_load(&vcpu->pv, vcpu, moved);
	if (vcpu->in_gate)
		vmm_gate_sched_in(&vcpu->entity);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/* Preemption is off. */
static __always_inline void load(struct vmm_vcpu *vcpu)
{
	int cpu = smp_processor_id();
	bool moved = vcpu->cpu != cpu;

	preempt_notifier_register(&vcpu->notifier);
	vmx_vcpu_load(vcpu, cpu);
	vmm_pv_load(&vcpu->pv, vcpu, moved);
}

static __always_inline void put(struct vmm_vcpu *vcpu)
{
	vmx_vcpu_put(vcpu);
	preempt_notifier_unregister(&vcpu->notifier);
}

/**
 * vmm_vcpu_load() - make the vCPU's VMCS accessible to the calling thread
 * @vcpu: the vCPU; its mutex is held, or nobody else knows it
 *
 * Context: process; preemptible afterwards, may sleep until vmm_vcpu_put().
 */
void vmm_vcpu_load(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	load(vcpu);
	preempt_enable();
}

/** vmm_vcpu_put() - the inverse of vmm_vcpu_load() */
void vmm_vcpu_put(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	put(vcpu);
	preempt_enable();
}

/* --- life --------------------------------------------------------------------- */

static void free_run_pages(struct vmm_vcpu *vcpu)
{
	int i;

	for (i = 0; i < VMM_RUN_PAGES; i++) {
		if (vcpu->run_pages[i])
			put_page(vcpu->run_pages[i]);
	}
}

static int alloc_run_pages(struct vmm_vcpu *vcpu)
{
	int i;

	for (i = 0; i < VMM_RUN_PAGES; i++) {
		/* The coalesced ring is the VM's: all of its vCPUs show the same one. */
		if (i == KVM_COALESCED_MMIO_PAGE_OFFSET) {
			vcpu->run_pages[i] = vcpu->vm->irq.ring_page;
			get_page(vcpu->run_pages[i]);
			continue;
		}
		vcpu->run_pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!vcpu->run_pages[i]) {
			free_run_pages(vcpu);
			return -ENOMEM;
		}
	}
	vcpu->run = page_address(vcpu->run_pages[0]);
	vcpu->pio_data = page_address(vcpu->run_pages[KVM_PIO_PAGE_OFFSET]);
	return 0;
}

/**
 * vmm_vcpu_create() - a new vCPU in its state after RESET
 * @vm:  its VM; vm->lock is held
 * @id:  its number, checked by the caller
 * @out: the vCPU
 *
 * The caller makes it known in vm->vcpus. May sleep.
 * Return: 0, -ENOMEM, or what vmm_entity_init() says.
 */
int vmm_vcpu_create(struct vmm_vm *vm, u32 id, struct vmm_vcpu **out)
{
	struct vmm_vcpu *vcpu;
	int r;

	vcpu = kvzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return -ENOMEM;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	mutex_init(&vcpu->mutex);
	spin_lock_init(&vcpu->pid_lock);
	rcuwait_init(&vcpu->wait);
	r = alloc_run_pages(vcpu);
	if (r)
		goto err_vcpu;
	if (!fpu_alloc_guest_fpstate(&vcpu->fpu)) {
		r = -ENOMEM;
		goto err_pages;
	}
	r = vmm_entity_init(&vcpu->entity, vm->group, id);
	if (r)
		goto err_fpu;
	preempt_notifier_inc();
	preempt_notifier_init(&vcpu->notifier, &vcpu_preempt_ops);
	if (vm->irq.mode != VMM_IRQCHIP_NONE) {
		r = vmm_apic_create(vcpu);
		if (r)
			goto err_entity;
	}
	r = vmx_vcpu_create(vcpu);
	if (r)
		goto err_apic;
	vmm_cpuid_reset(vcpu);
	vmm_vcpu_load(vcpu);
	vmm_vcpu_reset(vcpu);
	vmm_vcpu_put(vcpu);
	*out = vcpu;
	return 0;

err_apic:
	vmm_apic_destroy(vcpu);
err_entity:
	preempt_notifier_dec();
	vmm_entity_destroy(&vcpu->entity);
err_fpu:
	fpu_free_guest_fpstate(&vcpu->fpu);
err_pages:
	free_run_pages(vcpu);
err_vcpu:
	kvfree(vcpu);
	return r;
}

/** vmm_vcpu_destroy() - the vCPU is gone; no thread uses it. May sleep. */
void vmm_vcpu_destroy(struct vmm_vcpu *vcpu)
{
	vmm_apic_destroy(vcpu);
	vmm_entity_destroy(&vcpu->entity);
	vmx_vcpu_destroy(vcpu);
	preempt_notifier_dec();
	fpu_free_guest_fpstate(&vcpu->fpu);
	put_pid(vcpu->pid);
	free_run_pages(vcpu);
	kvfree(vcpu->cpuid);
	kvfree(vcpu);
}

/* What RESET and INIT have in common. */
static void reset_registers(struct vmm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = vmm_cpuid_find(vcpu, 1, 0);
	int i;

	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	/* EDX: family, model and stepping; family 6 where CPUID has not been set. */
	vcpu->regs[VMM_RDX] = e ? e->eax : 0x600;
	vcpu->regs_avail = GENMASK(VMM_NR_GPRS - 1, 0);
	vcpu->regs_dirty = 0;
	memset(&vcpu->exception, 0, sizeof(vcpu->exception));
	memset(&vcpu->interrupt, 0, sizeof(vcpu->interrupt));
	memset(&vcpu->nmi, 0, sizeof(vcpu->nmi));
	vcpu->nmi_pending = 0;
	atomic_set(&vcpu->nmi_queued, 0);
	vcpu->cr2 = 0;
	vcpu->cr8 = 0;
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = 0x400;
	for (i = 0; i < 4; i++)
		vcpu->db[i] = 0;
}

/**
 * vmm_vcpu_reset() - architectural state after RESET
 * @vcpu: the vCPU
 *
 * What user space set (CPUID, its limits, the signal mask) stays.
 * Context: the VMCS is loaded; may sleep.
 */
void vmm_vcpu_reset(struct vmm_vcpu *vcpu)
{
	bool bsp = vcpu->id == vcpu->vm->bsp_id;

	reset_registers(vcpu);
	vcpu->xcr0 = XFEATURE_MASK_FP;
	vcpu->xss = 0;
	vcpu->pkru = 0;
	/* Without an APIC in the kernel user space decides who runs when. */
	vcpu->mp_state = bsp || !vcpu->apic ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
	vcpu->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE;
	if (bsp)
		vcpu->apic_base |= MSR_IA32_APICBASE_BSP;
	vmm_apic_reset(vcpu, false);
	vmm_msr_reset(vcpu);
	vmm_pv_reset(vcpu);
	vmx_vcpu_reset(vcpu, false);
}

/**
 * vmm_vcpu_init() - architectural state after INIT
 * @vcpu: the vCPU
 *
 * FPU, MSRs, XCR0 and the time stamp counter stay.
 * Context: the VMCS is loaded; may sleep.
 */
void vmm_vcpu_init(struct vmm_vcpu *vcpu)
{
	unsigned long cr0 = vmm_read_reg(vcpu, VMM_CR0);

	reset_registers(vcpu);
	vmm_apic_reset(vcpu, true);
	vmm_pv_reset(vcpu);
	vcpu->cr0 = cr0;
	vmx_vcpu_reset(vcpu, true);
	vmm_update_guest_debug(vcpu);
}

/* --- KVM_RUN --------------------------------------------------------------------- */

/* What user space reads beside the exit: the VMCS is loaded. */
static void publish(struct vmm_vcpu *vcpu)
{
	unsigned long rflags = vmx_rflags(vcpu);
	struct kvm_run *run = vcpu->run;

	run->if_flag = !!(rflags & X86_EFLAGS_IF);
	run->apic_base = vcpu->apic_base;
	if (!vcpu->apic) {
		run->cr8 = vcpu->cr8;
		run->ready_for_interrupt_injection = (rflags & X86_EFLAGS_IF) &&
			!vcpu->interrupt.pending && vmm_interrupt_allowed(vcpu);
		return;
	}
	run->cr8 = vmm_get_cr8(vcpu);
	/* An 8259 in the kernel asks for no window. */
	run->ready_for_interrupt_injection =
		vcpu->vm->irq.mode == VMM_IRQCHIP_KERNEL || vmm_user_may_interrupt(vcpu);
}

static int exit_debug(struct vmm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vcpu->vmx->debug_stop = false;
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = 1;
	run->debug.arch.pc = vmm_segment_base(vcpu, VMM_CS) + vmm_read_reg(vcpu, VMM_RIP);
	run->debug.arch.dr6 = DR_STEP | DR6_RESERVED;
	run->debug.arch.dr7 = vcpu->dr7;
	return 0;
}

/*
 * Run until user space or the gate is wanted. VMX_RUN_AGAIN: the gate;
 * VMX_RUN_HALTED: an event, and the gate until it comes; VMX_RUN_YIELD; VMX_RUN_WAIT.
 * Interrupts on, preemptible, VMCS loaded.
 */
static int stretch(struct vmm_vcpu *vcpu)
{
	int r;

	for (;;) {
		if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE) && !vmm_vcpu_settle(vcpu))
			return VMX_RUN_HALTED;
		if (unlikely(vcpu->vmx->debug_stop))
			return exit_debug(vcpu);
		r = vmx_vcpu_enter(vcpu);
		if (likely(r == VMX_RUN_EXIT))
			r = vmm_handle_exit(vcpu);
		else if (r == VMX_RUN_AGAIN && !vmm_gate_may_run(&vcpu->entity) &&
			 !signal_pending(current))
			return VMX_RUN_AGAIN;
		if (r <= 0 || unlikely(r >= VMX_RUN_YIELD))
			return r;
		if (unlikely(READ_ONCE(vcpu->run->request_interrupt_window)) &&
		    vmm_user_window(vcpu)) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return 0;
		}
		if (unlikely(__xfer_to_guest_mode_work_pending())) {
			r = vmm_thread_work();
			if (r) {
				vcpu->run->exit_reason = KVM_EXIT_INTR;
				vcpu->signal_exits++;
				return r;
			}
		}
	}
}

/**
 * vmm_vcpu_wanted() - should something long that is done for the guest be left?
 * @vcpu: the vCPU of the calling thread
 *
 * The kernel's devices answer thousands of a string instruction's accesses in a row. All
 * that while the vCPU is not in the guest, and whoever wants its pCPU for another one
 * waits until it looks itself.
 * Context: process, preemptible.
 */
bool vmm_vcpu_wanted(struct vmm_vcpu *vcpu)
{
	/* Outside the gate, to complete an access, it has no pCPU to give back. */
	if (vcpu->in_gate && !vmm_gate_may_run(&vcpu->entity))
		return true;
	return READ_ONCE(vcpu->requests) || signal_pending(current) || need_resched();
}

/*
 * Device accesses come back soon, and so do the signals that clients kick their
 * vCPUs with; a halt waits for an event; the rest may take for ever.
 */
static enum vmm_gate_how leave_how(const struct vmm_vcpu *vcpu, int r)
{
	if (r == -EINTR && !fatal_signal_pending(current))
		return VMM_EXIT_LOAN;
	if (r)
		return VMM_EXIT_LEAVE;
	switch (READ_ONCE(vcpu->run->exit_reason)) {
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_IOAPIC_EOI:
		return VMM_EXIT_LOAN;
	case KVM_EXIT_HLT:
		return VMM_EXIT_HALT;
	default:
		return VMM_EXIT_LEAVE;
	}
}

/* The VMCS is loaded from here on, and the notifier tells the gate who has the CPU ... */
static __always_inline void pass_gate(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	load(vcpu);
	vcpu->in_gate = true;
	vmm_gate_on(&vcpu->entity);
	preempt_enable();
}

/* ... until here. */
static __always_inline void leave_guest(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	vcpu->in_gate = false;
	vmm_gate_off(&vcpu->entity);
	put(vcpu);
	preempt_enable();
}

/* User space may set it at any time, from a signal handler for one. */
static bool immediate_exit(struct vmm_vcpu *vcpu)
{
#ifdef HINT_UNSAFE_IN_KVM	/* the name that newer headers give it inside the kernel */
	return READ_ONCE(vcpu->run->HINT_UNSAFE_IN_KVM(immediate_exit));
#else
	return READ_ONCE(vcpu->run->immediate_exit);
#endif
}

/* The guest did not run, but user space may have set registers or queued an interrupt. */
static int not_entered(struct vmm_vcpu *vcpu, int r)
{
	vmm_vcpu_load(vcpu);
	publish(vcpu);
	vmm_vcpu_put(vcpu);
	return r;
}

/*
 * Halted, or not started: wait. A vCPU that has never run goes back to user
 * space once something has come for it, as KVM's does.
 */
static int halted(struct vmm_vcpu *vcpu)
{
	bool fresh = vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED;
	int r = vmm_vcpu_wait(vcpu);

	if (r) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		vcpu->signal_exits++;
		return r;
	}
	if (!fresh)
		return VMX_RUN_AGAIN;
	vmm_vcpu_load(vcpu);
	vmm_vcpu_settle(vcpu);
	vmm_vcpu_put(vcpu);
	return -EAGAIN;
}

/* The guest said that it has nothing to do. The instruction is over: a signal only ends the wait. */
static int idle(struct vmm_vcpu *vcpu)
{
	int r = vmm_vcpu_wait_hint(vcpu);

	if (!r)
		return VMX_RUN_AGAIN;
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	vcpu->signal_exits++;
	return r;
}

static int run(struct vmm_vcpu *vcpu)
{
	int (*complete)(struct vmm_vcpu *vcpu) = vcpu->complete;
	int r;

	if (complete) {
		vcpu->complete = NULL;
		vmm_vcpu_load(vcpu);
		r = complete(vcpu);
		if (r <= 0)
			publish(vcpu);
		vmm_vcpu_put(vcpu);
		if (r <= 0)
			return r;
	}
	/* The reason of the exit before stays: clients finish it this way, and look at it then. */
	if (immediate_exit(vcpu))
		return not_entered(vcpu, -EINTR);
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;

	do {
		vmm_pv_at_gate(&vcpu->pv);
		r = vmm_gate_enter(&vcpu->entity);
		if (unlikely(r)) {
			vcpu->signal_exits++;
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return not_entered(vcpu, r);
		}
		if (unlikely(vcpu->spins))
			WRITE_ONCE(vcpu->spins, false);
		pass_gate(vcpu);
		r = stretch(vcpu);
		if (unlikely(vcpu->pv.eoi_set))
			vmm_pv_eoi_take(vcpu);
		publish(vcpu);
		if (r >= VMX_RUN_AGAIN) {
			WRITE_ONCE(vcpu->in_kernel, !vmm_cpl(vcpu));
			vmm_pv_not_running(&vcpu->pv, vcpu);
		}
		leave_guest(vcpu);
		if (likely(r < VMX_RUN_AGAIN))
			break;
		if (r == VMX_RUN_HALTED) {
			r = halted(vcpu);
			if (r == -EINTR)
				return r;
		} else if (unlikely(r == VMX_RUN_YIELD)) {
			vmm_pv_give_way(vcpu);
		} else if (unlikely(r == VMX_RUN_WAIT)) {
			r = idle(vcpu);
			if (r == -EINTR)
				return r;
		}
	} while (r >= VMX_RUN_AGAIN);
	vmm_gate_exit(&vcpu->entity, leave_how(vcpu, r));
	return r;
}

/* For those who want to know, or to yield to, the thread behind the vCPU. */
static void note_thread(struct vmm_vcpu *vcpu)
{
	struct pid *old = vcpu->pid;	/* changes here only */

	if (likely(old == task_pid(current)))
		return;
	spin_lock(&vcpu->pid_lock);
	vcpu->pid = get_task_pid(current, PIDTYPE_PID);
	spin_unlock(&vcpu->pid_lock);
	put_pid(old);
}

static int sync_in(struct vmm_vcpu *vcpu)
{
	int r;

	vmm_vcpu_load(vcpu);
	r = vmm_sync_in(vcpu);
	vmm_vcpu_put(vcpu);
	return r;
}

static void sync_out(struct vmm_vcpu *vcpu)
{
	vmm_vcpu_load(vcpu);
	vmm_sync_out(vcpu);
	vmm_vcpu_put(vcpu);
}

/* With what user space wants of this thread while the guest runs. */
static int run_thread(struct vmm_vcpu *vcpu)
{
	int r;

	vcpu->ran = true;
	note_thread(vcpu);
	/* While the guest runs only these signals are blocked; real_blocked keeps the thread's own. */
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
	vcpu->run->flags = 0;

	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
	r = run(vcpu);
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);

	vcpu->user_exits++;
	if (vcpu->sigset_active) {
		sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
		sigemptyset(&current->real_blocked);
	}
	return r;
}

/* Registers go in and out through the shared page. */
static noinline int run_synced(struct vmm_vcpu *vcpu)
{
	int r = sync_in(vcpu);

	if (r)
		return r;
	r = run_thread(vcpu);
	sync_out(vcpu);
	return r;
}

/**
 * vmm_vcpu_run() - KVM_RUN
 * @vcpu: the vCPU; its mutex is held
 *
 * Return: 0 (vcpu->run says why), -EINTR (signal, immediate_exit), -EINVAL,
 * -EFAULT (guest memory without anything behind it), -EIO (the VM is dead),
 * -EAGAIN (it waited for its start, and something came).
 */
int vmm_vcpu_run(struct vmm_vcpu *vcpu)
{
	u64 cr8 = READ_ONCE(vcpu->run->cr8);
	int sync;

	if (!vcpu->apic) {
		if (cr8 & ~0xfull)
			return -EINVAL;
		vcpu->cr8 = cr8;
	}
	sync = vmm_sync_wanted(vcpu);
	if (unlikely(sync))
		return sync > 0 ? run_synced(vcpu) : sync;
	return run_thread(vcpu);
}
