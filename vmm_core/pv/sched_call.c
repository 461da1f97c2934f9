// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls of our own: what a guest may ask of the scheduler above it, and what
 * it may learn about itself. Documentation/hypercalls.rst says what each promises.
 *
 * None of them takes anything from another VM, however often it is called: a vCPU
 * can give away its own turn, to one of its VM only what is left of it, and wait.
 * Each takes a bounded time and allocates nothing. Who else has a pCPU is not told.
 *
 * Locking: other vCPUs are found in vm->vcpus under RCU; they live as long as the VM.
 */
#include <linux/bits.h>
#include <linux/kvm_para.h>
#include <linux/math64.h>
#include <linux/vmm.h>
#include <linux/xarray.h>
#include "vmx/vmx.h"

/** vmm_pv_sched_calls() - which calls there are, as bits from VMM_HC_BASE */
u32 vmm_pv_sched_calls(void)
{
	return GENMASK(VMM_HC_COUNT - 1, 0);
}

/* How the guest finds out what became of it: vmm_pv_give_way() writes RAX. */
static int give_way(struct vmm_vcpu *vcpu, struct vmm_vcpu *to)
{
	vcpu->give_to = to;
	vcpu->give_answer = true;
	return VMM_HC_GIVE_WAY;
}

static int do_yield(struct vmm_vcpu *vcpu, bool sleep, unsigned long *ret)
{
	*ret = VMM_FB_NOBODY_WAITS;
	if (!vmm_gate_contended(&vcpu->entity))
		return VMM_HC_DONE;
	return sleep ? give_way(vcpu, NULL) : VMM_HC_SLEEP;
}

static int do_yield_to(struct vmm_vcpu *vcpu, unsigned long id, bool sleep, unsigned long *ret)
{
	struct vmm_vcpu *to = id < VMM_MAX_VCPU_ID ? xa_load(&vcpu->vm->vcpus, id) : NULL;

	*ret = -KVM_EINVAL;
	if (!to)
		return VMM_HC_DONE;
	if (vmm_gate_waits(&to->entity))
		return sleep ? give_way(vcpu, to) : VMM_HC_SLEEP;
	if (vmm_entity_paused(&to->entity))
		*ret = VMM_FB_PAUSED;
	else if (READ_ONCE(to->mode) == VMM_IN_GUEST || to == vcpu)
		*ret = VMM_FB_ALREADY;
	else
		*ret = VMM_FB_NOT_RUNNABLE;
	return VMM_HC_DONE;
}

static int do_wait(struct vmm_vcpu *vcpu, unsigned long ns, bool sleep, unsigned long *ret)
{
	*ret = -KVM_EOPNOTSUPP;
	if (!vcpu->apic)
		return VMM_HC_DONE;
	if (!sleep)
		return VMM_HC_SLEEP;
	vcpu->wait_ns = ns ? min_t(u64, ns, VMM_HC_WAIT_MAX_NS) : VMM_HC_WAIT_DEFAULT_NS;
	return VMM_HC_IDLE;
}

static void tell_priority(struct vmm_vcpu *vcpu)
{
	struct vmm_entity *e = &vcpu->entity;
	u32 flags = 0;

	if (vmm_entity_time_critical(e))
		flags |= VMM_HC_F_CRITICAL;
	if (vmm_entity_may_say_critical(e))
		flags |= VMM_HC_F_MAY_SAY;
	vcpu->regs[VMM_RBX] = vmm_entity_weight(e);
	vcpu->regs[VMM_RCX] = vmm_entity_cap(e);
	vcpu->regs[VMM_RDX] = div_u64(vmm_entity_boost(e), NSEC_PER_USEC);
	vcpu->regs[VMM_RSI] = flags;
}

static void tell_scheduler(struct vmm_vcpu *vcpu)
{
	union {
		char name[VMM_SCHED_NAME_LEN];
		u32 word[VMM_SCHED_NAME_LEN / sizeof(u32)];
	} u;

	vcpu->regs[VMM_RDI] = vmm_entity_scheduler(&vcpu->entity, u.name);
	vcpu->regs[VMM_RBX] = u.word[0];
	vcpu->regs[VMM_RCX] = u.word[1];
	vcpu->regs[VMM_RDX] = u.word[2];
	vcpu->regs[VMM_RSI] = u.word[3];
}

/**
 * vmm_pv_sched_call() - one of VMM_HC_*
 * @vcpu:  vCPU of the calling thread, at CPL 0
 * @nr:    its number, VMM_HC_BASE to VMM_HC_BASE + VMM_HC_COUNT - 1
 * @a:     arguments
 * @sleep: may sleep; false: interrupts are off
 * @ret:   what the guest gets
 *
 * Return: as vmm_pv_hypercall().
 */
int vmm_pv_sched_call(struct vmm_vcpu *vcpu, unsigned long nr, const unsigned long a[4],
		      bool sleep, unsigned long *ret)
{
	*ret = -KVM_ENOSYS;
	if (!(vcpu->pv.calls & BIT(nr - VMM_HC_BASE)))
		return VMM_HC_DONE;
	switch (nr) {
	case VMM_HC_YIELD:
		return do_yield(vcpu, sleep, ret);
	case VMM_HC_YIELD_TO:
		return do_yield_to(vcpu, a[0], sleep, ret);
	case VMM_HC_WAIT:
		return do_wait(vcpu, a[0], sleep, ret);
	case VMM_HC_PRIORITY:
		tell_priority(vcpu);
		*ret = 0;
		return VMM_HC_DONE;
	case VMM_HC_SCHEDULER:
		tell_scheduler(vcpu);
		*ret = 0;
		return VMM_HC_DONE;
	case VMM_HC_CRITICAL:
		*ret = -KVM_EINVAL;
		if (a[0] > 1)
			return VMM_HC_DONE;
		if (!sleep)
			return VMM_HC_SLEEP;
		*ret = vmm_entity_say_critical(&vcpu->entity, a[0]);
		return VMM_HC_DONE;
	}
	return VMM_HC_DONE;
}
