// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's time stamp counter: the host's, times a ratio where the processor
 * can do that, plus an offset.
 *
 * User space sets the counters of a VM's vCPUs one after the other and means the
 * same instant each time. So the VM remembers what it set last: a vCPU that is
 * set to 0 (as a new one is), or to what the remembered counter shows give or
 * take a second, gets exactly that one.
 *
 * Locking: a vCPU's ratio and offset belong to its thread, VMCS loaded; others
 * read the offset. The VM's are under vm->clock.lock.
 */
#include <linux/math64.h>
#include <asm/tsc.h>
#include "vmx/vmx.h"

#define RATIO_BITS	48	/* of the fraction in TSC_MULTIPLIER */
#define SLACK_PPM	250	/* frequencies that are the same as far as a crystal can tell */

/** vmx_has_tsc_scaling() - the guest's TSC can run at another rate than the host's */
bool vmx_has_tsc_scaling(void)
{
	return vmx_caps.proc2 & SECONDARY_EXEC_TSC_SCALING;
}

static u64 scale(u64 host_tsc, u64 ratio)
{
	return ratio ? mul_u64_u64_shr(host_tsc, ratio, RATIO_BITS) : host_tsc;
}

/* 0: as it is; the processor takes no ratio of 0. */
static u64 ratio_of(u32 khz)
{
	return khz == tsc_khz ? 0 : mul_u64_u32_div(1ull << RATIO_BITS, khz, tsc_khz);
}

/**
 * vmm_guest_tsc() - what a vCPU's TSC shows
 * @vcpu:     the vCPU
 * @host_tsc: at this TSC of the host
 */
u64 vmm_guest_tsc(const struct vmm_vcpu *vcpu, u64 host_tsc)
{
	return scale(host_tsc, vcpu->vmx->tsc_ratio) + vcpu->vmx->tsc_offset;
}

/** vmx_set_tsc_offset() - move a vCPU's TSC; the VMCS is loaded */
void vmx_set_tsc_offset(struct vmm_vcpu *vcpu, u64 offset)
{
	WRITE_ONCE(vcpu->vmx->tsc_offset, offset);
	vmcs_write64(TSC_OFFSET, offset);
	vmm_clock_tsc_moved(vcpu);
	vmm_apic_tsc_moved(vcpu);
}

/** vmx_tsc_vm_init() - the counters of a VM's vCPUs start at 0 now, at its default rate */
void vmx_tsc_vm_init(struct vmm_vm *vm)
{
	spin_lock(&vm->clock.lock);
	vm->tsc_offset_khz = vm->tsc_khz;
	vm->tsc_offset = -scale(rdtsc(), ratio_of(vm->tsc_khz));
	spin_unlock(&vm->clock.lock);
}

/** vmx_tsc_vcpu_init() - a new vCPU is in step with its VM; the VMCS is not loaded yet */
void vmx_tsc_vcpu_init(struct vmm_vcpu *vcpu)
{
	struct vmm_vm *vm = vcpu->vm;
	struct vmx_vcpu *vmx = vcpu->vmx;

	spin_lock(&vm->clock.lock);
	vcpu->tsc_khz = vm->tsc_khz;
	vmx->tsc_ratio = ratio_of(vcpu->tsc_khz);
	if (vm->tsc_offset_khz == vcpu->tsc_khz)
		vmx->tsc_offset = vm->tsc_offset;
	else
		vmx->tsc_offset = -scale(rdtsc(), vmx->tsc_ratio);
	spin_unlock(&vm->clock.lock);
}

/** vmx_tsc_write() - ratio and offset into the VMCS, which is loaded */
void vmx_tsc_write(struct vmx_vcpu *vmx)
{
	u32 proc2 = vmx->proc2 & ~SECONDARY_EXEC_TSC_SCALING;

	vmcs_write64(TSC_OFFSET, vmx->tsc_offset);
	if (vmx->tsc_ratio) {
		proc2 |= SECONDARY_EXEC_TSC_SCALING;
		vmcs_write64(TSC_MULTIPLIER, vmx->tsc_ratio);
	}
	if (proc2 != vmx->proc2) {
		vmx->proc2 = proc2;
		vmcs_write32(SECONDARY_VM_EXEC_CONTROL, proc2);
	}
}

/**
 * vmx_tsc_sync() - user space sets a vCPU's TSC
 * @vcpu: the vCPU, VMCS loaded
 * @data: what it is to show now
 */
void vmx_tsc_sync(struct vmm_vcpu *vcpu, u64 data)
{
	struct vmm_vm *vm = vcpu->vm;
	u64 now = scale(rdtsc(), vcpu->vmx->tsc_ratio), offset;
	s64 diff;

	spin_lock(&vm->clock.lock);
	diff = data - (now + vm->tsc_offset);
	if (vm->tsc_offset_khz != vcpu->tsc_khz ||
	    (data && abs(diff) >= (s64)vcpu->tsc_khz * 1000)) {
		vm->tsc_offset = data - now;
		vm->tsc_offset_khz = vcpu->tsc_khz;
	}
	offset = vm->tsc_offset;
	spin_unlock(&vm->clock.lock);
	vmx_set_tsc_offset(vcpu, offset);
}

/** vmx_tsc_set_offset() - user space sets a vCPU's offset itself (KVM_VCPU_TSC_OFFSET) */
void vmx_tsc_set_offset(struct vmm_vcpu *vcpu, u64 offset)
{
	struct vmm_vm *vm = vcpu->vm;

	spin_lock(&vm->clock.lock);
	vm->tsc_offset = offset;
	vm->tsc_offset_khz = vcpu->tsc_khz;
	spin_unlock(&vm->clock.lock);
	vmx_set_tsc_offset(vcpu, offset);
}

/**
 * vmx_tsc_khz() - the rate that a guest's TSC gets when this one is wanted
 * @khz: wanted, 0: the host's
 *
 * What is near the host's rate is the host's: that needs no scaling.
 * Return: kHz; 0: it cannot run at that rate here.
 */
u32 vmx_tsc_khz(u64 khz)
{
	u64 slack = div_u64((u64)tsc_khz * SLACK_PPM, 1000000);

	if (!khz || (khz >= tsc_khz - slack && khz <= tsc_khz + slack))
		return tsc_khz;
	/* Ratios below 2^16, and not 0. */
	if (vmx_has_tsc_scaling() && khz <= S32_MAX && khz / tsc_khz < BIT(64 - RATIO_BITS) &&
	    ratio_of(khz))
		return khz;
	return 0;
}

/**
 * vmx_tsc_set_khz() - KVM_SET_TSC_KHZ of a vCPU
 * @vcpu: the vCPU, VMCS loaded
 * @khz:  wanted, 0: the host's
 *
 * The count goes on from where it is.
 * Return: 0 or -EINVAL.
 */
int vmx_tsc_set_khz(struct vmm_vcpu *vcpu, unsigned long khz)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	u64 host = rdtsc(), now = vmm_guest_tsc(vcpu, host);

	khz = vmx_tsc_khz(khz);
	if (!khz)
		return -EINVAL;
	if (khz == vcpu->tsc_khz)
		return 0;
	vcpu->tsc_khz = khz;
	vmx->tsc_ratio = ratio_of(khz);
	WRITE_ONCE(vmx->tsc_offset, now - scale(host, vmx->tsc_ratio));
	vmx_tsc_write(vmx);
	vmm_clock_tsc_moved(vcpu);
	vmm_apic_tsc_moved(vcpu);
	return 0;
}
