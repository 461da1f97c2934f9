/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vmm: what user space and guests see beyond the KVM ABI of /dev/vmm.
 *
 * Control goes through the generic netlink family "vmm", version 1.
 *
 * Commands (D: dump, R: one request with an answer, A: needs CAP_SYS_ADMIN):
 *
 *   VMM_CMD_SCHED_GET   D  every loaded scheduler:
 *                          SCHED_NAME, SCHED_ID, SCHED_STATE, SCHED_DOMAIN, SCHED_PARAM*,
 *                          for the active one also POOL_ID, DISPATCH, SCHED_SINCE, SWAPS,
 *                          SWAP (the last one), HISTORY*, WATCHDOG, EXIT (the last one thrown
 *                          out, in short)
 *   VMM_CMD_SCHED_SET   RA SCHED_NAME, SCHED_PARAM*: make it active (or change its
 *                          parameters); answers with SWAP. SWAP_MODE, TIMEOUT: how.
 *                          DISPATCH, with or without a name: choose the way to the
 *                          active scheduler. WATCHDOG, without a name: set the bound
 *                          of the watchdog
 *   VMM_CMD_SCHED_BEGIN RA the active scheduler will be unloaded: until a SCHED_SET
 *                          succeeds, the end of this socket brings it back, loaded
 *                          by modprobe, with its parameters
 *   VMM_CMD_SCHED_ABORT RA bring it back now
 *   VMM_CMD_VM_GET      D  every VM (of the caller, without CAP_SYS_ADMIN): VM_*, VCPU*
 *                       R  one VM: VM_NAME or VM_ID
 *   VMM_CMD_VM_SET      RA VM_NAME or VM_ID, and what changes: VM_NEW_NAME, VM_WEIGHT,
 *                          VM_CAP, VM_QUANTUM, VM_CPUS, VM_TIME_CRITICAL, SCHED_PARAM*.
 *                          All or nothing.
 *   VMM_CMD_PCPU_GET    D  every pCPU: PCPU_*, POOL_ID, POOL_NAME
 *   VMM_CMD_SCHED_HISTORY D every scheduler that is or was active: SCHED_NAME, SCHED_STATE,
 *                          PAST; the active one first, then who was last, the default at the end
 *   VMM_CMD_ASK         RA a request for a decision: VM_NAME or VM_ID, ASK, VCPU_INDEX (absent:
 *                          all vCPUs; ASK_PAUSE and ASK_RESUME only); for ASK_YIELD perhaps TO_VM and
 *                          TO_VCPU; for ASK_BOOST perhaps BOOST. Answers with VM_*, FEEDBACK*
 *   VMM_CMD_POOL_GET    D  every pool: POOL_*, SCHED_NAME, SWAPS
 *                       R  one: POOL_NAME or POOL_ID
 *   VMM_CMD_POOL_ADD    RA POOL_NAME, POOL_CPUS, SCHED_NAME ("default" if absent): split a pool off
 *   VMM_CMD_POOL_DEL    A  POOL_NAME or POOL_ID: its CPUs go to pool 0; there must be no VM in it
 *   VMM_CMD_POOL_SET    A  POOL_NAME or POOL_ID, and POOL_NEW_NAME, or POOL_CPUS: the CPUs
 *                          that it is to have, no more and no fewer
 *   VMM_CMD_SCHED_EXIT_GET R  EXIT: who was thrown out last and why, with its last decisions; the
 *                          name of the VM takes CAP_SYS_ADMIN. ENOENT: nobody was
 *
 * SCHED_GET and SCHED_SET are about pool 0 unless POOL_NAME or POOL_ID says which.
 * VM_SET with VM_POOL, which comes alone, moves the VM there and answers with SWAP.
 *
 * Events, in the multicast group "events" (needs CAP_SYS_ADMIN):
 *
 *   VMM_CMD_EVENT_VM_CREATED, _VM_ENDED                 VM_ID, VM_NAME, VM_PID, VM_UID
 *   VMM_CMD_EVENT_SCHED_LOADED, _SCHED_REMOVED          SCHED_NAME
 *   VMM_CMD_EVENT_SCHED_ACTIVATED                       POOL_ID, CAUSE, SWAP
 *   VMM_CMD_EVENT_SCHED_WARNING                         SCHED_NAME, CAUSE
 *   VMM_CMD_EVENT_VM_MOVED                              VM_ID, VM_NAME, POOL_ID, POOL_NAME, SWAP;
 *                                                       CAUSE: a warning
 *   VMM_CMD_EVENT_POOL                                  POOL_ID, POOL_NAME, POOL_CPUS, CAUSE: added,
 *                                                       removed, cpus, name, or a warning
 *   VMM_CMD_EVENT_SCHED_THROWN_OUT                      POOL_ID, SCHED_NAME, EXIT (in short)
 */
#ifndef _UAPI_LINUX_VMM_H
#define _UAPI_LINUX_VMM_H

#include <linux/types.h>

#define VMM_GENL_NAME		"vmm"
#define VMM_GENL_VERSION	1
#define VMM_GENL_MCGRP_EVENTS	"events"

enum vmm_cmd {
	VMM_CMD_UNSPEC,
	VMM_CMD_SCHED_GET,
	VMM_CMD_SCHED_SET,
	VMM_CMD_VM_GET,
	VMM_CMD_VM_SET,
	VMM_CMD_PCPU_GET,
	VMM_CMD_EVENT_VM_CREATED,
	VMM_CMD_EVENT_VM_ENDED,
	VMM_CMD_EVENT_SCHED_LOADED,
	VMM_CMD_EVENT_SCHED_REMOVED,
	VMM_CMD_EVENT_SCHED_ACTIVATED,
	VMM_CMD_EVENT_SCHED_WARNING,
	VMM_CMD_SCHED_BEGIN,
	VMM_CMD_SCHED_ABORT,
	VMM_CMD_SCHED_HISTORY,
	VMM_CMD_ASK,
	VMM_CMD_POOL_GET,
	VMM_CMD_POOL_ADD,
	VMM_CMD_POOL_DEL,
	VMM_CMD_POOL_SET,
	VMM_CMD_EVENT_VM_MOVED,
	VMM_CMD_EVENT_POOL,
	VMM_CMD_SCHED_EXIT_GET,
	VMM_CMD_EVENT_SCHED_THROWN_OUT,
	__VMM_CMD_MAX,
};
#define VMM_CMD_MAX (__VMM_CMD_MAX - 1)

/* Attributes of a message. "*" marks those that may come more than once. */
enum vmm_attr {
	VMM_ATTR_UNSPEC,
	VMM_ATTR_PAD,
	VMM_ATTR_POOL_ID,		/* u32 */
	VMM_ATTR_SCHED_NAME,		/* string, 15 characters at most */
	VMM_ATTR_SCHED_STATE,		/* u32, enum vmm_sched_state */
	VMM_ATTR_SCHED_DOMAIN,		/* u32: 0 pCPU, 1 LLC, 2 pool */
	VMM_ATTR_SCHED_PARAM,		/* * nested, enum vmm_attr_param */
	VMM_ATTR_SCHED_SINCE,		/* u64, ns since it became active */
	VMM_ATTR_SWAPS,			/* u64, changes of scheduler so far */
	VMM_ATTR_SWAP,			/* nested, enum vmm_attr_swap */
	VMM_ATTR_HISTORY,		/* * string, newest first: who was active before */
	VMM_ATTR_EXIT,			/* nested, enum vmm_attr_exit */
	VMM_ATTR_CAUSE,			/* string: request, unload, breach; text of a warning */
	VMM_ATTR_VM_ID,			/* u32 */
	VMM_ATTR_VM_NAME,		/* string, 31 characters at most */
	VMM_ATTR_VM_NEW_NAME,		/* string */
	VMM_ATTR_VM_PID,		/* u32 */
	VMM_ATTR_VM_UID,		/* u32 */
	VMM_ATTR_VM_WEIGHT,		/* u32, 1 .. 65535 */
	VMM_ATTR_VM_QUANTUM,		/* u64, ns, 100 us .. 1 s; 0: the scheduler's default */
	VMM_ATTR_VM_CPUS,		/* string: a CPU list as in cpuset.cpus; empty: anywhere */
	VMM_ATTR_VM_TIME_CRITICAL,	/* u8, 0 or 1 */
	VMM_ATTR_VM_AGE,		/* u64, ns since it was created */
	VMM_ATTR_VCPU,			/* * nested, enum vmm_attr_vcpu */
	VMM_ATTR_PCPU_ID,		/* u32 */
	VMM_ATTR_PCPU_ONLINE,		/* u8 */
	VMM_ATTR_PCPU_OWNER_VM,		/* u32, VM_ID; absent: idle */
	VMM_ATTR_PCPU_OWNER_VCPU,	/* u32 */
	VMM_ATTR_PCPU_QUEUED,		/* u32 */
	VMM_ATTR_PCPU_SWITCHES,		/* u64 */
	VMM_ATTR_PCPU_PICKS,		/* u64 */
	VMM_ATTR_PCPU_BUSY,		/* u64, ns */
	VMM_ATTR_VM_CAP,		/* u32, per cent of one pCPU, 0: none */
	VMM_ATTR_DISPATCH,		/* u32, enum vmm_dispatch_mode */
	VMM_ATTR_SCHED_ID,		/* u32, its number while it is loaded */
	VMM_ATTR_SWAP_MODE,		/* u32, enum vmm_swap_mode; 0 if absent */
	VMM_ATTR_TIMEOUT,		/* u64, ns, 1 ms .. 60 s; 1 s if absent: to bring all vCPUs out */
	VMM_ATTR_PAST,			/* nested, enum vmm_attr_past */
	VMM_ATTR_ASK,			/* u32, enum vmm_ask */
	VMM_ATTR_VCPU_INDEX,		/* u32 */
	VMM_ATTR_TO_VM,			/* string: name or id; absent: the same VM */
	VMM_ATTR_TO_VCPU,		/* u32 */
	VMM_ATTR_BOOST,			/* u64, ns, up to 10 s */
	VMM_ATTR_FEEDBACK,		/* * nested, enum vmm_attr_feedback */
	VMM_ATTR_VM_PAUSED,		/* u8 */
	VMM_ATTR_VM_GUEST_CRITICAL,	/* u8, 1: its guest may say that a vCPU is time-critical */
	VMM_ATTR_POOL_NAME,		/* string, 15 characters at most */
	VMM_ATTR_POOL_NEW_NAME,		/* string */
	VMM_ATTR_POOL_CPUS,		/* string: a CPU list as in cpuset.cpus; may be empty */
	VMM_ATTR_POOL_ONLINE,		/* u32: how many of them are online */
	VMM_ATTR_POOL_VMS,		/* u32: how many VMs are in it */
	VMM_ATTR_VM_POOL,		/* string: name or id of the pool that the VM is to go to */
	VMM_ATTR_WATCHDOG,		/* u64, ns, 100 ms .. 30 s: how long a vCPU may wait, see enum vmm_breach */
	__VMM_ATTR_MAX,
};
#define VMM_ATTR_MAX (__VMM_ATTR_MAX - 1)

/*
 * How an op of the active scheduler is reached: through a pointer to its table; by its
 * number, through a table of numbers; by its address, patched into the call sites.
 */
enum vmm_dispatch_mode {
	VMM_DISPATCH_OPS,
	VMM_DISPATCH_ID,
	VMM_DISPATCH_PATCH,
};

/* How a change of scheduler is made. */
enum vmm_swap_mode {
	VMM_SWAP_LIVE,			/* no guest is stopped */
	VMM_SWAP_CEASE,			/* every vCPU is brought out first, and goes on after it */
};

/* What can be asked for: by the service side with VMM_CMD_ASK, some of it by guests. */
enum vmm_ask {
	VMM_ASK_YIELD,			/* give the pCPU away, to whom the scheduler or TO_VCPU says */
	VMM_ASK_BOOST,			/* be next in line; for as long as BOOST says, whenever it becomes runnable */
	VMM_ASK_PAUSE,			/* stay out of the guest, and of the queue, until resumed */
	VMM_ASK_RESUME,
	VMM_ASK_WAIT,			/* of guests: nothing to do until an interrupt comes */
	VMM_ASK_CRITICAL,		/* of guests: time-critical, or not any more */
};

/* Who asked for a decision. */
enum vmm_requester {
	VMM_BY_THREAD,			/* the vCPU's own thread came to the gate */
	VMM_BY_WAKEUP,			/* an event for a vCPU that was blocked */
	VMM_BY_TIMER,			/* a slice, an offer or a loan is over */
	VMM_BY_SERVICE,			/* VMM_CMD_ASK */
	VMM_BY_GUEST,			/* a hypercall, or a loop of PAUSEs */
};

/* What became of it. */
enum vmm_feedback {
	VMM_FB_DONE,
	VMM_FB_ALREADY,			/* it was so before */
	VMM_FB_NOT_RUNNABLE,		/* it is halted, or its thread is not there */
	VMM_FB_NOT_OWNER,		/* it has no pCPU to give away */
	VMM_FB_NOBODY_WAITS,		/* for its pCPU: it keeps it */
	VMM_FB_PAUSED,			/* the vCPU, or the one it should give way to, is paused */
	VMM_FB_NOT_THERE,		/* the other one may not run on that pCPU */
	VMM_FB_NOT_CHOSEN,		/* it decided; the scheduler chose another one */
	VMM_FB_NOT_OUT,			/* told to leave the guest, and has not done so within 100 ms */
	VMM_FB_FORBIDDEN,		/* the operator does not allow that */
	VMM_FB_BUSY,			/* the other one's queue was at work: ask again */
	VMM_FB_TIME_OVER,		/* no interrupt came in the time that was given */
};

enum vmm_sched_state {
	VMM_SCHED_LOADED,
	VMM_SCHED_ACTIVE,
	VMM_SCHED_UNLOADED,		/* in SCHED_HISTORY only */
};

/* Inside VMM_ATTR_SCHED_PARAM. In requests only NAME and VALUE. */
enum vmm_attr_param {
	VMM_PARAM_UNSPEC,
	VMM_PARAM_PAD,
	VMM_PARAM_NAME,			/* string */
	VMM_PARAM_HELP,			/* string */
	VMM_PARAM_UNIT,			/* u32: 0 number, 1 ns, 2 per cent, 3 boolean */
	VMM_PARAM_SCOPE,		/* u32: 0 scheduler, 1 VM */
	VMM_PARAM_MIN,			/* u64 */
	VMM_PARAM_MAX_VALUE,		/* u64 */
	VMM_PARAM_DEFAULT,		/* u64 */
	VMM_PARAM_VALUE,		/* u64; absent for those of scope VM in SCHED_GET */
	__VMM_PARAM_MAX,
};
#define VMM_PARAM_MAX (__VMM_PARAM_MAX - 1)

/* Inside VMM_ATTR_SWAP. */
enum vmm_attr_swap {
	VMM_SWAP_UNSPEC,
	VMM_SWAP_PAD,
	VMM_SWAP_FROM,			/* string */
	VMM_SWAP_TO,			/* string */
	VMM_SWAP_PAUSE_MAX_NS,		/* u64: longest time that one dispatch domain was locked */
	VMM_SWAP_PAUSE_TOTAL_NS,	/* u64: the sum over all pCPUs */
	VMM_SWAP_PAUSE_MAX_TICKS,	/* u64: the same in TSC ticks */
	VMM_SWAP_PAUSE_TOTAL_TICKS,	/* u64 */
	VMM_SWAP_TOTAL_NS,		/* u64: the whole request, preparation included */
	VMM_SWAP_ENTITIES,		/* u32: vCPUs carried over */
	VMM_SWAP_QUEUED,		/* u32: of them waiting */
	VMM_SWAP_RUNNING,		/* u32: of them owners, which ran on */
	VMM_SWAP_FORCED_OUT,		/* u32: guests made to leave */
	VMM_SWAP_DONE_AS,		/* u32, enum vmm_swap_mode */
	VMM_SWAP_VCPU_PAUSE_MAX_NS,	/* u64: mode cease: how long a runnable vCPU was kept out, at most */
	VMM_SWAP_VCPU_PAUSE_TOTAL_NS,	/* u64: ... and all of them */
	VMM_SWAP_VCPU_PAUSE_MAX_TICKS,	/* u64: the same in TSC ticks */
	VMM_SWAP_VCPU_PAUSE_TOTAL_TICKS,	/* u64 */
	__VMM_SWAP_MAX,
};
#define VMM_SWAP_MAX (__VMM_SWAP_MAX - 1)

/* Inside VMM_ATTR_EXIT: why a scheduler was thrown out. */
enum vmm_attr_exit {
	VMM_EXIT_UNSPEC,
	VMM_EXIT_PAD,
	VMM_EXIT_NAME,			/* string */
	VMM_EXIT_REASON,		/* string */
	VMM_EXIT_ENTITY,		/* u32 */
	VMM_EXIT_PCPU,			/* u32 */
	VMM_EXIT_AGO,			/* u64, ns */
	VMM_EXIT_KIND,			/* u32, enum vmm_breach */
	VMM_EXIT_VM,			/* string: the entity's VM; absent: no entity, or not yours to know */
	VMM_EXIT_VCPU,			/* u32: its number there */
	VMM_EXIT_WAITED,		/* u64, ns that the entity had waited */
	VMM_EXIT_ACTIVE,		/* u64, ns that the scheduler had been active */
	VMM_EXIT_PICKS,			/* u64: other picks of the pCPU while the entity waited */
	VMM_EXIT_NEXT,			/* string: who took over; absent: on its way */
	VMM_EXIT_TOOK,			/* u64, ns from the breach until it was in charge everywhere */
	VMM_EXIT_DECISIONS,		/* binary: struct vmm_decision[], oldest first, 64 at most */
	__VMM_EXIT_MAX,
};
#define VMM_EXIT_MAX (__VMM_EXIT_MAX - 1)

/* Inside VMM_ATTR_PAST. Times in ns. */
enum vmm_attr_past {
	VMM_PAST_UNSPEC,
	VMM_PAST_PAD,
	VMM_PAST_TIMES,			/* u32: how often it was made active, the present time included */
	VMM_PAST_TOTAL,			/* u64: all its times together */
	VMM_PAST_BEGAN,			/* u64: its last time began so long ago; absent: it never was active */
	VMM_PAST_ENDED,			/* u64: ... and ended; absent: it is active */
	VMM_PAST_CAUSE,			/* string: why it ended: request, unload, breach */
	VMM_PAST_REASON,		/* string: of a breach, what it did */
	VMM_PAST_RANK,			/* u32: place among those that take over by themselves, 1: the next; absent: none */
	__VMM_PAST_MAX,
};
#define VMM_PAST_MAX (__VMM_PAST_MAX - 1)

/* Inside VMM_ATTR_FEEDBACK: one for each vCPU. */
enum vmm_attr_feedback {
	VMM_FEEDBACK_UNSPEC,
	VMM_FEEDBACK_PAD,
	VMM_FEEDBACK_VCPU,		/* u32 */
	VMM_FEEDBACK_RESULT,		/* u32, enum vmm_feedback */
	VMM_FEEDBACK_STATE,		/* u32, as VMM_VCPU_STATE, after it */
	VMM_FEEDBACK_PCPU,		/* u32: which one was decided about */
	VMM_FEEDBACK_TIME,		/* u64, ns from the request to the decision */
	VMM_FEEDBACK_NEXT_VM,		/* u32; absent: nobody has that pCPU next */
	VMM_FEEDBACK_NEXT_NAME,		/* string */
	VMM_FEEDBACK_NEXT_VCPU,		/* u32 */
	__VMM_FEEDBACK_MAX,
};
#define VMM_FEEDBACK_MAX (__VMM_FEEDBACK_MAX - 1)

/* What a scheduler can be thrown out for (VMM_EXIT_KIND). */
enum vmm_breach {
	VMM_BREACH_NONE,
	VMM_BREACH_UNKNOWN,		/* picked an id that no entity ever had */
	VMM_BREACH_DEAD,		/* picked an entity that is gone */
	VMM_BREACH_RUNNING,		/* picked one that holds a pCPU already */
	VMM_BREACH_BLOCKED,		/* picked one that is blocked, or not there */
	VMM_BREACH_FOREIGN,		/* picked one that is queued on another pCPU */
	VMM_BREACH_DISALLOWED,		/* ... and may not run here */
	VMM_BREACH_LOST,		/* one that is queued is never picked, even if alone */
	VMM_BREACH_STARVED,		/* one waits too long while others are picked, or is held back too long */
	VMM_BREACH_STALLED,		/* picks nobody at all although somebody waits */
	VMM_BREACH_SLICE,		/* slices that are no times, or never end while somebody waits */
	VMM_BREACH_ERRNO,		/* an op returned neither 0 nor an errno */
	VMM_BREACH_STEAL,		/* took from, or kept, a pCPU that it had not locked */
	VMM_BREACH_REENTRY,		/* asked from inside an op for what waits for that op */
	__VMM_BREACH_MAX,
};
#define VMM_BREACH_MAX (__VMM_BREACH_MAX - 1)

/* Their names, for whoever makes a table of them: N() takes a kind and its name. */
#define VMM_BREACH_NAMES(N)				\
	N(VMM_BREACH_NONE, "none"),			\
	N(VMM_BREACH_UNKNOWN, "unknown"),		\
	N(VMM_BREACH_DEAD, "dead"),			\
	N(VMM_BREACH_RUNNING, "running"),		\
	N(VMM_BREACH_BLOCKED, "blocked"),		\
	N(VMM_BREACH_FOREIGN, "foreign"),		\
	N(VMM_BREACH_DISALLOWED, "disallowed"),		\
	N(VMM_BREACH_LOST, "lost"),			\
	N(VMM_BREACH_STARVED, "starved"),		\
	N(VMM_BREACH_STALLED, "stalled"),		\
	N(VMM_BREACH_SLICE, "slice"),			\
	N(VMM_BREACH_ERRNO, "errno"),			\
	N(VMM_BREACH_STEAL, "steal"),			\
	N(VMM_BREACH_REENTRY, "reentry")

/* What a decision was about (struct vmm_decision.op). */
enum vmm_decision_op {
	VMM_DECISION_PICK,		/* who is next; entity 0: nobody */
	VMM_DECISION_WAKEUP,		/* somebody was queued: entity, who runs, may go on for slice_ns */
	VMM_DECISION_ADOPT,		/* entity ran when the scheduler took over, and may go on */
};

/**
 * struct vmm_decision - one of the last decisions of a scheduler on a pCPU
 * @at_ns:    so long before the breach
 * @slice_ns: the answer as it was given; 2^64 - 1: no end
 * @entity:   whom it was about; 0: nobody
 * @queued:   how many waited
 * @op:       enum vmm_decision_op
 * @why:      VMM_DECISION_PICK: why the one before went; 0 slice, 1 preempt, 2 yield, 3 block, 4 leave,
 *            5 noshow, 6 lost, 7 migrate, 8 swap
 */
struct vmm_decision {
	__u64 at_ns;
	__u64 slice_ns;
	__u32 entity;
	__u16 queued;
	__u8 op;
	__u8 why;
};

#define VMM_DECISIONS		64	/* kept for each pCPU */
#define VMM_NO_PCPU		0xffffffffU	/* VMM_EXIT_PCPU: it was not about one */

/* Inside VMM_ATTR_VCPU. Times in ns. */
enum vmm_attr_vcpu {
	VMM_VCPU_UNSPEC,
	VMM_VCPU_PAD,
	VMM_VCPU_INDEX,			/* u32 */
	VMM_VCPU_ENTITY,		/* u32, as in the tracepoints */
	VMM_VCPU_STATE,			/* u32: 0 out, 1 queued, 2 offered, 3 off, 4 owner, 5 loaned, 6 blocked */
	VMM_VCPU_PCPU,			/* u32 */
	VMM_VCPU_RUN,			/* u64 */
	VMM_VCPU_WAIT,			/* u64 */
	VMM_VCPU_OFF,			/* u64: owner, but the host ran something else */
	VMM_VCPU_SHARE,			/* u32, parts per million, decaying average */
	VMM_VCPU_SWITCHES,		/* u64 */
	VMM_VCPU_OFFERS,		/* u64 */
	VMM_VCPU_NOSHOWS,		/* u64 */
	VMM_VCPU_LOSSES,		/* u64 */
	VMM_VCPU_LOANS,			/* u64 */
	VMM_VCPU_LOANS_EXPIRED,		/* u64 */
	VMM_VCPU_FORCED_OUT,		/* u64 */
	VMM_VCPU_MIGRATIONS,		/* u64 */
	VMM_VCPU_BLOCKS,		/* u64 */
	VMM_VCPU_WAKES,			/* u64 */
	VMM_VCPU_WAKE_P50,		/* u64 */
	VMM_VCPU_WAKE_P99,		/* u64 */
	VMM_VCPU_WAKE_HIST,		/* binary: u32[128], 4 buckets for each power of two from 128 ns up */
	VMM_VCPU_PAUSED,		/* u32: 1 by itself, 2 with its VM */
	VMM_VCPU_PAUSED_NS,		/* u64 */
	VMM_VCPU_BOOST,			/* u64: what is left of its boost */
	VMM_VCPU_GIVEN_WAY,		/* u64: times it would give its turn to another of its VM */
	VMM_VCPU_GIVEN_WAY_DONE,	/* u64: ... and did */
	VMM_VCPU_GUEST_CRITICAL,	/* u8: its guest says that it is time-critical */
	__VMM_VCPU_MAX,
};
#define VMM_VCPU_MAX (__VMM_VCPU_MAX - 1)

/*
 * Hypercalls of our own, beside KVM's: Documentation/hypercalls.rst. VMCALL at CPL 0, number in
 * RAX, arguments in RBX and RCX, answer in RAX: a value of enum vmm_feedback, or a negative
 * error of KVM's (-KVM_ENOSYS and so on). They are named by two CPUID leaves:
 *
 *   VMM_CPUID_SIGNATURE  EAX: the last leaf; EBX, ECX, EDX: "vmmvmmvmmvmm"
 *   VMM_CPUID_CALLS      EAX: bit (number - VMM_HC_BASE) for each call; EBX: 1, their version
 */
#define VMM_CPUID_SIGNATURE	0x40000100u
#define VMM_CPUID_CALLS		0x40000101u

#define VMM_HC_BASE		0x564d4d00u
#define VMM_HC_YIELD		(VMM_HC_BASE + 0)	/* let others go first */
#define VMM_HC_YIELD_TO		(VMM_HC_BASE + 1)	/* RBX: vCPU (APIC id) of this VM that should run instead */
#define VMM_HC_WAIT		(VMM_HC_BASE + 2)	/* RBX: ns, 0: 1 ms, at most 1 s: until an interrupt is pending */
#define VMM_HC_PRIORITY		(VMM_HC_BASE + 3)	/* RBX: weight, RCX: cap, RDX: boost left, us, RSI: VMM_HC_F_* */
#define VMM_HC_SCHEDULER	(VMM_HC_BASE + 4)	/* EBX, ECX, EDX, ESI: its name, 0-padded; RDI: its number */
#define VMM_HC_CRITICAL		(VMM_HC_BASE + 5)	/* RBX: 1: this vCPU is time-critical, 0: not any more */
#define VMM_HC_COUNT		6

#define VMM_HC_F_CRITICAL	1u	/* time-critical, whoever said so */
#define VMM_HC_F_MAY_SAY	2u	/* VMM_HC_CRITICAL is allowed */

#define VMM_HC_WAIT_DEFAULT_NS	1000000u
#define VMM_HC_WAIT_MAX_NS	1000000000u

#endif /* _UAPI_LINUX_VMM_H */
