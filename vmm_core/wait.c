// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs that do not run although a thread would run them: halted, not started
 * yet, stopped by INIT. With the local APIC in the kernel they wait here, in
 * the gate, until an interrupt, INIT or a start-up IPI comes.
 *
 * Design: whoever has an event for a vCPU leaves it where it belongs (IRR,
 * nmi_queued, the APIC's events), then calls vmm_vcpu_notify(): a vCPU in the
 * guest is kicked, one that waits is woken, every other one looks before it
 * does either. The thread says that it waits before it looks for the last
 * time, so an event is either seen by that look or wakes it.
 *
 * When others wait for the pCPU, the vCPU gives it up and blocks in the gate:
 * the event queues the entity, and the thread is woken once, to its turn. When
 * nobody does, the pCPU stays with it, marked as asleep, and the thread sleeps
 * by itself, which takes no lock of the gate's; should another vCPU come and
 * take the pCPU meanwhile, the thread claims one when it wakes.
 *
 * Locking: vcpu->mutex is held by the vCPU's thread.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rcuwait.h>
#include <linux/sched/stat.h>
#include <linux/sched/signal.h>
#include <linux/vmm.h>
#include "vmx/vmx.h"

#define POLL_START_NS	10000

static unsigned int halt_poll_us = 200;
module_param(halt_poll_us, uint, 0644);
MODULE_PARM_DESC(halt_poll_us, "longest time, in us, that a halted vCPU looks for events before its thread sleeps (0: it does not)");

/**
 * vmm_vcpu_notify() - there is an event for a vCPU
 * @vcpu: the vCPU
 *
 * Context: any but NMI, and not under a scheduler lock.
 */
void vmm_vcpu_notify(struct vmm_vcpu *vcpu)
{
	set_bit(VMM_REQ_EVENT, &vcpu->requests);
	smp_mb__after_atomic();	/* pairs with vmm_vcpu_wait() */
	switch (READ_ONCE(vcpu->waiting)) {
	case VMM_WAIT_THREAD:
		if (!READ_ONCE(vcpu->event_ns))
			WRITE_ONCE(vcpu->event_ns, ktime_get_ns());
		rcuwait_wake_up(&vcpu->wait);
		break;
	case VMM_WAIT_GATE:
		vmm_gate_wake(&vcpu->entity);
		break;
	default:
		vmm_kick(vcpu);
	}
}

/** vmm_queue_nmi() - an NMI for a vCPU. Any context but NMI. */
void vmm_queue_nmi(struct vmm_vcpu *vcpu)
{
	atomic_inc(&vcpu->nmi_queued);
	set_bit(VMM_REQ_NMI, &vcpu->requests);
	vmm_vcpu_notify(vcpu);
}

/* Anything at all that the guest would want to see, may it take it now or not? */
static bool event_pending(struct vmm_vcpu *vcpu)
{
	return vcpu->exception.pending || vcpu->nmi_pending || vcpu->interrupt.pending ||
	       atomic_read(&vcpu->nmi_queued) || READ_ONCE(vcpu->pv.unhalted) ||
	       vmm_apic_has_irq(vcpu) >= 0;
}

/* Would anything make the vCPU go on? Its flags were noted when it stopped. */
static bool has_reason(struct vmm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->requests) & (BIT(VMM_REQ_VM_DEAD) | BIT(VMM_REQ_TRIPLE_FAULT)))
		return true;
	if (vmm_apic_has_events(vcpu))
		return true;
	if (unlikely(vcpu->wait_ns))
		return READ_ONCE(vcpu->wait_over) || event_pending(vcpu);
	if (vcpu->mp_state != KVM_MP_STATE_HALTED)
		return false;
	if (vcpu->exception.pending || vcpu->exception.injected || READ_ONCE(vcpu->pv.unhalted))
		return true;
	if (vcpu->wait_nmi && (vcpu->nmi_pending || vcpu->nmi.injected ||
			       atomic_read(&vcpu->nmi_queued)))
		return true;
	return vcpu->wait_irq && (vcpu->interrupt.pending || vcpu->interrupt.injected ||
				  vmm_apic_has_irq(vcpu) >= 0);
}

/**
 * vmm_vcpu_settle() - INIT and start-up IPIs, and the end of a halt
 * @vcpu: the vCPU of the calling thread
 *
 * Context: process, VMCS loaded; may sleep.
 * Return: true: it can run; false: vmm_vcpu_wait() until it is worth another look.
 */
bool vmm_vcpu_settle(struct vmm_vcpu *vcpu)
{
	vmm_apic_accept_events(vcpu);
	if (vcpu->mp_state == KVM_MP_STATE_HALTED) {
		vmm_pv_eoi_take(vcpu);
		vcpu->wait_irq = vmm_interrupt_allowed(vcpu) || vcpu->interrupt.injected;
		vcpu->wait_nmi = !vmm_nmi_blocked(vcpu);
		if (has_reason(vcpu)) {
			WRITE_ONCE(vcpu->pv.unhalted, false);
			vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		}
	}
	return vcpu->mp_state == KVM_MP_STATE_RUNNABLE;
}

/*
 * Look for a while before the thread goes to sleep: an event that comes at once
 * is cheaper so. How long depends on what that was good for of late, as in KVM.
 * True: there is a reason to go on.
 */
static bool poll_events(struct vmm_vcpu *vcpu, ktime_t start)
{
	ktime_t end = ktime_add_ns(start, vcpu->poll_ns);

	if (!vcpu->poll_ns || !(vcpu->pv.poll & 1))
		return false;
	do {
		if (has_reason(vcpu))
			return true;
		cpu_relax();
	} while (!need_resched() && single_task_running() && !signal_pending(current) &&
		 !vmm_gate_contended(&vcpu->entity) && ktime_before(ktime_get(), end));
	return false;
}

/*
 * @start: of the halt. What counts is when the event came: how long the thread then
 * took to wake is what looking for it would have saved.
 */
static void adapt_poll(struct vmm_vcpu *vcpu, ktime_t start)
{
	u64 max = (u64)READ_ONCE(halt_poll_us) * NSEC_PER_USEC;
	u64 end = READ_ONCE(vcpu->event_ns) ?: ktime_get_ns();
	u64 slept = max_t(s64, end - ktime_to_ns(start), 0);

	if (slept > max)
		vcpu->poll_ns = 0;
	else if (slept > vcpu->poll_ns)
		vcpu->poll_ns = min_t(u64, max, max_t(u64, 2 * vcpu->poll_ns, POLL_START_NS));
}

/* Nobody wants the pCPU: it stays the vCPU's, marked as asleep, and the thread sleeps. */
static int sleep_as_owner(struct vmm_vcpu *vcpu)
{
	int r = 0;

	vmm_gate_exit(&vcpu->entity, VMM_EXIT_HALT);
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (has_reason(vcpu))
			break;
		if (signal_pending(current)) {
			r = -EINTR;
			break;
		}
		if (unlikely(READ_ONCE(vcpu->event_ns))) {
			WRITE_ONCE(vcpu->event_ns, 0);	/* that was no reason; look once more */
			continue;
		}
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	return r;
}

/* Others do: whoever has an event queues the entity, and the thread wakes to its turn. */
static int sleep_at_gate(struct vmm_vcpu *vcpu)
{
	int r = 0;

	while (!r && !has_reason(vcpu)) {
		vmm_pv_at_gate(&vcpu->pv);
		r = vmm_gate_block(&vcpu->entity);
	}
	return r;
}

/**
 * vmm_vcpu_wait() - wait for something that lets the vCPU go on
 * @vcpu: the vCPU of the calling thread; vmm_vcpu_settle() said false
 *
 * Context: process; the VMCS is not loaded; the entity is owner, or was.
 * Return: 0: through the gate again, then settle; -EINTR: the gate has been
 * left, there is no vmm_gate_exit() to be made.
 */
int vmm_vcpu_wait(struct vmm_vcpu *vcpu)
{
	bool contended = vmm_gate_contended(&vcpu->entity);
	ktime_t start = ktime_get();
	int r;

	WRITE_ONCE(vcpu->event_ns, 0);
	if (!contended && poll_events(vcpu, start)) {
		adapt_poll(vcpu, start);
		return 0;
	}
	WRITE_ONCE(vcpu->waiting, contended ? VMM_WAIT_GATE : VMM_WAIT_THREAD);
	smp_mb();	/* the look at the events comes after it */
	r = contended ? sleep_at_gate(vcpu) : sleep_as_owner(vcpu);
	WRITE_ONCE(vcpu->waiting, VMM_WAIT_NOT);
	if (!r)
		adapt_poll(vcpu, start);
	return r;
}

/* --- the guest says that it has nothing to do -------------------------------------- */

struct hint_timer {
	struct hrtimer timer;
	struct vmm_vcpu *vcpu;
};

static enum hrtimer_restart hint_over(struct hrtimer *timer)
{
	struct hint_timer *h = container_of(timer, struct hint_timer, timer);

	WRITE_ONCE(h->vcpu->wait_over, true);
	vmm_vcpu_notify(h->vcpu);
	return HRTIMER_NORESTART;
}

/**
 * vmm_vcpu_wait_hint() - VMX_RUN_WAIT: wait for an interrupt, or for vcpu->wait_ns
 * @vcpu: the vCPU of the calling thread
 *
 * The guest finds in RAX how it ended.
 * Context and return: as vmm_vcpu_wait().
 */
int vmm_vcpu_wait_hint(struct vmm_vcpu *vcpu)
{
	struct hint_timer h = { .vcpu = vcpu };
	int r;

	WRITE_ONCE(vcpu->wait_over, false);
	hrtimer_init_on_stack(&h.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	h.timer.function = hint_over;
	hrtimer_start(&h.timer, ns_to_ktime(vcpu->wait_ns), HRTIMER_MODE_REL_HARD);
	r = vmm_vcpu_wait(vcpu);
	hrtimer_cancel(&h.timer);
	destroy_hrtimer_on_stack(&h.timer);
	vcpu->regs[VMM_RAX] = event_pending(vcpu) ? VMM_FB_DONE : VMM_FB_TIME_OVER;
	vcpu->wait_ns = 0;
	vmm_gate_trace_wait(&vcpu->entity, vcpu->regs[VMM_RAX]);
	return r;
}

/* --- INIT and start-up IPIs ------------------------------------------------------ */

static void start_at(struct vmm_vcpu *vcpu, u8 page)
{
	struct kvm_segment cs;

	vmm_get_segment(vcpu, &cs, VMM_CS);
	cs.selector = page << 8;
	cs.base = page << 12;
	vmm_set_segment(vcpu, &cs, VMM_CS);
	vmm_write_reg(vcpu, VMM_RIP, 0);
}

/**
 * vmm_vcpu_take_init() - INIT arrived: state after it, and wait for the start
 * @vcpu: the vCPU of the calling thread; VMCS loaded
 *
 * The boot processor starts at once.
 */
void vmm_vcpu_take_init(struct vmm_vcpu *vcpu)
{
	vmm_vcpu_init(vcpu);
	vcpu->mp_state = vcpu->apic_base & MSR_IA32_APICBASE_BSP ?
			 KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED;
}

/** vmm_vcpu_take_sipi() - a start-up IPI: only one after INIT counts */
void vmm_vcpu_take_sipi(struct vmm_vcpu *vcpu, u8 page)
{
	if (vcpu->mp_state != KVM_MP_STATE_INIT_RECEIVED)
		return;
	start_at(vcpu, page);
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}
