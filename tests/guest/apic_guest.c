// SPDX-License-Identifier: GPL-2.0
/*
 * apictest's guest: does what its vCPU's list says (apic.h). No C library, no data of
 * its own. Entry and stubs are board_head.S.
 */
#include <linux/vmm.h>
#include "apic.h"
#include "payload.h"

#define APIC_PAGE	0xfee00000ull
#define APIC_ID		0x020
#define APIC_EOI	0x0b0
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define MSR_APIC_BASE	0x1b
#define MSR_DEADLINE	0x6e0
#define MSR_X2APIC	0x800

typedef unsigned long long u64;
typedef unsigned int u32;

extern const unsigned char board_stubs[];

void board_main(struct guest_params *p);
void board_irq(unsigned long vector);

static u32 my_number(void)
{
	struct guest_params *p;

	asm volatile("movq %%gs:0, %0" : "=r" (p));
	return p->arg;
}

static struct apic_state *state(void)
{
	return (struct apic_state *)(u64)APIC_STATE_GPA(my_number());
}

static void outl(unsigned short port, u32 val)
{
	asm volatile("outl %0, %1" : : "a" (val), "d" (port) : "memory");
}

static u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (msr) : "memory");
	return lo | (u64)hi << 32;
}

static void wrmsr(u32 msr, u64 val)
{
	asm volatile("wrmsr" : : "c" (msr), "a" ((u32)val), "d" ((u32)(val >> 32)) : "memory");
}

static u64 ticks(void)
{
	u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) : : "memory");
	return lo | (u64)hi << 32;
}

static u64 apic_read(u32 reg)
{
	if (state()->x2apic)
		return rdmsr(MSR_X2APIC + reg / 16);
	return *(volatile u32 *)(APIC_PAGE + reg);
}

static void apic_write(u32 reg, u64 val)
{
	if (state()->x2apic)
		wrmsr(MSR_X2APIC + reg / 16, val);
	else
		*(volatile u32 *)(APIC_PAGE + reg) = val;
}

static void apic_icr(u32 dest, u32 low)
{
	if (state()->x2apic) {
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)dest << 32 | low);
		return;
	}
	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, low);
}

static int take_flag(struct apic_state *s)
{
	unsigned char was;

	asm volatile("btrl $0, %0; setc %1" : "+m" (s->flag), "=q" (was) : : "memory");
	return was;
}

void board_irq(unsigned long vector)
{
	struct apic_state *s = state();
	u32 n = s->nlog;

	s->irqs[vector]++;
	if (n < APIC_LOG)
		s->log[n] = vector;
	s->nlog = n + 1;
	if (vector == 2)
		return;
	if (vector < 32) {
		outl(PORT_FAULT, vector);
		for (;;)
			asm volatile("cli; hlt");
	}
	if (s->nest)
		asm volatile("sti; nop; nop; cli" : : : "memory");
	if (s->answer == vector)
		apic_icr(!my_number(), vector);
	if (!s->eoi)
		return;
	if (take_flag(s))
		s->quiet++;
	else
		apic_write(APIC_EOI, 0);
}

static void wait(u32 vector, u32 n, int halt)
{
	struct apic_state *s = state();

	for (;;) {
		asm volatile("cli" : : : "memory");
		if (s->irqs[vector] >= n)
			return;
		if (halt)
			asm volatile("sti; hlt" : : : "memory");
		else
			asm volatile("sti; nop; pause" : : : "memory");
	}
}

static void delay(u64 n)
{
	u64 end = ticks() + n;

	while (ticks() < end)
		asm volatile("pause" : : : "memory");
}

static void set_mode(u64 x2apic)
{
	u64 base = rdmsr(MSR_APIC_BASE) | 0x800;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | 0x400);
	state()->x2apic = x2apic;
}

static u64 call(u64 nr, u64 arg, u64 out[5])
{
	register u64 b asm("rbx") = arg, c asm("rcx") = 0, d asm("rdx") = 0, si asm("rsi") = 0,
		di asm("rdi") = 0;
	u64 ret = nr;

	asm volatile("vmcall" : "+a" (ret), "+r" (b), "+r" (c), "+r" (d), "+r" (si), "+r" (di)
		     : : "memory");
	out[0] = b;
	out[1] = c;
	out[2] = d;
	out[3] = si;
	out[4] = di;
	return ret;
}

static void calls(struct apic_op *op)
{
	u64 out[5], begin = ticks(), n;

	for (n = 0; n < op->done; n++)
		call(op->addr, op->value, out);
	op->value = ticks() - begin;
}

/* Work, not time: it takes longer when the pCPU is lost meanwhile. */
static void work(u64 loops)
{
	while (loops--)
		asm volatile("" : : : "memory");
}

/* 0: free, else the number of its holder + 1 */
static void lock_rounds(struct apic_op *op)
{
	volatile u32 *lock = (volatile u32 *)APIC_LOCK_GPA;
	u64 out[5], n;
	u32 spins;

	for (n = 0; n < op->value; n++) {
		for (spins = 0; ; spins++) {
			u32 was = __sync_val_compare_and_swap(lock, 0, my_number() + 1);

			if (!was)
				break;
			if (op->addr == LOCK_BARE)
				continue;
			asm volatile("pause" : : : "memory");
			if (spins % 64 != 63 || op->addr == LOCK_SPIN)
				continue;
			call(op->addr == LOCK_YIELD ? VMM_HC_YIELD :
			     op->addr == LOCK_YIELD_TO ? VMM_HC_YIELD_TO : 11, was - 1, out);
		}
		work(op->done);
		__sync_lock_release(lock);
		work(op->done / 16);
	}
}

static void do_op(struct apic_op *op)
{
	u64 cr8;

	switch (op->kind) {
	case A_READ:
		op->value = apic_read(op->addr);
		break;
	case A_WRITE:
		apic_write(op->addr, op->value);
		break;
	case A_ICR:
		apic_icr(op->addr, op->value);
		break;
	case A_RDMSR:
		op->value = rdmsr(op->addr);
		break;
	case A_WRMSR:
		wrmsr(op->addr, op->value);
		break;
	case A_MODE:
		set_mode(op->value);
		break;
	case A_CR8:
		asm volatile("movq %0, %%cr8" : : "r" (op->value) : "memory");
		break;
	case A_RDCR8:
		asm volatile("movq %%cr8, %0" : "=r" (cr8));
		op->value = cr8;
		break;
	case A_WAIT:
	case A_SPIN:
		wait(op->addr, op->value, op->kind == A_WAIT);
		break;
	case A_LOOK:
		op->value = state()->irqs[op->addr];
		break;
	case A_DELAY:
		delay(op->value);
		break;
	case A_TICKS:
		op->value = ticks();
		break;
	case A_DEADLINE:
		wrmsr(MSR_DEADLINE, ticks() + op->value);
		break;
	case A_CLI:
		asm volatile("cli" : : : "memory");
		break;
	case A_STI:
		asm volatile("sti; nop" : : : "memory");
		break;
	case A_CALL:
		op->value = call(op->addr, op->value, state()->call);
		break;
	case A_CALLS:
		calls(op);
		break;
	case A_LOCK:
		lock_rounds(op);
		break;
	case A_OUT:
		outl(op->addr, op->value);
		break;
	}
}

static void set_idt(void)
{
	u64 *idt = (u64 *)APIC_IDT_GPA;
	struct {
		unsigned short limit;
		u64 base;
	} __attribute__((packed)) reg = { 256 * 16 - 1, APIC_IDT_GPA };
	u64 i, to;

	for (i = 0; i < 256; i++) {
		to = (u64)board_stubs + 16 * i;
		idt[2 * i] = (to & 0xffff) | 0x8ull << 16 | 0x8eull << 40 | (to >> 16 & 0xffff) << 48;
		idt[2 * i + 1] = 0;
	}
	asm volatile("lidt %0" : : "m" (reg));
}

void board_main(struct guest_params *p)
{
	struct apic_op *op;

	asm volatile("movq %0, %%gs:0" : : "r" (p) : "memory");
	set_idt();
	for (op = (struct apic_op *)(u64)APIC_LIST_GPA(p->arg); op->kind != A_END; op++) {
		if (op->kind == A_REPEAT) {
			if (op->done++ < op->value)
				op -= op->addr + 1;
		} else {
			do_op(op);
		}
	}
	outl(PORT_DONE, 0);
}
