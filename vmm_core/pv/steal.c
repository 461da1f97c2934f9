// SPDX-License-Identifier: GPL-2.0
/*
 * Stolen time: how long a vCPU wanted a pCPU and had none.
 *
 * It is the sum of two things that never overlap: the time its entity waited
 * for a pCPU at the gate, and the time its thread waited in the host's own run
 * queue (scheduled out in the middle of guest or user-space work). The run
 * queue's share of a wait at the gate (the thread was told to come and the host
 * let it wait) is left out of the latter: vmm_pv_at_gate().
 *
 * The same record says whether the vCPU runs. While it does not, others need
 * not wait for it to flush its TLB: they leave a note that is found when it
 * comes back.
 *
 * Locking: all of it belongs to the vCPU's thread; the record in guest memory is
 * shared with the guest's other vCPUs, which change the "preempted" byte only,
 * with atomic instructions.
 */
#include <linux/minmax.h>
#include <linux/mutex.h>	/* <linux/futex.h> needs it and does not say so */
#include <linux/sched.h>
#include <linux/futex.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <asm/futex.h>
#include "mmu/mmu.h"
#include "vmx/vmx.h"

#define RECORD(vcpu)	((vcpu)->pv.steal & KVM_STEAL_VALID_BITS)

/* It is in one page, and in 4 bytes that nobody else writes. */
static_assert(!((sizeof(struct kvm_steal_time) - 1) & KVM_STEAL_VALID_BITS));
static_assert(!(offsetof(struct kvm_steal_time, preempted) & 3));

/* SRCU of the slots is held. NULL: nothing there that can be written. */
static struct kvm_steal_time __user *record(struct vmm_vcpu *vcpu, struct vmm_slot **slot)
{
	struct vmm_vm *vm = vcpu->vm;
	gpa_t gpa = RECORD(vcpu);
	struct vmm_slot *s;

	s = vmm_gfn_to_slot(srcu_dereference(vm->slots, &vm->srcu), gpa >> PAGE_SHIFT);
	if (!s || (s->flags & KVM_MEM_READONLY))
		return NULL;
	*slot = s;
	return (void __user *)(vmm_slot_hva(s, gpa >> PAGE_SHIFT) + offset_in_page(gpa));
}

static void look(struct vmm_vcpu *vcpu, u64 *delay, u64 *wait)
{
	*delay = current->sched_info.run_delay;
	*wait = READ_ONCE(vcpu->entity.stats.wait_ns);
}

/** vmm_steal_start() - the guest wants to know: what was before does not count */
void vmm_steal_start(struct vmm_vcpu *vcpu)
{
	struct vmm_pv *pv = &vcpu->pv;

	look(vcpu, &pv->seen_delay, &pv->seen_wait);
	pv->owner = current;
	pv->gate_delay = pv->seen_delay;
	pv->gate_wait = pv->seen_wait;
	WRITE_ONCE(pv->preempted, false);
	set_bit(VMM_REQ_STEAL, &vcpu->requests);
}

/**
 * vmm_steal_changed() - is there something to tell the guest?
 * @vcpu: the vCPU, of the calling thread
 *
 * Context: any; called each time the vCPU is loaded.
 */
bool vmm_steal_changed(struct vmm_vcpu *vcpu)
{
	struct vmm_pv *pv = &vcpu->pv;
	u64 delay, wait;

	look(vcpu, &delay, &wait);
	if (unlikely(pv->owner != current)) {
		/* Another thread has its own account: only what it does from now on. */
		pv->owner = current;
		pv->seen_delay = delay;
		pv->gate_delay = delay;
	}
	if (wait != pv->gate_wait) {
		/* It waited at the gate: what the run queue added there is part of that. */
		pv->gate_wait = wait;
		pv->seen_delay += delay - pv->gate_delay;
	}
	pv->gate_delay = delay;
	return pv->preempted || delay != pv->seen_delay || wait != pv->seen_wait;
}

/* What came together since the last time. */
static u64 stolen(struct vmm_vcpu *vcpu)
{
	struct vmm_pv *pv = &vcpu->pv;
	u64 delay, wait, ns;

	look(vcpu, &delay, &wait);
	ns = (wait - pv->seen_wait) + (delay - pv->seen_delay);
	pv->seen_delay = delay;
	pv->seen_wait = wait;
	return ns;
}

/* Take the note that another vCPU left, and say that this one runs. */
static int take_preempted(struct vmm_vcpu *vcpu, struct kvm_steal_time __user *st)
{
	u32 __user *word = (u32 __user *)&st->preempted;
	int old;

	if (arch_futex_atomic_op_inuser(FUTEX_OP_SET, 0, &old, word))
		return -EFAULT;
	WRITE_ONCE(vcpu->pv.preempted, false);
	if (old & KVM_VCPU_FLUSH_TLB)
		vcpu->vmx->flush_vpid = true;
	return 0;
}

static int add(struct kvm_steal_time __user *st, u64 ns)
{
	u32 version;
	u64 steal;

	if (get_user(version, &st->version) || get_user(steal, &st->steal))
		return -EFAULT;
	/* Odd while it changes; what the guest left there first may be anything. */
	version = (version | 1) + (version & 1 ? 2 : 0);
	if (put_user(version, &st->version))
		return -EFAULT;
	smp_wmb();	/* the guest sees the odd version before what changes */
	if (put_user(steal + ns, &st->steal))
		return -EFAULT;
	smp_wmb();	/* ... and the even one after it */
	return put_user(version + 1, &st->version);
}

/**
 * vmm_steal_record() - bring the guest's record up to date: the vCPU runs now
 * @vcpu: the vCPU, of the calling thread
 *
 * Context: process, may sleep. The thread's address space is the VM's.
 */
void vmm_steal_record(struct vmm_vcpu *vcpu)
{
	struct vmm_vm *vm = vcpu->vm;
	struct kvm_steal_time __user *st;
	struct vmm_slot *slot;
	int idx;

	if (!(vcpu->pv.steal & KVM_MSR_ENABLED))
		return;
	idx = srcu_read_lock(&vm->srcu);
	st = record(vcpu, &slot);
	if (st && !take_preempted(vcpu, st)) {
		add(st, stolen(vcpu));
		vmm_mark_dirty(slot, RECORD(vcpu) >> PAGE_SHIFT);
	}
	srcu_read_unlock(&vm->srcu, idx);
}

/**
 * vmm_steal_set_preempted() - tell the guest that this vCPU does not run
 * @vcpu: the vCPU, of the calling thread
 *
 * Best effort: a page that is not in memory right now stays as it is.
 * Context: any but NMI and hard interrupt; also under the rq lock.
 */
void vmm_steal_set_preempted(struct vmm_vcpu *vcpu)
{
	static const u8 preempted = KVM_VCPU_PREEMPTED;
	struct vmm_vm *vm = vcpu->vm;
	struct kvm_steal_time __user *st;
	struct vmm_slot *slot;
	int idx;

	if (current->mm != vm->mm)
		return;
	idx = srcu_read_lock(&vm->srcu);
	st = record(vcpu, &slot);
	if (st && !copy_to_user_nofault(&st->preempted, &preempted, sizeof(preempted))) {
		WRITE_ONCE(vcpu->pv.preempted, true);
		vmm_mark_dirty(slot, RECORD(vcpu) >> PAGE_SHIFT);
	}
	srcu_read_unlock(&vm->srcu, idx);
}
