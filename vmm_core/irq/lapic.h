/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local APIC: what its files know of each other.
 */
#ifndef _VMM_CORE_LAPIC_H
#define _VMM_CORE_LAPIC_H

#include <linux/hrtimer.h>
#include <linux/rcupdate.h>
#include <asm/msr-index.h>
#include "irq/lapic_logic.h"
#include "vmm.h"

#define LAPIC_NR_LVT		6
#define LAPIC_VERSION		(0x14u | (LAPIC_NR_LVT - 1) << 16)
#define LAPIC_LVR_DIRECTED_EOI	BIT(24)
#define LAPIC_SPIV_DIRECTED_EOI	BIT(12)
#define LAPIC_SELF_IPI		0x3f0
#define LAPIC_LVT_CMCI		0x2f0
#define LAPIC_BASE_MSR		0x800	/* x2APIC registers */
#define LAPIC_NR_MSRS		0x100

/* Bits of the error status register */
#define LAPIC_ESR_SEND_VECTOR	5
#define LAPIC_ESR_RECV_VECTOR	6
#define LAPIC_ESR_REGISTER	7

/* Bits of vmm_apic.events: what the vCPU's thread has to act on. */
enum { LAPIC_EV_INIT, LAPIC_EV_SIPI };

/**
 * struct vmm_apic - the local APIC of a vCPU
 * @regs:       [I] its registers as in the xAPIC's page; IRR and TMR [A], the rest [O]
 * @vcpu:       [I]
 * @virt:       [O] the processor virtualises it: interrupts are posted (vmx/apicv.c); read
 *		by senders
 * @isrv:       [O] highest vector in service, -1: none; not kept while @virt
 * @extint:     [O] vector from user space's 8259 (KVM_INTERRUPT), -1: none
 * @events:     [A] LAPIC_EV_*
 * @sipi_vector: [A] page that a start-up IPI names
 * @esr:        [A] errors since the guest last wrote ESR; bits LAPIC_ESR_*
 * @eoi_vector: [O] of KVM_EXIT_IOAPIC_EOI
 * @timer:      the timer, in whatever mode
 * @timer_mode: [O] APIC_LVT_TIMER_*; read by the timer
 * @period:     [O] ns of a whole count; 0: it does not count
 * @expires:    [O], but the timer moves it on in periodic mode
 * @tsc_deadline: [O], but the timer clears it when it is reached
 */
struct vmm_apic {
	void *regs;
	struct vmm_vcpu *vcpu;
	bool virt;
	int isrv;
	int extint;
	unsigned long events;
	u8 sipi_vector;
	unsigned long esr;
	u8 eoi_vector;
	struct hrtimer timer;
	u32 timer_mode;
	u64 period;
	ktime_t expires;
	u64 tsc_deadline;
};

/**
 * struct vmm_apic_map - who is behind an address
 * @rcu:   replaced whole, see ipi.c
 * @mode:  in which way all enabled APICs interpret logical addresses
 * @flat:  xAPIC, flat model: by bit
 * @cluster: xAPIC, cluster model: by cluster and bit
 * @nr:    length of @by_id, a multiple of 16
 * @by_id: by physical id; an x2APIC's logical id is part of it
 */
struct vmm_apic_map {
	struct rcu_head rcu;
	enum lapic_map_mode {
		LAPIC_MAP_NONE, LAPIC_MAP_FLAT, LAPIC_MAP_CLUSTER, LAPIC_MAP_X2APIC,
		LAPIC_MAP_MIXED,
	} mode;
	bool xapic, x2apic;
	struct vmm_apic *flat[8];
	struct vmm_apic *cluster[16 * 4];
	u32 nr;
	struct vmm_apic *by_id[];
};

static inline bool lapic_hw_enabled(const struct vmm_apic *apic)
{
	return READ_ONCE(apic->vcpu->apic_base) & MSR_IA32_APICBASE_ENABLE;
}

static inline bool lapic_sw_enabled(const struct vmm_apic *apic)
{
	return lapic_reg(apic->regs, APIC_SPIV) & APIC_SPIV_APIC_ENABLED;
}

static inline bool lapic_x2apic(const struct vmm_apic *apic)
{
	return READ_ONCE(apic->vcpu->apic_base) & X2APIC_ENABLE;
}

/* The highest vector in service, -1: none. */
static inline int lapic_isrv(const struct vmm_apic *apic)
{
	return apic->virt ? lapic_highest(apic->regs, APIC_ISR) : apic->isrv;
}

/* lapic.c */
int lapic_read_reg(struct vmm_apic *apic, u32 off, u32 *val);
int lapic_write_reg(struct vmm_apic *apic, u32 off, u32 val);
void lapic_error(struct vmm_apic *apic, int bit);
void lapic_eoi(struct vmm_apic *apic);
bool lapic_eoi_is_local(struct vmm_apic *apic);
void lapic_set_tpr(struct vmm_apic *apic, u8 tpr);

/* ipi.c */
int lapic_accept(struct vmm_apic *apic, const struct vmm_apic_msg *msg);
void lapic_local(struct vmm_apic *apic, u32 lvt);
void lapic_send_icr(struct vmm_apic *apic, u32 icr, u32 dest);

/* lapic_timer.c */
void lapic_timer_init(struct vmm_apic *apic);
void lapic_timer_stop(struct vmm_apic *apic);
void lapic_timer_mode(struct vmm_apic *apic);
void lapic_timer_count(struct vmm_apic *apic, u32 count);
void lapic_timer_divide(struct vmm_apic *apic, u32 tdcr);
u32 lapic_timer_current(struct vmm_apic *apic);
void lapic_timer_deadline(struct vmm_apic *apic, u64 deadline);
void lapic_timer_restore(struct vmm_apic *apic, u32 current_count);
void lapic_timer_reset(struct vmm_apic *apic);

#endif /* _VMM_CORE_LAPIC_H */
