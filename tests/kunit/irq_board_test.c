// SPDX-License-Identifier: GPL-2.0
/*
 * The 8259 pair, the I/O APIC, the routes and the 8254 as the data sheets have them,
 * seen through their ports as a guest sees them.
 *
 * The PIT's ticks come from the machine's own timers; nothing is said about when
 * they come, only how many.
 */
#include <linux/delay.h>

#include "irq_board.h"
#include "rnd.h"
#include "irq_pic_cases.h"

/* --- I/O APIC -------------------------------------------------------------------- */

#define EDGE(v)		((u64)(v))
#define LEVEL(v)	((u64)(v) | BIT(15))
#define MASKED		BIT_ULL(16)
#define REMOTE_IRR	BIT(14)

static void eoi(struct board *b, u8 vector)
{
	if (vmm_irq_wants_eoi(&b->vcpu, vector))
		vmm_ioapic_eoi(&b->vcpu, vector);
}

static void ioapic_registers(struct kunit *test)
{
	struct board *b = test->priv;

	KUNIT_EXPECT_EQ(test, io_read(b, 1), 0x170011u);
	io_write(b, 0, 0xff000000);
	KUNIT_EXPECT_EQ(test, io_read(b, 0), 0x0f000000u);
	KUNIT_EXPECT_EQ(test, io_read(b, 2), 0x0f000000u);
	KUNIT_EXPECT_EQ(test, io_read(b, 0x10 + 2 * 23), (u32)MASKED);
	KUNIT_EXPECT_EQ(test, io_read(b, 0x10 + 2 * 24), ~0u);
	/* status and remote IRR cannot be written */
	redir(b, 3, MASKED | LEVEL(0x33) | BIT(12) | BIT(14) | 7ull << 56);
	KUNIT_EXPECT_EQ(test, io_read(b, 0x16), 0x18033u);
	KUNIT_EXPECT_EQ(test, io_read(b, 0x17), 0x07000000u);
}

static void ioapic_sends_what_the_entry_says(struct kunit *test)
{
	struct board *b = test->priv;

	redir(b, 20, EDGE(0x51) | 1 << 8 | BIT(11) | 3ull << 56);
	KUNIT_EXPECT_EQ(test, line(b, 20, 1), 1);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	KUNIT_EXPECT_EQ(test, b->msg.vector, 0x51);
	KUNIT_EXPECT_EQ(test, b->msg.mode, VMM_DM_LOWEST);
	KUNIT_EXPECT_EQ(test, b->msg.dest, 3u);
	KUNIT_EXPECT_TRUE(test, b->msg.logical);
	KUNIT_EXPECT_FALSE(test, b->msg.trig_level);
	/* all of them cannot have the lowest priority */
	redir(b, 21, EDGE(0x52) | 1 << 8 | 0xffull << 56);
	line(b, 21, 1);
	KUNIT_EXPECT_EQ(test, b->msg.mode, VMM_DM_FIXED);
}

static void ioapic_edge_is_sent_once(struct kunit *test)
{
	struct board *b = test->priv;

	redir(b, 18, EDGE(0x41));
	line(b, 18, 1);
	KUNIT_EXPECT_EQ(test, line(b, 18, 1), 0);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	line(b, 18, 0);
	line(b, 18, 1);
	KUNIT_EXPECT_EQ(test, b->sent, 2u);
	/* coalesced in the APIC */
	line(b, 18, 0);
	b->answer = 0;
	KUNIT_EXPECT_EQ(test, line(b, 18, 1), 0);
	/* masked: lost */
	line(b, 18, 0);
	redir(b, 18, EDGE(0x41) | MASKED);
	b->sent = 0;
	KUNIT_EXPECT_EQ(test, line(b, 18, 1), -1);
	redir(b, 18, EDGE(0x41));
	KUNIT_EXPECT_EQ(test, b->sent, 0u);
	KUNIT_EXPECT_FALSE(test, vmm_irq_wants_eoi(&b->vcpu, 0x41));
}

static void ioapic_level_waits_for_its_eoi(struct kunit *test)
{
	struct board *b = test->priv;

	redir(b, 19, LEVEL(0x42));
	line(b, 19, 1);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	KUNIT_EXPECT_TRUE(test, b->msg.trig_level);
	KUNIT_EXPECT_TRUE(test, io_read(b, 0x10 + 2 * 19) & REMOTE_IRR);
	KUNIT_EXPECT_EQ(test, line(b, 19, 1), 0);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	/* of another vector: not for us */
	eoi(b, 0x43);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	/* still up: again */
	eoi(b, 0x42);
	KUNIT_EXPECT_EQ(test, b->sent, 2u);
	line(b, 19, 0);
	eoi(b, 0x42);
	KUNIT_EXPECT_EQ(test, b->sent, 2u);
	KUNIT_EXPECT_FALSE(test, io_read(b, 0x10 + 2 * 19) & REMOTE_IRR);
	/* masked, and sent when unmasked */
	redir(b, 19, LEVEL(0x42) | MASKED);
	line(b, 19, 1);
	KUNIT_EXPECT_EQ(test, b->sent, 2u);
	redir(b, 19, LEVEL(0x42));
	KUNIT_EXPECT_EQ(test, b->sent, 3u);
	/* through edge mode the remote IRR goes */
	redir(b, 19, EDGE(0x42) | MASKED);
	KUNIT_EXPECT_FALSE(test, io_read(b, 0x10 + 2 * 19) & REMOTE_IRR);
}

static void ioapic_eoi_finds_the_vector_that_was_sent(struct kunit *test)
{
	struct board *b = test->priv;

	redir(b, 22, LEVEL(0x42));
	line(b, 22, 1);
	redir(b, 22, LEVEL(0x55));
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	eoi(b, 0x42);
	KUNIT_EXPECT_EQ(test, b->sent, 2u);
	KUNIT_EXPECT_EQ(test, b->msg.vector, 0x55);
}

static void ioapic_nobody_there_is_tried_again(struct kunit *test)
{
	struct board *b = test->priv;

	b->answer = -1;
	redir(b, 16, LEVEL(0x60));
	KUNIT_EXPECT_EQ(test, line(b, 16, 1), -1);
	KUNIT_EXPECT_FALSE(test, io_read(b, 0x30) & REMOTE_IRR);
	b->answer = 1;
	KUNIT_EXPECT_EQ(test, line(b, 16, 1), 1);
}

static void ioapic_storm_is_slowed(struct kunit *test)
{
	struct board *b = test->priv;
	unsigned int i;

	redir(b, 17, LEVEL(0x61));
	line(b, 17, 1);
	for (i = 0; i < STORM; i++)
		eoi(b, 0x61);
	KUNIT_EXPECT_EQ(test, b->sent, (unsigned int)STORM);
	msleep(50);
	KUNIT_EXPECT_EQ(test, b->sent, STORM + 1u);
}

static void ioapic_state_is_kept(struct kunit *test)
{
	struct kvm_irqchip *chip = kunit_kzalloc(test, sizeof(*chip), GFP_KERNEL);
	struct board *b = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, chip);
	chip->chip_id = KVM_IRQCHIP_IOAPIC;
	redir(b, 18, EDGE(0x41));
	redir(b, 19, LEVEL(0x42));
	line(b, 18, 1);
	line(b, 19, 1);
	KUNIT_ASSERT_EQ(test, vmm_irqchip_get(&b->vm, chip), 0);
	KUNIT_EXPECT_EQ(test, chip->chip.ioapic.base_address, 0xfec00000ull);
	/* the edge has been sent, it must not be sent again elsewhere */
	KUNIT_EXPECT_EQ(test, chip->chip.ioapic.irr, (u32)BIT(19));
	chip->chip.ioapic.redirtbl[19].bits &= ~(u64)REMOTE_IRR;
	b->sent = 0;
	KUNIT_ASSERT_EQ(test, vmm_irqchip_set(&b->vm, chip), 0);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	KUNIT_EXPECT_EQ(test, b->msg.vector, 0x42);
	eoi(b, 0x42);
	KUNIT_EXPECT_EQ(test, b->sent, 2u);
}

/* --- routes ------------------------------------------------------------------------ */

static int set_routes(struct board *b, const struct kvm_irq_routing_entry *e, u32 n)
{
	return vmm_set_routing(&b->vm, e, n, 0);
}

#define PIN(g, c, p)	{ .gsi = (g), .type = KVM_IRQ_ROUTING_IRQCHIP, \
			  .u.irqchip = { .irqchip = (c), .pin = (p) } }
#define MSI(g, lo, hi, d) { .gsi = (g), .type = KVM_IRQ_ROUTING_MSI, \
			  .u.msi = { .address_lo = (lo), .address_hi = (hi), .data = (d) } }

static void route_leads_where_it_says(struct kunit *test)
{
	const struct kvm_irq_routing_entry e[] = {
		PIN(0, KVM_IRQCHIP_IOAPIC, 2), PIN(0, KVM_IRQCHIP_PIC_MASTER, 0),
		PIN(70, KVM_IRQCHIP_PIC_SLAVE, 7), MSI(4095, 0xfee05000, 0, 0x4071),
	};
	struct board *b = test->priv;

	pic_setup(b, 1);
	KUNIT_ASSERT_EQ(test, set_routes(b, e, ARRAY_SIZE(e)), 0);
	redir(b, 2, EDGE(0x30));
	KUNIT_EXPECT_EQ(test, line(b, 0, 1), 2);	/* both took it */
	KUNIT_EXPECT_EQ(test, b->msg.vector, 0x30);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x20);
	outb_(b, M, 0x20);
	line(b, 70, 1);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x2f);
	KUNIT_EXPECT_EQ(test, line(b, 4095, 1), 1);
	KUNIT_EXPECT_EQ(test, b->msg.vector, 0x71);
	KUNIT_EXPECT_EQ(test, b->msg.dest, 5u);
	KUNIT_EXPECT_EQ(test, line(b, 4095, 0), -1);
	KUNIT_EXPECT_EQ(test, line(b, 5, 1), -1);	/* leads nowhere */
	KUNIT_EXPECT_EQ(test, line(b, 4096, 1), -1);
	KUNIT_EXPECT_EQ(test, line(b, ~0u, 1), -1);
}

static void route_refuses_the_impossible(struct kunit *test)
{
	static const struct kvm_irq_routing_entry bad[][2] = {
		{ PIN(4096, KVM_IRQCHIP_IOAPIC, 0) },
		{ PIN(1, KVM_IRQCHIP_IOAPIC, 24) },
		{ PIN(1, KVM_IRQCHIP_PIC_MASTER, 8) },
		{ PIN(1, KVM_IRQCHIP_PIC_SLAVE, 8) },
		{ PIN(1, 3, 0) },
		{ PIN(1, KVM_IRQCHIP_IOAPIC, 1), PIN(1, KVM_IRQCHIP_IOAPIC, 2) },
		{ PIN(1, KVM_IRQCHIP_IOAPIC, 1), MSI(1, 0, 0, 0) },
		{ MSI(1, 0, 0, 0), PIN(1, KVM_IRQCHIP_IOAPIC, 1) },
		{ MSI(1, 0, 0, 0), MSI(1, 0, 0, 0) },
		{ { .gsi = 1, .type = KVM_IRQ_ROUTING_S390_ADAPTER } },
		{ { .gsi = 1, .type = KVM_IRQ_ROUTING_MSI, .flags = 2 } },
		{ { .gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP, .flags = 1 } },
	};
	struct board *b = test->priv;
	unsigned int i;

	redir(b, 4, EDGE(0x30));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, set_routes(b, bad[i], bad[i][1].type ? 2 : 1), -EINVAL,
				    "entry %u", i);
	}
	KUNIT_EXPECT_EQ(test, vmm_set_routing(&b->vm, bad[0], 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_set_routing(&b->vm, bad[0], 4097, 0), -EINVAL);
	/* and the table that was there is still there */
	KUNIT_EXPECT_EQ(test, line(b, 4, 1), 2);
	KUNIT_EXPECT_EQ(test, vmm_set_routing(&b->vm, NULL, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, line(b, 4, 1), -1);
}

static void msi_is_decoded(struct kunit *test)
{
	struct board *b = test->priv;

	/* logical, hint, lowest priority, level */
	KUNIT_EXPECT_EQ(test, vmm_send_msi(&b->vm, 0xfee8100c, 0x8155), 1);
	KUNIT_EXPECT_EQ(test, b->msg.dest, 0x81u);
	KUNIT_EXPECT_TRUE(test, b->msg.logical);
	KUNIT_EXPECT_TRUE(test, b->msg.redir_hint);
	KUNIT_EXPECT_TRUE(test, b->msg.trig_level);
	KUNIT_EXPECT_EQ(test, b->msg.mode, VMM_DM_LOWEST);
	KUNIT_EXPECT_EQ(test, b->msg.vector, 0x55);
	/* 8 bits of destination, until user space asks for 32 */
	vmm_send_msi(&b->vm, 0x12345600fee81000ull, 0x55);
	KUNIT_EXPECT_EQ(test, b->msg.dest, 0x81u);
	b->vm.x2apic_api = KVM_X2APIC_API_USE_32BIT_IDS;
	vmm_send_msi(&b->vm, 0x12345600fee81000ull, 0x55);
	KUNIT_EXPECT_EQ(test, b->msg.dest, 0x12345681u);
	KUNIT_EXPECT_EQ(test, vmm_send_msi(&b->vm, 0x1fee81000ull, 0x55), -EINVAL);
	b->answer = -1;
	KUNIT_EXPECT_EQ(test, vmm_send_msi(&b->vm, 0xfee81000, 0x55), -1);
}

static void split_knows_whose_eoi_is_wanted(struct kunit *test)
{
	const struct kvm_irq_routing_entry e[] = {
		MSI(1, 0xfee00000, 0, 0xc041),	/* level */
		MSI(2, 0xfee00000, 0, 0x4042),	/* edge */
		MSI(24, 0xfee00000, 0, 0xc043),	/* level, beyond the pins */
	};
	const struct kvm_irq_routing_entry pin = PIN(1, KVM_IRQCHIP_IOAPIC, 1);
	struct board *b = kvzalloc(sizeof(*b), GFP_KERNEL);
	struct kvm_irqchip chip = { };

	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_EQ(test, board_make(b, false), 0);
	KUNIT_EXPECT_EQ(test, set_routes(b, e, 3), -EINVAL);	/* no APICs at all */
	mutex_lock(&b->vm.lock);
	KUNIT_EXPECT_EQ(test, vmm_irqchip_split(&b->vm, 4097), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_irqchip_split(&b->vm, 24), 0);
	KUNIT_EXPECT_EQ(test, vmm_irqchip_split(&b->vm, 24), -EEXIST);
	KUNIT_EXPECT_EQ(test, vmm_irqchip_create(&b->vm), -EEXIST);
	KUNIT_EXPECT_EQ(test, vmm_pit_create(&b->vm, 0), -ENOENT);
	mutex_unlock(&b->vm.lock);
	KUNIT_EXPECT_EQ(test, vmm_irqchip_get(&b->vm, &chip), -ENXIO);
	KUNIT_EXPECT_EQ(test, set_routes(b, &pin, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_routes(b, e, 3), 0);
	KUNIT_EXPECT_TRUE(test, vmm_irq_wants_eoi(&b->vcpu, 0x41));
	KUNIT_EXPECT_FALSE(test, vmm_irq_wants_eoi(&b->vcpu, 0x42));
	KUNIT_EXPECT_FALSE(test, vmm_irq_wants_eoi(&b->vcpu, 0x43));
	vmm_irq_destroy(&b->vm);
	kvfree(b);
}

/* --- acknowledgements ------------------------------------------------------------------ */

struct ack_count {
	struct vmm_ack_notifier n;
	unsigned int acks, unmasks;
};

static void count_ack(struct vmm_ack_notifier *n)
{
	container_of(n, struct ack_count, n)->acks++;
}

static void count_unmask(struct vmm_ack_notifier *n)
{
	container_of(n, struct ack_count, n)->unmasks++;
}

static void notifier_hears_of_both_controllers(struct kunit *test)
{
	struct ack_count c = { .n = { .gsi = 6, .acked = count_ack, .unmasked = count_unmask } };
	struct board *b = test->priv;

	mutex_lock(&b->vm.irq.lock);
	vmm_ack_register(&b->vm, &c.n);
	mutex_unlock(&b->vm.irq.lock);
	redir(b, 6, EDGE(0x48));
	redir(b, 7, EDGE(0x49));
	KUNIT_EXPECT_EQ(test, c.unmasks, 1u);
	KUNIT_EXPECT_TRUE(test, vmm_irq_wants_eoi(&b->vcpu, 0x48));
	KUNIT_EXPECT_FALSE(test, vmm_irq_wants_eoi(&b->vcpu, 0x49));
	edge(b, 6);
	eoi(b, 0x48);
	KUNIT_EXPECT_EQ(test, c.acks, 1u);
	pic_setup(b, 1);
	c.acks = 0;
	edge(b, 6);
	vmm_pic_ack(&b->vm);
	KUNIT_EXPECT_EQ(test, c.acks, 0u);
	outb_(b, M, 0x20);
	KUNIT_EXPECT_EQ(test, c.acks, 1u);
	outb_(b, M + 1, 0xff);
	c.unmasks = 0;
	outb_(b, M + 1, 0xbf);
	KUNIT_EXPECT_EQ(test, c.unmasks, 1u);
	mutex_lock(&b->vm.irq.lock);
	vmm_ack_unregister(&b->vm, &c.n);
	mutex_unlock(&b->vm.irq.lock);
	KUNIT_EXPECT_FALSE(test, vmm_irq_wants_eoi(&b->vcpu, 0x48));
}

static struct kunit_case board_cases[] = {
	KUNIT_CASE(pic_delivers_by_priority),
	KUNIT_CASE(pic_mask_holds_back),
	KUNIT_CASE(pic_slave_goes_through_pin_2),
	KUNIT_CASE(pic_fully_nested_slave_interrupts_itself),
	KUNIT_CASE(pic_special_mask_lets_lower_ones_in),
	KUNIT_CASE(pic_rotates),
	KUNIT_CASE(pic_ends_automatically),
	KUNIT_CASE(pic_level_stays_until_it_falls),
	KUNIT_CASE(pic_gone_request_is_spurious),
	KUNIT_CASE(pic_poll_acknowledges),
	KUNIT_CASE(pic_state_is_kept),
	KUNIT_CASE(pic_survives_anything),
	KUNIT_CASE(ioapic_registers),
	KUNIT_CASE(ioapic_sends_what_the_entry_says),
	KUNIT_CASE(ioapic_edge_is_sent_once),
	KUNIT_CASE(ioapic_level_waits_for_its_eoi),
	KUNIT_CASE(ioapic_eoi_finds_the_vector_that_was_sent),
	KUNIT_CASE(ioapic_nobody_there_is_tried_again),
	KUNIT_CASE(ioapic_storm_is_slowed),
	KUNIT_CASE(ioapic_state_is_kept),
	KUNIT_CASE(route_leads_where_it_says),
	KUNIT_CASE(route_refuses_the_impossible),
	KUNIT_CASE(msi_is_decoded),
	KUNIT_CASE(split_knows_whose_eoi_is_wanted),
	KUNIT_CASE(notifier_hears_of_both_controllers),
	{ }
};

static struct kunit_suite board_suite = {
	.name = "vmm_irq_board",
	.init = board_init,
	.exit = board_exit,
	.test_cases = board_cases,
};
kunit_test_suite(board_suite);

/* --- 8254 ------------------------------------------------------------------------------ */

static void pit_arithmetic(struct kunit *test)
{
	struct rnd rnd = { .x = 8254 };
	unsigned int i;

	/* one-shots go on below 0, in the counter's own base */
	KUNIT_EXPECT_EQ(test, pit_count(0, false, 100, 0), 100);
	KUNIT_EXPECT_EQ(test, pit_count(0, false, 100, 100), 0);
	KUNIT_EXPECT_EQ(test, pit_count(0, false, 100, 101), 0xffff);
	KUNIT_EXPECT_EQ(test, pit_count(4, true, 100, 101), 0x9999);
	/* periods start again at the count */
	KUNIT_EXPECT_EQ(test, pit_count(2, false, 100, 99), 1);
	KUNIT_EXPECT_EQ(test, pit_count(2, false, 100, 100), 100);
	KUNIT_EXPECT_EQ(test, pit_count(2, false, 0x10000, 0), 0);
	KUNIT_EXPECT_EQ(test, pit_count(3, false, 100, 1), 98);
	KUNIT_EXPECT_EQ(test, pit_count(3, false, 100, 50), 100);
	/* outputs */
	KUNIT_EXPECT_FALSE(test, pit_out(0, 100, 99));
	KUNIT_EXPECT_TRUE(test, pit_out(0, 100, 100));
	KUNIT_EXPECT_FALSE(test, pit_out(2, 100, 99));
	KUNIT_EXPECT_TRUE(test, pit_out(2, 100, 100));
	KUNIT_EXPECT_TRUE(test, pit_out(3, 101, 50));
	KUNIT_EXPECT_FALSE(test, pit_out(3, 101, 51));
	KUNIT_EXPECT_FALSE(test, pit_out(4, 100, 100));
	KUNIT_EXPECT_TRUE(test, pit_out(4, 100, 101));
	/* counts as guests write and read them */
	KUNIT_EXPECT_EQ(test, pit_from_guest(0, false), 0x10000u);
	KUNIT_EXPECT_EQ(test, pit_from_guest(0, true), 10000u);
	KUNIT_EXPECT_EQ(test, pit_from_guest(0x1234, true), 1234u);
	KUNIT_EXPECT_EQ(test, pit_to_guest(1234, true), 0x1234);
	KUNIT_EXPECT_EQ(test, pit_to_guest(10000, true), 0);
	/* a tick is never early, nor a whole nanosecond late */
	for (i = 0; i < 100000; i++) {
		u64 k = rnd_u64(&rnd) >> 20;

		KUNIT_ASSERT_EQ(test, pit_clocks(pit_ns(k)), k);
		KUNIT_ASSERT_LE(test, pit_clocks(pit_ns(k) - 2), k);
	}
}

static void pit_make(struct kunit *test)
{
	struct board *b = test->priv;

	mutex_lock(&b->vm.lock);
	KUNIT_ASSERT_EQ(test, vmm_pit_create(&b->vm, KVM_PIT_SPEAKER_DUMMY), 0);
	KUNIT_EXPECT_EQ(test, vmm_pit_create(&b->vm, 0), -EEXIST);
	mutex_unlock(&b->vm.lock);
}

static void pit_reads_back(struct kunit *test)
{
	struct board *b = test->priv;
	u16 val;

	pit_make(test);
	/* counter 2, low then high byte, mode 0 */
	outb_(b, 0x43, 0xb0);
	outb_(b, 0x42, 0x34);
	outb_(b, 0x42, 0xff);
	outb_(b, 0x43, 0x80);		/* latch */
	outb_(b, 0x43, 0x80);		/* a second one does nothing */
	val = inb_(b, 0x42);
	val |= inb_(b, 0x42) << 8;
	KUNIT_EXPECT_LE(test, val, 0xff34);
	/* status by read-back: access 3, mode 0, output low */
	outb_(b, 0x43, 0xe8);
	KUNIT_EXPECT_EQ(test, inb_(b, 0x42), 0x30);
	/* after 60 ms its output is high: by status, and at port 61 */
	msleep(80);
	outb_(b, 0x43, 0xe8);
	KUNIT_EXPECT_EQ(test, inb_(b, 0x42), 0xb0);
	outb_(b, 0x61, 3);
	KUNIT_EXPECT_EQ(test, inb_(b, 0x61) & 0x23, 0x23);
	/* one byte only: the other is 0 */
	outb_(b, 0x43, 0xa4);		/* high byte, mode 2 */
	outb_(b, 0x42, 0x12);
	KUNIT_EXPECT_EQ(test, b->vm.irq.pit->state.channels[2].count, 0x1200u);
	KUNIT_EXPECT_EQ(test, inb_(b, 0x43), 0);
}

/* Ticks of 10 ms, so that slow machines keep up, for @ms; how many were sent. */
static unsigned int tick_for(struct board *b, unsigned int ms)
{
	b->sent = 0;
	outb_(b, 0x43, 0x34);
	outb_(b, 0x40, 11932 & 0xff);
	outb_(b, 0x40, 11932 >> 8);
	msleep(ms);
	return b->sent;
}

static void pit_keeps_ticks_until_they_are_acknowledged(struct kunit *test)
{
	struct board *b = test->priv;
	unsigned int i, ticks;

	pit_make(test);
	redir(b, 0, EDGE(0x30));
	KUNIT_EXPECT_EQ(test, tick_for(b, 250), 1u);
	/* no more of them: stop counting, but those kept still come */
	outb_(b, 0x43, 0x30);
	ticks = b->vm.irq.pit->pending;
	KUNIT_EXPECT_GE(test, ticks, 23u);
	for (i = 0; i < 2 * ticks; i++)
		eoi(b, 0x30);
	KUNIT_EXPECT_EQ(test, b->sent, ticks);
	KUNIT_EXPECT_EQ(test, b->vm.irq.pit->pending, 0u);
	/* unmasking forgets */
	tick_for(b, 100);
	redir(b, 0, EDGE(0x30) | MASKED);
	redir(b, 0, EDGE(0x30));
	outb_(b, 0x43, 0x30);
	KUNIT_EXPECT_LE(test, b->vm.irq.pit->pending, 2u);
}

static void pit_without_reinjection_sends_each_tick(struct kunit *test)
{
	struct board *b = test->priv;

	pit_make(test);
	redir(b, 0, EDGE(0x30));
	KUNIT_EXPECT_EQ(test, vmm_pit_set_reinject(&b->vm, false), 0);
	KUNIT_EXPECT_GE(test, tick_for(b, 250), 20u);
	KUNIT_EXPECT_EQ(test, b->vm.irq.pit->pending, 0u);
	KUNIT_EXPECT_FALSE(test, vmm_irq_wants_eoi(&b->vcpu, 0x30));
	KUNIT_EXPECT_EQ(test, vmm_pit_set_reinject(&b->vm, true), 0);
	KUNIT_EXPECT_TRUE(test, vmm_irq_wants_eoi(&b->vcpu, 0x30));
}

static void pit_one_shot_comes_once(struct kunit *test)
{
	struct board *b = test->priv;

	pit_make(test);
	redir(b, 0, EDGE(0x30));
	outb_(b, 0x43, 0x38);		/* mode 4 */
	outb_(b, 0x40, 1193 & 0xff);
	KUNIT_EXPECT_EQ(test, b->sent, 0u);
	outb_(b, 0x40, 1193 >> 8);
	msleep(20);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
	eoi(b, 0x30);
	msleep(20);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
}

static void pit_with_hpet_in_its_place_is_silent(struct kunit *test)
{
	struct board *b = test->priv;
	struct kvm_pit_state2 state;

	pit_make(test);
	redir(b, 0, EDGE(0x30));
	tick_for(b, 5);
	KUNIT_ASSERT_EQ(test, vmm_pit_get(&b->vm, &state), 0);
	KUNIT_EXPECT_EQ(test, state.channels[0].count, 11932u);
	KUNIT_EXPECT_EQ(test, state.channels[0].mode, 2);
	state.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	KUNIT_EXPECT_EQ(test, vmm_pit_set(&b->vm, &state, false), 0);
	b->sent = 0;
	msleep(50);
	KUNIT_EXPECT_EQ(test, b->sent, 0u);
	state.flags = 0;
	KUNIT_EXPECT_EQ(test, vmm_pit_set(&b->vm, &state, false), 0);
	msleep(50);
	KUNIT_EXPECT_EQ(test, b->sent, 1u);
}

static void pit_survives_anything(struct kunit *test)
{
	struct board *b = test->priv;
	struct kvm_pit_state2 state;
	struct rnd rnd = { .x = 61 };
	unsigned int i, j;

	pit_make(test);
	for (i = 0; i < 20000; i++) {
		u32 r = (u32)rnd_u64(&rnd);

		if (r % 64 == 0) {
			for (j = 0; j < sizeof(state); j++)
				((u8 *)&state)[j] = rnd_u64(&rnd);
			vmm_pit_set(&b->vm, &state, r & 64);
		} else if (r % 2) {
			outb_(b, 0x40 + (r >> 8) % 4, r >> 16);
		} else {
			inb_(b, 0x40 + (r >> 8) % 4);
			inb_(b, 0x61);
		}
	}
	KUNIT_EXPECT_EQ(test, vmm_pit_get(&b->vm, &state), 0);
}

static struct kunit_case pit_cases[] = {
	KUNIT_CASE(pit_arithmetic),
	KUNIT_CASE(pit_reads_back),
	KUNIT_CASE(pit_keeps_ticks_until_they_are_acknowledged),
	KUNIT_CASE(pit_without_reinjection_sends_each_tick),
	KUNIT_CASE(pit_one_shot_comes_once),
	KUNIT_CASE(pit_with_hpet_in_its_place_is_silent),
	KUNIT_CASE(pit_survives_anything),
	{ }
};

static struct kunit_suite pit_suite = {
	.name = "vmm_pit",
	.init = board_init,
	.exit = board_exit,
	.test_cases = pit_cases,
};
kunit_test_suite(pit_suite);
