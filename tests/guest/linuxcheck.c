// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest can see of its own state when it is saved, restored or migrated
 *
 * A child computes all the time with known values in every vector register and in
 * memory, so that another vCPU is in the middle of something at any moment. Both
 * look at the clock, each after the other one's latest time: it never goes back, on
 * whichever vCPU they are, nor far ahead. The parent sleeps between reports, which
 * takes a timer's interrupt, and writes its disk and reads back what it wrote one
 * turn before.
 *
 * What is wrong is printed as a line "NAME 0 TEXT", which nobody expects.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "linuxcheck.h"

#define NSEC		1000000000ull
#define LEAP_NS		(60 * NSEC)	/* no turn takes that long */
#define SLEEP_NS	(20 * 1000000ull)
#define CHILD_WORDS	(64u << 10)
#define CHILD_PASSES	8
#define DISK_BYTES	(64u << 10)
#define DISK_PLACES	32

/**
 * struct shared - of parent and child
 * @last_ns: the latest time that one of them has seen
 * @turns:   how often the child has been through its memory
 */
struct shared {
	uint64_t last_ns;
	uint64_t turns;
};

/* All vector registers, and the masks. */
struct vectors {
	uint64_t zmm[32][8];
	uint64_t mask[8];
};

static const char *who;
static struct shared *shared;
static int disk = -1;
static uint64_t *disk_buf;

static void complain(const char *what)
{
	printf("%s 0 %s\n", who, what);
	fflush(stdout);
}

/* --- the clock ---------------------------------------------------------------------- */

static uint64_t look_at_clock(void)
{
	uint64_t last = __atomic_load_n(&shared->last_ns, __ATOMIC_ACQUIRE), now;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * NSEC + ts.tv_nsec;
	if (now < last)
		complain("the clock has gone back");
	if (last && now > last + LEAP_NS)
		complain("the clock has leapt ahead");
	while (last < now && !__atomic_compare_exchange_n(&shared->last_ns, &last, now, 0,
							  __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return now;
}

/* --- the child ------------------------------------------------------------------------ */

/*
 * Add 1 to each word of memory, @passes times, with @v in the registers meanwhile, and
 * leave in @v what is in them afterwards. In one piece, so that no compiler's use of a
 * register comes between. @nr registers, moved by @move; @masks: the mask registers too.
 */
#define WORK(mem, words, passes, v, nr, move, reg, masks)				\
	asm volatile(									\
		".altmacro\n\t"								\
		".macro load n\n\t" move " \\n*64(%[at]), %%" reg "\\n\n\t.endm\n\t"		\
		".macro save n\n\t" move " %%" reg "\\n, \\n*64(%[at])\n\t.endm\n\t"		\
		".set i, 0\n\t.rept " nr "\n\tload %%i\n\t.set i, i + 1\n\t.endr\n\t"		\
		".if " masks "\n\t.irp n, 1,2,3,4,5,6,7\n\t"					\
		"kmovq 2048+\\n*8(%[at]), %%k\\n\n\t.endr\n\t.endif\n"				\
		"1:	xor %%eax, %%eax\n"						\
		"2:	incq (%[m],%%rax,8)\n\t"						\
		"inc %%rax\n\t"								\
		"cmp %[w], %%rax\n\t"							\
		"jb 2b\n\t"								\
		"dec %[p]\n\t"								\
		"jnz 1b\n\t"								\
		".set i, 0\n\t.rept " nr "\n\tsave %%i\n\t.set i, i + 1\n\t.endr\n\t"		\
		".if " masks "\n\t.irp n, 1,2,3,4,5,6,7\n\t"					\
		"kmovq %%k\\n, 2048+\\n*8(%[at])\n\t.endr\n\t.endif\n\t"			\
		".purgem load\n\t.purgem save\n\t.noaltmacro\n\t"				\
		"vzeroupper"								\
		: [p] "+r" (passes)							\
		: [m] "r" (mem), [w] "r" (words), [at] "r" (v)				\
		: "rax", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",	\
		  "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",	\
		  "xmm14", "xmm15")

static void work_avx512(uint64_t *mem, uint64_t words, uint64_t passes, struct vectors *v)
{
	WORK(mem, words, passes, v, "32", "vmovdqu64", "zmm", "1");
}

/* Where there is no AVX-512: the low half of half of them. */
static void work_avx(uint64_t *mem, uint64_t words, uint64_t passes, struct vectors *v)
{
	WORK(mem, words, passes, v, "16", "vmovdqu", "ymm", "0");
}

static void make_vectors(struct vectors *v, uint64_t seed)
{
	uint64_t *word = v->zmm[0];
	size_t i;

	for (i = 0; i < sizeof(*v) / 8; i++)
		word[i] = (seed + i + 1) * 0x9e3779b97f4a7c15ull;
}

static void child_turn(uint64_t *mem, uint64_t turn)
{
	static struct vectors want, got;
	uint64_t i;

	make_vectors(&want, turn);
	got = want;
	if (__builtin_cpu_supports("avx512bw"))
		work_avx512(mem, CHILD_WORDS, CHILD_PASSES, &got);
	else if (__builtin_cpu_supports("avx"))
		work_avx(mem, CHILD_WORDS, CHILD_PASSES, &got);
	else
		complain("no vectors to look at");
	if (memcmp(&want, &got, sizeof(want)))
		complain("vector registers have changed");
	for (i = 0; i < CHILD_WORDS; i++) {
		if (mem[i] != i * 3 + (turn + 1) * CHILD_PASSES) {
			complain("the child's memory has changed");
			break;
		}
	}
}

static void child(void)
{
	uint64_t *mem = malloc(CHILD_WORDS * sizeof(*mem)), turn, i;

	prctl(PR_SET_PDEATHSIG, 9);
	for (i = 0; mem && i < CHILD_WORDS; i++)
		mem[i] = i * 3;
	for (turn = 0; mem; turn++) {
		child_turn(mem, turn);
		look_at_clock();
		__atomic_add_fetch(&shared->turns, 1, __ATOMIC_RELAXED);
	}
	complain("no memory");
}

/* --- the disk ------------------------------------------------------------------------- */

static void disk_fill(uint64_t seq)
{
	uint64_t i;

	for (i = 0; i < DISK_BYTES / 8; i++)
		disk_buf[i] = seq << 32 | i;
}

static void disk_turn(uint64_t seq)
{
	uint64_t i;

	if (disk < 0)
		return;
	if (seq > 1) {
		if (pread(disk, disk_buf, DISK_BYTES, (seq - 1) % DISK_PLACES * DISK_BYTES) !=
		    (ssize_t)DISK_BYTES)
			complain("the disk cannot be read");
		for (i = 0; i < DISK_BYTES / 8; i++) {
			if (disk_buf[i] != ((seq - 1) << 32 | i)) {
				complain("the disk has something else");
				break;
			}
		}
	}
	disk_fill(seq);
	if (pwrite(disk, disk_buf, DISK_BYTES, seq % DISK_PLACES * DISK_BYTES) !=
	    (ssize_t)DISK_BYTES)
		complain("the disk cannot be written");
}

/* --- all of it ---------------------------------------------------------------------- */

static void sleep_a_little(void)
{
	struct timespec ts = { .tv_nsec = SLEEP_NS };
	uint64_t begin = look_at_clock();

	nanosleep(&ts, NULL);
	if (look_at_clock() < begin + SLEEP_NS)
		complain("woken up too early");
}

/**
 * checks_start() - before the first turn
 * @name: for complaints
 * @path: a disk to use, or NULL
 */
void checks_start(const char *name, const char *path)
{
	who = name;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		complain("no memory");
		return;
	}
	if (path) {
		mkdir("/dev", 0755);
		mount("dev", "/dev", "devtmpfs", 0, NULL);
		/* Past the guest's own cache, so that it is the disk that answers. */
		disk = open(path, O_RDWR | O_DIRECT);
		if (disk < 0 || posix_memalign((void **)&disk_buf, 4096, DISK_BYTES))
			complain("no disk");
	}
	if (!fork())
		child();
}

/**
 * checks_turn() - once for each report
 * @seq: 1, 2, 3...
 */
void checks_turn(uint64_t seq)
{
	static uint64_t turns;
	uint64_t now = __atomic_load_n(&shared->turns, __ATOMIC_RELAXED);

	disk_turn(seq);
	sleep_a_little();
	if (seq % 32 == 0) {
		if (now == turns)
			complain("the child stands still");
		turns = now;
	}
}
