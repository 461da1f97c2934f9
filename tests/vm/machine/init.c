// SPDX-License-Identifier: GPL-2.0
/*
 * init.c - process 1 of the test machine: prepares it, runs one command, ends
 *
 * The machine's result channel is I/O port 0xe9, which Bochs and QEMU both
 * pass on as bytes. It carries, after a magic word, records of a type (one
 * byte), a length (16 bits, little endian) and data:
 *
 *	o	output of the command (stdout and stderr, in the order written)
 *	k	kernel log, in the format of /dev/kmsg
 *	l	kmemleak's report, if it has one
 *	x	the command's exit status, as decimal digits
 *
 * so that the command's output can hold any byte and no output is lost or
 * mixed with the console's. The command is read from /.vmm/argv: strings that
 * end in NUL.
 *
 * Limits: the command's standard input is /dev/null, and it has no terminal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define RESULT_PORT	0xe9
#define SHUTDOWN_PORT	0x8900		/* of Bochs */
#define UART_STATUS	0x3fd		/* of the first serial port */
#define UART_IDLE	0x40
#define RECORD_MAX	32768
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define KMEMLEAK_AGE	6		/* s; younger objects are not reported */

static const char magic[] = "\001vmm-results\n";

static void out(const void *data, size_t len)
{
	asm volatile("rep outsb" : "+S"(data), "+c"(len) : "d"(RESULT_PORT) : "memory");
}

static void record(char type, const void *data, size_t len)
{
	while (len > RECORD_MAX) {
		record(type, data, RECORD_MAX);
		data = (const char *)data + RECORD_MAX;
		len -= RECORD_MAX;
	}
	unsigned char head[3] = { type, len & 0xff, len >> 8 };

	out(head, sizeof(head));
	out(data, len);
}

/* A message of init's own is output like any other. */
static void complain(const char *what, const char *name)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "init: %s %s: %s\n", what, name, strerror(errno));

	record('o', line, len);
}

static void mount_at(const char *dir, const char *type, const char *options)
{
	mkdir(dir, 0755);
	/* a kernel may lack one of them; the command will notice if it cares */
	mount(type, dir, type, 0, options);
}

static void prepare(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	mount_at("/dev", "devtmpfs", "mode=0755");
	mount_at("/dev/pts", "devpts", NULL);
	mount_at("/dev/shm", "tmpfs", NULL);
	mount_at("/proc", "proc", NULL);
	mount_at("/sys", "sysfs", NULL);
	mount_at("/sys/kernel/debug", "debugfs", NULL);
	mount_at("/sys/kernel/tracing", "tracefs", NULL);
	mount_at("/sys/fs/cgroup", "cgroup2", NULL);
	mkdir("/tmp", 01777);
	mkdir("/run", 0755);
	mkdir("/root", 0700);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/mounts", "/etc/mtab");
	if (sethostname("vmm", 3))
		complain("sethostname", "vmm");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		ioctl(fd, SIOCSIFFLAGS, &ifr);
		close(fd);
	}
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:.", 1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("TERM", "dumb", 1);
	setenv("SHELL", "/bin/sh", 1);
}

/* The whole file in memory, NUL-terminated; NULL if it cannot be read. */
static char *slurp(const char *path, size_t *len)
{
	size_t size = 0, room = 65536;
	char *text = malloc(room + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || !text) {
		free(text);
		return NULL;
	}
	while ((n = read(fd, text + size, room - size)) > 0) {
		size += n;
		if (size == room) {
			room *= 2;
			text = realloc(text, room + 1);
			if (!text)
				return NULL;
		}
	}
	close(fd);
	text[size] = '\0';
	*len = size;
	return text;
}

static char **command(void)
{
	size_t len, count = 0;
	char *text = slurp("/.vmm/argv", &len);
	char **argv;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++)
		count += !text[i];
	argv = calloc(count + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		argv[i] = text;
		text += strlen(text) + 1;
	}
	return argv;
}

static pid_t start(char **argv, int output, const sigset_t *signals)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	sigprocmask(SIG_SETMASK, signals, NULL);
	dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	if (chdir("/vm"))
		_exit(126);
	/* the right to do port I/O is inherited; the command has not asked */
	if (iopl(0))
		_exit(126);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Reap whoever ended; true if @pid was among them, then with its status. */
static bool reap(pid_t pid, int *status)
{
	bool found = false;
	pid_t ended;
	int st;

	while ((ended = waitpid(-1, &st, WNOHANG)) > 0) {
		if (ended == pid) {
			*status = st;
			found = true;
		}
	}
	return found;
}

/*
 * Pass on output until the command has ended. What it leaves in the background
 * may hold the pipe open for ever: after the end, only what is there is read.
 * Never wakes up without cause: that would disturb what the command measures.
 */
static int pass_output(pid_t pid, int pipe_fd, int signal_fd)
{
	static char buffer[RECORD_MAX];
	struct pollfd p[] = {
		{ .fd = pipe_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	bool ended = false;
	int status = 0;

	for (;;) {
		poll(p, 2, ended ? 0 : -1);
		if (p[0].revents) {
			ssize_t n = read(pipe_fd, buffer, sizeof(buffer));

			if (n > 0) {
				record('o', buffer, n);
				continue;
			}
			p[0].fd = -1;
		}
		if (ended)
			return status;
		if (p[1].revents && read(signal_fd, &info, sizeof(info)) > 0)
			ended = reap(pid, &status);
	}
}

/* kmemleak reports what two scans in a row could not reach. */
static void report_leaks(void)
{
	size_t len;
	char *text;

	if (access(KMEMLEAK, W_OK))
		return;
	/* "off" on the command line leaves the file, which then refuses */
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "scan", 4) == 4) {
		sleep(KMEMLEAK_AGE);
		if (write(fd, "scan", 4) < 0)
			complain("write", KMEMLEAK);
	}
	close(fd);
	text = slurp(KMEMLEAK, &len);
	if (text && len)
		record('l', text, len);
	free(text);
}

/* Each read of /dev/kmsg gives one line, from the oldest that is kept. */
static void report_log(void)
{
	static char line[8192];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	for (;;) {
		n = read(fd, line, sizeof(line));
		if (n < 0 && errno == EPIPE)	/* lines were lost: go on */
			continue;
		if (n <= 0)
			break;
		record('k', line, n);
	}
	close(fd);
}

static void power_off(void)
{
	static const char word[] = "Shutdown";

	/* let the console's last bytes out */
	tcdrain(STDOUT_FILENO);
	for (int i = 0; i < 1000 && !(inb(UART_STATUS) & UART_IDLE); i++)
		usleep(1000);
	for (int i = 0; i < (int)sizeof(word) - 1; i++)
		outb(word[i], SHUTDOWN_PORT);
	/* not Bochs: QEMU ends at a reset */
	reboot(RB_AUTOBOOT);
}

static int run(char **argv)
{
	int pipe_fd[2], signal_fd, st;
	sigset_t set, old;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0 || pipe2(pipe_fd, O_CLOEXEC)) {
		complain("cannot start", argv[0]);
		return 125;
	}
	pid = start(argv, pipe_fd[1], &old);
	close(pipe_fd[1]);
	if (pid < 0) {
		complain("fork for", argv[0]);
		return 125;
	}
	st = pass_output(pid, pipe_fd[0], signal_fd);
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

int main(void)
{
	char **argv, text[16];
	int status = 125, len;

	if (iopl(3)) {
		perror("init: iopl");
		return 1;
	}
	out(magic, sizeof(magic) - 1);
	prepare();
	argv = command();
	if (argv && argv[0])
		status = run(argv);
	else
		complain("no command in", "/.vmm/argv");
	report_leaks();
	report_log();
	len = snprintf(text, sizeof(text), "%d", status);
	record('x', text, len);
	power_off();
	return 1;
}
