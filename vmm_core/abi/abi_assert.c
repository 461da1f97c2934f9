// SPDX-License-Identifier: GPL-2.0
/*
 * The sizes and offsets that compiled clients rely on, checked at build time:
 * a header that moved must break the build, not a client.
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <asm/page.h>
#include "vmm.h"

static_assert(KVM_API_VERSION == 12);
static_assert(KVM_PIO_PAGE_OFFSET == 1);
static_assert(KVM_COALESCED_MMIO_PAGE_OFFSET == 2);
static_assert(VMM_RUN_PAGES == 3);

static_assert(sizeof(struct kvm_run) == 2352);
static_assert(offsetof(struct kvm_run, request_interrupt_window) == 0);
static_assert(offsetof(struct kvm_run, exit_reason) == 8);
static_assert(offsetof(struct kvm_run, ready_for_interrupt_injection) == 12);
static_assert(offsetof(struct kvm_run, if_flag) == 13);
static_assert(offsetof(struct kvm_run, cr8) == 16);
static_assert(offsetof(struct kvm_run, apic_base) == 24);
static_assert(offsetof(struct kvm_run, io.data_offset) == 40);
static_assert(offsetof(struct kvm_run, mmio.phys_addr) == 32);
static_assert(offsetof(struct kvm_run, mmio.data) == 40);
static_assert(offsetof(struct kvm_run, mmio.len) == 48);
static_assert(offsetof(struct kvm_run, mmio.is_write) == 52);
static_assert(sizeof(struct kvm_run) <= PAGE_SIZE);

static_assert(sizeof(struct kvm_regs) == 144);
static_assert(sizeof(struct kvm_segment) == 24);
static_assert(sizeof(struct kvm_dtable) == 16);
static_assert(sizeof(struct kvm_sregs) == 312);
static_assert(sizeof(struct kvm_fpu) == 416);
static_assert(sizeof(struct kvm_xsave) == 4096);
static_assert(sizeof(struct kvm_xcrs) == 392);
static_assert(sizeof(struct kvm_debugregs) == 128);
static_assert(sizeof(struct kvm_vcpu_events) == 64);
static_assert(sizeof(struct kvm_guest_debug) == 72);
static_assert(sizeof(struct kvm_msr_entry) == 16);
static_assert(sizeof(struct kvm_msrs) == 8);
static_assert(sizeof(struct kvm_cpuid_entry2) == 40);
static_assert(sizeof(struct kvm_cpuid2) == 8);
static_assert(sizeof(struct kvm_userspace_memory_region) == 32);
static_assert(sizeof(struct kvm_dirty_log) == 16);
static_assert(sizeof(struct kvm_clear_dirty_log) == 24);
static_assert(sizeof(struct kvm_translation) == 24);
static_assert(sizeof(struct kvm_enable_cap) == 104);
static_assert(sizeof(struct kvm_signal_mask) == 4);
static_assert(sizeof(struct kvm_interrupt) == 4);
static_assert(sizeof(struct kvm_mp_state) == 4);

/* The page of the run area that holds port data is as large as the ABI says. */
static_assert(PAGE_SIZE == 4096);
