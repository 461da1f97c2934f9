/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM for the tests of a guest's memory: a slot at MEM_GPA, and a guest that
 * walks through it. How often each page was written is known, so that what is
 * in memory, and what the guest reads, can be checked at any time.
 *
 * Functions that return int give 0 when all is well and have said why otherwise,
 * unless said otherwise. What cannot be had ends the process as a failed test.
 */
#ifndef VMM_TEST_MEMBOX_H
#define VMM_TEST_MEMBOX_H

#include "kvmclient.h"
#include "ktap.h"

#define MEM_PAGE	4096ul
#define MEM_2M		(2ul << 20)
#define MEM_1G		(1ul << 30)
#define MEM_GPA		MEM_1G
#define KVMC_MEM_GIGANTIC	((enum kvmc_backing)100)	/* hugetlb, 1 GiB */

/**
 * struct membox - the VM
 * @vm: the machine; its own memory is for the guest's code and tables
 * @vcpu: its only vCPU
 * @gpa: where the slot is
 * @mem: its memory
 * @pages: how many of 4 KiB it has
 * @bytes: of the memory, of which the slot may be a part
 * @writes: of each page of the memory, so far
 * @want: the dirty log that is expected, a bit for each page
 * @keep: it stays as it is when it was looked at: manual clear
 * @base: small leaves of all but the slot
 */
struct membox {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	uint64_t gpa;
	uint8_t *mem;
	unsigned long pages;
	unsigned long bytes;
	uint32_t *writes;
	unsigned long *want;
	int keep;
	uint64_t base;
};

/* 1: there it is; 0: no such memory here, said so. */
int membox_open(struct membox *b, unsigned long bytes, enum kvmc_backing backing);
int membox_open_at(struct membox *b, uint64_t gpa, unsigned long bytes, enum kvmc_backing backing);

/* Another slot in its place, of the same memory. @bytes 0: none. */
int membox_slot(struct membox *b, uint64_t gpa, uint8_t *mem, unsigned long bytes, uint32_t flags);
/* The slot's flags. */
int membox_log(struct membox *b, uint32_t flags);

/*
 * The guest touches pages @first to @last - 1, each @step-th. Reading it adds up
 * what it finds, which must be right.
 */
int membox_walk(struct membox *b, unsigned long first, unsigned long last, unsigned long step,
		int write);

/* Leaves that map the slot: exactly so many small, of 2 MiB, of 1 GiB. */
int membox_leaves(struct membox *b, unsigned long small, unsigned long large,
		  unsigned long gigantic);
int membox_leaves_at_least(struct membox *b, unsigned long small, unsigned long large);

/* What the log shall say, and does. @when: for the complaint. */
void membox_want(struct membox *b, unsigned long page);
void membox_want_not(struct membox *b, unsigned long page);
int membox_check_log(struct membox *b, const char *when);

/* KVM_CLEAR_DIRTY_LOG, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: 0 or a negative errno. */
int membox_clear(struct membox *b, uint32_t slot, uint64_t first, uint32_t pages, void *bits);
int membox_manual(struct membox *b, uint64_t flags);

/* Each page holds how often it was written. */
int membox_check_memory(struct membox *b);

/* Element @n of a counter of the VM's or vCPU's statistics file. */
uint64_t membox_stat(struct membox *b, int fd, const char *name, unsigned int n);
/* A parameter of vmm_core's: is it on? */
int membox_parameter(const char *name);

extern const struct ktap_test mem_host_tests[];
int mem_big(unsigned long mib);

#endif
