// SPDX-License-Identifier: GPL-2.0
/*
 * To whom a vCPU gives the rest of its turn when it spins (PAUSE-loop exits).
 *
 * It waits for a lock, most likely, and whoever holds that does not run: a vCPU of
 * the same VM that is queued for a pCPU, was at CPL 0 when it stopped, and did not
 * spin itself. One that did is believed every other time only: it may have got the
 * lock since. Those that wait for the same pCPU come first, for they can have it
 * without a move. What becomes of the choice is the scheduler's business:
 * vmm_gate_yield_to().
 *
 * Limits: a search looks at VMM_GIVE_SCAN vCPUs and the next one goes on behind
 * them, so that no exit costs more in a VM with a thousand.
 *
 * Locking: none. Everything is read as it stands; a wrong guess costs a turn.
 */
#include <linux/rcupdate.h>
#include <linux/xarray.h>
#include "vmx/vmx.h"

#define VMM_GIVE_SCAN	64

/* A vCPU that spun is worth a try every other time. */
static bool worth_a_turn(struct vmm_vcpu *t)
{
	bool turn = READ_ONCE(t->spin_turn);

	if (!READ_ONCE(t->spins))
		return true;
	WRITE_ONCE(t->spin_turn, !turn);
	return turn;
}

static bool may_hold_a_lock(const struct vmm_vcpu *vcpu, struct vmm_vcpu *t)
{
	return t != vcpu && vmm_gate_waits(&t->entity) && READ_ONCE(t->in_kernel) &&
	       worth_a_turn(t);
}

/**
 * vmm_pv_holder() - who may have what a spinning vCPU waits for
 * @vcpu: the vCPU that spins, of the calling thread
 *
 * Return: a vCPU of the same VM that waits for a pCPU, or NULL.
 */
struct vmm_vcpu *vmm_pv_holder(struct vmm_vcpu *vcpu)
{
	struct vmm_vm *vm = vcpu->vm;
	unsigned long id = READ_ONCE(vm->give_last);
	const struct vmm_pcpu *here = READ_ONCE(vcpu->entity.home);
	unsigned int left = min_t(unsigned int, READ_ONCE(vm->nr_vcpus), VMM_GIVE_SCAN);
	struct vmm_vcpu *t, *found = NULL;

	if (left < 2)
		return NULL;
	rcu_read_lock();
	while (left--) {
		t = xa_find_after(&vm->vcpus, &id, ULONG_MAX, XA_PRESENT);
		if (!t) {
			id = 0;
			t = xa_find(&vm->vcpus, &id, ULONG_MAX, XA_PRESENT);
		}
		if (!t)
			break;
		if (!may_hold_a_lock(vcpu, t))
			continue;
		if (!found || READ_ONCE(t->entity.home) == here)
			found = t;
		if (READ_ONCE(found->entity.home) == here)
			break;
	}
	WRITE_ONCE(vm->give_last, found ? found->id : id);
	rcu_read_unlock();
	return found;
}

/**
 * vmm_pv_give_way() - VMX_RUN_YIELD: to vcpu->give_to, or to whoever waits
 * @vcpu: the vCPU of the calling thread, OFF at the gate
 *
 * Context: process; the VMCS is not loaded.
 */
void vmm_pv_give_way(struct vmm_vcpu *vcpu)
{
	struct vmm_vcpu *to = vcpu->give_to;
	int r;

	vcpu->give_to = NULL;
	if (!to && !vcpu->give_answer) {
		vmm_gate_yield(&vcpu->entity);
		return;
	}
	r = vmm_gate_yield_to(&vcpu->entity, to ? &to->entity : NULL);
	if (vcpu->give_answer)
		vcpu->regs[VMM_RAX] = r;
	vcpu->give_answer = false;
}
