// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl: the only file that talks to the kernel.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "vmmctl.h"

#define MSG_SIZE	(64 * 1024)

static struct nl_sock *sock;
static struct nl_sock *ears;	/* apart, so that no event comes between a request and its answer */
static int family;

static int nl_open(void)
{
	int err, on = 1;

	if (sock)
		return 0;
	sock = nl_socket_alloc();
	if (!sock) {
		refused("out of memory");
		return -1;
	}
	err = genl_connect(sock);
	if (err) {
		refused("no netlink socket: %s", nl_geterror(err));
		return -1;
	}
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	nl_socket_set_msg_buf_size(sock, MSG_SIZE);
	family = genl_ctrl_resolve(sock, VMM_GENL_NAME);
	if (family < 0) {
		refused("the kernel does not know vmm: is sched_iface loaded? (modprobe vmm_core)");
		return -1;
	}
	return 0;
}

void ctl_close(void)
{
	if (sock)
		nl_socket_free(sock);
	sock = NULL;
	nl_deaf();
}

struct nl_msg *nl_request(uint8_t cmd, int flags)
{
	struct nl_msg *msg;

	if (nl_open())
		return NULL;
	/* A list of CPUs alone can be longer than the usual message. */
	msg = nlmsg_alloc_size(MSG_SIZE);
	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
				 NLM_F_REQUEST | flags, cmd, VMM_GENL_VERSION)) {
		nlmsg_free(msg);
		refused("out of memory");
		return NULL;
	}
	return msg;
}

struct talk {
	nl_answer answer;
	void *arg;
	int error;		/* positive errno of the kernel */
	bool done;
	char why[256];
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct nlattr *attr[VMM_ATTR_MAX + 1];
	struct talk *t = arg;

	if (!genlmsg_parse(nlmsg_hdr(msg), 0, attr, VMM_ATTR_MAX, NULL) && t->answer)
		t->answer(nlmsg_hdr(msg), attr, t->arg);
	return NL_OK;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;

	(void)msg;
	t->done = true;
	return NL_STOP;
}

/* The reason lies behind the header that the error message quotes. */
static void read_extack(struct talk *t, struct nlmsghdr *h, struct nlmsgerr *err)
{
	size_t skip = sizeof(*h) + sizeof(*err);
	struct nlattr *attr[NLMSGERR_ATTR_MAX + 1];

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	if (h->nlmsg_len <= skip)
		return;
	if (nla_parse(attr, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)h + skip),
		      h->nlmsg_len - skip, NULL) || !attr[NLMSGERR_ATTR_MSG])
		return;
	snprintf(t->why, sizeof(t->why), "%s", nla_get_string(attr[NLMSGERR_ATTR_MSG]));
}

static int on_error(struct sockaddr_nl *peer, struct nlmsgerr *err, void *arg)
{
	struct talk *t = arg;

	(void)peer;
	t->error = -err->error;
	t->done = true;
	read_extack(t, (struct nlmsghdr *)((char *)err - sizeof(struct nlmsghdr)), err);
	return NL_STOP;
}

int nl_talk(struct nl_msg *msg, nl_answer answer, void *arg)
{
	struct talk t = { .answer = answer, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = -NLE_NOMEM;

	if (cb) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &t);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &t);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_finish, &t);
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, &t);
		err = nl_send_auto(sock, msg);
		while (err >= 0 && !t.done)
			err = nl_recvmsgs(sock, cb);
		nl_cb_put(cb);
	}
	nlmsg_free(msg);
	if (t.error)
		return t.why[0] ? refused("%s (%s)", t.why, strerror(t.error)) :
				  refused("%s", strerror(t.error));
	if (err < 0)
		return refused("netlink: %s", nl_geterror(err));
	return DONE;
}

static int (*event_handler)(uint8_t cmd, struct nlattr **attr);
static bool event_stop;
static int signals = -1;

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *attr[VMM_ATTR_MAX + 1];
	struct genlmsghdr *g = nlmsg_data(nlmsg_hdr(msg));

	(void)arg;
	if (!genlmsg_parse(nlmsg_hdr(msg), 0, attr, VMM_ATTR_MAX, NULL) &&
	    event_handler(g->cmd, attr))
		event_stop = true;
	return NL_OK;
}

/** nl_signals() - from here on SIGINT, SIGTERM and SIGHUP end nl_wait() only */
int nl_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (signals < 0)
		signals = signalfd(-1, &set, SFD_CLOEXEC);
	return signals < 0 ? refused("signalfd: %s", strerror(errno)) : DONE;
}

/** nl_listen() - hand events to @event, in nl_wait(), until it returns other than 0 */
int nl_listen(int (*event)(uint8_t cmd, struct nlattr **attr))
{
	int group, err;

	if (nl_open())
		return REFUSED;
	group = genl_ctrl_resolve_grp(sock, VMM_GENL_NAME, VMM_GENL_MCGRP_EVENTS);
	if (group < 0)
		return refused("the kernel has no event group: %s", nl_geterror(group));
	ears = nl_socket_alloc();
	if (!ears)
		return refused("out of memory");
	err = genl_connect(ears);
	if (err)
		return refused("no netlink socket: %s", nl_geterror(err));
	nl_socket_disable_seq_check(ears);
	err = nl_socket_add_membership(ears, group);
	if (err)
		return refused("watching events takes CAP_SYS_ADMIN: %s", nl_geterror(err));
	event_handler = event;
	nl_socket_modify_cb(ears, NL_CB_VALID, NL_CB_CUSTOM, on_event, NULL);
	return nl_signals();
}

/** nl_deaf() - undo nl_listen() */
void nl_deaf(void)
{
	if (ears)
		nl_socket_free(ears);
	ears = NULL;
}

/**
 * nl_wait() - wait for a signal, an event that says stop, or the end of the time
 * @timeout_ms: -1: for ever
 */
enum nl_end nl_wait(int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = ears ? nl_socket_get_fd(ears) : -1, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	int err, n;

	event_stop = false;
	for (;;) {
		n = poll(fds, 2, timeout_ms);
		if (n < 0 && errno != EINTR) {
			refused("poll: %s", strerror(errno));
			return NL_ERROR;
		}
		if (!n)
			return NL_TIME;
		if (n > 0 && (fds[0].revents & (POLLIN | POLLERR))) {
			err = nl_recvmsgs_default(ears);
			if (err == -NLE_NOMEM) {
				fprintf(stderr, "vmmctl: events were lost: they came too fast\n");
			} else if (err < 0 && err != -NLE_AGAIN) {
				refused("netlink: %s", nl_geterror(err));
				return NL_ERROR;
			}
			if (event_stop)
				return NL_EVENT;
		}
		if (n > 0 && (fds[1].revents & POLLIN))
			return NL_SIGNAL;
	}
}

/** nl_events() - hand events to @event until SIGINT or SIGTERM */
int nl_events(int (*event)(uint8_t cmd, struct nlattr **attr))
{
	int ret = nl_listen(event);

	return ret ? ret : nl_wait(-1) == NL_ERROR ? REFUSED : DONE;
}
