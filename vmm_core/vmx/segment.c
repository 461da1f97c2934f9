// SPDX-License-Identifier: GPL-2.0
/*
 * Segments and descriptor tables of a vCPU: struct kvm_segment <-> VMCS.
 *
 * Locking: vcpu->mutex is held by this thread and the VMCS is loaded.
 * Limits: segments are handed to the processor as they come; what it does not
 * accept shows as a failed entry.
 */
#include <linux/kernel.h>
#include "vmx/vmx.h"

/* The fields of the segments follow each other in the order of enum vmm_seg. */
#define SEG_SELECTOR(seg)	(GUEST_ES_SELECTOR + 2 * (seg))
#define SEG_LIMIT(seg)		(GUEST_ES_LIMIT + 2 * (seg))
#define SEG_AR(seg)		(GUEST_ES_AR_BYTES + 2 * (seg))
#define SEG_BASE(seg)		(GUEST_ES_BASE + 2 * (seg))
static_assert(SEG_SELECTOR(VMM_TR) == GUEST_TR_SELECTOR);
static_assert(SEG_LIMIT(VMM_TR) == GUEST_TR_LIMIT);
static_assert(SEG_AR(VMM_TR) == GUEST_TR_AR_BYTES);
static_assert(SEG_BASE(VMM_TR) == GUEST_TR_BASE);

/* Access rights: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16 */
static u32 pack_ar(const struct kvm_segment *var)
{
	if (var->unusable || !var->present)
		return VMX_AR_UNUSABLE_MASK;
	return (var->type & 0xf) | (var->s & 1) << 4 | (var->dpl & 3) << 5 | 1 << 7 |
	       (var->avl & 1) << 12 | (var->l & 1) << 13 | (var->db & 1) << 14 |
	       (var->g & 1) << 15;
}

/** vmm_get_segment() - a segment in the form of the ABI */
void vmm_get_segment(struct vmm_vcpu *vcpu, struct kvm_segment *var, enum vmm_seg seg)
{
	u32 ar = vmcs_read_raw(SEG_AR(seg));

	*var = (struct kvm_segment){
		.base = vmcs_read_raw(SEG_BASE(seg)),
		.limit = vmcs_read_raw(SEG_LIMIT(seg)),
		.selector = vmcs_read_raw(SEG_SELECTOR(seg)),
		.unusable = !!(ar & VMX_AR_UNUSABLE_MASK),
		.type = ar & 0xf,
		.s = (ar >> 4) & 1,
		.dpl = (ar >> 5) & 3,
		/* Some user space looks at "present" only and expects it of what it can use. */
		.present = !(ar & VMX_AR_UNUSABLE_MASK),
		.avl = (ar >> 12) & 1,
		.l = (ar >> 13) & 1,
		.db = (ar >> 14) & 1,
		.g = (ar >> 15) & 1,
	};
}

/** vmm_set_segment() - the inverse of vmm_get_segment() */
void vmm_set_segment(struct vmm_vcpu *vcpu, const struct kvm_segment *var, enum vmm_seg seg)
{
	u32 ar = pack_ar(var);

	/* The entry wants "accessed" set, which a loaded segment has anyway. */
	if (seg < VMM_LDTR && !(ar & VMX_AR_UNUSABLE_MASK))
		ar |= VMX_AR_TYPE_ACCESSES_MASK;
	vmcs_write_raw(SEG_BASE(seg), var->base);
	vmcs_write_raw(SEG_LIMIT(seg), var->limit);
	vmcs_write_raw(SEG_SELECTOR(seg), var->selector);
	vmcs_write_raw(SEG_AR(seg), ar);
}

/** vmm_segment_base() - base address of a segment */
unsigned long vmm_segment_base(struct vmm_vcpu *vcpu, enum vmm_seg seg)
{
	return vmcs_read_raw(SEG_BASE(seg));
}

/** vmm_get_dt() - IDTR and GDTR */
void vmm_get_dt(struct vmm_vcpu *vcpu, struct kvm_dtable *idt, struct kvm_dtable *gdt)
{
	*idt = (struct kvm_dtable){ .base = vmcs_readl(GUEST_IDTR_BASE),
				    .limit = vmcs_read32(GUEST_IDTR_LIMIT) };
	*gdt = (struct kvm_dtable){ .base = vmcs_readl(GUEST_GDTR_BASE),
				    .limit = vmcs_read32(GUEST_GDTR_LIMIT) };
}

/** vmm_set_dt() - the inverse of vmm_get_dt() */
void vmm_set_dt(struct vmm_vcpu *vcpu, const struct kvm_dtable *idt, const struct kvm_dtable *gdt)
{
	vmcs_writel(GUEST_IDTR_BASE, idt->base);
	vmcs_write32(GUEST_IDTR_LIMIT, idt->limit);
	vmcs_writel(GUEST_GDTR_BASE, gdt->base);
	vmcs_write32(GUEST_GDTR_LIMIT, gdt->limit);
}

/** vmm_cpl() - current privilege level; 3 in virtual-8086 mode, 0 in real mode */
int vmm_cpl(struct vmm_vcpu *vcpu)
{
	return VMX_AR_DPL(vmx_segment_ar(VMM_SS));
}

/** vmm_is_64bit() - long mode is active and the code segment is a 64-bit one */
bool vmm_is_64bit(struct vmm_vcpu *vcpu)
{
	return (vcpu->efer & EFER_LMA) && (vmx_segment_ar(VMM_CS) & VMX_AR_L_MASK);
}
