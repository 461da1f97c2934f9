// SPDX-License-Identifier: GPL-2.0
/*
 * End of interrupt without an exit, as KVM defines it: a bit in guest memory says that
 * the guest may end its interrupt by clearing that bit.
 *
 * Design: the bit is set when an interrupt is injected which is the only one in
 * service, whose end is nobody else's business, and behind which none waits. It stays
 * set over exits. Before anything depends on what is in service (another interrupt,
 * the end of a halt, an EOI at the APIC, a way back to user space) the bit is looked
 * at and taken back: gone means that the guest has ended the interrupt.
 *
 * Locking: belongs to the vCPU's thread, between two stretches in the guest.
 */
#include <linux/kvm_para.h>
#include <asm/kvm_para.h>
#include "irq/lapic.h"
#include "vmm.h"

#define FLAG(vcpu)	((vcpu)->pv.eoi & ~(u64)KVM_MSR_ENABLED)

static bool only_one_in_service(const struct vmm_apic *apic, u8 vector)
{
	u32 val, i;

	for (i = 0; i < 8; i++) {
		val = lapic_reg(apic->regs, APIC_ISR + i * 0x10);
		if (val != (i == vector / 32 ? BIT(vector & 31) : 0))
			return false;
	}
	return true;
}

/**
 * vmm_pv_eoi_offer() - an interrupt of the APIC's has been injected
 * @vcpu:   the vCPU, of the calling thread; the bit is not set
 * @vector: in service now
 *
 * Context: process, may sleep.
 */
void vmm_pv_eoi_offer(struct vmm_vcpu *vcpu, u8 vector)
{
	static const u8 set = KVM_PV_EOI_ENABLED;
	struct vmm_apic *apic = vcpu->apic;

	if (!(vcpu->pv.eoi & KVM_MSR_ENABLED) || apic->virt ||
	    lapic_highest(apic->regs, APIC_IRR) >= 0 ||
	    !only_one_in_service(apic, vector) || !lapic_eoi_is_local(apic))
		return;
	vcpu->pv.eoi_set = !vmm_write_guest(vcpu->vm, FLAG(vcpu), &set, sizeof(set));
}

/**
 * vmm_pv_eoi_take() - take the bit back, and end the interrupt if the guest has
 * @vcpu: the vCPU, of the calling thread
 *
 * Context: process, may sleep.
 */
void vmm_pv_eoi_take(struct vmm_vcpu *vcpu)
{
	static const u8 clear;
	u8 val = 0;

	if (!vcpu->pv.eoi_set)
		return;
	vcpu->pv.eoi_set = false;
	/* Memory that went away took the bit along: the guest will ask the APIC. */
	if (vmm_read_guest(vcpu->vm, FLAG(vcpu), &val, sizeof(val)))
		return;
	if (val & KVM_PV_EOI_ENABLED)
		vmm_write_guest(vcpu->vm, FLAG(vcpu), &clear, sizeof(clear));
	else
		lapic_eoi(vcpu->apic);
}
