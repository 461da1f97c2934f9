// SPDX-License-Identifier: GPL-2.0
/*
 * A small client of the KVM ABI: machines, memory and the run loop.
 *
 * The processor modes and the tables they need are in kvmboot.c. No locking:
 * see kvmclient.h for who may call what.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvmclient.h"

#define HUGE_BYTES	(2ul << 20)
#define CPUID_MAX	100

/**
 * kvmc_dev_path() - the device that will be opened without a path
 *
 * Return: $VMM_DEV, else /dev/vmm where it exists, else /dev/kvm.
 */
const char *kvmc_dev_path(void)
{
	const char *path = getenv("VMM_DEV");

	if (path && *path)
		return path;
	return access("/dev/vmm", F_OK) ? "/dev/kvm" : "/dev/vmm";
}

/**
 * kvmc_dev_open() - open the device and check that it speaks version 12
 * @path: device node, or NULL for kvmc_dev_path()
 *
 * Return: a file descriptor or a negative errno.
 */
int kvmc_dev_open(const char *path)
{
	int fd = open(path ? path : kvmc_dev_path(), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		close(fd);
		return -EPROTO;
	}
	return fd;
}

/**
 * kvmc_mem_alloc() - memory for a guest, aligned to 2 MiB
 * @bytes: how much, a multiple of 4 KiB (2 MiB for hugetlb)
 * @backing: what backs it
 *
 * Return: the memory, or NULL with errno set. Undone by munmap().
 */
void *kvmc_mem_alloc(size_t bytes, enum kvmc_backing backing)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd = -1;
	uint8_t *hole, *at, *mem;

	hole = mmap(NULL, bytes + HUGE_BYTES, PROT_NONE, flags, -1, 0);
	if (hole == MAP_FAILED)
		return NULL;
	at = (uint8_t *)(((uintptr_t)hole + HUGE_BYTES - 1) & -HUGE_BYTES);
	munmap(hole, at - hole);
	munmap(at + bytes, hole + HUGE_BYTES - at);

	if (backing == KVMC_MEM_HUGETLB) {
		flags = (flags | MAP_HUGETLB) & ~MAP_NORESERVE;
	} else if (backing == KVMC_MEM_MEMFD) {
		fd = memfd_create("guest", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, bytes))
			goto err_fd;
		flags = MAP_SHARED;
	}
	mem = mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (mem == MAP_FAILED)
		goto err_fd;
	if (fd >= 0)
		close(fd);
	/* Refused where the kernel has no THP: then pages are small anyway. */
	if (backing == KVMC_MEM_SMALL)
		madvise(mem, bytes, MADV_NOHUGEPAGE);
	if (backing == KVMC_MEM_THP)
		madvise(mem, bytes, MADV_HUGEPAGE);
	return mem;

err_fd:
	if (fd >= 0)
		close(fd);
	munmap(at, bytes);
	return NULL;
}

/**
 * kvmc_slot_set() - put memory at a guest-physical address
 * @vm: the machine
 * @slot: number of the slot
 * @gpa: where the guest sees it
 * @hva: where we see it
 * @bytes: size; 0 takes the slot away
 * @flags: KVM_MEM_*
 */
int kvmc_slot_set(struct kvmc_vm *vm, uint32_t slot, uint64_t gpa, void *hva,
		  size_t bytes, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

/**
 * kvmc_vm_create() - a machine with @bytes of memory from address 0 in slot 0
 * @vm: filled in; on an error nothing needs to be undone
 * @dev: the device; stays the caller's
 * @bytes: size of its memory
 * @backing: what backs it
 */
int kvmc_vm_create(struct kvmc_vm *vm, int dev, size_t bytes,
		   enum kvmc_backing backing)
{
	int ret;

	memset(vm, 0, sizeof(*vm));
	vm->dev = dev;
	vm->mem_bytes = bytes;
	vm->fd = ioctl(dev, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return -errno;
	ret = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < 0) {
		ret = -errno;
		goto err_vm;
	}
	vm->run_bytes = ret;
	vm->mem = kvmc_mem_alloc(bytes, backing);
	if (!vm->mem) {
		ret = -errno;
		goto err_vm;
	}
	ret = kvmc_slot_set(vm, 0, 0, vm->mem, bytes, 0);
	if (ret)
		goto err_mem;
	return 0;

err_mem:
	munmap(vm->mem, bytes);
err_vm:
	close(vm->fd);
	return ret;
}

/**
 * kvmc_vm_destroy() - close the machine and free its memory
 * @vm: the machine; its vCPUs have been destroyed
 */
void kvmc_vm_destroy(struct kvmc_vm *vm)
{
	close(vm->fd);
	munmap(vm->mem, vm->mem_bytes);
}

/**
 * kvmc_vcpu_create() - add a vCPU and map its run area
 * @vcpu: filled in; on an error nothing needs to be undone
 * @vm: the machine
 * @id: number, below GUEST_MAX_VCPUS
 */
int kvmc_vcpu_create(struct kvmc_vcpu *vcpu, struct kvmc_vm *vm, int id)
{
	int ret;

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->has_cpuid = 0;
	vcpu->params = (void *)(vm->mem + GUEST_PARAMS_GPA + id * 0x1000);
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		ret = -errno;
		close(vcpu->fd);
		return ret;
	}
	return 0;
}

/**
 * kvmc_vcpu_destroy() - unmap and close a vCPU
 * @vcpu: the vCPU
 */
void kvmc_vcpu_destroy(struct kvmc_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->vm->run_bytes);
	close(vcpu->fd);
}

/**
 * kvmc_vcpu_cpuid() - give the vCPU every feature the device supports
 * @vcpu: the vCPU; only the first call does anything
 */
int kvmc_vcpu_cpuid(struct kvmc_vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int ret = 0;

	if (vcpu->has_cpuid)
		return 0;
	cpuid = calloc(1, sizeof(*cpuid) +
		       CPUID_MAX * sizeof(struct kvm_cpuid_entry2));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = CPUID_MAX;
	if (ioctl(vcpu->vm->dev, KVM_GET_SUPPORTED_CPUID, cpuid) ||
	    ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid))
		ret = -errno;
	vcpu->has_cpuid = !ret;
	free(cpuid);
	return ret;
}

/**
 * kvmc_interrupt() - queue an external interrupt
 * @vcpu: a vCPU that is not in KVM_RUN
 * @vector: its vector
 */
int kvmc_interrupt(struct kvmc_vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return ioctl(vcpu->fd, KVM_INTERRUPT, &irq) ? -errno : 0;
}

/**
 * kvmc_run() - run the guest until its next exit
 * @vcpu: the vCPU
 *
 * Return: KVM_EXIT_*, or a negative errno (-EINTR after a signal).
 */
int kvmc_run(struct kvmc_vcpu *vcpu)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0))
		return -errno;
	return vcpu->run->exit_reason;
}

static int serve_io(struct kvm_run *run, const struct kvmc_ops *ops, void *ctx)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.direction == KVM_EXIT_IO_OUT) {
		if (!ops->out)
			return 0;
		return ops->out(ctx, run->io.port, data, run->io.size,
				run->io.count);
	}
	memset(data, 0, (size_t)run->io.size * run->io.count);
	if (!ops->in)
		return 0;
	return ops->in(ctx, run->io.port, data, run->io.size, run->io.count);
}

static int serve_mmio(struct kvm_run *run, const struct kvmc_ops *ops,
		      void *ctx)
{
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (!ops->mmio)
		return 0;
	return ops->mmio(ctx, run->mmio.phys_addr, run->mmio.data,
			 run->mmio.len, run->mmio.is_write);
}

/**
 * kvmc_serve() - run the guest and hand its exits to @ops until one says stop
 * @vcpu: the vCPU
 * @ops: who serves them
 * @ctx: handed to each
 *
 * Return: what stopped it: an op's value, a negative errno from KVM_RUN, or
 * -EIO for an exit that nobody serves (see @vcpu->run->exit_reason).
 */
int kvmc_serve(struct kvmc_vcpu *vcpu, const struct kvmc_ops *ops, void *ctx)
{
	struct kvm_run *run = vcpu->run;
	int ret;

	for (;;) {
		ret = kvmc_run(vcpu);
		if (ret < 0)
			return ret;
		switch (ret) {
		case KVM_EXIT_IO:
			ret = serve_io(run, ops, ctx);
			break;
		case KVM_EXIT_MMIO:
			ret = serve_mmio(run, ops, ctx);
			break;
		case KVM_EXIT_HLT:
			if (!ops->hlt)
				return 0;
			ret = ops->hlt(ctx, run->if_flag);
			break;
		default:
			return -EIO;
		}
		if (ret)
			return ret;
	}
}

/**
 * kvmc_serial_out() - take bytes that the guest sent
 * @serial: the port
 * @data: the bytes
 * @count: how many
 *
 * Return: 0, what the line function returned, or -E2BIG for an endless line.
 */
int kvmc_serial_out(struct kvmc_serial *serial, const uint8_t *data,
		    uint32_t count)
{
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		if (data[i] != '\n') {
			if (serial->len >= sizeof(serial->buf) - 1)
				return -E2BIG;
			serial->buf[serial->len++] = data[i];
			continue;
		}
		serial->buf[serial->len] = '\0';
		serial->len = 0;
		ret = serial->line(serial->ctx, serial->buf);
		if (ret)
			return ret;
	}
	return 0;
}
