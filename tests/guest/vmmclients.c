// SPDX-License-Identifier: GPL-2.0
/*
 * vmmclients [WORDS] - what the known clients of the KVM ABI take for granted
 *
 * One that misses a capability or whose call fails while it builds a machine ends
 * there, so each client's list is tested as a list: its capabilities, asked of the
 * device and of a VM, and its calls, in the order in which it makes them. Whether
 * the calls do what they should is for the other tests.
 *
 * Only the tests whose name contains WORDS. KTAP; status 1 when one failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvmclient.h"
#include "ktap.h"

#define MEM_BYTES	(4u << 20)
#define MSRS_MAX	512
#define CPUID_MAX	100	/* kvmtool makes no room for more */
#define TSS_GPA		0xfffbd000ul
#define IDENTITY_GPA	0xfffbc000ull
#define PINS		24
#define MSI_ADDRESS	0xfee00000u

/**
 * struct need - a capability that a client asks for
 * @cap: its number
 * @least: less than that is as good as nothing
 * @name: in words
 */
struct need {
	int cap;
	int least;
	const char *name;
};

#define CAP(name)		{ KVM_CAP_##name, 1, #name }
#define LEAST(name, value)	{ KVM_CAP_##name, value, #name }
#define LAST			{ 0, 0, NULL }

static const struct need kvmtool_caps[] = {
	CAP(SET_TSS_ADDR), CAP(PIT2), CAP(USER_MEMORY), CAP(IRQ_ROUTING), CAP(IRQCHIP), CAP(HLT),
	CAP(IRQ_INJECT_STATUS), CAP(EXT_CPUID), CAP(IOEVENTFD), CAP(SIGNAL_MSI), CAP(IRQFD), LAST
};

static const struct need qemu7_caps[] = {
	CAP(USER_MEMORY), CAP(DESTROY_MEMORY_REGION_WORKS), CAP(JOIN_MEMORY_REGIONS_WORKS),
	CAP(SET_TSS_ADDR), CAP(EXT_CPUID), CAP(MP_STATE), CAP(IRQ_ROUTING), CAP(IRQCHIP),
	CAP(SPLIT_IRQCHIP), CAP(PIT2), CAP(PIT_STATE2), CAP(READONLY_MEM), LAST
};

static const struct need qemu10_caps[] = {
	CAP(USER_MEMORY), CAP(DESTROY_MEMORY_REGION_WORKS), CAP(JOIN_MEMORY_REGIONS_WORKS),
	CAP(INTERNAL_ERROR_DATA), CAP(IOEVENTFD), CAP(IOEVENTFD_ANY_LENGTH), CAP(SET_TSS_ADDR),
	CAP(EXT_CPUID), CAP(MP_STATE), CAP(SIGNAL_MSI), CAP(IRQ_ROUTING), CAP(DEBUGREGS),
	CAP(XSAVE), CAP(VCPU_EVENTS), CAP(X86_ROBUST_SINGLESTEP), LEAST(MCE, 10),
	CAP(ADJUST_CLOCK), CAP(SET_IDENTITY_MAP_ADDR), CAP(IRQCHIP), CAP(IRQFD), CAP(PIT2),
	CAP(PIT_STATE2), CAP(SPLIT_IRQCHIP), LAST
};

static const struct need firecracker_caps[] = {
	CAP(IRQCHIP), CAP(IOEVENTFD), CAP(IRQFD), CAP(USER_MEMORY), CAP(SET_TSS_ADDR), CAP(PIT2),
	CAP(PIT_STATE2), CAP(ADJUST_CLOCK), CAP(DEBUGREGS), CAP(MP_STATE), CAP(VCPU_EVENTS),
	CAP(XCRS), CAP(XSAVE), CAP(EXT_CPUID), CAP(IMMEDIATE_EXIT), CAP(GET_TSC_KHZ), LAST
};

static const struct need cloud_hypervisor_caps[] = {
	CAP(ADJUST_CLOCK), CAP(EXT_CPUID), CAP(GET_TSC_KHZ), CAP(IMMEDIATE_EXIT), CAP(IOEVENTFD),
	CAP(IRQCHIP), CAP(IRQFD), CAP(IRQ_ROUTING), CAP(MP_STATE), CAP(SET_IDENTITY_MAP_ADDR),
	CAP(SET_TSS_ADDR), CAP(SPLIT_IRQCHIP), CAP(TSC_DEADLINE_TIMER), CAP(USER_MEMORY),
	CAP(USER_NMI), CAP(VCPU_EVENTS), CAP(XSAVE), LEAST(X2APIC_API, 3), LAST
};

static const struct need crosvm_caps[] = {
	CAP(USER_MEMORY), CAP(SYNC_MMU), CAP(READONLY_MEM), CAP(IRQCHIP), CAP(SPLIT_IRQCHIP),
	CAP(IRQFD), CAP(IRQFD_RESAMPLE), CAP(IRQ_ROUTING), CAP(SIGNAL_MSI), CAP(IOEVENTFD),
	CAP(IMMEDIATE_EXIT), CAP(SET_TSS_ADDR), CAP(SET_IDENTITY_MAP_ADDR), CAP(PIT2),
	CAP(PIT_STATE2), CAP(ADJUST_CLOCK), CAP(XSAVE), CAP(XCRS), CAP(DEBUGREGS), CAP(VCPU_EVENTS),
	CAP(MP_STATE), CAP(SET_GUEST_DEBUG), CAP(KVMCLOCK_CTRL), CAP(GET_TSC_KHZ), LAST
};

/* A machine under construction. */
struct box {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	int event;
};

static void must(int fd, unsigned long request, const void *arg, const char *name)
{
	if (ioctl(fd, request, arg) < 0)
		exit(ktap_fail("%s: %s", name, strerror(errno)));
}

#define VM(b, request, arg)	must((b)->vm.fd, request, (const void *)(uintptr_t)(arg), #request)
#define VCPU(b, request, arg)	must((b)->vcpu.fd, request, (const void *)(uintptr_t)(arg), #request)

static void open_vm(struct box *b)
{
	int dev = kvmc_dev_open(NULL);

	memset(b, 0, sizeof(*b));
	if (dev < 0 || kvmc_vm_create(&b->vm, dev, MEM_BYTES, KVMC_MEM_SMALL))
		exit(ktap_fail("no VM: %s", strerror(errno)));
	b->event = eventfd(0, EFD_CLOEXEC);
}

static void open_vcpu(struct box *b)
{
	if (kvmc_vcpu_create(&b->vcpu, &b->vm, 0))
		exit(ktap_fail("no vCPU: %s", strerror(errno)));
}

static int has_all(const struct need *needs)
{
	const struct need *n;
	struct box b;
	int got, bad = 0;

	open_vm(&b);
	for (n = needs; n->name; n++) {
		got = ioctl(b.vm.dev, KVM_CHECK_EXTENSION, n->cap);
		if (got < n->least)
			bad += ktap_fail("%s: %d of the device", n->name, got) == KTAP_FAIL;
		got = ioctl(b.vm.fd, KVM_CHECK_EXTENSION, n->cap);
		if (got < n->least)
			bad += ktap_fail("%s: %d of a VM", n->name, got) == KTAP_FAIL;
	}
	return bad ? KTAP_FAIL : KTAP_PASS;
}

static void set_cpuid(struct box *b)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_MAX];
	} cpuid = { .head.nent = CPUID_MAX };

	must(b->vm.dev, KVM_GET_SUPPORTED_CPUID, &cpuid, "KVM_GET_SUPPORTED_CPUID");
	VCPU(b, KVM_SET_CPUID2, &cpuid);
	cpuid.head.nent = CPUID_MAX;
	VCPU(b, KVM_GET_CPUID2, &cpuid);
}

struct msr_room {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[MSRS_MAX];
};

/* Reads them, and writes back what was read; every one of them must go. */
static void keep_msrs(struct box *b, struct msr_room *m)
{
	int n = m->head.nmsrs, got = ioctl(b->vcpu.fd, KVM_GET_MSRS, m);

	if (got != n)
		exit(ktap_fail("KVM_GET_MSRS stops at %#x", m->entries[got < 0 ? 0 : got].index));
	got = ioctl(b->vcpu.fd, KVM_SET_MSRS, m);
	if (got != n)
		exit(ktap_fail("KVM_SET_MSRS stops at %#x", m->entries[got < 0 ? 0 : got].index));
}

static void keep_msr_range(struct box *b, uint32_t first, uint32_t last)
{
	static struct msr_room m;

	for (m.head.nmsrs = 0; first <= last; first++)
		m.entries[m.head.nmsrs++].index = first;
	keep_msrs(b, &m);
}

/* All that the kernel says are to be saved. */
static void keep_listed_msrs(struct box *b)
{
	static struct msr_room m;
	struct {
		struct kvm_msr_list head;
		uint32_t indices[MSRS_MAX];
	} list = { .head.nmsrs = MSRS_MAX };
	uint32_t i;

	must(b->vm.dev, KVM_GET_MSR_INDEX_LIST, &list, "KVM_GET_MSR_INDEX_LIST");
	for (i = 0; i < list.head.nmsrs; i++)
		m.entries[i].index = list.indices[i];
	m.head.nmsrs = list.head.nmsrs;
	keep_msrs(b, &m);
}

static void route(struct box *b)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[PINS];
	} r = { .head.nr = PINS };
	int i;

	for (i = 0; i < PINS; i++) {
		r.entries[i].gsi = i;
		r.entries[i].type = KVM_IRQ_ROUTING_MSI;
		r.entries[i].u.msi.address_lo = MSI_ADDRESS;
		r.entries[i].u.msi.data = 0x40 + i;
	}
	VM(b, KVM_SET_GSI_ROUTING, &r);
}

static void virtio_queue(struct box *b)
{
	struct kvm_ioeventfd io = {
		.addr = 0x6010, .len = 2, .fd = b->event,
		.flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	struct kvm_irqfd irqfd = { .fd = b->event, .gsi = 5 };
	struct kvm_msi msi = { .address_lo = MSI_ADDRESS, .data = 0x51 };

	VM(b, KVM_IOEVENTFD, &io);
	io.addr = 0xd0000050;
	io.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	VM(b, KVM_IOEVENTFD, &io);
	VM(b, KVM_IRQFD, &irqfd);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	VM(b, KVM_IRQFD, &irqfd);
	VM(b, KVM_SIGNAL_MSI, &msi);
}

/* GET and SET of the same thing. */
#define KEEP(b, what, type) do {				\
	type _state;						\
	memset(&_state, 0, sizeof(_state));			\
	VCPU(b, KVM_GET_##what, &_state);			\
	VCPU(b, KVM_SET_##what, &_state);			\
} while (0)

static void keep_vcpu(struct box *b)
{
	KEEP(b, MP_STATE, struct kvm_mp_state);
	KEEP(b, REGS, struct kvm_regs);
	KEEP(b, SREGS, struct kvm_sregs);
	KEEP(b, FPU, struct kvm_fpu);
	KEEP(b, XSAVE, struct kvm_xsave);
	KEEP(b, XCRS, struct kvm_xcrs);
	KEEP(b, DEBUGREGS, struct kvm_debugregs);
	KEEP(b, VCPU_EVENTS, struct kvm_vcpu_events);
}

static void keep_lapic(struct box *b)
{
	KEEP(b, LAPIC, struct kvm_lapic_state);
}

static void keep_board(struct box *b)
{
	struct kvm_irqchip chip = { .chip_id = 0 };
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock = { .clock = 0 };
	uint32_t i;

	for (i = KVM_IRQCHIP_PIC_MASTER; i <= KVM_IRQCHIP_IOAPIC; i++) {
		chip.chip_id = i;
		VM(b, KVM_GET_IRQCHIP, &chip);
		VM(b, KVM_SET_IRQCHIP, &chip);
	}
	VM(b, KVM_GET_PIT2, &pit);
	VM(b, KVM_SET_PIT2, &pit);
	VM(b, KVM_GET_CLOCK, &clock);
	clock.flags = 0;
	VM(b, KVM_SET_CLOCK, &clock);
}

/* Before the guest has a clock there is nothing to tell it, and all clients know that. */
static void tell_stopped(struct box *b)
{
	if (ioctl(b->vcpu.fd, KVM_KVMCLOCK_CTRL, 0) && errno != EINVAL)
		exit(ktap_fail("KVM_KVMCLOCK_CTRL: %s", strerror(errno)));
}

static void split(struct box *b)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { PINS } };

	VM(b, KVM_ENABLE_CAP, &cap);
}

static void board(struct box *b, uint32_t pit_flags)
{
	struct kvm_pit_config pit = { .flags = pit_flags };

	VM(b, KVM_CREATE_IRQCHIP, 0);
	VM(b, KVM_CREATE_PIT2, &pit);
}

static void addresses(struct box *b)
{
	static const uint64_t identity = IDENTITY_GPA;

	VM(b, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	VM(b, KVM_SET_TSS_ADDR, TSS_GPA);
}

static int kvmtool_calls(void)
{
	struct kvm_irq_level level = { .irq = 4, .level = 1 };
	struct box b;

	open_vm(&b);
	VM(&b, KVM_SET_TSS_ADDR, TSS_GPA);
	board(&b, 0);
	open_vcpu(&b);
	keep_lapic(&b);
	set_cpuid(&b);
	keep_vcpu(&b);
	keep_msr_range(&b, 0x10, 0x10);
	keep_msr_range(&b, 0x174, 0x176);
	keep_msr_range(&b, 0x1a0, 0x1a0);
	keep_msr_range(&b, 0xc0000081, 0xc0000084);
	keep_msr_range(&b, 0xc0000102, 0xc0000102);
	VM(&b, KVM_IRQ_LINE, &level);
	virtio_queue(&b);
	route(&b);
	return KTAP_PASS;
}

/* What QEMU writes whatever the processor; more only if it is in the kernel's list. */
static void qemu_msrs(struct box *b)
{
	static const uint32_t ranges[][2] = {
		{ 0x10, 0x12 }, { 0x174, 0x176 }, { 0x1b, 0x1b }, { 0x277, 0x277 },
		{ 0xc0000081, 0xc0000084 }, { 0xc0000102, 0xc0000102 }, { 0x2ff, 0x2ff },
		{ 0x250, 0x250 }, { 0x258, 0x259 }, { 0x268, 0x26f }, { 0x200, 0x20f },
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		keep_msr_range(b, ranges[i][0], ranges[i][1]);
	keep_listed_msrs(b);
}

static void qemu_mce(struct box *b)
{
	uint64_t supported;
	const uint64_t banks = 10;	/* KVM_CAP_MCE says whether there are so many */

	must(b->vm.dev, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported, "KVM_X86_GET_MCE_CAP_SUPPORTED");
	supported |= banks;
	VCPU(b, KVM_X86_SETUP_MCE, &supported);
	keep_msr_range(b, 0x17a, 0x17a);
	keep_msr_range(b, 0x400, 0x427);
}

static void qemu_vcpu(struct box *b)
{
	struct kvm_vapic_addr vapic = { .vapic_addr = 0 };
	struct kvm_tpr_access_ctl tpr = { .enabled = 0 };
	struct kvm_guest_debug debug = { .control = 0 };

	open_vcpu(b);
	set_cpuid(b);
	qemu_mce(b);
	keep_vcpu(b);
	keep_lapic(b);
	qemu_msrs(b);
	VCPU(b, KVM_SET_VAPIC_ADDR, &vapic);
	VCPU(b, KVM_TPR_ACCESS_REPORTING, &tpr);
	VCPU(b, KVM_SET_GUEST_DEBUG, &debug);
	tell_stopped(b);
}

static int qemu_calls(void)
{
	struct box b;

	open_vm(&b);
	addresses(&b);
	board(&b, 0);
	qemu_vcpu(&b);
	keep_board(&b);
	route(&b);
	virtio_queue(&b);
	return KTAP_PASS;
}

static int qemu_split_calls(void)
{
	struct box b;

	open_vm(&b);
	addresses(&b);
	split(&b);
	route(&b);
	qemu_vcpu(&b);
	virtio_queue(&b);
	return KTAP_PASS;
}

static int firecracker_calls(void)
{
	struct box b;
	int khz;

	open_vm(&b);
	VM(&b, KVM_SET_TSS_ADDR, TSS_GPA);
	board(&b, KVM_PIT_SPEAKER_DUMMY);
	open_vcpu(&b);
	set_cpuid(&b);
	keep_msr_range(&b, 0x174, 0x176);
	keep_vcpu(&b);
	keep_lapic(&b);
	keep_listed_msrs(&b);
	khz = ioctl(b.vcpu.fd, KVM_GET_TSC_KHZ);
	if (khz <= 0)
		return ktap_fail("KVM_GET_TSC_KHZ: %d", khz);
	VCPU(&b, KVM_SET_TSC_KHZ, khz);
	virtio_queue(&b);
	route(&b);
	keep_board(&b);
	tell_stopped(&b);
	return KTAP_PASS;
}

static int cloud_hypervisor_calls(void)
{
	struct kvm_enable_cap x2apic = {
		.cap = KVM_CAP_X2APIC_API,
		.args = { KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	};
	struct kvm_clock_data clock = { .clock = 0 };
	struct box b;

	open_vm(&b);
	addresses(&b);
	split(&b);
	VM(&b, KVM_ENABLE_CAP, &x2apic);
	open_vcpu(&b);
	set_cpuid(&b);
	keep_vcpu(&b);
	keep_lapic(&b);
	keep_listed_msrs(&b);
	route(&b);
	virtio_queue(&b);
	VCPU(&b, KVM_NMI, 0);
	VM(&b, KVM_GET_CLOCK, &clock);
	return KTAP_PASS;
}

static int crosvm_calls(void)
{
	struct kvm_irqfd irqfd = { .gsi = 6, .flags = KVM_IRQFD_FLAG_RESAMPLE };
	struct box b;

	open_vm(&b);
	addresses(&b);
	board(&b, 0);
	irqfd.fd = eventfd(0, EFD_CLOEXEC);
	irqfd.resamplefd = eventfd(0, EFD_CLOEXEC);
	VM(&b, KVM_IRQFD, &irqfd);
	open_vcpu(&b);
	set_cpuid(&b);
	keep_vcpu(&b);
	keep_lapic(&b);
	keep_listed_msrs(&b);
	keep_board(&b);
	virtio_queue(&b);
	tell_stopped(&b);
	return KTAP_PASS;
}

#define HAS(client)	static int client##_has(void) { return has_all(client##_caps); }
HAS(kvmtool)
HAS(qemu7)
HAS(qemu10)
HAS(firecracker)
HAS(cloud_hypervisor)
HAS(crosvm)

static const struct ktap_test client_tests[] = {
	{ "kvmtool finds its capabilities", kvmtool_has },
	{ "kvmtool's calls succeed", kvmtool_calls },
	{ "QEMU 7.2 finds its capabilities", qemu7_has },
	{ "QEMU 10 finds its capabilities", qemu10_has },
	{ "QEMU's calls succeed, kernel-irqchip=on", qemu_calls },
	{ "QEMU's calls succeed, kernel-irqchip=split", qemu_split_calls },
	{ "Firecracker finds its capabilities", firecracker_has },
	{ "Firecracker's calls succeed", firecracker_calls },
	{ "cloud-hypervisor finds its capabilities", cloud_hypervisor_has },
	{ "cloud-hypervisor's calls succeed", cloud_hypervisor_calls },
	{ "crosvm finds its capabilities", crosvm_has },
	{ "crosvm's calls succeed", crosvm_calls },
	{ NULL, NULL }
};

int main(int argc, char **argv)
{
	static const struct ktap_test *const lists[] = { client_tests, NULL };

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# device %s\n", kvmc_dev_path());
	return ktap_main(lists, argc > 1 ? argv[1] : NULL);
}
