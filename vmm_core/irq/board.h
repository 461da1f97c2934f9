/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The board's interrupt side: what route.c, pic.c, ioapic.c, pit.c and irqfd.c
 * know of each other. Locking: see irq.h.
 */
#ifndef _VMM_CORE_BOARD_H
#define _VMM_CORE_BOARD_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include "../vmm.h"
#include "bus.h"
#include "irq.h"

/* --- who wants to know of acknowledgements (route.c) ----------------------------- */

/* Which controller; of the 8259 pair, pins 8 to 15 are the slave's. */
enum vmm_chip { VMM_CHIP_PIC, VMM_CHIP_IOAPIC };

/**
 * struct vmm_ack_notifier - wants to know what becomes of a GSI's interrupts
 * @link:  in vm->irq.ack_notifiers
 * @gsi:   number in the routing table
 * @acked: the guest has ended the interrupt (EOI); a level-triggered one is
 *         delivered again after it if the line is still up
 * @unmasked: a pin that the GSI leads to became unmasked, or NULL
 *
 * Both are called in process context, in an SRCU read section, without locks.
 */
struct vmm_ack_notifier {
	struct list_head link;
	u32 gsi;
	void (*acked)(struct vmm_ack_notifier *n);
	void (*unmasked)(struct vmm_ack_notifier *n);
};

void vmm_ack_register(struct vmm_vm *vm, struct vmm_ack_notifier *n);	/* irq.lock held */
void vmm_ack_unregister(struct vmm_vm *vm, struct vmm_ack_notifier *n);	/* and waits for readers */
/* @pins: which of @chip's pins were acknowledged, unmasked. */
void vmm_irq_acked(struct vmm_vm *vm, enum vmm_chip chip, u32 pins);
void vmm_irq_unmasked(struct vmm_vm *vm, enum vmm_chip chip, u32 pins);
u32 vmm_irq_notified_pins(struct vmm_vm *vm);	/* of the I/O APIC, with a notifier; any context */

/* --- the 8259 pair (pic.c) -------------------------------------------------------- */

struct vmm_pic_dev {
	struct vmm_iodev io;
	struct vmm_pic *pic;
};

/**
 * struct vmm_pic - two 8259, the second on pin 2 of the first
 * @vm:     whose
 * @lock:   everything but @output
 * @chip:   registers, as KVM_GET_IRQCHIP shows them
 * @lines:  bits of VMM_IRQ_SOURCE_* that hold a pin up
 * @output: INT of the first one; written under @lock, read without
 * @acked:  pins acknowledged since the lock was taken, for the notifiers
 * @unmasked: pins unmasked since then
 * @dev:    ports 20, a0, 4d0
 */
struct vmm_pic {
	struct vmm_vm *vm;
	spinlock_t lock;
	struct kvm_pic_state chip[2];
	u8 lines[VMM_NR_PIC_PINS];
	bool output;
	u32 acked, unmasked;
	struct vmm_pic_dev dev[3];
};

int vmm_pic_create(struct vmm_vm *vm);
void vmm_pic_destroy(struct vmm_vm *vm);
int vmm_pic_set_irq(struct vmm_pic *pic, int source, unsigned int pin, int level);
void vmm_pic_get(struct vmm_pic *pic, unsigned int n, struct kvm_pic_state *state);
void vmm_pic_set(struct vmm_pic *pic, unsigned int n, const struct kvm_pic_state *state);

/* --- the I/O APIC (ioapic.c) ------------------------------------------------------ */

/**
 * struct vmm_ioapic - 24 pins, version 0x11
 * @vm:     whose
 * @lock:   everything
 * @io:     its page
 * @base:   as user space set it; the guest finds it at the default address
 * @ioregsel: selected register
 * @id:     ID register
 * @irr:    pins whose line is up
 * @irr_sent: pins in @irr whose edge has been delivered
 * @redir:  redirection table
 * @lines:  bits of VMM_IRQ_SOURCE_* that hold a pin up
 * @inflight: pins whose last interrupt awaits its EOI, as far as that matters
 * @sent:   and the vector it had; the guest may change the entry meanwhile
 * @eois:   EOIs in a row that found the line still up
 * @late:   delivers for a pin that is in a storm
 */
struct vmm_ioapic {
	struct vmm_vm *vm;
	spinlock_t lock;
	struct vmm_iodev io;
	u64 base;
	u32 ioregsel, id;
	u32 irr, irr_sent;
	u64 redir[VMM_NR_IOAPIC_PINS];
	u8 lines[VMM_NR_IOAPIC_PINS];
	u32 inflight;
	u8 sent[VMM_NR_IOAPIC_PINS];
	u32 eois[VMM_NR_IOAPIC_PINS];
	struct delayed_work late;
};

int vmm_ioapic_create(struct vmm_vm *vm);
void vmm_ioapic_destroy(struct vmm_vm *vm);
int vmm_ioapic_set_irq(struct vmm_ioapic *ioapic, int source, unsigned int pin, int level);
void vmm_ioapic_get(struct vmm_ioapic *ioapic, struct kvm_ioapic_state *state);
void vmm_ioapic_set(struct vmm_ioapic *ioapic, const struct kvm_ioapic_state *state);
void vmm_ioapic_update_eoi(struct vmm_ioapic *ioapic);	/* notifiers or routes changed */

/* --- the 8254 (pit.c) ------------------------------------------------------------- */

void vmm_pit_destroy(struct vmm_vm *vm);

/* --- the rest --------------------------------------------------------------------- */

void vmm_bus_destroy(struct vmm_vm *vm);
void vmm_ioeventfd_destroy(struct vmm_vm *vm);
void vmm_coalesced_destroy(struct vmm_vm *vm);
void vmm_irqfd_stop(struct vmm_vm *vm);

static inline void vmm_signal_eventfd(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* An access of up to 8 bytes as a number, and back. */
static inline u64 vmm_io_value(const void *data, u32 len)
{
	u64 val = 0;

	memcpy(&val, data, min_t(u32, len, sizeof(val)));
	return val;
}

static inline void vmm_io_answer(void *data, u32 len, u64 val)
{
	memset(data, 0, len);
	memcpy(data, &val, min_t(u32, len, sizeof(val)));
}

#endif /* _VMM_CORE_BOARD_H */
