/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of vmx/ and exit/ know of the processor and of each other.
 * The rest of vmm_core sees vmm.h only.
 */
#ifndef _VMM_CORE_VMX_H
#define _VMM_CORE_VMX_H

#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/vmx.h>
/* Not complete in itself: after the above. */
#include <asm/debugreg.h>
#include "vmm.h"
#include "vmx/vmcs.h"

/**
 * struct vmx_caps - what the processor can do and what every VMCS asks of it
 * @revision:   VMCS revision identifier
 * @pin:        pin-based controls
 * @proc:       primary processor-based controls
 * @proc2:      secondary controls, including those that follow the guest's CPUID
 * @vmexit:     VM-exit controls
 * @vmentry:    VM-entry controls
 * @cr0_fixed0: bits of CR0 that must be 1 (PE and PG excepted: unrestricted guest)
 * @cr0_fixed1: bits of CR0 that may be 1
 * @cr4_fixed0: bits of CR4 that must be 1
 * @cr4_fixed1: bits of CR4 that may be 1
 * @ept_vpid:   IA32_VMX_EPT_VPID_CAP
 * @host_efer:  IA32_EFER of the host
 * @host_pat:   IA32_PAT of the host
 * @host_xcr0:  XCR0 of the host, 0 without XSAVE
 * @host_xss:   IA32_XSS of the host
 * @arch_caps:  IA32_ARCH_CAPABILITIES, 0 if there is none
 * @apicv:      all controls of vmx/apicv.c exist
 * @host_pmu:   the host has a driver for its performance counters
 *
 * Written once by vmx_setup(), constant afterwards. The same on all CPUs:
 * one that differs in what matters here is refused VMXON.
 */
struct vmx_caps {
	u32 revision;
	u32 pin;
	u32 proc;
	u32 proc2;
	u32 vmexit;
	u32 vmentry;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
	u64 ept_vpid;
	u64 host_efer;
	u64 host_pat;
	u64 host_xcr0;
	u64 host_xss;
	u64 arch_caps;
	bool apicv;
	bool host_pmu;
};

extern struct vmx_caps vmx_caps;

/* The header's own name for it has changed. */
#define VMX_PROC2_XSAVES	VMCS_CONTROL_BIT(XSAVES)

/*
 * Controls of vmx_caps.proc2 that are switched on only when CPUID offers what they
 * allow, or when something else asks for them.
 */
#define VMX_PROC2_ON_DEMAND (VMX_PROC2_BY_CPUID | SECONDARY_EXEC_TSC_SCALING | \
			     SECONDARY_EXEC_ENABLE_PML)
#define VMX_PROC2_BY_CPUID (SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID | \
			    VMX_PROC2_XSAVES)

/* MSRs switched lazily: at entry, and back when the thread returns to user space. */
enum vmx_uret_msr {
	VMX_URET_STAR,
	VMX_URET_LSTAR,
	VMX_URET_FMASK,
	VMX_URET_TSC_AUX,
	VMX_NR_URET,
};

/* General detect: in DR7, and in DR6. The kernel's own names are partly KVM's. */
#define VMX_DR7_GD		BIT(13)
#define VMX_DR6_BD		BIT(13)

/*
 * Pause-loop exiting: PAUSEs less than a gap apart are one loop, and a loop that
 * spins for longer than the window exits. In TSC ticks.
 */
#define VMX_PLE_GAP		128
#define VMX_PLE_WINDOW		4096
#define VMX_PLE_WINDOW_MAX	(VMX_PLE_WINDOW << 4)

/* MSR autoload areas: the guest's and the host's performance counter controls. */
#define VMX_NR_AUTOLOAD		4

struct vmx_autoload {
	struct vmx_msr_entry guest[VMX_NR_AUTOLOAD];
	struct vmx_msr_entry host[VMX_NR_AUTOLOAD];
} __aligned(16);

/**
 * struct vmx_entry_frame - what the assembly of vmx/entry.S reads and writes
 * @host_rsp:       value of HOST_RSP in the VMCS
 * @spec_ctrl:      IA32_SPEC_CTRL of the guest
 * @host_spec_ctrl: IA32_SPEC_CTRL of the host, at this entry
 *
 * entry.S knows the offsets; run.c asserts them.
 */
struct vmx_entry_frame {
	unsigned long host_rsp;
	u64 spec_ctrl;
	u64 host_spec_ctrl;
};

/**
 * struct vmx_host_state - what is put aside while a vCPU is loaded
 * @cr3:   HOST_CR3 of the VMCS
 * @cr4:   HOST_CR4 of the VMCS
 * @fs_base: HOST_FS_BASE of the VMCS
 * @kernel_gs_base: GS base of the user thread
 * @fs_sel: FS of the thread
 * @gs_sel: GS of the thread
 * @ldt_sel: LDT of the thread
 * @ds_sel: DS of the thread
 * @es_sel: ES of the thread
 * @loaded: the above has been put aside; vmx_vcpu_put() brings it back
 */
struct vmx_host_state {
	unsigned long cr3;
	unsigned long cr4;
	unsigned long fs_base;
	unsigned long kernel_gs_base;
	u16 fs_sel;
	u16 gs_sel;
	u16 ldt_sel;
	u16 ds_sel;
	u16 es_sel;
	bool loaded;
};

/**
 * struct vmx_vcpu - the processor's half of a vCPU
 *
 * All of it belongs to the thread that holds vcpu->mutex, except @node, which
 * belongs to the CPU that the VMCS is loaded on (interrupts off there).
 */
struct vmx_vcpu {
	struct vmx_entry_frame frame;	/* first: entry.S */
	u32 exit_reason;		/* as the processor gave it */
	u32 idt_vectoring;		/* event that was under way at the exit */
	bool launched;			/* since the last VMCLEAR */
	bool event_set;			/* VM_ENTRY_INTR_INFO holds an event */
	bool window;			/* a VM exit comes when the window is open */
	bool flush_vpid;		/* INVVPID before the next entry */
	bool flush_ept;			/* INVEPT before the next entry: new on this CPU */
	bool uret_loaded;		/* the lazy MSRs hold the guest's values */
	bool spec_passthrough;		/* the guest reads and writes SPEC_CTRL itself */
	bool debug_stop;		/* a single step of the debugger ended: KVM_EXIT_DEBUG */
	bool debug_tf;			/* RFLAGS.TF is the debugger's */
	bool l1d_flush;			/* the next entry has to flush the L1 data cache */
	bool pml_on;			/* the processor logs dirty pages to @pml */
	u32 proc;			/* CPU_BASED_VM_EXEC_CONTROL */
	u32 proc2;			/* SECONDARY_VM_EXEC_CONTROL */
	u32 vmentry;			/* VM_ENTRY_CONTROLS */
	u32 exceptions;			/* EXCEPTION_BITMAP */
	u32 ple_window;			/* PLE_WINDOW */
	unsigned long quiet_at;		/* jiffies when RCU was last told that it is in the guest */
	struct vmx_host_state host;
	u64 guest_kernel_gs_base;	/* while not loaded */
	u64 uret[VMX_NR_URET];
	u64 cstar;			/* kept only: the processor has no use for it */
	u64 tsc_offset;			/* vmx/tsc.c; read by others */
	u64 tsc_ratio;			/* 0: the TSC runs at the host's rate */
	struct vmm_vcpu *vcpu;
	struct list_head node;		/* in vmx_cpu.loaded */
	void *vmcs;
	phys_addr_t vmcs_pa;
	unsigned long *msr_bitmap;
	u64 *pml;			/* guest addresses; NULL until a slot was logged */
	struct vmx_autoload *autoload;
	u32 autoload_nr;		/* entries in use */
	struct vmx_posted *posted;	/* interrupts for a virtualised APIC; NULL: never */
	u16 vpid;
};

/* cap.c */
int vmx_cap_read(struct vmx_caps *caps, const char **missing);

/* cpu.c */
void vmx_vcpu_load(struct vmm_vcpu *vcpu, int cpu);
void vmx_vmclear(struct vmm_vcpu *vcpu);
bool vmx_rebooting(void);

/* host.c */
void vmx_host_constant(void);
void vmx_host_init_vmcs(struct vmx_vcpu *vmx);
void vmx_host_percpu(int cpu);
void vmx_host_save(struct vmx_vcpu *vmx);
void vmx_host_restore(struct vmx_vcpu *vmx);
int vmx_uret_setup(void);
void vmx_uret_load(struct vmx_vcpu *vmx, u64 efer);
void vmx_uret_drop(void);
bool vmx_uret_exists(enum vmx_uret_msr i);

/**
 * vmx_vcpu_put() - the thread leaves the CPU, or goes to user space
 * @vcpu: the vCPU
 *
 * The VMCS stays cached here; only what the thread or the host needs of the
 * CPU's state is brought back.
 *
 * Context: preemption off; may be under the rq lock with interrupts off.
 */
static inline void vmx_vcpu_put(struct vmm_vcpu *vcpu)
{
	if (vcpu->vmx->host.loaded)
		vmx_host_restore(vcpu->vmx);
}

/* mitigate.c */
int vmx_mitigate_setup(void);
void vmx_mitigate_cleanup(void);
void vmx_flush_l1d(struct vmx_vcpu *vmx);
/* Another VM's guest ran here last. Preemption is off. */
static __always_inline void vmx_switch_barrier(void)
{
	indirect_branch_prediction_barrier();
}
DECLARE_STATIC_KEY_FALSE(vmx_l1d_key);
/* Exported by the kernel for KVM, without a header. */
extern bool itlb_multihit_kvm_mitigation;

/* run.c: -EINTR and the like, or 1: there is an exit to handle, 2: look again */
#define VMX_RUN_EXIT	1
#define VMX_RUN_AGAIN	2
/* vcpu.c only: it halted, or is not started */
#define VMX_RUN_HALTED	3
/* stretch() in vcpu.c, from an exit handler: let another vCPU have the pCPU */
#define VMX_RUN_YIELD	4
/* likewise: the guest has nothing to do until an interrupt comes, or vcpu->wait_ns is over */
#define VMX_RUN_WAIT	5
void vmx_run_setup(void);
int vmx_vcpu_enter(struct vmm_vcpu *vcpu);

/* entry.S */
#define VMX_ENTER_LAUNCHED	1
#define VMX_ENTER_SAVE_SPEC	2
unsigned long vmx_enter_guest(struct vmx_entry_frame *frame, unsigned long *regs,
			      unsigned int flags);
extern char vmx_exit_point[];
void vmx_call_gate(unsigned long handler);

/* state.c */
#define VMX_LAZY_REGS	(BIT(VMM_RSP) | BIT(VMM_RIP) | BIT(VMM_RFLAGS) | BIT(VMM_CR0) | \
			 BIT(VMM_CR3) | BIT(VMM_CR4) | BIT(VMM_EXIT_QUAL) | BIT(VMM_EXIT_INTR))
void vmx_write_cr_masks(struct vmm_vcpu *vcpu);

/* The guest ran: everything that lives in the VMCS is read again when asked for. */
static inline void vmx_exit_state(struct vmm_vcpu *vcpu)
{
	vcpu->regs_avail &= ~VMX_LAZY_REGS;
}

/*
 * RIP and RFLAGS as vmm_read_reg() has them, but that a debugger's trap flag shows. For
 * what every exit needs: no call.
 */
static __always_inline unsigned long vmx_rip(struct vmm_vcpu *vcpu)
{
	if (!(vcpu->regs_avail & BIT(VMM_RIP))) {
		vcpu->regs_avail |= BIT(VMM_RIP);
		vcpu->rip = vmcs_readl(GUEST_RIP);
	}
	return vcpu->rip;
}

static __always_inline unsigned long vmx_rflags(struct vmm_vcpu *vcpu)
{
	if (!(vcpu->regs_avail & BIT(VMM_RFLAGS))) {
		vcpu->regs_avail |= BIT(VMM_RFLAGS);
		vcpu->rflags = vmcs_readl(GUEST_RFLAGS);
	}
	return vcpu->rflags;
}

#define VMX_INTR_SHADOW	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

void vmx_advance_oddly(struct vmm_vcpu *vcpu, unsigned long next, u32 shadow);

/* vmm_advance_rip() and vmm_skip_insn(), for the handlers of the commonest exits. */
static __always_inline void vmx_advance_rip(struct vmm_vcpu *vcpu, unsigned int len)
{
	unsigned long rip = vmx_rip(vcpu), next = rip + len;
	u32 shadow = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);

	if (unlikely((vmx_rflags(vcpu) & X86_EFLAGS_TF) | (shadow & VMX_INTR_SHADOW) |
		     (rip ^ next) >> 32)) {
		vmx_advance_oddly(vcpu, next, shadow);
		return;
	}
	vcpu->rip = next;
	vcpu->regs_dirty |= BIT(VMM_RIP);
}

static __always_inline void vmx_skip_insn(struct vmm_vcpu *vcpu)
{
	vmx_advance_rip(vcpu, vmcs_read32(VM_EXIT_INSTRUCTION_LEN));
}

/** vmx_qualification() - exit qualification of the last exit, read once */
static inline unsigned long vmx_qualification(void)
{
	return vmcs_readl(EXIT_QUALIFICATION);
}

/* segment.c */
static inline u32 vmx_segment_ar(enum vmm_seg seg)
{
	return vmcs_read_raw(GUEST_ES_AR_BYTES + 2 * seg);
}

/* pml.c */
int vmx_pml_update(struct vmm_vcpu *vcpu);
void vmx_pml_drain(struct vmm_vcpu *vcpu);
void vmx_pml_free(struct vmx_vcpu *vmx);

/* tsc.c */
void vmx_set_tsc_offset(struct vmm_vcpu *vcpu, u64 offset);
void vmx_tsc_vm_init(struct vmm_vm *vm);
void vmx_tsc_vcpu_init(struct vmm_vcpu *vcpu);
void vmx_tsc_write(struct vmx_vcpu *vmx);
void vmx_tsc_sync(struct vmm_vcpu *vcpu, u64 data);

/* msr_bitmap.c */
void vmx_msr_intercept(struct vmx_vcpu *vmx, u32 msr, bool read, bool write);
void vmx_msr_bitmap_init(struct vmx_vcpu *vmx);
void vmx_msr_filter_changed(struct vmm_vcpu *vcpu);

/* intr.c */
void vmx_inject_events(struct vmm_vcpu *vcpu);
void vmx_requeue_event(struct vmm_vcpu *vcpu, u32 info);

/* After an exit: what was injected has arrived, or comes again. */
static inline void vmx_complete_events(struct vmm_vcpu *vcpu)
{
	u32 info = vcpu->vmx->idt_vectoring;

	vcpu->exception.injected = false;
	vcpu->interrupt.injected = false;
	vcpu->nmi.injected = false;
	if (unlikely(info & VECTORING_INFO_VALID_MASK))
		vmx_requeue_event(vcpu, info);
}

bool vmm_user_window(struct vmm_vcpu *vcpu);
bool vmm_user_may_interrupt(struct vmm_vcpu *vcpu);
void vmx_deliver_db(struct vmm_vcpu *vcpu, unsigned long dr6);

/*
 * apicv.c. The names of what newer headers call otherwise, or have not: a vector
 * with a handler that does nothing.
 */
#ifdef POSTED_INTR_VECTOR
#define VMX_POSTED_VECTOR	POSTED_INTR_VECTOR
#else
#define VMX_POSTED_VECTOR	0
#endif
void vmx_apicv_setup(void);
int vmx_apicv_create(struct vmm_vcpu *vcpu);
void vmx_apicv_destroy(struct vmx_vcpu *vmx);
void vmx_apicv_update(struct vmm_vcpu *vcpu);
bool vmx_apicv_posted(const struct vmx_vcpu *vmx);
void vmx_apicv_inject(struct vmm_vcpu *vcpu, bool hold);
void vmx_dispatch_interrupt(struct vmx_vcpu *vmx);

/* Have vectors been posted that nobody has taken over? Any context. */
static inline bool vmx_apicv_waits(const struct vmx_vcpu *vmx)
{
	return vmx->posted && vmx_apicv_posted(vmx);
}

/* The processor virtualises the APIC of this vCPU at present. */
static inline bool vmx_apicv_on(const struct vmx_vcpu *vmx)
{
	return vmx->proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
}

/**
 * vmx_inject() - put what can be delivered into the VMCS, open windows for the rest
 * @vcpu: the vCPU
 *
 * Can be called again when the entry does not happen after all.
 * Context: process, the VMCS is loaded; may sleep.
 */
static __always_inline void vmx_inject(struct vmm_vcpu *vcpu)
{
	if (unlikely(vcpu->exception.pending | vcpu->exception.injected | vcpu->nmi.injected |
		     vcpu->interrupt.pending | vcpu->interrupt.injected | vcpu->vmx->event_set |
		     vcpu->vmx->window | READ_ONCE(vcpu->run->request_interrupt_window) |
		     vcpu->irq_look) ||
	    unlikely(vcpu->nmi_pending | (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)) ||
	    unlikely(vmx_apicv_waits(vcpu->vmx)))
		vmx_inject_events(vcpu);
}

/* debug.c */
void vmx_load_debugregs(struct vmm_vcpu *vcpu);

static inline void vmx_set_proc(struct vmx_vcpu *vmx, u32 val)
{
	if (vmx->proc != val) {
		vmx->proc = val;
		vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, val);
	}
}

static inline void vmx_set_vmentry(struct vmx_vcpu *vmx, u32 val)
{
	if (vmx->vmentry != val) {
		vmx->vmentry = val;
		vmcs_write32(VM_ENTRY_CONTROLS, val);
	}
}

static inline void vmx_set_exceptions(struct vmx_vcpu *vmx, u32 val)
{
	if (vmx->exceptions != val) {
		vmx->exceptions = val;
		vmcs_write32(EXCEPTION_BITMAP, val);
	}
}

#endif /* _VMM_CORE_VMX_H */
