// SPDX-License-Identifier: GPL-2.0
/*
 * vmmguest - one guest of our own, whose output is checked as it comes.
 *
 * Kinds: "hash" computes all the time; "sleeper" halts, is woken by a periodic
 * interrupt, works a little and halts again, and its wake-up latency (planned
 * time to the guest's first port write) is recorded. Each line a guest sends
 * must be the next one and carry the right hash, or the run fails.
 *
 * One thread. Signals: SIGTERM and SIGINT end the run in an orderly way;
 * SIGALRM, once a second, looks at the clock. Both leave KVM_RUN by
 * EINTR; the flag immediate_exit closes the window before it.
 *
 * The pCPU is not chosen here: that is the scheduler's business.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "kvmclient.h"
#include "progress.h"
#include "samples.h"

#define NSEC		1000000000ull
#define LATENCY_MAX	65536
#define STOP		1	/* an exit handler wants to end the run */

enum kind { KIND_HASH, KIND_SLEEPER };

struct options {
	const char *name;
	enum kind kind;
	const char *progress;
	const char *latency;
	uint64_t period_ns;
	uint64_t skip;
	uint64_t run_ns;
	uint64_t late_ns;
	uint64_t bytes;
	uint64_t rounds;
	uint64_t seed;
	enum kvmc_backing backing;
	int byte_io;
};

/**
 * struct guest - one run
 * @opt: what was asked
 * @vm: the machine
 * @vcpu: its vCPU
 * @serial: collects the lines
 * @expect: what the next line must say
 * @seq: lines seen
 * @errors: wrong lines, faults, late lines
 * @why: the first error in words
 * @start_ns: when the run began
 * @last_ns: when the last line came
 * @timer: timerfd of the sleeper, else -1
 * @timer_start_ns: planned time of period 0
 * @ticks: periods that have passed
 * @missed: periods that passed while the guest still worked
 * @planned_ns: planned time of the wake-up under way, 0 when it has been seen
 * @latency: wake-up latencies, ns
 * @progress: mapped file that tells how far we are
 * @wakes: file that each latency is appended to, or -1
 */
struct guest {
	struct options opt;
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	struct kvmc_serial serial;
	struct hash_state expect;
	uint64_t seq;
	uint64_t errors;
	char why[KVMC_LINE_MAX + 64];
	uint64_t start_ns;
	uint64_t last_ns;
	int timer;
	uint64_t timer_start_ns;
	uint64_t ticks;
	uint64_t missed;
	uint64_t planned_ns;
	struct samples latency;
	struct progress *progress;
	int wakes;
};

static volatile sig_atomic_t stop_asked;
static struct kvm_run *signal_run;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static void on_signal(int sig)
{
	if (sig != SIGALRM)
		stop_asked = 1;
	if (signal_run)
		signal_run->immediate_exit = 1;
}

static void fail(struct guest *g, const char *what, const char *detail)
{
	if (!g->errors++)
		snprintf(g->why, sizeof(g->why), "%s%s%s", what,
			 *detail ? ": " : "", detail);
}

static int on_line(void *ctx, char *text)
{
	struct guest *g = ctx;

	g->last_ns = now_ns();
	g->seq++;
	hash_rounds(&g->expect, g->opt.rounds);
	if (!hash_line_matches(text, g->opt.name, g->seq, g->expect.hash))
		fail(g, "wrong line", text);
	progress_set(g->progress, g->seq, g->last_ns, g->errors);
	return g->errors ? STOP : 0;
}

static void on_wake(struct guest *g)
{
	uint64_t now = now_ns(), late;

	if (!g->planned_ns)
		return;
	late = now - g->planned_ns;
	if (g->ticks > g->opt.skip)
		samples_add(&g->latency, late);
	if (g->wakes >= 0 && write(g->wakes, &late, sizeof(late)) != sizeof(late))
		fail(g, "cannot write latency", strerror(errno));
	if (late > g->opt.late_ns)
		fail(g, "woke late", "");
	g->planned_ns = 0;
}

static int on_out(void *ctx, uint16_t port, const uint8_t *data, int size,
		  uint32_t count)
{
	struct guest *g = ctx;
	char text[32];

	switch (port) {
	case PORT_SERIAL:
		return kvmc_serial_out(&g->serial, data, size * count);
	case PORT_WAKE:
		on_wake(g);
		return g->errors ? STOP : 0;
	case PORT_FAULT:
		snprintf(text, sizeof(text), "vector %u", data[0]);
		fail(g, "guest took an exception", text);
		return STOP;
	}
	return 0;
}

/* Wait for the next period, then interrupt the guest. */
static int on_hlt(void *ctx, int enabled)
{
	struct guest *g = ctx;
	uint64_t passed;
	int ret;

	if (g->timer < 0 || !enabled) {
		fail(g, "guest halted for good", "");
		return STOP;
	}
	if (read(g->timer, &passed, sizeof(passed)) != sizeof(passed))
		return -errno;
	if (passed > 1)
		g->missed += passed - 1;
	/* Late by what the first of them has waited. */
	g->planned_ns = g->timer_start_ns + (g->ticks + 1) * g->opt.period_ns;
	g->ticks += passed;
	ret = kvmc_interrupt(&g->vcpu, GUEST_IRQ_VECTOR);
	if (ret)
		fail(g, "KVM_INTERRUPT", strerror(-ret));
	return ret;
}

static const struct kvmc_ops guest_ops = {
	.out = on_out,
	.hlt = on_hlt,
};

static int start_timers(struct guest *g)
{
	struct itimerval look = { { 1, 0 }, { 1, 0 } };
	struct sigaction act = { .sa_handler = on_signal };
	struct itimerspec period;
	uint64_t first;

	signal_run = g->vcpu.run;
	if (sigaction(SIGTERM, &act, NULL) || sigaction(SIGINT, &act, NULL) ||
	    sigaction(SIGALRM, &act, NULL) ||
	    setitimer(ITIMER_REAL, &look, NULL))
		return -errno;

	g->timer = -1;
	if (g->opt.kind != KIND_SLEEPER)
		return 0;
	g->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (g->timer < 0)
		return -errno;
	g->timer_start_ns = now_ns();
	first = g->timer_start_ns + g->opt.period_ns;
	period.it_value.tv_sec = first / NSEC;
	period.it_value.tv_nsec = first % NSEC;
	period.it_interval.tv_sec = g->opt.period_ns / NSEC;
	period.it_interval.tv_nsec = g->opt.period_ns % NSEC;
	return timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &period, NULL) ?
	       -errno : 0;
}

static int start_guest(struct guest *g)
{
	int dev, ret;

	dev = kvmc_dev_open(NULL);
	if (dev < 0)
		return dev;
	ret = kvmc_vm_create(&g->vm, dev, GUEST_LOW_BYTES + g->opt.bytes,
			     g->opt.backing);
	if (ret)
		return ret;
	ret = kvmc_vcpu_create(&g->vcpu, &g->vm, 0);
	if (ret)
		return ret;
	ret = kvmc_vcpu_payload(&g->vcpu);
	if (ret)
		return ret;
	*g->vcpu.params = (struct guest_params) {
		.op = g->opt.kind == KIND_HASH ? GOP_HASH : GOP_SLEEPER,
		.base = GUEST_WORK_GPA,
		.bytes = g->opt.bytes,
		.rounds = g->opt.rounds,
		.seed = g->opt.seed,
		.flags = g->opt.byte_io ? GUEST_F_BYTE_IO : 0,
	};
	memcpy(g->vcpu.params->name, g->opt.name, strlen(g->opt.name));
	hash_start(&g->expect, g->opt.seed, g->opt.bytes);
	g->serial.line = on_line;
	g->serial.ctx = g;
	return 0;
}

static void run_guest(struct guest *g)
{
	uint64_t now;
	char text[32];
	int ret;

	g->start_ns = now_ns();
	g->last_ns = g->start_ns;
	while (!stop_asked && !g->errors) {
		ret = kvmc_serve(&g->vcpu, &guest_ops, g);
		if (ret == -EIO) {
			snprintf(text, sizeof(text), "%u",
				 g->vcpu.run->exit_reason);
			fail(g, "unexpected exit", text);
		} else if (ret < 0 && ret != -EINTR) {
			fail(g, "KVM_RUN", strerror(-ret));
		}
		g->vcpu.run->immediate_exit = 0;
		now = now_ns();
		if (g->opt.run_ns && now - g->start_ns >= g->opt.run_ns)
			break;
		if (now - g->last_ns > g->opt.late_ns)
			fail(g, "no line in time", "");
	}
	/* What was interrupted half-way is finished before the state is shown. */
	progress_set(g->progress, g->seq, now_ns(), g->errors);
}

static void print_result(struct guest *g)
{
	samples_sort(&g->latency);
	printf("{\"name\": \"%s\", \"kind\": \"%s\", \"iterations\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"errors\": %" PRIu64
	       ", \"ns\": %" PRIu64, g->opt.name,
	       g->opt.kind == KIND_HASH ? "hash" : "sleeper", g->seq,
	       g->seq * g->opt.rounds * g->opt.bytes, g->errors,
	       now_ns() - g->start_ns);
	if (g->opt.kind == KIND_SLEEPER)
		printf(", \"wakes\": %zu, \"missed\": %" PRIu64
		       ", \"wake_p50_ns\": %" PRIu64 ", \"wake_p99_ns\": %" PRIu64
		       ", \"wake_max_ns\": %" PRIu64, g->latency.count,
		       g->missed, samples_at(&g->latency, 50),
		       samples_at(&g->latency, 99),
		       samples_at(&g->latency, 100));
	printf(", \"ok\": %s", g->errors || !g->seq ? "false" : "true");
	if (g->errors)
		printf(", \"why\": \"%s\"", g->why);
	printf("}\n");
	fflush(stdout);
}

static void usage(FILE *to)
{
	fprintf(to,
"usage: vmmguest --kind hash|sleeper [OPTION]...\n"
"Runs one guest on $VMM_DEV (/dev/vmm, else /dev/kvm) and checks its output.\n"
"  --name NAME      name of the guest and of the process (default: the kind)\n"
"  --seconds N      stop after N seconds (default: on SIGTERM)\n"
"  --period-us N    sleeper: one interrupt every N us (default 10000)\n"
"  --bytes N        memory the guest hashes (1 MiB; sleeper 4 KiB)\n"
"  --rounds N       rounds over it per line (default 1)\n"
"  --seed N         what its memory starts from\n"
"  --late-ms N      a line or wake-up later than that is an error (10000)\n"
"  --skip N         sleeper: the latencies of the first N periods do not count\n"
"  --progress FILE  keep lines, time and errors there (struct progress)\n"
"  --latency FILE   sleeper: append each wake-up latency there, ns, 8 bytes\n"
"  --backing KIND   small, thp, hugetlb or memfd (default small)\n"
"  --byte-io        guest sends its lines byte by byte, not by REP OUTSB\n"
"At the end one line of JSON. Exit status: 0 all lines right, 1 not, 2 usage.\n");
}

static int parse_backing(const char *word, enum kvmc_backing *backing)
{
	static const char * const names[] = {
		[KVMC_MEM_SMALL] = "small",
		[KVMC_MEM_THP] = "thp",
		[KVMC_MEM_HUGETLB] = "hugetlb",
		[KVMC_MEM_MEMFD] = "memfd",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(word, names[i])) {
			*backing = i;
			return 0;
		}
	}
	return -1;
}

/* A number from 1 to @max, or 0 when the text is no such thing. */
static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 0);
	return errno || *end || *text == '-' || v > max ? 0 : v;
}

static int parse_one(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'n':
		o->name = arg;
		return !*arg || strlen(arg) >= GUEST_NAME_LEN ||
		       strpbrk(arg, " \"\\\n");
	case 'k':
		o->kind = strcmp(arg, "sleeper") ? KIND_HASH : KIND_SLEEPER;
		return o->kind == KIND_HASH && strcmp(arg, "hash");
	case 's':
		o->run_ns = number(arg, 1000000) * NSEC;
		return !o->run_ns;
	case 'p':
		o->period_ns = number(arg, 100000000) * 1000;
		return !o->period_ns;
	case 'b':
		o->bytes = number(arg, 1ull << 30);
		return !o->bytes || o->bytes % 4096;
	case 'r':
		o->rounds = number(arg, 1000000);
		return !o->rounds;
	case 'S':
		o->seed = number(arg, UINT64_MAX);
		return !o->seed;
	case 'l':
		o->late_ns = number(arg, 1000000000) * 1000000;
		return !o->late_ns;
	case 'k' + 128:
		o->skip = number(arg, 1000000);
		return !o->skip;
	case 'P':
		o->progress = arg;
		return 0;
	case 'L':
		o->latency = arg;
		return 0;
	case 'B':
		return parse_backing(arg, &o->backing);
	case 'y':
		o->byte_io = 1;
		return 0;
	}
	return 1;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "name", 1, NULL, 'n' }, { "kind", 1, NULL, 'k' },
		{ "seconds", 1, NULL, 's' }, { "period-us", 1, NULL, 'p' },
		{ "bytes", 1, NULL, 'b' }, { "rounds", 1, NULL, 'r' },
		{ "seed", 1, NULL, 'S' }, { "late-ms", 1, NULL, 'l' },
		{ "progress", 1, NULL, 'P' }, { "latency", 1, NULL, 'L' },
		{ "backing", 1, NULL, 'B' }, { "skip", 1, NULL, 'k' + 128 },
		{ "byte-io", 0, NULL, 'y' }, { "help", 0, NULL, 'h' }, { }
	};
	int c, kind_given = 0;

	*o = (struct options) {
		.period_ns = 10000000,
		.late_ns = 10 * NSEC,
		.rounds = 1,
		.seed = 0x9e3779b97f4a7c15ull,
	};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			exit(0);
		}
		if (c == '?')
			return -1;
		if (parse_one(o, c, optarg)) {
			fprintf(stderr, "vmmguest: bad value '%s'\n", optarg);
			return -1;
		}
		kind_given |= c == 'k';
	}
	if (!kind_given || optind != argc)
		return -1;
	if (!o->name)
		o->name = o->kind == KIND_HASH ? "hash" : "sleeper";
	if (!o->bytes)
		o->bytes = o->kind == KIND_HASH ? 1 << 20 : 4096;
	return 0;
}

/* A file to write to from its start; -1 without a path. */
static int open_file(const char *path, int *fd)
{
	*fd = -1;
	if (!path)
		return 0;
	*fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	if (*fd < 0)
		fprintf(stderr, "vmmguest: %s: %s\n", path, strerror(errno));
	return *fd < 0;
}

int main(int argc, char **argv)
{
	static struct guest g;
	int ret;

	if (parse(&g.opt, argc, argv)) {
		usage(stderr);
		return 2;
	}
	prctl(PR_SET_NAME, g.opt.name);
	if (hash_selftest()) {
		fprintf(stderr, "vmmguest: the hash's shortcut is wrong\n");
		return 1;
	}
	if (samples_init(&g.latency, LATENCY_MAX)) {
		fprintf(stderr, "vmmguest: out of memory\n");
		return 1;
	}
	g.progress = progress_open(g.opt.progress);
	if (!g.progress) {
		fprintf(stderr, "vmmguest: %s: %s\n", g.opt.progress,
			strerror(errno));
		return 1;
	}
	if (open_file(g.opt.latency, &g.wakes))
		return 1;
	ret = start_guest(&g);
	if (!ret)
		ret = start_timers(&g);
	if (ret) {
		fprintf(stderr, "vmmguest: cannot start on %s: %s\n",
			kvmc_dev_path(), strerror(-ret));
		return 1;
	}
	run_guest(&g);
	print_result(&g);
	return g.errors || !g.seq;
}
