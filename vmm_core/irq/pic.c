// SPDX-License-Identifier: GPL-2.0
/*
 * The pair of 8259 interrupt controllers of a PC, with the edge/level control
 * registers (ELCR) of its chip set.
 *
 * Design: the registers of each chip live in struct kvm_pic_state, which is what
 * user space saves and restores. After each change update() computes the
 * output anew. The slave's output is an edge on pin 2 of the master whenever
 * the slave has something to deliver that the master does not know of yet.
 *
 * An acknowledged or unmasked pin is noted while the lock is held, and told to
 * the notifiers after it: they may drive pins themselves.
 *
 * Locking: pic->lock, interrupts off, innermost of the board's locks. The
 * output is read without it.
 *
 * Limits: always cascaded (no single mode), always the 8086 kind of vector; the
 * cascade's wiring (ICW3) is fixed.
 */
#include <linux/slab.h>
#include "board.h"

#define MASTER			0
#define SLAVE			1
#define CASCADE_PIN		2

#define ICW1			0x10	/* first write to the even port: initialise */
#define ICW1_ICW4		0x01
#define OCW3			0x08
#define OCW3_READ		0x02	/* and bit 0: 0 IRR, 1 ISR */
#define OCW3_POLL		0x04
#define OCW3_SET_SMM		0x40	/* and bit 5: special mask mode */
#define ICW4_AEOI		0x02
#define ICW4_SFNM		0x10

/* States of the initialisation sequence, as user space sees them in init_state. */
enum { INIT_NONE, INIT_ICW2, INIT_ICW3, INIT_ICW4 };

/* --- priorities ------------------------------------------------------------------ */

/* Pin of the highest priority in @mask, or -1. */
static int highest(const struct kvm_pic_state *s, u8 mask)
{
	unsigned int i, pin;

	for (i = 0; mask && i < 8; i++) {
		pin = (i + s->priority_add) & 7;
		if (mask & BIT(pin))
			return pin;
	}
	return -1;
}

/* 0 is the highest; 8: below all of them. */
static unsigned int rank(const struct kvm_pic_state *s, int pin)
{
	return pin < 0 ? 8 : (pin - s->priority_add) & 7;
}

/* What a chip would deliver at the next acknowledge cycle, or -1. */
static int request(struct vmm_pic *pic, unsigned int n)
{
	const struct kvm_pic_state *s = &pic->chip[n];
	int pin = highest(s, s->irr & ~s->imr);
	u8 busy = s->isr;

	/* In special mask mode a masked pin in service holds up nobody. */
	if (s->special_mask)
		busy &= ~s->imr;
	/* Fully nested: the slave may interrupt its own handler. */
	if (n == MASTER && s->special_fully_nested_mode)
		busy &= ~BIT(CASCADE_PIN);
	return rank(s, pin) < rank(s, highest(s, busy)) ? pin : -1;
}

/* --- pins ------------------------------------------------------------------------ */

/* >0: a new request, 0: it was there already, -1: it is masked. */
static int drive(struct kvm_pic_state *s, unsigned int pin, bool level)
{
	u8 bit = BIT(pin);
	int r = 1;

	if (level) {
		if ((s->elcr & bit) || !(s->last_irr & bit)) {
			r = !(s->irr & bit);
			s->irr |= bit;
		}
		s->last_irr |= bit;
	} else {
		s->last_irr &= ~bit;
		if (s->elcr & bit)
			s->irr &= ~bit;
	}
	return s->imr & bit ? -1 : r;
}

/* Compute the output. True: it rose, and the vCPUs must be told. */
static bool update(struct vmm_pic *pic)
{
	struct kvm_pic_state *m = &pic->chip[MASTER];
	bool old = pic->output, out;

	if (request(pic, SLAVE) >= 0) {
		/* A pulse: each thing to deliver is an edge of its own. */
		drive(m, CASCADE_PIN, true);
		drive(m, CASCADE_PIN, false);
	} else {
		/* Masked or polled away before the master got to it. */
		m->irr &= ~BIT(CASCADE_PIN);
	}
	out = request(pic, MASTER) >= 0;
	WRITE_ONCE(pic->output, out);
	return out && !old;
}

static void lock(struct vmm_pic *pic, unsigned long *flags) __acquires(&pic->lock)
{
	spin_lock_irqsave(&pic->lock, *flags);
}

/* Let go, and tell those who wait for what happened meanwhile. */
static void unlock(struct vmm_pic *pic, unsigned long flags, bool rose) __releases(&pic->lock)
{
	u32 acked = pic->acked, unmasked = pic->unmasked;

	pic->acked = 0;
	pic->unmasked = 0;
	spin_unlock_irqrestore(&pic->lock, flags);
	if (rose)
		vmm_apic_pic_changed(pic->vm);
	if (unlikely(acked))
		vmm_irq_acked(pic->vm, VMM_CHIP_PIC, acked);
	if (unlikely(unmasked))
		vmm_irq_unmasked(pic->vm, VMM_CHIP_PIC, unmasked);
}

/**
 * vmm_pic_set_irq() - drive a pin
 * @pic:    the pair
 * @source: who, VMM_IRQ_SOURCE_*
 * @pin:    0 to 15
 * @level:  up or down
 *
 * Context: any but NMI.
 * Return: >0 a new request, 0 coalesced, -1 masked.
 */
int vmm_pic_set_irq(struct vmm_pic *pic, int source, unsigned int pin, int level)
{
	unsigned long flags;
	bool rose;
	int r;

	lock(pic, &flags);
	if (level)
		pic->lines[pin] |= BIT(source);
	else
		pic->lines[pin] &= ~BIT(source);
	r = drive(&pic->chip[pin >> 3], pin & 7, pic->lines[pin]);
	rose = update(pic);
	/* Nothing is acknowledged here: no notifier is called from an interrupt. */
	unlock(pic, flags, rose);
	return r;
}

/** vmm_pic_pending() - the pair wants to interrupt; any context, no lock */
bool vmm_pic_pending(struct vmm_vm *vm)
{
	struct vmm_pic *pic = READ_ONCE(vm->irq.pic);

	return pic && READ_ONCE(pic->output);
}

/* --- acknowledge and end of interrupt --------------------------------------------- */

static void end(struct vmm_pic *pic, unsigned int n, unsigned int pin)
{
	pic->chip[n].isr &= ~BIT(pin);
	pic->acked |= BIT(8 * n + pin);
}

static void in_service(struct vmm_pic *pic, unsigned int n, unsigned int pin)
{
	struct kvm_pic_state *s = &pic->chip[n];

	s->isr |= BIT(pin);
	if (!(s->elcr & BIT(pin)))
		s->irr &= ~BIT(pin);
	if (!s->auto_eoi)
		return;
	if (s->rotate_on_auto_eoi)
		s->priority_add = (pin + 1) & 7;
	end(pic, n, pin);
}

/**
 * vmm_pic_ack() - the interrupt acknowledge cycle
 * @vm: the VM; it has the pair
 *
 * A request that has gone meanwhile gives the spurious vector: pin 7 of the
 * chip that had it.
 *
 * Context: process, no locks.
 * Return: the vector.
 */
int vmm_pic_ack(struct vmm_vm *vm)
{
	struct vmm_pic *pic = vm->irq.pic;
	unsigned long flags;
	unsigned int n = MASTER;
	int pin, vector;
	bool rose;

	lock(pic, &flags);
	pin = request(pic, MASTER);
	if (pin >= 0)
		in_service(pic, MASTER, pin);
	if (pin == CASCADE_PIN) {
		n = SLAVE;
		pin = request(pic, SLAVE);
		if (pin >= 0)
			in_service(pic, SLAVE, pin);
	}
	vector = pic->chip[n].irq_base + (pin < 0 ? 7 : pin);
	rose = update(pic);
	unlock(pic, flags, rose);
	return vector;
}

/* OCW2: ends of interrupts and rotations; bits 7-5 say which, 2-0 a pin. */
static void ocw2(struct vmm_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[n];
	bool rotate = val & 0x80, specific = val & 0x40, eoi = val & 0x20;
	int pin = val & 7;

	if (!eoi) {
		if (!specific)
			s->rotate_on_auto_eoi = rotate;
		else if (rotate)
			s->priority_add = (pin + 1) & 7;
		return;
	}
	if (!specific) {
		pin = highest(s, s->special_mask ? s->isr & ~s->imr : s->isr);
		if (pin < 0)
			return;
	}
	if (rotate)
		s->priority_add = (pin + 1) & 7;
	end(pic, n, pin);
}

/* --- ports ------------------------------------------------------------------------ */

static void icw1(struct vmm_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[n];
	u8 edges = s->irr & ~s->elcr;

	s->init4 = val & ICW1_ICW4;
	s->last_irr = 0;
	s->irr &= s->elcr;
	s->isr = 0;
	s->imr = 0;
	s->priority_add = 0;
	s->special_mask = 0;
	s->read_reg_select = 0;
	if (!s->init4) {
		s->special_fully_nested_mode = 0;
		s->auto_eoi = 0;
	}
	s->init_state = INIT_ICW2;
	/* Edges that got lost count as served: somebody may wait for them. */
	pic->acked |= (u32)edges << (8 * n);
}

static void ocw3(struct kvm_pic_state *s, u8 val)
{
	if (val & OCW3_POLL)
		s->poll = 1;
	if (val & OCW3_READ)
		s->read_reg_select = val & 1;
	if (val & OCW3_SET_SMM)
		s->special_mask = (val >> 5) & 1;
}

static void write_mask(struct vmm_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[n];

	pic->unmasked |= (u32)(s->imr & ~val & 0xff) << (8 * n);
	s->imr = val;
}

static void write_odd(struct vmm_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[n];

	switch (s->init_state) {
	case INIT_ICW2:
		s->irq_base = val & 0xf8;
		s->init_state = INIT_ICW3;
		break;
	case INIT_ICW3:
		s->init_state = s->init4 ? INIT_ICW4 : INIT_NONE;
		break;
	case INIT_ICW4:
		s->special_fully_nested_mode = !!(val & ICW4_SFNM);
		s->auto_eoi = !!(val & ICW4_AEOI);
		s->init_state = INIT_NONE;
		break;
	default:
		write_mask(pic, n, val);
	}
}

static void write_port(struct vmm_pic *pic, unsigned int n, bool odd, u8 val)
{
	if (odd)
		write_odd(pic, n, val);
	else if (val & ICW1)
		icw1(pic, n, val);
	else if (val & OCW3)
		ocw3(&pic->chip[n], val);
	else
		ocw2(pic, n, val);
}

/* A poll is an acknowledge cycle by software: bit 7, and the pin. */
static u8 poll(struct vmm_pic *pic, unsigned int n)
{
	int pin = request(pic, n);

	pic->chip[n].poll = 0;
	if (pin < 0)
		return 0;
	in_service(pic, n, pin);
	return 0x80 | pin;
}

static u8 read_port(struct vmm_pic *pic, unsigned int n, bool odd)
{
	const struct kvm_pic_state *s = &pic->chip[n];

	if (s->poll)
		return poll(pic, n);
	if (odd)
		return s->imr;
	return s->read_reg_select ? s->isr : s->irr;
}

static int pic_read(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len, void *data)
{
	struct vmm_pic_dev *dev = container_of(io, struct vmm_pic_dev, io);
	struct vmm_pic *pic = dev->pic;
	unsigned long flags;
	bool rose;
	u8 val;

	memset(data, 0, len);
	if (len != 1)
		return 0;	/* the bus is 8 bits wide: nobody answers the rest */
	lock(pic, &flags);
	if (dev == &pic->dev[2])
		val = pic->chip[addr & 1].elcr;
	else
		val = read_port(pic, dev - pic->dev, addr & 1);
	rose = update(pic);
	unlock(pic, flags, rose);
	*(u8 *)data = val;
	return 0;
}

static int pic_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
		     const void *data)
{
	struct vmm_pic_dev *dev = container_of(io, struct vmm_pic_dev, io);
	struct vmm_pic *pic = dev->pic;
	unsigned long flags;
	bool rose;
	u8 val = *(const u8 *)data;

	if (len != 1)
		return 0;
	lock(pic, &flags);
	if (dev == &pic->dev[2])
		pic->chip[addr & 1].elcr = val & pic->chip[addr & 1].elcr_mask;
	else
		write_port(pic, dev - pic->dev, addr & 1, val);
	rose = update(pic);
	unlock(pic, flags, rose);
	return 0;
}

static const struct vmm_iodev_ops pic_ops = {
	.read = pic_read,
	.write = pic_write,
};

/* --- state and life ---------------------------------------------------------------- */

/** vmm_pic_get() - registers of chip @n (0 master, 1 slave) */
void vmm_pic_get(struct vmm_pic *pic, unsigned int n, struct kvm_pic_state *state)
{
	unsigned long flags;

	lock(pic, &flags);
	*state = pic->chip[n];
	unlock(pic, flags, false);
}

/** vmm_pic_set() - the same, set; what cannot be is made to fit */
void vmm_pic_set(struct vmm_pic *pic, unsigned int n, const struct kvm_pic_state *state)
{
	struct kvm_pic_state *s = &pic->chip[n];
	unsigned long flags;
	u8 elcr_mask;
	bool rose;

	lock(pic, &flags);
	elcr_mask = s->elcr_mask;
	*s = *state;
	s->elcr_mask = elcr_mask;
	s->elcr &= elcr_mask;
	s->priority_add &= 7;
	s->irq_base &= 0xf8;
	s->init_state &= 3;
	rose = update(pic);
	unlock(pic, flags, rose);
}

static const struct {
	u16 port;
	u8 elcr_mask;		/* pins of this chip that may be level-triggered */
} wiring[2] = {
	[MASTER] = { 0x20, 0xf8 },
	[SLAVE] = { 0xa0, 0xde },
};

/**
 * vmm_pic_create() - the pair, on its ports
 * @vm: the VM
 *
 * Context: process, vm->irq.lock held.
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int vmm_pic_create(struct vmm_vm *vm)
{
	struct vmm_pic *pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	int i, r;

	if (!pic)
		return -ENOMEM;
	pic->vm = vm;
	spin_lock_init(&pic->lock);
	for (i = 0; i < 3; i++) {
		pic->dev[i].pic = pic;
		pic->dev[i].io.ops = &pic_ops;
		pic->dev[i].io.addr = i < 2 ? wiring[i].port : 0x4d0;
		pic->dev[i].io.len = 2;
		if (i < 2)
			pic->chip[i].elcr_mask = wiring[i].elcr_mask;
		r = vmm_bus_register(vm, VMM_BUS_PIO, &pic->dev[i].io);
		if (r)
			goto err_bus;
	}
	WRITE_ONCE(vm->irq.pic, pic);
	return 0;

err_bus:
	while (i--)
		vmm_bus_unregister(vm, VMM_BUS_PIO, &pic->dev[i].io);
	kfree(pic);
	return r;
}

/** vmm_pic_destroy() - the inverse; vm->irq.lock held, or the VM goes */
void vmm_pic_destroy(struct vmm_vm *vm)
{
	struct vmm_pic *pic = vm->irq.pic;
	int i;

	if (!pic)
		return;
	for (i = 0; i < 3; i++)
		vmm_bus_unregister(vm, VMM_BUS_PIO, &pic->dev[i].io);
	WRITE_ONCE(vm->irq.pic, NULL);
	kfree(pic);
}
