// SPDX-License-Identifier: GPL-2.0
/*
 * apictest's machine; see apicbox.h. One thread for each vCPU; the lists and the
 * guest's counters are shared with it without a lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "apicbox.h"

extern const uint8_t apic_start[], apic_end[];

int x2apic;

void die(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(KTAP_FAIL);
}

void must(int fd, const char *what, unsigned long cmd, void *arg)
{
	if (ioctl(fd, cmd, arg) < 0)
		die(what);
}

void nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&ts, NULL);
}

/* --- the machine -------------------------------------------------------------------- */

struct apic_state *state(struct box *b, int cpu)
{
	return (void *)(b->vm.mem + APIC_STATE_GPA(cpu));
}

unsigned int irqs(struct box *b, int cpu, unsigned int vector)
{
	return __atomic_load_n(&state(b, cpu)->irqs[vector], __ATOMIC_SEQ_CST);
}

struct apic_op *op(struct box *b, int cpu, unsigned int kind, uint64_t addr, uint64_t value)
{
	struct apic_op *list = (void *)(b->vm.mem + APIC_LIST_GPA(cpu));

	if (b->n[cpu] >= APIC_MAX_OPS - 1)
		abort();
	list[b->n[cpu]] = (struct apic_op){ kind, 0, addr, value };
	return &list[b->n[cpu]++];
}

/* All that the device supports, and the two that it never names by itself. */
static void set_cpuid(struct kvmc_vcpu *vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[100];
	} c = { .head.nent = 100 };
	unsigned int i;

	must(vcpu->vm->dev, "KVM_GET_SUPPORTED_CPUID", KVM_GET_SUPPORTED_CPUID, &c);
	for (i = 0; i < c.head.nent; i++)
		if (c.entry[i].function == 1)
			c.entry[i].ecx |= 1u << 24 | 1u << 21;
	must(vcpu->fd, "KVM_SET_CPUID2", KVM_SET_CPUID2, &c);
	vcpu->has_cpuid = 1;
}

void set_mp_state(struct box *b, int cpu, unsigned int mp)
{
	struct kvm_mp_state s = { .mp_state = mp };

	must(b->vcpu[cpu].fd, "KVM_SET_MP_STATE", KVM_SET_MP_STATE, &s);
}

unsigned int get_mp_state(struct box *b, int cpu)
{
	struct kvm_mp_state s = { };

	must(b->vcpu[cpu].fd, "KVM_GET_MP_STATE", KVM_GET_MP_STATE, &s);
	return s.mp_state;
}

void open_vm(struct box *b, enum mode mode)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	int dev = kvmc_dev_open(NULL);

	memset(b, 0, sizeof(*b));
	if (dev < 0 || kvmc_vm_create(&b->vm, dev, MEM_BYTES, KVMC_MEM_SMALL))
		die("no VM");
	if (mode == SPLIT)
		must(b->vm.fd, "KVM_CAP_SPLIT_IRQCHIP", KVM_ENABLE_CAP, &cap);
	else
		must(b->vm.fd, "KVM_CREATE_IRQCHIP", KVM_CREATE_IRQCHIP, NULL);
	memcpy(b->vm.mem + PAYLOAD_GPA, apic_start, apic_end - apic_start);
}

void open_vcpu(struct box *b, int cpu)
{
	struct kvmc_vcpu *vcpu = &b->vcpu[cpu];

	if (kvmc_vcpu_create(vcpu, &b->vm, cpu))
		die("no vCPU");
	set_cpuid(vcpu);
	b->khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);
}

/* Ready to do its list: enabled, in the mode under test, ending what it takes. */
void ready(struct box *b, int cpu)
{
	struct kvmc_vcpu *vcpu = &b->vcpu[cpu];

	if (kvmc_vcpu_mode(vcpu, KVMC_MODE_LONG64, PAYLOAD_GPA))
		die("no mode");
	vcpu->params->arg = cpu;
	set_mp_state(b, cpu, KVM_MP_STATE_RUNNABLE);
	state(b, cpu)->eoi = 1;
	op(b, cpu, A_MODE, 0, x2apic);
	op(b, cpu, A_WRITE, SVR, ENABLED);
	op(b, cpu, A_WRITE, TDCR, DIVIDE_BY_1);
	op(b, cpu, A_WRITE, LVT0, 0x10000);
}

void open_box(struct box *b, enum mode mode, int vcpus)
{
	int i;

	open_vm(b, mode);
	for (i = 0; i < vcpus; i++)
		open_vcpu(b, i);
	for (i = 0; i < vcpus; i++)
		ready(b, i);
}

static int on_line(void *ctx, char *text)
{
	strcpy(((struct box *)ctx)->line, text);
	return 0;
}

static int on_out(void *ctx, uint16_t port, const uint8_t *data, int size, uint32_t count)
{
	struct box *b = ctx;

	switch (port) {
	case PORT_SERIAL:
		b->serial.line = on_line;
		b->serial.ctx = b;
		return kvmc_serial_out(&b->serial, data, size * count);
	case PORT_FAULT:
		printf("# exception %u after %u and %u interrupts, the first %#x and %#x\n", data[0],
		       state(b, 0)->nlog, state(b, 1)->nlog, state(b, 0)->log[0],
		       state(b, 1)->log[0]);
		return 3;
	case PORT_TEST:
		return 2;
	case PORT_DONE:
		return 1;
	default:
		return 0;
	}
}

static const struct kvmc_ops ops = { .out = on_out };

int serve(struct box *b, int cpu)
{
	int r;

	do {
		r = kvmc_serve(&b->vcpu[cpu], &ops, b);
	} while (r == -EAGAIN);
	return r;
}

struct worker {
	struct box *b;
	int cpu;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	w->b->result[w->cpu] = serve(w->b, w->cpu);
	return NULL;
}

void start(struct box *b, int cpu)
{
	static struct worker w[APIC_VCPUS];

	w[cpu] = (struct worker){ b, cpu };
	if (pthread_create(&b->thread[cpu], NULL, work, &w[cpu]))
		die("no thread");
}

/* 0: both came to the end of their lists. */
int finish(struct box *b, int vcpus)
{
	int i;

	for (i = 1; i < vcpus; i++)
		start(b, i);
	b->result[0] = serve(b, 0);
	for (i = 1; i < vcpus; i++)
		pthread_join(b->thread[i], NULL);
	for (i = 0; i < vcpus; i++)
		if (b->result[i] != 1)
			return ktap_fail("vCPU %d ended with %d, exit %u", i, b->result[i],
				    b->vcpu[i].run->exit_reason);
	return 0;
}

/* Bring a vCPU's thread out of KVM_RUN for good; what it waits for does not come. */
int stop(struct box *b, int cpu)
{
	b->vcpu[cpu].run->immediate_exit = 1;
	pthread_kill(b->thread[cpu], SIGUSR1);
	pthread_join(b->thread[cpu], NULL);
	b->vcpu[cpu].run->immediate_exit = 0;
	return b->result[cpu] == -EINTR ? 0 : ktap_fail("stopped with %d", b->result[cpu]);
}

int log_is(struct box *b, int cpu, const unsigned char *want, unsigned int n)
{
	struct apic_state *s = state(b, cpu);
	unsigned int i;

	for (i = 0; i < n && i < s->nlog; i++)
		if (s->log[i] != want[i])
			return ktap_fail("interrupt %u was %#x, not %#x", i, s->log[i], want[i]);
	return s->nlog == n ? KTAP_PASS : ktap_fail("%u interrupts, not %u", s->nlog, n);
}
