// SPDX-License-Identifier: GPL-2.0
/*
 * The 64-bit guest program: one image, told by its parameters what to do.
 *
 * Freestanding: no library, no floating point, runs at CPL 0 with a flat
 * mapping. Kinds of work: a running hash over memory it owns (GOP_HASH), a
 * sleeper that does a little on each interrupt (GOP_SLEEPER), and loops that
 * measure one operation each in TSC ticks (the rest).
 */
#include "payload.h"

typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned char u8;

void guest_main(struct guest_params *p);

static inline void outb(unsigned short port, u8 val)
{
	asm volatile("outb %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline void outl(unsigned short port, u32 val)
{
	asm volatile("outl %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline u32 inl(unsigned short port)
{
	u32 val;

	asm volatile("inl %1, %0" : "=a"(val) : "Nd"(port) : "memory");
	return val;
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

static void fill(u64 *mem, u64 words, u64 seed)
{
	u64 i;

	for (i = 0; i < words; i++) {
		mem[i] = seed;
		seed = seed * HASH_FILL_MUL + HASH_FILL_ADD;
	}
}

static u64 hash_round(u64 *mem, u64 words, u64 h)
{
	u64 i, w;

	for (i = 0; i < words; i++) {
		w = mem[i] * HASH_STEP_MUL + HASH_STEP_ADD;
		mem[i] = w;
		h = h * HASH_FOLD + w;
	}
	return h;
}

static u32 put_dec(char *at, u64 v)
{
	char tmp[20];
	u32 n = 0, i;

	do {
		tmp[n++] = '0' + v % 10;
		v /= 10;
	} while (v);
	for (i = 0; i < n; i++)
		at[i] = tmp[n - 1 - i];
	return n;
}

static u32 put_hex(char *at, u64 v)
{
	u32 i;

	for (i = 0; i < 16; i++)
		at[i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
	return 16;
}

static void send(struct guest_params *p, const char *s, u64 len)
{
	u64 i;

	if (p->flags & GUEST_F_BYTE_IO) {
		for (i = 0; i < len; i++)
			outb(PORT_SERIAL, s[i]);
		return;
	}
	asm volatile("rep outsb" : "+S"(s), "+c"(len)
		     : "d"(PORT_SERIAL) : "memory");
}

/* "NAME SEQ HASH\n" */
static void report(struct guest_params *p, u64 seq, u64 hash)
{
	char line[GUEST_NAME_LEN + 40];
	u32 n = 0;

	while (n < GUEST_NAME_LEN && p->name[n]) {
		line[n] = p->name[n];
		n++;
	}
	line[n++] = ' ';
	n += put_dec(line + n, seq);
	line[n++] = ' ';
	n += put_hex(line + n, hash);
	line[n++] = '\n';
	send(p, line, n);
}

static void do_hash(struct guest_params *p)
{
	u64 *mem = (u64 *)p->base;
	u64 words = p->bytes / 8, hash = p->seed, seq = 0, i;

	/* As an operating system's programs run; nobody interrupts this guest. */
	asm volatile("sti");
	fill(mem, words, p->seed);
	for (;;) {
		for (i = 0; i < p->rounds; i++)
			hash = hash_round(mem, words, hash);
		report(p, ++seq, hash);
	}
}

/*
 * STI holds interrupts back for one instruction, so none can slip in between
 * the check and HLT.
 */
static void sleep_until(volatile u64 *irqs, u64 seen)
{
	for (;;) {
		asm volatile("cli" : : : "memory");
		if (*irqs != seen)
			break;
		asm volatile("sti; hlt" : : : "memory");
	}
	asm volatile("sti" : : : "memory");
}

static void do_sleeper(struct guest_params *p)
{
	u64 *mem = (u64 *)p->base;
	u64 words = p->bytes / 8, hash = p->seed, seq = 0, i;

	fill(mem, words, p->seed);
	for (;;) {
		sleep_until(&p->irqs, seq);
		outl(PORT_WAKE, ++seq);
		for (i = 0; i < p->rounds; i++)
			hash = hash_round(mem, words, hash);
		report(p, seq, hash);
	}
}

static inline void op_cpuid(u32 leaf)
{
	u32 a = leaf, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static inline void op_vmcall(u64 nr)
{
	asm volatile("vmcall" : "+a"(nr) : "b"(0ull), "c"(0ull), "d"(0ull)
		     : "memory");
}

static inline void op_rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
}

static inline void op_hlt(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

/* Ticks around each of @count operations go to the results array. */
#define MEASURE(p, operation) do {				\
	u64 *res_ = (u64 *)(p)->results;			\
	u64 n_ = (p)->count, i_, t_;				\
								\
	for (i_ = 0; i_ < n_; i_++) {				\
		t_ = rdtsc();					\
		operation;					\
		res_[i_] = rdtsc() - t_;			\
	}							\
} while (0)

static void do_touch(struct guest_params *p)
{
	volatile u8 *at = (volatile u8 *)p->base;
	u64 step = p->stride;

	MEASURE(p, { *at = 1; at += step; });
}

static void do_triple(void)
{
	struct {
		unsigned short limit;
		u64 base;
	} __attribute__((packed)) none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
}

static void do_string_in(struct guest_params *p)
{
	u64 to = p->base, n = p->count;

	asm volatile("rep insb" : "+D"(to), "+c"(n) : "d"(PORT_TEST) : "memory");
}

static void measure(struct guest_params *p)
{
	volatile u32 *mmio = (volatile u32 *)(u64)GUEST_MMIO_GPA;

	switch (p->op) {
	case GOP_NULL:
		MEASURE(p, asm volatile("" : : : "memory"));
		break;
	case GOP_CPUID:
		MEASURE(p, op_cpuid(p->arg));
		break;
	case GOP_VMCALL:
		MEASURE(p, op_vmcall(p->arg));
		break;
	case GOP_RDMSR:
		MEASURE(p, op_rdmsr(p->arg));
		break;
	case GOP_INVD:
		MEASURE(p, asm volatile("invd" : : : "memory"));
		break;
	case GOP_PIO_OUT:
		MEASURE(p, outl(PORT_TEST, i_));
		break;
	case GOP_PIO_IN:
		MEASURE(p, inl(PORT_TEST));
		break;
	case GOP_MMIO_WRITE:
		MEASURE(p, *mmio = i_);
		break;
	case GOP_MMIO_READ:
		MEASURE(p, (void)*mmio);
		break;
	case GOP_TOUCH:
		do_touch(p);
		break;
	case GOP_HLT:
		MEASURE(p, op_hlt());
		break;
	}
}

/**
 * guest_main() - do what the parameters say
 * @p: the parameters; the client does not change them while the guest runs
 *
 * May return (then the caller halts) only after writing to PORT_DONE.
 */
void guest_main(struct guest_params *p)
{
	switch (p->op) {
	case GOP_HASH:
		do_hash(p);
		break;
	case GOP_SLEEPER:
		do_sleeper(p);
		break;
	case GOP_PIO_LOOP:
		for (;;)
			outl(PORT_TEST, 0);
	case GOP_HLT_LOOP:
		for (;;)
			asm volatile("hlt");
	case GOP_SPIN:
		for (;;)
			asm volatile("pause");
	case GOP_UD:
		asm volatile("ud2");
		break;
	case GOP_TRIPLE:
		do_triple();
		break;
	case GOP_STRING_IN:
		do_string_in(p);
		break;
	case GOP_FIRST:
		break;
	default:
		measure(p);
	}
	outb(PORT_DONE, 0);
}
