// SPDX-License-Identifier: GPL-2.0
/*
 * Counters for user space: KVM_GET_STATS_FD of a VM and of a vCPU.
 *
 * The file describes itself: a header, a name, what each counter is, then the
 * counters. All of it is put together for each read: nobody reads so often that
 * this matters. Names are KVM's where the meaning is.
 *
 * Locking: none: the counters are read as they stand. The file holds the VM.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "abi.h"

#define NAME_SIZE	48

struct counter {
	char name[NAME_SIZE];
	u32 flags;
	u16 offset;		/* in the structure it is part of */
	u16 size;		/* number of u64 */
};

#define STAT(type, member, kind, text) {					\
	.name = text, .flags = KVM_STATS_TYPE_##kind,				\
	.offset = offsetof(type, member),					\
	.size = sizeof_field(type, member) / sizeof(u64),			\
}

#define V(text, member)		STAT(struct vmm_vcpu, member, CUMULATIVE, text)
static const struct counter vcpu_stats[] = {
	V("exits", exits),
	V("exits_by_reason", exit_count),
	V("user_exits", user_exits),
	V("signal_exits", signal_exits),
	V("irq_exits", irq_exits),
	V("irq_injections", irqs_injected),
	V("pf_taken", page_faults),
	V("mmio_exits", mmio_exits),
	V("io_exits", io_exits),
	V("halt_exits", halts),
	V("directed_yield_attempted", entity.stats.given_way),
	V("directed_yield_successful", entity.stats.given_way_done),
};

static const struct counter vm_stats[] = {
	STAT(struct vmm_vm, mmu.mapped_4k, INSTANT, "pages_4k"),
	STAT(struct vmm_vm, mmu.mapped_2m, INSTANT, "pages_2m"),
	STAT(struct vmm_vm, mmu.mapped_1g, INSTANT, "pages_1g"),
};

/**
 * struct source - what a file shows
 * @vm:   the VM; a reference
 * @base: the structure that the counters are in
 * @stat: which ones
 * @nr:   how many
 * @id:   name of the file
 */
struct source {
	struct vmm_vm *vm;
	const void *base;
	const struct counter *stat;
	unsigned int nr;
	char id[NAME_SIZE];
};

/*
 * What user space sees before the name: in newer kernels the kernel's view of the structure
 * has the name's bytes in it, and user space's has not.
 */
#define DESC_HEAD	offsetof(struct kvm_stats_desc, name)

static size_t desc_size(void)
{
	return DESC_HEAD + NAME_SIZE;
}

/* Header, descriptors, counters; the size of it all when @buf is NULL. */
static size_t put_together(const struct source *s, void *buf)
{
	struct kvm_stats_header h = {
		.name_size = NAME_SIZE,
		.num_desc = s->nr,
		.id_offset = sizeof(h),
		.desc_offset = sizeof(h) + NAME_SIZE,
		.data_offset = sizeof(h) + NAME_SIZE + s->nr * desc_size(),
	};
	u32 offset = 0;
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		const struct counter *st = &s->stat[i];
		size_t bytes = st->size * sizeof(u64);

		if (buf) {
			struct kvm_stats_desc d = {
				.flags = st->flags, .size = st->size, .offset = offset,
			};
			void *desc = buf + h.desc_offset + i * desc_size();

			memcpy(desc, &d, DESC_HEAD);
			memcpy(desc + DESC_HEAD, st->name, NAME_SIZE);
			memcpy(buf + h.data_offset + offset, s->base + st->offset, bytes);
		}
		offset += bytes;
	}
	if (buf) {
		memcpy(buf, &h, sizeof(h));
		memcpy(buf + h.id_offset, s->id, NAME_SIZE);
	}
	return h.data_offset + offset;
}

static ssize_t stats_read(struct file *file, char __user *user, size_t len, loff_t *pos)
{
	const struct source *s = file->private_data;
	size_t size = put_together(s, NULL);
	void *buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	ssize_t r;

	if (!buf)
		return -ENOMEM;
	put_together(s, buf);
	r = simple_read_from_buffer(user, len, pos, buf, size);
	kvfree(buf);
	return r;
}

static int stats_release(struct inode *inode, struct file *file)
{
	struct source *s = file->private_data;

	vmm_vm_put(s->vm);
	kfree(s);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

static int open_stats(const char *name, struct source *s)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, &stats_fops, s, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_PREAD;
	vmm_vm_get(s->vm);
	fd_install(fd, file);
	return fd;
}

/**
 * vmm_abi_vm_stats() - KVM_GET_STATS_FD of a VM
 * @vm: the VM
 *
 * Return: a file descriptor, -ENOMEM, -EMFILE.
 */
int vmm_abi_vm_stats(struct vmm_vm *vm)
{
	struct source *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	int fd;

	if (!s)
		return -ENOMEM;
	s->vm = vm;
	s->base = vm;
	s->stat = vm_stats;
	s->nr = ARRAY_SIZE(vm_stats);
	snprintf(s->id, sizeof(s->id), "kvm-%u", vm->group->id);
	fd = open_stats("vmm-vm-stats", s);
	if (fd < 0)
		kfree(s);
	return fd;
}

/**
 * vmm_abi_vcpu_stats() - KVM_GET_STATS_FD of a vCPU
 * @vcpu: the vCPU
 *
 * Return: a file descriptor, -ENOMEM, -EMFILE.
 */
int vmm_abi_vcpu_stats(struct vmm_vcpu *vcpu)
{
	struct source *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	int fd;

	if (!s)
		return -ENOMEM;
	s->vm = vcpu->vm;
	s->base = vcpu;
	s->stat = vcpu_stats;
	s->nr = ARRAY_SIZE(vcpu_stats);
	snprintf(s->id, sizeof(s->id), "kvm-%u/vcpu-%u", vcpu->vm->group->id, vcpu->id);
	fd = open_stats("vmm-vcpu-stats", s);
	if (fd < 0)
		kfree(s);
	return fd;
}
