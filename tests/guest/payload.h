/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest program of ours and the client that runs it agree on.
 *
 * The client loads the program flat at PAYLOAD_GPA, maps the first 4 GiB one to
 * one, and enters it with RDI pointing to a struct guest_params. The program
 * talks back through I/O ports only; memory it shares with the client is named
 * in the parameters.
 *
 * Included by guest code (no C library) and by the client alike.
 */
#ifndef VMM_TEST_PAYLOAD_H
#define VMM_TEST_PAYLOAD_H

/* Guest-physical map; everything below PAYLOAD_GPA belongs to the client. */
#define PAYLOAD_GPA		0x100000
#define PAYLOAD_MAX		0x40000
#define GUEST_GDT_GPA		0x1000
#define GUEST_IDT_GPA		0x2000
#define GUEST_TSS_GPA		0x3000
#define GUEST_PML4_GPA		0x4000
#define GUEST_PDPT_GPA		0x5000
#define GUEST_PD_GPA		0x6000	/* four pages: 4 GiB by 2 MiB */
#define GUEST_PARAMS_GPA	0x10000	/* one page per vCPU */
#define GUEST_STACK_GPA		0x80000	/* stacks grow down from here */
#define GUEST_STACK_BYTES	0x2000
#define GUEST_MAX_VCPUS		16
#define GUEST_WORK_GPA		0x200000
#define GUEST_LOW_BYTES		0x200000
#define GUEST_MMIO_GPA		0xd0000000u

#define GUEST_PARAMS_IRQS	80	/* offset of guest_params.irqs */

/* Ports */
#define PORT_SERIAL		0x3f8	/* bytes of text lines */
#define PORT_SERIAL_LSR		0x3fd
#define PORT_WAKE		0x500	/* first thing done after a wake-up */
#define PORT_DONE		0x501	/* the program has finished */
#define PORT_FAULT		0x502	/* 32 bits: vector of an exception */
#define PORT_TEST		0x510	/* nothing behind it: plain exits */

#define GUEST_IRQ_VECTOR	0x40

/* Text at the start of every image: entry points by offset. */
#define PAYLOAD_MAGIC		0x74736575676d6d76ull	/* "vmmguest" */
#define PAYLOAD_OFF_ENTRY	8
#define PAYLOAD_OFF_IRQ		16
#define PAYLOAD_OFF_FAULT	24	/* 32 stubs, FAULT_STUB_BYTES apart */
#define FAULT_STUB_BYTES	16

#ifndef __ASSEMBLER__
/* What the program does. */
enum guest_op {
	GOP_HASH = 1,	/* running hash over own memory, for ever */
	GOP_SLEEPER,	/* HLT; each interrupt hashes a little */
	GOP_NULL,	/* the rest measures one operation @count times */
	GOP_CPUID,
	GOP_VMCALL,
	GOP_RDMSR,
	GOP_INVD,
	GOP_PIO_OUT,
	GOP_PIO_IN,
	GOP_MMIO_WRITE,
	GOP_MMIO_READ,
	GOP_TOUCH,	/* one byte every @stride from @base */
	GOP_HLT,
	GOP_PIO_LOOP,	/* OUT for ever, no measuring */
	GOP_HLT_LOOP,	/* HLT for ever, nobody interrupts */
	GOP_FIRST,	/* PORT_DONE at once */
	GOP_SPIN,	/* no exits of its own, for ever */
	GOP_UD,		/* an undefined instruction */
	GOP_TRIPLE,	/* shut down: exception with an empty IDT */
	GOP_STRING_IN,	/* REP INSB @count bytes to @base */
};

#define GUEST_NAME_LEN		32

/* Send lines byte by byte instead of by REP OUTSB. */
#define GUEST_F_BYTE_IO		1u

/**
 * struct guest_params - what the client asks of the program on one vCPU
 * @op: enum guest_op
 * @count: operations to do, for those that end
 * @base: guest-physical start of the memory the operation works on
 * @bytes: size of that memory in bytes, a multiple of 8
 * @stride: distance between touches, in bytes
 * @results: guest-physical address of an array of @count u64: ticks of each
 * @seed: start value of the hash
 * @arg: hypercall number, MSR or CPUID leaf
 * @flags: GUEST_F_*
 * @rounds: hash rounds per report, at least 1
 * @irqs: written by the interrupt handler: interrupts taken
 * @name: goes in front of each report line, ended by NUL
 */
struct guest_params {
	unsigned long long op;
	unsigned long long count;
	unsigned long long base;
	unsigned long long bytes;
	unsigned long long stride;
	unsigned long long results;
	unsigned long long seed;
	unsigned long long arg;
	unsigned long long flags;
	unsigned long long rounds;
	unsigned long long irqs;
	char name[GUEST_NAME_LEN];
};

#endif /* __ASSEMBLER__ */

/*
 * The hash. Word i of the memory starts as x(i) with x(0) = seed and
 * x(i + 1) = HASH_FILL_MUL * x(i) + HASH_FILL_ADD. A round replaces each word w
 * by HASH_STEP_MUL * w + HASH_STEP_ADD and folds it into the running value:
 * h = HASH_FOLD * h + w. All multipliers are odd, so one wrong word anywhere
 * always changes h, then and in every later round.
 */
#define HASH_FILL_MUL		6364136223846793005ull
#define HASH_FILL_ADD		1442695040888963407ull
#define HASH_STEP_MUL		2862933555777941757ull
#define HASH_STEP_ADD		3037000493ull
#define HASH_FOLD		1099511628211ull

#endif
