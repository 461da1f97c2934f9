/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of vmm_core: a vCPU's entries and exits (vmm:vmm_entry, vmm:vmm_exit),
 * and the ways of a device's traffic past user space (vmm:vmm_ioeventfd,
 * vmm:vmm_irqfd, vmm:vmm_msi).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmm

#if !defined(_VMM_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VMM_CORE_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/asm/vmx.h>

TRACE_EVENT(vmm_entry,
	TP_PROTO(u32 id, unsigned long rip),
	TP_ARGS(id, rip),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(unsigned long, rip)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->rip = rip;
	),
	TP_printk("vcpu %u rip %#lx", __entry->id, __entry->rip)
);

TRACE_EVENT(vmm_exit,
	TP_PROTO(u32 id, u32 reason, unsigned long rip, unsigned long qualification),
	TP_ARGS(id, reason, rip, qualification),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, reason)
		__field(unsigned long, rip)
		__field(unsigned long, qualification)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->reason = reason;
		__entry->rip = rip;
		__entry->qualification = qualification;
	),
	TP_printk("vcpu %u reason %s%s rip %#lx qualification %#lx", __entry->id,
		  __entry->reason & VMX_EXIT_REASONS_FAILED_VMENTRY ? "FAILED " : "",
		  __print_symbolic(__entry->reason & 0xffff, VMX_EXIT_REASONS),
		  __entry->rip, __entry->qualification)
);

TRACE_EVENT(vmm_ioeventfd,
	TP_PROTO(u32 vm, u32 vcpu, u64 addr),
	TP_ARGS(vm, vcpu, addr),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, addr)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->addr = addr;
	),
	TP_printk("vm %u vcpu %u addr %#llx", __entry->vm, __entry->vcpu, __entry->addr)
);

TRACE_EVENT(vmm_irqfd,
	TP_PROTO(u32 vm, u32 gsi),
	TP_ARGS(vm, gsi),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, gsi)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->gsi = gsi;
	),
	TP_printk("vm %u gsi %u", __entry->vm, __entry->gsi)
);

TRACE_EVENT(vmm_msi,
	TP_PROTO(u32 vm, u64 address, u32 data),
	TP_ARGS(vm, address, data),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u64, address)
		__field(u32, data)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->address = address;
		__entry->data = data;
	),
	TP_printk("vm %u address %#llx data %#x", __entry->vm, __entry->address, __entry->data)
);

#endif /* _VMM_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
