// SPDX-License-Identifier: GPL-2.0
/*
 * transfer - move known bytes through a disk or a connection, and look at each
 *
 * The bytes are a pseudo-random stream that both ends can make from its seed, so
 * the one that receives compares each with what it must be and needs no copy of
 * them. What went and what came is also summed up, and printed: the two ends of a
 * connection must print the same sums.
 *
 *	transfer fill FILE BYTES SEED
 *	transfer check FILE BYTES SEED
 *	transfer listen PORT BYTES SEED [PACE]	one connection, both ways at once
 *	transfer connect ADDRESS PORT BYTES SEED [PACE]
 *
 * PACE is a time in ms between two chunks of 64 KiB that are sent.
 * The one who connects sends the stream of SEED + 1, the other one that of SEED.
 * Runs on the host and, as a static program, in guests.
 *
 * Exit status: 0 all bytes were right, 1 not, 2 usage.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK		(64u << 10)
#define LIMIT_MS	60000	/* a connection that stands still so long has lost something */

/**
 * struct stream - one direction
 * @state: of the generator
 * @sum:   of the words that have passed
 * @left:  bytes to go
 * @buf:   a chunk of it
 * @have:  bytes in @buf
 * @done:  of these, what has gone already
 */
struct stream {
	uint64_t state, sum, left;
	uint64_t buf[CHUNK / 8];
	size_t have, done;
};

static void stream_start(struct stream *s, uint64_t seed, uint64_t bytes)
{
	memset(s, 0, sizeof(*s));
	s->state = seed * 0x9e3779b97f4a7c15ull + 1;
	s->left = bytes;
}

static uint64_t next_word(struct stream *s)
{
	s->state ^= s->state << 13;
	s->state ^= s->state >> 7;
	s->state ^= s->state << 17;
	s->sum = s->sum * 0x100000001b3ull + s->state;
	return s->state;
}

/* The next chunk into the buffer. */
static void make(struct stream *s)
{
	size_t i, n = s->left < CHUNK ? s->left : CHUNK;

	for (i = 0; i < n / 8; i++)
		s->buf[i] = next_word(s);
	s->have = n;
	s->done = 0;
	s->left -= n;
}

/* A chunk has come: is it what it must be? Prints where it is not. */
static int compare(struct stream *s, const char *what, uint64_t at)
{
	size_t i;

	for (i = 0; i < s->have / 8; i++) {
		uint64_t want = next_word(s);

		if (s->buf[i] != want) {
			printf("%s: %016" PRIx64 " instead of %016" PRIx64 " at %" PRIu64 "\n",
			       what, s->buf[i], want, at + 8 * i);
			return 1;
		}
	}
	s->left -= s->have;
	s->have = 0;
	return 0;
}

static int pace_ms;

static int complain(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

/* --- files --------------------------------------------------------------------------- */

static int fill(const char *path, uint64_t bytes, uint64_t seed)
{
	static struct stream s;
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0)
		return complain(path);
	stream_start(&s, seed, bytes);
	while (s.left) {
		make(&s);
		if (write(fd, s.buf, s.have) != (ssize_t)s.have)
			return complain(path);
	}
	if (fsync(fd) || close(fd))
		return complain(path);
	printf("filled %s sum %016" PRIx64 "\n", path, s.sum);
	return 0;
}

static int check(const char *path, uint64_t bytes, uint64_t seed)
{
	static struct stream s;
	int fd = open(path, O_RDONLY);
	uint64_t at = 0;

	if (fd < 0)
		return complain(path);
	stream_start(&s, seed, bytes);
	for (; s.left; at += CHUNK) {
		s.have = s.left < CHUNK ? s.left : CHUNK;
		if (read(fd, s.buf, s.have) != (ssize_t)s.have) {
			printf("%s: too short\n", path);
			return 1;
		}
		if (compare(&s, path, at))
			return 1;
	}
	close(fd);
	printf("checked %s sum %016" PRIx64 "\n", path, s.sum);
	return 0;
}

/* --- connections ---------------------------------------------------------------------- */

static int send_some(int fd, struct stream *out)
{
	ssize_t n;

	if (out->done == out->have) {
		usleep(pace_ms * 1000);
		make(out);
	}
	n = send(fd, (char *)out->buf + out->done, out->have - out->done, MSG_NOSIGNAL);
	if (n < 0)
		return complain("send");
	out->done += n;
	return 0;
}

static int receive_some(int fd, struct stream *in, uint64_t bytes)
{
	size_t want = in->left < CHUNK ? in->left : CHUNK;
	ssize_t n = recv(fd, (char *)in->buf + in->have, want - in->have, 0);

	if (n < 0)
		return complain("recv");
	if (!n) {
		printf("the other end has gone, %" PRIu64 " bytes too early\n", in->left - in->have);
		return 1;
	}
	in->have += n;
	return in->have == want ? compare(in, "received", bytes - in->left) : 0;
}

static int talk(int fd, uint64_t bytes, uint64_t seed_out, uint64_t seed_in)
{
	static struct stream in, out;
	struct pollfd p = { .fd = fd };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	stream_start(&in, seed_in, bytes);
	stream_start(&out, seed_out, bytes);
	while (in.left || out.left || out.done < out.have) {
		p.events = (in.left ? POLLIN : 0) |
			   (out.left || out.done < out.have ? POLLOUT : 0);
		if (poll(&p, 1, LIMIT_MS) <= 0) {
			printf("stands still: %" PRIu64 " bytes to come, %" PRIu64 " to go\n",
			       in.left - in.have, out.left + out.have - out.done);
			return 1;
		}
		if ((p.revents & POLLOUT) && send_some(fd, &out))
			return 1;
		if ((p.revents & ~POLLOUT) && in.left && receive_some(fd, &in, bytes))
			return 1;
	}
	/* The other one may still read: no reset by closing with something unread. */
	shutdown(fd, SHUT_WR);
	p.events = POLLIN;
	while (poll(&p, 1, LIMIT_MS) > 0 && recv(fd, in.buf, CHUNK, 0) > 0)
		;
	printf("sent %" PRIu64 " sum %016" PRIx64 "\nreceived %" PRIu64 " sum %016" PRIx64 "\n",
	       bytes, out.sum, bytes, in.sum);
	return 0;
}

static int listen_on(int port, uint64_t bytes, uint64_t seed)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0), peer;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1))
		return complain("listen");
	if (poll(&p, 1, LIMIT_MS) <= 0) {
		printf("nobody connects\n");
		return 1;
	}
	peer = accept(fd, NULL, NULL);
	if (peer < 0)
		return complain("accept");
	return talk(peer, bytes, seed, seed + 1);
}

static int connect_to(const char *host, int port, uint64_t bytes, uint64_t seed)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!inet_aton(host, &addr.sin_addr) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return complain("connect");
	return talk(fd, bytes, seed + 1, seed);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc == (!strcmp(verb, "connect") ? 7 : 6))
		pace_ms = number(argv[--argc]);
	if (argc == 5 && number(argv[3]) % 8 == 0) {
		if (!strcmp(verb, "fill"))
			return fill(argv[2], number(argv[3]), number(argv[4]));
		if (!strcmp(verb, "check"))
			return check(argv[2], number(argv[3]), number(argv[4]));
		if (!strcmp(verb, "listen"))
			return listen_on(number(argv[2]), number(argv[3]), number(argv[4]));
	}
	if (argc == 6 && !strcmp(verb, "connect") && number(argv[4]) % 8 == 0)
		return connect_to(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	fprintf(stderr, "usage: transfer fill|check FILE BYTES SEED\n"
		"       transfer listen PORT BYTES SEED [PACE]\n"
		"       transfer connect ADDRESS PORT BYTES SEED [PACE]\n"
		"BYTES: a multiple of 8; PACE: ms for each 64 KiB sent\n");
	return 2;
}
