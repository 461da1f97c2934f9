// SPDX-License-Identifier: GPL-2.0
/*
 * A machine whose guest does what a list says: see boardbox.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "boardbox.h"

#define MEM_BYTES	(4ul << 20)

/** board_die() - end the test's process: it fails at @what, errno says why */
void board_die(const char *what)
{
	exit(ktap_fail("%s: %s", what, strerror(errno)));
}

/** board_do() - an ioctl of the VM; what it returns or a negative errno */
int board_do(struct board_box *b, unsigned long cmd, void *arg)
{
	int r = ioctl(b->vm.fd, cmd, arg);

	return r < 0 ? -errno : r;
}

/** board_must() - the same; it has to succeed, or the test has failed at @what */
void board_must(struct board_box *b, const char *what, unsigned long cmd, void *arg)
{
	if (board_do(b, cmd, arg) < 0)
		board_die(what);
}

/* --- the list ---------------------------------------------------------------------- */

/** board_counts() - what the guest's interrupt handler does and leaves */
struct board_counts *board_counts(struct board_box *b)
{
	return (void *)(b->vm.mem + BOARD_COUNTS_GPA);
}

/**
 * board_op() - append to the guest's list
 * @b: the machine
 * @kind: enum board_kind
 * @size: bytes, as @kind says
 * @addr: as @kind says
 * @value: as @kind says
 *
 * Return: the operation; what it reads is in its value at the end.
 */
struct board_op *board_op(struct board_box *b, unsigned int kind, unsigned int size, uint64_t addr,
			  uint64_t value)
{
	struct board_op *list = (void *)(b->vm.mem + BOARD_OPS_GPA);

	if (b->n >= BOARD_MAX_OPS - 1)
		abort();
	list[b->n] = (struct board_op){ kind, size, addr, value };
	return &list[b->n++];
}

/** board_outb() - the guest writes a byte to a port */
void board_outb(struct board_box *b, uint16_t port, uint8_t val)
{
	board_op(b, B_OUT, 1, port, val);
}

/**
 * board_pic() - the guest sets up the 8259 pair: vectors from 0x20, and it ends each
 * @b: the machine
 * @mask: of the first
 * @slave_mask: of the second
 */
void board_pic(struct board_box *b, uint8_t mask, uint8_t slave_mask)
{
	static const uint8_t init[][2] = {
		{ 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x21, 0x01 },
		{ 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 0x02 }, { 0xa1, 0x01 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(init) / sizeof(init[0]); i++)
		board_outb(b, init[i][0], init[i][1]);
	board_outb(b, 0x21, mask);
	board_outb(b, 0xa1, slave_mask);
	board_counts(b)->eoi_pic = 1;
}

/** board_apic() - the guest enables its local APIC and masks the 8259 pair */
void board_apic(struct board_box *b)
{
	board_outb(b, 0x21, 0xff);
	board_outb(b, 0xa1, 0xff);
	board_op(b, B_WRITE, 4, BOARD_APIC + 0xf0, 0x1ff);
	board_counts(b)->eoi_apic = 1;
}

/** board_redir() - the guest writes the low half of a pin's entry, to itself */
void board_redir(struct board_box *b, unsigned int pin, uint32_t low)
{
	board_op(b, B_WRITE, 4, BOARD_IOAPIC, 0x11 + 2 * pin);
	board_op(b, B_WRITE, 4, BOARD_IOAPIC + 0x10, 0);
	board_op(b, B_WRITE, 4, BOARD_IOAPIC, 0x10 + 2 * pin);
	board_op(b, B_WRITE, 4, BOARD_IOAPIC + 0x10, low);
}

/* --- the machine ------------------------------------------------------------------- */

static int on_out(void *ctx, uint16_t port, const uint8_t *data, int size, uint32_t count)
{
	struct board_box *b = ctx;

	if (port == PORT_DONE)
		return 1;
	if (port == PORT_FAULT) {
		printf("# exception %u\n", data[0]);
		return 2;
	}
	b->outs += count;
	b->last = 0;
	memcpy(&b->last, data, size);
	return 0;
}

static int on_mmio(void *ctx, uint64_t gpa, uint8_t *data, int len, int write)
{
	struct board_box *b = ctx;

	(void)gpa;
	if (write) {
		b->mmios++;
		b->last = 0;
		memcpy(&b->last, data, len);
	}
	return 0;
}

static const struct kvmc_ops ops = { .out = on_out, .mmio = on_mmio };

/** board_open_vm() - a VM with nothing; ends the test's process when there is none */
void board_open_vm(struct board_box *b)
{
	int dev = kvmc_dev_open(NULL);

	memset(b, 0, sizeof(*b));
	if (dev < 0 || kvmc_vm_create(&b->vm, dev, MEM_BYTES, KVMC_MEM_SMALL))
		board_die("no VM");
}

/** board_open_vcpu() - its vCPU, at the beginning of the list; must not fail */
void board_open_vcpu(struct board_box *b)
{
	if (kvmc_vcpu_create(&b->vcpu, &b->vm, 0) || kvmc_vcpu_cpuid(&b->vcpu))
		board_die("no vCPU");
	memcpy(b->vm.mem + PAYLOAD_GPA, board_start, board_end - board_start);
	if (kvmc_vcpu_mode(&b->vcpu, KVMC_MODE_LONG64, PAYLOAD_GPA))
		board_die("no mode");
}

/** board_open() - a VM with interrupt controllers and one vCPU that has not run */
void board_open(struct board_box *b)
{
	board_open_vm(b);
	board_must(b, "KVM_CREATE_IRQCHIP", KVM_CREATE_IRQCHIP, NULL);
	board_open_vcpu(b);
}

static void *run_thread(void *arg)
{
	struct board_box *b = arg;

	b->result = kvmc_serve(&b->vcpu, &ops, b);
	return NULL;
}

static int result(const struct board_box *b)
{
	return b->result == 1 ? KTAP_PASS :
	       ktap_fail("the guest ended with %d, exit %u", b->result, b->vcpu.run->exit_reason);
}

/** board_finish() - wait until the guest ends; KTAP_PASS: at the end of its list */
int board_finish(struct board_box *b)
{
	pthread_join(b->thread, NULL);
	return result(b);
}

/** board_run() - run the guest in this thread until it ends; as board_finish() */
int board_run(struct board_box *b)
{
	b->result = kvmc_serve(&b->vcpu, &ops, b);
	return result(b);
}

/** board_nap() - sleep for @ms milliseconds */
void board_nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&ts, NULL);
}

/** board_launch() - run the guest in a thread; it has come to its first B_WAIT */
void board_launch(struct board_box *b)
{
	if (pthread_create(&b->thread, NULL, run_thread, b))
		board_die("no thread");
	while (!board_counts(b)->ready)
		board_nap(1);
}

/** board_irqs() - how many of @vector the guest has taken; it may be running */
unsigned int board_irqs(struct board_box *b, unsigned int vector)
{
	return __atomic_load_n(&board_counts(b)->irqs[vector], __ATOMIC_SEQ_CST);
}

/**
 * board_await() - wait until the guest has taken interrupts
 * @b: the machine, started
 * @vector: their vector
 * @n: how many in all
 *
 * Return: KTAP_PASS, or KTAP_FAIL when others than that came within five seconds.
 */
int board_await(struct board_box *b, unsigned int vector, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < 5000 && board_irqs(b, vector) < n; i++)
		board_nap(1);
	return board_irqs(b, vector) == n ? KTAP_PASS :
	       ktap_fail("vector %x: %u of %u came", vector, board_irqs(b, vector), n);
}

/* --- eventfds ---------------------------------------------------------------------- */

/** board_eventfd() - a new eventfd that does not block */
int board_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		board_die("eventfd");
	return fd;
}

/** board_ring() - signal an eventfd */
void board_ring(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		board_die("write");
}

/** board_rung() - how often an eventfd was signalled since we last asked */
uint64_t board_rung(int fd)
{
	uint64_t n = 0;

	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

/** board_irqfd() - KVM_IRQFD; a negative errno */
int board_irqfd(struct board_box *b, int fd, unsigned int gsi, unsigned int flags, int resample)
{
	struct kvm_irqfd args = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample,
	};

	return board_do(b, KVM_IRQFD, &args);
}

/** board_bell() - KVM_IOEVENTFD; a negative errno */
int board_bell(struct board_box *b, int fd, uint64_t addr, unsigned int len, unsigned int flags,
	       uint64_t match)
{
	struct kvm_ioeventfd args = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = match,
	};

	return board_do(b, KVM_IOEVENTFD, &args);
}

/**
 * board_line() - set a line
 * @b: the machine
 * @gsi: the line
 * @level: 0 or 1
 *
 * Return: what KVM_IRQ_LINE_STATUS says: 1: delivered, 0: coalesced, -1: masked or
 * without a route; or a negative errno.
 */
int board_line(struct board_box *b, unsigned int gsi, unsigned int level)
{
	struct kvm_irq_level args = { .irq = gsi, .level = level };
	int r = board_do(b, KVM_IRQ_LINE_STATUS, &args);

	return r ? r : (int)args.status;
}
