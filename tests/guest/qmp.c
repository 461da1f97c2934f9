// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's control socket: one command, one reply.
 *
 * Both are one line of JSON each. Events, which come between, are passed over. What
 * is wanted from a reply is looked for as text: the keys that tests ask for appear
 * in it once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp.h"

#define REPLY_MS	120000	/* a save or a load is one command */

/* A line without its end; -1: none came, or it is too long. */
static int read_line(int fd, char *line)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n < QMP_REPLY_MAX - 1) {
		if (poll(&p, 1, REPLY_MS) <= 0 || read(fd, line + n, 1) != 1)
			return -1;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	return -1;
}

/**
 * qmp_command() - give a command and wait for the reply
 * @fd:      from qmp_open()
 * @command: a line of JSON
 * @reply:   QMP_REPLY_MAX bytes for it, also where the command was refused
 *
 * Return: 0; -1: refused, or no reply.
 */
int qmp_command(int fd, const char *command, char *reply)
{
	reply[0] = '\0';
	if (dprintf(fd, "%s\n", command) < 0)
		return -1;
	do {
		if (read_line(fd, reply))
			return -1;
	} while (strncmp(reply, "{\"return\"", 9) && strncmp(reply, "{\"error\"", 8));
	return reply[2] == 'r' ? 0 : -1;
}

/**
 * qmp_monitor() - a command of the monitor for people, which is to say nothing
 * @fd:    from qmp_open()
 * @line:  the command, without quotes
 * @reply: as in qmp_command()
 *
 * Return: 0; -1: it has said something, which is in @reply.
 */
int qmp_monitor(int fd, const char *line, char *reply)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"human-monitor-command\", "
		 "\"arguments\": {\"command-line\": \"%s\"}}", line);
	if (qmp_command(fd, command, reply))
		return -1;
	return strstr(reply, "\"return\": \"\"") ? 0 : -1;
}

/**
 * qmp_number() - the number behind a key of a reply
 * @reply: the reply
 * @key:   the key
 *
 * Return: the number; 0 where there is no such key.
 */
uint64_t qmp_number(const char *reply, const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
	at = strstr(reply, quoted);
	return at ? strtoull(at + strlen(quoted), NULL, 10) : 0;
}

/**
 * qmp_open() - connect, as soon as QEMU is there
 * @path:     of the socket
 * @limit_ms: how long to wait
 *
 * Return: a file descriptor, ready for commands, or -1.
 */
int qmp_open(const char *path, int limit_ms)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char reply[QMP_REPLY_MAX];
	int fd, waited;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	for (waited = 0; connect(fd, (struct sockaddr *)&addr, sizeof(addr)); waited += 50) {
		if (waited >= limit_ms)
			goto err;
		usleep(50000);
	}
	if (read_line(fd, reply) ||
	    qmp_command(fd, "{\"execute\": \"qmp_capabilities\"}", reply) ||
	    qmp_command(fd, "{\"execute\": \"query-status\"}", reply))
		goto err;
	return fd;

err:
	close(fd);
	return -1;
}
