/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What boardtest and its guest agree on: a list of things to do, which the guest does
 * one after the other, and counters of the interrupts that it took.
 *
 * Both lie in guest memory at fixed addresses. The client writes the list before
 * the guest starts; results of reads come back in it.
 */
#ifndef VMM_TEST_BOARD_H
#define VMM_TEST_BOARD_H

#define BOARD_OPS_GPA		0x200000
#define BOARD_MAX_OPS		1024
#define BOARD_COUNTS_GPA	0x210000
#define BOARD_IDT_GPA		0x212000
#define BOARD_VECTORS		0x20	/* the first that is counted */

#ifndef __ASSEMBLER__
enum board_kind {
	B_END,		/* PORT_DONE */
	B_OUT,		/* to port @addr, @size bytes of @value */
	B_IN,		/* @value comes back */
	B_WRITE,	/* to memory */
	B_READ,
	B_STOS,		/* REP STOSB: @size bytes of @value to @addr */
	B_OUTS,		/* REP OUTSB: @size bytes, 0 1 2 ..., to port @addr */
	B_WAIT,		/* HLT until vector @addr has come @value times in all */
	B_SPIN,		/* the same, without HLT */
	B_CLI,		/* and B_STI: as it says; the guest starts with interrupts off */
	B_STI,
	B_TICKS,	/* time stamp counter comes back in @value */
};

struct board_op {
	unsigned int kind;
	unsigned int size;
	unsigned long long addr;
	unsigned long long value;
};

/**
 * struct board_counts - what the interrupt handler does and leaves
 * @irqs: interrupts taken, by vector
 * @eoi_pic: ends each at the 8259 pair
 * @eoi_apic: ends each at the local APIC
 * @ready: set when the guest first waits for an interrupt
 * @quiet: port that the handler writes 0 to before it ends one, or 0
 */
struct board_counts {
	volatile unsigned int irqs[256];
	unsigned int eoi_pic, eoi_apic;
	unsigned int quiet;
	volatile unsigned int ready;
};
#endif

#endif
