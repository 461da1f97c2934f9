// SPDX-License-Identifier: GPL-2.0
/*
 * linuxguest - a Linux guest under an unmodified QEMU, its output checked
 *
 * Starts QEMU on DIR/bzImage and DIR/initrd (DIR also holds the firmware), or on
 * another kernel, or on a disk that the firmware boots from; reads the guest's
 * serial port, and checks each report line as vmmguest does for our own guests.
 * What else the guest prints is passed on to standard error.
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
#include <stdarg.h>
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
#define MSEC		1000000ull
#define BYTES		(1u << 20)
#define SEED		0x5eedull
#define FIRST_LINE_FACTOR 20	/* booting may take that many times longer */
#define ARGS_MAX	40

/* What the guest's kernel, and through it its process 1, is told. */
#define GUEST_WORDS	"console=ttyS0 quiet panic=-1 %s rdinit=/init vmmname=%s vmmseed=%llu " \
			"vmmbytes=%u vmmcpus=%" PRIu64 " vmmrounds=%" PRIu64 " vmmsteal=%d"
#define GUEST_VALUES(o)	(o)->append, (o)->name, SEED, BYTES, (o)->cpus, (o)->rounds, \
			(o)->steal

struct options {
	const char *name;
	const char *dir;
	const char *qemu;
	const char *firmware;
	const char *kernel;
	const char *initrd;
	const char *disk;
	const char *device;
	const char *append;
	const char *progress;
	uint64_t late_ns;
	uint64_t boot_ns;
	uint64_t run_ns;
	uint64_t rounds;
	uint64_t mem_mib;
	const char *machine;
	const char *irqchip;
	uint64_t cpus;
	uint64_t lines;
	int words_only;
	int steal;
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
	if (g->opt.steal && !strncmp(text, "steal ", 6)) {
		__atomic_store_n(&g->progress->steal_ms, strtoull(text + 6, NULL, 10),
				 __ATOMIC_RELAXED);
		return 0;
	}
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

/* What QEMU is called with. The strings live as long as the process. */
struct command {
	char *words[ARGS_MAX];
	int n;
};

__attribute__((format(printf, 2, 3)))
static void word(struct command *c, const char *format, ...)
{
	va_list args;

	if (c->n == ARGS_MAX - 1)
		_exit(126);
	va_start(args, format);
	if (vasprintf(&c->words[c->n++], format, args) < 0)
		_exit(126);
	va_end(args);
}

static void machine_words(struct command *c, const struct options *o)
{
	word(c, "%s", o->qemu);
	word(c, "-name");
	word(c, "%s,process=%s", o->name, o->name);
	word(c, "-M");
	word(c, "%s", o->machine);
	word(c, "-accel");
	word(c, "kvm,kernel-irqchip=%s%s%s", o->irqchip, o->device ? ",device=" : "",
	     o->device ? o->device : "");
	word(c, "-smp");
	word(c, "%" PRIu64, o->cpus);
	word(c, "-cpu");
	/* Without an APIC in the kernel QEMU 7.2 aborts when the guest uses KVM's. */
	word(c, "%s", strcmp(o->irqchip, "off") ? "host" : "host,kvm=off");
	word(c, "-m");
	word(c, "%" PRIu64, o->mem_mib);
	word(c, "-L");
	word(c, "%s", o->firmware ? o->firmware : o->dir);
	for (const char *const *w = (const char *const []) { "-nodefaults", "-display", "none",
			"-no-reboot", "-serial", "stdio", NULL }; *w; w++)
		word(c, "%s", *w);
}

/* A disk has its own boot loader, with the words for its kernel. */
static void boot_words(struct command *c, const struct options *o)
{
	if (o->disk) {
		word(c, "-drive");
		word(c, "file=%s,if=virtio,format=raw", o->disk);
		return;
	}
	word(c, "-kernel");
	word(c, o->kernel ? "%s" : "%s/bzImage", o->kernel ? o->kernel : o->dir);
	word(c, "-initrd");
	word(c, o->initrd ? "%s" : "%s/initrd", o->initrd ? o->initrd : o->dir);
	word(c, "-append");
	word(c, GUEST_WORDS, GUEST_VALUES(o));
}

static void exec_qemu(struct guest *g, int out)
{
	struct command c = { .n = 0 };

	machine_words(&c, &g->opt);
	boot_words(&c, &g->opt);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(g->opt.qemu, c.words);
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
	uint64_t limit = g->seq ? g->opt.late_ns : g->opt.boot_ns;

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
"  --boot-ms N      the first line may take that long (20 times the above)\n"
"  --mem MIB        memory of the guest (default 64)\n"
"  --machine M      QEMU's machine (default pc)\n"
"  --irqchip HOW    kernel-irqchip: on, split, off (default off)\n"
"  --cpus N         vCPUs, and the guest must see as many (default 1)\n"
"  --lines N        stop after N lines\n"
"  --steal          note in FILE of --progress what the guest says is stolen\n"
"  --words          only say what the guest's kernel would be told\n"
"  --qemu PROGRAM   default qemu-system-x86_64\n"
"  --device NODE    the node that QEMU opens (QEMU 9 and later; /dev/kvm)\n"
"  --firmware DIR   where QEMU's firmware is (DIR of --dir)\n"
"  --kernel FILE    instead of DIR/bzImage; --initrd FILE: of DIR/initrd\n"
"  --append WORDS   for the kernel, instead of what makes ours fast\n"
"  --disk FILE      the firmware boots this raw disk, on virtio-blk, instead\n"
"  --progress FILE  keep lines, time and errors there (struct progress)\n"
"Exit status: 0 all lines right, 1 not, 2 usage.\n");
}

static int sane(const struct options *o)
{
	return o->name && *o->name && !strpbrk(o->name, " ,\"") && o->dir && o->rounds &&
	       o->late_ns && o->mem_mib >= 16 && o->cpus;
}

/* Each option is a text or a number times a unit. */
static int parse(struct options *o, int argc, char **argv)
{
	const struct {
		const char *name;
		const char **text;
		uint64_t *number;
		uint64_t unit;
	} all[] = {
		{ "name", .text = &o->name }, { "dir", .text = &o->dir },
		{ "qemu", .text = &o->qemu }, { "firmware", .text = &o->firmware },
		{ "kernel", .text = &o->kernel }, { "initrd", .text = &o->initrd },
		{ "append", .text = &o->append }, { "disk", .text = &o->disk },
		{ "device", .text = &o->device }, { "machine", .text = &o->machine },
		{ "irqchip", .text = &o->irqchip }, { "progress", .text = &o->progress },
		{ "seconds", .number = &o->run_ns, .unit = NSEC },
		{ "late-ms", .number = &o->late_ns, .unit = MSEC },
		{ "boot-ms", .number = &o->boot_ns, .unit = MSEC },
		{ "rounds", .number = &o->rounds, .unit = 1 },
		{ "lines", .number = &o->lines, .unit = 1 },
		{ "mem", .number = &o->mem_mib, .unit = 1 },
		{ "cpus", .number = &o->cpus, .unit = 1 },
	};
	const int n = sizeof(all) / sizeof(all[0]);
	struct option longs[sizeof(all) / sizeof(all[0]) + 4] = { };
	int c, i;

	for (i = 0; i < n; i++)
		longs[i] = (struct option) { all[i].name, 1, NULL, 0 };
	longs[n] = (struct option) { "words", 0, NULL, 'w' };
	longs[n + 1] = (struct option) { "steal", 0, NULL, 'S' };
	longs[n + 2] = (struct option) { "help", 0, NULL, 'h' };
	*o = (struct options) {
		.qemu = "qemu-system-x86_64", .late_ns = 10 * NSEC,
		.rounds = 4, .mem_mib = 64,
		.machine = "pc", .irqchip = "off", .cpus = 1,
		.append = "mitigations=off nokaslr random.trust_cpu=on",
	};
	while ((c = getopt_long(argc, argv, "h", longs, &i)) != -1) {
		if (c == 'h') {
			usage(stdout);
			exit(0);
		}
		if (c == 'w')
			o->words_only = 1;
		else if (c == 'S')
			o->steal = 1;
		else if (c)
			return -1;
		else if (all[i].text)
			*all[i].text = optarg;
		else
			*all[i].number = strtoull(optarg, NULL, 0) * all[i].unit;
	}
	if (!o->boot_ns)
		o->boot_ns = o->late_ns * FIRST_LINE_FACTOR;
	return optind == argc && sane(o) ? 0 : -1;
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
	if (g.opt.words_only) {
		printf(GUEST_WORDS "\n", GUEST_VALUES(&g.opt));
		return 0;
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
