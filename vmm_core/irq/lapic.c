// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC of a vCPU: life, registers, and which interrupt comes next.
 *
 * Design: the registers are one page laid out as the xAPIC's, whatever the
 * mode; x2APIC's 64-bit ICR is its two halves there. An interrupt arrives
 * (ipi.c) by an atomic bit in IRR, from any context, followed by
 * vmm_vcpu_notify(). The vCPU's thread then looks: vcpu->irq_look says that
 * IRR, ISR, TPR or the 8259 may have changed since the last look, so that an
 * entry without news costs one test of a flag.
 *
 * Locking: registers belong to the vCPU's thread (vcpu->mutex), but IRR and
 * TMR, which everybody sets and which only atomic operations touch. Others
 * read registers that decide about delivery (SPIV, LDR, DFR, LVTs, TPR)
 * without a lock, as they would see a real APIC's at some moment.
 *
 * Limits: no CMCI entry in the LVT; SMIs and remote reads are ignored; errors
 * are recorded, as hardware does, only for vectors below 16 and registers
 * that do not exist.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "irq/lapic.h"

/* Bits of each LVT entry that can be written; the timer's mode is added. */
#define LVT_BITS	(APIC_LVT_MASKED | APIC_VECTOR_MASK)
#define LVT_MODE_BITS	(LVT_BITS | APIC_MODE_MASK)
#define LVT_LINT_BITS	(LVT_MODE_BITS | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER)

static const u32 lvts[LAPIC_NR_LVT] = {
	APIC_LVTT, APIC_LVTTHMR, APIC_LVTPC, APIC_LVT0, APIC_LVT1, APIC_LVTERR,
};

/* --- life ------------------------------------------------------------------------ */

/**
 * vmm_apic_create() - the local APIC of a new vCPU
 * @vcpu: the vCPU; nobody else knows it
 *
 * Context: process, may sleep. vmm_apic_reset() gives the registers their values.
 * Return: 0 or -ENOMEM.
 */
int vmm_apic_create(struct vmm_vcpu *vcpu)
{
	struct vmm_apic *apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);

	if (!apic)
		return -ENOMEM;
	apic->regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!apic->regs) {
		kfree(apic);
		return -ENOMEM;
	}
	apic->vcpu = vcpu;
	apic->isrv = -1;
	apic->extint = -1;
	lapic_timer_init(apic);
	vcpu->apic = apic;
	return 0;
}

/** vmm_apic_destroy() - the vCPU goes; nobody sends it anything any more. May sleep. */
void vmm_apic_destroy(struct vmm_vcpu *vcpu)
{
	struct vmm_apic *apic = vcpu->apic;

	if (!apic)
		return;
	lapic_timer_stop(apic);
	free_page((unsigned long)apic->regs);
	kfree(apic);
	vcpu->apic = NULL;
}

static void set_version(struct vmm_apic *apic)
{
	u32 lvr = LAPIC_VERSION;

	/* EOI without broadcast makes sense where user space's I/O APIC has an EOI register. */
	if (READ_ONCE(apic->vcpu->vm->irq.mode) == VMM_IRQCHIP_SPLIT &&
	    vmm_cpuid_has(apic->vcpu, X86_FEATURE_X2APIC))
		lvr |= LAPIC_LVR_DIRECTED_EOI;
	lapic_set_reg(apic->regs, APIC_LVR, lvr);
}

static void clear_vectors(void *regs)
{
	int i;

	for (i = 0; i < 8; i++) {
		lapic_set_reg(regs, APIC_IRR + i * 0x10, 0);
		lapic_set_reg(regs, APIC_ISR + i * 0x10, 0);
		lapic_set_reg(regs, APIC_TMR + i * 0x10, 0);
	}
}

/**
 * vmm_apic_reset() - state after RESET or INIT
 * @vcpu: the vCPU
 * @init: INIT: the id and IA32_APIC_BASE stay
 *
 * RESET leaves IA32_APIC_BASE to the caller. The board's 8259 is wired to LINT0
 * of the boot processor from the start, as firmware would have it.
 * Context: process, may sleep.
 */
void vmm_apic_reset(struct vmm_vcpu *vcpu, bool init)
{
	struct vmm_apic *apic = vcpu->apic;
	void *regs;
	int i;

	if (!apic)
		return;
	regs = apic->regs;
	lapic_timer_stop(apic);
	if (!init)
		lapic_set_reg(regs, APIC_ID, vcpu->id << 24);
	set_version(apic);
	for (i = 0; i < LAPIC_NR_LVT; i++)
		lapic_set_reg(regs, lvts[i], APIC_LVT_MASKED);
	if (vcpu->id == vcpu->vm->bsp_id)
		lapic_set_reg(regs, APIC_LVT0, APIC_DM_EXTINT);
	lapic_set_reg(regs, APIC_DFR, APIC_DFR_FLAT);
	lapic_set_reg(regs, APIC_SPIV, 0xff);
	lapic_set_reg(regs, APIC_TASKPRI, 0);
	if (!lapic_x2apic(apic))
		lapic_set_reg(regs, APIC_LDR, 0);
	lapic_set_reg(regs, APIC_ESR, 0);
	lapic_set_reg(regs, APIC_ICR, 0);
	lapic_set_reg(regs, APIC_ICR2, 0);
	vmx_apicv_forget(vcpu);
	clear_vectors(regs);
	set_bit(VMM_REQ_APICV, &vcpu->requests);
	apic->isrv = -1;
	apic->extint = -1;
	apic->esr = 0;
	lapic_timer_reset(apic);
	vmm_apic_map_update(vcpu->vm);
}

/* --- registers ------------------------------------------------------------------- */

/* Registers that can be read at all, by number: byte offset / 16. */
static bool readable(const struct vmm_apic *apic, u32 off)
{
	switch (off) {
	case APIC_ID:
	case APIC_LVR:
	case APIC_TASKPRI:
	case APIC_PROCPRI:
	case APIC_LDR:
	case APIC_SPIV:
	case APIC_ISR ... APIC_ISR + 0x70:
	case APIC_TMR ... APIC_TMR + 0x70:
	case APIC_IRR ... APIC_IRR + 0x70:
	case APIC_ESR:
	case APIC_ICR:
	case APIC_LVTT:
	case APIC_LVTTHMR:
	case APIC_LVTPC:
	case APIC_LVT0:
	case APIC_LVT1:
	case APIC_LVTERR:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_TDCR:
		return !(off & 0xf);
	case APIC_ARBPRI:
	case APIC_DFR:
	case APIC_ICR2:
		return !lapic_x2apic(apic);
	default:
		return false;
	}
}

static u8 ppr(const struct vmm_apic *apic)
{
	return lapic_ppr(lapic_reg(apic->regs, APIC_TASKPRI), lapic_isrv(apic));
}

/**
 * lapic_read_reg() - read a register
 * @apic: the APIC; the caller is its thread
 * @off:  byte offset in the page, a multiple of 16
 * @val:  the answer
 *
 * Context: any; interrupts on or off.
 * Return: 0, or 1: there is no such register in this mode.
 */
int lapic_read_reg(struct vmm_apic *apic, u32 off, u32 *val)
{
	if (!readable(apic, off))
		return 1;
	switch (off) {
	case APIC_ARBPRI:
		*val = 0;
		break;
	case APIC_PROCPRI:
		*val = ppr(apic);
		break;
	case APIC_TMCCT:
		*val = lapic_timer_current(apic);
		break;
	default:
		*val = lapic_reg(apic->regs, off);
	}
	return 0;
}

/** lapic_set_tpr() - the guest sets its task priority; less of it may let an interrupt in */
void lapic_set_tpr(struct vmm_apic *apic, u8 tpr)
{
	lapic_set_reg(apic->regs, APIC_TASKPRI, tpr);
	apic->vcpu->irq_look = true;
}

static void write_lvt(struct vmm_apic *apic, u32 off, u32 val)
{
	u32 mask = LVT_LINT_BITS;

	if (!lapic_sw_enabled(apic))
		val |= APIC_LVT_MASKED;
	switch (off) {
	case APIC_LVTT:
		mask = LVT_BITS | APIC_LVT_TIMER_PERIODIC;
		if (vmm_cpuid_has(apic->vcpu, X86_FEATURE_TSC_DEADLINE_TIMER))
			mask |= APIC_LVT_TIMER_TSCDEADLINE;
		break;
	case APIC_LVTERR:
		mask = LVT_BITS;
		break;
	case APIC_LVTTHMR:
	case APIC_LVTPC:
		mask = LVT_MODE_BITS;
		break;
	}
	lapic_set_reg(apic->regs, off, val & mask);
	if (off == APIC_LVTT)
		lapic_timer_mode(apic);
	/* LINT0 may have opened, or closed, for the 8259. */
	if (off == APIC_LVT0)
		apic->vcpu->irq_look = true;
}

static void write_spiv(struct vmm_apic *apic, u32 val)
{
	u32 old = lapic_reg(apic->regs, APIC_SPIV);
	u32 mask = 0x3ff;
	int i;

	if (lapic_reg(apic->regs, APIC_LVR) & LAPIC_LVR_DIRECTED_EOI)
		mask |= LAPIC_SPIV_DIRECTED_EOI;
	lapic_set_reg(apic->regs, APIC_SPIV, val & mask);
	if (!(val & APIC_SPIV_APIC_ENABLED)) {
		for (i = 0; i < LAPIC_NR_LVT; i++)
			lapic_set_reg(apic->regs, lvts[i],
				      lapic_reg(apic->regs, lvts[i]) | APIC_LVT_MASKED);
	}
	/* One that is disabled takes no part in logical addressing. */
	if ((old ^ val) & APIC_SPIV_APIC_ENABLED)
		vmm_apic_map_update(apic->vcpu->vm);
}

static int write_xapic_reg(struct vmm_apic *apic, u32 off, u32 val)
{
	switch (off) {
	case APIC_ID:
		lapic_set_reg(apic->regs, off, val & 0xff000000);
		break;
	case APIC_LDR:
		lapic_set_reg(apic->regs, off, val & APIC_LDR_MASK);
		break;
	case APIC_DFR:
		lapic_set_reg(apic->regs, off, val | 0x0fffffff);
		break;
	case APIC_ICR2:
		lapic_set_reg(apic->regs, off, val & 0xff000000);
		return 0;
	default:
		return 1;
	}
	vmm_apic_map_update(apic->vcpu->vm);
	return 0;
}

/* Writing latches what has come together since the last write. */
static int write_esr(struct vmm_apic *apic, u32 val)
{
	if (lapic_x2apic(apic) && val)
		return 1;
	lapic_set_reg(apic->regs, APIC_ESR, xchg(&apic->esr, 0));
	return 0;
}

/**
 * lapic_write_reg() - write a register of 32 bits
 * @apic: the APIC; the caller is its thread
 * @off:  byte offset in the page, a multiple of 16
 * @val:  the value
 *
 * The ICR of an x2APIC has 64 bits and is not written here.
 * Context: process, may sleep, but for APIC_EOI, the ICR and the timer's.
 * Return: 0, or 1: there is no such register in this mode, or it refuses the value.
 */
int lapic_write_reg(struct vmm_apic *apic, u32 off, u32 val)
{
	switch (off) {
	case APIC_TASKPRI:
		lapic_set_tpr(apic, val);
		return 0;
	case APIC_EOI:
		if (lapic_x2apic(apic) && val)
			return 1;
		lapic_eoi(apic);
		return 0;
	case APIC_SPIV:
		write_spiv(apic, val);
		return 0;
	case APIC_ESR:
		return write_esr(apic, val);
	case APIC_ICR:
		val &= ~APIC_ICR_BUSY;
		lapic_set_reg(apic->regs, APIC_ICR, val);
		lapic_send_icr(apic, val, lapic_reg(apic->regs, APIC_ICR2) >> 24);
		return 0;
	case APIC_LVTT:
	case APIC_LVTTHMR:
	case APIC_LVTPC:
	case APIC_LVT0:
	case APIC_LVT1:
	case APIC_LVTERR:
		write_lvt(apic, off, val);
		return 0;
	case APIC_TMICT:
		lapic_timer_count(apic, val);
		return 0;
	case APIC_TDCR:
		lapic_timer_divide(apic, val & 0xb);
		return 0;
	case LAPIC_SELF_IPI:
		if (!lapic_x2apic(apic) || (val & ~APIC_VECTOR_MASK))
			return 1;
		lapic_send_icr(apic, APIC_DEST_SELF | val, 0);
		return 0;
	default:
		return lapic_x2apic(apic) ? 1 : write_xapic_reg(apic, off, val);
	}
}

/**
 * lapic_error() - record an error, and raise the error interrupt
 * @apic: the APIC
 * @bit:  of ESR
 *
 * Context: any but NMI.
 */
void lapic_error(struct vmm_apic *apic, int bit)
{
	u32 lvt = lapic_reg(apic->regs, APIC_LVTERR);

	/* An error interrupt with a bad vector would be one more error, and so on. */
	if (!test_and_set_bit(bit, &apic->esr) && (lvt & APIC_VECTOR_MASK) >= 16)
		lapic_local(apic, APIC_LVTERR);
}

/* --- what is next ---------------------------------------------------------------- */

/** vmm_apic_accepts_pic() - is the vCPU one that the 8259 interrupts? Any context. */
bool vmm_apic_accepts_pic(struct vmm_vcpu *vcpu)
{
	struct vmm_apic *apic = vcpu->apic;
	u32 lvt0;

	if (!apic || !lapic_hw_enabled(apic))
		return true;
	lvt0 = lapic_reg(apic->regs, APIC_LVT0);
	return (lvt0 & (APIC_LVT_MASKED | APIC_MODE_MASK)) == APIC_DM_EXTINT;
}

/** vmm_apic_has_extint() - does an 8259, ours or user space's, want this vCPU? */
bool vmm_apic_has_extint(struct vmm_vcpu *vcpu)
{
	if (!vmm_apic_accepts_pic(vcpu))
		return false;
	if (READ_ONCE(vcpu->vm->irq.mode) == VMM_IRQCHIP_SPLIT)
		return vcpu->apic->extint >= 0;
	return vmm_pic_pending(vcpu->vm);
}

static int highest_irr(struct vmm_apic *apic)
{
	int vector;

	if (!lapic_hw_enabled(apic))
		return -1;
	vmx_apicv_pull(apic->vcpu);
	vector = lapic_highest(apic->regs, APIC_IRR);
	return lapic_above(vector, ppr(apic)) ? vector : -1;
}

/**
 * vmm_apic_has_irq() - is there an interrupt that could be delivered now?
 * @vcpu: the vCPU of the calling thread, with an APIC
 *
 * Whether its flags allow one is another question.
 * Context: any; the VMCS need not be loaded.
 * Return: the vector (0 for the 8259's, which is not known before it is
 * acknowledged), or -1.
 */
int vmm_apic_has_irq(struct vmm_vcpu *vcpu)
{
	if (vmm_apic_has_extint(vcpu))
		return 0;
	return highest_irr(vcpu->apic);
}

static int ack_extint(struct vmm_vcpu *vcpu)
{
	int vector;

	if (READ_ONCE(vcpu->vm->irq.mode) != VMM_IRQCHIP_SPLIT)
		return vmm_pic_ack(vcpu->vm);
	vector = vcpu->apic->extint;
	vcpu->apic->extint = -1;
	return vector;
}

/**
 * vmm_apic_ack_irq() - take the interrupt that vmm_apic_has_irq() speaks of
 * @vcpu: the vCPU of the calling thread, with an APIC
 *
 * Return: its vector, in service now; -1: there is none.
 */
int vmm_apic_ack_irq(struct vmm_vcpu *vcpu)
{
	struct vmm_apic *apic = vcpu->apic;
	int vector;

	if (vmm_apic_has_extint(vcpu)) {
		vector = ack_extint(vcpu);
		if (vector >= 0)
			return vector;
	}
	vector = highest_irr(apic);
	/* The processor takes them itself. */
	if (vector < 0 || apic->virt)
		return -1;
	lapic_clear_vec(apic->regs, APIC_IRR, vector);
	lapic_set_vec(apic->regs, APIC_ISR, vector);
	/* What is above the processor's priority is above all in service. */
	apic->isrv = vector;
	return vector;
}

static bool eoi_is_local(const struct vmm_apic *apic, int vector)
{
	if (vector < 0 || !vmm_irq_wants_eoi(apic->vcpu, vector) ||
	    (lapic_reg(apic->regs, APIC_SPIV) & LAPIC_SPIV_DIRECTED_EOI))
		return true;
	/* Ours also counts the ends of edges, for the 8254; user space's does not. */
	return READ_ONCE(apic->vcpu->vm->irq.mode) == VMM_IRQCHIP_SPLIT &&
	       !lapic_test_vec(apic->regs, APIC_TMR, vector);
}

/**
 * lapic_eoi_is_local() - would an EOI concern nobody but the APIC itself?
 * @apic: the APIC; the caller is its thread
 *
 * Context: any; interrupts on or off.
 */
bool lapic_eoi_is_local(struct vmm_apic *apic)
{
	return eoi_is_local(apic, lapic_isrv(apic));
}

static void broadcast_eoi(struct vmm_apic *apic, u8 vector)
{
	struct vmm_vcpu *vcpu = apic->vcpu;

	if (READ_ONCE(vcpu->vm->irq.mode) == VMM_IRQCHIP_SPLIT) {
		apic->eoi_vector = vector;
		set_bit(VMM_REQ_IOAPIC_EOI, &vcpu->requests);
	} else {
		vmm_ioapic_eoi(vcpu, vector);
	}
}

/**
 * vmm_apic_eoi_exit() - the processor has ended an interrupt whose EOI is of interest
 * @vcpu:   the vCPU of the calling thread
 * @vector: the interrupt
 *
 * Context: process.
 */
void vmm_apic_eoi_exit(struct vmm_vcpu *vcpu, u8 vector)
{
	if (!eoi_is_local(vcpu->apic, vector))
		broadcast_eoi(vcpu->apic, vector);
}

/**
 * lapic_eoi() - end of interrupt: the highest vector in service
 * @apic: the APIC; the caller is its thread
 *
 * Context: process; any, if lapic_eoi_is_local().
 */
void lapic_eoi(struct vmm_apic *apic)
{
	struct vmm_vcpu *vcpu = apic->vcpu;
	int vector;
	bool local;

	/* This way, although there was a shorter one: that is closed now. */
	vmm_pv_eoi_take(vcpu);
	vector = lapic_isrv(apic);
	if (vector < 0)
		return;
	local = lapic_eoi_is_local(apic);
	lapic_clear_vec(apic->regs, APIC_ISR, vector);
	apic->isrv = lapic_highest(apic->regs, APIC_ISR);
	if (apic->virt)
		set_bit(VMM_REQ_APICV, &vcpu->requests);
	if (highest_irr(apic) >= 0)
		vcpu->irq_look = true;
	if (!local)
		broadcast_eoi(apic, vector);
}

/* --- user space ------------------------------------------------------------------ */

/* An x2APIC's id has 32 bits; user space gets the xAPIC's layout unless it asked otherwise. */
static int fix_id(struct vmm_vcpu *vcpu, void *regs, bool set)
{
	u32 id = lapic_reg(regs, APIC_ID);

	if (!lapic_x2apic(vcpu->apic))
		return 0;
	if (vcpu->vm->x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS) {
		if (id != vcpu->id)
			return -EINVAL;
	} else {
		id = set ? id >> 24 : id << 24;
		lapic_set_reg(regs, APIC_ID, id);
	}
	if (set)
		lapic_set_reg(regs, APIC_LDR, lapic_x2ldr(id));
	return 0;
}

/**
 * vmm_apic_get() - KVM_GET_LAPIC
 * @vcpu: the vCPU, with an APIC; its mutex is held
 * @s:    filled in
 *
 * Return: 0.
 */
int vmm_apic_get(struct vmm_vcpu *vcpu, struct kvm_lapic_state *s)
{
	struct vmm_apic *apic = vcpu->apic;

	vmx_apicv_pull(vcpu);
	memcpy(s->regs, apic->regs, sizeof(s->regs));
	lapic_set_reg(s->regs, APIC_PROCPRI, ppr(apic));
	lapic_set_reg(s->regs, APIC_TMCCT, lapic_timer_current(apic));
	return fix_id(vcpu, s->regs, false);
}

/**
 * vmm_apic_set() - KVM_SET_LAPIC
 * @vcpu: the vCPU, with an APIC; its mutex is held
 * @s:    from user space
 *
 * The timer goes on from its current count. Interrupts that arrive meanwhile
 * may be lost: what user space wrote counts.
 * Context: process, may sleep.
 * Return: 0 or -EINVAL (an id that is not this vCPU's).
 */
int vmm_apic_set(struct vmm_vcpu *vcpu, const struct kvm_lapic_state *s)
{
	struct vmm_apic *apic = vcpu->apic;
	struct kvm_lapic_state copy = *s;
	int r;

	r = fix_id(vcpu, copy.regs, true);
	if (r)
		return r;
	lapic_timer_stop(apic);
	vmx_apicv_forget(vcpu);
	memcpy(apic->regs, copy.regs, sizeof(copy.regs));
	set_version(apic);
	apic->isrv = lapic_highest(apic->regs, APIC_ISR);
	lapic_timer_restore(apic, lapic_reg(apic->regs, APIC_TMCCT));
	lapic_set_reg(apic->regs, APIC_TMCCT, 0);
	vmm_apic_map_update(vcpu->vm);
	set_bit(VMM_REQ_APICV, &vcpu->requests);
	vcpu->irq_look = true;
	return 0;
}

/**
 * vmm_apic_extint() - KVM_INTERRUPT: user space's 8259 was acknowledged
 * @vcpu:   the vCPU, with an APIC; its mutex is held
 * @vector: what the 8259 put on the bus
 *
 * Return: 0, -EEXIST: the last one has not been taken yet.
 */
int vmm_apic_extint(struct vmm_vcpu *vcpu, u8 vector)
{
	if (vcpu->apic->extint >= 0)
		return -EEXIST;
	vcpu->apic->extint = vector;
	vcpu->irq_look = true;
	return 0;
}

/** vmm_apic_eoi_vector() - which vector VMM_REQ_IOAPIC_EOI is about */
u8 vmm_apic_eoi_vector(struct vmm_vcpu *vcpu)
{
	return vcpu->apic->eoi_vector;
}
