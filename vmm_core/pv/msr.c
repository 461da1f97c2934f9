// SPDX-License-Identifier: GPL-2.0
/*
 * The MSRs that a guest switches its paravirtual features on with, which of
 * them there are, and what becomes of them at RESET.
 *
 * A guest may use what its CPUID does not name, as with KVM: only a user space
 * that asks for it (KVM_CAP_ENFORCE_PV_FEATURE_CPUID) has it refused.
 *
 * No asynchronous page faults.
 *
 * Locking: belongs to the vCPU's thread; vcpu->mutex is held.
 */
#include <linux/bits.h>
#include <linux/kvm_para.h>
#include <linux/sched/stat.h>
#include <linux/vmm.h>
#include <linux/xarray.h>
#include <asm/kvm_para.h>
#include <asm/tsc.h>
#include "exit/msr.h"
#include "vmx/vmx.h"

#define ALL_FEATURES	(~0u)
#define SIGNATURE_STEP	0x100u
#define SIGNATURE_END	0x40010000u

/** vmm_pv_supported() - KVM_FEATURE_* that work, as bits */
u32 vmm_pv_supported(void)
{
	u32 features = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
		       BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) |
		       BIT(KVM_FEATURE_PV_EOI) | BIT(KVM_FEATURE_PV_UNHALT) |
		       BIT(KVM_FEATURE_PV_SEND_IPI) | BIT(KVM_FEATURE_POLL_CONTROL) |
		       BIT(KVM_FEATURE_PV_SCHED_YIELD);

	if (sched_info_on())
		features |= BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_TLB_FLUSH);
	return features;
}

/* The leaf with the features; hypervisors that pretend to be others have it elsewhere. */
static const struct kvm_cpuid_entry2 *features_leaf(struct vmm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e;
	u32 leaf;

	for (leaf = KVM_CPUID_SIGNATURE; leaf < SIGNATURE_END; leaf += SIGNATURE_STEP) {
		e = vmm_cpuid_find(vcpu, leaf, 0);
		if (e && e->ebx == 0x4b4d564b && e->ecx == 0x564b4d56 && e->edx == 0x4d)
			return vmm_cpuid_find(vcpu, leaf | KVM_CPUID_FEATURES, 0);
	}
	return NULL;
}

/** vmm_pv_cpuid_changed() - the vCPU's CPUID, or whether it is enforced, was set */
void vmm_pv_cpuid_changed(struct vmm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = features_leaf(vcpu);

	const struct kvm_cpuid_entry2 *own = vmm_cpuid_find(vcpu, VMM_CPUID_CALLS, 0);

	vcpu->pv.features = vcpu->pv.enforce ? (e ? e->eax : 0) : ALL_FEATURES;
	vcpu->pv.calls = vcpu->pv.enforce ? (own ? own->eax : 0) : ALL_FEATURES;
}

/** vmm_pv_reset() - after RESET nothing of it is on */
void vmm_pv_reset(struct vmm_vcpu *vcpu)
{
	struct vmm_pv *pv = &vcpu->pv;

	WRITE_ONCE(pv->time, 0);
	pv->steal = 0;
	pv->eoi = 0;
	pv->eoi_set = false;
	pv->poll = 1;
	pv->stopped = false;
	WRITE_ONCE(pv->unhalted, false);
	WRITE_ONCE(pv->preempted, false);
	vmm_pv_cpuid_changed(vcpu);
}

static bool has(struct vmm_vcpu *vcpu, unsigned int feature)
{
	return vcpu->pv.features & BIT(feature);
}

/* The feature that an MSR belongs to; -1: none of ours. */
static int feature_of(u32 index)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
		return KVM_FEATURE_CLOCKSOURCE;
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return KVM_FEATURE_CLOCKSOURCE2;
	case MSR_KVM_STEAL_TIME:
		return KVM_FEATURE_STEAL_TIME;
	case MSR_KVM_PV_EOI_EN:
		return KVM_FEATURE_PV_EOI;
	case MSR_KVM_POLL_CONTROL:
		return KVM_FEATURE_POLL_CONTROL;
	default:
		return -1;
	}
}

/**
 * vmm_pv_get_msr() - read one
 * @vcpu: the vCPU
 * @msr:  index and who asks; data is filled in
 *
 * Context: any, also with interrupts off.
 * Return: 0, 1: refused, VMM_MSR_UNKNOWN: not one of these.
 */
int vmm_pv_get_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	int feature = feature_of(msr->index);
	struct vmm_pv *pv = &vcpu->pv;

	if (feature < 0)
		return VMM_MSR_UNKNOWN;
	if (!has(vcpu, feature))
		return 1;
	switch (msr->index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		msr->data = READ_ONCE(vcpu->vm->clock.wall);
		break;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		msr->data = pv->time;
		break;
	case MSR_KVM_STEAL_TIME:
		msr->data = pv->steal;
		break;
	case MSR_KVM_PV_EOI_EN:
		msr->data = pv->eoi;
		break;
	case MSR_KVM_POLL_CONTROL:
		msr->data = pv->poll;
		break;
	}
	return 0;
}

static int set_steal(struct vmm_vcpu *vcpu, u64 data)
{
	if (!sched_info_on() || (data & KVM_STEAL_RESERVED_MASK))
		return 1;
	vcpu->pv.steal = data;
	if (data & KVM_MSR_ENABLED)
		vmm_steal_start(vcpu);
	return 0;
}

static int set_eoi(struct vmm_vcpu *vcpu, u64 data)
{
	/* A word, of which one bit is used. */
	if ((data & ~(u64)KVM_MSR_ENABLED) & 3)
		return 1;
	vmm_pv_eoi_take(vcpu);
	vcpu->pv.eoi = data;
	return 0;
}

static int set_time(struct vmm_vcpu *vcpu, u64 data)
{
	WRITE_ONCE(vcpu->pv.time, data);
	if (data & KVM_MSR_ENABLED) {
		/* Its page is written before the next entry, with the flag that is right then. */
		vmm_clock_tsc_moved(vcpu);
		set_bit(VMM_REQ_CLOCK, &vcpu->requests);
	}
	return 0;
}

/**
 * vmm_pv_set_msr() - write one
 * @vcpu: the vCPU
 * @msr:  index, data and who asks
 *
 * Context: process, VMCS loaded, may sleep.
 * Return: 0, 1: refused, VMM_MSR_UNKNOWN: not one of these.
 */
int vmm_pv_set_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	int feature = feature_of(msr->index);

	if (feature < 0)
		return VMM_MSR_UNKNOWN;
	if (!has(vcpu, feature))
		return 1;
	switch (msr->index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		WRITE_ONCE(vcpu->vm->clock.wall, msr->data);
		vmm_clock_write_wall(vcpu->vm, msr->data);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return set_time(vcpu, msr->data);
	case MSR_KVM_STEAL_TIME:
		return set_steal(vcpu, msr->data);
	case MSR_KVM_PV_EOI_EN:
		return set_eoi(vcpu, msr->data);
	case MSR_KVM_POLL_CONTROL:
		if (msr->data & ~1ull)
			return 1;
		vcpu->pv.poll = msr->data;
		return 0;
	default:
		return 1;
	}
}

/** vmm_pv_loaded() - vmm_pv_load() where there is something to look at */
void vmm_pv_loaded(struct vmm_vcpu *vcpu, bool moved)
{
	struct vmm_pv *pv = &vcpu->pv;

	if ((pv->steal & KVM_MSR_ENABLED) && vmm_steal_changed(vcpu))
		set_bit(VMM_REQ_STEAL, &vcpu->requests);
	/* By the host's TSC the page is good on every CPU. */
	if (moved && (pv->time & KVM_MSR_ENABLED) && unlikely(check_tsc_unstable()))
		set_bit(VMM_REQ_CLOCK, &vcpu->requests);
}

/**
 * vmm_pv_before_entry() - serve VMM_REQ_CLOCK and VMM_REQ_STEAL
 * @vcpu: the vCPU, of the calling thread
 *
 * Context: process, may sleep.
 */
void vmm_pv_before_entry(struct vmm_vcpu *vcpu)
{
	if (test_and_clear_bit(VMM_REQ_CLOCK, &vcpu->requests))
		vmm_clock_update(vcpu);
	if (test_and_clear_bit(VMM_REQ_STEAL, &vcpu->requests))
		vmm_steal_record(vcpu);
}
