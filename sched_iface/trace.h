/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmm

#if !defined(_SCHED_IFACE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SCHED_IFACE_TRACE_H

#include <linux/tracepoint.h>
#include <vmm/sched.h>

#define vmm_why_names					\
	{ VMM_ENQ_NEW, "new" },				\
	{ VMM_ENQ_WAKE, "wake" },			\
	{ VMM_ENQ_SLICE, "slice" },			\
	{ VMM_ENQ_PREEMPT, "preempt" },			\
	{ VMM_ENQ_YIELD, "yield" },			\
	{ VMM_ENQ_MIGRATE, "migrate" },			\
	{ VMM_ENQ_SWAP, "swap" }

/* A scheduling request: an entity becomes queued, and why. */
TRACE_EVENT(vmm_sched_request,
	TP_PROTO(u32 pcpu, u32 entity, int why),
	TP_ARGS(pcpu, entity, why),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		__entry->why = why;
	),
	TP_printk("pcpu=%u entity=%u why=%s", __entry->pcpu, __entry->entity,
		  __print_symbolic(__entry->why, vmm_why_names))
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

TRACE_EVENT(vmm_gate_noshow,
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

TRACE_EVENT(vmm_sched_breach,
	TP_PROTO(u32 pcpu, u32 entity, const char *sched, const char *what),
	TP_ARGS(pcpu, entity, sched, what),
	TP_STRUCT__entry(
		__field(u32, pcpu)
		__field(u32, entity)
		__array(char, sched, VMM_SCHED_NAME_LEN)
		__array(char, what, 80)
	),
	TP_fast_assign(
		__entry->pcpu = pcpu;
		__entry->entity = entity;
		strscpy(__entry->sched, sched, VMM_SCHED_NAME_LEN);
		strscpy(__entry->what, what, 80);
	),
	TP_printk("pcpu=%u entity=%u sched=%s: %s", __entry->pcpu, __entry->entity,
		  __entry->sched, __entry->what)
);

TRACE_EVENT(vmm_sched_swap,
	TP_PROTO(const char *from, const char *to, u64 pause, u32 entities, u32 forced),
	TP_ARGS(from, to, pause, entities, forced),
	TP_STRUCT__entry(
		__array(char, from, VMM_SCHED_NAME_LEN)
		__array(char, to, VMM_SCHED_NAME_LEN)
		__field(u64, pause)
		__field(u32, entities)
		__field(u32, forced)
	),
	TP_fast_assign(
		strscpy(__entry->from, from, VMM_SCHED_NAME_LEN);
		strscpy(__entry->to, to, VMM_SCHED_NAME_LEN);
		__entry->pause = pause;
		__entry->entities = entities;
		__entry->forced = forced;
	),
	TP_printk("from=%s to=%s pause_max_ticks=%llu entities=%u forced_out=%u",
		  __entry->from, __entry->to, __entry->pause, __entry->entities,
		  __entry->forced)
);

#endif /* _SCHED_IFACE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
