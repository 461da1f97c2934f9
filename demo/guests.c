// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's guests: start, watch, stop.
 *
 * Each is a process (vmmguest, or linuxguest with a QEMU under it) that checks
 * its guest's output itself and keeps a small file, NAME.progress: lines seen,
 * when, and how many were wrong or late. Sleepers append their wake-up latencies
 * to NAME.latency, 8 bytes each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tests/guest/progress.h"
#include "../tests/guest/samples.h"
#include "demo.h"

#define SLEEPER_PERIOD_US	"5000"
#define HASH_ROUNDS		"2"	/* MiB per line: tens of milliseconds here */
#define LATE_MS			"5000"
#define LINUX_BOOT_MS		"400000"
#define STOP_SECONDS		10

static void path_of(char *to, size_t size, const struct guest *g,
		    const char *what)
{
	snprintf(to, size, "/tmp/%s.%s", g->name, what);
}

/*
 * Debian's kernel is the uncompressed one, which boots a minute faster here, with no
 * words of ours for it; ours has those that linuxguest gives it.
 */
static void exec_linux(const struct guest *g, const char *progress, const char *dir, int stock)
{
	char kernel[256];

	snprintf(kernel, sizeof(kernel), "%s/%s", dir, stock ? "vmlinux" : "bzImage");
	execlp("linuxguest", "linuxguest", "--name", g->name, "--late-ms", LATE_MS,
	       "--boot-ms", LINUX_BOOT_MS, "--progress", progress, "--dir", dir,
	       "--kernel", kernel, "--irqchip", "on", "--steal",
	       "--mem", stock ? "256" : "64", stock ? "--append" : NULL, "", NULL);
}

static void exec_guest(const struct guest *g, const char *linux_dir, int stock)
{
	char progress[64], latency[64], log[64];
	int fd;

	path_of(progress, sizeof(progress), g, "progress");
	path_of(latency, sizeof(latency), g, "latency");
	path_of(log, sizeof(log), g, "log");
	fd = open(log, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	switch (g->kind) {
	case GUEST_HASH:
		execlp("vmmguest", "vmmguest", "--kind", "hash", "--name",
		       g->name, "--late-ms", LATE_MS, "--progress", progress,
		       "--rounds", HASH_ROUNDS, NULL);
		break;
	case GUEST_SLEEPER:
		execlp("vmmguest", "vmmguest", "--kind", "sleeper", "--name",
		       g->name, "--late-ms", LATE_MS, "--progress", progress,
		       "--period-us", SLEEPER_PERIOD_US, "--latency", latency,
		       NULL);
		break;
	case GUEST_LINUX:
		exec_linux(g, progress, linux_dir, stock);
		break;
	}
	dprintf(STDERR_FILENO, "cannot start: %s\n", strerror(errno));
	_exit(127);
}

/**
 * guests_start() - start them all
 * @guests: the guests
 * @count: how many
 * @linux_dir: folder with what a Linux guest needs, or NULL
 * @stock: Linux guests run Debian's kernel, vmlinux there, not our bzImage
 */
int guests_start(struct guest *guests, int count, const char *linux_dir, int stock)
{
	char path[64];
	int i;

	for (i = 0; i < count; i++) {
		path_of(path, sizeof(path), &guests[i], "progress");
		unlink(path);
		guests[i].pid = fork();
		if (guests[i].pid < 0)
			return -1;
		if (!guests[i].pid)
			exec_guest(&guests[i], linux_dir, stock);
	}
	return 0;
}

static void show_log(const struct guest *g)
{
	char path[64], text[1024];
	int fd, n;

	path_of(path, sizeof(path), g, "log");
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0)
		fprintf(stderr, "demo: %s says: %.*s", g->name, n, text);
}

static uint64_t wakes_of(const struct guest *g)
{
	struct stat st;
	char path[64];

	path_of(path, sizeof(path), g, "latency");
	return stat(path, &st) ? 0 : st.st_size / 8;
}

/* 1 with the file read, 0 when there is none yet. */
static int read_progress(struct guest *g)
{
	struct progress p;
	char path[64];

	path_of(path, sizeof(path), g, "progress");
	if (progress_read(path, &p))
		return 0;
	g->now.lines = p.lines;
	g->now.errors = p.errors;
	g->now.steal_ms = p.steal_ms;
	if (g->kind == GUEST_SLEEPER)
		g->now.wakes = wakes_of(g);
	return 1;
}

/**
 * guests_progress() - read what each guest's client has seen
 * @guests: the guests; their @now is updated
 * @count: how many
 *
 * Return: 0, or -1 when one has ended or has had a wrong or late line.
 */
int guests_progress(struct guest *guests, int count)
{
	int i, ret = 0, status;

	for (i = 0; i < count; i++) {
		if (guests[i].pid <= 0) {
			ret = -1;
			continue;
		}
		if (waitpid(guests[i].pid, &status, WNOHANG) == guests[i].pid) {
			fprintf(stderr, "demo: %s has ended, status %#x\n",
				guests[i].name, status);
			show_log(&guests[i]);
			guests[i].pid = 0;
			ret = -1;
			continue;
		}
		if (!read_progress(&guests[i]))
			continue;
		if (guests[i].now.errors) {
			show_log(&guests[i]);
			ret = -1;
		}
	}
	return ret;
}

/**
 * guests_wait_ready() - wait until each has printed a right line
 * @guests: the guests
 * @count: how many
 * @seconds: for how long at most
 */
int guests_wait_ready(struct guest *guests, int count, int seconds)
{
	int i, ready, tries;

	for (tries = 0; tries < seconds * 10; tries++) {
		usleep(100000);
		if (guests_progress(guests, count))
			return -1;
		for (i = 0, ready = 0; i < count; i++)
			ready += guests[i].now.lines > 0;
		if (ready == count)
			return 0;
	}
	for (i = 0; i < count; i++)
		if (!guests[i].now.lines)
			fprintf(stderr, "demo: %s has not printed anything\n",
				guests[i].name);
	return -1;
}

static int wait_end(const struct guest *g)
{
	int i, status;

	for (i = 0; i < STOP_SECONDS * 20; i++) {
		if (waitpid(g->pid, &status, WNOHANG) == g->pid)
			return status ? -1 : 0;
		usleep(50000);
	}
	fprintf(stderr, "demo: %s does not end\n", g->name);
	kill(g->pid, SIGKILL);
	waitpid(g->pid, &status, 0);
	return -1;
}

/**
 * guests_stop() - end them all
 * @guests: the guests
 * @count: how many
 *
 * Return: 0 when each ended in order and says that all its lines were right.
 */
int guests_stop(struct guest *guests, int count)
{
	int i, ret = 0;

	for (i = 0; i < count; i++)
		if (guests[i].pid > 0)
			kill(guests[i].pid, SIGTERM);
	for (i = 0; i < count; i++) {
		if (guests[i].pid <= 0)
			continue;
		if (wait_end(&guests[i])) {
			show_log(&guests[i]);
			ret = -1;
		}
		guests[i].pid = 0;
	}
	return ret;
}

/**
 * guests_latency() - a sleeper's wake-up latency during the phase
 * @g: the guest
 * @p50: filled in, ns
 * @p99: filled in, ns
 *
 * Return: how many wake-ups there were.
 */
int guests_latency(const struct guest *g, uint64_t *p50, uint64_t *p99)
{
	uint64_t n = g->now.wakes - g->old.wakes;
	struct samples s;
	char path[64];
	int fd;

	if (g->kind != GUEST_SLEEPER || !n || samples_init(&s, n))
		return 0;
	path_of(path, sizeof(path), g, "latency");
	fd = open(path, O_RDONLY);
	if (fd >= 0 && pread(fd, s.v, n * 8, g->old.wakes * 8) == (ssize_t)n * 8)
		s.count = n;
	if (fd >= 0)
		close(fd);
	samples_sort(&s);
	*p50 = samples_at(&s, 50);
	*p99 = samples_at(&s, 99);
	free(s.v);
	return s.count;
}
