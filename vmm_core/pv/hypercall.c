// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls, as KVM numbers them: wake a halted vCPU, send interrupts to many,
 * give way to the one that is waited for, the host's clock together with the TSC.
 *
 * Locking: other vCPUs are found in vm->vcpus under RCU; they live as long as
 * the VM.
 */
#include <linux/bits.h>
#include <linux/kvm_para.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/vmm.h>
#include <linux/xarray.h>
#include <asm/apicdef.h>
#include <asm/kvm_para.h>
#include "vmx/vmx.h"

/* Destination mode and shorthand of an ICR. */
#define ICR_WHERE	(APIC_DEST_LOGICAL | APIC_DEST_ALLBUT)

static bool has(struct vmm_vcpu *vcpu, unsigned int feature)
{
	return vcpu->pv.features & BIT(feature);
}

/* A vCPU's APIC has its number as identity: the two differ only where user space says so. */
static struct vmm_vcpu *find(struct vmm_vm *vm, unsigned long apic_id)
{
	return apic_id < VMM_MAX_VCPU_ID ? xa_load(&vm->vcpus, apic_id) : NULL;
}

/* The guest's lock holder let go of a lock that @id has halted for. */
static void kick(struct vmm_vcpu *vcpu, unsigned long id)
{
	struct vmm_vcpu *target = find(vcpu->vm, id);

	if (!target || !target->apic)
		return;
	WRITE_ONCE(target->pv.unhalted, true);
	vmm_vcpu_notify(target);
}

/*
 * Bit i of @low and @high: the APIC with the id @min + i. Only what an ICR can
 * say about vector and mode; shorthand and destination come from the bits.
 */
static long send_ipi(struct vmm_vcpu *vcpu, u64 low, u64 high, u32 min, u64 icr, bool wide)
{
	struct vmm_apic_msg msg = {
		.vector = icr & APIC_VECTOR_MASK,
		.mode = (icr & APIC_MODE_MASK) >> 8,
		.level = icr & APIC_INT_ASSERT,
		.trig_level = icr & APIC_INT_LEVELTRIG,
		.x2apic_wide = true,
	};
	unsigned int bits = wide ? 64 : 32, i;
	long sent = 0;
	int r;

	if (icr & ICR_WHERE)
		return -KVM_EINVAL;
	if (!vcpu->apic)
		return -KVM_EOPNOTSUPP;
	for (i = 0; i < 2 * bits; i++) {
		if (!((i < bits ? low >> i : high >> (i - bits)) & 1))
			continue;
		msg.dest = min + i;
		r = vmm_apic_send(vcpu->vm, vcpu, &msg);
		if (r > 0)
			sent += r;
	}
	return sent;
}

/*
 * Let vCPU @id go first: where it waits for a pCPU it gets the rest of this turn;
 * else the host may have taken its CPU away.
 */
static int give_way(struct vmm_vcpu *vcpu, unsigned long id)
{
	struct vmm_vcpu *target = find(vcpu->vm, id);
	struct task_struct *task;

	if (!target || target == vcpu)
		return VMM_HC_DONE;
	if (vmm_gate_waits(&target->entity)) {
		vcpu->give_to = target;
		return VMM_HC_GIVE_WAY;
	}
	if (!READ_ONCE(target->pv.preempted))
		return VMM_HC_DONE;
	if (vmm_gate_contended(&vcpu->entity))
		return VMM_HC_GIVE_WAY;
	spin_lock(&target->pid_lock);
	task = get_pid_task(target->pid, PIDTYPE_PID);
	spin_unlock(&target->pid_lock);
	if (task) {
		yield_to(task, true);
		put_task_struct(task);
	}
	return VMM_HC_DONE;
}

static long clock_pairing(struct vmm_vcpu *vcpu, gpa_t gpa, unsigned long type)
{
	struct kvm_clock_pairing pairing = {};
	struct kvm_clock_data data;
	u32 nsec;

	if (type != KVM_CLOCK_PAIRING_WALLCLOCK)
		return -KVM_EOPNOTSUPP;
	vmm_clock_get(vcpu->vm, &data);
	if (!(data.flags & KVM_CLOCK_HOST_TSC))
		return -KVM_EOPNOTSUPP;
	pairing.sec = div_u64_rem(data.realtime, NSEC_PER_SEC, &nsec);
	pairing.nsec = nsec;
	pairing.tsc = vmm_guest_tsc(vcpu, data.host_tsc);
	return vmm_write_guest(vcpu->vm, gpa, &pairing, sizeof(pairing)) ? -KVM_EFAULT : 0;
}

/* See pv.h. */
int vmm_pv_hypercall(struct vmm_vcpu *vcpu, unsigned long nr, const unsigned long a[4],
		     bool wide, bool sleep, unsigned long *ret)
{
	*ret = -KVM_ENOSYS;
	switch (nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		*ret = 0;
		return VMM_HC_DONE;
	case KVM_HC_KICK_CPU:
		if (!has(vcpu, KVM_FEATURE_PV_UNHALT))
			return VMM_HC_DONE;
		if (!sleep)
			return VMM_HC_SLEEP;
		*ret = 0;
		kick(vcpu, a[1]);
		return give_way(vcpu, a[1]);
	case KVM_HC_SEND_IPI:
		if (has(vcpu, KVM_FEATURE_PV_SEND_IPI))
			*ret = send_ipi(vcpu, a[0], a[1], a[2], a[3], wide);
		return VMM_HC_DONE;
	case KVM_HC_SCHED_YIELD:
		if (!has(vcpu, KVM_FEATURE_PV_SCHED_YIELD))
			return VMM_HC_DONE;
		if (!sleep)
			return VMM_HC_SLEEP;
		*ret = 0;
		return give_way(vcpu, a[0]);
	case KVM_HC_CLOCK_PAIRING:
		if (!sleep)
			return VMM_HC_SLEEP;
		*ret = clock_pairing(vcpu, a[0], a[1]);
		return VMM_HC_DONE;
	default:
		if (nr - VMM_HC_BASE < VMM_HC_COUNT)
			return vmm_pv_sched_call(vcpu, nr, a, sleep, ret);
		return VMM_HC_DONE;
	}
}
