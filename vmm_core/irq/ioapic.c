// SPDX-License-Identifier: GPL-2.0
/*
 * The I/O APIC: 24 pins, version 0x11, at its usual address.
 *
 * Design: an edge is sent when a line rises while its pin is unmasked, and is
 * lost when it is masked. A level is sent when the line is up, the pin is
 * unmasked and no interrupt of it awaits its EOI (remote IRR), and again after
 * the EOI if the line is still up. A guest whose handler does not silence its
 * device would get nothing else done: after STORM such rounds it gets a pause.
 *
 * The EOI of an interrupt comes with its vector only. The guest may have changed
 * the entry since; so the vector that was sent is remembered with the pin.
 *
 * Locking: ioapic->lock, interrupts off; the APICs are called under it. The
 * notifiers are not: they drive pins.
 *
 * Limits: the address is fixed, as on most boards; no EOI register (version
 * 0x20 has it); polarity has no effect: a line that is up is asserted.
 */
#include <linux/slab.h>
#include "board.h"

#define BASE			0xfec00000ull
#define LENGTH			0x100
#define VERSION			0x11

#define SELECT			0x00	/* offsets in the page */
#define WINDOW			0x10
#define REG_ID			0x00	/* registers behind the window */
#define REG_VERSION		0x01
#define REG_ARB			0x02
#define REG_REDIR		0x10

#define REDIR_VECTOR		0xffull
#define REDIR_MODE_SHIFT	8
#define REDIR_LOGICAL		BIT_ULL(11)
#define REDIR_STATUS		BIT_ULL(12)
#define REDIR_REMOTE_IRR	BIT_ULL(14)
#define REDIR_LEVEL		BIT_ULL(15)
#define REDIR_MASK		BIT_ULL(16)
#define REDIR_DEST_SHIFT	56
#define REDIR_READ_ONLY		(REDIR_STATUS | REDIR_REMOTE_IRR)

/* EOIs in a row that find the line up, and the pause after them. */
#define STORM			10000
#define STORM_PAUSE		(HZ / 100)

/* --- sending ----------------------------------------------------------------------- */

/* Send what @pin's entry says. >0: sent, 0: coalesced, -1: masked, awaits EOI, nobody there. */
static int service(struct vmm_ioapic *ioapic, unsigned int pin)
{
	u64 e = ioapic->redir[pin];
	struct vmm_apic_msg msg = {
		.dest = e >> REDIR_DEST_SHIFT,
		.vector = e & REDIR_VECTOR,
		.mode = (e >> REDIR_MODE_SHIFT) & 7,
		.logical = e & REDIR_LOGICAL,
		.level = true,
		.trig_level = e & REDIR_LEVEL,
	};
	int r;

	if ((e & REDIR_MASK) || ((e & REDIR_LEVEL) && (e & REDIR_REMOTE_IRR)))
		return -1;
	/* All of them cannot be the one with the lowest priority. */
	if (!msg.logical && msg.dest == 0xff && msg.mode == VMM_DM_LOWEST)
		msg.mode = VMM_DM_FIXED;
	if (!msg.trig_level)
		ioapic->irr_sent |= BIT(pin);
	/* Its EOI may come at once, from another processor: it waits for the lock. */
	r = vmm_apic_send(ioapic->vm, NULL, &msg);
	if (r > 0) {
		ioapic->sent[pin] = msg.vector;
		ioapic->inflight |= BIT(pin);
		if (msg.trig_level && msg.mode <= VMM_DM_LOWEST)
			ioapic->redir[pin] |= REDIR_REMOTE_IRR;
	}
	return r;
}

/**
 * vmm_ioapic_set_irq() - drive a pin
 * @ioapic: the I/O APIC
 * @source: who, VMM_IRQ_SOURCE_*
 * @pin:    0 to 23
 * @level:  up or down
 *
 * Context: any but NMI.
 * Return: >0 sent, 0 coalesced, -1 masked or nobody there.
 */
int vmm_ioapic_set_irq(struct vmm_ioapic *ioapic, int source, unsigned int pin, int level)
{
	u32 bit = BIT(pin), old;
	unsigned long flags;
	int r = 1;
	u64 e;

	spin_lock_irqsave(&ioapic->lock, flags);
	if (level)
		ioapic->lines[pin] |= BIT(source);
	else
		ioapic->lines[pin] &= ~BIT(source);
	if (!ioapic->lines[pin]) {
		ioapic->irr &= ~bit;
		goto out;
	}
	e = ioapic->redir[pin];
	old = ioapic->irr;
	ioapic->irr |= bit;
	if (e & REDIR_LEVEL) {
		r = e & REDIR_REMOTE_IRR ? 0 : service(ioapic, pin);
	} else if (old & bit) {
		r = 0;
	} else {
		ioapic->irr_sent &= ~bit;
		r = service(ioapic, pin);
	}
out:
	spin_unlock_irqrestore(&ioapic->lock, flags);
	return r;
}

/* --- end of interrupt ---------------------------------------------------------------- */

/*
 * Vectors of pins whose EOI matters: level-triggered, or with somebody who
 * wants to know. The bits that stay are never absent in between.
 */
static void update_eoi(struct vmm_ioapic *ioapic)
{
	u32 notified = vmm_irq_notified_pins(ioapic->vm);
	unsigned long *out = ioapic->vm->irq.eoi_vectors;
	DECLARE_BITMAP(want, 256) = { };
	unsigned int pin, i;
	bool changed = false;

	lockdep_assert_held(&ioapic->lock);
	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++) {
		u64 e = ioapic->redir[pin];

		if (!(e & (REDIR_LEVEL | REDIR_REMOTE_IRR)) && !(notified & BIT(pin)))
			continue;
		if (!(e & REDIR_MASK) || (e & REDIR_REMOTE_IRR))
			__set_bit(e & REDIR_VECTOR, want);
		if (ioapic->inflight & BIT(pin))
			__set_bit(ioapic->sent[pin], want);
	}
	for (i = 0; i < BITS_TO_LONGS(256); i++) {
		changed |= out[i] != want[i];
		WRITE_ONCE(out[i], want[i]);
	}
	if (changed)
		vmm_apic_eois_changed(ioapic->vm);
}

/** vmm_ioapic_update_eoi() - the notifiers, or their pins, have changed; any context */
void vmm_ioapic_update_eoi(struct vmm_ioapic *ioapic)
{
	unsigned long flags;

	spin_lock_irqsave(&ioapic->lock, flags);
	update_eoi(ioapic);
	spin_unlock_irqrestore(&ioapic->lock, flags);
}

/* Pins that this EOI may be for. */
static u32 eoi_pins(struct vmm_ioapic *ioapic, u8 vector)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++) {
		if ((ioapic->inflight & BIT(pin)) ? ioapic->sent[pin] == vector :
		    (ioapic->redir[pin] & REDIR_VECTOR) == vector)
			pins |= BIT(pin);
	}
	return pins;
}

/* The EOI of a level-triggered pin: what is still up is sent again. */
static void eoi_level(struct vmm_ioapic *ioapic, unsigned int pin)
{
	ioapic->redir[pin] &= ~REDIR_REMOTE_IRR;
	if ((ioapic->redir[pin] & REDIR_MASK) || !(ioapic->irr & BIT(pin))) {
		ioapic->eois[pin] = 0;
		return;
	}
	if (++ioapic->eois[pin] < STORM) {
		service(ioapic, pin);
		return;
	}
	ioapic->eois[pin] = 0;
	schedule_delayed_work(&ioapic->late, STORM_PAUSE);
}

/**
 * vmm_ioapic_eoi() - a vCPU has ended an interrupt that vmm_irq_wants_eoi() knows
 * @vcpu:   which
 * @vector: of the interrupt
 *
 * Context: process, no locks.
 */
void vmm_ioapic_eoi(struct vmm_vcpu *vcpu, u8 vector)
{
	struct vmm_ioapic *ioapic = vcpu->vm->irq.ioapic;
	unsigned long flags, pins;
	unsigned int pin;

	if (!ioapic)
		return;
	spin_lock_irqsave(&ioapic->lock, flags);
	pins = eoi_pins(ioapic, vector);
	ioapic->inflight &= ~pins;
	spin_unlock_irqrestore(&ioapic->lock, flags);
	if (!pins)
		return;

	/* A device that is told now can take its line down before it is looked at. */
	vmm_irq_acked(vcpu->vm, VMM_CHIP_IOAPIC, pins);

	spin_lock_irqsave(&ioapic->lock, flags);
	for_each_set_bit(pin, &pins, VMM_NR_IOAPIC_PINS) {
		if (ioapic->redir[pin] & REDIR_LEVEL)
			eoi_level(ioapic, pin);
	}
	spin_unlock_irqrestore(&ioapic->lock, flags);
}

/* The pause of a storm is over. */
static void late_work(struct work_struct *work)
{
	struct vmm_ioapic *ioapic = container_of(to_delayed_work(work), struct vmm_ioapic, late);
	unsigned long flags;
	unsigned int pin;

	spin_lock_irqsave(&ioapic->lock, flags);
	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++) {
		if ((ioapic->redir[pin] & REDIR_LEVEL) && (ioapic->irr & BIT(pin)))
			service(ioapic, pin);
	}
	spin_unlock_irqrestore(&ioapic->lock, flags);
}

/* --- registers ------------------------------------------------------------------------ */

static u32 read_reg(const struct vmm_ioapic *ioapic)
{
	u32 reg = ioapic->ioregsel, pin;
	u64 e;

	switch (reg) {
	case REG_ID:
	case REG_ARB:
		return ioapic->id << 24;
	case REG_VERSION:
		return (VMM_NR_IOAPIC_PINS - 1) << 16 | VERSION;
	}
	if (reg < REG_REDIR)
		return 0;
	pin = (reg - REG_REDIR) >> 1;
	e = pin < VMM_NR_IOAPIC_PINS ? ioapic->redir[pin] : ~0ull;
	return reg & 1 ? e >> 32 : e;
}

/* True: the pin became unmasked. */
static bool write_redir(struct vmm_ioapic *ioapic, unsigned int pin, bool high, u32 val)
{
	u64 old = ioapic->redir[pin], new;

	if (high)
		new = (u32)old | (u64)val << 32;
	else
		new = (old & ~0xffffffffull) | (old & REDIR_READ_ONLY) |
		      (val & 0x1ffff & ~REDIR_READ_ONLY);
	/* Guests use a passage through edge mode to get rid of a lost EOI. */
	if (!(new & REDIR_LEVEL))
		new &= ~REDIR_REMOTE_IRR;
	ioapic->redir[pin] = new;
	update_eoi(ioapic);
	/* A level that waited. An edge that came while the pin was masked is lost. */
	if ((new & REDIR_LEVEL) && (ioapic->irr & BIT(pin)))
		service(ioapic, pin);
	return (old & REDIR_MASK) && !(new & REDIR_MASK);
}

/* Pins that became unmasked. */
static u32 write_reg(struct vmm_ioapic *ioapic, u32 val)
{
	u32 reg = ioapic->ioregsel, pin;

	if (reg == REG_ID)
		ioapic->id = (val >> 24) & 0xf;
	if (reg < REG_REDIR)
		return 0;
	pin = (reg - REG_REDIR) >> 1;
	if (pin >= VMM_NR_IOAPIC_PINS)
		return 0;
	return write_redir(ioapic, pin, reg & 1, val) ? BIT(pin) : 0;
}

static int ioapic_read(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len, void *data)
{
	struct vmm_ioapic *ioapic = container_of(io, struct vmm_ioapic, io);
	unsigned long flags;
	u32 val = 0;

	spin_lock_irqsave(&ioapic->lock, flags);
	switch (addr - io->addr) {
	case SELECT:
		val = ioapic->ioregsel;
		break;
	case WINDOW:
		val = read_reg(ioapic);
		break;
	}
	spin_unlock_irqrestore(&ioapic->lock, flags);
	vmm_io_answer(data, len, val);
	return 0;
}

static int ioapic_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
			const void *data)
{
	struct vmm_ioapic *ioapic = container_of(io, struct vmm_ioapic, io);
	u32 val = vmm_io_value(data, len), unmasked = 0;
	unsigned long flags;

	spin_lock_irqsave(&ioapic->lock, flags);
	switch (addr - io->addr) {
	case SELECT:
		ioapic->ioregsel = val & 0xff;
		break;
	case WINDOW:
		unmasked = write_reg(ioapic, val);
		break;
	}
	spin_unlock_irqrestore(&ioapic->lock, flags);
	if (unmasked)
		vmm_irq_unmasked(ioapic->vm, VMM_CHIP_IOAPIC, unmasked);
	return 0;
}

static const struct vmm_iodev_ops ioapic_ops = {
	.read = ioapic_read,
	.write = ioapic_write,
};

/* --- state and life --------------------------------------------------------------------- */

/** vmm_ioapic_get() - as KVM_GET_IRQCHIP shows it: without edges that have been sent */
void vmm_ioapic_get(struct vmm_ioapic *ioapic, struct kvm_ioapic_state *state)
{
	unsigned long flags;
	unsigned int pin;

	memset(state, 0, sizeof(*state));
	spin_lock_irqsave(&ioapic->lock, flags);
	state->base_address = ioapic->base;
	state->ioregsel = ioapic->ioregsel;
	state->id = ioapic->id;
	state->irr = ioapic->irr & ~ioapic->irr_sent;
	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++)
		state->redirtbl[pin].bits = ioapic->redir[pin];
	spin_unlock_irqrestore(&ioapic->lock, flags);
}

/** vmm_ioapic_set() - the same, set; what is in its IRR is sent */
void vmm_ioapic_set(struct vmm_ioapic *ioapic, const struct kvm_ioapic_state *state)
{
	unsigned long flags;
	unsigned int pin;

	spin_lock_irqsave(&ioapic->lock, flags);
	ioapic->base = state->base_address;
	ioapic->ioregsel = state->ioregsel & 0xff;
	ioapic->id = state->id & 0xf;
	ioapic->irr = 0;
	ioapic->irr_sent = 0;
	ioapic->inflight = 0;
	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++)
		ioapic->redir[pin] = state->redirtbl[pin].bits;
	update_eoi(ioapic);
	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++) {
		if (!(state->irr & BIT(pin)))
			continue;
		ioapic->irr |= BIT(pin);
		service(ioapic, pin);
	}
	spin_unlock_irqrestore(&ioapic->lock, flags);
}

/**
 * vmm_ioapic_create() - the I/O APIC, at its address
 * @vm: the VM
 *
 * Context: process, vm->irq.lock held.
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int vmm_ioapic_create(struct vmm_vm *vm)
{
	struct vmm_ioapic *ioapic = kzalloc(sizeof(*ioapic), GFP_KERNEL_ACCOUNT);
	unsigned int pin;
	int r;

	if (!ioapic)
		return -ENOMEM;
	ioapic->vm = vm;
	spin_lock_init(&ioapic->lock);
	INIT_DELAYED_WORK(&ioapic->late, late_work);
	ioapic->base = BASE;
	for (pin = 0; pin < VMM_NR_IOAPIC_PINS; pin++)
		ioapic->redir[pin] = REDIR_MASK;
	ioapic->io.ops = &ioapic_ops;
	ioapic->io.addr = BASE;
	ioapic->io.len = LENGTH;
	r = vmm_bus_register(vm, VMM_BUS_MMIO, &ioapic->io);
	if (r) {
		kfree(ioapic);
		return r;
	}
	WRITE_ONCE(vm->irq.ioapic, ioapic);
	return 0;
}

/** vmm_ioapic_destroy() - the inverse; vm->irq.lock held, no vCPU runs */
void vmm_ioapic_destroy(struct vmm_vm *vm)
{
	struct vmm_ioapic *ioapic = vm->irq.ioapic;

	if (!ioapic)
		return;
	vmm_bus_unregister(vm, VMM_BUS_MMIO, &ioapic->io);
	cancel_delayed_work_sync(&ioapic->late);
	WRITE_ONCE(vm->irq.ioapic, NULL);
	kfree(ioapic);
}
