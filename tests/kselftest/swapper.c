// SPDX-License-Identifier: GPL-2.0
/*
 * swapper [-m MS] COUNT NAME NAME...: make the named schedulers active in turn, COUNT
 * times or until SIGTERM, as fast as the kernel answers or each MS milliseconds.
 * Prints "swaps=N forced=N entities=N pause_max_ticks=N"; ends with 1 when a request
 * is refused.
 */
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/vmm.h>

static unsigned long long forced, entities, pause_max;

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[VMM_ATTR_MAX + 1], *s[VMM_SWAP_MAX + 1];

	(void)arg;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, VMM_ATTR_MAX, NULL) || !a[VMM_ATTR_SWAP] ||
	    nla_parse_nested(s, VMM_SWAP_MAX, a[VMM_ATTR_SWAP], NULL))
		return NL_OK;
	forced += nla_get_u32(s[VMM_SWAP_FORCED_OUT]);
	entities = nla_get_u32(s[VMM_SWAP_ENTITIES]);
	if (nla_get_u64(s[VMM_SWAP_PAUSE_MAX_TICKS]) > pause_max)
		pause_max = nla_get_u64(s[VMM_SWAP_PAUSE_MAX_TICKS]);
	return NL_OK;
}

/* The answer and the acknowledgement are two messages; both must be read each time. */
static int acked;

static int on_ack(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	acked = 1;
	return NL_STOP;
}

static int request(struct nl_sock *sock, struct nl_msg *msg)
{
	int err = nl_send_auto(sock, msg);

	nlmsg_free(msg);
	acked = 0;
	while (err >= 0 && !acked)
		err = nl_recvmsgs_default(sock);
	return err;
}

static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	(void)sig;
	ended = 1;
}

int main(int argc, char **argv)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct sigaction term = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	int family, count, i, err, ms = 0;

	sigaction(SIGTERM, &term, NULL);
	if (argc > 2 && !strcmp(argv[1], "-m")) {
		ms = atoi(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc < 3)
		return 2;
	count = atoi(argv[1]);
	if (!sock || genl_connect(sock))
		return 1;
	family = genl_ctrl_resolve(sock, VMM_GENL_NAME);
	if (family < 0)
		return 1;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_answer, NULL);
	nl_socket_modify_cb(sock, NL_CB_ACK, NL_CB_CUSTOM, on_ack, NULL);
	for (i = 0; i < count && !ended; i++) {
		struct nl_msg *msg = nlmsg_alloc();

		genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, VMM_CMD_SCHED_SET, 1);
		nla_put_string(msg, VMM_ATTR_SCHED_NAME, argv[2 + i % (argc - 2)]);
		err = request(sock, msg);
		if (err < 0) {
			printf("swap %d to %s refused: %s\n", i, argv[2 + i % (argc - 2)],
			       nl_geterror(err));
			return 1;
		}
		if (ms)
			usleep(ms * 1000);
	}
	printf("swaps=%d forced=%llu entities=%llu pause_max_ticks=%llu\n", i, forced,
	       entities, pause_max);
	return 0;
}
