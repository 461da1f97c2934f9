// SPDX-License-Identifier: GPL-2.0
/*
 * Compares the instruction emulator with the processor it runs on.
 *
 * Each form of instruction is executed on many random states: by the
 * processor, and by the emulator with all memory RAM, all memory a device,
 * and a mixture. Registers, defined flags and memory must agree; a device must
 * see exactly the accesses that RAM sees; with a page absent nothing may have
 * changed. Lengths are compared with those of objdump, also for random bytes.
 *
 * Usage: oracle [SEED [ROUNDS]]. Output is KTAP.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "oracle.h"

static u64 rnd_state = 1;
static unsigned int tests, passed, failed, skipped;
static u8 arena[ARENA_SIZE];
static struct vcpu vcpu, other;

u64 rnd(void)
{
	/* xorshift64*, Marsaglia and Vigna */
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dULL;
}

u64 rnd_below(u64 n)
{
	return (rnd() >> 11) % n;
}

static void result(bool ok, const char *name)
{
	printf("%sok %u %s\n", ok ? "" : "not ", ++tests, name);
	if (ok)
		passed++;
	else
		failed++;
}

static void skip(const char *name, const char *why)
{
	printf("ok %u %s # SKIP %s\n", ++tests, name, why);
	skipped++;
}

static void complain(const struct test_case *t, const char *fmt, ...)
{
	static const char * const modes[] = { "16", "32", "64" };
	va_list args;
	unsigned int i;

	printf("# %s-bit %s:", modes[t->mode], t->name);
	for (i = 0; i < t->len; i++)
		printf(" %02x", t->bytes[i]);
	printf(": ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

static bool same_state(const struct test_case *t, const struct state *hw,
		       const struct state *em)
{
	static const char * const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	/* the upper halves mean nothing outside 64-bit mode */
	u64 mask = t->mode == VMM_MODE_64 ? ~0ULL : 0xffffffff;
	u64 flags = (FLAGS_ARITH | VMM_FLAG_DF) & ~t->undefined;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if ((hw->gpr[i] & mask) == (em->gpr[i] & mask))
			continue;
		complain(t, "%s was %llx, processor %llx, emulator %llx",
			 names[i], (long long)t->state.gpr[i],
			 (long long)hw->gpr[i], (long long)em->gpr[i]);
		return false;
	}
	if ((hw->rflags ^ em->rflags) & flags) {
		complain(t, "flags were %llx, processor %llx, emulator %llx",
			 (long long)t->state.rflags, (long long)hw->rflags,
			 (long long)em->rflags);
		return false;
	}
	if (memcmp(hw->vec, em->vec, sizeof(hw->vec))) {
		complain(t, "vector registers differ");
		return false;
	}
	if (hw->rip != em->rip) {
		complain(t, "length %u, emulator %lld", t->len,
			 (long long)(em->rip - t->state.rip));
		return false;
	}
	return true;
}

static bool same_memory(const struct test_case *t, const u8 *expect,
			const u8 *got, const char *who)
{
	unsigned int i;

	if (!memcmp(expect, got, ARENA_SIZE))
		return true;
	for (i = 0; expect[i] == got[i];)
		i++;
	complain(t, "%s: memory at %x is %02x, not %02x", who, ARENA + i,
		 got[i], expect[i]);
	return false;
}

/* Memory is a device now, in part or all of it; nothing else may change. */
static bool check_device(const struct test_case *t, const struct state *hw,
			 const u8 *mem, bool mixed)
{
	unsigned int i;

	vcpu_init(&other, t, arena);
	for (i = 0; i < ARENA_PAGES; i++)
		if (!mixed || rnd_below(2))
			other.page[i] = PAGE_MMIO;
	if (rnd_below(2))
		other.event_in = 1 + rnd_below(4);
	if (vcpu_run(&other) != VMM_EMUL_DONE || other.broken) {
		complain(t, "device: %s", other.broken ?: "not done");
		return false;
	}
	if (!same_state(t, hw, &other.state) ||
	    !same_memory(t, mem, other.mem, "device"))
		return false;
	if (other.trace_len != vcpu.trace_len ||
	    memcmp(other.trace, vcpu.trace,
		   vcpu.trace_len * sizeof(vcpu.trace[0]))) {
		complain(t, "a device sees %u accesses, RAM %u, or others",
			 other.trace_len, vcpu.trace_len);
		return false;
	}
	if (!mixed && other.mmio != other.trace_len) {
		complain(t, "device: an access did not reach it");
		return false;
	}
	return true;
}

/* A page is absent: all or nothing. */
static bool check_fault(const struct test_case *t, const struct state *hw)
{
	enum vmm_emul_result r;
	unsigned int i;

	vcpu_init(&other, t, arena);
	for (i = 0; i < ARENA_PAGES; i++)
		other.page[i] = rnd_below(3);
	r = vcpu_run(&other);
	if (other.broken) {
		complain(t, "fault: %s", other.broken);
		return false;
	}
	if (r == VMM_EMUL_DONE)
		return same_state(t, hw, &other.state);
	if (r != VMM_EMUL_FAULT || other.vector != 14) {
		complain(t, "result %d, vector %d", r, other.vector);
		return false;
	}
	if (t->string)
		return true;	/* complete iterations stay */
	if (other.mmio) {
		complain(t, "fault after an access to a device");
		return false;
	}
	return same_memory(t, arena, other.mem, "fault") &&
	       !memcmp(&t->state, &other.state, sizeof(t->state));
}

static bool check_one(struct test_case *t)
{
	u8 *native = (u8 *)(uintptr_t)ARENA;
	enum vmm_emul_result r;
	struct state hw;
	bool ok;

	memcpy(native, arena, ARENA_SIZE);
	native_run(t, &hw);

	vcpu_init(&vcpu, t, arena);
	r = vcpu_run(&vcpu);
	if (r != VMM_EMUL_DONE || vcpu.broken) {
		complain(t, "result %d %s", r, vcpu.broken ?: "");
		return false;
	}
	if (!t->nothing && !vcpu.trace_len && !t->string) {
		complain(t, "no access at all");
		return false;
	}
	ok = same_state(t, &hw, &vcpu.state) &&
	     same_memory(t, native, vcpu.mem, "RAM") &&
	     check_device(t, &hw, native, false) &&
	     check_device(t, &hw, native, true) &&
	     check_fault(t, &hw);
	memcpy(arena, native, ARENA_SIZE);
	return ok;
}

/* New contents: random, or with few values so that comparisons go on. */
static void fill_arena(void)
{
	u8 mask = rnd_below(3) ? 0xff : rnd_below(2) ? 1 : 0;
	unsigned int i;

	for (i = 0; i < ARENA_SIZE; i++)
		arena[i] = rnd() & mask;
}

/* All instances of one form in one mode. Returns how many there were. */
static unsigned int check_form(unsigned int form, enum vmm_mode mode,
			       unsigned int rounds, bool *ok)
{
	struct test_case t;
	unsigned int i, done = 0;

	fill_arena();
	for (i = 0; i < 20 * rounds && done < rounds && *ok; i++) {
		if (!encode(&t, form, mode, arena))
			continue;
		done++;
		*ok = check_one(&t);
	}
	return done;
}

static void check_mode(enum vmm_mode mode, const char *name,
		       unsigned int rounds)
{
	unsigned int form, done = 0, some;
	struct test_case t;
	char text[128];
	bool all = true;

	if (!native_has_mode(mode)) {
		skip(name, "this kernel gives no local descriptor table");
		return;
	}
	for (form = 0; form < encode_forms(); form++) {
		bool ok = true;

		some = check_form(form, mode, rounds, &ok);
		/* a form that was never tried must not pass unnoticed */
		if (!some && (encode(&t, form, mode, arena) || t.name)) {
			printf("# %s: not one instance\n", t.name);
			ok = false;
		}
		done += some;
		all &= ok;
	}
	snprintf(text, sizeof(text), "%s: %u instructions as the processor does",
		 name, done);
	result(all && done, text);
}

/* Lengths by objdump, each instruction in a slot of its own. */
#define SLOT	24

static bool objdump_lengths(enum vmm_mode mode, const u8 *code,
			    unsigned int slots, u8 *len)
{
	static const char * const arch[] = { "i8086", "i386", "i386:x86-64" };
	char file[] = "/tmp/vmm-emulate-XXXXXX", line[512], *text;
	char command[128];
	int fd = mkstemp(file);
	FILE *f;

	if (fd < 0 || write(fd, code, slots * SLOT) != (ssize_t)slots * SLOT)
		return false;
	close(fd);
	snprintf(command, sizeof(command),
		 "objdump -D -w -z -b binary -m %s %s 2>/dev/null",
		 arch[mode], file);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long at = strtoul(line, &text, 16);
		unsigned int n = 0;

		if (*text != ':' || at % SLOT || at / SLOT >= slots)
			continue;
		for (text += 2; text[0] != ' ' && text[0] && text[2] == ' ';)
			text += 3, n++;
		len[at / SLOT] = strstr(text, "(bad)") ? 0 : n;
	}
	if (f)
		pclose(f);
	unlink(file);
	return f;
}

#define LENGTHS	2000

static bool is_prefix(u8 b)
{
	return (b & 0xe7) == 0x26 || (b >= 0x64 && b <= 0x67) || b == 0xf0 ||
	       b == 0xf2 || b == 0xf3;
}

/* objdump shows a REX that counts for nothing as an instruction of its own. */
static bool has_void_rex(const u8 *code)
{
	bool rex = false;

	for (;; code++) {
		if (rex && (is_prefix(*code) || (*code & 0xf0) == 0x40))
			return true;
		rex = (*code & 0xf0) == 0x40;
		if (!rex && !is_prefix(*code))
			return false;
	}
}

/* Everything we encode, and random bytes that the decoder accepts. */
static void check_lengths(enum vmm_mode mode, const char *name)
{
	static u8 code[LENGTHS * SLOT], want[LENGTHS], got[LENGTHS];
	unsigned int i, j, wrong = 0, slots = 0;
	struct vmm_insn insn;
	struct test_case t;

	memset(code, 0x90, sizeof(code));
	memset(got, 0xff, sizeof(got));
	while (slots < LENGTHS) {
		u8 *slot = code + slots * SLOT;

		if (slots % 2) {
			if (!encode(&t, rnd_below(encode_forms()), mode, arena))
				continue;
			memcpy(slot, t.bytes, t.len);
		} else {
			for (j = 0; j < VMM_INSN_MAX; j++)
				slot[j] = rnd();
			if (rnd_below(2))
				slot[0] = 0x0f;
		}
		if (vmm_decode(&insn, slot, VMM_INSN_MAX, mode) ||
		    (mode == VMM_MODE_64 && has_void_rex(slot)))
			continue;
		memset(slot + insn.len, 0x90, SLOT - insn.len);
		want[slots++] = insn.len;
	}
	if (!objdump_lengths(mode, code, slots, got) || got[0] == 0xff) {
		skip(name, "no objdump");
		return;
	}
	for (i = 0; i < slots; i++) {
		if (want[i] == got[i])
			continue;
		if (wrong++ < 8) {
			printf("# length %u, objdump %u:", want[i], got[i]);
			for (j = 0; j < VMM_INSN_MAX; j++)
				printf(" %02x", code[i * SLOT + j]);
			printf("\n");
		}
	}
	result(!wrong, name);
}

/* The decoder asks for more until it has just enough, and not before. */
static void check_prefixes(void)
{
	struct vmm_insn insn;
	struct test_case t;
	unsigned int i, n, bad = 0;

	for (i = 0; i < 20000; i++) {
		enum vmm_mode mode = rnd_below(3);

		if (!encode(&t, rnd_below(encode_forms()), mode, arena))
			continue;
		for (n = 0; n < t.len; n++)
			bad += vmm_decode(&insn, t.bytes, n, mode) !=
			       VMM_DECODE_MORE;
		bad += vmm_decode(&insn, t.bytes, n, mode) != VMM_DECODE_OK ||
		       insn.len != t.len;
	}
	result(!bad, "a decoder with too few bytes asks for more");
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? atoi(argv[2]) : 60;

	if (argc > 1)
		rnd_state = strtoull(argv[1], NULL, 0) * 2 + 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..7\n");
	if (!native_init()) {
		printf("Bail out! cannot map the region\n");
		return 1;
	}
	fill_arena();
	check_mode(VMM_MODE_64, "64-bit", rounds);
	check_mode(VMM_MODE_32, "32-bit", rounds);
	check_mode(VMM_MODE_16, "16-bit", rounds);
	check_lengths(VMM_MODE_64, "64-bit lengths as objdump says");
	check_lengths(VMM_MODE_32, "32-bit lengths as objdump says");
	check_lengths(VMM_MODE_16, "16-bit lengths as objdump says");
	check_prefixes();
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || passed + failed + skipped != tests;
}
