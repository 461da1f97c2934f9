// SPDX-License-Identifier: GPL-2.0
/*
 * How long a change of scheduler holds up a pCPU on which guests run.
 *
 * Guests of ours spin, one thread for each vCPU, all on one pCPU, while the
 * schedulers take turns at being active. A sample is what the kernel's answer
 * says: the longest time that the lock of a pCPU was held. The answer also says
 * how many vCPUs were carried over queued or running: a swap counts only when
 * that is all of them. In mode cease they are out of their guests, and a sample
 * is the longest time that one of them was kept out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vmm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define VCPUS_PER_VM	16u	/* GUEST_MAX_VCPUS: the guest's memory has room for so many */
#define MAX_VMS		4u
#define MAX_TRIES	10u	/* per sample */
#define NS_PER_TICK	10u	/* the emulated machine's clock: 100 MHz */

/* --- netlink ------------------------------------------------------------------ */

/**
 * struct message - one netlink message
 * @head: of netlink
 * @genl: of generic netlink
 * @data: attributes
 */
struct message {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	uint8_t data[4096];
};

/**
 * struct swap_answer - what the kernel says that a swap did
 * @pause: ticks
 * @kept_out: ns that a runnable vCPU was kept out, mode cease
 * @carried: vCPUs that were queued or running
 * @forced: guests made to leave
 */
struct swap_answer {
	uint64_t pause;
	uint64_t kept_out;
	uint32_t carried;
	uint32_t forced;
};

static void ask(struct message *m, int type, int cmd, int attr, const char *text)
{
	struct nlattr a = { NLA_HDRLEN + strlen(text) + 1, attr };

	memset(m, 0, sizeof(*m));
	m->head.nlmsg_type = type;
	m->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->genl.cmd = cmd;
	m->genl.version = VMM_GENL_VERSION;
	memcpy(m->data, &a, sizeof(a));
	strcpy((char *)m->data + NLA_HDRLEN, text);
	m->head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + NLA_ALIGN(a.nla_len);
}

static void add_u32(struct message *m, int attr, uint32_t val)
{
	struct nlattr a = { NLA_HDRLEN + sizeof(val), attr };
	uint8_t *at = (uint8_t *)m + m->head.nlmsg_len;

	memcpy(at, &a, sizeof(a));
	memcpy(at + NLA_HDRLEN, &val, sizeof(val));
	m->head.nlmsg_len += NLA_ALIGN(a.nla_len);
}

/* Send @m; @m becomes the answer, or is left without attributes. */
static int talk(int fd, struct message *m)
{
	struct message got;
	ssize_t len;

	if (send(fd, m, m->head.nlmsg_len, 0) < 0)
		return -errno;
	memset(m, 0, sizeof(*m));
	for (;;) {
		struct nlmsghdr *h = &got.head;

		memset(&got, 0, sizeof(got));
		len = recv(fd, &got, sizeof(got), 0);
		if (len < 0)
			return -errno;
		for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			memcpy(m, h, h->nlmsg_len);
		}
	}
}

/* The attribute @type among @bytes at @at; NULL: none. */
static const struct nlattr *find(const void *at, size_t bytes, int type)
{
	const uint8_t *p = at, *end = p + bytes;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)p;

		if (a->nla_len < NLA_HDRLEN)
			break;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static uint64_t number(const struct nlattr *in, int type)
{
	const uint8_t *at = (const uint8_t *)in + NLA_HDRLEN;
	const struct nlattr *a = find(at, in->nla_len - NLA_HDRLEN, type);
	uint64_t val = 0;
	size_t bytes;

	if (!a)
		return 0;
	bytes = a->nla_len - NLA_HDRLEN;
	memcpy(&val, (const uint8_t *)a + NLA_HDRLEN,
	       bytes < sizeof(val) ? bytes : sizeof(val));
	return val;
}

/* Connect; the family's number is returned through @family. */
static int nl_open(int *family)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	const struct nlattr *a;
	struct message m;
	int fd, ret;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	ret = bind(fd, (void *)&addr, sizeof(addr)) ? -errno : 0;
	if (!ret) {
		ask(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
		    CTRL_ATTR_FAMILY_NAME, VMM_GENL_NAME);
		ret = talk(fd, &m);
	}
	if (!ret) {
		a = find(m.data, sizeof(m.data), CTRL_ATTR_FAMILY_ID);
		if (a)
			*family = *(const uint16_t *)(a + 1);
		else
			ret = -EPROTO;
	}
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int swap_to(int fd, int family, const char *name, uint32_t mode,
		   struct swap_answer *did)
{
	const struct nlattr *a;
	struct message m;
	int ret;

	ask(&m, family, VMM_CMD_SCHED_SET, VMM_ATTR_SCHED_NAME, name);
	add_u32(&m, VMM_ATTR_SWAP_MODE, mode);
	ret = talk(fd, &m);
	if (ret)
		return ret;
	a = find(m.data, sizeof(m.data), VMM_ATTR_SWAP);
	if (!a)
		return -EPROTO;
	did->pause = number(a, VMM_SWAP_PAUSE_MAX_TICKS);
	did->kept_out = number(a, VMM_SWAP_VCPU_PAUSE_MAX_NS);
	did->forced = number(a, VMM_SWAP_FORCED_OUT);
	did->carried = number(a, VMM_SWAP_QUEUED) + number(a, VMM_SWAP_RUNNING);
	return 0;
}

/* --- guests --------------------------------------------------------------------- */

static volatile int stopping;

/**
 * struct guest - a vCPU and its thread
 * @vcpu: the vCPU
 * @thread: runs it until told to stop
 * @ret: what ended it before
 */
struct guest {
	struct kvmc_vcpu vcpu;
	pthread_t thread;
	int ret;
};

/**
 * struct herd - all of them
 * @vms: how many VMs there are
 * @vm: the VMs
 * @made: how many vCPUs there are
 * @running: how many of them have a thread
 * @g: the vCPUs
 */
struct herd {
	unsigned int vms;
	struct kvmc_vm vm[MAX_VMS];
	unsigned int made;
	unsigned int running;
	struct guest g[MAX_VMS * VCPUS_PER_VM];
};

static void *run_guest(void *arg)
{
	struct guest *g = arg;

	while (!stopping) {
		g->ret = kvmc_run(&g->vcpu);
		if (g->ret != -EINTR)
			break;
		g->ret = 0;
	}
	return NULL;
}

static void on_signal(int signal)
{
	(void)signal;
}

static int herd_make(struct herd *h, int dev, unsigned int vcpus)
{
	struct guest *g;
	int ret;

	for (; h->made < vcpus; h->made++) {
		if (h->made % VCPUS_PER_VM == 0) {
			ret = kvmc_vm_create(&h->vm[h->vms], dev, GUEST_LOW_BYTES,
					     KVMC_MEM_SMALL);
			if (ret)
				return ret;
			h->vms++;
		}
		g = &h->g[h->made];
		ret = kvmc_vcpu_create(&g->vcpu, &h->vm[h->vms - 1],
				       h->made % VCPUS_PER_VM);
		if (ret)
			return ret;
		ret = kvmc_vcpu_payload(&g->vcpu);
		if (ret) {
			kvmc_vcpu_destroy(&g->vcpu);
			return ret;
		}
		g->vcpu.params->op = GOP_SPIN;
	}
	return 0;
}

static int herd_start(struct herd *h)
{
	struct sigaction act = { .sa_handler = on_signal };
	int ret;

	stopping = 0;
	sigaction(SIGUSR1, &act, NULL);
	for (; h->running < h->made; h->running++) {
		ret = pthread_create(&h->g[h->running].thread, NULL, run_guest,
				     &h->g[h->running]);
		if (ret)
			return -ret;
	}
	return 0;
}

/* Ends all; what ended a guest that nobody told to stop. */
static int herd_end(struct herd *h)
{
	unsigned int i;
	int ret = 0;

	stopping = 1;
	for (i = 0; i < h->running; i++) {
		h->g[i].vcpu.run->immediate_exit = 1;
		pthread_kill(h->g[i].thread, SIGUSR1);
	}
	for (i = 0; i < h->running; i++) {
		pthread_join(h->g[i].thread, NULL);
		if (h->g[i].ret)
			ret = h->g[i].ret < 0 ? h->g[i].ret : -EFAULT;
	}
	while (h->made--)
		kvmc_vcpu_destroy(&h->g[h->made].vcpu);
	while (h->vms--)
		kvmc_vm_destroy(&h->vm[h->vms]);
	return ret;
}

static int swaps(const struct bench *b, int fd, int family, struct samples *s)
{
	static const char * const names[] = { "rr", "bvt", "credit", "default" };
	const uint32_t vcpus = b->arg & ~BENCH_SWAP_CEASE;
	const int cease = !!(b->arg & BENCH_SWAP_CEASE);
	unsigned int i, tries = MAX_TRIES * b->samples;
	struct swap_answer did;
	int ret = 0;

	for (i = 0; !ret && s->seen < b->samples; i++) {
		usleep(2000);	/* some decisions in between */
		ret = swap_to(fd, family, names[i % 4], cease ? VMM_SWAP_CEASE : VMM_SWAP_LIVE,
			      &did);
		if (!ret && i >= tries)
			ret = -ETIMEDOUT;	/* some vCPU never gets there */
		if (!ret && !cease && did.forced)
			ret = -EPROTO;		/* live mode stops nobody */
		if (!ret && cease)
			samples_add(s, did.kept_out / NS_PER_TICK);
		else if (!ret && did.carried == vcpus)
			samples_add(s, did.pause);
	}
	swap_to(fd, family, "default", VMM_SWAP_LIVE, &did);
	return ret;
}

/**
 * bench_swap() - swaps under guests that all want one pCPU, or (@named) any
 * @b: the row; @arg: vCPUs, and BENCH_SWAP_CEASE
 * @dev: the device
 * @s: takes the samples: ticks that the pCPU's lock was held; mode cease: ticks that
 *     a vCPU was kept out
 *
 * Needs the modules sched_rr, sched_bvt and sched_credit; the default is active at the end.
 */
int bench_swap(const struct bench *b, int dev, struct samples *s)
{
	const uint32_t vcpus = b->arg & ~BENCH_SWAP_CEASE;
	static struct herd h;
	cpu_set_t before, one;
	int fd, family = 0, ret, ended;

	if (vcpus > MAX_VMS * VCPUS_PER_VM)
		return -E2BIG;
	fd = nl_open(&family);
	if (fd < 0)
		return fd;
	memset(&h, 0, sizeof(h));
	if (sched_getaffinity(0, sizeof(before), &before)) {
		close(fd);
		return -errno;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (!b->named)
		sched_setaffinity(0, sizeof(one), &one);	/* the threads inherit it */
	ret = herd_make(&h, dev, vcpus);
	if (!ret)
		ret = herd_start(&h);
	if (!ret)
		ret = swaps(b, fd, family, s);
	ended = herd_end(&h);
	sched_setaffinity(0, sizeof(before), &before);
	close(fd);
	return ret ? ret : ended;
}
