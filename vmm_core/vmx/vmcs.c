// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of failed VMCS accesses, and the dump of a whole VMCS.
 *
 * Locking: none; the VMCS of the vCPU is loaded.
 */
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include "vmx/vmx.h"

/**
 * vmcs_read_failed() - a VMREAD was refused by the processor
 * @field: its encoding
 *
 * Context: any. Says so in the log, not too often.
 */
noinline void vmcs_read_failed(unsigned long field)
{
	pr_warn_ratelimited("vmm_core: VMREAD of field %#lx failed\n", field);
}

/**
 * vmcs_write_failed() - a VMWRITE was refused by the processor
 * @field: its encoding
 * @value: what was to be written
 *
 * Context: any. Says so in the log, not too often.
 */
noinline void vmcs_write_failed(unsigned long field, unsigned long value)
{
	pr_warn_ratelimited("vmm_core: VMWRITE of %#lx to field %#lx failed\n", value, field);
}

struct dump_field {
	const char *name;
	u32 field;
};

#define F(x) { #x, x }
static const struct dump_field dump_fields[] = {
	F(VM_EXIT_REASON), F(EXIT_QUALIFICATION), F(VM_EXIT_INTR_INFO),
	F(IDT_VECTORING_INFO_FIELD), F(VM_INSTRUCTION_ERROR), F(GUEST_PHYSICAL_ADDRESS),
	F(PIN_BASED_VM_EXEC_CONTROL), F(CPU_BASED_VM_EXEC_CONTROL),
	F(SECONDARY_VM_EXEC_CONTROL), F(VM_EXIT_CONTROLS), F(VM_ENTRY_CONTROLS),
	F(EXCEPTION_BITMAP), F(VM_ENTRY_INTR_INFO_FIELD), F(EPT_POINTER),
	F(GUEST_CR0), F(CR0_READ_SHADOW), F(GUEST_CR3), F(GUEST_CR4), F(CR4_READ_SHADOW),
	F(GUEST_IA32_EFER), F(GUEST_RIP), F(GUEST_RSP), F(GUEST_RFLAGS), F(GUEST_DR7),
	F(GUEST_CS_SELECTOR), F(GUEST_CS_BASE), F(GUEST_CS_LIMIT), F(GUEST_CS_AR_BYTES),
	F(GUEST_SS_SELECTOR), F(GUEST_SS_BASE), F(GUEST_SS_LIMIT), F(GUEST_SS_AR_BYTES),
	F(GUEST_DS_SELECTOR), F(GUEST_DS_BASE), F(GUEST_DS_LIMIT), F(GUEST_DS_AR_BYTES),
	F(GUEST_ES_SELECTOR), F(GUEST_ES_AR_BYTES), F(GUEST_FS_SELECTOR), F(GUEST_FS_AR_BYTES),
	F(GUEST_GS_SELECTOR), F(GUEST_GS_AR_BYTES), F(GUEST_LDTR_SELECTOR),
	F(GUEST_LDTR_AR_BYTES), F(GUEST_TR_SELECTOR), F(GUEST_TR_BASE), F(GUEST_TR_LIMIT),
	F(GUEST_TR_AR_BYTES), F(GUEST_GDTR_BASE), F(GUEST_GDTR_LIMIT), F(GUEST_IDTR_BASE),
	F(GUEST_IDTR_LIMIT), F(GUEST_INTERRUPTIBILITY_INFO), F(GUEST_ACTIVITY_STATE),
	F(GUEST_PENDING_DBG_EXCEPTIONS), F(HOST_CR0), F(HOST_CR3), F(HOST_CR4), F(HOST_RIP),
	F(HOST_RSP), F(HOST_FS_BASE), F(HOST_GS_BASE), F(HOST_TR_BASE), F(HOST_GDTR_BASE),
	F(HOST_IDTR_BASE), F(HOST_IA32_EFER),
};
#undef F

static bool dump_enabled;
module_param_named(dump_vmcs, dump_enabled, bool, 0644);
MODULE_PARM_DESC(dump_vmcs, "write the VMCS to the log when an entry fails (it holds guest state)");

/**
 * vmx_dump_vmcs() - write the loaded VMCS to the log
 * @vcpu: whose it is
 *
 * Does nothing unless the module parameter dump_vmcs is set, because the log
 * would then hold a guest's secrets; rate-limited.
 *
 * Context: the VMCS is loaded, preemptible or not.
 */
void vmx_dump_vmcs(struct vmm_vcpu *vcpu)
{
	static DEFINE_RATELIMIT_STATE(rs, 5 * HZ, 2);
	unsigned int i;

	if (!dump_enabled || !__ratelimit(&rs))
		return;
	pr_info("vmm_core: VMCS of vCPU %u:\n", vcpu->id);
	for (i = 0; i < ARRAY_SIZE(dump_fields); i++)
		pr_info("vmm_core:   %-28s %016lx\n", dump_fields[i].name,
			vmcs_read_raw(dump_fields[i].field));
}
