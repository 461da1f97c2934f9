/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest that knows it is one can ask for, as KVM defines it: its clock,
 * the time stolen from it, hypercalls.
 *
 *   clock.c      the VM's clock, its page in each vCPU's memory, wall clock
 *   steal.c      stolen time, "preempted" flag, flushes on its behalf
 *   eoi.c        end of interrupt by a bit in memory
 *   msr.c        the MSRs that switch all this on
 *   hypercall.c  kicks, IPIs, yields
 *   sched_call.c hypercalls of our own: questions and requests to the scheduler
 *   directed.c   to whom a vCPU that spins or yields gives its turn
 *
 * Locking: what a vCPU holds belongs to its thread ([O] of vmm.h), except the
 * members tagged [A]. struct vmm_clock has a lock of its own, a leaf.
 */
#ifndef _VMM_CORE_PV_H
#define _VMM_CORE_PV_H

#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct vmm_vm;
struct vmm_vcpu;
struct vmm_msr;

/**
 * struct vmm_clock - the clock of a VM: nanoseconds since it came to be
 * @lock:     the rest
 * @base_tsc: host TSC when the clock was last set
 * @base_raw: the host's raw monotonic clock at that time
 * @base_ns:  what it was set to
 * @by_tsc:   it runs by the host's TSC, which is in step on all CPUs; else by
 *            the raw monotonic clock
 * @matched:  the TSCs of all vCPUs are in step, so that one vCPU can use another's page
 * @wall:     guest-physical address last written to the wall clock's MSR
 */
struct vmm_clock {
	spinlock_t lock;
	u64 base_tsc;
	u64 base_raw;
	u64 base_ns;
	bool by_tsc;
	bool matched;
	u64 wall;
};

/**
 * struct vmm_pv - paravirtual state of a vCPU
 * @features: from its CPUID; VMM_PV_ALL unless @enforce
 * @calls:    likewise, our own hypercalls: bits from VMM_HC_BASE
 * @enforce:  KVM_CAP_ENFORCE_PV_FEATURE_CPUID
 * @time:     MSR of its clock page
 * @steal:    MSR of its steal time
 * @eoi:      MSR of the end-of-interrupt flag
 * @eoi_set:  the flag is set: the guest may end its interrupt by clearing it
 * @poll:     MSR by which the guest forbids polling before a halt blocks
 * @preempted: [A] the guest has been told that it does not run
 * @unhalted: [A] another vCPU kicked it (KVM_HC_KICK_CPU)
 * @stopped:  KVM_KVMCLOCK_CTRL: tell the guest at the next update
 * @owner:    thread whose waiting was last looked at; compared only
 * @seen_delay: run delay of that thread which has been reported
 * @seen_wait: time before the gate which has been reported
 * @gate_delay: run delay of the thread as it came to the gate, or was loaded last
 * @gate_wait: time before the gate when the vCPU was loaded last
 */
struct vmm_pv {
	u32 features;
	u32 calls;
	bool enforce;
	u64 time;
	u64 steal;
	u64 eoi;
	bool eoi_set;
	u64 poll;
	bool preempted;
	bool unhalted;
	bool stopped;
	struct task_struct *owner;
	u64 seen_delay;
	u64 seen_wait;
	u64 gate_delay;
	u64 gate_wait;
};

/* --- clock.c ------------------------------------------------------------------ */

void vmm_clock_init(struct vmm_vm *vm);
/* KVM_GET_CLOCK and KVM_SET_CLOCK. Process context. */
void vmm_clock_get(struct vmm_vm *vm, struct kvm_clock_data *data);
void vmm_clock_set(struct vmm_vm *vm, const struct kvm_clock_data *data);
void vmm_clock_tsc_moved(struct vmm_vcpu *vcpu);
void vmm_clock_update(struct vmm_vcpu *vcpu);
void vmm_clock_write_wall(struct vmm_vm *vm, u64 gpa);

/* --- steal.c ------------------------------------------------------------------- */

void vmm_steal_start(struct vmm_vcpu *vcpu);
void vmm_steal_record(struct vmm_vcpu *vcpu);
void vmm_steal_set_preempted(struct vmm_vcpu *vcpu);
bool vmm_steal_changed(struct vmm_vcpu *vcpu);

/* --- eoi.c: process context, may sleep ------------------------------------------ */

void vmm_pv_eoi_offer(struct vmm_vcpu *vcpu, u8 vector);
void vmm_pv_eoi_take(struct vmm_vcpu *vcpu);

/* --- msr.c: 0 done, 1 refused, 2 (VMM_MSR_UNKNOWN) not one of these ------------- */

int vmm_pv_get_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr);
int vmm_pv_set_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr);
/* The features that the guest's CPUID names, once it is set. */
void vmm_pv_cpuid_changed(struct vmm_vcpu *vcpu);
/* After RESET: everything is off. */
void vmm_pv_reset(struct vmm_vcpu *vcpu);
/* KVM_FEATURE_* that we implement, as bits; what KVM_GET_SUPPORTED_CPUID says */
u32 vmm_pv_supported(void);

/* --- hypercall.c ----------------------------------------------------------------- */

enum { VMM_HC_SLEEP, VMM_HC_DONE, VMM_HC_GIVE_WAY, VMM_HC_IDLE };

/**
 * vmm_pv_hypercall() - a hypercall by its number
 * @vcpu: vCPU of the calling thread
 * @nr:   KVM_HC_*
 * @a:    four arguments
 * @wide: the caller is in 64-bit mode
 * @sleep: may sleep; false: interrupts are off
 * @ret:  what the guest gets
 *
 * Return: VMM_HC_DONE; VMM_HC_GIVE_WAY: done, and vcpu->give_to, or others, are to have the
 * pCPU; VMM_HC_IDLE: done, and nothing to do for vcpu->wait_ns; VMM_HC_SLEEP only when @sleep is false: nothing was done, it takes a sleeping context.
 */
int vmm_pv_hypercall(struct vmm_vcpu *vcpu, unsigned long nr, const unsigned long a[4],
		     bool wide, bool sleep, unsigned long *ret);

/* --- sched_call.c: the same for VMM_HC_* -------------------------------------------- */

int vmm_pv_sched_call(struct vmm_vcpu *vcpu, unsigned long nr, const unsigned long a[4],
		      bool sleep, unsigned long *ret);
/* Bits of the calls that there are */
u32 vmm_pv_sched_calls(void);

/* --- directed.c ------------------------------------------------------------------------ */

struct vmm_vcpu *vmm_pv_holder(struct vmm_vcpu *vcpu);
void vmm_pv_give_way(struct vmm_vcpu *vcpu);

/* --- where vcpu.c calls in -------------------------------------------------------- */

/**
 * vmm_pv_at_gate() - the thread is about to wait for a pCPU
 * @pv: of the vCPU
 *
 * What the host's run queue costs while it waits there counts as waiting, not
 * twice.
 */
static inline void vmm_pv_at_gate(struct vmm_pv *pv)
{
	if (pv->steal & KVM_MSR_ENABLED)
		pv->gate_delay = current->sched_info.run_delay;
}

void vmm_pv_loaded(struct vmm_vcpu *vcpu, bool moved);

/**
 * vmm_pv_load() - a vCPU has got to a CPU
 * @pv:    its paravirtual state
 * @vcpu:  the vCPU, of the calling thread
 * @moved: not the CPU that it was on before
 *
 * Context: preemption off, the VMCS is loaded.
 */
static inline void vmm_pv_load(struct vmm_pv *pv, struct vmm_vcpu *vcpu, bool moved)
{
	if ((pv->steal & KVM_MSR_ENABLED) || moved)
		vmm_pv_loaded(vcpu, moved);
}

/**
 * vmm_pv_not_running() - the vCPU will not run for a while: no pCPU, or halted
 * @pv:   its paravirtual state
 * @vcpu: the vCPU
 *
 * Context: the thread that has it; preempt notifier (rq lock held) or process.
 */
static inline void vmm_pv_not_running(struct vmm_pv *pv, struct vmm_vcpu *vcpu)
{
	if ((pv->steal & KVM_MSR_ENABLED) && !pv->preempted)
		vmm_steal_set_preempted(vcpu);
}

/* Requests VMM_REQ_CLOCK and VMM_REQ_STEAL: before an entry, process context, may sleep. */
void vmm_pv_before_entry(struct vmm_vcpu *vcpu);

#endif /* _VMM_CORE_PV_H */
