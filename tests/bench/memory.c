// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM and a vCPU take of the host's memory.
 *
 * Counted is all that is not free any more, whatever took it: objects, tables,
 * whole slab pages, the open files, the client's page tables for the run areas.
 * Crowds of VMs are made and all stay until the end: parts of pages average
 * out, and none is made of what an earlier one left in the allocator's caches.
 * Free is what /proc/zoneinfo says of each zone, with the pages that the
 * processors keep at hand. Not counted: the guest's memory and what maps it,
 * which a VM without any does not have, and what comes with a vCPU's first run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define CROWDS		8u	/* at most */
#define VMS		64u	/* in each */
#define MAX_VCPUS	4u	/* of each */
#define PAGE_BYTES	4096ull

/**
 * struct crowd - many VMs
 * @vms: how many there are
 * @vm: their file descriptors
 * @vcpus: how many vCPUs there are in all
 * @vcpu: their file descriptors
 * @run: their run areas
 */
struct crowd {
	unsigned int vms;
	int vm[VMS];
	unsigned int vcpus;
	int vcpu[VMS * MAX_VCPUS];
	void *run[VMS * MAX_VCPUS];
};

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		fprintf(stderr, "vmmbench: %s: %s\n", path, strerror(errno));
	close(fd);
}

/* Bytes that are free, or 0. */
static uint64_t free_bytes(void)
{
	static char text[65536];
	uint64_t pages = 0, n;
	ssize_t len = 0, got;
	char *line, *next;
	int fd;

	write_text("/proc/sys/vm/drop_caches", "3");
	usleep(50000);		/* what RCU frees */
	fd = open("/proc/zoneinfo", O_RDONLY);
	if (fd < 0)
		return 0;
	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	close(fd);
	text[len] = 0;
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (sscanf(line, " nr_free_pages %lu", &n) == 1 ||
		    sscanf(line, " count: %lu", &n) == 1)
			pages += n;
	}
	return pages * PAGE_BYTES;
}

static int make_vms(struct crowd *c, int dev)
{
	for (; c->vms < VMS; c->vms++) {
		c->vm[c->vms] = ioctl(dev, KVM_CREATE_VM, 0);
		if (c->vm[c->vms] < 0)
			return -errno;
	}
	return 0;
}

static int make_vcpus(struct crowd *c, unsigned int each, size_t run_bytes)
{
	unsigned int i, n;
	void *run;
	int fd;

	for (i = 0; i < c->vms; i++) {
		for (n = 0; n < each; n++) {
			fd = ioctl(c->vm[i], KVM_CREATE_VCPU, n);
			if (fd < 0)
				return -errno;
			run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
			if (run == MAP_FAILED) {
				close(fd);
				return -ENOMEM;
			}
			((volatile struct kvm_run *)run)->immediate_exit = 0;
			c->vcpu[c->vcpus] = fd;
			c->run[c->vcpus++] = run;
		}
	}
	return 0;
}

static void end_all(struct crowd *c, size_t run_bytes)
{
	while (c->vcpus) {
		munmap(c->run[--c->vcpus], run_bytes);
		close(c->vcpu[c->vcpus]);
	}
	while (c->vms)
		close(c->vm[--c->vms]);
}

/* One more crowd: bytes for each of what the row asks for. */
static int one_crowd(struct crowd *c, int dev, unsigned int each,
		     size_t run_bytes, uint64_t *bytes)
{
	uint64_t before = free_bytes(), after;
	unsigned int made = VMS;
	int ret;

	ret = make_vms(c, dev);
	if (!ret && each) {
		made = VMS * each;
		before = free_bytes();
		ret = make_vcpus(c, each, run_bytes);
	}
	if (ret)
		return ret;
	after = free_bytes();
	if (!before || after >= before)
		return -ENODATA;
	*bytes = (before - after) / made;
	return 0;
}

/**
 * bench_memory() - memory of the host for each VM, or for each vCPU
 * @b: the row; @arg 0: VMs, else so many vCPUs in each of the VMs
 * @dev: the device
 * @s: takes the samples: bytes
 *
 * The first crowd does not count: it uses up what was in caches.
 */
int bench_memory(const struct bench *b, int dev, struct samples *s)
{
	struct rlimit files = { .rlim_cur = CROWDS * VMS * (MAX_VCPUS + 1) + 64 };
	int run_bytes = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	static struct crowd crowds[CROWDS];
	uint64_t bytes;
	unsigned int i;
	int ret = 0;

	if (run_bytes < 0)
		return -errno;
	if (b->samples >= CROWDS || b->arg > MAX_VCPUS)
		return -E2BIG;
	files.rlim_max = files.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &files))
		return -errno;
	for (i = 0; !ret && i <= b->samples; i++) {
		ret = one_crowd(&crowds[i], dev, b->arg, run_bytes, &bytes);
		if (!ret && i)
			samples_add(s, bytes);
	}
	for (i = 0; i < CROWDS; i++)
		end_all(&crowds[i], run_bytes);
	return ret;
}
