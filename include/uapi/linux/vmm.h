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
 *                          SWAP (the last one), HISTORY*, EXIT (the last one thrown out)
 *   VMM_CMD_SCHED_SET   RA SCHED_NAME, SCHED_PARAM*: make it active (or change its
 *                          parameters); answers with SWAP. SWAP_MODE, TIMEOUT: how.
 *                          DISPATCH, with or without a name: choose the way to the
 *                          active scheduler
 *   VMM_CMD_SCHED_BEGIN RA the active scheduler will be unloaded: until a SCHED_SET
 *                          succeeds, the end of this socket brings it back, loaded
 *                          by modprobe, with its parameters
 *   VMM_CMD_SCHED_ABORT RA bring it back now
 *   VMM_CMD_VM_GET      D  every VM (of the caller, without CAP_SYS_ADMIN): VM_*, VCPU*
 *                       R  one VM: VM_NAME or VM_ID
 *   VMM_CMD_VM_SET      RA VM_NAME or VM_ID, and what changes: VM_NEW_NAME, VM_WEIGHT,
 *                          VM_CAP, VM_QUANTUM, VM_CPUS, VM_TIME_CRITICAL, SCHED_PARAM*.
 *                          All or nothing.
 *   VMM_CMD_PCPU_GET    D  every pCPU: PCPU_*
 *   VMM_CMD_SCHED_HISTORY D every scheduler that is or was active: SCHED_NAME, SCHED_STATE,
 *                          PAST; the active one first, then who was last, the default at the end
 *
 * Events, in the multicast group "events" (needs CAP_SYS_ADMIN):
 *
 *   VMM_CMD_EVENT_VM_CREATED, _VM_ENDED                 VM_ID, VM_NAME, VM_PID, VM_UID
 *   VMM_CMD_EVENT_SCHED_LOADED, _SCHED_REMOVED          SCHED_NAME
 *   VMM_CMD_EVENT_SCHED_ACTIVATED                       POOL_ID, CAUSE, SWAP
 *   VMM_CMD_EVENT_SCHED_WARNING                         SCHED_NAME, CAUSE
 */
#ifndef _UAPI_LINUX_VMM_H
#define _UAPI_LINUX_VMM_H

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
	__VMM_VCPU_MAX,
};
#define VMM_VCPU_MAX (__VMM_VCPU_MAX - 1)

#endif /* _UAPI_LINUX_VMM_H */
