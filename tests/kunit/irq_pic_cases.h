/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 8259 pair's tests, for irq_board_test.c: what its data sheet says, through its
 * ports.
 */
/* --- 8259 ---------------------------------------------------------------------- */

#define M	0x20	/* ports of the master and the slave */
#define S	0xa0

static void pic_setup(struct board *b, u8 icw4)
{
	outb_(b, M, 0x11);
	outb_(b, M + 1, 0x20);
	outb_(b, M + 1, 0x04);
	outb_(b, M + 1, icw4);
	outb_(b, S, 0x11);
	outb_(b, S + 1, 0x28);
	outb_(b, S + 1, 0x02);
	outb_(b, S + 1, icw4);
	outb_(b, M + 1, 0);
	outb_(b, S + 1, 0);
}

static u8 pic_reg(struct board *b, u16 port, bool isr)
{
	outb_(b, port, isr ? 0x0b : 0x0a);
	return inb_(b, port);
}

static void edge(struct board *b, u32 gsi)
{
	line(b, gsi, 1);
	line(b, gsi, 0);
}

static void pic_delivers_by_priority(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	edge(b, 3);
	edge(b, 1);
	KUNIT_EXPECT_TRUE(test, vmm_pic_pending(&b->vm));
	KUNIT_EXPECT_EQ(test, b->rises, 1u);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, false), 0x0a);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x21);
	/* 3 waits for the end of 1; 0 does not */
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	edge(b, 0);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x20);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0x03);
	outb_(b, M, 0x20);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0x02);
	outb_(b, M, 0x61);	/* a specific one */
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x23);
}

static void pic_mask_holds_back(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	outb_(b, M + 1, 0x10);
	redir(b, 4, BIT(16));
	KUNIT_EXPECT_EQ(test, line(b, 4, 1), -1);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	KUNIT_EXPECT_EQ(test, inb_(b, M + 1), 0x10);
	outb_(b, M + 1, 0);
	KUNIT_EXPECT_TRUE(test, vmm_pic_pending(&b->vm));
	line(b, 4, 0);
	KUNIT_EXPECT_EQ(test, line(b, 4, 1), 0);	/* is in the IRR already */
}

static void pic_slave_goes_through_pin_2(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	edge(b, 12);
	edge(b, 9);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x29);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0x04);
	KUNIT_EXPECT_EQ(test, pic_reg(b, S, true), 0x02);
	/* a higher one of the slave's is held up at the master */
	edge(b, 8);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	outb_(b, S, 0x20);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	outb_(b, M, 0x20);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x28);
	outb_(b, S, 0x20);
	outb_(b, M, 0x20);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x2c);
}

static void pic_fully_nested_slave_interrupts_itself(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 0x11);
	edge(b, 12);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x2c);
	edge(b, 13);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	edge(b, 8);
	KUNIT_EXPECT_TRUE(test, vmm_pic_pending(&b->vm));
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x28);
}

static void pic_special_mask_lets_lower_ones_in(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	edge(b, 1);
	vmm_pic_ack(&b->vm);
	edge(b, 5);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	outb_(b, M + 1, 0x02);		/* mask the one in service */
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	outb_(b, M, 0x68);		/* special mask mode */
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x25);
	/* the non-specific EOI passes over masked ones */
	outb_(b, M, 0x20);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0x02);
	outb_(b, M, 0x48);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
}

static void pic_rotates(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	edge(b, 3);
	vmm_pic_ack(&b->vm);
	outb_(b, M, 0xa0);		/* 3 becomes the lowest */
	edge(b, 3);
	edge(b, 4);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x24);
	outb_(b, M, 0xe4);		/* specific: 4 the lowest */
	edge(b, 5);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x25);
	outb_(b, M, 0x65);
	outb_(b, M, 0xc7);		/* set: 7 the lowest, as at first */
	edge(b, 0);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x20);
}

static void pic_ends_automatically(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 3);
	edge(b, 1);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x21);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0);
	outb_(b, M, 0x80);		/* and rotate */
	edge(b, 1);
	vmm_pic_ack(&b->vm);
	edge(b, 1);
	edge(b, 6);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x26);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x21);
}

static void pic_level_stays_until_it_falls(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	outb_(b, 0x4d0, 0xff);
	outb_(b, 0x4d1, 0xff);
	/* some lines can only be edges */
	KUNIT_EXPECT_EQ(test, inb_(b, 0x4d0), 0xf8);
	KUNIT_EXPECT_EQ(test, inb_(b, 0x4d1), 0xde);
	line(b, 5, 1);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x25);
	outb_(b, M, 0x20);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x25);
	line(b, 5, 0);
	outb_(b, M, 0x20);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	/* two drivers: up while one holds it */
	vmm_set_irq(&b->vm, VMM_IRQ_SOURCE_RESAMPLE, 5, 1);
	line(b, 5, 1);
	line(b, 5, 0);
	KUNIT_EXPECT_TRUE(test, vmm_pic_pending(&b->vm));
	vmm_set_irq(&b->vm, VMM_IRQ_SOURCE_RESAMPLE, 5, 0);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
}

static void pic_gone_request_is_spurious(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x27);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0);
	outb_(b, 0x4d1, 0x08);
	line(b, 11, 1);
	line(b, 11, 0);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
}

static void pic_poll_acknowledges(struct kunit *test)
{
	struct board *b = test->priv;

	pic_setup(b, 1);
	outb_(b, M, 0x0c);
	KUNIT_EXPECT_EQ(test, inb_(b, M), 0);
	edge(b, 6);
	outb_(b, M, 0x0c);
	KUNIT_EXPECT_EQ(test, inb_(b, M), 0x86);
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, true), 0x40);
	edge(b, 10);
	outb_(b, S, 0x0c);
	KUNIT_EXPECT_EQ(test, inb_(b, S), 0x82);
	/* the master's pin 2 has nothing behind it any more */
	KUNIT_EXPECT_EQ(test, pic_reg(b, M, false) & 4, 0);
}

static void pic_state_is_kept(struct kunit *test)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_SLAVE };
	struct board *b = test->priv;

	pic_setup(b, 1);
	edge(b, 14);
	KUNIT_ASSERT_EQ(test, vmm_irqchip_get(&b->vm, &chip), 0);
	KUNIT_EXPECT_EQ(test, chip.chip.pic.irq_base, 0x28);
	KUNIT_EXPECT_EQ(test, chip.chip.pic.irr, 0x40);
	outb_(b, S, 0x11);
	KUNIT_EXPECT_FALSE(test, vmm_pic_pending(&b->vm));
	KUNIT_ASSERT_EQ(test, vmm_irqchip_set(&b->vm, &chip), 0);
	KUNIT_EXPECT_EQ(test, vmm_pic_ack(&b->vm), 0x2e);
	chip.chip_id = 3;
	KUNIT_EXPECT_EQ(test, vmm_irqchip_get(&b->vm, &chip), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_irqchip_set(&b->vm, &chip), -EINVAL);
}

/* Whatever is written: vectors are of the chips' bases, and the output is what can be had. */
static void pic_survives_anything(struct kunit *test)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	struct board *b = test->priv;
	struct rnd rnd = { .x = 20259 };
	struct kvm_irqchip chip;
	unsigned int i, j;
	int vector;

	for (i = 0; i < 20000; i++) {
		u32 r = (u32)rnd_u64(&rnd);

		switch (r % 8) {
		case 0 ... 2:
			outb_(b, ports[(r >> 8) % 6], r >> 16);
			break;
		case 3:
			inb_(b, ports[(r >> 8) % 6]);
			break;
		case 4 ... 5:
			line(b, (r >> 8) % 16, r >> 31);
			break;
		case 6:
			if (!vmm_pic_pending(&b->vm))
				break;
			vector = vmm_pic_ack(&b->vm) & ~7;
			KUNIT_ASSERT_TRUE(test, vector == b->vm.irq.pic->chip[0].irq_base ||
					  vector == b->vm.irq.pic->chip[1].irq_base);
			break;
		default:
			if (r >> 29)
				break;
			chip.chip_id = r & 1;
			for (j = 0; j < sizeof(chip.chip.pic); j++)
				((u8 *)&chip.chip.pic)[j] = rnd_u64(&rnd);
			vmm_irqchip_set(&b->vm, &chip);
		}
		KUNIT_ASSERT_EQ(test, vmm_pic_pending(&b->vm),
				request(b->vm.irq.pic, MASTER) >= 0);
	}
}
