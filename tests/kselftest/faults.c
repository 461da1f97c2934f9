// SPDX-License-Identifier: GPL-2.0
/*
 * faults [WORDS] - memory that runs out in the middle of a call
 *
 * Every step of making and changing a VM is made with its first allocation
 * failing, then with its second, and so on until it is through without one: the
 * kernel's fault injection, /proc/thread-self/fail-nth, counts the allocations
 * of this thread. Each time the call must succeed or say ENOMEM, and can be made
 * again. At the end of each list of steps a guest runs in that VM.
 *
 * Only the lists whose name contains WORDS. Status 0; 1 says what was wrong; 4: no
 * such fault injection here. Single-threaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvmclient.h"

#define MOST		500	/* allocations in one call */
#define SLOT_PAGES	1024ul
#define SLOT_GPA	0x40000000ull
#define CODE		0x20000

/* Walks through the slot, RDI to RSI, writing; then says that it is through. */
extern const uint8_t walk_start[], walk_end[];
asm("	.pushsection .rodata\n"
	"walk_start: incq (%rdi)\nadd $0x1000, %rdi\ncmp %rsi, %rdi\njb walk_start\n"
	"out %al, $0x10\nhlt\n"
	"walk_end:\n.popsection\n");

static int nth_fd, dev;
static struct kvmc_vm vm;
static struct kvmc_vcpu vcpu;
static uint8_t *slot_mem;
static unsigned long bits[SLOT_PAGES / 64];
static unsigned int total;

/**
 * struct step - one call
 * @name: for the report
 * @run: 0 or a descriptor: done; else a negative errno
 * @undo: takes back what @run has done, so that it can be run again
 */
struct step {
	const char *name;
	int (*run)(void);
	void (*undo)(void);
};

static void set_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth_fd, text, len, 0) != len) {
		printf("# fail-nth: %s\n", strerror(errno));
		_exit(1);
	}
}

static unsigned int get_nth(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return strtoul(text, NULL, 10);
}

/* Through all allocations of a step; at the end it is done. */
static int inject(const struct step *s)
{
	unsigned int n, failed = 0;

	for (n = 1; n < MOST; n++) {
		int ret, reached;

		set_nth(n);
		ret = s->run();
		reached = !get_nth();
		set_nth(0);
		if (ret < 0 && (ret != -ENOMEM || !reached)) {
			printf("%s, allocation %u%s: %s\n", s->name, n,
			       reached ? " failing" : " not reached", strerror(-ret));
			return 1;
		}
		failed += ret < 0;
		if (reached && ret >= 0)
			s->undo();	/* it did without */
		if (!reached)
			break;
	}
	total += failed;
	printf("# %s: %u allocations, ENOMEM %u times\n", s->name, n - 1, failed);
	return n == MOST;
}

static int done(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int vm_ioctl(unsigned long cmd, void *arg)
{
	return done(ioctl(vm.fd, cmd, arg));
}

static int vcpu_ioctl(unsigned long cmd, void *arg)
{
	return done(ioctl(vcpu.fd, cmd, arg));
}

static void nothing(void)
{
}

/* --- a VM and its memory ------------------------------------------------------- */

static int create_vm(void)
{
	vm.fd = done(ioctl(dev, KVM_CREATE_VM, 0));
	return vm.fd;
}

static void close_vm(void)
{
	close(vm.fd);
}

static int low_memory(void)
{
	return kvmc_slot_set(&vm, 0, 0, vm.mem, GUEST_LOW_BYTES, 0);
}

static void no_low_memory(void)
{
	kvmc_slot_set(&vm, 0, 0, vm.mem, 0, 0);
}

static int slot_at(uint64_t gpa, uint32_t flags)
{
	return kvmc_slot_set(&vm, 1, gpa, slot_mem, SLOT_PAGES << 12, flags);
}

static int make_slot(void)
{
	return slot_at(SLOT_GPA, 0);
}

static int make_logged_slot(void)
{
	return slot_at(SLOT_GPA, KVM_MEM_LOG_DIRTY_PAGES);
}

static void drop_slot(void)
{
	kvmc_slot_set(&vm, 1, 0, NULL, 0, 0);
}

static int delete_slot(void)
{
	return kvmc_slot_set(&vm, 1, 0, NULL, 0, 0);
}

static void make_it_again(void)
{
	slot_at(SLOT_GPA, 0);
}

static int log_off(void)
{
	return slot_at(SLOT_GPA, 0);
}

static void undo_log_off(void)
{
	slot_at(SLOT_GPA, KVM_MEM_LOG_DIRTY_PAGES);
}

static void undo_log_on(void)
{
	slot_at(SLOT_GPA, 0);
}

static int move_slot(void)
{
	return slot_at(2 * SLOT_GPA, KVM_MEM_LOG_DIRTY_PAGES);
}

static int move_back(void)
{
	return slot_at(SLOT_GPA, KVM_MEM_LOG_DIRTY_PAGES);
}

static void undo_move(void)
{
	slot_at(SLOT_GPA, KVM_MEM_LOG_DIRTY_PAGES);
}

static void undo_move_back(void)
{
	slot_at(2 * SLOT_GPA, KVM_MEM_LOG_DIRTY_PAGES);
}

static int get_log(void)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };

	return vm_ioctl(KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(void)
{
	struct kvm_clear_dirty_log log = {
		.slot = 1, .num_pages = SLOT_PAGES, .dirty_bitmap = bits,
	};

	return vm_ioctl(KVM_CLEAR_DIRTY_LOG, &log);
}

/* --- vCPUs ------------------------------------------------------------------------ */

static int create_vcpu(void)
{
	vcpu.fd = done(ioctl(vm.fd, KVM_CREATE_VCPU, 0));
	return vcpu.fd;
}

/* A vCPU cannot be taken back: all anew, without faults. */
static int new_vm(void)
{
	close(vm.fd);
	return create_vm() < 0 || low_memory() || make_slot();
}

static void undo_vcpu(void)
{
	close(vcpu.fd);
	new_vm();
}

static int map_run_area(void)
{
	int bytes = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu.run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
	return vcpu.run == MAP_FAILED ? -errno : 0;
}

static int set_cpuid(void)
{
	int ret = kvmc_vcpu_cpuid(&vcpu);

	vcpu.has_cpuid = 0;
	return ret;
}

/* The client's own head, so that only the kernel's allocations count. */
static int get_xsave(void)
{
	static struct kvm_xsave xsave;
	int ret = vcpu_ioctl(KVM_GET_XSAVE, &xsave);

	return ret ? ret : vcpu_ioctl(KVM_SET_XSAVE, &xsave);
}

static int get_set_msrs(void)
{
	static struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = { .head.nmsrs = 2, .entry = { { .index = 0x10 }, { .index = 0x277 } } };
	int ret = vcpu_ioctl(KVM_GET_MSRS, &msrs);

	return ret < 0 ? ret : vcpu_ioctl(KVM_SET_MSRS, &msrs);
}

static int set_msr_filter(void)
{
	static uint8_t bitmap[8];
	struct kvm_msr_filter filter = {
		.ranges[0] = { .flags = KVM_MSR_FILTER_READ, .base = 0x40000000, .nmsrs = 64,
			       .bitmap = bitmap },
	};

	return vm_ioctl(KVM_X86_SET_MSR_FILTER, &filter);
}

static int open_stats(void)
{
	char text[64];
	int fd = vcpu_ioctl(KVM_GET_STATS_FD, NULL), ret;

	if (fd < 0)
		return fd;
	ret = done(read(fd, text, sizeof(text)));
	close(fd);
	return ret;
}

static int set_start(void)
{
	struct kvm_regs regs;
	int ret = kvmc_vcpu_mode(&vcpu, KVMC_MODE_LONG64, CODE);

	if (ret || vcpu_ioctl(KVM_GET_REGS, &regs))
		return ret ? ret : -errno;
	regs.rdi = SLOT_GPA;
	regs.rsi = SLOT_GPA + (SLOT_PAGES << 12);
	return vcpu_ioctl(KVM_SET_REGS, &regs);
}

/* Pages of the guest and tables for them are made as it runs; each time it gets farther. */
static int run_guest(void)
{
	int ret = kvmc_run(&vcpu);

	if (ret < 0)
		return ret;
	if (ret == KVM_EXIT_IO && vcpu.run->io.port == 0x10)
		return 0;
	printf("# the guest ended with %d\n", ret);
	return -EPROTO;
}

/* --- interrupts -------------------------------------------------------------------- */

static int event[2];

static int create_irqchip(void)
{
	return vm_ioctl(KVM_CREATE_IRQCHIP, NULL);
}

static int create_pit(void)
{
	struct kvm_pit_config config = { 0 };

	return vm_ioctl(KVM_CREATE_PIT2, &config);
}

static int split_irqchip(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	return vm_ioctl(KVM_ENABLE_CAP, &cap);
}

static void undo_irqchip(void)
{
	new_vm();
}

static void undo_pit(void)
{
	new_vm();
	create_irqchip();
}

static int set_routes(void)
{
	static struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} r = {
		.head.nr = 2, .entry = {
			{ .gsi = 24, .type = KVM_IRQ_ROUTING_MSI,
			  .u.msi = { .address_lo = 0xfee00000, .data = 0x40 } },
			{ .gsi = 25, .type = KVM_IRQ_ROUTING_MSI,
			  .u.msi = { .address_lo = 0xfee00000, .data = 0x41 } },
		},
	};

	return vm_ioctl(KVM_SET_GSI_ROUTING, &r);
}

static void undo_apic_vcpu(void)
{
	undo_vcpu();
	split_irqchip();
	set_routes();
}

static int irqfd(uint32_t flags)
{
	struct kvm_irqfd arg = {
		.fd = event[0], .resamplefd = event[1], .flags = flags,
		.gsi = flags & KVM_IRQFD_FLAG_RESAMPLE ? 10 : 24,
	};

	return vm_ioctl(KVM_IRQFD, &arg);
}

static int assign_irqfd(void)
{
	return irqfd(0);
}

static int assign_resample(void)
{
	return irqfd(KVM_IRQFD_FLAG_RESAMPLE);
}

/* Both are taken back in the same way, by eventfd and GSI. */
static void undo_irqfd(void)
{
	irqfd(KVM_IRQFD_FLAG_DEASSIGN);
}

static void undo_resample(void)
{
	struct kvm_irqfd arg = { .fd = event[0], .gsi = 10, .flags = KVM_IRQFD_FLAG_DEASSIGN };

	vm_ioctl(KVM_IRQFD, &arg);
}

static int deassign_irqfd(void)
{
	return irqfd(KVM_IRQFD_FLAG_DEASSIGN);
}

static void undo_deassign(void)
{
	irqfd(0);
}

static int ioeventfd(uint64_t addr, uint32_t len, uint32_t flags)
{
	struct kvm_ioeventfd arg = {
		.fd = event[0], .addr = addr, .len = len, .flags = flags, .datamatch = 7,
	};

	return vm_ioctl(KVM_IOEVENTFD, &arg);
}

#define IOEVENT(name, addr, len, flags) \
static int name(void) { return ioeventfd(addr, len, flags); } \
static void undo_##name(void) { ioeventfd(addr, len, (flags) | KVM_IOEVENTFD_FLAG_DEASSIGN); }

IOEVENT(io_port, 0x600, 2, KVM_IOEVENTFD_FLAG_PIO)
IOEVENT(io_match, 0x600, 1, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH)
IOEVENT(io_mmio, 0xd0000000, 4, 0)
IOEVENT(io_fast, 0xd0001000, 0, 0)

static int io_port_off(void)
{
	return ioeventfd(0x600, 2, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static void io_port_on(void)
{
	io_port();
}

static int zone(unsigned long cmd)
{
	struct kvm_coalesced_mmio_zone z = { .addr = 0xd0002000, .size = 64 };

	return vm_ioctl(cmd, &z);
}

static int add_zone(void)
{
	return zone(KVM_REGISTER_COALESCED_MMIO);
}

static void drop_zone(void)
{
	zone(KVM_UNREGISTER_COALESCED_MMIO);
}

static int signal_msi(void)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x30 };

	return vm_ioctl(KVM_SIGNAL_MSI, &msi);
}

static int get_set_lapic(void)
{
	static struct kvm_lapic_state lapic;
	int ret = vcpu_ioctl(KVM_GET_LAPIC, &lapic);

	return ret ? ret : vcpu_ioctl(KVM_SET_LAPIC, &lapic);
}

static int get_set_irqchip(void)
{
	static struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	int ret = vm_ioctl(KVM_GET_IRQCHIP, &chip);

	return ret ? ret : vm_ioctl(KVM_SET_IRQCHIP, &chip);
}

/* --- the lists ------------------------------------------------------------------------ */

#define VCPU_STEPS \
	{ "KVM_CREATE_VCPU", create_vcpu, undo_vcpu }

#define RUN_STEPS \
	{ "mmap of the run area", map_run_area, nothing }, \
	{ "KVM_SET_CPUID2", set_cpuid, nothing }, \
	{ "registers", set_start, nothing }, \
	{ "KVM_RUN", run_guest, nothing }

static const struct step plain[] = {
	{ "KVM_CREATE_VM", create_vm, close_vm },
	{ "first slot", low_memory, no_low_memory },
	{ "second slot", make_slot, drop_slot },
	VCPU_STEPS,
	{ "KVM_GET_XSAVE, KVM_SET_XSAVE", get_xsave, nothing },
	{ "KVM_GET_MSRS, KVM_SET_MSRS", get_set_msrs, nothing },
	{ "KVM_X86_SET_MSR_FILTER", set_msr_filter, nothing },
	{ "statistics", open_stats, nothing },
	RUN_STEPS,
	{ }
};

static const struct step slots[] = {
	{ "KVM_CREATE_VM", create_vm, close_vm },
	{ "first slot", low_memory, no_low_memory },
	{ "slot with a log", make_logged_slot, drop_slot },
	{ "log off", log_off, undo_log_off },
	{ "log on", make_logged_slot, undo_log_on },
	{ "KVM_GET_DIRTY_LOG", get_log, nothing },
	{ "KVM_CLEAR_DIRTY_LOG", clear_log, nothing },
	{ "slot moves", move_slot, undo_move },
	{ "slot moves back", move_back, undo_move_back },
	{ "log off", log_off, undo_log_off },
	{ "slot is deleted", delete_slot, make_it_again },
	{ "second slot", make_slot, drop_slot },
	VCPU_STEPS,
	{ "log on", make_logged_slot, undo_log_on },
	RUN_STEPS,	/* with memory for the processor's log */
	{ "KVM_GET_DIRTY_LOG", get_log, nothing },
	{ }
};

static const struct step board[] = {
	{ "KVM_CREATE_VM", create_vm, close_vm },
	{ "first slot", low_memory, no_low_memory },
	{ "second slot", make_slot, drop_slot },
	{ "KVM_CREATE_IRQCHIP", create_irqchip, undo_irqchip },
	{ "KVM_CREATE_PIT2", create_pit, undo_pit },
	{ "KVM_SET_GSI_ROUTING", set_routes, nothing },
	{ "irqfd", assign_irqfd, undo_irqfd },
	{ "irqfd off", deassign_irqfd, undo_deassign },
	{ "irqfd", assign_irqfd, undo_irqfd },
	{ "ioeventfd, port", io_port, undo_io_port },
	{ "ioeventfd, port and datum", io_match, undo_io_match },
	{ "ioeventfd, memory", io_mmio, undo_io_mmio },
	{ "ioeventfd, any length", io_fast, undo_io_fast },
	{ "ioeventfd off", io_port_off, io_port_on },
	{ "coalesced writes", add_zone, drop_zone },
	{ "KVM_GET_IRQCHIP, KVM_SET_IRQCHIP", get_set_irqchip, nothing },
	{ }
};

static const struct step board_vcpu[] = {
	{ "KVM_CREATE_VM", create_vm, close_vm },
	{ "first slot", low_memory, no_low_memory },
	{ "second slot", make_slot, drop_slot },
	{ "split irqchip", split_irqchip, undo_irqchip },
	{ "KVM_SET_GSI_ROUTING", set_routes, nothing },
	{ "KVM_CREATE_VCPU with a local APIC", create_vcpu, undo_apic_vcpu },
	{ "KVM_GET_LAPIC, KVM_SET_LAPIC", get_set_lapic, nothing },
	{ "KVM_SIGNAL_MSI", signal_msi, nothing },
	RUN_STEPS,
	{ }
};

/* The eventfds' other user: a resampling irqfd needs the kernel's own chips. */
static const struct step resample[] = {
	{ "KVM_CREATE_VM", create_vm, close_vm },
	{ "KVM_CREATE_IRQCHIP", create_irqchip, undo_irqchip },
	{ "irqfd with resampling", assign_resample, undo_resample },
	{ }
};

static const struct {
	const char *name;
	const struct step *steps;
} lists[] = {
	{ "a vCPU without interrupt controllers", plain },
	{ "slots", slots },
	{ "the board", board },
	{ "a vCPU with a local APIC", board_vcpu },
	{ "resampling", resample },
};

static int run_list(const struct step *s)
{
	int ret = 0;

	for (; s->name && !ret; s++) {
		memset(bits, 0xff, sizeof(bits));
		ret = inject(s);
	}
	if (vcpu.run && vcpu.run != MAP_FAILED)
		munmap(vcpu.run, ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0));
	vcpu.run = NULL;
	if (vcpu.fd > 0)
		close(vcpu.fd);
	vcpu.fd = 0;
	close(vm.fd);
	return ret;
}

static int setup(void)
{
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		return 4;
	dev = kvmc_dev_open(NULL);
	vm.mem = mmap(NULL, GUEST_LOW_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	slot_mem = mmap(NULL, SLOT_PAGES << 12, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	event[0] = eventfd(0, EFD_NONBLOCK);
	event[1] = eventfd(0, EFD_NONBLOCK);
	if (dev < 0 || vm.mem == MAP_FAILED || slot_mem == MAP_FAILED || event[0] < 0 ||
	    event[1] < 0)
		return 1;
	vm.dev = dev;
	vm.mem_bytes = GUEST_LOW_BYTES;
	vcpu.vm = &vm;
	/* The client's own memory is not what is tested. */
	memset(vm.mem, 0, GUEST_LOW_BYTES);
	memcpy(vm.mem + CODE, walk_start, walk_end - walk_start);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int i;
	int ret = setup();

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (ret)
		return ret;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (argc > 1 && !strstr(lists[i].name, argv[1]))
			continue;
		printf("# --- %s\n", lists[i].name);
		if (run_list(lists[i].steps))
			return 1;
	}
	printf("# ENOMEM %u times in all\n", total);
	return total < 20;
}
