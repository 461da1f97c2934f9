// SPDX-License-Identifier: GPL-2.0
/*
 * boardtest [WORDS] - interrupts and notifications inside the kernel, one promise each
 *
 * A guest does what a list says (board.h) while a thread of ours drives lines and
 * eventfds. Only the tests whose name contains WORDS. KTAP; status 1 when one failed.
 * Runs on any KVM: what it expects is the ABI, not us.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "boardbox.h"

#define BELL_GPA	0xd0000000ull
#define COALESCED_PAGE	2

/* --- lines ------------------------------------------------------------------------- */

static int test_pic_line(void)
{
	struct board_box b;

	board_open(&b);
	board_pic(&b, 0xdb, 0xf7);	/* 2, 5 and 11 */
	board_op(&b, B_WAIT, 0, 0x25, 3);
	board_op(&b, B_WAIT, 0, 0x2b, 1);
	board_launch(&b);
	for (int i = 1; i <= 3; i++) {
		if (board_line(&b, 5, 1) < 0)
			return ktap_fail("line 5 is not taken");
		board_line(&b, 5, 0);
		if (board_await(&b, 0x25, i))
			return KTAP_FAIL;
	}
	board_line(&b, 11, 1);
	board_line(&b, 11, 0);
	if (board_line(&b, 4095, 1) != -1)
		return ktap_fail("a GSI without a route is taken");
	return board_finish(&b);
}

static int test_ioapic_line(void)
{
	struct board_box b;
	int r;

	board_open(&b);
	board_apic(&b);
	board_redir(&b, 20, 0x51);
	board_redir(&b, 21, 0x10052);
	board_op(&b, B_WAIT, 0, 0x51, 2);
	board_launch(&b);
	r = board_line(&b, 20, 1);
	if (r != 1 || board_await(&b, 0x51, 1))
		return ktap_fail("status %d, not 1", r);
	if (board_line(&b, 20, 1) != 0)
		return ktap_fail("a line that is up rises again");
	if (board_line(&b, 21, 1) != -1)
		return ktap_fail("a masked pin takes an edge");
	board_line(&b, 20, 0);
	board_line(&b, 20, 1);
	return board_finish(&b);
}

/* The handler silences the device through our port; the line is up until then. */
static int test_level(void)
{
	struct board_box b;
	int i;

	board_open(&b);
	board_apic(&b);
	board_counts(&b)->quiet = PORT_TEST;
	board_redir(&b, 22, 0x8053);
	board_op(&b, B_WAIT, 0, 0x53, 3);
	board_launch(&b);
	board_line(&b, 22, 1);
	for (i = 0; i < 5000 && __atomic_load_n(&b.outs, __ATOMIC_SEQ_CST) < 3; i++)
		board_nap(1);
	board_line(&b, 22, 0);
	if (board_finish(&b))
		return KTAP_FAIL;
	return b.outs >= 3 ? KTAP_PASS : ktap_fail("%u interrupts", b.outs);
}

static int test_msi(void)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x61 };
	struct board_box b;

	board_open(&b);
	board_apic(&b);
	board_op(&b, B_WAIT, 0, 0x61, 1);
	board_launch(&b);
	if (board_do(&b, KVM_SIGNAL_MSI, &msi) != 1)
		return ktap_fail("the message is not taken");
	return board_finish(&b);
}

/* --- irqfd ------------------------------------------------------------------------- */

static void route_msi(struct board_box *b, unsigned int gsi, unsigned int vector)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[2];
	} table = {
		.head = { .nr = 2 },
		.e = {
			{ .gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
			  .u.msi = { .address_lo = 0xfee00000, .data = vector } },
			{ .gsi = 20, .type = KVM_IRQ_ROUTING_IRQCHIP,
			  .u.irqchip = { KVM_IRQCHIP_IOAPIC, 20 } },
		},
	};

	board_must(b, "KVM_SET_GSI_ROUTING", KVM_SET_GSI_ROUTING, &table);
}

static int test_irqfd(void)
{
	int pin = board_eventfd(), msi = board_eventfd(), i;
	struct board_box b;

	board_open(&b);
	board_apic(&b);
	board_redir(&b, 20, 0x51);
	board_op(&b, B_WAIT, 0, 0x51, 20);
	board_op(&b, B_WAIT, 0, 0x62, 20);
	route_msi(&b, 100, 0x61);
	board_ring(msi);		/* what was signalled before counts */
	if (board_irqfd(&b, pin, 20, 0, 0) || board_irqfd(&b, msi, 100, 0, 0))
		return ktap_fail("irqfd is refused");
	if (board_irqfd(&b, pin, 21, 0, 0) != -EBUSY)
		return ktap_fail("one eventfd drives two lines");
	board_launch(&b);
	for (i = 1; i <= 20; i++) {
		board_ring(pin);
		if (board_await(&b, 0x51, i))
			return KTAP_FAIL;
	}
	/* a new vector for the same GSI, while the guest halts */
	route_msi(&b, 100, 0x62);
	for (i = 1; i <= 20; i++) {
		board_ring(msi);
		if (board_await(&b, 0x62, i))
			return KTAP_FAIL;
	}
	return board_finish(&b);
}

static int test_irqfd_ends(void)
{
	int first = board_eventfd(), second = board_eventfd();
	struct board_box b;

	board_open(&b);
	board_apic(&b);
	board_redir(&b, 20, 0x51);
	board_op(&b, B_WAIT, 0, 0x51, 2);
	board_launch(&b);
	if (board_irqfd(&b, first, 20, 0, 0))
		return ktap_fail("irqfd is refused");
	close(first);			/* its end */
	board_nap(20);
	if (board_irqfd(&b, second, 20, 0, 0))
		return ktap_fail("a second one is refused");
	board_ring(second);
	if (board_await(&b, 0x51, 1))
		return KTAP_FAIL;
	if (board_irqfd(&b, second, 20, KVM_IRQFD_FLAG_DEASSIGN, 0))
		return ktap_fail("it cannot be taken off");
	board_ring(second);
	board_nap(20);
	if (board_irqs(&b, 0x51) != 1)
		return ktap_fail("it still drives the line");
	board_line(&b, 20, 1);
	return board_finish(&b);
}

static int test_resample(void)
{
	int up = board_eventfd(), again = board_eventfd(), i, j;
	struct board_box b;

	board_open(&b);
	board_apic(&b);
	board_redir(&b, 21, 0x8054);
	board_op(&b, B_WAIT, 0, 0x54, 5);
	board_op(&b, B_WAIT, 0, 0x55, 1);
	if (board_irqfd(&b, up, 21, KVM_IRQFD_FLAG_RESAMPLE, again))
		return ktap_fail("irqfd is refused");
	board_launch(&b);
	for (i = 1; i <= 5; i++) {
		board_ring(up);
		if (board_await(&b, 0x54, i))
			return KTAP_FAIL;
		for (j = 0; j < 1000 && !board_rung(again); j++)
			board_nap(1);
		if (j == 1000)
			return ktap_fail("nobody asks for the line again");
	}
	board_nap(20);
	/* the line fell with each EOI */
	if (board_irqs(&b, 0x54) != 5 || board_rung(again))
		return ktap_fail("%u interrupts", board_irqs(&b, 0x54));
	if (board_irqfd(&b, up, 21, KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE, again))
		return ktap_fail("it cannot be taken off");
	board_do(&b, KVM_SIGNAL_MSI, &(struct kvm_msi){ .address_lo = 0xfee00000, .data = 0x55 });
	return board_finish(&b);
}

/* --- ioeventfd --------------------------------------------------------------------- */

static int test_bell_pio(void)
{
	int any = board_eventfd(), match = board_eventfd();
	struct board_box b;

	board_open_vm(&b);
	board_open_vcpu(&b);
	if (board_bell(&b, any, 0x600, 0, KVM_IOEVENTFD_FLAG_PIO, 0) ||
	    board_bell(&b, match, 0x610, 2,
		       KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, 7))
		return ktap_fail("a bell is refused");
	board_op(&b, B_OUT, 1, 0x600, 1);
	board_op(&b, B_OUT, 2, 0x600, 1);
	board_op(&b, B_OUT, 4, 0x600, 1);
	board_op(&b, B_OUT, 2, 0x610, 7);
	board_op(&b, B_OUT, 2, 0x610, 8);	/* ours */
	board_op(&b, B_OUT, 1, 0x610, 7);	/* ours */
	board_op(&b, B_OUT, 1, 0x601, 7);	/* ours */
	board_op(&b, B_IN, 1, 0x600, 7);
	board_op(&b, B_OUTS, 5, 0x600, 0);
	if (board_run(&b))
		return KTAP_FAIL;
	if (b.outs != 3)
		return ktap_fail("%u writes came to us", b.outs);
	if (board_rung(any) != 8 || board_rung(match) != 1)
		return ktap_fail("wrong number of rings");
	return KTAP_PASS;
}

static int test_bell_mmio(void)
{
	int fd[3] = { board_eventfd(), board_eventfd(), board_eventfd() };
	struct board_box b;

	board_open_vm(&b);
	board_open_vcpu(&b);
	if (board_bell(&b, fd[0], BELL_GPA, 2, KVM_IOEVENTFD_FLAG_DATAMATCH, 1) ||
	    board_bell(&b, fd[1], BELL_GPA, 2, KVM_IOEVENTFD_FLAG_DATAMATCH, 2) ||
	    board_bell(&b, fd[2], BELL_GPA + 0x10, 0, 0, 0))
		return ktap_fail("a bell is refused");
	board_op(&b, B_WRITE, 2, BELL_GPA, 1);
	board_op(&b, B_WRITE, 2, BELL_GPA, 2);
	board_op(&b, B_WRITE, 2, BELL_GPA, 2);
	board_op(&b, B_WRITE, 2, BELL_GPA, 3);	/* ours */
	board_op(&b, B_WRITE, 4, BELL_GPA, 1);	/* ours */
	board_op(&b, B_WRITE, 1, BELL_GPA + 0x10, 1);
	board_op(&b, B_WRITE, 2, BELL_GPA + 0x10, 2);
	board_op(&b, B_WRITE, 4, BELL_GPA + 0x10, 3);
	board_op(&b, B_WRITE, 8, BELL_GPA + 0x10, 4);
	board_op(&b, B_WRITE, 4, BELL_GPA + 0x14, 5);	/* ours */
	if (board_run(&b))
		return KTAP_FAIL;
	if (b.mmios != 3)
		return ktap_fail("%u writes came to us", b.mmios);
	if (board_rung(fd[0]) != 1 || board_rung(fd[1]) != 2 || board_rung(fd[2]) != 4)
		return ktap_fail("wrong number of rings");
	return KTAP_PASS;
}

static int test_bell_off(void)
{
	int fd = board_eventfd();
	struct board_box b;

	board_open_vm(&b);
	board_open_vcpu(&b);
	if (board_bell(&b, fd, BELL_GPA, 4, 0, 0) || board_bell(&b, fd, BELL_GPA + 8, 0, 0, 0))
		return ktap_fail("a bell is refused");
	if (board_bell(&b, fd, BELL_GPA, 4, 0, 0) != -EEXIST ||
	    board_bell(&b, fd, BELL_GPA, 0, 0, 0) != -EEXIST)
		return ktap_fail("two bells for one write");
	if (board_bell(&b, fd, BELL_GPA, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0) ||
	    board_bell(&b, fd, BELL_GPA + 8, 0, KVM_IOEVENTFD_FLAG_DEASSIGN, 0))
		return ktap_fail("they cannot be taken off");
	if (board_bell(&b, fd, BELL_GPA, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0) != -ENOENT)
		return ktap_fail("one can be taken off twice");
	board_op(&b, B_WRITE, 4, BELL_GPA, 1);
	board_op(&b, B_WRITE, 4, BELL_GPA + 8, 1);
	if (board_run(&b))
		return KTAP_FAIL;
	return b.mmios == 2 && !board_rung(fd) ? KTAP_PASS :
	       ktap_fail("%u writes came to us", b.mmios);
}

/* --- coalesced writes -------------------------------------------------------------- */

static struct kvm_coalesced_mmio_ring *ring_of(struct board_box *b)
{
	return (void *)((char *)b->vcpu.run + COALESCED_PAGE * 4096);
}

static int test_coalesced(void)
{
	struct kvm_coalesced_mmio_zone mem = { .addr = BELL_GPA, .size = 0x100 };
	struct kvm_coalesced_mmio_zone port = { .addr = 0x620, .size = 2, .pio = 1 };
	struct kvm_coalesced_mmio_ring *ring;
	struct board_box b;
	int i;

	board_open_vm(&b);
	board_open_vcpu(&b);
	if (ioctl(b.vm.dev, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO) != COALESCED_PAGE)
		return ktap_fail("the ring is on another page");
	board_must(&b, "zone", KVM_REGISTER_COALESCED_MMIO, &mem);
	board_must(&b, "ports", KVM_REGISTER_COALESCED_MMIO, &port);
	for (i = 0; i < 10; i++)
		board_op(&b, B_WRITE, 4, BELL_GPA + 4 * i, 1000 + i);
	board_op(&b, B_WRITE, 4, BELL_GPA + 0xfe, 1);		/* not within: ours */
	board_op(&b, B_OUT, 2, 0x620, 0x1234);
	board_op(&b, B_OUT, 2, 0x621, 0x1234);		/* not within: ours */
	if (board_run(&b))
		return KTAP_FAIL;
	ring = ring_of(&b);
	if (b.mmios != 1 || b.outs != 1 || ring->first != 0 || ring->last != 11)
		return ktap_fail("%u + %u came to us, ring %u to %u", b.mmios, b.outs,
				 ring->first, ring->last);
	for (i = 0; i < 10; i++) {
		struct kvm_coalesced_mmio *e = &ring->coalesced_mmio[i];
		uint32_t val;

		memcpy(&val, e->data, 4);
		if (e->phys_addr != BELL_GPA + 4 * i || e->len != 4 || e->pio ||
		    val != 1000u + i)
			return ktap_fail("entry %d is wrong", i);
	}
	if (ring->coalesced_mmio[10].phys_addr != 0x620 || !ring->coalesced_mmio[10].pio)
		return ktap_fail("the port's entry is wrong");
	return KTAP_PASS;
}

static int test_coalesced_full(void)
{
	struct kvm_coalesced_mmio_zone mem = { .addr = BELL_GPA, .size = 0x1000 };
	const unsigned int max = (4096 - sizeof(struct kvm_coalesced_mmio_ring)) /
				 sizeof(struct kvm_coalesced_mmio);
	struct board_box b;
	unsigned int i;

	board_open_vm(&b);
	board_open_vcpu(&b);
	board_must(&b, "zone", KVM_REGISTER_COALESCED_MMIO, &mem);
	for (i = 0; i < max + 20; i++)
		board_op(&b, B_WRITE, 4, BELL_GPA, i);
	if (board_run(&b))
		return KTAP_FAIL;
	/* How many fit differs (KVM's up to 6.11 uses half of it); none may get lost. */
	if (ring_of(&b)->last > max - 1 || ring_of(&b)->last < 80 ||
	    b.mmios != max + 20 - ring_of(&b)->last)
		return ktap_fail("ring to %u of %u, %u came to us", ring_of(&b)->last, max,
				 b.mmios);
	/* nonsense in the indices: nothing but an exit */
	ring_of(&b)->last = 0xfffffff0;
	b.n = 0;
	b.mmios = 0;
	board_op(&b, B_WRITE, 4, BELL_GPA, 1);
	board_op(&b, B_END, 0, 0, 0);
	if (kvmc_vcpu_mode(&b.vcpu, KVMC_MODE_LONG64, PAYLOAD_GPA) || board_run(&b))
		return ktap_fail("again");
	board_must(&b, "zone", KVM_UNREGISTER_COALESCED_MMIO, &mem);
	return b.mmios == 1 ? KTAP_PASS : ktap_fail("a ring of nonsense is used");
}

/* --- timer ------------------------------------------------------------------------- */

static int test_pit(void)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_pit_state2 state;
	struct timespec a, z;
	struct board_box b;
	long ms;

	board_open(&b);
	board_must(&b, "KVM_CREATE_PIT2", KVM_CREATE_PIT2, &config);
	board_pic(&b, 0xfe, 0xff);
	board_outb(&b, 0x43, 0x34);			/* 100 Hz: slow machines must keep up */
	board_outb(&b, 0x40, 11932 & 0xff);
	board_outb(&b, 0x40, 11932 >> 8);
	board_op(&b, B_WAIT, 0, 0x20, 30);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (board_run(&b))
		return KTAP_FAIL;
	clock_gettime(CLOCK_MONOTONIC, &z);
	ms = (z.tv_sec - a.tv_sec) * 1000 + (z.tv_nsec - a.tv_nsec) / 1000000;
	board_must(&b, "KVM_GET_PIT2", KVM_GET_PIT2, &state);
	if (state.channels[0].count != 11932 || state.channels[0].mode != 2)
		return ktap_fail("count %u, mode %u", state.channels[0].count,
				 state.channels[0].mode);
	printf("# 30 ticks of 10 ms took %ld ms\n", ms);
	return ms >= 290 ? KTAP_PASS : KTAP_FAIL;
}

static int test_pit_one_shot(void)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct board_box b;
	struct board_op *speaker;

	board_open(&b);
	board_must(&b, "KVM_CREATE_PIT2", KVM_CREATE_PIT2, &config);
	board_apic(&b);
	board_redir(&b, 0, 0x30);
	board_outb(&b, 0x61, 1);			/* counter 2: 1 ms, too */
	board_outb(&b, 0x43, 0xb0);
	board_outb(&b, 0x42, 0);
	board_outb(&b, 0x42, 4);
	board_outb(&b, 0x43, 0x30);
	board_outb(&b, 0x40, 0);
	board_outb(&b, 0x40, 8);
	board_op(&b, B_WAIT, 0, 0x30, 1);
	speaker = board_op(&b, B_IN, 1, 0x61, 0);
	if (board_run(&b))
		return KTAP_FAIL;
	if ((speaker->value & 0x21) != 0x21)
		return ktap_fail("port 61 says %llx", speaker->value);
	return board_irqs(&b, 0x30) == 1 ? KTAP_PASS : ktap_fail("%u ticks", board_irqs(&b, 0x30));
}

/* --- state and refusals ------------------------------------------------------------ */

static int test_state(void)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct board_box b;

	board_open(&b);
	board_apic(&b);
	board_op(&b, B_WAIT, 0, 0x52, 1);
	board_must(&b, "KVM_GET_IRQCHIP", KVM_GET_IRQCHIP, &chip);
	if (chip.chip.ioapic.base_address != BOARD_IOAPIC ||
	    !chip.chip.ioapic.redirtbl[5].fields.mask)
		return ktap_fail("reset state");
	chip.chip.ioapic.redirtbl[21].bits = 0x52;
	board_must(&b, "KVM_SET_IRQCHIP", KVM_SET_IRQCHIP, &chip);
	board_launch(&b);
	board_line(&b, 21, 1);
	return board_finish(&b);
}

static int test_refusals(void)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_pit_config config = { 0 };
	struct kvm_pit_state2 pit = { 0 };
	struct kvm_irqchip chip = { 0 };
	struct kvm_reinject_control reinject = { 0 };
	int fd = board_eventfd();
	struct board_box b;

	board_open_vm(&b);
#define WANT(want, what)						\
	do {								\
		int got = (what);					\
									\
		if (got != (want))					\
			return ktap_fail("line %d: %d, not %d", __LINE__, got, want); \
	} while (0)
	/* nothing in the kernel yet */
	WANT(-ENXIO, board_line(&b, 1, 1));
	WANT(-ENXIO, board_do(&b, KVM_GET_IRQCHIP, &chip));
	WANT(-ENXIO, board_do(&b, KVM_SET_IRQCHIP, &chip));
	WANT(-ENXIO, board_do(&b, KVM_GET_PIT2, &pit));
	WANT(-ENXIO, board_do(&b, KVM_SET_PIT2, &pit));
	WANT(-ENXIO, board_do(&b, KVM_REINJECT_CONTROL, &reinject));
	WANT(-EINVAL, board_irqfd(&b, fd, 1, 0, 0));
	WANT(-EINVAL, board_do(&b, KVM_SIGNAL_MSI, &(struct kvm_msi){ 0 }));
	WANT(0, board_do(&b, KVM_CREATE_IRQCHIP, NULL));
	WANT(-EEXIST, board_do(&b, KVM_CREATE_IRQCHIP, NULL));
	WANT(-EEXIST, board_do(&b, KVM_ENABLE_CAP, &split));
	WANT(0, board_do(&b, KVM_CREATE_PIT2, &config));
	WANT(-EEXIST, board_do(&b, KVM_CREATE_PIT2, &config));
	chip.chip_id = 3;
	WANT(-EINVAL, board_do(&b, KVM_GET_IRQCHIP, &chip));
	WANT(-EINVAL, board_irqfd(&b, fd, 1, 0x80, 0));
	WANT(-EINVAL, board_irqfd(&b, STDOUT_FILENO, 1, 0, 0));
	WANT(-EBADF, board_irqfd(&b, 999, 1, 0, 0));
	WANT(-EBADF, board_irqfd(&b, fd, 1, KVM_IRQFD_FLAG_RESAMPLE, 999));
	WANT(-EINVAL, board_bell(&b, fd, 0, 3, 0, 0));
	WANT(-EINVAL, board_bell(&b, fd, 0, 16, 0, 0));
	WANT(-EINVAL, board_bell(&b, fd, ~0ull, 4, 0, 0));
	WANT(-EINVAL, board_bell(&b, fd, 0, 0, KVM_IOEVENTFD_FLAG_DATAMATCH, 0));
	WANT(-EINVAL, board_bell(&b, fd, 0, 4, 0x100, 0));
	WANT(-EBADF, board_bell(&b, 999, 0, 4, 0, 0));
	WANT(-EINVAL, board_do(&b, KVM_REGISTER_COALESCED_MMIO,
			       &(struct kvm_coalesced_mmio_zone){ .size = 4, .pio = 2 }));
	WANT(0, ioctl(b.vm.fd, KVM_SET_BOOT_CPU_ID, 0) ? -errno : 0);
	board_open_vcpu(&b);
	WANT(-EBUSY, ioctl(b.vm.fd, KVM_SET_BOOT_CPU_ID, 0) ? -errno : 0);
#undef WANT
	return KTAP_PASS;
}

/* Any bytes at all: an answer, and the machine goes on. */
static int test_any_bytes(void)
{
	static const unsigned long cmds[] = {
		KVM_SET_GSI_ROUTING, KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS, KVM_SIGNAL_MSI,
		KVM_SET_IRQCHIP, KVM_GET_IRQCHIP, KVM_SET_PIT, KVM_SET_PIT2, KVM_GET_PIT,
		KVM_REINJECT_CONTROL, KVM_IRQFD, KVM_IOEVENTFD, KVM_REGISTER_COALESCED_MMIO,
		KVM_UNREGISTER_COALESCED_MMIO, KVM_CREATE_PIT2, KVM_CREATE_IRQCHIP,
	};
	struct kvm_pit_config config = { 0 };
	uint32_t buf[1024];
	unsigned int i, j, seed = 4711;
	struct board_box b;

	board_open(&b);
	board_must(&b, "KVM_CREATE_PIT2", KVM_CREATE_PIT2, &config);
	for (i = 0; i < 5000; i++) {
		for (j = 0; j < 1024; j++) {
			seed = seed * 1103515245 + 12345;
			/* small numbers get further */
			buf[j] = seed & 0x40000000 ? seed >> 8 & 7 : seed >> 3;
		}
		/* not our own files */
		if (cmds[i % 16] == KVM_IRQFD || cmds[i % 16] == KVM_IOEVENTFD)
			buf[cmds[i % 16] == KVM_IRQFD ? 0 : 5] |= 0x100;
		ioctl(b.vm.fd, cmds[i % 16], buf);
	}
	board_op(&b, B_OUT, 1, PORT_TEST, 1);
	return board_run(&b) ? KTAP_FAIL : KTAP_PASS;
}

static const struct ktap_test tests[] = {
	{ "lines of the 8259 pair", test_pic_line },
	{ "lines of the I/O APIC", test_ioapic_line },
	{ "a level comes again until it falls", test_level },
	{ "KVM_SIGNAL_MSI", test_msi },
	{ "irqfd on a pin and on a message", test_irqfd },
	{ "irqfd ends with its eventfd, or when asked to", test_irqfd_ends },
	{ "irqfd with resampling", test_resample },
	{ "ioeventfd on ports", test_bell_pio },
	{ "ioeventfd in memory", test_bell_mmio },
	{ "ioeventfd taken off", test_bell_off },
	{ "coalesced writes", test_coalesced },
	{ "coalesced ring full", test_coalesced_full },
	{ "PIT ticks", test_pit },
	{ "PIT one-shot and speaker port", test_pit_one_shot },
	{ "state is set", test_state },
	{ "bad requests are refused", test_refusals },
	{ "any bytes do no harm", test_any_bytes },
	{ }
};

int main(int argc, char **argv)
{
	static const struct ktap_test *const lists[] = { tests, NULL };

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# device %s\n", kvmc_dev_path());
	return ktap_main(lists, argc > 1 ? argv[1] : NULL);
}
