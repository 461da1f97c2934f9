// SPDX-License-Identifier: GPL-2.0
/*
 * linuxmove - a Linux guest is saved, restored and migrated by an unmodified QEMU
 *
 * The guest (linuxinit with linuxcheck) keeps a running hash over its memory and
 * prints it line by line; each line must be the one that follows, to the byte, on
 * whichever QEMU it comes from:
 *
 *	loadvm	 saved in the image of its disk, run on, loaded again in the same
 *		 process: it must print once more what it has printed since
 *	restart	 saved, run on, QEMU ended, loaded by a new one
 *	migrate	 live, to a second QEMU on the same machine, then on to a third...
 *	postcopy the same, but the guest goes on in the second QEMU before its memory
 *		 is there
 *
 * With a time between the moves instead of lines they begin at power-on, in the midst
 * of firmware and of a kernel that starts its processors.
 *
 * With a tap the guest also has a network, on the same tap wherever it runs.
 *
 * A guest that is stopped has sent all that it has written, so what its port has
 * given by then belongs to the state that is saved.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "kvmclient.h"
#include "qmp.h"

#define NSEC		1000000000ull
#define SEED		0x5eedull
#define ROUNDS		1
#define NAME		"linux"
#define FIRST_LINE_FACTOR 20	/* booting may take that many times longer */
#define POLL_MS		50
#define NETWORK_ENDS	"the network"	/* ... is done, or failed: said by guest-init */
#define NETWORK_S	60

struct options {
	int way;
	const char *dir, *disk, *machine, *irqchip, *bandwidth, *tap, *vhost, *append, *initrd;
	uint64_t cpus, mem_mib, times, every_ms, lines, bytes, late_ms;
};

/* One QEMU. */
struct qemu {
	pid_t pid;
	int serial;
	int qmp;
};

/* Where the guest stands, as far as its port tells. */
struct place {
	struct kvmc_serial line;
	struct hash_state expect;
	uint64_t seq;
};

/**
 * struct guest - one run
 * @opt:       what was asked
 * @qemu:      who runs it now
 * @tap:       file of the tap, shared by all QEMUs: only one of them runs
 * @started:   how many QEMUs there were
 * @at:        where it stands
 * @last_ns:   when the last line came
 * @net_ended: the guest's connection, one way or the other
 * @printed:   lines that came, those that came again too
 * @moves:     saves with their loads, or migrations
 * @live:      lines that came while a migration was under way
 * @late_pages: that the guest had to wait for in a postcopy
 * @passes:    over memory, by the dirty log, in all migrations
 * @down_ms:   longest time that a migration stopped the guest
 * @why:       the first thing that was wrong
 */
struct guest {
	struct options opt;
	struct qemu qemu;
	int tap;
	int started;
	struct place at;
	uint64_t last_ns;
	bool net_ended;
	uint64_t printed;
	uint64_t moves;
	uint64_t live;
	uint64_t late_pages;
	uint64_t passes;
	uint64_t down_ms;
	char why[QMP_REPLY_MAX + 64];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static int fail(struct guest *g, const char *what, const char *detail)
{
	if (!g->why[0])
		snprintf(g->why, sizeof(g->why), "%s %s", what, detail);
	return -1;
}

/* --- the guest's port ------------------------------------------------------------------- */

static int on_line(void *ctx, char *text)
{
	struct guest *g = ctx;
	size_t n = strlen(text);

	if (n && text[n - 1] == '\r')
		text[n - 1] = '\0';
	if (strncmp(text, NAME " ", sizeof(NAME))) {
		fprintf(stderr, "guest: %s\n", text);
		if (!strncmp(text, NETWORK_ENDS, strlen(NETWORK_ENDS)))
			g->net_ended = true;
		return 0;
	}
	g->last_ns = now_ns();
	g->printed++;
	g->at.seq++;
	hash_rounds(&g->at.expect, ROUNDS);
	if (!hash_line_matches(text, NAME, g->at.seq, g->at.expect.hash))
		fail(g, "wrong line:", text);
	return 0;
}

/* What the port has; waits for @ms at most. */
static int take(struct guest *g, int ms)
{
	struct pollfd p = { .fd = g->qemu.serial, .events = POLLIN };
	uint64_t limit = g->opt.late_ms * 1000000 * (g->printed ? 1 : FIRST_LINE_FACTOR);
	uint8_t bytes[512];
	ssize_t n;

	if (poll(&p, 1, ms) > 0) {
		n = read(g->qemu.serial, bytes, sizeof(bytes));
		if (n <= 0)
			return fail(g, "QEMU has ended", "");
		if (kvmc_serial_out(&g->at.line, bytes, n) == -E2BIG)
			g->at.line.len = 0;
	}
	if (now_ns() - g->last_ns > limit)
		return fail(g, "no line in time", "");
	return g->why[0] ? -1 : 0;
}

static int wait_lines(struct guest *g, uint64_t n)
{
	uint64_t end = g->printed + n;

	g->last_ns = now_ns();
	while (g->printed < end)
		if (take(g, POLL_MS))
			return -1;
	return 0;
}

/* Let it run for a while. */
static int wait_turn(struct guest *g)
{
	uint64_t end = now_ns() + g->opt.every_ms * 1000000;

	if (!g->opt.every_ms)
		return wait_lines(g, g->opt.lines);
	while (now_ns() < end)
		if (take(g, (end - now_ns()) / 1000000 + 1))
			return -1;
	return 0;
}

/* What a port of a guest that is stopped still holds. */
static int drain(struct guest *g)
{
	struct pollfd p = { .fd = g->qemu.serial, .events = POLLIN };

	while (poll(&p, 1, 0) > 0)
		if (take(g, 0))
			return -1;
	return 0;
}

/* --- QEMU ----------------------------------------------------------------------------- */

static void exec_qemu(struct guest *g, int out, const char *qmp, char **more)
{
	char accel[64], cpus[16], mem[16], kernel[256], initrd[256], drive[256], append[640];
	char netdev[64], *args[48], *fixed[] = {
		"qemu-system-x86_64", "-name", NAME ",process=" NAME,
		"-M", (char *)g->opt.machine, "-accel", accel, "-cpu", "host", "-smp", cpus,
		"-m", mem, "-L", (char *)g->opt.dir, "-nodefaults", "-display", "none",
		"-no-reboot", "-serial", "stdio", "-qmp", (char *)qmp, "-kernel", kernel,
		"-initrd", initrd, "-append", append, "-drive", drive,
		"-device", "virtio-blk-pci,drive=disk",
	};
	unsigned int n = sizeof(fixed) / sizeof(fixed[0]);

	snprintf(accel, sizeof(accel), "kvm,kernel-irqchip=%s", g->opt.irqchip);
	snprintf(cpus, sizeof(cpus), "%" PRIu64, g->opt.cpus);
	snprintf(mem, sizeof(mem), "%" PRIu64, g->opt.mem_mib);
	snprintf(kernel, sizeof(kernel), "%s/bzImage", g->opt.dir);
	snprintf(initrd, sizeof(initrd), "%s/%s", g->opt.dir, g->opt.initrd);
	snprintf(drive, sizeof(drive), "file=%s,if=none,id=disk", g->opt.disk);
	snprintf(append, sizeof(append),
		 "console=ttyS0 quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on "
		 "rdinit=/init vmmname=" NAME " vmmseed=%llu vmmbytes=%" PRIu64 " vmmcpus=%" PRIu64
		 " vmmrounds=%d vmmchecks=1 vmmdisk=/dev/vda %s",
		 SEED, g->opt.bytes, g->opt.cpus, ROUNDS, g->opt.append);
	memcpy(args, fixed, sizeof(fixed));
	if (g->opt.tap) {
		snprintf(netdev, sizeof(netdev), "tap,id=net,fd=%d,vhost=%s", g->tap,
			 g->opt.vhost);
		args[n++] = "-netdev";
		args[n++] = netdev;
		args[n++] = "-device";
		args[n++] = "virtio-net-pci,netdev=net,romfile=";
	}
	while (*more)
		args[n++] = *more++;
	args[n] = NULL;
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(args[0], args);
	fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

/* The tap, for QEMUs to inherit. */
static int open_tap(struct guest *g)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (!g->opt.tap)
		return 0;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", g->opt.tap);
	g->tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (g->tap < 0 || ioctl(g->tap, TUNSETIFF, &ifr))
		return fail(g, "tap:", strerror(errno));
	return 0;
}

/* @more: arguments of this one, NULL at the end. */
static int start_qemu(struct guest *g, struct qemu *q, char **more)
{
	char path[32], qmp[64];
	int ends[2];

	snprintf(path, sizeof(path), "qmp%d", g->started++);
	snprintf(qmp, sizeof(qmp), "unix:%s,server=on,wait=off", path);
	unlink(path);
	if (pipe2(ends, O_CLOEXEC))
		return fail(g, "pipe:", strerror(errno));
	q->pid = fork();
	if (!q->pid)
		exec_qemu(g, ends[1], qmp, more);
	close(ends[1]);
	q->serial = ends[0];
	q->qmp = q->pid < 0 ? -1 : qmp_open(path, 60000);
	return q->qmp < 0 ? fail(g, "QEMU does not start", "") : 0;
}

static void end_qemu(struct qemu *q)
{
	if (q->pid <= 0)
		return;
	kill(q->pid, SIGTERM);
	waitpid(q->pid, NULL, 0);
	close(q->serial);
	close(q->qmp);
	q->pid = 0;
}

static int command(struct guest *g, struct qemu *q, const char *text)
{
	char reply[QMP_REPLY_MAX], line[512];

	snprintf(line, sizeof(line), "{\"execute\": %s}", text);
	return qmp_command(q->qmp, line, reply) ? fail(g, text, reply) : 0;
}

static int monitor(struct guest *g, const char *text)
{
	char reply[QMP_REPLY_MAX];

	return qmp_monitor(g->qemu.qmp, text, reply) ? fail(g, text, reply) : 0;
}

/* Stop the guest, and read all that it has written. */
static int stop(struct guest *g)
{
	return command(g, &g->qemu, "\"stop\"") || drain(g) ? -1 : 0;
}

/* --- the ways ---------------------------------------------------------------------------- */

static int save(struct guest *g, struct place *saved)
{
	if (stop(g) || monitor(g, "savevm one"))
		return -1;
	*saved = g->at;
	return command(g, &g->qemu, "\"cont\"") || wait_turn(g);
}

static int move_loadvm(struct guest *g)
{
	struct place saved;

	if (save(g, &saved) || stop(g) || monitor(g, "loadvm one"))
		return -1;
	g->at = saved;
	return command(g, &g->qemu, "\"cont\"");
}

static int move_restart(struct guest *g)
{
	char *more[] = { "-S", "-loadvm", "one", NULL };
	struct place saved;

	if (save(g, &saved))
		return -1;
	end_qemu(&g->qemu);
	if (start_qemu(g, &g->qemu, more))
		return -1;
	g->at = saved;
	return command(g, &g->qemu, "\"cont\"");
}

/*
 * Follow a migration to its end, and what the guest prints meanwhile. Afterwards, and as
 * soon as it runs there (postcopy), @to is the guest's QEMU, and @from the one it was.
 */
static int follow(struct guest *g, struct qemu *to, struct qemu *from)
{
	uint64_t before = g->printed, down;
	char reply[QMP_REPLY_MAX];

	*from = g->qemu;
	do {
		if (take(g, POLL_MS) ||
		    qmp_command(from->qmp, "{\"execute\": \"query-migrate\"}", reply))
			return fail(g, "query-migrate:", reply);
		if (strstr(reply, "\"status\": \"failed\""))
			return fail(g, "migration:", reply);
		if (g->qemu.pid == from->pid && strstr(reply, "\"status\": \"postcopy-active\"")) {
			if (drain(g))
				return -1;
			g->qemu = *to;
		}
	} while (!strstr(reply, "\"status\": \"completed\""));
	if (g->qemu.pid == from->pid && drain(g))
		return -1;
	g->qemu = *to;
	g->live += g->printed - before;
	g->passes += qmp_number(reply, "dirty-sync-count");
	g->late_pages += qmp_number(reply, "postcopy-requests");
	down = qmp_number(reply, "downtime");
	if (down > g->down_ms)
		g->down_ms = down;
	return 0;
}

/* While the file MIGRATING is there, one is under way; MIGRATED: one has been. */
static int migrate(struct guest *g, bool postcopy)
{
	char *more[] = { "-incoming", "defer", NULL };
	static const char caps[] = "\"migrate-set-capabilities\", \"arguments\": "
		"{\"capabilities\": [{\"capability\": \"postcopy-ram\", \"state\": true}]}";
	static const char incoming[] =
		"\"migrate-incoming\", \"arguments\": {\"uri\": \"unix:migration\"}";
	static const char start[] =
		"\"migrate\", \"arguments\": {\"uri\": \"unix:migration\"}";
	struct qemu to = { }, from = g->qemu;
	char set[128];
	int r;

	snprintf(set, sizeof(set), "\"migrate-set-parameters\", "
		 "\"arguments\": {\"max-bandwidth\": %s}", g->opt.bandwidth);
	unlink("migration");
	r = start_qemu(g, &to, more) || command(g, &from, set) ||
	    (postcopy && (command(g, &from, caps) || command(g, &to, caps))) ||
	    command(g, &to, incoming);
	close(creat("MIGRATING", 0644));
	r = r || command(g, &from, start) ||
	    (postcopy && command(g, &from, "\"migrate-start-postcopy\"")) ||
	    follow(g, &to, &from);
	unlink("MIGRATING");
	close(creat("MIGRATED", 0644));
	end_qemu(g->qemu.pid == from.pid ? &to : &from);
	return r ? -1 : 0;
}

static int move_migrate(struct guest *g)
{
	return migrate(g, false);
}

static int move_postcopy(struct guest *g)
{
	return migrate(g, true);
}

static const struct {
	const char *name;
	int (*move)(struct guest *g);
} ways[] = {
	{ "loadvm", move_loadvm }, { "restart", move_restart },
	{ "migrate", move_migrate }, { "postcopy", move_postcopy }, { }
};

static int run(struct guest *g)
{
	char *none[] = { NULL };
	uint64_t end;

	if (open_tap(g) || start_qemu(g, &g->qemu, none) || wait_turn(g))
		return -1;
	while (g->moves < g->opt.times) {
		if (ways[g->opt.way].move(g) || wait_turn(g))
			return -1;
		g->moves++;
	}
	end = now_ns() + NETWORK_S * NSEC;
	while (g->opt.tap && !g->net_ended) {
		if (take(g, POLL_MS))
			return -1;
		if (now_ns() > end)
			return fail(g, "the network is not done", "");
	}
	return wait_lines(g, g->opt.lines);
}

/* --- the program ------------------------------------------------------------------------- */

static void usage(FILE *to)
{
	fprintf(to,
"usage: linuxmove HOW --dir DIR --disk FILE [OPTION]...\n"
"Runs DIR/bzImage with an initrd and the disk FILE (qcow2) under QEMU, and moves it.\n"
"  HOW              loadvm, restart, migrate or postcopy\n"
"  --times N        how often (default 1)\n"
"  --lines N        lines to wait for in each place (default 4)\n"
"  --every-ms N     time to wait for instead, from power-on\n"
"  --machine M      QEMU's machine (default pc)\n"
"  --irqchip HOW    kernel-irqchip: on, split (default on)\n"
"  --cpus N         vCPUs (default 1)\n"
"  --mem MIB        memory of the guest (default 128)\n"
"  --bytes N        memory that each round goes through (default 4 MiB)\n"
"  --bandwidth N    bytes per second of a migration (default 64 MiB)\n"
"  --tap NAME       a network device on this tap\n"
"  --vhost on       ... served by the host's kernel (default off)\n"
"  --initrd FILE    in DIR (default initrd)\n"
"  --append WORDS   more for the guest's command line\n"
"  --late-ms N      a line later than that is an error (30000)\n"
"Exit status: 0 all lines right, 1 not, 2 usage.\n");
}

#define TEXT(name, member)	{ name, offsetof(struct options, member), true }
#define NUMBER(name, member)	{ name, offsetof(struct options, member), false }
static const struct setting {
	const char *name;
	size_t offset;
	bool text;
} settings[] = {
	TEXT("--dir", dir), TEXT("--disk", disk), TEXT("--machine", machine),
	TEXT("--irqchip", irqchip), TEXT("--bandwidth", bandwidth), TEXT("--tap", tap),
	TEXT("--vhost", vhost), TEXT("--append", append), TEXT("--initrd", initrd),
	NUMBER("--times", times), NUMBER("--lines", lines), NUMBER("--cpus", cpus),
	NUMBER("--mem", mem_mib), NUMBER("--bytes", bytes), NUMBER("--every-ms", every_ms),
	NUMBER("--late-ms", late_ms), { }
};

static int set(struct options *o, const char *name, const char *value)
{
	const struct setting *s = settings;

	while (s->name && strcmp(s->name, name))
		s++;
	if (!s->name || !value)
		return -1;
	if (s->text)
		*(const char **)((char *)o + s->offset) = value;
	else
		*(uint64_t *)((char *)o + s->offset) = strtoull(value, NULL, 0);
	return 0;
}

static int parse(struct options *o, char **argv)
{
	*o = (struct options) {
		.machine = "pc", .irqchip = "on", .cpus = 1, .mem_mib = 128, .times = 1,
		.lines = 4, .bytes = 4 << 20, .late_ms = 30000, .bandwidth = "67108864",
		.vhost = "off", .append = "", .initrd = "initrd",
	};
	if (!*argv)
		return -1;
	while (ways[o->way].name && strcmp(ways[o->way].name, *argv))
		o->way++;
	while (*++argv) {
		if (set(o, argv[0], argv[1]))
			return -1;
		argv++;
	}
	return !ways[o->way].name || !o->dir || !o->disk || !o->cpus || !o->lines ||
	       !o->late_ms || !o->bytes ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct guest g;
	int bad;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (parse(&g.opt, argv + 1)) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	g.at.line.line = on_line;
	g.at.line.ctx = &g;
	hash_start(&g.at.expect, SEED, g.opt.bytes);
	g.last_ns = now_ns();
	bad = run(&g) || g.why[0];
	end_qemu(&g.qemu);
	printf("{\"how\": \"%s\", \"moves\": %" PRIu64 ", \"lines\": %" PRIu64 ", \"qemus\": %d, "
	       "\"live\": %" PRIu64 ", \"passes\": %" PRIu64 ", \"late_pages\": %" PRIu64
	       ", \"down_ms\": %" PRIu64 ", \"ok\": %s}\n", ways[g.opt.way].name, g.moves,
	       g.printed, g.started, g.live, g.passes, g.late_pages, g.down_ms,
	       bad ? "false" : "true");
	if (bad)
		printf("%s\n", g.why);
	return bad;
}
