/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The board's controllers, compiled into a test, with APICs that only take notes.
 *
 * The code under test is included as it is; what it calls outside of the board is
 * below. Names that other suites of this module may have, too, are changed.
 */
#ifndef _IRQ_BOARD_H
#define _IRQ_BOARD_H

#include <kunit/test.h>
#include <linux/slab.h>

#define vmm_apic_send		board_apic_send
#define vmm_apic_pic_changed	board_apic_pic_changed
#define vmm_apic_pit_nmi	board_apic_pit_nmi
#define vmm_apic_mmio		board_apic_mmio
#define vmm_apic_eois_changed	board_apic_eois_changed
#define vmm_irqfd_stop		board_irqfd_stop
#define vmm_ioeventfd_destroy	board_ioeventfd_destroy
#define vmm_coalesced_destroy	board_coalesced_destroy
#define vmm_bus_register	board_bus_register
#define vmm_bus_unregister	board_bus_unregister
#define vmm_bus_destroy		board_bus_destroy
#define vmm_bus_read		board_bus_read
#define vmm_bus_write		board_bus_write
#define vmm_mmio_in_kernel	board_mmio_in_kernel
#define vmm_set_irq		board_set_irq
#define vmm_send_msi		board_send_msi
#define vmm_pic_pending		board_pic_pending
#define vmm_pic_ack		board_pic_ack
#define vmm_ioapic_eoi		board_ioapic_eoi
#define vmm_irq_wants_eoi	board_irq_wants_eoi

#include "../../vmm_core/irq/bus.c"
#include "../../vmm_core/irq/route.c"
#include "../../vmm_core/irq/pic.c"
#include "../../vmm_core/irq/ioapic.c"
#include "../../vmm_core/irq/pit.c"

/**
 * struct board - a VM with nothing but a board
 * @vm:    whose
 * @vcpu:  who accesses the ports
 * @msg:   the last message to an APIC
 * @sent:  messages so far
 * @answer: what APICs say to the next ones
 * @rises: times the 8259's output rose
 */
struct board {
	struct vmm_vm vm;
	struct vmm_vcpu vcpu;
	struct vmm_apic_msg msg;
	unsigned int sent;
	int answer;
	unsigned int rises;
};

static struct board *board_of(struct vmm_vm *vm)
{
	return container_of(vm, struct board, vm);
}

int vmm_apic_send(struct vmm_vm *vm, struct vmm_vcpu *src, const struct vmm_apic_msg *msg)
{
	board_of(vm)->msg = *msg;
	board_of(vm)->sent++;
	return board_of(vm)->answer;
}

void vmm_apic_pic_changed(struct vmm_vm *vm)
{
	board_of(vm)->rises++;
}

void vmm_apic_pit_nmi(struct vmm_vm *vm)
{
}

void vmm_apic_eois_changed(struct vmm_vm *vm)
{
}

int vmm_apic_mmio(struct vmm_vcpu *vcpu, bool write, u64 gpa, u32 len, void *data)
{
	return -EOPNOTSUPP;
}

void vmm_irqfd_stop(struct vmm_vm *vm)
{
}

void vmm_ioeventfd_destroy(struct vmm_vm *vm)
{
}

void vmm_coalesced_destroy(struct vmm_vm *vm)
{
}

static int board_make(struct board *b, bool irqchip)
{
	int r;

	b->vcpu.vm = &b->vm;
	b->answer = 1;
	mutex_init(&b->vm.lock);
	r = vmm_irq_init(&b->vm);
	if (r || !irqchip)
		return r;
	mutex_lock(&b->vm.lock);
	r = vmm_irqchip_create(&b->vm);
	mutex_unlock(&b->vm.lock);
	return r;
}

static int board_init(struct kunit *test)
{
	struct board *b = kvzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return -ENOMEM;
	test->priv = b;
	return board_make(b, true);
}

static void board_exit(struct kunit *test)
{
	struct board *b = test->priv;

	if (!b)
		return;
	vmm_irq_destroy(&b->vm);
	kvfree(b);
}

static inline void outb_(struct board *b, u16 port, u8 val)
{
	vmm_bus_write(&b->vcpu, VMM_BUS_PIO, port, 1, &val);
}

static inline u8 inb_(struct board *b, u16 port)
{
	u8 val = 0xff;

	vmm_bus_read(&b->vcpu, VMM_BUS_PIO, port, 1, &val);
	return val;
}

static inline int line(struct board *b, u32 gsi, int level)
{
	return vmm_set_irq(&b->vm, VMM_IRQ_SOURCE_USER, gsi, level);
}

/* Registers of the I/O APIC behind its window. */
static inline void io_write(struct board *b, u8 reg, u32 val)
{
	u32 sel = reg;

	vmm_mmio_in_kernel(&b->vcpu, true, 0xfec00000, 4, &sel);
	vmm_mmio_in_kernel(&b->vcpu, true, 0xfec00010, 4, &val);
}

static inline u32 io_read(struct board *b, u8 reg)
{
	u32 sel = reg, val = 0;

	vmm_mmio_in_kernel(&b->vcpu, true, 0xfec00000, 4, &sel);
	vmm_mmio_in_kernel(&b->vcpu, false, 0xfec00010, 4, &val);
	return val;
}

static inline void redir(struct board *b, unsigned int pin, u64 e)
{
	io_write(b, 0x11 + 2 * pin, e >> 32);
	io_write(b, 0x10 + 2 * pin, e);
}

#endif /* _IRQ_BOARD_H */
