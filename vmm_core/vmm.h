/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs and vCPUs: what the rooms of vmm_core (abi/, vmx/, exit/, mmu/, emulate/)
 * know of each other.
 *
 * Legend of the tags: [I] immutable after creation, [O] the thread that holds
 * vcpu->mutex only, [V] vm->lock, [S] vm->slots_lock for writing, SRCU for
 * reading, [M] vm->mmu.lock, [A] atomic or READ_ONCE/WRITE_ONCE.
 */
#ifndef _VMM_CORE_VMM_H
#define _VMM_CORE_VMM_H

#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rbtree.h>
#include <linux/rcuwait.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/xarray.h>
#include <asm/fpu/api.h>
#include <vmm/gate.h>
#include "irq/irq.h"
#include "pv/pv.h"

#define VMM_MAX_VCPUS		1024	/* KVM_CAP_MAX_VCPUS */
#define VMM_MAX_VCPU_ID		4096	/* KVM_CAP_MAX_VCPU_ID; ids are below it */
#define VMM_USER_SLOTS		32764
#define VMM_MCE_BANKS		32
#define VMM_MAX_CPUID		100
#define VMM_RUN_PAGES		3	/* kvm_run, port data, coalesced ring */

/* Order of the hardware's encodings, as in ModRM and the exit qualification. */
enum vmm_reg {
	VMM_RAX, VMM_RCX, VMM_RDX, VMM_RBX, VMM_RSP, VMM_RBP, VMM_RSI, VMM_RDI,
	VMM_R8, VMM_R9, VMM_R10, VMM_R11, VMM_R12, VMM_R13, VMM_R14, VMM_R15,
	VMM_NR_GPRS,
	/* read from the VMCS only when asked for; bit numbers of regs_avail/regs_dirty */
	VMM_RIP = VMM_NR_GPRS, VMM_RFLAGS, VMM_CR0, VMM_CR3, VMM_CR4,
	VMM_EXIT_QUAL, VMM_EXIT_INTR, VMM_NR_REGS,
};

enum vmm_seg {	/* order of the hardware and of struct kvm_sregs below */
	VMM_ES, VMM_CS, VMM_SS, VMM_DS, VMM_FS, VMM_GS, VMM_LDTR, VMM_TR, VMM_NR_SEGS,
};

/* --- memory slots (mmu/slots.c) ------------------------------------------ */

/**
 * struct vmm_slot - one KVM_SET_USER_MEMORY_REGION
 * @id: as user space numbers it
 * @flags: KVM_MEM_*
 * @base_gfn: first guest frame
 * @npages: 4 KiB pages
 * @hva: user address of the first page
 * @dirty: dirty bitmap while KVM_MEM_LOG_DIRTY_PAGES, else NULL
 */
struct vmm_slot {
	u32 id;
	u32 flags;
	gfn_t base_gfn;
	u64 npages;
	unsigned long hva;
	unsigned long *dirty;
};

/** struct vmm_slots - all slots of a VM, sorted by base_gfn; replaced whole under SRCU */
struct vmm_slots {
	struct rcu_head rcu;
	u32 nr;
	u64 generation;
	struct vmm_slot *slot[];
};

/** struct vmm_mmu - EPT of a VM (mmu/ept.c) */
struct vmm_mmu {
	rwlock_t lock;			/* tables; write for everything for now, see mmu/ept.c */
	hpa_t root;			/* [I] physical address of the top table */
	u64 eptp;			/* [I] value for the VMCS */
	unsigned long seq;		/* [M] counts finished invalidations */
	unsigned long in_progress;	/* [M] invalidations under way */
	unsigned long inv_start, inv_end;	/* [M] HVA range of those */
	atomic64_t tlb_gen;		/* [A] raised with each loss of permission; compared before entry */
	unsigned long pages;		/* [M] table pages */
	u64 mapped_4k, mapped_2m, mapped_1g;	/* [M] leaves */
	u64 slots_gen;			/* [M] generation of the slots that may be mapped from */
	gfn_t frozen_start, frozen_end;	/* [M] a slot that is going: nothing may be mapped here */
	struct list_head cache;		/* [M] zeroed pages for tables */
	unsigned int nr_cache;		/* [M], read without */
	u8 max_level;			/* [I] largest leaf: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB */
	bool ad;			/* [I] the processor sets accessed and dirty bits */
	bool nx_huge;			/* [I] large leaves must not be executable */
	bool pml;			/* [I] the processor writes the dirty log */
	unsigned int nr_logged;		/* [S] slots with a dirty log, read without */
};

/**
 * struct vmm_vm - a virtual machine
 *
 * Freed when the VM's file and those of all its vCPUs are released.
 */
struct vmm_vm {
	refcount_t ref;
	struct mm_struct *mm;		/* [I] of the creator; mmgrab()ed; only its threads may run vCPUs */
	struct mutex lock;		/* vCPU creation and VM-wide settings */
	struct mutex slots_lock;	/* nests inside lock */
	struct srcu_struct srcu;	/* slots */
	struct vmm_slots __rcu *slots;	/* [S] */
	struct xarray slots_by_id;	/* [S] */
	struct vmm_mmu mmu;
	struct mmu_notifier mn;
	struct xarray vcpus;		/* [V] by id; read under RCU; entries live as long as the VM */
	unsigned int nr_vcpus;		/* [V] */
	u32 max_vcpu_id;		/* [V] KVM_CAP_MAX_VCPU_ID limit, 0: default */
	struct vmm_group *group;	/* [I] */
	bool bugged;			/* [A] an internal error: every ioctl answers -EIO */
	bool in_teardown;
	u64 tsc_khz;			/* [V] of vCPUs to come */
	u64 tsc_offset;			/* clock.lock; of vCPUs that run in step, at the rate of */
	u32 tsc_offset_khz;		/* clock.lock */
	unsigned long nr_mmu_pages;	/* [V] KVM_SET_NR_MMU_PAGES: remembered, no limit is needed */
	unsigned long tss_addr;		/* [V] KVM_SET_TSS_ADDR */
	u64 identity_map_addr;		/* [V] */
	u32 bsp_id;			/* [V] vCPU that comes up running: KVM_SET_BOOT_CPU_ID */
	struct vmm_irq irq;		/* see irq/irq.h */
	struct vmm_clock clock;		/* see pv/pv.h */
	u64 quirks_off;			/* [A] KVM_X86_QUIRK_* that user space does not want */
	u32 user_msr;			/* [A] KVM_MSR_EXIT_REASON_*: MSR accesses that user space serves */
	struct vmm_msr_filter __rcu *msr_filter;	/* [V], SRCU for reading: abi/msr_filter.c */
	u32 give_last;			/* [A] where the last search for a vCPU to give way to ended */
	bool hide_platform_info;	/* [A] KVM_CAP_MSR_PLATFORM_INFO */
	bool exception_payload;		/* [A] KVM_CAP_EXCEPTION_PAYLOAD */
	bool triple_fault_event;	/* [A] KVM_CAP_X86_TRIPLE_FAULT_EVENT */
	struct vmm_apic_map __rcu *apic_map;	/* local APICs by id and by logical address: irq/ipi.c */
	u64 dirty_manual;		/* [A] KVM_DIRTY_LOG_*: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
	u32 x2apic_api;			/* [V] KVM_X2APIC_API_*: KVM_CAP_X2APIC_API */
};

/** vmm_quirk() - is a behaviour wanted that KVM has against the architecture? */
static inline bool vmm_quirk(const struct vmm_vm *vm, u64 quirk)
{
	return !(READ_ONCE(vm->quirks_off) & quirk);
}

/* Requests to a vCPU from elsewhere: bits of vcpu->requests. */
enum vmm_request {
	VMM_REQ_EVENT,			/* look at pending events again */
	VMM_REQ_TLB_FLUSH,		/* INVEPT before the next entry */
	VMM_REQ_TRIPLE_FAULT,
	VMM_REQ_VM_DEAD,
	VMM_REQ_NMI,			/* take over nmi_queued */
	VMM_REQ_IOAPIC_EOI,		/* user space's I/O APIC waits for an EOI */
	VMM_REQ_CLOCK,			/* pv/: the clock page is out of date */
	VMM_REQ_STEAL,			/* pv/: the steal time record is */
	VMM_REQ_APICV,			/* vmx_apicv_update() */
	VMM_REQ_MSR_FILTER,		/* which MSRs exit has changed */
	VMM_REQ_PML,			/* dirty logging has begun or ended */
};

/* How the thread of a vCPU that cannot run waits for events (wait.c). */
enum vmm_waiting { VMM_WAIT_NOT, VMM_WAIT_THREAD, VMM_WAIT_GATE };

enum vmm_vcpu_mode { VMM_OUTSIDE_GUEST, VMM_IN_GUEST };

/** struct vmm_event - an exception, interrupt or NMI on its way into the guest */
struct vmm_event {
	bool pending;			/* not delivered yet */
	bool injected;			/* was in the VMCS and must be injected again */
	bool has_error;
	bool soft;			/* INT n / INT3 / INTO: insn_len matters */
	u8 vector;
	u8 insn_len;
	u32 error;
	u64 payload;			/* CR2 or DR6 bits */
	bool has_payload;
};

/** struct vmm_pio - port access that user space is completing */
struct vmm_pio {
	u16 port;
	u8 size;			/* 1, 2, 4 */
	bool in;
	bool string;
	u32 count;
	unsigned long rip;		/* linear; user space may move the vCPU meanwhile */
	unsigned long lin;		/* string: linear address of the first byte */
	u8 addr_size;			/* string: 2, 4, 8 */
	bool rep, down;			/* string: REP prefix, RFLAGS.DF */
};

/** struct vmm_vcpu - a virtual CPU; one page of it, kvm_run and the PIO page are mapped by user space */
struct vmm_vcpu {
	/* what the entry path touches, first */
	unsigned long regs[VMM_NR_GPRS];	/* [O] RSP only while available */
	unsigned long rip;			/* [O] cached */
	unsigned long rflags;			/* [O] cached */
	u32 regs_avail, regs_dirty;		/* [O] bits of enum vmm_reg */
	struct vmx_vcpu *vmx;			/* [I] vmx/'s own half */
	struct vmm_vm *vm;			/* [I] */
	struct kvm_run *run;			/* [I] first page of the shared area; distrusted */
	int mode;				/* [A] enum vmm_vcpu_mode */
	unsigned long requests;			/* [A] bits of enum vmm_request */
	struct vmm_apic *apic;			/* [I] NULL: it is in user space */
	struct vmm_pv pv;			/* see pv/pv.h */
	u32 tsc_khz;				/* [O] rate of its TSC */
	struct vmm_entity entity;
	int cpu;				/* [O] where its VMCS was last loaded, -1: nowhere */
	struct preempt_notifier notifier;
	bool in_gate;			/* [O] between vmm_gate_enter() and vmm_gate_exit() */
	u64 tlb_gen;				/* [O] mmu.tlb_gen that this vCPU has flushed for */

	/* control registers and the like */
	unsigned long cr0, cr2, cr3, cr4, cr8;	/* [O] as the guest sees them */
	u64 efer;				/* [O] */
	u64 apic_base;				/* [O] */
	u64 xcr0, xss;				/* [O] */
	u32 pkru;				/* [O] */
	unsigned long db[4], dr6, dr7;		/* [O] */
	u32 guest_debug;			/* [O] KVM_GUESTDBG_* */
	unsigned long debug_db[4], debug_dr7;	/* [O] of KVM_GUESTDBG_USE_HW_BP */
	u32 mp_state;				/* [O] KVM_MP_STATE_* */
	u64 supported_xcr0;			/* [O] from its CPUID */
	u64 cr4_reserved;			/* [O] from its CPUID */
	u8 maxphyaddr;				/* [O] from its CPUID */

	/* events */
	struct vmm_event exception;		/* [O] */
	struct vmm_event interrupt;		/* [O] KVM_INTERRUPT; .vector */
	struct vmm_event nmi;			/* [O] */
	u32 nmi_pending;			/* [O] */
	bool nmi_masked;			/* [O] used without virtual NMIs */
	atomic_t nmi_queued;			/* NMIs from elsewhere; VMM_REQ_NMI takes them over */
	bool irq_look;				/* [O] the APIC or the 8259 may have something new */

	/* waiting in the kernel: see wait.c */
	int waiting;				/* [A] enum vmm_waiting */
	struct rcuwait wait;			/* the thread, while VMM_WAIT_THREAD */
	u64 poll_ns;				/* [O] how long to look before sleeping */
	u64 event_ns;				/* [A] when an event came while VMM_WAIT_THREAD; 0: none yet */
	bool wait_irq, wait_nmi;		/* [O] halted, and these would end it */
	u64 wait_ns;				/* [O] VMX_RUN_WAIT: for so long at most; else 0 */
	bool wait_over;				/* [A] ... and that is over */

	/* giving way to another vCPU: see pv/directed.c */
	struct vmm_vcpu *give_to;		/* [O] VMX_RUN_YIELD: to whom; NULL: whoever waits */
	bool give_answer;			/* [O] ... and the guest gets the outcome in RAX */
	bool in_kernel;				/* [A] at CPL 0 when it last stopped running */
	bool spins;				/* [A] it stopped because it was spinning */
	bool spin_turn;				/* [A] ... and is worth a turn all the same, this time */

	/* what user space is finishing: called at the next KVM_RUN, see abi/complete.c */
	int (*complete)(struct vmm_vcpu *vcpu);
	struct vmm_pio pio;
	void *pio_data;				/* [I] second page of the shared area */
	struct vmm_emul_state *emul;		/* [I] instruction in flight (emulate glue) */

	struct fpu_guest fpu;			/* [O] guest FPU */
	struct kvm_cpuid_entry2 *cpuid;		/* [O] */
	int nr_cpuid;				/* [O] */
	bool ran;				/* [O] KVM_RUN got as far as an entry */
	struct page *run_pages[VMM_RUN_PAGES];	/* [I] what user space maps */
	u32 id;					/* [I] */
	struct mutex mutex;			/* one ioctl at a time */
	spinlock_t pid_lock;			/* innermost */
	struct pid *pid;			/* pid_lock: of the thread in KVM_RUN */
	sigset_t sigset;			/* [O] KVM_SET_SIGNAL_MASK */
	bool sigset_active;			/* [O] */

	/* MSRs that need no hardware (exit/msr.c) */
	u64 msr_tsc_adjust, msr_misc_enable, msr_pat, msr_mtrr_def, msr_mtrr_fixed[11], msr_mtrr_var[16];
	u64 msr_mcg_cap, msr_mcg_status, msr_mcg_ctl, msr_mce[4 * VMM_MCE_BANKS], msr_ucode_rev, msr_platform_info, msr_misc_features;
	u64 msr_power_ctl;
	u64 msr_arch_capabilities, msr_spec_ctrl;

	/* counters, written by the thread only, read without a lock (system B's ground) */
	u64 exits;
	u64 exit_count[80];			/* by basic exit reason */
	u64 user_exits, signal_exits, irq_exits, irqs_injected, page_faults, mmio_exits, io_exits, halts;
};

/*
 * Return value of an exit handler and of everything that may end a run:
 *   1  go on in the guest
 *   0  go to user space, vcpu->run is filled
 *  <0  errno of KVM_RUN
 */

/* --- registers: cached, read from the VMCS on demand (vmx/state.c) -------- */
unsigned long vmm_read_reg(struct vmm_vcpu *vcpu, enum vmm_reg reg);	/* GPR, RIP, RFLAGS, CR0/3/4 */
void vmm_write_reg(struct vmm_vcpu *vcpu, enum vmm_reg reg, unsigned long val);
void vmm_get_segment(struct vmm_vcpu *vcpu, struct kvm_segment *var, enum vmm_seg seg);
void vmm_set_segment(struct vmm_vcpu *vcpu, const struct kvm_segment *var, enum vmm_seg seg);
unsigned long vmm_segment_base(struct vmm_vcpu *vcpu, enum vmm_seg seg);
void vmm_get_dt(struct vmm_vcpu *vcpu, struct kvm_dtable *idt, struct kvm_dtable *gdt);
void vmm_set_dt(struct vmm_vcpu *vcpu, const struct kvm_dtable *idt, const struct kvm_dtable *gdt);
int vmm_cpl(struct vmm_vcpu *vcpu);
bool vmm_is_64bit(struct vmm_vcpu *vcpu);	/* long mode and CS.L */
/* They check as the hardware does; 0, or 1 = the guest deserves #GP (user space: -EINVAL). */
int vmm_set_cr0(struct vmm_vcpu *vcpu, unsigned long val);
int vmm_set_cr3(struct vmm_vcpu *vcpu, unsigned long val);
int vmm_set_cr4(struct vmm_vcpu *vcpu, unsigned long val);
int vmm_set_xcr(struct vmm_vcpu *vcpu, u32 index, u64 val);
int vmm_set_efer(struct vmm_vcpu *vcpu, u64 val, bool host);
bool vmm_valid_cr0(struct vmm_vcpu *vcpu, unsigned long val);
bool vmm_valid_cr4(struct vmm_vcpu *vcpu, unsigned long val);
/* Raw setters for SET_SREGS: no side effects on other registers beyond what VM entry needs. */
void vmm_load_sregs(struct vmm_vcpu *vcpu, unsigned long cr0, unsigned long cr3, unsigned long cr4, u64 efer);
int vmm_set_dr(struct vmm_vcpu *vcpu, int dr, unsigned long val);
void vmm_update_guest_debug(struct vmm_vcpu *vcpu);	/* dr7, guest_debug, exception bitmap */
/* rip += length of the instruction that exited; clears the interrupt shadow; raises TF's #DB */
void vmm_skip_insn(struct vmm_vcpu *vcpu);
void vmm_advance_rip(struct vmm_vcpu *vcpu, unsigned int len);	/* the same, after emulation */
u32 vmm_interrupt_shadow(struct vmm_vcpu *vcpu);	/* KVM_X86_SHADOW_INT_* */
void vmm_set_interrupt_shadow(struct vmm_vcpu *vcpu, u32 mask);
bool vmm_nmi_blocked(struct vmm_vcpu *vcpu);
void vmm_set_nmi_blocked(struct vmm_vcpu *vcpu, bool blocked);
bool vmm_interrupt_allowed(struct vmm_vcpu *vcpu);	/* IF, no shadow, nothing injected */

/* --- events (vmx/intr.c) --------------------------------------------------- */
void vmm_queue_exception(struct vmm_vcpu *vcpu, u8 vector);
void vmm_queue_exception_error(struct vmm_vcpu *vcpu, u8 vector, u32 error);
void vmm_queue_page_fault(struct vmm_vcpu *vcpu, unsigned long addr, u32 error);
void vmm_make_request(struct vmm_vcpu *vcpu, enum vmm_request req);	/* and kick it */
void vmm_kick(struct vmm_vcpu *vcpu);		/* out of the guest, if it is there */
void vmm_kick_all(struct vmm_vm *vm);		/* and wait until each has left once */

void vmm_deliver_payload(struct vmm_vcpu *vcpu);	/* abi/events.c */

/* Registers in the shared page (abi/sync.c) */
int vmm_sync_check(u64 fields);

/* Does user space use the shared registers? 1, 0, -EINVAL: it asks for some that there are not. */
static inline int vmm_sync_wanted(struct vmm_vcpu *vcpu)
{
	u64 fields = READ_ONCE(vcpu->run->kvm_valid_regs) | READ_ONCE(vcpu->run->kvm_dirty_regs);

	return unlikely(fields) ? vmm_sync_check(fields) : 0;
}

int vmm_sync_in(struct vmm_vcpu *vcpu);
void vmm_sync_out(struct vmm_vcpu *vcpu);

/* --- MSRs (exit/msr.c) and CPUID (cpuid.c) ----------------------------------- */
struct vmm_msr {
	u32 index;
	u64 data;
	bool host;			/* from user space */
};
int vmm_get_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr);	/* 0, or 1: no such MSR / not allowed */
int vmm_set_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr);
extern u32 vmm_msr_list[];		/* KVM_GET_MSR_INDEX_LIST */
extern u32 vmm_msr_list_size;
extern const u32 vmm_msr_features[];		/* KVM_GET_MSR_FEATURE_INDEX_LIST */
extern const u32 vmm_msr_features_size;
int vmm_get_msr_feature(struct vmm_msr *msr);
void vmm_msr_setup(void);			/* module init, once */
void vmm_msr_reset(struct vmm_vcpu *vcpu);	/* values after RESET */

bool vmm_msr_allowed(struct vmm_vm *vm, u32 index, bool write);	/* abi/msr_filter.c */
void vmm_msr_filter_free(struct vmm_vm *vm);	/* abi/msr_filter.c; nobody uses the VM */

void vmm_cpuid_setup(void);			/* module init, once */
void vmm_cpuid_reset(struct vmm_vcpu *vcpu);	/* limits before any KVM_SET_CPUID2: the host's */
int vmm_cpuid_supported(struct kvm_cpuid_entry2 *entries, int max);	/* count or -E2BIG */
int vmm_cpuid_set(struct vmm_vcpu *vcpu, struct kvm_cpuid_entry2 *entries, int n);	/* takes over entries */
void vmm_cpuid_get(struct vmm_vcpu *vcpu, struct kvm_cpuid_entry2 *e);
/* What CPUID returns to the guest (runtime bits such as OSXSAVE included). */
void vmm_cpuid(struct vmm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
const struct kvm_cpuid_entry2 *vmm_cpuid_find(struct vmm_vcpu *vcpu, u32 function, u32 index);
bool vmm_cpuid_has(struct vmm_vcpu *vcpu, unsigned int x86_feature);	/* X86_FEATURE_* */
u64 vmm_supported_xcr0(void);

/* --- vCPU life and run (vcpu.c, vmx/) ----------------------------------------- */
int vmm_vcpu_create(struct vmm_vm *vm, u32 id, struct vmm_vcpu **out);
void vmm_vcpu_destroy(struct vmm_vcpu *vcpu);
void vmm_vcpu_reset(struct vmm_vcpu *vcpu);	/* architectural RESET state */
void vmm_vcpu_init(struct vmm_vcpu *vcpu);	/* architectural state after INIT */
int vmm_vcpu_run(struct vmm_vcpu *vcpu);	/* KVM_RUN; vcpu->mutex held */
bool vmm_vcpu_wanted(struct vmm_vcpu *vcpu);	/* leave what takes long */
/* wait.c: vCPUs that do not run although their thread would */
void vmm_vcpu_notify(struct vmm_vcpu *vcpu);	/* an event: out of the guest, or awake. Any context but NMI */
void vmm_queue_nmi(struct vmm_vcpu *vcpu);	/* the same, with an NMI */
bool vmm_vcpu_settle(struct vmm_vcpu *vcpu);	/* INIT, SIPI, HLT: true: it can run. VMCS loaded */
int vmm_vcpu_wait_hint(struct vmm_vcpu *vcpu);
int vmm_vcpu_wait(struct vmm_vcpu *vcpu);	/* VMCS not loaded, in the gate: 0, or -EINTR: out of it */
void vmm_vcpu_take_init(struct vmm_vcpu *vcpu);	/* INIT and a start-up IPI reach it; VMCS loaded */
void vmm_vcpu_take_sipi(struct vmm_vcpu *vcpu, u8 page);
int vmm_thread_work(void);			/* rescheduling, signals: 0 or -EINTR; work.c */
int vmm_thread_work(void);	/* work.c: signals and the like before an entry; 0 or -EINTR */
/* Make the VMCS current for get/set calls outside KVM_RUN (preemptible; notifier registered). */
void vmm_vcpu_load(struct vmm_vcpu *vcpu);
void vmm_vcpu_put(struct vmm_vcpu *vcpu);

/* vmx/: the processor. */
int vmx_setup(void);				/* capabilities; one log line if something is missing */
int vmx_enable(void);				/* VMXON everywhere, hotplug, syscore, emergency */
void vmx_disable(void);
int vmx_vcpu_create(struct vmm_vcpu *vcpu);
void vmx_vcpu_destroy(struct vmm_vcpu *vcpu);
void vmx_vcpu_reset(struct vmm_vcpu *vcpu, bool init);
int vmx_vm_init(struct vmm_vm *vm);
void vmx_cpuid_changed(struct vmm_vcpu *vcpu);	/* controls that follow from its CPUID */
/* The guest's TSC (vmx/tsc.c): what it shows at a TSC of the host; its rate and offset. */
u64 vmm_guest_tsc(const struct vmm_vcpu *vcpu, u64 host_tsc);
bool vmx_has_tsc_scaling(void);
u32 vmx_tsc_khz(u64 khz);
void vmx_apicv_post(struct vmm_vcpu *vcpu, u8 vector);
void vmx_apicv_pull(struct vmm_vcpu *vcpu);
void vmx_apicv_forget(struct vmm_vcpu *vcpu);
int vmx_tsc_set_khz(struct vmm_vcpu *vcpu, unsigned long khz);
void vmx_tsc_set_offset(struct vmm_vcpu *vcpu, u64 offset);
void vmx_get_pdptrs(struct vmm_vcpu *vcpu, u64 *pdpte);	/* 4 of them; VMCS loaded */
void vmx_set_pdptrs(struct vmm_vcpu *vcpu, const u64 *pdpte);
void vmx_flush_ept(u64 eptp);			/* INVEPT single context, this CPU */
u64 vmx_eptp(hpa_t root);			/* memory type, walk length, A/D as supported */
bool vmx_ept_has_2m(void);
bool vmx_ept_has_1g(void);
bool vmx_ept_has_ad(void);
bool vmx_has_pml(void);
bool vmx_guest_has(unsigned int x86_feature);	/* instructions that take a VMX control */
bool vmx_nx_huge_pages(void);			/* iTLB multihit: no executable large EPT leaves */
void vmx_dump_vmcs(struct vmm_vcpu *vcpu);	/* to the log, rate-limited, for debugging */

/* --- memory (mmu/) -------------------------------------------------------------- */
int vmm_mmu_init(struct vmm_vm *vm);		/* root table, slots, notifier */
void vmm_mmu_destroy(struct vmm_vm *vm);
int vmm_set_memory_region(struct vmm_vm *vm, const struct kvm_userspace_memory_region *region);
int vmm_get_dirty_log(struct vmm_vm *vm, struct kvm_dirty_log *log);
int vmm_clear_dirty_log(struct vmm_vm *vm, const struct kvm_clear_dirty_log *log);
void vmm_dirty_gpas(struct vmm_vm *vm, const u64 *gpa, unsigned int n);	/* mmu/dirty.c */
struct vmm_slot *vmm_gfn_to_slot(struct vmm_slots *slots, gfn_t gfn);	/* SRCU held */
/*
 * An EPT violation. 1: mapped, or the vCPU must retry; 0 / <0: see above;
 * VMM_FAULT_MMIO: no slot, or a write to a read-only one: emulate.
 */
#define VMM_FAULT_MMIO	2
int vmm_mmu_fault(struct vmm_vcpu *vcpu, gpa_t gpa, bool write, bool fetch);
/* Guest memory by physical address; may sleep; 0 or -EFAULT (no slot, or user memory faults). */
int vmm_read_guest(struct vmm_vm *vm, gpa_t gpa, void *data, unsigned int len);
int vmm_write_guest(struct vmm_vm *vm, gpa_t gpa, const void *data, unsigned int len);
/*
 * Guest-virtual to guest-physical by the guest's own page tables, with the
 * access rights of @access (PFERR_WRITE/USER/FETCH bits). 0, or 1: *fault_error
 * holds the error code of the #PF to inject.
 */
#define VMM_PF_PRESENT	0x01
#define VMM_PF_WRITE	0x02
#define VMM_PF_USER	0x04
#define VMM_PF_RSVD	0x08
#define VMM_PF_FETCH	0x10
int vmm_gva_to_gpa(struct vmm_vcpu *vcpu, unsigned long gva, u32 access, gpa_t *gpa, u32 *fault_error);

/* --- exits (exit/) and what user space completes (abi/complete.c) ------------------ */
int vmm_handle_exit(struct vmm_vcpu *vcpu);	/* exit/router.c, interrupts on */
/*
 * mmio.c: decode and run, as above. @operand: @gpa is what the instruction's
 * operand translates to; false: the processor met it while it walked tables.
 */
int vmm_emulate_mmio(struct vmm_vcpu *vcpu, gpa_t gpa, bool operand);
void vmm_emul_free(struct vmm_vcpu *vcpu);	/* mmio.c */
/*
 * seg:off to a linear address of len bytes with the segment's checks. 0, or 1:
 * the exception to inject is in *vector (#GP or #SS, error code 0).
 */
int vmm_linear(struct vmm_vcpu *vcpu, enum vmm_seg seg, unsigned long off, unsigned int len,
	       bool write, unsigned long *lin, u8 *vector);
int vmm_pio(struct vmm_vcpu *vcpu, u16 port, u8 size, bool in);	/* non-string, data in RAX */
int vmm_pio_string(struct vmm_vcpu *vcpu, u16 port, u8 size, bool in, bool rep, u8 addr_size, enum vmm_seg seg);
int vmm_internal_error(struct vmm_vcpu *vcpu, u32 suberror, const u64 *data, int n);	/* returns 0 */

/* --- files (abi/) ------------------------------------------------------------------- */
int vmm_dev_register(void);
void vmm_dev_unregister(void);
void vmm_vm_get(struct vmm_vm *vm);
void vmm_vm_put(struct vmm_vm *vm);
int vmm_check_extension(struct vmm_vm *vm, long ext);

#endif /* _VMM_CORE_VMM_H */
