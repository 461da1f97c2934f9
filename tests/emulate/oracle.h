/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the parts of the emulator's oracle: encode.c invents
 * instructions with fitting register states, native.c lets the processor
 * execute them, vcpu.c the emulator, oracle.c compares.
 *
 * The region is mapped at a fixed low address, so that it can be reached with
 * addresses of 32 bits, and spans less than 64 KiB, so that with segment bases
 * near its start it can be reached with 16 bits too:
 *
 *	page 0		the instruction, and the way back
 *	pages 2 to 7	the arena: all memory operands
 */
#ifndef VMM_TEST_EMULATE_ORACLE_H
#define VMM_TEST_EMULATE_ORACLE_H

#include "../../vmm_core/emulate/alu.h"
#include "../../vmm_core/emulate/exec.h"

#define PAGE		4096u
#define REGION		0x20000000u
#define REGION_SIZE	(8 * PAGE)
#define ARENA		(REGION + 2 * PAGE)
#define ARENA_PAGES	6u
#define ARENA_SIZE	(ARENA_PAGES * PAGE)
#define GS_BASE		0x10000000u	/* 64-bit mode */

#define FLAGS_ARITH	(VMM_FLAG_CF | VMM_FLAG_PF | VMM_FLAG_AF | \
			 VMM_FLAG_ZF | VMM_FLAG_SF | VMM_FLAG_OF)

/* The registers that instructions can see. native.c knows the layout. */
struct state {
	u64 gpr[16];
	u64 rflags;
	u64 rip;
	u8 vec[16][16];
};

/* One instruction and what to execute it on. */
struct test_case {
	const char *name;
	enum vmm_mode mode;
	u8 bytes[16];
	unsigned int len;
	u32 undefined;		/* flags that the architecture leaves open */
	bool string;
	bool nothing;		/* has no result, touches no memory */
	struct state state;
};

/* The segments of 16-bit and 32-bit tests, as offsets from REGION. */
struct test_seg {
	u32 offset;
	bool code;
};

extern const struct test_seg test_segs[4];	/* ES, CS, SS, DS */

u64 rnd(void);
u64 rnd_below(u64 n);

/* encode.c */
unsigned int encode_forms(void);
bool encode(struct test_case *t, unsigned int form, enum vmm_mode mode,
	    u8 *arena);

/* native.c; the first two are its assembly, not to be called from elsewhere */
void native_enter(void);
void native_return(void);
bool native_init(void);
bool native_has_mode(enum vmm_mode mode);
void native_run(struct test_case *t, struct state *out);

/* vcpu.c */
enum page_kind { PAGE_RAM, PAGE_MMIO, PAGE_FAULT };

struct trace_entry {
	u64 addr;
	u8 len;
	bool write;
	u8 data[8];
};

#define TRACE_MAX	16384

struct vcpu {
	struct state state;
	struct vmm_emul emul;
	enum vmm_mode mode;
	unsigned int flags;
	const u8 *code;		/* bytes of page 0 */
	unsigned int code_len;
	u8 mem[ARENA_SIZE];
	enum page_kind page[ARENA_PAGES];
	struct vmm_emul_seg seg[6];
	struct trace_entry pending;
	bool has_pending;
	struct trace_entry trace[TRACE_MAX];
	unsigned int trace_len;
	unsigned int mmio, again;
	unsigned int event_in;	/* 0: never, else every n-th question */
	unsigned int events;
	int vector;		/* of the last fault, -1: none */
	const char *broken;	/* a rule the engine has broken */
};

void vcpu_init(struct vcpu *v, const struct test_case *t, const u8 *arena);
enum vmm_emul_result vcpu_run(struct vcpu *v);

#endif
