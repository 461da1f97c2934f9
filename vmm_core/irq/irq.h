/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts inside the kernel: what the files of irq/ know of each other, and
 * what the rest of vmm_core knows of them.
 *
 *   lapic.c, lapic_access.c,        local APIC of a vCPU: state, the guest's ways to
 *   lapic_timer.c, ipi.c            it, its timer, messages
 *   route.c                         GSI routing, MSI, who gets an interrupt
 *   pic.c, ioapic.c, pit.c          the board's controllers and timer
 *   irqfd.c, ioeventfd.c            interrupts and notifications by eventfd
 *   coalesced.c                     writes that user space may see later
 *   bus.c                           in-kernel devices by port or address
 *
 * Locking, outermost first: vm->lock > vm->irq.lock (mutex: routes, irqfds,
 * creation) > SRCU vm->irq.srcu (readers of the routing table) > spinlocks of
 * the PIC, the I/O APIC and the PIT, in that order: PIT > IOAPIC > PIC; no APIC
 * function takes any of them while it holds a lock of its own. All of the
 * spinlocks are taken with interrupts off, because eventfds signal from
 * interrupt context.
 */
#ifndef _VMM_CORE_IRQ_H
#define _VMM_CORE_IRQ_H

#include <linux/bitmap.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>

struct vmm_vm;
struct vmm_vcpu;

enum vmm_irqchip { VMM_IRQCHIP_NONE, VMM_IRQCHIP_SPLIT, VMM_IRQCHIP_KERNEL };

#define VMM_MAX_GSI		4096	/* KVM_CAP_IRQ_ROUTING */
#define VMM_NR_IOAPIC_PINS	24
#define VMM_NR_PIC_PINS		16

/* Who drives a pin that several may drive: a pin is high while one of them holds it up. */
#define VMM_IRQ_SOURCE_USER	0	/* KVM_IRQ_LINE, irqfd */
#define VMM_IRQ_SOURCE_RESAMPLE	1	/* irqfds with resample */
#define VMM_IRQ_SOURCE_PIT	2

/* --- messages to local APICs (lapic.c, ipi.c) --------------------------------- */

enum vmm_delivery {	/* the hardware's encoding */
	VMM_DM_FIXED, VMM_DM_LOWEST, VMM_DM_SMI, VMM_DM_REMOTE_READ, VMM_DM_NMI, VMM_DM_INIT,
	VMM_DM_STARTUP, VMM_DM_EXTINT,
};

/**
 * struct vmm_apic_msg - an interrupt message on its way to local APICs
 * @dest:      destination: physical id or logical address; xAPIC: 8 bits, x2APIC: 32
 * @vector:    0 to 255
 * @mode:      enum vmm_delivery
 * @logical:   @dest is logical
 * @level:     asserted (INIT de-assert is ignored)
 * @trig_level: level-triggered: its EOI is broadcast
 * @shorthand: 0 none, 1 self, 2 all, 3 all but self (IPIs only)
 * @redir_hint: MSI redirection hint: lowest priority among those addressed
 * @x2apic_wide: @dest has 32 bits even when it looks like the xAPIC broadcast
 */
struct vmm_apic_msg {
	u32 dest;
	u8 vector;
	u8 mode;
	bool logical;
	bool level;
	bool trig_level;
	u8 shorthand;
	bool redir_hint;
	bool x2apic_wide;
};

/**
 * vmm_apic_send() - deliver a message to whom it addresses
 * @vm:  the VM
 * @src: the vCPU that sends an IPI, or NULL
 * @msg: the message
 *
 * Context: any but NMI; takes no lock that is not its own; wakes and kicks.
 * Return: number of vCPUs that accepted it (pending already or not, as KVM
 * counts), 0: none of those addressed accepts, -1: nobody is addressed.
 */
int vmm_apic_send(struct vmm_vm *vm, struct vmm_vcpu *src, const struct vmm_apic_msg *msg);

/* The board's interrupt output (8259) changed: vCPUs that accept ExtINT look again. Any context. */
void vmm_apic_pic_changed(struct vmm_vm *vm);
/* PIT channel 0 in virtual-wire NMI mode: every APIC with LVT0 = NMI gets one. */
void vmm_apic_pit_nmi(struct vmm_vm *vm);

/* --- the board (route.c, pic.c, ioapic.c, pit.c) ------------------------------- */

struct vmm_pic;
struct vmm_ioapic;
struct vmm_pit;
struct vmm_routes;

/** struct vmm_irq - the interrupt side of a VM, embedded in struct vmm_vm as .irq */
struct vmm_irq {
	struct mutex lock;
	struct srcu_struct srcu;	/* valid from VM creation on */
	int mode;			/* enum vmm_irqchip; READ_ONCE, set once under lock */
	u32 nr_split_pins;		/* pins of user space's I/O APIC: routes whose EOI it wants */
	struct vmm_routes __rcu *routes;
	struct vmm_pic *pic;		/* KERNEL mode: set before mode is */
	struct vmm_ioapic *ioapic;
	struct vmm_pit *pit;
	struct list_head irqfds;	/* lock */
	struct list_head resamplers;	/* lock */
	struct list_head ioeventfds;	/* lock */
	struct list_head zones;		/* lock; coalesced MMIO and ports */
	struct list_head ack_notifiers;	/* lock for writing, srcu for reading */
	struct vmm_bus __rcu *bus[3];	/* by enum vmm_bus_id, srcu; see bus.h */
	/*
	 * Vectors whose EOI the board, or user space's I/O APIC, wants to see.
	 * Read without a lock, one bit at a time; never loses a bit that stays set.
	 */
	DECLARE_BITMAP(eoi_vectors, 256);
	struct page *ring_page;		/* coalesced ring, third page of each vCPU's run area */
	spinlock_t ring_lock;		/* writers of the ring */
};

/* VM life (route.c calls its siblings). */
int vmm_irq_init(struct vmm_vm *vm);		/* at VM creation; may sleep */
void vmm_irq_destroy(struct vmm_vm *vm);	/* no vCPU runs; before vCPUs are freed */
void vmm_irq_stop(struct vmm_vm *vm);		/* VM file released: irqfds are shut down */

/*
 * KVM_CREATE_IRQCHIP: -EEXIST there is one, -EINVAL there are vCPUs. Default
 * routes: GSI 0-15 to PIC and I/O APIC, 16-23 to I/O APIC, each to the pin of its number.
 */
int vmm_irqchip_create(struct vmm_vm *vm);
int vmm_irqchip_split(struct vmm_vm *vm, u32 pins);	/* KVM_CAP_SPLIT_IRQCHIP, 0..24 pins */
int vmm_irqchip_get(struct vmm_vm *vm, struct kvm_irqchip *chip);
int vmm_irqchip_set(struct vmm_vm *vm, struct kvm_irqchip *chip);
int vmm_set_routing(struct vmm_vm *vm, const struct kvm_irq_routing_entry *ue, u32 nr, u32 flags);

/**
 * vmm_set_irq() - drive a GSI
 * @vm:     the VM
 * @source: VMM_IRQ_SOURCE_*
 * @gsi:    number in the routing table
 * @level:  1 up, 0 down; an MSI is sent on 1
 *
 * Context: any but NMI (SRCU read section inside).
 * Return: >0 delivered, 0 coalesced, <0 nobody there (KVM_IRQ_LINE_STATUS).
 */
int vmm_set_irq(struct vmm_vm *vm, int source, u32 gsi, int level);
int vmm_send_msi(struct vmm_vm *vm, u64 address, u32 data);	/* like vmm_set_irq() */

/* 8259 pair: for the vCPU whose LVT0 accepts ExtINT, or whose APIC is disabled. */
bool vmm_pic_pending(struct vmm_vm *vm);	/* lock-free read of the output */
int vmm_pic_ack(struct vmm_vm *vm);		/* INTA cycle: the vector (spurious: 7 / 15 of the base) */

/*
 * EOI of @vector by @vcpu: I/O APIC in the kernel (mode KERNEL). To be called
 * for every vector that vmm_irq_wants_eoi() names, edge-triggered ones too:
 * the PIT counts the acknowledged ticks of its edge-triggered pin. Process
 * context (it calls notifiers, which signal eventfds); VMCS loaded or not.
 */
void vmm_ioapic_eoi(struct vmm_vcpu *vcpu, u8 vector);
/*
 * Does somebody want to see the EOI of @vector? One bit test, lock-free.
 * KERNEL: a pin of the I/O APIC that is level-triggered or has a notifier: call
 * vmm_ioapic_eoi(). SPLIT: a level-triggered MSI route below nr_split_pins:
 * KVM_EXIT_IOAPIC_EOI if the APIC's TMR has @vector, too (the vector alone may
 * be an MSI's on this vCPU and a pin's on another).
 */
bool vmm_irq_wants_eoi(struct vmm_vcpu *vcpu, u8 vector);

/*
 * KVM_CREATE_PIT2. The states are those of KVM_GET/SET_PIT2 and of
 * KVM_REINJECT_CONTROL; all take vm->lock from the caller; -ENXIO: there is none.
 */
int vmm_pit_create(struct vmm_vm *vm, u32 flags);
int vmm_pit_get(struct vmm_vm *vm, struct kvm_pit_state2 *state);
int vmm_pit_set(struct vmm_vm *vm, const struct kvm_pit_state2 *state, bool keep_flags);
int vmm_pit_set_reinject(struct vmm_vm *vm, bool reinject);

/* Eventfds (irqfd.c, ioeventfd.c) and coalesced accesses (coalesced.c); process context. */
int vmm_irqfd_setup(void);			/* module init, exit */
void vmm_irqfd_teardown(void);
int vmm_irqfd(struct vmm_vm *vm, const struct kvm_irqfd *args);
int vmm_ioeventfd(struct vmm_vm *vm, const struct kvm_ioeventfd *args);
int vmm_coalesced_register(struct vmm_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
int vmm_coalesced_unregister(struct vmm_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
/* MMIO in the kernel, the local APIC first: 0 served, -EOPNOTSUPP: user space's. */
int vmm_mmio_in_kernel(struct vmm_vcpu *vcpu, bool write, u64 gpa, u32 len, void *data);

/* --- the local APIC (lapic.c) --------------------------------------------------- */

struct vmm_apic;

int vmm_apic_create(struct vmm_vcpu *vcpu);	/* SPLIT, KERNEL; sets vcpu->apic */
void vmm_apic_destroy(struct vmm_vcpu *vcpu);
void vmm_apic_reset(struct vmm_vcpu *vcpu, bool init);
int vmm_apic_get(struct vmm_vcpu *vcpu, struct kvm_lapic_state *s);	/* thread holds vcpu->mutex */
int vmm_apic_set(struct vmm_vcpu *vcpu, const struct kvm_lapic_state *s);
/* vector of the highest interrupt that may be delivered now (TPR, PPR; ExtINT from the 8259), or -1 */
int vmm_apic_has_irq(struct vmm_vcpu *vcpu);
int vmm_apic_ack_irq(struct vmm_vcpu *vcpu);	/* the same, and IRR -> ISR (or INTA) */
bool vmm_apic_has_extint(struct vmm_vcpu *vcpu);
void vmm_apic_eoi_exit(struct vmm_vcpu *vcpu, u8 vector);	/* the processor ended it; process context */
void vmm_apic_eois_changed(struct vmm_vm *vm);	/* eoi_vectors have. Any context but NMI */
bool vmm_apic_accepts_pic(struct vmm_vcpu *vcpu);	/* LINT0 takes ExtINT, or the APIC is off */
int vmm_apic_extint(struct vmm_vcpu *vcpu, u8 vector);	/* KVM_INTERRUPT, SPLIT mode: 0, -EEXIST */
/* INIT and start-up IPIs that wait; the vCPU's thread, VMCS loaded */
bool vmm_apic_has_events(struct vmm_vcpu *vcpu);
void vmm_apic_accept_events(struct vmm_vcpu *vcpu);
void vmm_apic_tsc_moved(struct vmm_vcpu *vcpu);	/* its thread: re-arm a TSC deadline */
u8 vmm_apic_eoi_vector(struct vmm_vcpu *vcpu);	/* of VMM_REQ_IOAPIC_EOI */
void vmm_apic_set_sipi(struct vmm_vcpu *vcpu, u8 vector, bool pending);
/* ids and addresses: after a vCPU is in vm->vcpus; takes irq.lock. At the end of the VM. */
void vmm_apic_map_update(struct vmm_vm *vm);
void vmm_apic_map_free(struct vmm_vm *vm);

/*
 * lapic_access.c: the ways to it. An access to its page? 0 served (@data filled),
 * -EOPNOTSUPP: not its page, or it is in x2APIC mode or off.
 */
int vmm_apic_mmio(struct vmm_vcpu *vcpu, bool write, u64 gpa, u32 len, void *data);
/* IA32_APIC_BASE, IA32_TSC_DEADLINE, x2APIC: 0, 1 refused, VMM_MSR_UNKNOWN */
struct vmm_msr;
int vmm_apic_get_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr);
int vmm_apic_set_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr);
bool vmm_apic_wrmsr_fast(struct vmm_vcpu *vcpu, u32 index, u64 data);	/* interrupts off */
int vmm_set_apic_base(struct vmm_vcpu *vcpu, u64 base, bool host);	/* 0, 1 refused */
unsigned long vmm_get_cr8(struct vmm_vcpu *vcpu);
void vmm_set_cr8(struct vmm_vcpu *vcpu, unsigned long cr8);

#endif /* _VMM_CORE_IRQ_H */
