/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What apictest and its guest agree on: for each vCPU a list of things to do, and
 * what its interrupt handler counts and logs. Both lie in guest memory, where the
 * client reads them while the guest runs.
 */
#ifndef VMM_TEST_APIC_H
#define VMM_TEST_APIC_H

#define APIC_VCPUS		2
#define APIC_LIST_GPA(cpu)	(0x200000 + 0x8000 * (cpu))
#define APIC_STATE_GPA(cpu)	(0x210000 + 0x4000 * (cpu))
#define APIC_IDT_GPA		0x220000
#define APIC_MAX_OPS		256
#define APIC_LOG		256

enum apic_kind {
	A_END,		/* PORT_DONE */
	A_READ,		/* register at @addr; comes back in @value */
	A_WRITE,	/* register at @addr = @value */
	A_ICR,		/* @addr: destination, @value: low half */
	A_RDMSR,	/* MSR @addr; comes back in @value */
	A_WRMSR,
	A_MODE,		/* @value: x2APIC on; from then on by MSR */
	A_CR8,		/* = @value */
	A_RDCR8,
	A_WAIT,		/* HLT until vector @addr has come @value times in all */
	A_SPIN,		/* the same, without HLT */
	A_LOOK,		/* how often vector @addr has come: in @value */
	A_DELAY,	/* for @value ticks, interrupts as they are */
	A_TICKS,	/* time stamp counter, in @value */
	A_DEADLINE,	/* TSC deadline @value ticks from now */
	A_CLI,
	A_STI,
	A_OUT,		/* 32 bits of @value to port @addr */
	A_CALL,		/* VMCALL @addr with RBX = @value; RAX comes back there, the rest in @call */
	A_CALLS,	/* the same @done times; the ticks of all of them come back in @value */
	A_LOCK,		/* @value times: take the lock, hold it for @done loops; @addr: enum lock_how */
	A_REPEAT,	/* go back by @addr operations, @value times */
};

/* What to do while the lock is another's, after a while of PAUSEs. */
enum lock_how {
	LOCK_BARE,	/* none of them: nobody outside sees it spin */
	LOCK_SPIN,	/* PAUSEs only */
	LOCK_YIELD,	/* VMM_HC_YIELD */
	LOCK_YIELD_TO,	/* VMM_HC_YIELD_TO its holder */
	LOCK_KVM,	/* KVM_HC_SCHED_YIELD, likewise */
};

#define APIC_LOCK_GPA		0x230000

struct apic_op {
	unsigned int kind;
	unsigned int done;	/* by A_REPEAT */
	unsigned long long addr;
	unsigned long long value;
};

/**
 * struct apic_state - of one vCPU
 * @irqs: interrupts taken, by vector
 * @log: their vectors, in order
 * @nlog: how many
 * @x2apic: 1: registers are MSRs
 * @eoi: 1: the handler ends each
 * @nest: 1: the handler lets others in before it ends one
 * @flag: bit 0: the handler may end one by clearing it (MSR_KVM_PV_EOI_EN)
 * @quiet: how often it did
 * @answer: the handler of vector @answer sends it on to the other vCPU, or 0
 * @call: RBX, RCX, RDX, RSI, RDI after A_CALL
 */
struct apic_state {
	volatile unsigned int irqs[256];
	volatile unsigned int log[APIC_LOG];
	volatile unsigned int nlog;
	unsigned int x2apic;
	unsigned int eoi;
	unsigned int nest;
	unsigned int answer;
	volatile unsigned int flag;
	volatile unsigned int quiet;
	unsigned long long call[5];
};

#endif
