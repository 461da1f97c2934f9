/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apictest's machine: a VM whose vCPUs do what lists say (apic.h), and its threads.
 *
 * Whatever must not fail ends the process, which is one test's.
 */
#ifndef VMM_TEST_APICBOX_H
#define VMM_TEST_APICBOX_H

#include <pthread.h>

#include "apic.h"
#include "ktap.h"
#include "kvmclient.h"

#define MEM_BYTES	(4ul << 20)
#define TRAMPOLINE	0x9000
#define MS		1000000ull	/* counts of the timer at divisor 1 */

/* Registers and what is written there */
#define ID		0x020
#define LVR		0x030
#define TPR		0x080
#define PPR		0x0a0
#define EOI		0x0b0
#define LDR		0x0d0
#define SVR		0x0f0
#define ISR		0x100
#define IRR		0x200
#define ESR		0x280
#define LVTT		0x320
#define LVT0		0x350
#define LVTERR		0x370
#define TMICT		0x380
#define TMCCT		0x390
#define TDCR		0x3e0
#define SELF		0x3f0
#define ENABLED		0x1ff
#define DIVIDE_BY_1	0xb
#define PERIODIC	0x20000
#define DEADLINE	0x40000
#define MSR_DEADLINE	0x6e0
#define TO_SELF		0x40000
#define TO_ALL		0x80000
#define TO_OTHERS	0xc0000
#define LOGICAL		0x800
#define LOWEST		0x100
#define NMI		0x400
#define INIT		0x4500
#define SIPI		0x4600
#define ASSERT		0x4000

enum mode { KERNEL, SPLIT };

/**
 * struct box - a VM whose vCPUs do what lists say
 * @vm: the machine
 * @vcpu: its processors
 * @thread: run them
 * @result: what kvmc_serve() said of each
 * @n: operations in each list so far
 * @khz: rate of the TSC
 * @serial: collects lines of small programs
 * @line: the last of them
 */
struct box {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu[APIC_VCPUS];
	pthread_t thread[APIC_VCPUS];
	int result[APIC_VCPUS];
	unsigned int n[APIC_VCPUS];
	uint64_t khz;
	struct kvmc_serial serial;
	char line[KVMC_LINE_MAX];
};

extern int x2apic;	/* mode of the vCPUs in this test */

/* Print why and end the test. */
void die(const char *what) __attribute__((noreturn));
void must(int fd, const char *what, unsigned long cmd, void *arg);
void nap(unsigned int ms);

struct apic_state *state(struct box *b, int cpu);
unsigned int irqs(struct box *b, int cpu, unsigned int vector);
struct apic_op *op(struct box *b, int cpu, unsigned int kind, uint64_t addr, uint64_t value);
void set_mp_state(struct box *b, int cpu, unsigned int mp);
unsigned int get_mp_state(struct box *b, int cpu);

/* A VM; a vCPU as it comes; one that will do its list; all of that for @vcpus of them. */
void open_vm(struct box *b, enum mode mode);
void open_vcpu(struct box *b, int cpu);
void ready(struct box *b, int cpu);
void open_box(struct box *b, enum mode mode, int vcpus);

/* In this thread, until something stops it: 1 the end of the list, 2 PORT_TEST, <0 errno. */
int serve(struct box *b, int cpu);
void start(struct box *b, int cpu);
int finish(struct box *b, int vcpus);
int stop(struct box *b, int cpu);
int log_is(struct box *b, int cpu, const unsigned char *want, unsigned int n);

#endif
