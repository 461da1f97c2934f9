// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to the local APIC: the xAPIC's page, the x2APIC's MSRs, CR8, and
 * IA32_APIC_BASE, which says which of them are open.
 *
 * Locking: the calling thread is the vCPU's (vcpu->mutex).
 */
#include <linux/string.h>
#include <asm/cpufeature.h>
#include "exit/msr.h"
#include "irq/lapic.h"

#define ICR_RESERVED	(GENMASK_ULL(31, 20) | GENMASK_ULL(17, 16) | BIT_ULL(13))

/* --- memory ------------------------------------------------------------------------ */

static void mmio_read(struct vmm_apic *apic, u32 off, u32 len, void *data)
{
	u32 val = 0, at = off & 0xf;

	memset(data, 0, len);
	if (at + len > sizeof(val))
		return;
	if (lapic_read_reg(apic, off & ~0xfu, &val)) {
		lapic_error(apic, LAPIC_ESR_REGISTER);
		return;
	}
	memcpy(data, (u8 *)&val + at, len);
}

static void mmio_write(struct vmm_apic *apic, u32 off, u32 len, const void *data)
{
	u32 val;

	/* Only aligned words are defined; others are ignored, as processors do. */
	if (len != sizeof(val) || (off & 0xf))
		return;
	memcpy(&val, data, sizeof(val));
	if (lapic_write_reg(apic, off, val))
		lapic_error(apic, LAPIC_ESR_REGISTER);
}

/**
 * vmm_apic_mmio() - an access to memory that is none: is it the local APIC's page?
 * @vcpu:  vCPU of the calling thread, loaded
 * @write: direction
 * @gpa:   address
 * @len:   1 to 8 bytes
 * @data:  to be filled, or written
 *
 * Context: process, may sleep.
 * Return: 0 done, -EOPNOTSUPP: not its.
 */
int vmm_apic_mmio(struct vmm_vcpu *vcpu, bool write, u64 gpa, u32 len, void *data)
{
	struct vmm_apic *apic = vcpu->apic;
	u64 off = gpa - (vcpu->apic_base & PAGE_MASK);

	if (!apic || off >= PAGE_SIZE)
		return -EOPNOTSUPP;
	vmm_pv_eoi_take(vcpu);
	if (!lapic_hw_enabled(apic) || lapic_x2apic(apic)) {
		/* The page is not there; nothing is behind it on a board either. */
		if (!write)
			memset(data, 0xff, len);
		return 0;
	}
	if (write)
		mmio_write(apic, off, len, data);
	else
		mmio_read(apic, off, len, data);
	return 0;
}

/* --- MSRs ---------------------------------------------------------------------------- */

static bool x2apic_msr(u32 index)
{
	return index - LAPIC_BASE_MSR < LAPIC_NR_MSRS;
}

static int read_x2apic(struct vmm_apic *apic, u32 off, u64 *data)
{
	u32 val;

	if (!apic || !lapic_x2apic(apic) || lapic_read_reg(apic, off, &val))
		return 1;
	*data = val;
	if (off == APIC_ICR)
		*data |= (u64)lapic_reg(apic->regs, APIC_ICR2) << 32;
	return 0;
}

static int write_x2apic_icr(struct vmm_apic *apic, u64 data)
{
	if (data & ICR_RESERVED)
		return 1;
	data &= ~(u64)APIC_ICR_BUSY;
	lapic_set_reg(apic->regs, APIC_ICR, data);
	lapic_set_reg(apic->regs, APIC_ICR2, data >> 32);
	lapic_send_icr(apic, data, data >> 32);
	return 0;
}

static int write_x2apic(struct vmm_apic *apic, u32 off, u64 data)
{
	if (!apic || !lapic_x2apic(apic))
		return 1;
	if (off == APIC_ICR)
		return write_x2apic_icr(apic, data);
	if (data >> 32)
		return 1;
	return lapic_write_reg(apic, off, data);
}

/**
 * vmm_apic_get_msr() - read one of the local APIC's MSRs
 * @vcpu: the vCPU
 * @msr:  index; data is filled in
 *
 * Context: any; interrupts on or off.
 * Return: 0, 1: refused, VMM_MSR_UNKNOWN.
 */
int vmm_apic_get_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	struct vmm_apic *apic = vcpu->apic;

	if (x2apic_msr(msr->index))
		return read_x2apic(apic, (msr->index - LAPIC_BASE_MSR) << 4, &msr->data);
	switch (msr->index) {
	case MSR_IA32_APICBASE:
		msr->data = vcpu->apic_base;
		return 0;
	case MSR_IA32_TSC_DEADLINE:
		msr->data = apic ? READ_ONCE(apic->tsc_deadline) : 0;
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

/**
 * vmm_apic_set_msr() - write one of the local APIC's MSRs
 * @vcpu: the vCPU
 * @msr:  index, data, who asks
 *
 * Context: process, may sleep.
 * Return: 0, 1: refused, VMM_MSR_UNKNOWN.
 */
int vmm_apic_set_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	struct vmm_apic *apic = vcpu->apic;

	if (x2apic_msr(msr->index))
		return write_x2apic(apic, (msr->index - LAPIC_BASE_MSR) << 4, msr->data);
	switch (msr->index) {
	case MSR_IA32_APICBASE:
		return vmm_set_apic_base(vcpu, msr->data, msr->host);
	case MSR_IA32_TSC_DEADLINE:
		if (apic && lapic_hw_enabled(apic))
			lapic_timer_deadline(apic, msr->data);
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

/**
 * vmm_apic_wrmsr_fast() - WRMSR that needs nothing but the APICs: timer, IPI, EOI
 * @vcpu:  the vCPU of the calling thread, which has just left the guest
 * @index: MSR
 * @data:  value
 *
 * Context: interrupts off.
 * Return: true: done.
 */
bool vmm_apic_wrmsr_fast(struct vmm_vcpu *vcpu, u32 index, u64 data)
{
	struct vmm_apic *apic = vcpu->apic;

	if (!apic || !lapic_hw_enabled(apic))
		return false;
	if (index == MSR_IA32_TSC_DEADLINE) {
		lapic_timer_deadline(apic, data);
		return true;
	}
	if (!lapic_x2apic(apic))
		return false;
	switch (index) {
	case LAPIC_BASE_MSR + (APIC_EOI >> 4):
		if (data || vcpu->pv.eoi_set || !lapic_eoi_is_local(apic))
			return false;
		lapic_eoi(apic);
		return true;
	case LAPIC_BASE_MSR + (APIC_ICR >> 4):
		return !write_x2apic_icr(apic, data);
	case LAPIC_BASE_MSR + (LAPIC_SELF_IPI >> 4):
		return !(data >> 32) && !lapic_write_reg(apic, LAPIC_SELF_IPI, data);
	default:
		return false;
	}
}

/* --- IA32_APIC_BASE ------------------------------------------------------------------- */

/* xAPIC to x2APIC: id and logical id are the processor's number. The other way: 8 bits of it. */
static void mode_changed(struct vmm_apic *apic, u64 old)
{
	struct vmm_vcpu *vcpu = apic->vcpu;
	u64 changed = old ^ vcpu->apic_base;

	if ((changed & MSR_IA32_APICBASE_ENABLE) && lapic_hw_enabled(apic))
		lapic_set_reg(apic->regs, APIC_ID, vcpu->id << 24);
	if ((changed & X2APIC_ENABLE) && lapic_x2apic(apic)) {
		lapic_set_reg(apic->regs, APIC_ID, vcpu->id);
		lapic_set_reg(apic->regs, APIC_LDR, lapic_x2ldr(vcpu->id));
	} else if ((changed & X2APIC_ENABLE) && lapic_hw_enabled(apic)) {
		lapic_set_reg(apic->regs, APIC_ID, vcpu->id << 24);
	}
	set_bit(VMM_REQ_APICV, &vcpu->requests);
	vcpu->irq_look = true;
	vmm_apic_map_update(vcpu->vm);
}

/**
 * vmm_set_apic_base() - write IA32_APIC_BASE
 * @vcpu: the vCPU
 * @base: the value
 * @host: user space writes: any mode can follow any
 *
 * With the APIC in user space there is no x2APIC.
 * Context: process, may sleep.
 * Return: 0, or 1: not allowed.
 */
int vmm_set_apic_base(struct vmm_vcpu *vcpu, u64 base, bool host)
{
	const u64 modes = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;
	u64 allowed = MSR_IA32_APICBASE_BSP | MSR_IA32_APICBASE_ENABLE |
		      (GENMASK_ULL(vcpu->maxphyaddr - 1, 0) & PAGE_MASK);
	u64 old = vcpu->apic_base;

	if (vcpu->apic && vmm_cpuid_has(vcpu, X86_FEATURE_X2APIC))
		allowed |= X2APIC_ENABLE;
	if ((base & ~allowed) || (base & modes) == X2APIC_ENABLE)
		return 1;
	if (!host) {
		if ((old & modes) == modes && (base & modes) == MSR_IA32_APICBASE_ENABLE)
			return 1;
		if (!(old & modes) && (base & modes) == modes)
			return 1;
	}
	WRITE_ONCE(vcpu->apic_base, base);
	if (vcpu->apic && ((old ^ base) & modes))
		mode_changed(vcpu->apic, old);
	return 0;
}

/* --- CR8 --------------------------------------------------------------------------------- */

/** vmm_get_cr8() - task priority, 0 to 15 */
unsigned long vmm_get_cr8(struct vmm_vcpu *vcpu)
{
	if (!vcpu->apic)
		return vcpu->cr8;
	return (lapic_reg(vcpu->apic->regs, APIC_TASKPRI) >> 4) & 0xf;
}

/** vmm_set_cr8() - set the task priority, 0 to 15 */
void vmm_set_cr8(struct vmm_vcpu *vcpu, unsigned long cr8)
{
	if (vcpu->apic)
		lapic_set_tpr(vcpu->apic, cr8 << 4);
	else
		vcpu->cr8 = cr8;
}
