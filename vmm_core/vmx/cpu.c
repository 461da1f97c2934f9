// SPDX-License-Identifier: GPL-2.0
/*
 * Taking the processor's VMX, and giving it back; which VMCS is where.
 *
 * VMX is on, on every online CPU, from module load to unload. Another
 * hypervisor that holds it (CR4.VMXE) makes the load fail with -EBUSY. KVM's
 * own CPU hotplug state is used: taking it keeps KVM out, and it runs late
 * enough in a teardown that no vCPU thread can be scheduled there any more.
 *
 * A VMCS is cached by the CPU it is loaded on. Each CPU has a list of those, so
 * that all can be written back (VMCLEAR) before VMXOFF: hotplug, suspend,
 * reboot, crash dump. INIT is blocked while VMX is on: a CPU left in it would
 * hang the next boot, so the emergency callback switches it off from NMI
 * context.
 *
 * Locking: a CPU's list and current VMCS are touched by that CPU only, with
 * interrupts off. The emergency callback may find the list half-changed; the
 * pointers are always valid, and the machine is on its way down.
 * Limits: time stamps of guests jump over a suspend.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <trace/events/ipi.h>
#include <asm/perf_event.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>
#include "vmx/vmx.h"

/* KVM's state moved and was renamed when it became able to fail. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define VMX_CPUHP_STATE	CPUHP_AP_KVM_ONLINE
#else
#define VMX_CPUHP_STATE	CPUHP_AP_KVM_STARTING
#endif

/**
 * struct vmx_cpu - VMX on one CPU
 * @on:      between VMXON and VMXOFF
 * @region:  the VMXON region
 * @current_vmcs: the vCPU whose VMCS is current, or NULL
 * @last_vm: whose vCPU that is; for comparing only, it may be gone
 * @loaded:  vCPUs whose VMCS this CPU caches, current or not
 */
struct vmx_cpu {
	bool on;
	void *region;
	struct vmx_vcpu *current_vmcs;
	const void *last_vm;
	struct list_head loaded;
};

static DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);
static DEFINE_PER_CPU(cpumask_var_t, kick_mask);

static bool rebooting;

/** vmx_rebooting() - VMX may have been switched off under everybody's feet */
bool vmx_rebooting(void)
{
	return READ_ONCE(rebooting);
}

static void vmclear_pa(phys_addr_t pa)
{
	asm volatile("1: vmclear %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (pa) : "cc", "memory");
}

static noinline void vmptrld_failed(const phys_addr_t *pa)
{
	if (!vmx_rebooting())
		pr_warn_ratelimited("vmm_core: VMPTRLD of %pa failed\n", pa);
}

static __always_inline void vmptrld_pa(const phys_addr_t *pa)
{
	bool bad;

	asm volatile("1: vmptrld %1\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccna" (bad) : "m" (*pa) : "memory");
	if (unlikely(bad))
		vmptrld_failed(pa);
}

struct invept_desc {
	u64 eptp;
	u64 zero;
};

static void flush_cached(unsigned long type, u64 eptp)
{
	struct invept_desc desc = { .eptp = eptp };

	asm volatile("1: invept %0, %1\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (desc), "r" (type) : "cc", "memory");
}

/**
 * vmx_flush_ept() - drop what this CPU has cached of one EPT
 * @eptp: the EPT pointer
 *
 * Context: the task stays on this CPU.
 */
void vmx_flush_ept(u64 eptp)
{
	flush_cached(VMX_EPT_EXTENT_CONTEXT, eptp);
}

static int enter_vmx(void *region)
{
	u64 pa = __pa(region);

	cr4_set_bits(X86_CR4_VMXE);
	asm goto("1: vmxon %0\n"
		 "jna %l[refused]\n"
		 _ASM_EXTABLE(1b, %l[refused])
		 : : "m" (pa) : "cc", "memory" : refused);
	return 0;
refused:
	cr4_clear_bits(X86_CR4_VMXE);
	return -EIO;
}

static void leave_vmx(void)
{
	asm volatile("1: vmxoff\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "cc", "memory");
	cr4_clear_bits(X86_CR4_VMXE);
}

static int cpu_enable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);
	const char *missing;
	struct vmx_caps caps;
	int r;

	if (c->on)
		return 0;
	if (cr4_read_shadow() & X86_CR4_VMXE)
		return -EBUSY;
	r = vmx_cap_read(&caps, &missing);
	if (r)
		return r;
	if (caps.revision != vmx_caps.revision || caps.pin != vmx_caps.pin ||
	    caps.proc != vmx_caps.proc || caps.proc2 != vmx_caps.proc2 ||
	    caps.vmexit != vmx_caps.vmexit || caps.vmentry != vmx_caps.vmentry ||
	    caps.ept_vpid != vmx_caps.ept_vpid)
		return -EOPNOTSUPP;

	intel_pt_handle_vmx(1);
	r = enter_vmx(c->region);
	if (r) {
		intel_pt_handle_vmx(0);
		return r;
	}
	c->on = true;
	/* An earlier user of VMX may have left translations under our tags. */
	flush_cached(VMX_EPT_EXTENT_GLOBAL, 0);
	return 0;
}

/* Interrupts are off. */
static void forget_vmcs(struct vmx_cpu *c, struct vmx_vcpu *vmx)
{
	vmclear_pa(vmx->vmcs_pa);
	if (c->current_vmcs == vmx) {
		c->current_vmcs = NULL;
		c->last_vm = NULL;
	}
	vmx->launched = false;
	list_del_init(&vmx->node);
	/*
	 * Only now may another CPU load it: whoever sees cpu == -1 also sees
	 * the list without it.
	 */
	smp_store_release(&vmx->vcpu->cpu, -1);
}

static void cpu_disable(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx, *next;

	if (!c->on)
		return;
	list_for_each_entry_safe(vmx, next, &c->loaded, node)
		forget_vmcs(c, vmx);
	vmx_uret_drop();
	leave_vmx();
	c->on = false;
	intel_pt_handle_vmx(0);
}

static int vmx_cpu_online(unsigned int cpu)
{
	unsigned long flags;
	int r;

	local_irq_save(flags);
	r = cpu_enable();
	local_irq_restore(flags);
	if (r)
		pr_err("vmm_core: CPU %u cannot run guests (%d)\n", cpu, r);
	/* Where the state cannot fail, vCPUs find out in vmx_vcpu_load(). */
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0) ? r : 0;
}

static int vmx_cpu_offline(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	cpu_disable();
	local_irq_restore(flags);
	return 0;
}

static void enable_ipi(void *result)
{
	int r = cpu_enable();

	if (r)
		atomic_cmpxchg((atomic_t *)result, 0, r);
}

static void disable_ipi(void *unused)
{
	cpu_disable();
}

static int vmx_syscore_suspend(void)
{
	cpu_disable();
	return 0;
}

static void vmx_syscore_resume(void)
{
	if (cpu_enable())
		pr_err("vmm_core: VMX did not come back after the suspend\n");
}

static void vmx_syscore_shutdown(void)
{
	pr_info("vmm_core: switching VMX off\n");
	WRITE_ONCE(rebooting, true);
	on_each_cpu(disable_ipi, NULL, 1);
}

static struct syscore_ops vmx_syscore_ops = {
	.suspend = vmx_syscore_suspend,
	.resume = vmx_syscore_resume,
	.shutdown = vmx_syscore_shutdown,
};

/* Runs in NMI context on a crash: no locks, no lists changed. */
static void vmx_emergency(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx;

	WRITE_ONCE(rebooting, true);
	if (!(__read_cr4() & X86_CR4_VMXE))
		return;
	list_for_each_entry(vmx, &c->loaded, node)
		vmclear_pa(vmx->vmcs_pa);
	leave_vmx();
}

static void free_percpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		free_page((unsigned long)per_cpu(vmx_cpus, cpu).region);
		per_cpu(vmx_cpus, cpu).region = NULL;
		free_cpumask_var(per_cpu(kick_mask, cpu));
	}
}

static int alloc_percpu_pages(void)
{
	struct vmx_cpu *c;
	struct page *page;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = &per_cpu(vmx_cpus, cpu);
		INIT_LIST_HEAD(&c->loaded);
		page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!page || !zalloc_cpumask_var_node(&per_cpu(kick_mask, cpu), GFP_KERNEL,
						      cpu_to_node(cpu))) {
			c->region = page ? page_address(page) : NULL;
			free_percpu_pages();
			return -ENOMEM;
		}
		c->region = page_address(page);
		*(u32 *)c->region = vmx_caps.revision;
	}
	return 0;
}

/**
 * vmx_enable() - VMXON on all CPUs, now and when further ones come online
 *
 * Context: module initialisation, after vmx_setup().
 * Return: 0, -EBUSY (another hypervisor holds VMX), -ENOMEM, -EIO, -EOPNOTSUPP.
 */
int vmx_enable(void)
{
	atomic_t result = ATOMIC_INIT(0);
	int r;

	r = alloc_percpu_pages();
	if (r)
		return r;
	r = vmx_uret_setup();
	if (r)
		goto err_pages;
	vmx_host_constant();
	vmx_run_setup();
	r = vmx_mitigate_setup();
	if (r)
		goto err_pages;
	/*
	 * Without calls: in 6.1 the callbacks of this state must not fail, but
	 * -EBUSY is an answer here. cpu_enable() may be reached twice.
	 */
	r = cpuhp_setup_state_nocalls(VMX_CPUHP_STATE, "virt/vmm:online", vmx_cpu_online,
				      vmx_cpu_offline);
	if (r)
		goto err_mitigate;
	cpus_read_lock();
	on_each_cpu(enable_ipi, &result, 1);
	cpus_read_unlock();
	r = atomic_read(&result);
	if (r)
		goto err_off;
	cpu_emergency_register_virt_callback(vmx_emergency);
	register_syscore_ops(&vmx_syscore_ops);
	return 0;

err_off:
	cpuhp_remove_state(VMX_CPUHP_STATE);
err_mitigate:
	vmx_mitigate_cleanup();
err_pages:
	free_percpu_pages();
	if (r == -EBUSY)
		pr_err("vmm_core: another hypervisor holds VMX (is kvm_intel loaded?)\n");
	else
		pr_err("vmm_core: cannot switch VMX on (%d)\n", r);
	return r;
}

/** vmx_disable() - undo vmx_enable(); no vCPU exists any more */
void vmx_disable(void)
{
	unregister_syscore_ops(&vmx_syscore_ops);
	cpu_emergency_unregister_virt_callback(vmx_emergency);
	/* With calls: no CPU may slip away with VMX on in between. */
	cpuhp_remove_state(VMX_CPUHP_STATE);
	vmx_mitigate_cleanup();
	free_percpu_pages();
}

static void forget_ipi(void *info)
{
	struct vmx_vcpu *vmx = info;
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	/* It may have been forgotten meanwhile: a CPU that went offline. */
	if (vmx->vcpu->cpu == smp_processor_id())
		forget_vmcs(c, vmx);
}

/**
 * vmx_vmclear() - make sure that no CPU caches the VMCS
 * @vcpu: the vCPU
 *
 * Context: interrupts on; the caller owns the vCPU, whose VMCS is not needed now.
 */
void vmx_vmclear(struct vmm_vcpu *vcpu)
{
	int cpu = READ_ONCE(vcpu->cpu);

	/* A CPU that goes offline meanwhile has forgotten it itself. */
	if (cpu >= 0)
		smp_call_function_single(cpu, forget_ipi, vcpu->vmx, 1);
}

static __always_inline void make_current(struct vmm_vcpu *vcpu, struct vmx_cpu *c)
{
	struct vmx_vcpu *vmx = vcpu->vmx;

	c->current_vmcs = vmx;
	vmptrld_pa(&vmx->vmcs_pa);
	if (c->last_vm != vcpu->vm) {
		c->last_vm = vcpu->vm;
		vmx_switch_barrier();
	}
	vmx->l1d_flush = true;
}

/* Its VMCS was on another CPU, or on none. */
static noinline void load_from_afar(struct vmm_vcpu *vcpu, int cpu)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx = vcpu->vmx;

	if (unlikely(!c->on)) {
		/* A CPU without VMX, or the machine goes down: no entry from now on. */
		WRITE_ONCE(vcpu->vm->bugged, true);
		return;
	}
	vmx_vmclear(vcpu);
	local_irq_disable();
	list_add(&vmx->node, &c->loaded);
	WRITE_ONCE(vcpu->cpu, cpu);
	local_irq_enable();
	make_current(vcpu, c);
	vmx_host_percpu(cpu);
	/* What it left here on an earlier visit may be out of date. */
	vmx->flush_ept = true;
}

/**
 * vmx_vcpu_load() - make the vCPU's VMCS current
 * @vcpu: the vCPU; its owner is the calling thread
 * @cpu:  this CPU
 *
 * Context: preemption off, interrupts on.
 */
void vmx_vcpu_load(struct vmm_vcpu *vcpu, int cpu)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpus);

	/* A CPU that switches VMX off forgets all that was loaded there. */
	if (unlikely(vcpu->cpu != cpu))
		load_from_afar(vcpu, cpu);
	else if (c->current_vmcs != vcpu->vmx)
		make_current(vcpu, c);
}

/**
 * vmm_kick() - bring a vCPU out of the guest, if it is in there
 * @vcpu: the vCPU
 *
 * Context: any but NMI. Pairs with the barrier after IN_GUEST is set: either
 * the vCPU sees what the caller wrote before, or the IPI ends its run.
 */
void vmm_kick(struct vmm_vcpu *vcpu)
{
	int cpu, me;

	smp_mb();	/* what the caller wrote comes before the look at the mode */
	if (READ_ONCE(vcpu->mode) != VMM_IN_GUEST)
		return;
	me = get_cpu();
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu >= 0 && cpu != me && cpu_online(cpu))
		smp_send_reschedule(cpu);
	put_cpu();
}

/** vmm_make_request() - set a request bit and kick the vCPU */
void vmm_make_request(struct vmm_vcpu *vcpu, enum vmm_request req)
{
	set_bit(req, &vcpu->requests);
	vmm_kick(vcpu);
}

static void kick_ack(void *unused)
{
}

/**
 * vmm_kick_all() - bring all vCPUs of a VM out of the guest and wait until they are
 * @vm: the VM
 *
 * After it, each vCPU will look at its requests and at the TLB generation
 * before it executes another guest instruction.
 *
 * Context: interrupts on; may hold spinlocks that are not taken with
 * interrupts off.
 */
void vmm_kick_all(struct vmm_vm *vm)
{
	struct vmm_vcpu *vcpu;
	struct cpumask *mask;
	unsigned long id;
	int cpu, me;

	smp_mb();	/* as in vmm_kick() */
	me = get_cpu();
	mask = per_cpu(kick_mask, me);
	cpumask_clear(mask);
	xa_for_each(&vm->vcpus, id, vcpu) {
		if (READ_ONCE(vcpu->mode) != VMM_IN_GUEST)
			continue;
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0 && cpu != me)
			__cpumask_set_cpu(cpu, mask);
	}
	if (!cpumask_empty(mask))
		smp_call_function_many(mask, kick_ack, NULL, true);
	put_cpu();
}
