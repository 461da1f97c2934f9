// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and accesses of the instruction in flight.
 *
 * Purpose: turn operands into linear addresses under the rules of
 * segmentation, cut them into accesses that no page and no 8 bytes exceed, and
 * see to it that an instruction that is started again repeats none of them.
 *
 * Design: an instruction makes the same accesses in the same order each time
 * it is executed from the same state. So the accesses that have completed are
 * kept in a list; an attempt consumes the list from its start and calls the
 * vCPU only for what comes after. RAM accesses are kept as well: what was read
 * once stays what was read, whatever other processors do in between.
 *
 * An access that crosses into another page is probed first, and so is the
 * second operand before a device is read for the first one. So an instruction
 * that faults has not touched anything.
 *
 * Locking: none, see exec.h.
 *
 * Limits: a locked operation on RAM is a read and a write here, not atomic
 * with regard to other processors; devices see the two in any case. No
 * alignment-check exceptions.
 */
#include <linux/types.h>
#include <linux/string.h>
#include "alu.h"
#include "internal.h"

#define EMUL_PAGE_SIZE	4096U

/* Access rights of a segment, as in the VMCS. */
enum {
	AR_WRITABLE	= 1 << 1,	/* data; readable if code */
	AR_EXPAND_DOWN	= 1 << 2,	/* data; conforming if code */
	AR_CODE		= 1 << 3,
	AR_BIG		= 1 << 14,
	AR_UNUSABLE	= 1 << 16,
};

/*
 * Offset of the memory operand in its segment. @rsp_add is what the
 * instruction adds to the stack pointer before it forms the address.
 */
u64 emul_offset(struct vmm_emul *emul, u64 rsp_add)
{
	const struct vmm_insn *insn = &emul->insn;
	u64 offset = (u64)insn->disp;

	if (insn->base == VMM_REG_RIP)
		offset += emul->rip + insn->len;
	else if (insn->base != VMM_REG_NONE)
		offset += emul->ops->get_gpr(emul->ctx, insn->base);
	if (insn->base == VMM_RSP)
		offset += rsp_add;
	if (insn->index != VMM_REG_NONE)
		offset += emul->ops->get_gpr(emul->ctx, insn->index)
			  << insn->scale;
	return offset & vmm_alu_mask(insn->addr_size);
}

static int segment_fault(struct vmm_emul *emul, enum vmm_seg seg)
{
	return emul_fault(emul, seg == VMM_SS ? VMM_EMUL_SS : VMM_EMUL_GP);
}

static bool canonical(const struct vmm_emul *emul, u64 addr)
{
	unsigned int shift = emul->flags & VMM_EMUL_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

/* May an instruction outside 64-bit mode access these bytes of a segment? */
static bool segment_allows(const struct vmm_emul *emul,
			   const struct vmm_emul_seg *s, u64 offset,
			   unsigned int len, bool write)
{
	u64 last = offset + len - 1;	/* offset is below 2^32 */

	if (s->ar & AR_UNUSABLE)
		return false;
	if (!(emul->flags & VMM_EMUL_REAL)) {
		if (write && (s->ar & (AR_CODE | AR_WRITABLE)) != AR_WRITABLE)
			return false;
		if (!write && (s->ar & (AR_CODE | AR_WRITABLE)) == AR_CODE)
			return false;
	}
	if ((s->ar & (AR_CODE | AR_EXPAND_DOWN)) == AR_EXPAND_DOWN)
		return offset > s->limit &&
		       last <= (s->ar & AR_BIG ? 0xffffffffULL : 0xffffULL);
	return last <= s->limit;
}

/*
 * Linear address of @len bytes at @offset in @seg, or the fault that the
 * segment raises.
 */
int emul_linear(struct vmm_emul *emul, enum vmm_seg seg, u64 offset,
		unsigned int len, bool write, u64 *addr)
{
	struct vmm_emul_seg s = {};

	if (emul->insn.mode == VMM_MODE_64) {
		if (seg >= VMM_FS)
			emul->ops->get_seg(emul->ctx, seg, &s);
		*addr = s.base + offset;
		if (!canonical(emul, *addr) || !canonical(emul, *addr + len - 1))
			return segment_fault(emul, seg);
		return VMM_EMUL_DONE;
	}
	emul->ops->get_seg(emul->ctx, seg, &s);
	if (!segment_allows(emul, &s, offset, len, write))
		return segment_fault(emul, seg);
	*addr = (u32)(s.base + offset);
	return VMM_EMUL_DONE;
}

/* The bytes from @addr on that one access can take. */
static unsigned int chunk(u64 addr, unsigned int len)
{
	unsigned int room = EMUL_PAGE_SIZE - (addr & (EMUL_PAGE_SIZE - 1));

	if (len > 8)
		len = 8;
	return len < room ? len : room;
}

/* Address @i bytes after @addr: outside 64-bit mode it wraps at 4 GiB. */
static u64 advance(const struct vmm_emul *emul, u64 addr, unsigned int i)
{
	return emul->insn.mode == VMM_MODE_64 ? addr + i : (u32)(addr + i);
}

/*
 * Makes one access, a write from @out or else a read into @in, or takes its
 * result from an earlier attempt.
 */
static int emul_access(struct vmm_emul *emul, u64 addr, void *in,
		       const void *out, unsigned int len, bool for_write)
{
	struct vmm_emul_access *acc = &emul->access[emul->next];
	bool write = out;
	int r;

	if (emul->next >= VMM_EMUL_ACCESS_MAX)
		return VMM_EMUL_UNSUPPORTED;
	if (emul->next < emul->done) {
		/* user space may have changed registers that form addresses */
		if (acc->addr != addr || acc->len != len || acc->write != write)
			return VMM_EMUL_AGAIN;
		if (!write)
			memcpy(in, acc->data, len);
		emul->next++;
		return VMM_EMUL_DONE;
	}

	if (write)
		r = emul->ops->write(emul->ctx, addr, out, len);
	else
		r = emul->ops->read(emul->ctx, addr, in, len, for_write);
	if (r != VMM_EMUL_DONE && r != VMM_EMUL_MMIO)
		return r;
	acc->addr = addr;
	acc->len = len;
	acc->write = write;
	if (r == VMM_EMUL_MMIO) {
		emul->pending = true;
		return r;
	}
	memcpy(acc->data, write ? out : in, len);
	emul->next++;
	emul->done++;
	return VMM_EMUL_DONE;
}

/* Does translation allow an access to these bytes, whatever backs them? */
static int emul_probe(struct vmm_emul *emul, u64 addr, unsigned int len,
		      bool write)
{
	while (len) {
		unsigned int n = chunk(addr, len);
		int r = emul->ops->probe(emul->ctx, addr, n, write);

		if (r)
			return r;
		len -= n;
		addr = advance(emul, addr, n);
	}
	return VMM_EMUL_DONE;
}

/*
 * Before the first of several accesses: no later one may fault. Only a page
 * boundary can make that happen.
 */
static int emul_probe_split(struct vmm_emul *emul, u64 addr, unsigned int len,
			    bool write)
{
	unsigned int room = EMUL_PAGE_SIZE - (addr & (EMUL_PAGE_SIZE - 1));

	if (len <= room || emul->next < emul->done)
		return VMM_EMUL_DONE;
	return emul_probe(emul, addr, len, write);
}

/* Reads @len bytes; @for_write as in struct vmm_emul_ops. */
int emul_mem_read(struct vmm_emul *emul, u64 addr, void *buf,
		  unsigned int len, bool for_write)
{
	u8 *p = buf;
	int r = emul_probe_split(emul, addr, len, for_write);

	while (!r && len) {
		unsigned int n = chunk(addr, len);

		r = emul_access(emul, addr, p, NULL, n, for_write);
		p += n;
		len -= n;
		addr = advance(emul, addr, n);
	}
	return r;
}

/* Writes @len bytes. */
int emul_mem_write(struct vmm_emul *emul, u64 addr, const void *buf,
		   unsigned int len)
{
	const u8 *p = buf;
	int r = emul_probe_split(emul, addr, len, true);

	while (!r && len) {
		unsigned int n = chunk(addr, len);

		r = emul_access(emul, addr, NULL, p, n, true);
		p += n;
		len -= n;
		addr = advance(emul, addr, n);
	}
	return r;
}

/*
 * Reads the first operand of two in memory; the second is as long, at @other.
 * A device must not be read, which may change it, when the instruction then
 * faults: so before user space is asked, the other operand is probed.
 */
int emul_mem_read_first(struct vmm_emul *emul, u64 addr, void *buf,
			unsigned int len, u64 other, bool other_write)
{
	int r = emul_mem_read(emul, addr, buf, len, false);

	if (r == VMM_EMUL_MMIO && emul_probe(emul, other, len, other_write)) {
		emul->pending = false;
		r = VMM_EMUL_FAULT;
	}
	return r;
}

/* Fetches and decodes the instruction at emul->rip. */
int emul_fetch(struct vmm_emul *emul, enum vmm_mode mode)
{
	u8 bytes[VMM_INSN_MAX];
	unsigned int count = 0;
	u64 base = 0;
	int r;

	if (mode != VMM_MODE_64) {
		struct vmm_emul_seg cs;

		emul->ops->get_seg(emul->ctx, VMM_CS, &cs);
		base = cs.base;
	}
	do {
		u64 addr = base + emul->rip + count;
		unsigned int n;

		if (mode != VMM_MODE_64)
			addr = (u32)addr;
		n = EMUL_PAGE_SIZE - (addr & (EMUL_PAGE_SIZE - 1));
		if (n > VMM_INSN_MAX - count)
			n = VMM_INSN_MAX - count;
		r = emul->ops->fetch(emul->ctx, addr, bytes + count, n);
		if (r)
			return r;
		count += n;
		r = vmm_decode(&emul->insn, bytes, count, mode);
	} while (r == VMM_DECODE_MORE && count < VMM_INSN_MAX);

	switch (r) {
	case VMM_DECODE_OK:
		return VMM_EMUL_DONE;
	case VMM_DECODE_UD:
		return emul_fault(emul, VMM_EMUL_UD);
	case VMM_DECODE_TOO_LONG:
		return emul_fault(emul, VMM_EMUL_GP);
	default:
		return VMM_EMUL_UNSUPPORTED;
	}
}
