// SPDX-License-Identifier: GPL-2.0
/*
 * boardtest's guest: does what a list in its memory says (board.h). No C library, no
 * data of its own.
 */
#include "board.h"
#include "payload.h"

#define APIC_EOI	0xfee000b0ull

extern const unsigned char board_stubs[];

void board_main(void);
void board_irq(unsigned long vector);

static struct board_counts *counts(void)
{
	return (struct board_counts *)BOARD_COUNTS_GPA;
}

static void out(unsigned short port, unsigned int val, unsigned int size)
{
	switch (size) {
	case 1:
		asm volatile("outb %b0, %1" : : "a" (val), "d" (port));
		break;
	case 2:
		asm volatile("outw %w0, %1" : : "a" (val), "d" (port));
		break;
	default:
		asm volatile("outl %0, %1" : : "a" (val), "d" (port));
	}
}

static unsigned int in(unsigned short port, unsigned int size)
{
	unsigned int val = 0;

	switch (size) {
	case 1:
		asm volatile("inb %1, %b0" : "+a" (val) : "d" (port));
		break;
	case 2:
		asm volatile("inw %1, %w0" : "+a" (val) : "d" (port));
		break;
	default:
		asm volatile("inl %1, %0" : "+a" (val) : "d" (port));
	}
	return val;
}

static void write_mem(unsigned long addr, unsigned long long val, unsigned int size)
{
	switch (size) {
	case 1:
		*(volatile unsigned char *)addr = val;
		break;
	case 2:
		*(volatile unsigned short *)addr = val;
		break;
	case 4:
		*(volatile unsigned int *)addr = val;
		break;
	default:
		*(volatile unsigned long long *)addr = val;
	}
}

static unsigned long long read_mem(unsigned long addr, unsigned int size)
{
	switch (size) {
	case 1:
		return *(volatile unsigned char *)addr;
	case 2:
		return *(volatile unsigned short *)addr;
	case 4:
		return *(volatile unsigned int *)addr;
	default:
		return *(volatile unsigned long long *)addr;
	}
}

void board_irq(unsigned long vector)
{
	struct board_counts *c = counts();

	if (vector < BOARD_VECTORS) {
		out(PORT_FAULT, vector, 4);
		for (;;)
			asm volatile("hlt");
	}
	c->irqs[vector]++;
	if (c->quiet)
		out(c->quiet, 0, 1);
	if (c->eoi_pic) {
		if (vector >= 0x28 && vector < 0x30)
			out(0xa0, 0x20, 1);
		out(0x20, 0x20, 1);
	}
	if (c->eoi_apic)
		write_mem(APIC_EOI, 0, 4);
}

static void wait(unsigned int vector, unsigned int n, int halt)
{
	struct board_counts *c = counts();

	c->ready = 1;
	for (;;) {
		asm volatile("cli" : : : "memory");
		if (c->irqs[vector] >= n)
			return;
		if (halt)
			asm volatile("sti; hlt" : : : "memory");
		else
			asm volatile("sti; nop; pause" : : : "memory");
	}
}

static void string_op(const struct board_op *op)
{
	unsigned long n = op->size, to = op->addr;
	unsigned char *buf = (unsigned char *)BOARD_COUNTS_GPA + 0x1000;
	const unsigned char *from = buf;

	if (op->kind == B_STOS) {
		asm volatile("rep stosb" : "+c" (n), "+D" (to) : "a" ((int)op->value) : "memory");
		return;
	}
	for (n = 0; n < op->size; n++)
		buf[n] = n;
	asm volatile("rep outsb" : "+c" (n), "+S" (from) : "d" ((unsigned short)to) : "memory");
}

static unsigned long long ticks(void)
{
	unsigned int lo, hi;

	asm volatile("rdtsc" : "=a" (lo), "=d" (hi));
	return lo | (unsigned long long)hi << 32;
}

static void do_op(struct board_op *op)
{
	switch (op->kind) {
	case B_OUT:
		out(op->addr, op->value, op->size);
		break;
	case B_IN:
		op->value = in(op->addr, op->size);
		break;
	case B_WRITE:
		write_mem(op->addr, op->value, op->size);
		break;
	case B_READ:
		op->value = read_mem(op->addr, op->size);
		break;
	case B_STOS:
	case B_OUTS:
		string_op(op);
		break;
	case B_WAIT:
	case B_SPIN:
		wait(op->addr, op->value, op->kind == B_WAIT);
		break;
	case B_CLI:
		asm volatile("cli");
		break;
	case B_STI:
		asm volatile("sti");
		break;
	case B_TICKS:
		op->value = ticks();
		break;
	}
}

static void set_idt(void)
{
	unsigned long long *idt = (unsigned long long *)BOARD_IDT_GPA;
	struct {
		unsigned short limit;
		unsigned long base;
	} __attribute__((packed)) reg = { 256 * 16 - 1, BOARD_IDT_GPA };
	unsigned long i, to;

	for (i = 0; i < 256; i++) {
		to = (unsigned long)board_stubs + 16 * i;
		idt[2 * i] = (to & 0xffff) | 0x8ull << 16 | 0x8eull << 40 | (to >> 16 & 0xffff) << 48;
		idt[2 * i + 1] = 0;
	}
	asm volatile("lidt %0" : : "m" (reg));
}

void board_main(void)
{
	struct board_op *op = (struct board_op *)BOARD_OPS_GPA;

	set_idt();
	for (; op->kind != B_END; op++)
		do_op(op);
	out(PORT_DONE, 0, 1);
}
