/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small client of the KVM ABI: enough to start a guest in any processor mode
 * and to serve its exits. Used by the test guests, the benchmark and the demo.
 *
 * Errors: functions that return int give 0 or a negative errno unless said
 * otherwise; nothing is printed. Threads: an object belongs to one thread at a
 * time, but each vCPU of a VM may be run by a thread of its own.
 */
#ifndef VMM_TEST_KVMCLIENT_H
#define VMM_TEST_KVMCLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "payload.h"

/**
 * struct kvmc_vm - a virtual machine with one piece of memory from GPA 0
 * @dev: file descriptor of the device
 * @fd: file descriptor of the VM
 * @mem: the guest's memory as we see it
 * @mem_bytes: its size
 * @run_bytes: size of a vCPU's run area
 */
struct kvmc_vm {
	int dev;
	int fd;
	uint8_t *mem;
	size_t mem_bytes;
	size_t run_bytes;
};

/**
 * struct kvmc_vcpu - one virtual processor
 * @vm: the machine it belongs to
 * @fd: its file descriptor
 * @id: its number
 * @run: its run area
 * @params: its parameter page, in the guest's memory
 * @has_cpuid: CPUID has been set; it may not be set again after KVM_RUN
 */
struct kvmc_vcpu {
	struct kvmc_vm *vm;
	int fd;
	int id;
	struct kvm_run *run;
	struct guest_params *params;
	int has_cpuid;
};

/* What backs the guest's memory. */
enum kvmc_backing {
	KVMC_MEM_SMALL,		/* anonymous, 4 KiB pages only */
	KVMC_MEM_THP,		/* anonymous, transparent huge pages wished */
	KVMC_MEM_HUGETLB,	/* anonymous, hugetlbfs pages of 2 MiB */
	KVMC_MEM_MEMFD,		/* a memfd, shared */
};

enum kvmc_mode {
	KVMC_MODE_REAL,		/* 16 bits, CS:IP = entry >> 4 : entry & 15 */
	KVMC_MODE_PROT32,	/* flat 4 GiB segments, no paging */
	KVMC_MODE_LONG64,	/* 4 GiB mapped one to one by 2 MiB pages */
};

/**
 * struct kvmc_ops - who serves the exits of kvmc_serve()
 * @out: guest wrote @size bytes to @port, @count times, from @data
 * @in: guest reads; fill @data (zeroed before the call)
 * @mmio: guest touched memory that is not there; for a read fill @data
 * @hlt: guest halted with interrupts @enabled
 *
 * Each returns 0 to go on, or non-zero to end kvmc_serve() with that value. A
 * missing one is as if it returned 0, a missing @hlt ends with 0.
 */
struct kvmc_ops {
	int (*out)(void *ctx, uint16_t port, const uint8_t *data, int size,
		   uint32_t count);
	int (*in)(void *ctx, uint16_t port, uint8_t *data, int size,
		  uint32_t count);
	int (*mmio)(void *ctx, uint64_t gpa, uint8_t *data, int len, int write);
	int (*hlt)(void *ctx, int enabled);
};

#define KVMC_LINE_MAX	160

/**
 * struct kvmc_serial - collects what the guest sends into lines
 * @line: called with each full line, without its newline
 * @ctx: handed to @line
 * @len: bytes collected so far
 * @buf: those bytes
 */
struct kvmc_serial {
	int (*line)(void *ctx, char *text);
	void *ctx;
	unsigned int len;
	char buf[KVMC_LINE_MAX];
};

/* The 64-bit program and the small ones for the other modes. */
extern const uint8_t payload64_start[], payload64_end[];
extern const uint8_t payload16_start[], payload16_end[];
extern const uint8_t payload32_start[], payload32_end[];

int kvmc_dev_open(const char *path);
const char *kvmc_dev_path(void);

int kvmc_vm_create(struct kvmc_vm *vm, int dev, size_t bytes,
		   enum kvmc_backing backing);
void kvmc_vm_destroy(struct kvmc_vm *vm);
int kvmc_slot_set(struct kvmc_vm *vm, uint32_t slot, uint64_t gpa, void *hva,
		  size_t bytes, uint32_t flags);
void *kvmc_mem_alloc(size_t bytes, enum kvmc_backing backing);

int kvmc_vcpu_create(struct kvmc_vcpu *vcpu, struct kvmc_vm *vm, int id);
void kvmc_vcpu_destroy(struct kvmc_vcpu *vcpu);
int kvmc_vcpu_cpuid(struct kvmc_vcpu *vcpu);
int kvmc_vcpu_mode(struct kvmc_vcpu *vcpu, enum kvmc_mode mode, uint64_t entry);
int kvmc_vcpu_payload(struct kvmc_vcpu *vcpu);
int kvmc_interrupt(struct kvmc_vcpu *vcpu, uint32_t vector);

int kvmc_run(struct kvmc_vcpu *vcpu);
int kvmc_serve(struct kvmc_vcpu *vcpu, const struct kvmc_ops *ops, void *ctx);
int kvmc_serial_out(struct kvmc_serial *serial, const uint8_t *data,
		    uint32_t count);

#endif
