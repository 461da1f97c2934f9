// SPDX-License-Identifier: GPL-2.0
/*
 * The timer of a local APIC: one-shot, periodic, TSC deadline.
 *
 * Design: one hard hrtimer. Its callback delivers the interrupt itself, like
 * anybody else who sends one. It is pinned: the vCPU's thread is, while it
 * owns a pCPU, so the interrupt that ends the guest's run is the timer's own
 * and no IPI is needed. A count in the past (a deadline that is over) never
 * gets to the hrtimer.
 *
 * Locking: the vCPU's thread writes all of it. It stops the hrtimer first, and
 * stopping waits for a callback under way, so the two never meet.
 *
 * Limits: the bus clock is 1 GHz. Periods below 200 us are stretched to that.
 */
#include <linux/ktime.h>
#include <asm/tsc.h>
#include "irq/lapic.h"

static bool deadline_mode(const struct vmm_apic *apic)
{
	return apic->timer_mode == APIC_LVT_TIMER_TSCDEADLINE;
}

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	struct vmm_apic *apic = container_of(timer, struct vmm_apic, timer);

	if (deadline_mode(apic))
		WRITE_ONCE(apic->tsc_deadline, 0);
	lapic_local(apic, APIC_LVTT);
	if (apic->timer_mode != APIC_LVT_TIMER_PERIODIC || !apic->period)
		return HRTIMER_NORESTART;
	/* What was missed while the host was busy is one interrupt. */
	hrtimer_forward_now(timer, ns_to_ktime(apic->period));
	WRITE_ONCE(apic->expires, hrtimer_get_expires(timer));
	return HRTIMER_RESTART;
}

/** lapic_timer_init() - the APIC comes into being */
void lapic_timer_init(struct vmm_apic *apic)
{
	hrtimer_init(&apic->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	apic->timer.function = expired;
}

/** lapic_timer_stop() - no interrupt comes any more; waits for one under way */
void lapic_timer_stop(struct vmm_apic *apic)
{
	hrtimer_cancel(&apic->timer);
}

static void start_at(struct vmm_apic *apic, ktime_t when, ktime_t now)
{
	if (when <= now && apic->timer_mode != APIC_LVT_TIMER_PERIODIC) {
		if (deadline_mode(apic))
			apic->tsc_deadline = 0;
		lapic_local(apic, APIC_LVTT);
		return;
	}
	hrtimer_start(&apic->timer, when, HRTIMER_MODE_ABS_PINNED_HARD);
}

static void start_deadline(struct vmm_apic *apic)
{
	struct vmm_vcpu *vcpu = apic->vcpu;
	ktime_t now;
	u64 tsc, ns;

	if (!apic->tsc_deadline)
		return;
	now = ktime_get();
	tsc = vmm_guest_tsc(vcpu, rdtsc());
	ns = lapic_deadline_ns(apic->tsc_deadline, tsc, vcpu->tsc_khz);
	start_at(apic, ktime_add_ns(now, ns), now);
}

static void start_count(struct vmm_apic *apic, u64 left)
{
	ktime_t now = ktime_get();

	apic->expires = ktime_add_ns(now, left);
	start_at(apic, apic->expires, now);
}

/* Period of the count in TMICT, not shorter than the host can bear. */
static void set_period(struct vmm_apic *apic)
{
	u32 count = lapic_reg(apic->regs, APIC_TMICT);
	u64 ns = lapic_count_ns(count, lapic_reg(apic->regs, APIC_TDCR));

	if (apic->timer_mode == APIC_LVT_TIMER_PERIODIC && ns && ns < LAPIC_MIN_PERIOD_NS)
		ns = LAPIC_MIN_PERIOD_NS;
	apic->period = ns;
}

/** lapic_timer_count() - the guest writes the initial count; 0 stops the timer */
void lapic_timer_count(struct vmm_apic *apic, u32 count)
{
	if (deadline_mode(apic))
		return;
	lapic_timer_stop(apic);
	lapic_set_reg(apic->regs, APIC_TMICT, count);
	set_period(apic);
	if (apic->period)
		start_count(apic, apic->period);
}

/** lapic_timer_divide() - the guest changes the rate; the present count goes on at it */
void lapic_timer_divide(struct vmm_apic *apic, u32 tdcr)
{
	u32 old = lapic_reg(apic->regs, APIC_TDCR), left;

	if (old == tdcr)
		return;
	left = lapic_timer_current(apic);
	lapic_set_reg(apic->regs, APIC_TDCR, tdcr);
	if (deadline_mode(apic) || !apic->period)
		return;
	lapic_timer_stop(apic);
	set_period(apic);
	if (left)
		start_count(apic, min(lapic_count_ns(left, tdcr), apic->period));
}

/**
 * lapic_timer_mode() - LVTT changed
 * @apic: the APIC; the caller is its thread
 *
 * Between one-shot and periodic the count goes on; to and from the deadline
 * the timer stops.
 */
void lapic_timer_mode(struct vmm_apic *apic)
{
	u32 mode = lapic_reg(apic->regs, APIC_LVTT) & LAPIC_TIMER_MODES;

	if (mode == apic->timer_mode)
		return;
	if (deadline_mode(apic) || mode == APIC_LVT_TIMER_TSCDEADLINE) {
		lapic_timer_stop(apic);
		lapic_set_reg(apic->regs, APIC_TMICT, 0);
		apic->period = 0;
		apic->tsc_deadline = 0;
	}
	apic->timer_mode = mode;
	if (mode == APIC_LVT_TIMER_PERIODIC)
		set_period(apic);
}

/** lapic_timer_current() - the current count. Any context. */
u32 lapic_timer_current(struct vmm_apic *apic)
{
	u64 period = READ_ONCE(apic->period);
	s64 expires, now;

	if (deadline_mode(apic) || !period)
		return 0;
	now = ktime_get();
	expires = READ_ONCE(apic->expires);
	/* The callback is about to move it on. */
	if (apic->timer_mode == APIC_LVT_TIMER_PERIODIC && expires <= now)
		expires += period;
	return lapic_current_count(expires, now, period, lapic_reg(apic->regs, APIC_TDCR));
}

/** lapic_timer_deadline() - write of IA32_TSC_DEADLINE. Any context but NMI. */
void lapic_timer_deadline(struct vmm_apic *apic, u64 deadline)
{
	if (!deadline_mode(apic))
		return;
	/* A guest arms a timer that has just gone off: nothing to stop. */
	if (apic->tsc_deadline)
		lapic_timer_stop(apic);
	apic->tsc_deadline = deadline;
	start_deadline(apic);
}

/** vmm_apic_tsc_moved() - the guest's TSC has another value or rate: a deadline comes elsewhen */
void vmm_apic_tsc_moved(struct vmm_vcpu *vcpu)
{
	struct vmm_apic *apic = vcpu->apic;

	if (!apic || !deadline_mode(apic) || !READ_ONCE(apic->tsc_deadline))
		return;
	lapic_timer_stop(apic);
	start_deadline(apic);
}

/**
 * lapic_timer_restore() - go on after KVM_SET_LAPIC
 * @apic: the APIC, its timer stopped, its registers set
 * @current_count: where the count stood
 */
void lapic_timer_restore(struct vmm_apic *apic, u32 current_count)
{
	u32 tdcr;
	u64 left;

	apic->timer_mode = lapic_reg(apic->regs, APIC_LVTT) & LAPIC_TIMER_MODES;
	if (deadline_mode(apic)) {
		apic->period = 0;
		start_deadline(apic);
		return;
	}
	apic->tsc_deadline = 0;
	tdcr = lapic_reg(apic->regs, APIC_TDCR) & 0xb;
	lapic_set_reg(apic->regs, APIC_TDCR, tdcr);
	set_period(apic);
	if (!apic->period)
		return;
	left = min(lapic_count_ns(current_count, tdcr), apic->period);
	if (!left && apic->timer_mode == APIC_LVT_TIMER_PERIODIC)
		left = apic->period;
	if (left)
		start_count(apic, left);
	else
		apic->expires = 0;	/* a one-shot that went off before it was saved */
}

/** lapic_timer_reset() - registers of the timer after RESET or INIT; it is stopped */
void lapic_timer_reset(struct vmm_apic *apic)
{
	lapic_set_reg(apic->regs, APIC_TMICT, 0);
	lapic_set_reg(apic->regs, APIC_TDCR, 0);
	apic->timer_mode = APIC_LVT_TIMER_ONESHOT;
	apic->period = 0;
	apic->tsc_deadline = 0;
}
