// SPDX-License-Identifier: GPL-2.0
/*
 * vmmbench - what the operations of a KVM device cost, in TSC ticks, and its
 * objects, in bytes.
 *
 * The same program measures any device that speaks the ABI; each row has VMs of
 * its own, so one that fails leaves the others alone. Prints for each row
 *
 *	BENCH {"name": ..., "unit": ..., "dev": TAG, "median": ..., ...}
 *
 * or the same with "error". Run it with one processor: see tests/bench/run.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define MSR_MISC_ENABLE		0x1a0
#define HYPERCALL_UNKNOWN	0x7fff
#define KIB4			4096ull
#define MIB2			(2ull << 20)

#define GUEST_ROW(n, w, count, guest_op, operand)			\
	{ .name = (n), .what = (w), .samples = (count),			\
	  .measure = bench_in_guest, .op = (guest_op), .arg = (operand) }
#define TOUCH_ROW(n, w, count, mem, there, size)			\
	{ .name = (n), .what = (w), .samples = (count),			\
	  .measure = bench_touch, .op = GOP_TOUCH, .backing = (mem),	\
	  .present = (there), .stride = (size) }
#define HOST_ROW(n, w, count, function)					\
	{ .name = (n), .what = (w), .samples = (count),			\
	  .measure = (function) }
#define PAIR_ROW(n, w, function, how)					\
	{ .name = (n), .what = (w), .samples = 1000,			\
	  .measure = (function), .arg = (how) }
#define SWAP_ROW(n, vcpus)						\
	{ .name = (n), .samples = 60, .measure = bench_swap,		\
	  .what = "lock of a pCPU held by a swap, " #vcpus		\
		  " guests runnable there",				\
	  .arg = (vcpus), .ours = 1 }
#define SWAP2_ROW(n, vcpus, cease)					\
	{ .name = (n), .samples = 200, .measure = bench_swap,		\
	  .what = "lock of a pCPU held by a swap, " #vcpus		\
		  " guests on all pCPUs",				\
	  .arg = (vcpus) | (cease), .ours = 1, .named = 1 }
#define MEMORY_ROW(n, w, vcpus)						\
	{ .name = (n), .what = (w), .unit = "bytes", .samples = 5,	\
	  .measure = bench_memory, .arg = (vcpus) }

static const struct bench rows[] = {
	HOST_ROW("run_immediate", "KVM_RUN with immediate_exit: no entry",
		 2000, bench_null_run),
	GUEST_ROW("entry_exit", "INVD: exit and entry with nothing to do",
		  2000, GOP_INVD, 0),
	GUEST_ROW("cpuid", "CPUID exit", 2000, GOP_CPUID, 0),
	GUEST_ROW("hypercall", "VMCALL with an unknown number",
		  2000, GOP_VMCALL, HYPERCALL_UNKNOWN),
	GUEST_ROW("rdmsr", "RDMSR exit (IA32_MISC_ENABLE)",
		  2000, GOP_RDMSR, MSR_MISC_ENABLE),
	GUEST_ROW("pio_out", "OUT to user space and back",
		  2000, GOP_PIO_OUT, 0),
	GUEST_ROW("pio_in", "IN from user space and back",
		  2000, GOP_PIO_IN, 0),
	GUEST_ROW("mmio_write", "MMIO write to user space and back",
		  2000, GOP_MMIO_WRITE, 0),
	GUEST_ROW("mmio_read", "MMIO read from user space and back",
		  2000, GOP_MMIO_READ, 0),
	GUEST_ROW("hlt_wake", "HLT to user space, KVM_INTERRUPT, handler",
		  2000, GOP_HLT, 0),
	TOUCH_ROW("ept_4k_present", "first touch of 4 KiB the host has",
		  2048, KVMC_MEM_SMALL, 1, KIB4),
	TOUCH_ROW("ept_4k_new", "first touch of 4 KiB to be allocated",
		  2048, KVMC_MEM_SMALL, 0, KIB4),
	TOUCH_ROW("ept_2m_present", "first touch of 2 MiB (THP) the host has",
		  64, KVMC_MEM_THP, 1, MIB2),
	TOUCH_ROW("ept_2m_new", "first touch of 2 MiB (THP) to be allocated",
		  64, KVMC_MEM_THP, 0, MIB2),
	HOST_ROW("vm_create", "KVM_CREATE_VM to first instructions",
		 50, bench_create),
	HOST_ROW("vm_destroy", "end of a VM that has run", 50, bench_destroy),
	PAIR_ROW("switch_pair",
		 "two vCPU threads on one pCPU: PIO exit and sched_yield, pair",
		 bench_switch, 0),
	PAIR_ROW("yield_pair", "two threads without guests, sched_yield, pair",
		 bench_yield, 0),
	PAIR_ROW("handover_pair",
		 "two vCPU threads on one pCPU: HLT exit and semaphore, pair",
		 bench_switch, 1),
	PAIR_ROW("semaphore_pair", "two threads without guests, semaphore, pair",
		 bench_yield, 1),
	SWAP_ROW("swap_pause_2", 2),
	SWAP_ROW("swap_pause_64", 64),
	SWAP2_ROW("swap_live_2", 2, 0),
	SWAP2_ROW("swap_live_16", 16, 0),
	SWAP2_ROW("swap_live_64", 64, 0),
	SWAP2_ROW("swap_cease_2", 2, BENCH_SWAP_CEASE),
	SWAP2_ROW("swap_cease_16", 16, BENCH_SWAP_CEASE),
	SWAP2_ROW("swap_cease_64", 64, BENCH_SWAP_CEASE),
	MEMORY_ROW("mem_vm", "the host's memory for a VM without memory and vCPUs",
		   0),
	MEMORY_ROW("mem_vcpu", "the host's memory for one more vCPU, run area mapped",
		   4),
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static int run_row(const struct bench *b, int dev, const char *tag)
{
	struct samples s;
	int ret;

	if (samples_init(&s, b->samples))
		return -ENOMEM;
	ret = b->measure(b, dev, &s);
	printf("BENCH {\"name\": \"%s\", \"unit\": \"%s\", \"dev\": \"%s\", "
	       "\"what\": \"%s\", ", b->name, b->unit ? b->unit : "ticks",
	       tag, b->what);
	if (ret) {
		printf("\"error\": \"%s\"}\n", strerror(-ret));
	} else {
		samples_sort(&s);
		printf("\"median\": %" PRIu64 ", \"min\": %" PRIu64
		       ", \"p99\": %" PRIu64 ", \"max\": %" PRIu64
		       ", \"samples\": %zu}\n",
		       samples_at(&s, 50), samples_at(&s, 0),
		       samples_at(&s, 99), samples_at(&s, 100), s.count);
	}
	fflush(stdout);
	free(s.v);
	return ret;
}

static void usage(FILE *to)
{
	fprintf(to,
"usage: vmmbench [--tag NAME] [--only ROW]... [--list]\n"
"Measures $VMM_DEV (/dev/vmm, else /dev/kvm).\n"
"  --tag NAME   goes into each row as \"dev\" (default: the device's name)\n"
"  --only ROW   only this row; may be given again\n"
"  --list       name the rows\n"
"Exit status: 0 all rows measured, 1 some not, 2 usage.\n");
}

static int find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return i;
	return -1;
}

static void list(void)
{
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		printf("%-16s %s\n", rows[i].name, rows[i].what);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tag", 1, NULL, 't' }, { "only", 1, NULL, 'o' },
		{ "list", 0, NULL, 'l' }, { "help", 0, NULL, 'h' }, { }
	};
	const char *tag = strrchr(kvmc_dev_path(), '/') + 1;
	int ours = !strcmp(strrchr(kvmc_dev_path(), '/') + 1, "vmm");
	unsigned int i, failed = 0, some = 0;
	int c, dev, row, wanted[ROWS] = { 0 };

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			tag = optarg;
			break;
		case 'o':
			row = find(optarg);
			if (row < 0) {
				fprintf(stderr, "vmmbench: no row %s\n", optarg);
				return 2;
			}
			wanted[row] = 1;
			some = 1;
			break;
		case 'l':
			list();
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	dev = kvmc_dev_open(NULL);
	if (dev < 0) {
		fprintf(stderr, "vmmbench: %s: %s\n", kvmc_dev_path(),
			strerror(-dev));
		return 1;
	}
	for (i = 0; i < ROWS; i++)
		if ((some ? wanted[i] : !rows[i].named) && (ours || !rows[i].ours))
			failed += run_row(&rows[i], dev, tag) != 0;
	close(dev);
	return failed != 0;
}
