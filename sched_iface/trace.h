/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmm

#if !defined(_SCHED_IFACE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SCHED_IFACE_TRACE_H

#include <linux/tracepoint.h>
#include <linux/vmm.h>
#include <vmm/gate.h>
#include <vmm/sched.h>

#define vmm_why_names					\
	{ VMM_ENQ_NEW, "new" },				\
	{ VMM_ENQ_WAKE, "wake" },			\
	{ VMM_ENQ_SLICE, "slice" },			\
	{ VMM_ENQ_PREEMPT, "preempt" },			\
	{ VMM_ENQ_YIELD, "yield" },			\
	{ VMM_ENQ_MIGRATE, "migrate" },			\
	{ VMM_ENQ_SWAP, "swap" }

#define vmm_put_names					\
	{ VMM_PUT_SLICE, "slice" },			\
	{ VMM_PUT_PREEMPT, "preempt" },			\
	{ VMM_PUT_YIELD, "yield" },			\
	{ VMM_PUT_BLOCK, "block" },			\
	{ VMM_PUT_LEAVE, "leave" },			\
	{ VMM_PUT_NOSHOW, "noshow" },			\
	{ VMM_PUT_LOST, "lost" },			\
	{ VMM_PUT_MIGRATE, "migrate" },			\
	{ VMM_PUT_SWAP, "swap" }

#define vmm_state_names					\
	{ VMM_GATE_OUT, "out" },			\
	{ VMM_GATE_QUEUED, "queued" },			\
	{ VMM_GATE_OFFERED, "offered" },		\
	{ VMM_GATE_OFF, "off" },			\
	{ VMM_GATE_OWNER, "owner" },			\
	{ VMM_GATE_LOANED, "loaned" },			\
	{ VMM_GATE_BLOCKED, "blocked" }

#define vmm_dispatch_names				\
	{ VMM_DISPATCH_OPS, "ops" },			\
	{ VMM_DISPATCH_ID, "id" },			\
	{ VMM_DISPATCH_PATCH, "patch" }

#define vmm_requester_names				\
	{ VMM_BY_THREAD, "thread" },			\
	{ VMM_BY_WAKEUP, "wakeup" },			\
	{ VMM_BY_TIMER, "timer" },			\
	{ VMM_BY_SERVICE, "service" },			\
	{ VMM_BY_GUEST, "guest" }

#define vmm_feedback_names				\
	{ VMM_FB_DONE, "done" },			\
	{ VMM_FB_ALREADY, "already" },			\
	{ VMM_FB_NOT_RUNNABLE, "not_runnable" },	\
	{ VMM_FB_NOT_OWNER, "not_owner" },		\
	{ VMM_FB_NOBODY_WAITS, "nobody_waits" },	\
	{ VMM_FB_PAUSED, "paused" },			\
	{ VMM_FB_NOT_THERE, "not_there" },		\
	{ VMM_FB_NOT_CHOSEN, "not_chosen" },		\
	{ VMM_FB_NOT_OUT, "not_out" },			\
	{ VMM_FB_FORBIDDEN, "forbidden" },		\
	{ VMM_FB_BUSY, "busy" },			\
	{ VMM_FB_TIME_OVER, "time_over" }

/* What was asked for: a reason to be queued, or (above it) a request of its own. */
#define VMM_WHY_ASK	16
#define vmm_request_names				\
	vmm_why_names,					\
	{ VMM_WHY_ASK + VMM_ASK_YIELD, "ask-yield" },	\
	{ VMM_WHY_ASK + VMM_ASK_BOOST, "ask-boost" },	\
	{ VMM_WHY_ASK + VMM_ASK_PAUSE, "ask-pause" },	\
	{ VMM_WHY_ASK + VMM_ASK_RESUME, "ask-resume" },	\
	{ VMM_WHY_ASK + VMM_ASK_WAIT, "ask-wait" },	\
	{ VMM_WHY_ASK + VMM_ASK_CRITICAL, "ask-critical" }

#define vmm_breach_pair(kind, name) { kind, name }

/*
 * A scheduling request: an entity becomes queued, and why; or somebody asked for
 * something. Who asked, and what became of it.
 */
TRACE_EVENT(vmm_sched_request,
	TP_PROTO(u32 pcpu, u32 entity, int why, int by, int answer),
	TP_ARGS(pcpu, entity, why, by, answer),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(int, why)
		__field(int, by)
		__field(int, answer)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->why = why;
		__entry->by = by;
		__entry->answer = answer;
	),
	TP_printk("pcpu=%u entity=%u why=%s by=%s answer=%s", __entry->pcpu, __entry->entity,
		  __print_symbolic(__entry->why, vmm_request_names),
		  __print_symbolic(__entry->by, vmm_requester_names),
		  __print_symbolic(__entry->answer, vmm_feedback_names))
);

/* The answer: who is next, for how long, and who said so. */
TRACE_EVENT(vmm_sched_pick,
	TP_PROTO(u32 pcpu, u32 entity, u64 slice, u32 queued, const char *sched),
	TP_ARGS(pcpu, entity, slice, queued, sched),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(u64, slice)
		__field(u32, queued)
		__array(char, sched, VMM_SCHED_NAME_LEN)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->slice = slice;
		__entry->queued = queued;
		strscpy(__entry->sched, sched, VMM_SCHED_NAME_LEN);
	),
	TP_printk("pcpu=%u entity=%u slice=%lld queued=%u sched=%s", __entry->pcpu,
		  __entry->entity, (long long)__entry->slice, __entry->queued,
		  __entry->sched)
);

TRACE_EVENT(vmm_gate_own,
	TP_PROTO(u32 pcpu, u32 entity, u64 slice),
	TP_ARGS(pcpu, entity, slice),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(u64, slice)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->slice = slice;
	),
	TP_printk("pcpu=%u entity=%u slice=%lld", __entry->pcpu, __entry->entity,
		  (long long)__entry->slice)
);

/* Something befell an entity on its pCPU; what, the event's name says. */
DECLARE_EVENT_CLASS(vmm_gate_at,
	TP_PROTO(u32 pcpu, u32 entity),
	TP_ARGS(pcpu, entity),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
	),
	TP_printk("pcpu=%u entity=%u", __entry->pcpu, __entry->entity)
);

DEFINE_EVENT(vmm_gate_at, vmm_gate_noshow,
	TP_PROTO(u32 pcpu, u32 entity),
	TP_ARGS(pcpu, entity)
);

TRACE_EVENT(vmm_sched_breach,
	TP_PROTO(u32 pcpu, u32 entity, u32 kind, const char *sched, const char *what),
	TP_ARGS(pcpu, entity, kind, sched, what),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(u32, kind)
		__array(char, sched, VMM_SCHED_NAME_LEN)
		__array(char, what, 80)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->kind = kind;
		strscpy(__entry->sched, sched, VMM_SCHED_NAME_LEN);
		strscpy(__entry->what, what, 80);
	),
	TP_printk("pcpu=%d entity=%u kind=%s sched=%s: %s", (int)__entry->pcpu, __entry->entity,
		  __print_symbolic(__entry->kind, VMM_BREACH_NAMES(vmm_breach_pair)),
		  __entry->sched, __entry->what)
);

TRACE_EVENT(vmm_sched_swap,
	TP_PROTO(const char *from, const char *to, u64 pause, u32 entities, u32 forced,
		 const char *cause),
	TP_ARGS(from, to, pause, entities, forced, cause),
	TP_STRUCT__entry(
		__array(char, from, VMM_SCHED_NAME_LEN)
		__array(char, to, VMM_SCHED_NAME_LEN)
		__field(u64, pause)
		__field(u32, entities)
		__field(u32, forced)
		__array(char, cause, 16)
	),
	TP_fast_assign(
		strscpy(__entry->from, from, VMM_SCHED_NAME_LEN);
		strscpy(__entry->to, to, VMM_SCHED_NAME_LEN);
		__entry->pause = pause;
		__entry->entities = entities;
		__entry->forced = forced;
		strscpy(__entry->cause, cause, 16);
	),
	TP_printk("from=%s to=%s pause_max_ticks=%llu entities=%u forced_out=%u cause=%s",
		  __entry->from, __entry->to, __entry->pause, __entry->entities,
		  __entry->forced, __entry->cause)
);

/*
 * A change of state under the lock. Among off, owner and loaned a vCPU moves
 * without one, at every exit: those are not told.
 */
TRACE_EVENT(vmm_entity_state,
	TP_PROTO(u32 pcpu, u32 entity, int old, int new),
	TP_ARGS(pcpu, entity, old, new),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(u8, old)
		__field(u8, new)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->old = old;
		__entry->new = new;
	),
	TP_printk("pcpu=%u entity=%u %s -> %s", __entry->pcpu, __entry->entity,
		  __print_symbolic(__entry->old, vmm_state_names),
		  __print_symbolic(__entry->new, vmm_state_names))
);

/* Whoever had the pCPU, or the offer of it, has it no longer; it ran for so long. */
TRACE_EVENT(vmm_sched_put,
	TP_PROTO(u32 pcpu, u32 entity, int why, u64 ran),
	TP_ARGS(pcpu, entity, why, ran),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(int, why)
		__field(u64, ran)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->why = why;
		__entry->ran = ran;
	),
	TP_printk("pcpu=%u entity=%u why=%s ran=%llu", __entry->pcpu, __entry->entity,
		  __print_symbolic(__entry->why, vmm_put_names), __entry->ran)
);

/* The owner's thread is off its CPU: it sleeps (its guest is halted), or the host took it. */
TRACE_EVENT(vmm_gate_away,
	TP_PROTO(u32 pcpu, u32 entity, bool slept),
	TP_ARGS(pcpu, entity, slept),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(bool, slept)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->slept = slept;
	),
	TP_printk("pcpu=%u entity=%u slept=%d", __entry->pcpu, __entry->entity,
		  __entry->slept)
);

/* ... and on it again, still the owner. */
DEFINE_EVENT(vmm_gate_at, vmm_gate_back,
	TP_PROTO(u32 pcpu, u32 entity),
	TP_ARGS(pcpu, entity)
);

/* One pCPU changes hands: begin and end of the time that its queue is closed. */
DECLARE_EVENT_CLASS(vmm_swap_flip,
	TP_PROTO(u32 pcpu, const char *from, const char *to),
	TP_ARGS(pcpu, from, to),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__array(char, from, VMM_SCHED_NAME_LEN)
		__array(char, to, VMM_SCHED_NAME_LEN)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		strscpy(__entry->from, from, VMM_SCHED_NAME_LEN);
		strscpy(__entry->to, to, VMM_SCHED_NAME_LEN);
	),
	TP_printk("pcpu=%u from=%s to=%s", __entry->pcpu, __entry->from, __entry->to)
);

DEFINE_EVENT(vmm_swap_flip, vmm_swap_flip_begin,
	TP_PROTO(u32 pcpu, const char *from, const char *to),
	TP_ARGS(pcpu, from, to)
);

DEFINE_EVENT(vmm_swap_flip, vmm_swap_flip_end,
	TP_PROTO(u32 pcpu, const char *from, const char *to),
	TP_ARGS(pcpu, from, to)
);

/* All vCPUs are being brought out (1), or go on (0). */
TRACE_EVENT(vmm_swap_cease,
	TP_PROTO(bool ceased),
	TP_ARGS(ceased),
	TP_STRUCT__entry(
		__field(bool, ceased)
	),
	TP_fast_assign(
		__entry->ceased = ceased;
	),
	TP_printk("ceased=%d", __entry->ceased)
);

TRACE_EVENT(vmm_sched_dispatch,
	TP_PROTO(int mode),
	TP_ARGS(mode),
	TP_STRUCT__entry(
		__field(int, mode)
	),
	TP_fast_assign(
		__entry->mode = mode;
	),
	TP_printk("mode=%s", __print_symbolic(__entry->mode, vmm_dispatch_names))
);

#endif /* _SCHED_IFACE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
