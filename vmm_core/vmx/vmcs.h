/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accessors of the current VMCS.
 *
 * The width of a field is part of its encoding (bits 14:13); each accessor
 * checks at compile time that the caller's type fits. A VMREAD or VMWRITE that
 * the processor refuses is reported, and reads as 0. One that faults, because
 * VMX was switched off under us for a reboot or a crash dump, reads as 0 too.
 *
 * Context: the VMCS of the vCPU is loaded (vmm_vcpu_load(), or KVM_RUN).
 * Preemption may be on: the preempt notifier loads the VMCS again.
 */
#ifndef _VMM_CORE_VMCS_H
#define _VMM_CORE_VMCS_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>

void vmcs_read_failed(unsigned long field);
void vmcs_write_failed(unsigned long field, unsigned long value);

/* Width of a field, from its encoding: 0 16 bit, 1 64 bit, 2 32 bit, 3 natural. */
#define VMCS_WIDTH(field)	(((field) >> 13) & 3)

static __always_inline unsigned long vmcs_read_raw(unsigned long field)
{
	unsigned long value;
	bool bad;

	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %[value])
		     : [value] "=r" (value), "=@ccna" (bad)
		     : [field] "r" (field));
	if (unlikely(bad)) {
		vmcs_read_failed(field);
		return 0;
	}
	return value;
}

static __always_inline void vmcs_write_raw(unsigned long field, unsigned long value)
{
	bool bad;

	asm volatile("1: vmwrite %[value], %[field]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccna" (bad)
		     : [field] "r" (field), [value] "rm" (value));
	if (unlikely(bad))
		vmcs_write_failed(field, value);
}

#define VMCS_ACCESSORS(name, type, width)					\
static __always_inline type vmcs_read##name(unsigned long field)		\
{										\
	if (__builtin_constant_p(field))					\
		BUILD_BUG_ON_MSG(VMCS_WIDTH(field) != (width), "width of VMCS field"); \
	return vmcs_read_raw(field);						\
}										\
static __always_inline void vmcs_write##name(unsigned long field, type value)	\
{										\
	if (__builtin_constant_p(field))					\
		BUILD_BUG_ON_MSG(VMCS_WIDTH(field) != (width), "width of VMCS field"); \
	vmcs_write_raw(field, value);						\
}

VMCS_ACCESSORS(16, u16, 0)
VMCS_ACCESSORS(64, u64, 1)
VMCS_ACCESSORS(32, u32, 2)
VMCS_ACCESSORS(l, unsigned long, 3)

#endif /* _VMM_CORE_VMCS_H */
