/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Executes one guest instruction in software, its memory accesses going where
 * the callbacks send them: guest RAM, or a device in user space.
 *
 * A caller embeds a struct vmm_emul in its vCPU and does, on an exit:
 *
 *	if (!vmm_emul_busy(emul)) {
 *		r = vmm_emul_begin(emul, mode, flags);
 *		if (r != VMM_EMUL_DONE)
 *			return r;
 *	}
 *	r = vmm_emul_run(emul);
 *
 * and, after user space has served an access (VMM_EMUL_MMIO):
 *
 *	vmm_emul_mmio_done(emul, data);
 *	r = vmm_emul_run(emul);
 *
 * Locking: none of its own. One struct vmm_emul belongs to the thread that
 * runs the vCPU; the callbacks take what they need.
 */
#ifndef VMM_EMULATE_EXEC_H
#define VMM_EMULATE_EXEC_H

#include <linux/types.h>
#include "decode.h"

/* Answers of the engine. A callback that returns int uses the first three. */
enum vmm_emul_result {
	VMM_EMUL_DONE,		/* the instruction is complete, rip is behind it */
	VMM_EMUL_MMIO,		/* user space must serve the recorded access */
	VMM_EMUL_FAULT,		/* inject the exception that was recorded */
	VMM_EMUL_AGAIN,		/* enter the guest, it meets the instruction again */
	VMM_EMUL_UNSUPPORTED,	/* this engine cannot do it; nothing changed */
};

/* Exception vectors that the engine itself raises. */
enum {
	VMM_EMUL_UD = 6,
	VMM_EMUL_SS = 12,
	VMM_EMUL_GP = 13,
};

/* Flags of vmm_emul_begin(). */
enum {
	VMM_EMUL_REAL = 1 << 0,	/* CR0.PE is clear: segment types are not checked */
	VMM_EMUL_LA57 = 1 << 1,	/* CR4.LA57 is set: 57-bit canonical addresses */
};

/* Iterations of a repeated string instruction before VMM_EMUL_AGAIN. */
#define VMM_EMUL_REP_MAX	1024

/* An instruction needs at most 3 accesses for each of 2 operands of 16 bytes. */
#define VMM_EMUL_ACCESS_MAX	6

/**
 * struct vmm_emul_seg - a segment register as the processor caches it
 * @base: linear base
 * @limit: last valid offset (first invalid one below, if expand-down), in
 *	bytes whatever the granularity
 * @ar: access rights as in the VMCS: type in bits 0 to 3, B in bit 14,
 *	unusable in bit 16
 */
struct vmm_emul_seg {
	u64 base;
	u32 limit;
	u32 ar;
};

/**
 * struct vmm_emul_ops - what the engine needs from a vCPU
 *
 * All are mandatory but @event_pending. All are called from vmm_emul_begin()
 * and vmm_emul_run(), in the caller's context and with the caller's locks.
 * Addresses are linear; an access has 1 to 8 bytes and stays within a page.
 */
struct vmm_emul_ops {
	/** @get_gpr: general register 0 to 15, all 64 bits */
	u64 (*get_gpr)(void *ctx, unsigned int index);
	/** @set_gpr: sets all 64 bits of general register 0 to 15 */
	void (*set_gpr)(void *ctx, unsigned int index, u64 val);
	/** @get_rip: instruction pointer */
	u64 (*get_rip)(void *ctx);
	/** @set_rip: called last, once, when the instruction is complete */
	void (*set_rip)(void *ctx, u64 rip);
	/** @get_rflags: flags register */
	u64 (*get_rflags)(void *ctx);
	/** @set_rflags: only arithmetic flags differ from @get_rflags */
	void (*set_rflags)(void *ctx, u64 rflags);
	/** @get_seg: hidden part of a segment register */
	void (*get_seg)(void *ctx, enum vmm_seg seg, struct vmm_emul_seg *out);
	/**
	 * @get_vec: 128 bits of vector register 0 to 15; VMM_EMUL_DONE, or
	 * VMM_EMUL_FAULT with an exception recorded
	 */
	int (*get_vec)(void *ctx, unsigned int index, u8 val[16]);
	/**
	 * @set_vec: the other direction; leaves bits above 127 alone. Must
	 * not fault for a register that @get_vec gave.
	 */
	int (*set_vec)(void *ctx, unsigned int index, const u8 val[16]);
	/**
	 * @fetch: bytes of the instruction, from one page; VMM_EMUL_DONE,
	 * VMM_EMUL_FAULT, or VMM_EMUL_UNSUPPORTED if not RAM
	 */
	int (*fetch)(void *ctx, u64 addr, void *buf, unsigned int len);
	/**
	 * @read: reads memory; with @for_write the instruction is going to
	 * write it, so translation must allow that and a page fault says so.
	 * VMM_EMUL_DONE, VMM_EMUL_FAULT (exception recorded), or
	 * VMM_EMUL_MMIO (access recorded, @buf ignored).
	 */
	int (*read)(void *ctx, u64 addr, void *buf, unsigned int len,
		    bool for_write);
	/** @write: writes memory; answers as @read */
	int (*write)(void *ctx, u64 addr, const void *buf, unsigned int len);
	/**
	 * @probe: would @read or @write fault? Translates and checks, accesses
	 * nothing. VMM_EMUL_DONE, or VMM_EMUL_FAULT (exception recorded, an
	 * access recorded before it is void)
	 */
	int (*probe)(void *ctx, u64 addr, unsigned int len, bool write);
	/**
	 * @fault: records an exception of the engine's own. @error is the
	 * error code, to be left out for VMM_EMUL_UD and in real mode.
	 */
	void (*fault)(void *ctx, unsigned int vector, u32 error);
	/**
	 * @event_pending: true stops a repeated string instruction between
	 * two iterations with VMM_EMUL_AGAIN. May be NULL.
	 */
	bool (*event_pending)(void *ctx);
};

/**
 * struct vmm_emul_access - one completed access of the instruction in flight
 * @addr: linear address
 * @len: 1 to 8 bytes
 * @write: direction
 * @data: what was read or written
 */
struct vmm_emul_access {
	u64 addr;
	u8 len;
	bool write;
	u8 data[8];
};

/**
 * struct vmm_emul - the engine's memory of one vCPU
 * @ops: callbacks
 * @ctx: their first argument
 * @insn: instruction in flight, valid while @busy
 * @rip: its address; when the vCPU's differs, user space has moved the vCPU
 *	and the instruction is dropped
 * @flags: VMM_EMUL_REAL, VMM_EMUL_LA57
 * @busy: an instruction is in flight
 * @pending: access number @done is with user space
 * @done: accesses in @access that are complete
 * @next: accesses that the present attempt has used
 * @access: the accesses of the present iteration, in order
 *
 * All of it belongs to the thread that runs the vCPU. Zero-filled memory with
 * @ops and @ctx set by vmm_emul_init() is the idle state.
 */
struct vmm_emul {
	const struct vmm_emul_ops *ops;
	void *ctx;
	struct vmm_insn insn;
	u64 rip;
	u8 flags;
	bool busy;
	bool pending;
	u8 done;
	u8 next;
	struct vmm_emul_access access[VMM_EMUL_ACCESS_MAX];
};

/**
 * vmm_emul_busy() - is an instruction in flight?
 * @emul: engine
 *
 * Return: whether vmm_emul_run() is to be called before the guest is entered.
 */
static inline bool vmm_emul_busy(const struct vmm_emul *emul)
{
	return emul->busy;
}

void vmm_emul_init(struct vmm_emul *emul, const struct vmm_emul_ops *ops,
		   void *ctx);
enum vmm_emul_result vmm_emul_begin(struct vmm_emul *emul, enum vmm_mode mode,
				    unsigned int flags);
enum vmm_emul_result vmm_emul_run(struct vmm_emul *emul);
void vmm_emul_mmio_done(struct vmm_emul *emul, const void *data);
void vmm_emul_cancel(struct vmm_emul *emul);

#endif /* VMM_EMULATE_EXEC_H */
