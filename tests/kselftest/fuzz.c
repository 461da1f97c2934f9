// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz ioctl|netlink [SEED]: requests that no client should make.
 *
 * ioctl: every KVM ioctl on each of the three kinds of file, with arguments that
 * are random, all zeroes or ones, at the edges of values, half outside of mapped
 * memory, or not memory at all. Each must end, in success or with an errno; what
 * is no ioctl of the file gets ENOTTY; afterwards a new guest must work.
 *
 * netlink: messages to the family "vmm" that are cut short, overlong, wrongly
 * nested or random, as root; and, without privilege, requests to change
 * something, which must get EPERM. Afterwards a good request must be answered.
 *
 * Everything dangerous happens in a child that is killed when its time is up; that
 * it then dies is part of the test. Single-threaded; KVM_RUN is ended by a timer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vmm.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvmclient.h"

#define ROUNDS		8
#define ARG_BYTES	8192u
#define CHILD_SECONDS	20
#define NOBODY		65534

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return 1;
}

/* --- ioctls ---------------------------------------------------------------------- */

/* A struct of @bytes with nothing legible behind its end. */
static uint8_t *arg_area;

static void *fill_arg(unsigned int bytes, unsigned int how)
{
	static const uint64_t edges[] = {
		0, 1, ~0ull, 1ull << 63, (1ull << 63) - 1, 0xffffffffull, 0x80000000ull,
		0x7fffffffull, 0x1000, 0xfff, 1ull << 52, 0xffffffffull << 32
	};
	uint8_t *arg;
	unsigned int i;

	if (bytes > ARG_BYTES)
		bytes = ARG_BYTES;
	arg = arg_area + ARG_BYTES - bytes;
	for (i = 0; i < bytes; i++) {
		uint64_t e = edges[(rnd() >> 20) % (sizeof(edges) / sizeof(edges[0]))];

		switch (how % 5) {
		case 0:
			arg[i] = 0;
			break;
		case 1:
			arg[i] = 0xff;
			break;
		case 2:
			arg[i] = rnd() >> 32;
			break;
		case 3:
			arg[i] = e >> 8 * (i % 8);
			break;
		default:	/* mostly zeroes: passes the first checks */
			arg[i] = rnd() % 16 ? 0 : rnd() >> 32;
		}
	}
	return arg;
}

/* Those that some kernel has on some file. */
static const unsigned int known[] = {
	KVM_CREATE_VM, KVM_GET_MSR_INDEX_LIST, KVM_CHECK_EXTENSION,
	KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID,
	KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_SET_MEMORY_REGION, KVM_CREATE_VCPU,
	KVM_GET_DIRTY_LOG, KVM_SET_NR_MMU_PAGES, KVM_GET_NR_MMU_PAGES,
	KVM_SET_USER_MEMORY_REGION, KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR,
	KVM_CREATE_IRQCHIP, KVM_IRQ_LINE, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP,
	KVM_CREATE_PIT, KVM_GET_PIT, KVM_SET_PIT, KVM_IRQ_LINE_STATUS,
	KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO,
	KVM_SET_GSI_ROUTING, KVM_REINJECT_CONTROL, KVM_IRQFD, KVM_CREATE_PIT2,
	KVM_SET_BOOT_CPU_ID, KVM_IOEVENTFD, KVM_SET_CLOCK, KVM_GET_CLOCK,
	KVM_SET_TSC_KHZ, KVM_GET_TSC_KHZ, KVM_SIGNAL_MSI, KVM_GET_REGS, KVM_SET_REGS,
	KVM_GET_SREGS, KVM_SET_SREGS, KVM_TRANSLATE, KVM_INTERRUPT, KVM_GET_MSRS,
	KVM_SET_MSRS, KVM_SET_CPUID, KVM_SET_SIGNAL_MASK, KVM_GET_FPU, KVM_SET_FPU,
	KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_SET_CPUID2, KVM_GET_CPUID2,
	KVM_TPR_ACCESS_REPORTING, KVM_SET_VAPIC_ADDR, KVM_GET_MP_STATE,
	KVM_SET_MP_STATE, KVM_NMI, KVM_SET_GUEST_DEBUG, KVM_X86_SETUP_MCE,
	KVM_X86_GET_MCE_CAP_SUPPORTED, KVM_X86_SET_MCE, KVM_GET_VCPU_EVENTS,
	KVM_SET_VCPU_EVENTS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, KVM_ENABLE_CAP,
	KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XCRS, KVM_SET_XCRS, KVM_KVMCLOCK_CTRL,
	KVM_SMI, KVM_CREATE_DEVICE, KVM_GET_XSAVE2, KVM_GET_SREGS2, KVM_SET_SREGS2,
	KVM_GET_STATS_FD, KVM_CLEAR_DIRTY_LOG, KVM_RUN,
};

#define KNOWN	(sizeof(known) / sizeof(known[0]))
#define IOCTLS	(KNOWN + 1024)

/* First the known ones, then any number with any direction and size. */
static unsigned int nth_ioctl(unsigned int n)
{
	static const unsigned int sizes[] = { 0, 4, 8, 16, 24, 32, 64, 128, 136, 144, 312, 416,
					      512, 1024, 2336, 4096 };
	unsigned int left = n - KNOWN;

	if (n < KNOWN)
		return known[n];
	return _IOC(left & 3, KVMIO, (left >> 2) & 0xff,
		    sizes[rnd() % (sizeof(sizes) / sizeof(sizes[0]))]);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void one_ioctl(int fd, unsigned int cmd, unsigned int how)
{
	unsigned int bytes = _IOC_SIZE(cmd);
	unsigned long arg;

	if (!(how % 7)) {
		/* what is counted (MSRs, CPUID) needs more room than its head */
		arg = (unsigned long)fill_arg(bytes + 64 * (rnd() % 64), how / 7);
	} else if (!(how % 11)) {
		arg = rnd() >> (rnd() & 63);
	} else if (!(how % 13)) {
		arg = (unsigned long)arg_area + ARG_BYTES - bytes / 2;
	} else {
		arg = (unsigned long)fill_arg(bytes ? bytes : 1 + rnd() % 512, how);
		/* KVM_RUN and its like want 0 */
		if (_IOC_DIR(cmd) == _IOC_NONE && how % 3)
			arg = how % 4;
	}
	if (cmd == KVM_CREATE_VM) {
		int vm = ioctl(fd, cmd, arg);

		if (vm > 2)
			close(vm);
		return;
	}
	if (ioctl(fd, cmd, arg) < 0 && !errno)
		_exit(fail("ioctl %#x failed without an errno", cmd));
}

static int unknown_is_enotty(const int *fd)
{
	static const unsigned int none[] = {
		_IO(KVMIO, 0xfe), _IOWR(KVMIO, 0xfd, long), _IO('v', 1), 0, ~0u
	};
	unsigned int f, i;

	for (f = 0; f < 3; f++)
		for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
			if (ioctl(fd[f], none[i], 0) != -1 || errno != ENOTTY)
				return fail("file %u, ioctl %#x: %s, not ENOTTY", f, none[i],
					    strerror(errno));
	return 0;
}

static int ioctl_round(unsigned int round)
{
	struct itimerval t = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction act = { .sa_handler = on_alarm };
	struct kvmc_vcpu v;
	struct kvmc_vm vm;
	int fd[3], f;
	unsigned int n;

	rnd_state = 0x2545f4914f6cdd1dull * (round + 1);
	fd[0] = kvmc_dev_open(NULL);
	if (fd[0] < 0 || kvmc_vm_create(&vm, fd[0], GUEST_LOW_BYTES, KVMC_MEM_SMALL) ||
	    kvmc_vcpu_create(&v, &vm, 0) || ((round & 1) && kvmc_vcpu_payload(&v)))
		return fail("round %u: no VM", round);
	v.params->op = GOP_SPIN;
	fd[1] = vm.fd;
	fd[2] = v.fd;
	if (unknown_is_enotty(fd))
		return 1;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	for (n = 0; n < IOCTLS; n++)
		for (f = 0; f < 3; f++)
			one_ioctl(fd[f], nth_ioctl(n), n + 5 * round + f);
	for (n = 0; n < 1500; n++) {
		one_ioctl(fd[rnd() % 3], nth_ioctl(rnd() % KNOWN), rnd() % 1000);
		if (!(rnd() % 4))
			ioctl(v.fd, KVM_RUN, 0);
		/* A signal mask that blocks the timer would make a run endless. */
		ioctl(v.fd, KVM_SET_SIGNAL_MASK, NULL);
	}
	return 0;
}

/* Run @what(@n) in a child; it may be killed, but must be gone then. */
static int in_child(int (*what)(unsigned int), unsigned int n)
{
	int status, i;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		status = what(n);
		fflush(stdout);
		_exit(status);
	}
	for (i = 0; i < CHILD_SECONDS * 20; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			goto done;
		usleep(50000);
	}
	kill(pid, SIGKILL);
	for (i = 0; i < 200; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			printf("round %u: killed in the middle\n", n);
			return 0;
		}
		usleep(50000);
	}
	return fail("round %u: the process cannot be killed", n);
done:
	if (WIFSIGNALED(status))
		return fail("round %u: ended by signal %d", n, WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int good_guest(unsigned int unused)
{
	struct kvmc_vcpu v;
	struct kvmc_vm vm;
	int dev = kvmc_dev_open(NULL);

	(void)unused;
	if (dev < 0 || kvmc_vm_create(&vm, dev, GUEST_LOW_BYTES, KVMC_MEM_SMALL) ||
	    kvmc_vcpu_create(&v, &vm, 0) || kvmc_vcpu_payload(&v))
		return fail("afterwards: no VM");
	v.params->op = GOP_FIRST;
	if (kvmc_run(&v) != KVM_EXIT_IO || v.run->io.port != PORT_DONE)
		return fail("afterwards a guest does not run: exit %u", v.run->exit_reason);
	return 0;
}

static int fuzz_ioctl(unsigned int seed)
{
	unsigned int i;

	arg_area = mmap(NULL, ARG_BYTES + 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arg_area == MAP_FAILED || mprotect(arg_area + ARG_BYTES, 4096, PROT_NONE))
		return fail("no memory");
	for (i = 0; i < ROUNDS; i++)
		if (in_child(ioctl_round, seed + i))
			return 1;
	printf("rounds=%u ioctls=%zu\n", ROUNDS, ROUNDS * (IOCTLS * 3 + 1500));
	return in_child(good_guest, 0);
}

/* --- netlink ----------------------------------------------------------------------- */

struct message {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	uint8_t data[2048];
};

static int family;

static int nl_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };

	return fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) ? -1 : fd;
}

static void add(struct message *m, unsigned int type, const void *data, unsigned int len)
{
	struct nlattr a = { NLA_HDRLEN + len, type };
	uint8_t *at = (uint8_t *)m + m->head.nlmsg_len;

	memcpy(at, &a, sizeof(a));
	memcpy(at + NLA_HDRLEN, data, len);
	m->head.nlmsg_len += NLA_ALIGN(a.nla_len);
}

static void begin(struct message *m, unsigned int type, unsigned int cmd)
{
	memset(m, 0, sizeof(*m));
	m->head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	m->head.nlmsg_type = type;
	m->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->genl.cmd = cmd;
	m->genl.version = 1;
}

/*
 * Send what @m says it is, and read until the acknowledgement: its errno (0:
 * done), or -1 when there was no answer in time. @answer: a data message that came first.
 */
static int talk(int fd, struct message *m, struct message *answer)
{
	static uint8_t buf[65536];
	static uint32_t seq;
	struct pollfd p = { fd, POLLIN, 0 };

	m->head.nlmsg_seq = ++seq;
	if (send(fd, m, m->head.nlmsg_len, 0) < 0)
		return errno;
	while (poll(&p, 1, 3000) == 1) {
		int left = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (void *)buf;

		for (; left > 0 && NLMSG_OK(h, (unsigned int)left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type == NLMSG_DONE)	/* of a dump, with its errno */
				return -*(int *)NLMSG_DATA(h);
			if (answer)
				memcpy(answer, h, h->nlmsg_len < sizeof(*answer) ?
				       h->nlmsg_len : sizeof(*answer));
		}
	}
	return -1;
}

static int resolve(int fd)
{
	struct message m, answer = { };
	uint8_t *at = answer.data;

	begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add(&m, CTRL_ATTR_FAMILY_NAME, VMM_GENL_NAME, sizeof(VMM_GENL_NAME));
	if (talk(fd, &m, &answer))
		return 0;
	while (at < answer.data + 1024) {
		struct nlattr *a = (void *)at;

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(at + NLA_HDRLEN);
		if (a->nla_len < NLA_HDRLEN)
			return 0;
		at += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

static void set_request(struct message *m, const char *name)
{
	begin(m, family, VMM_CMD_SCHED_SET);
	add(m, VMM_ATTR_SCHED_NAME, name, strlen(name) + 1);
}

/* --- requests with known answers --------------------------------------------------- */

/** struct request - a message, and the errno that it deserves; 0: it is in order */
struct request {
	const char *what;
	unsigned int cmd;
	int want;
	struct {
		unsigned int type;
		const void *data;
		unsigned int len;
	} attr[3];
};

static const uint64_t zero, big = ~0ull;
static char endless[2000];

#define TEXT(type, text) { type, text, sizeof(text) }
#define SCHED(name) TEXT(VMM_ATTR_SCHED_NAME, name)
#define POOL(name) TEXT(VMM_ATTR_POOL_NAME, name)
#define NO_CPUS TEXT(VMM_ATTR_POOL_CPUS, "")

/* Each with one thing wrong. */
static const struct request wrong[] = {
	{ "unknown command", 200, EOPNOTSUPP, { } },
	{ "no scheduler named", VMM_CMD_SCHED_SET, EINVAL, { } },
	{ "scheduler name too long", VMM_CMD_SCHED_SET, EINVAL,
	  { SCHED("a_name_longer_than_any_is") } },
	{ "scheduler name without its end", VMM_CMD_SCHED_SET, EINVAL,
	  { { VMM_ATTR_SCHED_NAME, "def", 3 } } },
	{ "garbage instead of a parameter", VMM_CMD_SCHED_SET, EINVAL,
	  { SCHED("default"), { VMM_ATTR_SCHED_PARAM, &big, 8 } } },
	{ "empty parameter", VMM_CMD_SCHED_SET, EINVAL,
	  { SCHED("default"), { VMM_ATTR_SCHED_PARAM | NLA_F_NESTED, "", 0 } } },
	{ "parameter too short for an attribute", VMM_CMD_SCHED_SET, EINVAL,
	  { SCHED("default"), { VMM_ATTR_SCHED_PARAM, &big, 2 } } },
	{ "change of scheduler in no such pool", VMM_CMD_SCHED_SET, ENOENT,
	  { SCHED("default"), POOL("nowhere") } },
	{ "a dump asked for as a single request", VMM_CMD_SCHED_GET, EOPNOTSUPP, { } },
	{ "no VM named", VMM_CMD_VM_SET, EINVAL, { } },
	{ "no such VM", VMM_CMD_VM_SET, ENOENT, { { VMM_ATTR_VM_ID, &zero, 4 } } },
	{ "VM id of two bytes", VMM_CMD_VM_SET, EINVAL, { { VMM_ATTR_VM_ID, &big, 2 } } },
	{ "weight 0", VMM_CMD_VM_SET, ERANGE,
	  { { VMM_ATTR_VM_ID, &big, 4 }, { VMM_ATTR_VM_WEIGHT, &zero, 4 } } },
	{ "endless CPU list", VMM_CMD_VM_SET, EINVAL,
	  { { VMM_ATTR_VM_CPUS, endless, sizeof(endless) } } },
	{ "asked for no VM", VMM_CMD_VM_GET, EINVAL, { } },
	{ "asked for nothing", VMM_CMD_ASK, EINVAL, { } },
	{ "asked for it of no VM", VMM_CMD_ASK, EINVAL, { { VMM_ATTR_ASK, &zero, 4 } } },
	{ "asked for what there is not", VMM_CMD_ASK, ERANGE, { { VMM_ATTR_ASK, &big, 4 } } },
	{ "asked for it of a VM that is not there", VMM_CMD_ASK, ENOENT,
	  { { VMM_ATTR_ASK, &zero, 4 }, { VMM_ATTR_VM_ID, &big, 4 } } },
	{ "pool without a list of CPUs", VMM_CMD_POOL_ADD, EINVAL, { POOL("x") } },
	{ "pool with a number for a name", VMM_CMD_POOL_ADD, EINVAL, { POOL("7"), NO_CPUS } },
	{ "pool set without a change", VMM_CMD_POOL_SET, EINVAL,
	  { { VMM_ATTR_POOL_ID, &zero, 4 } } },
	{ "end of pool 0", VMM_CMD_POOL_DEL, EPERM, { { VMM_ATTR_POOL_ID, &zero, 4 } } },
	{ "end of no such pool", VMM_CMD_POOL_DEL, ENOENT, { POOL("nowhere") } },
	{ "no such pool", VMM_CMD_POOL_GET, ENOENT, { { VMM_ATTR_POOL_ID, &big, 4 } } },
	{ "history asked for as a single request", VMM_CMD_SCHED_HISTORY, EOPNOTSUPP, { } },
	{ "record of a breach that was none", VMM_CMD_SCHED_EXIT_GET, ENOENT, { } },
	{ "... in no such pool", VMM_CMD_SCHED_EXIT_GET, ENOENT, { POOL("nowhere") } },
	{ "... in a pool with an id of two bytes", VMM_CMD_SCHED_EXIT_GET, EINVAL,
	  { { VMM_ATTR_POOL_ID, &zero, 2 } } },
	{ "abort of nothing", VMM_CMD_SCHED_ABORT, ENOENT, { } },
	{ "change begun in no such pool", VMM_CMD_SCHED_BEGIN, ENOENT, { POOL("nowhere") } },
};

/* One after the other: a change is given up, and one ends with its pool. */
static const struct request steps[] = {
	{ "begin", VMM_CMD_SCHED_BEGIN, 0, { } },
	{ "begin twice", VMM_CMD_SCHED_BEGIN, EBUSY, { } },
	{ "abort", VMM_CMD_SCHED_ABORT, 0, { } },
	{ "abort twice", VMM_CMD_SCHED_ABORT, ENOENT, { } },
	{ "pool x", VMM_CMD_POOL_ADD, 0, { POOL("x"), NO_CPUS } },
	{ "begin there", VMM_CMD_SCHED_BEGIN, 0, { POOL("x") } },
	{ "end of pool x", VMM_CMD_POOL_DEL, 0, { POOL("x") } },
	{ "pool y in its place", VMM_CMD_POOL_ADD, 0, { POOL("y"), NO_CPUS } },
	{ "abort of what ended with pool x", VMM_CMD_SCHED_ABORT, ENOENT, { } },
	{ "end of pool y", VMM_CMD_POOL_DEL, 0, { POOL("y") } },
};

/* As nobody. */
static const struct request forbidden[] = {
	{ "sched set as nobody", VMM_CMD_SCHED_SET, EPERM, { SCHED("default") } },
	{ "begin as nobody", VMM_CMD_SCHED_BEGIN, EPERM, { } },
	{ "abort as nobody", VMM_CMD_SCHED_ABORT, EPERM, { } },
	{ "vm set as nobody", VMM_CMD_VM_SET, EPERM, { { VMM_ATTR_VM_ID, &zero, 4 } } },
	{ "a request as nobody", VMM_CMD_ASK, EPERM, { { VMM_ATTR_VM_ID, &zero, 4 } } },
	{ "pool del as nobody", VMM_CMD_POOL_DEL, EPERM, { { VMM_ATTR_POOL_ID, &zero, 4 } } },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int known_answers(int fd, const struct request *r, unsigned int n)
{
	struct message m;
	unsigned int i;
	int got;

	for (; n; n--, r++) {
		begin(&m, family, r->cmd);
		for (i = 0; i < COUNT(r->attr) && r->attr[i].data; i++)
			add(&m, r->attr[i].type, r->attr[i].data, r->attr[i].len);
		got = talk(fd, &m, NULL);
		if (got != r->want)
			return fail("%s: %s, not %s", r->what,
				    got < 0 ? "no answer" : strerror(got), strerror(r->want));
	}
	return 0;
}

/* A dump says what went wrong at its end. */
static int history_of_nowhere(int fd)
{
	struct message m;
	int got;

	begin(&m, family, VMM_CMD_SCHED_HISTORY);
	m.head.nlmsg_flags |= NLM_F_DUMP;
	add(&m, VMM_ATTR_POOL_NAME, "nowhere", sizeof("nowhere"));
	got = talk(fd, &m, NULL);
	return got == ENOENT ? 0 : fail("history in no such pool: %s, not ENOENT", strerror(got));
}

static int garbage(int fd)
{
	struct message m;
	unsigned int n, i, bytes;

	for (n = 0; n < 3000; n++) {
		set_request(&m, "default");
		m.genl.cmd = rnd() % (VMM_CMD_MAX + 3);
		if (n % 5 == 4)		/* dumps with arguments that they do not take */
			m.head.nlmsg_flags |= NLM_F_DUMP;
		m.head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + (n % 3 ? 0 : 12);
		for (i = rnd() % 6; i; i--) {
			uint8_t data[256];

			bytes = rnd() % (n % 2 ? 12 : 200);
			for (unsigned int b = 0; b < bytes; b++)
				data[b] = rnd() % 3 ? rnd() >> 40 : 0;
			add(&m, (rnd() % (VMM_ATTR_MAX + 3)) | (rnd() % 4 ? 0 : NLA_F_NESTED),
			    data, bytes);
		}
		if (!(n % 7))		/* the last attribute ends behind the message */
			m.head.nlmsg_len -= m.head.nlmsg_len > 40 ? rnd() % 16 : 0;
		if (talk(fd, &m, NULL) < 0)
			return fail("garbage %u, command %u: no answer", n, m.genl.cmd);
	}
	return 0;
}

static int without_privilege(unsigned int unused)
{
	int fd;

	(void)unused;
	if (setgid(NOBODY) || setuid(NOBODY))
		return fail("setuid: %s", strerror(errno));
	fd = nl_open();
	if (known_answers(fd, forbidden, COUNT(forbidden)))
		return 1;
	if (kvmc_dev_open("/dev/vmm") != -EACCES)
		return fail("nobody may open /dev/vmm");
	return garbage(fd);
}

static int fuzz_netlink(unsigned int seed)
{
	struct message m;
	int fd = nl_open(), got;

	rnd_state = 0x9e3779b97f4a7c15ull * (seed + 1);
	family = fd < 0 ? 0 : resolve(fd);
	if (!family)
		return fail("no family vmm");
	memset(endless, '1', sizeof(endless));
	if (known_answers(fd, wrong, COUNT(wrong)) || known_answers(fd, steps, COUNT(steps)) ||
	    history_of_nowhere(fd) || garbage(fd) || in_child(without_privilege, 0))
		return 1;
	set_request(&m, "default");
	got = talk(fd, &m, NULL);
	return got ? fail("afterwards a good request: %s", strerror(got)) : 0;
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;

	if (argc > 1 && !strcmp(argv[1], "ioctl"))
		return fuzz_ioctl(seed);
	if (argc > 1 && !strcmp(argv[1], "netlink"))
		return fuzz_netlink(seed);
	fprintf(stderr, "usage: fuzz ioctl|netlink [SEED]\n");
	return 2;
}
