// SPDX-License-Identifier: GPL-2.0
/*
 * Guest-physical addresses without a mapping, or with one that does not allow
 * the access: a page to map, or a device that user space has.
 */
#include <asm/cpufeature.h>
#include "exit/exit.h"
#include "irq/bus.h"

/* Of violations and of a full log: the access was made by IRET. */
#define EPT_UNBLOCKED_NMI	BIT(12)

/*
 * An event was on its way through the IDT, and the memory it needs is a
 * device's: there is no instruction to emulate.
 */
static int event_through_device(struct vmm_vcpu *vcpu, gpa_t gpa)
{
	u64 data[4] = { vcpu->vmx->idt_vectoring, vcpu->vmx->exit_reason, vmx_qualification(), gpa };

	return vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, data, 4);
}

/*
 * A write that only rings a bell (an ioeventfd without length): what is written does
 * not matter, so nothing is decoded. The processor gives the instruction's
 * length with such exits, though the manual does not promise it; a hypervisor
 * below us may not.
 */
static bool fast_mmio(struct vmm_vcpu *vcpu, gpa_t gpa)
{
	u32 len;

	if (!rcu_access_pointer(vcpu->vm->irq.bus[VMM_BUS_FAST_MMIO]) ||
	    boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
	if (!len || len > 15 || vmm_bus_write(vcpu, VMM_BUS_FAST_MMIO, gpa, 0, NULL))
		return false;
	vmm_advance_rip(vcpu, len);
	return true;
}

/* IRET ended the blocking of NMIs before it exited: it will run again. */
static void block_nmi_again(struct vmm_vcpu *vcpu, unsigned long qual, bool vectoring)
{
	if (unlikely(qual & EPT_UNBLOCKED_NMI) && !vectoring)
		vmm_set_nmi_blocked(vcpu, true);
}

static bool was_vectoring(struct vmm_vcpu *vcpu)
{
	return vcpu->vmx->idt_vectoring & VECTORING_INFO_VALID_MASK;
}

/** exit_ept_violation() - see the head of the file */
int exit_ept_violation(struct vmm_vcpu *vcpu)
{
	unsigned long qual = vmx_qualification();
	gpa_t gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	bool vectoring = was_vectoring(vcpu);
	int r;

	block_nmi_again(vcpu, qual, vectoring);
	r = vmm_mmu_fault(vcpu, gpa, qual & EPT_VIOLATION_ACC_WRITE, qual & EPT_VIOLATION_ACC_INSTR);
	if (r != VMM_FAULT_MMIO)
		return r;
	if (unlikely(vectoring))
		return event_through_device(vcpu, gpa);
	if ((qual & EPT_VIOLATION_ACC_WRITE) && (qual & EPT_VIOLATION_GVA_TRANSLATED) &&
	    fast_mmio(vcpu, gpa))
		return 1;
	return vmm_emulate_mmio(vcpu, gpa, qual & EPT_VIOLATION_GVA_TRANSLATED);
}

/** exit_ept_misconfig() - we make no such entries: something is badly wrong */
int exit_ept_misconfig(struct vmm_vcpu *vcpu)
{
	u64 data[2] = { EXIT_REASON_EPT_MISCONFIG, vmcs_read64(GUEST_PHYSICAL_ADDRESS) };

	vmx_dump_vmcs(vcpu);
	return vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, data, 2);
}

/** exit_pml_full() - the log of dirty pages was full; it has been emptied since */
int exit_pml_full(struct vmm_vcpu *vcpu)
{
	block_nmi_again(vcpu, vmx_qualification(), was_vectoring(vcpu));
	return 1;
}
