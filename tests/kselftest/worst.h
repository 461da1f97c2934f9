/* SPDX-License-Identifier: GPL-2.0 */
/*
 * worst - a guest that does its worst: what its parts share.
 *
 * worst.c runs and judges, worst_world.c lays out memory and processor states,
 * worst_code.c makes instructions, worst_storm.c has the programs that are bad
 * on purpose rather than by chance.
 *
 * Threads: each vCPU has one. The memory of the VM is laid out while none of
 * them runs; a struct rnd belongs to one thread.
 */
#ifndef VMM_TEST_WORST_H
#define VMM_TEST_WORST_H

#include <stddef.h>
#include <stdint.h>

#include "kvmclient.h"

#define MAX_VCPUS	4

/* Guest-physical addresses of what the client lays out, in the low 2 MiB of RAM. */
#define W_GDT		0x1000
#define W_IDT		0x2000
#define W_TSS		0x3000
#define W_PML4		0x4000
#define W_PDPT		0x5000
#define W_PD		0x6000		/* four pages */
#define W_PT		0xa000		/* small pages, where an entry of W_PD wants them */
#define W_PD32		0xb000		/* 32-bit paging */
#define W_PDPT_PAE	0xc000
#define W_TABLES_END	0xd000
#define W_HANDLER64	0xe000
#define W_HANDLER32	0xe400
#define W_HANDLER16	0xe800
#define W_CODE		0x20000		/* two pages */
#define W_CODE_BYTES	0x2000
#define W_STACK		0x38000		/* grows down; one page per vCPU below it */
#define W_DATA		0x40000
/* and what is not RAM */
#define W_HOLE		0x200000	/* nothing */
#define W_ROM		0x400000	/* KVM_MEM_READONLY */
#define W_ROM_BYTES	0x10000
#define W_VOID		0x500000	/* a slot over memory that nobody may touch */
#define W_VOID_BYTES	0x10000
#define W_IOAPIC	0xfec00000u
#define W_LAPIC		0xfee00000u
#define W_FAR		(1ull << 35)	/* outside all slots, below MAXPHYADDR */

enum board { NO_IRQCHIP, IRQCHIP, SPLIT, BOARDS };
enum mode { REAL, V86, PROT32, PAGED32, PAE, LONG64, COMPAT, MODES };

extern const char *const board_names[BOARDS], *const mode_names[MODES];

struct rnd {
	uint64_t state;
};

/**
 * struct world - a VM and its vCPUs
 * @vm: the VM
 * @vcpu: its vCPUs
 * @nr: how many
 * @board: which interrupt controllers are in the kernel
 * @rom: memory of W_ROM
 * @nothing: memory of W_VOID
 */
struct world {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu[MAX_VCPUS];
	unsigned int nr;
	enum board board;
	uint8_t *rom, *nothing;
};

/**
 * struct storm - a program that keeps the host as busy as it can
 * @name: says with what
 * @boards: bits of enum board
 * @start: its code, entered at its first byte in 64-bit mode, DI: number of the
 *	vCPU; 16 bytes on: the handler of every exception and interrupt
 * @end: behind it
 * @ist: the handlers have a stack that is set anew for each
 * @prepare: does the rest, may be NULL; 0 or -errno
 */
struct storm {
	const char *name;
	unsigned int boards;
	const uint8_t *start, *end;
	int ist;
	int (*prepare)(struct world *w);
};

extern const struct storm storms[];
extern const unsigned int nr_storms;

/* A number; below @n; true once in @n times */
uint64_t rnd(struct rnd *r);
uint32_t rnd_below(struct rnd *r, uint32_t n);
int once_in(struct rnd *r, uint32_t n);

/* worst_code.c */
uint64_t code_pointer(struct rnd *r);
void code_fill(struct rnd *r, uint8_t *to, unsigned int bytes, enum mode mode);

/* worst_world.c; these return 0 or -errno */
int world_open(struct world *w, int dev, enum board board, unsigned int nr);
void world_close(struct world *w);
void world_tables(struct world *w);
void world_gates(struct world *w, enum mode mode, uint64_t handler, int ist);
void world_spoil(struct world *w, struct rnd *r);
int world_start(struct world *w, unsigned int id, enum mode mode, int ring);
int world_start_wild(struct world *w, unsigned int id, enum mode mode, struct rnd *r);
int world_start_storm(struct world *w, const struct storm *storm);

#endif
