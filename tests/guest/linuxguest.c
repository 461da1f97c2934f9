// SPDX-License-Identifier: GPL-2.0
/*
 * linuxguest - a Linux guest under an unmodified QEMU, its output checked
 *
 * Starts QEMU with interrupt controllers in user space (kernel-irqchip=off) and
 * one vCPU on DIR/bzImage and DIR/initrd (DIR also holds the firmware), reads the
 * guest's serial port, and checks each report line as vmmguest does for our own
 * guests. What else the guest prints is passed on to standard error.
 *
 * QEMU's process name, and so its VM's, is the guest's name.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "kvmclient.h"
#include "progress.h"

#define NSEC		1000000000ull
#define BYTES		(1u << 20)
#define SEED		0x5eedull
#define FIRST_LINE_FACTOR 20	/* booting may take that many times longer */

struct options {
	const char *name;
	const char *dir;
	const char *qemu;
	const char *progress;
	uint64_t late_ns;
	uint64_t run_ns;
	uint64_t rounds;
	int mem_mib;
	const char *machine;
	const char *irqchip;
	int cpus;
	uint64_t lines;
};

/**
 * struct guest - one run
 * @opt: what was asked
 * @qemu: QEMU's process
 * @serial: the guest's serial port, our end
 * @line: collects its lines
 * @expect: what the next report must say
 * @seq: reports seen
 * @errors: wrong or late ones
 * @why: the first error in words
 * @last_ns: when the last report came
 * @progress: mapped file that tells how far we are
 */
struct guest {
	struct options opt;
	pid_t qemu;
	int serial;
	struct kvmc_serial line;
	struct hash_state expect;
	uint64_t seq;
	uint64_t errors;
	char why[KVMC_LINE_MAX + 64];
	uint64_t last_ns;
	struct progress *progress;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static void fail(struct guest *g, const char *what, const char *detail)
{
	if (!g->errors++)
		snprintf(g->why, sizeof(g->why), "%s %s", what, detail);
}

static int on_line(void *ctx, char *text)
{
	struct guest *g = ctx;
	size_t n = strlen(text), name = strlen(g->opt.name);

	if (n && text[n - 1] == '\r')
		text[n - 1] = '\0';
	if (strncmp(text, g->opt.name, name) || text[name] != ' ') {
		fprintf(stderr, "%s: %s\n", g->opt.name, text);
		return 0;
	}
	g->last_ns = now_ns();
	g->seq++;
	hash_rounds(&g->expect, g->opt.rounds);
	if (!hash_line_matches(text, g->opt.name, g->seq, g->expect.hash))
		fail(g, "wrong line:", text);
	progress_set(g->progress, g->seq, g->last_ns, g->errors);
	return 0;
}

static void exec_qemu(struct guest *g, int out)
{
	char kernel[256], initrd[256], append[512], name[128], mem[16], accel[64], cpus[16];

	snprintf(kernel, sizeof(kernel), "%s/bzImage", g->opt.dir);
	snprintf(initrd, sizeof(initrd), "%s/initrd", g->opt.dir);
	snprintf(name, sizeof(name), "%s,process=%s", g->opt.name, g->opt.name);
	snprintf(mem, sizeof(mem), "%d", g->opt.mem_mib);
	snprintf(accel, sizeof(accel), "kvm,kernel-irqchip=%s", g->opt.irqchip);
	snprintf(cpus, sizeof(cpus), "%d", g->opt.cpus);
	snprintf(append, sizeof(append),
		 "console=ttyS0 quiet panic=-1 mitigations=off nokaslr "
		 "random.trust_cpu=on rdinit=/init vmmname=%s vmmseed=%llu "
		 "vmmbytes=%u vmmcpus=%d vmmrounds=%" PRIu64, g->opt.name, SEED, BYTES,
		 g->opt.cpus, g->opt.rounds);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Without an APIC in the kernel QEMU 7.2 aborts when the guest uses KVM's. */
	execlp(g->opt.qemu, g->opt.qemu, "-name", name, "-M", g->opt.machine,
	       "-accel", accel, "-smp", cpus,
	       "-cpu", strcmp(g->opt.irqchip, "off") ? "host" : "host,kvm=off",
	       "-L", g->opt.dir, "-m", mem, "-nodefaults", "-display", "none", "-no-reboot",
	       "-serial", "stdio", "-kernel", kernel, "-initrd", initrd,
	       "-append", append, NULL);
	fprintf(stderr, "%s: %s\n", g->opt.qemu, strerror(errno));
	_exit(127);
}

static int start(struct guest *g)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	g->qemu = fork();
	if (g->qemu < 0)
		return -errno;
	if (!g->qemu)
		exec_qemu(g, ends[1]);
	close(ends[1]);
	g->serial = ends[0];
	g->line.line = on_line;
	g->line.ctx = g;
	hash_start(&g->expect, SEED, BYTES);
	return 0;
}

static void check_late(struct guest *g)
{
	uint64_t limit = g->opt.late_ns * (g->seq ? 1 : FIRST_LINE_FACTOR);

	if (now_ns() - g->last_ns > limit)
		fail(g, "no line in time", "");
}

static void watch(struct guest *g)
{
	struct pollfd p = { .fd = g->serial, .events = POLLIN };
	uint64_t end = now_ns() + g->opt.run_ns;
	uint8_t bytes[512];
	ssize_t n;

	g->last_ns = now_ns();
	while (!stop_asked && !g->errors && (!g->opt.lines || g->seq < g->opt.lines)) {
		if (g->opt.run_ns && now_ns() >= end)
			break;
		if (poll(&p, 1, 250) < 0 && errno != EINTR)
			break;
		check_late(g);
		if (!p.revents)
			continue;
		n = read(g->serial, bytes, sizeof(bytes));
		if (n <= 0) {
			fail(g, "QEMU has ended", "");
			break;
		}
		if (kvmc_serial_out(&g->line, bytes, n) == -E2BIG)
			g->line.len = 0;
	}
	progress_set(g->progress, g->seq, now_ns(), g->errors);
}

static void usage(FILE *to)
{
	fprintf(to,
"usage: linuxguest --name NAME --dir DIR [OPTION]...\n"
"Runs DIR/bzImage with DIR/initrd under QEMU and checks its output.\n"
"  --seconds N      stop after N seconds (default: on SIGTERM)\n"
"  --rounds N       rounds over 1 MiB per line (default 4)\n"
"  --late-ms N      a line later than that is an error (10000)\n"
"  --mem MIB        memory of the guest (default 64)\n"
"  --machine M      QEMU's machine (default pc)\n"
"  --irqchip HOW    kernel-irqchip: on, split, off (default off)\n"
"  --cpus N         vCPUs, and the guest must see as many (default 1)\n"
"  --lines N        stop after N lines\n"
"  --qemu PROGRAM   default qemu-system-x86_64\n"
"  --progress FILE  keep lines, time and errors there (struct progress)\n"
"Exit status: 0 all lines right, 1 not, 2 usage.\n");
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "name", 1, NULL, 'n' }, { "dir", 1, NULL, 'd' },
		{ "seconds", 1, NULL, 's' }, { "rounds", 1, NULL, 'r' },
		{ "late-ms", 1, NULL, 'l' }, { "mem", 1, NULL, 'm' },
		{ "qemu", 1, NULL, 'q' }, { "progress", 1, NULL, 'P' },
		{ "machine", 1, NULL, 'M' }, { "irqchip", 1, NULL, 'i' },
		{ "cpus", 1, NULL, 'c' }, { "lines", 1, NULL, 'L' },
		{ "help", 0, NULL, 'h' }, { }
	};
	int c;

	*o = (struct options) {
		.qemu = "qemu-system-x86_64", .late_ns = 10 * NSEC,
		.rounds = 4, .mem_mib = 64,
		.machine = "pc", .irqchip = "off", .cpus = 1,
	};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->name = optarg;
			break;
		case 'd':
			o->dir = optarg;
			break;
		case 's':
			o->run_ns = strtoull(optarg, NULL, 0) * NSEC;
			break;
		case 'r':
			o->rounds = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			o->late_ns = strtoull(optarg, NULL, 0) * 1000000;
			break;
		case 'm':
			o->mem_mib = atoi(optarg);
			break;
		case 'q':
			o->qemu = optarg;
			break;
		case 'P':
			o->progress = optarg;
			break;
		case 'M':
			o->machine = optarg;
			break;
		case 'i':
			o->irqchip = optarg;
			break;
		case 'c':
			o->cpus = atoi(optarg);
			break;
		case 'L':
			o->lines = strtoull(optarg, NULL, 0);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			return -1;
		}
	}
	return !o->name || !*o->name || strpbrk(o->name, " ,\"") || !o->dir ||
	       !o->rounds || !o->late_ns || o->mem_mib < 16 || o->cpus < 1 || optind != argc ?
	       -1 : 0;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	static struct guest g;
	int ret;

	if (parse(&g.opt, argc, argv)) {
		usage(stderr);
		return 2;
	}
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	g.progress = progress_open(g.opt.progress);
	if (!g.progress) {
		perror(g.opt.progress);
		return 1;
	}
	ret = start(&g);
	if (ret) {
		fprintf(stderr, "linuxguest: %s\n", strerror(-ret));
		return 1;
	}
	watch(&g);
	kill(g.qemu, SIGTERM);
	waitpid(g.qemu, NULL, 0);
	printf("{\"name\": \"%s\", \"kind\": \"linux\", \"iterations\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"ok\": %s",
	       g.opt.name, g.seq, g.seq * g.opt.rounds * BYTES, g.errors,
	       g.errors || !g.seq ? "false" : "true");
	if (g.errors)
		printf(", \"why\": \"%s\"", g.why);
	printf("}\n");
	return g.errors || !g.seq;
}
