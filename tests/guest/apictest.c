// SPDX-License-Identifier: GPL-2.0
/*
 * apictest - the local APIC inside the kernel, one promise each
 *
 * Guests do what lists say (apic.h), as an xAPIC and as an x2APIC. KTAP, at the end
 * "N passed, N failed, N skipped". Each test runs in a process of its own with a time
 * limit. Runs on any KVM: what it expects is the manual and the ABI, not us.
 */
#define _GNU_SOURCE
#include <asm/kvm_para.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apicbox.h"

/* --- state -------------------------------------------------------------------------- */

static uint32_t reg(const struct kvm_lapic_state *s, unsigned int at)
{
	uint32_t val;

	memcpy(&val, s->regs + at, sizeof(val));
	return val;
}

static int test_reset_values(void)
{
	static const struct {
		unsigned int at;
		uint32_t value;
	} want[] = {
		{ LVR, 0x50014 }, { SVR, 0xff }, { TPR, 0 }, { LVTT, 0x10000 }, { LDR, 0 },
		{ LVTERR, 0x10000 }, { TMICT, 0 }, { TDCR, 0 }, { IRR, 0 }, { ISR, 0 },
		{ 0xe0, 0xffffffff },
	};
	struct kvm_lapic_state s;
	struct kvm_sregs sregs;
	unsigned int i, cpu;
	struct box b;

	open_vm(&b, KERNEL);
	for (cpu = 0; cpu < 2; cpu++) {
		open_vcpu(&b, cpu);
		must(b.vcpu[cpu].fd, "KVM_GET_LAPIC", KVM_GET_LAPIC, &s);
		must(b.vcpu[cpu].fd, "KVM_GET_SREGS", KVM_GET_SREGS, &sregs);
		for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
			if (reg(&s, want[i].at) != want[i].value)
				return ktap_fail("register %#x is %#x", want[i].at, reg(&s, want[i].at));
		if (reg(&s, ID) != cpu << 24 || reg(&s, LVT0) != (cpu ? 0x10000 : 0x700))
			return ktap_fail("id %#x, LINT0 %#x", reg(&s, ID), reg(&s, LVT0));
		if (sregs.apic_base != (cpu ? 0xfee00800 : 0xfee00900))
			return ktap_fail("APIC base %#llx", sregs.apic_base);
		if (get_mp_state(&b, cpu) != (cpu ? KVM_MP_STATE_UNINITIALIZED :
					      KVM_MP_STATE_RUNNABLE))
			return ktap_fail("run state %u", get_mp_state(&b, cpu));
	}
	return KTAP_PASS;
}

static int test_save_restore(void)
{
	struct kvm_lapic_state s, zero = { };
	struct kvm_vcpu_events ev;
	struct apic_op *left;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_CLI, 0, 0);
	op(&b, 0, A_WRITE, LVTT, 0x41 | PERIODIC);
	op(&b, 0, A_WRITE, TMICT, 50 * MS);
	op(&b, 0, A_ICR, 0, 0x61 | TO_SELF | ASSERT);
	op(&b, 0, A_WRITE, TPR, 0x20);
	op(&b, 0, A_OUT, PORT_TEST, 0);
	left = op(&b, 0, A_READ, TMCCT, 0);
	op(&b, 0, A_WAIT, 0x61, 1);
	op(&b, 0, A_WAIT, 0x41, 2);
	if (serve(&b, 0) != 2)
		return ktap_fail("no stop");
	must(b.vcpu[0].fd, "KVM_GET_LAPIC", KVM_GET_LAPIC, &s);
	if (!(reg(&s, IRR + 0x30) & 1u << 1) || reg(&s, TPR) != 0x20)
		return ktap_fail("IRR %#x, TPR %#x", reg(&s, IRR + 0x30), reg(&s, TPR));
	if (!reg(&s, TMCCT) || reg(&s, TMCCT) > 50 * MS)
		return ktap_fail("count %u", reg(&s, TMCCT));
	must(b.vcpu[0].fd, "KVM_GET_VCPU_EVENTS", KVM_GET_VCPU_EVENTS, &ev);
	must(b.vcpu[0].fd, "KVM_SET_LAPIC", KVM_SET_LAPIC, &zero);
	nap(120);
	must(b.vcpu[0].fd, "KVM_SET_LAPIC", KVM_SET_LAPIC, &s);
	must(b.vcpu[0].fd, "KVM_SET_VCPU_EVENTS", KVM_SET_VCPU_EVENTS, &ev);
	if (finish(&b, 1))
		return KTAP_FAIL;
	if (!left->value || left->value > reg(&s, TMCCT))
		return ktap_fail("count %u became %llu", reg(&s, TMCCT), left->value);
	return irqs(&b, 0, 0x61) == 1 ? KTAP_PASS : ktap_fail("%u IPIs", irqs(&b, 0, 0x61));
}

static int test_mp_state_of_a_halted_vcpu(void)
{
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WAIT, 0x61, 1);
	start(&b, 0);
	nap(50);
	if (stop(&b, 0))
		return KTAP_FAIL;
	if (get_mp_state(&b, 0) != KVM_MP_STATE_HALTED)
		return ktap_fail("run state %u", get_mp_state(&b, 0));
	start(&b, 0);
	nap(50);
	if (stop(&b, 0) || get_mp_state(&b, 0) != KVM_MP_STATE_HALTED)
		return ktap_fail("second time: run state %u", get_mp_state(&b, 0));
	return KTAP_PASS;
}

static int test_refusals(void)
{
	struct kvm_mp_state mp = { .mp_state = 77 };
	struct kvm_interrupt irq = { .irq = 0x40 };
	struct kvm_lapic_state s;
	struct kvm_vapic_addr va = { .vapic_addr = 0xfffffffff000ull };
	struct kvm_sregs sregs;
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	struct box b;

	open_box(&b, KERNEL, 1);
	if (!ioctl(b.vcpu[0].fd, KVM_INTERRUPT, &irq) || errno != ENXIO)
		return ktap_fail("KVM_INTERRUPT beside an 8259: %s", strerror(errno));
	if (!ioctl(b.vcpu[0].fd, KVM_SET_MP_STATE, &mp) || errno != EINVAL)
		return ktap_fail("run state 77: %s", strerror(errno));
	if (!ioctl(b.vcpu[0].fd, KVM_SET_VAPIC_ADDR, &va) || errno != EINVAL)
		return ktap_fail("address without memory: %s", strerror(errno));
	must(b.vcpu[0].fd, "KVM_GET_SREGS", KVM_GET_SREGS, &sregs);
	sregs.apic_base = 0xfee00400;
	if (!ioctl(b.vcpu[0].fd, KVM_SET_SREGS, &sregs) || errno != EINVAL)
		return ktap_fail("x2APIC without APIC: %s", strerror(errno));
	sregs.apic_base = 0xfee00801;
	if (!ioctl(b.vcpu[0].fd, KVM_SET_SREGS, &sregs) || errno != EINVAL)
		return ktap_fail("reserved bit of the APIC base: %s", strerror(errno));
	if (!ioctl(b.vm.fd, KVM_CREATE_IRQCHIP, 0) || errno != EEXIST)
		return ktap_fail("second KVM_CREATE_IRQCHIP: %s", strerror(errno));

	if (kvmc_vm_create(&vm, b.vm.dev, MEM_BYTES, KVMC_MEM_SMALL) ||
	    kvmc_vcpu_create(&vcpu, &vm, 0))
		die("no VM");
	if (!ioctl(vcpu.fd, KVM_GET_LAPIC, &s) || errno != EINVAL)
		return ktap_fail("KVM_GET_LAPIC without: %s", strerror(errno));
	mp.mp_state = KVM_MP_STATE_HALTED;
	if (!ioctl(vcpu.fd, KVM_SET_MP_STATE, &mp) || errno != EINVAL)
		return ktap_fail("halted without: %s", strerror(errno));
	return KTAP_PASS;
}

/* Whatever is in the page, nothing but the guest suffers. */
static int test_random_state(void)
{
	struct kvm_lapic_state s;
	unsigned int i, j;
	struct box b;

	srand(1);
	open_box(&b, KERNEL, 2);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_DELAY, 0, b.khz * 3600000);
	for (i = 0; i < 100; i++) {
		for (j = 0; j < sizeof(s.regs); j++)
			s.regs[j] = rand() >> 8;
		s.regs[TMICT + 3] |= 1;		/* a storm of the timer's is another matter */
		ioctl(b.vcpu[0].fd, KVM_SET_LAPIC, &s);
		ioctl(b.vcpu[0].fd, KVM_GET_LAPIC, &s);
		set_mp_state(&b, 0, KVM_MP_STATE_RUNNABLE);
		start(&b, 0);
		nap(2);
		b.vcpu[0].run->immediate_exit = 1;
		pthread_kill(b.thread[0], SIGUSR1);
		pthread_join(b.thread[0], NULL);
		b.vcpu[0].run->immediate_exit = 0;
	}
	return KTAP_PASS;
}

/* --- timer -------------------------------------------------------------------------- */

static int in_time(struct box *b, struct apic_op *from, struct apic_op *to, unsigned int ms)
{
	uint64_t took = to->value - from->value;

	/* Late is the host's right; early is wrong (and 1% is the clocks'). */
	return took >= ms * b->khz * 99 / 100 && took < (ms + 500) * b->khz ? 0 :
	       ktap_fail("%u ms took %llu ticks of %llu kHz", ms, (unsigned long long)took,
		    (unsigned long long)b->khz);
}

static int test_oneshot(void)
{
	struct apic_op *t0, *t1, *count, *once, *zero;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, LVTT, 0x41);
	t0 = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_WRITE, TMICT, 10 * MS);
	count = op(&b, 0, A_READ, TMCCT, 0);
	op(&b, 0, A_WAIT, 0x41, 1);
	t1 = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_DELAY, 0, b.khz * 30);
	once = op(&b, 0, A_LOOK, 0x41, 0);
	zero = op(&b, 0, A_READ, TMCCT, 0);
	if (finish(&b, 1) || in_time(&b, t0, t1, 10))
		return KTAP_FAIL;
	if (!count->value || count->value > 10 * MS || zero->value)
		return ktap_fail("count %llu, at the end %llu", count->value, zero->value);
	return once->value == 1 ? KTAP_PASS : ktap_fail("%llu interrupts", once->value);
}

static int test_periodic(void)
{
	struct apic_op *t0, *t1, *before, *after;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, LVTT, 0x41 | PERIODIC);
	t0 = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_WRITE, TMICT, 2 * MS);
	op(&b, 0, A_WAIT, 0x41, 10);
	t1 = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_WRITE, TMICT, 0);
	op(&b, 0, A_STI, 0, 0);
	before = op(&b, 0, A_LOOK, 0x41, 0);
	op(&b, 0, A_DELAY, 0, b.khz * 10);
	after = op(&b, 0, A_LOOK, 0x41, 0);
	if (finish(&b, 1) || in_time(&b, t0, t1, 20))
		return KTAP_FAIL;
	return before->value == after->value ? KTAP_PASS : ktap_fail("it did not stop");
}

static int test_divide(void)
{
	struct apic_op *t0, *t1;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, LVTT, 0x41);
	op(&b, 0, A_WRITE, TDCR, 0x9);	/* by 32 */
	t0 = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_WRITE, TMICT, 10 * MS / 32);
	op(&b, 0, A_WAIT, 0x41, 1);
	t1 = op(&b, 0, A_TICKS, 0, 0);
	return finish(&b, 1) || in_time(&b, t0, t1, 10);
}

static int test_deadline(void)
{
	struct apic_op *t0, *t1, *armed, *done;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, LVTT, 0x41 | DEADLINE);
	t0 = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_DEADLINE, 0, b.khz * 10);
	armed = op(&b, 0, A_RDMSR, MSR_DEADLINE, 0);
	op(&b, 0, A_WAIT, 0x41, 1);
	t1 = op(&b, 0, A_TICKS, 0, 0);
	done = op(&b, 0, A_RDMSR, MSR_DEADLINE, 0);
	/* one that is over, one that is taken back, and one that replaces another */
	op(&b, 0, A_WRMSR, MSR_DEADLINE, 1);
	op(&b, 0, A_WAIT, 0x41, 2);
	op(&b, 0, A_DEADLINE, 0, b.khz * 5);
	op(&b, 0, A_WRMSR, MSR_DEADLINE, 0);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_DELAY, 0, b.khz * 20);
	op(&b, 0, A_DEADLINE, 0, b.khz * 1000000);
	op(&b, 0, A_DEADLINE, 0, b.khz * 5);
	op(&b, 0, A_WAIT, 0x41, 3);
	if (finish(&b, 1) || in_time(&b, t0, t1, 10))
		return KTAP_FAIL;
	if (armed->value != t0->value && armed->value < t0->value + b.khz * 10)
		return ktap_fail("armed for %llu at %llu", armed->value, t0->value);
	if (done->value || irqs(&b, 0, 0x41) != 3)
		return ktap_fail("%llx left, %u interrupts", done->value, irqs(&b, 0, 0x41));
	return KTAP_PASS;
}

static int test_masked_timer(void)
{
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, LVTT, 0x41 | PERIODIC | 0x10000);
	op(&b, 0, A_WRITE, TMICT, MS);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_DELAY, 0, b.khz * 10);
	if (finish(&b, 1))
		return KTAP_FAIL;
	return irqs(&b, 0, 0x41) ? ktap_fail("%u interrupts", irqs(&b, 0, 0x41)) : KTAP_PASS;
}

/* --- priorities ---------------------------------------------------------------------- */

static void self(struct box *b, unsigned int vector)
{
	op(b, 0, A_ICR, 0, vector | TO_SELF | ASSERT);
}

static int test_order(void)
{
	static const unsigned char want[] = { 0xf1, 0x91, 0x71, 0x51 };
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_CLI, 0, 0);
	self(&b, 0x51);
	self(&b, 0xf1);
	self(&b, 0x91);
	self(&b, 0x71);
	self(&b, 0x71);
	op(&b, 0, A_STI, 0, 0);
	return finish(&b, 1) ? KTAP_FAIL : log_is(&b, 0, want, sizeof(want));
}

static int test_task_priority(void)
{
	struct apic_op *held, *passed, *freed, *cr8, *tpr, *held8, *freed8;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, TPR, 0x60);
	op(&b, 0, A_STI, 0, 0);
	self(&b, 0x51);
	self(&b, 0x71);
	held = op(&b, 0, A_LOOK, 0x51, 0);
	passed = op(&b, 0, A_LOOK, 0x71, 0);
	op(&b, 0, A_WRITE, TPR, 0x4f);
	freed = op(&b, 0, A_LOOK, 0x51, 0);
	op(&b, 0, A_CR8, 0, 6);
	cr8 = op(&b, 0, A_RDCR8, 0, 0);
	tpr = op(&b, 0, A_READ, TPR, 0);
	self(&b, 0x51);
	held8 = op(&b, 0, A_LOOK, 0x51, 0);
	op(&b, 0, A_CR8, 0, 0);
	freed8 = op(&b, 0, A_LOOK, 0x51, 0);
	if (finish(&b, 1))
		return KTAP_FAIL;
	if (held->value || passed->value != 1 || freed->value != 1)
		return ktap_fail("TPR: %llu %llu %llu", held->value, passed->value, freed->value);
	if (cr8->value != 6 || tpr->value != 0x60)
		return ktap_fail("CR8 %llu, TPR %#llx", cr8->value, tpr->value);
	return held8->value == 1 && freed8->value == 2 ? KTAP_PASS :
	       ktap_fail("CR8: %llu %llu", held8->value, freed8->value);
}

static int test_in_service(void)
{
	static const unsigned char want[] = { 0x51, 0x91, 0x61, 0x52 };
	struct apic_op *isr, *ppr, *held;
	struct box b;

	open_box(&b, KERNEL, 1);
	state(&b, 0)->eoi = 0;
	op(&b, 0, A_STI, 0, 0);
	self(&b, 0x51);
	self(&b, 0x52);		/* of the same class: has to wait */
	self(&b, 0x91);		/* of a higher one: interrupts the first */
	self(&b, 0x61);
	isr = op(&b, 0, A_READ, ISR + 0x20, 0);
	ppr = op(&b, 0, A_READ, PPR, 0);
	held = op(&b, 0, A_LOOK, 0x61, 0);
	op(&b, 0, A_WRITE, EOI, 0);	/* 91: 61 comes */
	op(&b, 0, A_WRITE, EOI, 0);	/* 61 */
	op(&b, 0, A_WRITE, EOI, 0);	/* 51: 52 comes */
	op(&b, 0, A_WRITE, EOI, 0);
	op(&b, 0, A_WRITE, EOI, 0);	/* nothing is in service: nothing happens */
	if (finish(&b, 1))
		return KTAP_FAIL;
	if (isr->value != 1u << 17 || ppr->value != 0x90 || held->value)
		return ktap_fail("ISR %#llx, PPR %#llx, %llu", isr->value, ppr->value, held->value);
	return log_is(&b, 0, want, sizeof(want));
}

/* The end of an interrupt by a flag in memory: offered when nothing else depends on it. */
static int test_pv_eoi(void)
{
	static const unsigned char want[] = { 0x51, 0x71, 0x61, 0x52, 0x41, 0x42 };
	struct apic_op *isr, *after;
	struct apic_state *s;
	struct box b;

	open_box(&b, KERNEL, 1);
	s = state(&b, 0);
	op(&b, 0, A_WRMSR, MSR_KVM_PV_EOI_EN,
	   (APIC_STATE_GPA(0) + offsetof(struct apic_state, flag)) | KVM_MSR_ENABLED);
	op(&b, 0, A_STI, 0, 0);
	self(&b, 0x51);			/* 1: offered and taken */
	op(&b, 0, A_CLI, 0, 0);
	self(&b, 0x61);
	self(&b, 0x71);			/* 0: one waits behind it */
	op(&b, 0, A_STI, 0, 0);		/* 1: the 61 is the last */
	op(&b, 0, A_OUT, PORT_TEST, 0);
	/* What is offered and not taken is seen by the APIC, and ended there. */
	self(&b, 0x52);
	isr = op(&b, 0, A_READ, ISR + 0x20, 0);
	op(&b, 0, A_WRITE, EOI, 0);
	after = op(&b, 0, A_READ, ISR + 0x20, 0);
	self(&b, 0x41);			/* lower: comes, as nothing is in service */
	op(&b, 0, A_WRITE, EOI, 0);
	op(&b, 0, A_WRMSR, MSR_KVM_PV_EOI_EN, 0);
	self(&b, 0x42);			/* 0: not offered any more */
	if (serve(&b, 0) != 2)
		return ktap_fail("no stop");
	if (s->quiet != 2)
		return ktap_fail("%u of 3 ended by the flag, not 2", s->quiet);
	s->eoi = 0;
	if (finish(&b, 1))
		return KTAP_FAIL;
	if (s->quiet != 2 || s->flag || isr->value != 1u << 18 || after->value)
		return ktap_fail("%u by the flag, flag %u, ISR %#llx, then %#llx", s->quiet,
				 s->flag, isr->value, after->value);
	return log_is(&b, 0, want, sizeof(want));
}

static int test_disabled(void)
{
	struct apic_op *lvt;
	struct box b;

	open_box(&b, KERNEL, 1);
	op(&b, 0, A_WRITE, LVTT, 0x41);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_WRITE, SVR, 0xff);
	self(&b, 0x51);
	lvt = op(&b, 0, A_READ, LVTT, 0);
	op(&b, 0, A_WRITE, SVR, ENABLED);
	op(&b, 0, A_DELAY, 0, b.khz);
	if (finish(&b, 1))
		return KTAP_FAIL;
	return lvt->value == 0x10041 && !state(&b, 0)->nlog ? KTAP_PASS :
	       ktap_fail("LVTT %#llx, %u interrupts", lvt->value, state(&b, 0)->nlog);
}

/* --- between vCPUs --------------------------------------------------------------------- */

/* The second says that it is there: an APIC that is off takes nothing. */
static void await_other(struct box *b)
{
	op(b, 1, A_DELAY, 0, b->khz * 20);
	op(b, 1, A_ICR, 0, 0x60 | ASSERT);
	op(b, 0, A_WAIT, 0x60, 1);
}

static int test_ping_pong(void)
{
	const unsigned int rounds = 60;
	unsigned int i;
	struct box b;

	open_box(&b, KERNEL, 2);
	state(&b, 1)->answer = 0x61;
	await_other(&b);
	for (i = 1; i <= rounds; i++) {
		op(&b, 0, A_ICR, 1, 0x61 | ASSERT);
		op(&b, 0, i % 3 ? A_WAIT : A_SPIN, 0x61, i);
	}
	op(&b, 1, A_WAIT, 0x61, rounds);
	op(&b, 1, A_STI, 0, 0);
	if (finish(&b, 2))
		return KTAP_FAIL;
	return irqs(&b, 0, 0x61) == rounds && irqs(&b, 1, 0x61) == rounds ? KTAP_PASS :
	       ktap_fail("%u and %u of %u", irqs(&b, 0, 0x61), irqs(&b, 1, 0x61), rounds);
}

static int test_destinations(void)
{
	unsigned int i, cpu;
	struct box b;

	open_box(&b, KERNEL, 2);
	for (cpu = 0; cpu < 2; cpu++)
		if (!x2apic)
			op(&b, cpu, A_WRITE, LDR, 0x01000000u << cpu);
	await_other(&b);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_ICR, 0, 0x61 | TO_OTHERS | ASSERT);
	op(&b, 0, A_ICR, 0, 0x62 | TO_ALL | ASSERT);
	op(&b, 0, A_ICR, x2apic ? 0xffffffff : 0xff, 0x63 | ASSERT);
	op(&b, 0, A_ICR, 3, 0x64 | LOGICAL | ASSERT);
	op(&b, 0, A_ICR, 2, 0x65 | LOGICAL | ASSERT);
	op(&b, 0, A_ICR, 1, 0x66 | LOGICAL | ASSERT);
	op(&b, 0, A_ICR, 1, 0x67 | ASSERT);
	op(&b, 0, A_ICR, 0, 0x68 | ASSERT);
	op(&b, 0, A_ICR, 77, 0x69 | ASSERT);
	op(&b, 0, A_ICR, 0x40, 0x6a | LOGICAL | ASSERT);
	op(&b, 0, A_ICR, 1, 0x6b | ASSERT);
	op(&b, 1, A_WAIT, 0x6b, 1);
	op(&b, 0, A_DELAY, 0, b.khz);
	if (finish(&b, 2))
		return KTAP_FAIL;
	for (i = 0x61; i <= 0x6b; i++) {
		/* 61 62 63 64 65 66 67 68 69 6a 6b */
		static const char mine[] = "01110101000", his[] = "11111010001";

		if (irqs(&b, 0, i) != (unsigned int)(mine[i - 0x61] - '0') ||
		    irqs(&b, 1, i) != (unsigned int)(his[i - 0x61] - '0'))
			return ktap_fail("vector %#x: %u and %u", i, irqs(&b, 0, i), irqs(&b, 1, i));
	}
	return KTAP_PASS;
}

static int test_lowest_priority(void)
{
	unsigned int i, cpu;
	struct box b;

	open_box(&b, KERNEL, 2);
	for (cpu = 0; cpu < 2; cpu++)
		if (!x2apic)
			op(&b, cpu, A_WRITE, LDR, 0x01000000u << cpu);
	await_other(&b);
	op(&b, 0, A_STI, 0, 0);
	for (i = 0; i < 20; i++)
		op(&b, 0, A_ICR, 3, (0x70 + i) | LOGICAL | LOWEST | ASSERT);
	op(&b, 0, A_ICR, 1, 0xa0 | ASSERT);
	op(&b, 1, A_WAIT, 0xa0, 1);
	op(&b, 0, A_DELAY, 0, b.khz);
	if (finish(&b, 2))
		return KTAP_FAIL;
	for (i = 0x70; i < 0x84; i++)
		if (irqs(&b, 0, i) + irqs(&b, 1, i) != 1)
			return ktap_fail("vector %#x: %u and %u", i, irqs(&b, 0, i), irqs(&b, 1, i));
	return KTAP_PASS;
}

static int test_nmi(void)
{
	struct box b;

	open_box(&b, KERNEL, 2);
	op(&b, 0, A_DELAY, 0, b.khz * 10);
	op(&b, 0, A_ICR, 1, NMI | ASSERT);
	op(&b, 1, A_WRITE, TPR, 0xff);	/* which an NMI does not care about */
	op(&b, 1, A_WAIT, 2, 1);
	if (finish(&b, 2))
		return KTAP_FAIL;
	return irqs(&b, 1, 2) == 1 && !irqs(&b, 0, 2) ? KTAP_PASS :
	       ktap_fail("%u and %u", irqs(&b, 0, 2), irqs(&b, 1, 2));
}

static int test_init_sipi(void)
{
	struct box b;
	int i;

	open_vm(&b, KERNEL);
	open_vcpu(&b, 0);
	open_vcpu(&b, 1);
	ready(&b, 0);
	memcpy(b.vm.mem + TRAMPOLINE, payload16_start, payload16_end - payload16_start);
	op(&b, 0, A_ICR, 1, SIPI | TRAMPOLINE >> 12);	/* too early: nobody listens */
	op(&b, 0, A_DELAY, 0, b.khz * 10);
	op(&b, 0, A_ICR, 1, INIT);
	op(&b, 0, A_ICR, 1, 0x8500);			/* de-assert: ignored */
	op(&b, 0, A_DELAY, 0, b.khz * 10);
	op(&b, 0, A_ICR, 1, SIPI | TRAMPOLINE >> 12);
	start(&b, 1);
	if (finish(&b, 1))
		return KTAP_FAIL;
	for (i = 0; i < 2000 && !b.line[0]; i++)
		nap(1);
	nap(10);
	if (stop(&b, 1))
		return KTAP_FAIL;
	if (strcmp(b.line, "real 16"))
		return ktap_fail("it said '%s'", b.line);
	return get_mp_state(&b, 1) == KVM_MP_STATE_HALTED ? KTAP_PASS :
	       ktap_fail("run state %u", get_mp_state(&b, 1));
}

/* --- from outside ---------------------------------------------------------------------- */

static int msi(struct box *b, unsigned int dest, uint32_t data)
{
	struct kvm_msi m = { .address_lo = 0xfee00000 | dest << 12, .data = data };

	return ioctl(b->vm.fd, KVM_SIGNAL_MSI, &m);
}

static int test_msi_wakes(void)
{
	const unsigned int n = 30;
	unsigned int i, tries;
	struct box b;

	open_box(&b, SPLIT, 1);
	for (i = 1; i <= n; i++)
		op(&b, 0, A_WAIT, 0x61, i);
	start(&b, 0);
	nap(20);
	for (i = 1; i <= n; i++) {
		if (msi(&b, 0, 0x61) != 1)
			return ktap_fail("MSI %u was not taken", i);
		for (tries = 0; tries < 2000 && irqs(&b, 0, 0x61) < i; tries++)
			nap(1);
		if (irqs(&b, 0, 0x61) != i)
			return ktap_fail("%u of %u arrived", irqs(&b, 0, 0x61), i);
	}
	pthread_join(b.thread[0], NULL);
	if (msi(&b, 9, 0x61) > 0)
		return ktap_fail("an MSI to nobody was taken");
	return b.result[0] == 1 ? KTAP_PASS : ktap_fail("ended with %d", b.result[0]);
}

static int test_eoi_exit(void)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} r = {
		.head.nr = 2,
		.entry[0] = { .gsi = 5, .type = KVM_IRQ_ROUTING_MSI,
			      .u.msi = { .address_lo = 0xfee00000, .data = 0xc061 } },
		.entry[1] = { .gsi = 6, .type = KVM_IRQ_ROUTING_MSI,
			      .u.msi = { .address_lo = 0xfee00000, .data = 0x71 } },
	};
	struct kvm_irq_level line = { .irq = 6, .level = 1 };
	struct box b;
	int ret;

	open_box(&b, SPLIT, 1);
	op(&b, 0, A_OUT, PORT_TEST, 0);
	op(&b, 0, A_WAIT, 0x71, 1);
	op(&b, 0, A_WAIT, 0x61, 1);
	must(b.vm.fd, "KVM_SET_GSI_ROUTING", KVM_SET_GSI_ROUTING, &r);
	if (serve(&b, 0) != 2)
		return ktap_fail("no stop");
	must(b.vm.fd, "KVM_IRQ_LINE", KVM_IRQ_LINE, &line);
	line.irq = 5;
	must(b.vm.fd, "KVM_IRQ_LINE", KVM_IRQ_LINE, &line);
	ret = kvmc_run(&b.vcpu[0]);
	if (ret != KVM_EXIT_IOAPIC_EOI || b.vcpu[0].run->eoi.vector != 0x61)
		return ktap_fail("exit %d, vector %#x", ret, b.vcpu[0].run->eoi.vector);
	return finish(&b, 1);
}

static int test_extint(void)
{
	struct kvm_interrupt irq = { .irq = 0x35 };
	struct box b;

	open_box(&b, SPLIT, 1);
	state(&b, 0)->eoi = 0;	/* the local APIC has nothing of it in service */
	op(&b, 0, A_WRITE, LVT0, 0x700);
	op(&b, 0, A_WRITE, TPR, 0xff);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_OUT, PORT_TEST, 0);
	op(&b, 0, A_WAIT, 0x35, 1);
	op(&b, 0, A_WRITE, LVT0, 0x10700);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_OUT, PORT_TEST, 0);
	if (serve(&b, 0) != 2 || !b.vcpu[0].run->ready_for_interrupt_injection)
		return ktap_fail("not ready");
	must(b.vcpu[0].fd, "KVM_INTERRUPT", KVM_INTERRUPT, &irq);
	if (!ioctl(b.vcpu[0].fd, KVM_INTERRUPT, &irq) || errno != EEXIST)
		return ktap_fail("a second one: %s", strerror(errno));
	if (serve(&b, 0) != 2 || b.vcpu[0].run->ready_for_interrupt_injection)
		return ktap_fail("ready although LINT0 is masked");
	return finish(&b, 1);
}

static int test_base_moves(void)
{
	struct apic_op *there, *lvr;
	struct box b;

	open_box(&b, KERNEL, 1);
	if (x2apic)
		return KTAP_SKIP;
	op(&b, 0, A_WRMSR, 0x1b, 0xfee01900);
	/* the page after the old one is addressed as register 0x1030 */
	there = op(&b, 0, A_READ, 0x1000 + LVR, 0);
	op(&b, 0, A_WRMSR, 0x1b, 0xfee00900);
	lvr = op(&b, 0, A_READ, LVR, 0);
	if (finish(&b, 1))
		return KTAP_FAIL;
	return there->value == 0x50014 && lvr->value == 0x50014 ? KTAP_PASS :
	       ktap_fail("version %#llx there, %#llx back", there->value, lvr->value);
}

static int test_x2apic_registers(void)
{
	struct apic_op *id, *ldr, *icr;
	struct box b;

	if (!x2apic)
		return KTAP_SKIP;
	open_box(&b, KERNEL, 2);
	id = op(&b, 1, A_READ, ID, 0);
	ldr = op(&b, 1, A_READ, LDR, 0);
	op(&b, 1, A_STI, 0, 0);
	op(&b, 1, A_WRITE, SELF, 0x61);
	op(&b, 1, A_ICR, 1, 0x62 | ASSERT);
	icr = op(&b, 1, A_RDMSR, 0x830, 0);
	if (finish(&b, 2))
		return KTAP_FAIL;
	if (id->value != 1 || ldr->value != 2 || icr->value != (1ull << 32 | 0x62 | ASSERT))
		return ktap_fail("id %llu, LDR %#llx, ICR %#llx", id->value, ldr->value, icr->value);
	return irqs(&b, 1, 0x61) == 1 && irqs(&b, 1, 0x62) == 1 ? KTAP_PASS :
	       ktap_fail("%u, %u", irqs(&b, 1, 0x61), irqs(&b, 1, 0x62));
}

/* --- all of them ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int (*run)(void);
	int both;	/* in both modes */
} tests[] = {
	{ "values after RESET", test_reset_values, 0 },
	{ "save and restore", test_save_restore, 1 },
	{ "a halted vCPU says so", test_mp_state_of_a_halted_vcpu, 0 },
	{ "bad requests are refused", test_refusals, 0 },
	{ "random state", test_random_state, 0 },
	{ "timer, one-shot", test_oneshot, 1 },
	{ "timer, periodic", test_periodic, 1 },
	{ "timer, divided", test_divide, 1 },
	{ "timer, TSC deadline", test_deadline, 1 },
	{ "timer, masked", test_masked_timer, 1 },
	{ "order of priorities", test_order, 1 },
	{ "task priority and CR8", test_task_priority, 1 },
	{ "in service", test_in_service, 1 },
	{ "end of interrupt by a flag", test_pv_eoi, 1 },
	{ "software-disabled", test_disabled, 1 },
	{ "IPIs there and back", test_ping_pong, 1 },
	{ "destinations", test_destinations, 1 },
	{ "lowest priority", test_lowest_priority, 1 },
	{ "NMI to another", test_nmi, 1 },
	{ "INIT and start-up IPI", test_init_sipi, 1 },
	{ "MSI wakes", test_msi_wakes, 1 },
	{ "EOI for user space's I/O APIC", test_eoi_exit, 1 },
	{ "interrupt from user space's 8259", test_extint, 1 },
	{ "the page moves", test_base_moves, 0 },
	{ "x2APIC registers", test_x2apic_registers, 1 },
};

#define TESTS	(sizeof(tests) / sizeof(tests[0]))

static void nothing(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = nothing };
	char name[80];
	unsigned int i;

	sigaction(SIGUSR1, &act, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# device %s\n", kvmc_dev_path());
	for (i = 0; i < TESTS; i++) {
		if (argc > 1 && !strstr(tests[i].name, argv[1]))
			continue;
		for (x2apic = 0; x2apic <= tests[i].both; x2apic++) {
			snprintf(name, sizeof(name), "%s (%s)", tests[i].name,
				 x2apic ? "x2APIC" : "xAPIC");
			ktap_run(name, tests[i].run);
		}
	}
	return ktap_end();
}
