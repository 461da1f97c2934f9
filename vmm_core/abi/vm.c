// SPDX-License-Identifier: GPL-2.0
/*
 * A VM: its life, its file and its ioctls.
 *
 * Life: the VM's file and the file of each of its vCPUs hold one reference
 * each. The last one to go takes everything down, in the order of
 * vm_destroy(): no thread can be in KVM_RUN then, because a thread in an ioctl
 * holds the file.
 *
 * Locking: vm->lock for vCPU creation and settings; memory slots have their
 * own lock (mmu/slots.c), which nests inside.
 *
 * Limits: one address space.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/tsc.h>
#include "abi.h"

/* KVM refuses fewer; here the number has no effect, see vmm_vm.nr_mmu_pages. */
#define MIN_MMU_PAGES		64

#define IDENTITY_MAP_DEFAULT	0xfffbc000ull

static void vm_destroy(struct vmm_vm *vm)
{
	struct vmm_vcpu *vcpu;
	unsigned long id;

	/*
	 * First the MMU notifier: it walks the vCPUs; then what sends them
	 * interrupts. Then the vCPUs, whose VMCS may still be loaded somewhere;
	 * then what they belonged to.
	 */
	vmm_mmu_destroy(vm);
	vmm_irq_destroy(vm);
	xa_for_each(&vm->vcpus, id, vcpu) {
		vmm_emul_free(vcpu);
		vmm_vcpu_destroy(vcpu);
	}
	vmm_apic_map_free(vm);
	vmm_msr_filter_free(vm);
	xa_destroy(&vm->vcpus);
	vmm_group_put(vm->group);
	mmdrop(vm->mm);
	kvfree(vm);
}

/** vmm_vm_get() - one more reference, for the holder of one */
void vmm_vm_get(struct vmm_vm *vm)
{
	refcount_inc(&vm->ref);
}

/** vmm_vm_put() - one reference less; may sleep, and the VM may be gone after it */
void vmm_vm_put(struct vmm_vm *vm)
{
	if (refcount_dec_and_test(&vm->ref))
		vm_destroy(vm);
}

static struct vmm_vm *vm_create(void)
{
	struct vmm_vm *vm;
	int r;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	refcount_set(&vm->ref, 1);
	mutex_init(&vm->lock);
	mutex_init(&vm->slots_lock);
	xa_init(&vm->vcpus);
	vm->tsc_khz = tsc_khz;
	vmm_clock_init(vm);
	vm->identity_map_addr = IDENTITY_MAP_DEFAULT;
	vm->mm = current->mm;
	mmgrab(vm->mm);

	r = vmm_irq_init(vm);
	if (r)
		goto err_mm;
	vm->group = vmm_group_create(NULL);
	if (IS_ERR(vm->group)) {
		r = PTR_ERR(vm->group);
		goto err_irq;
	}
	r = vmx_vm_init(vm);
	if (r)
		goto err_group;
	r = vmm_mmu_init(vm);
	if (r)
		goto err_group;
	return vm;

err_group:
	vmm_group_put(vm->group);
err_irq:
	vmm_irq_destroy(vm);
err_mm:
	mmdrop(vm->mm);
	kvfree(vm);
	return ERR_PTR(r);
}

/* The VM exists as a whole before its file is installed: nothing fails after that. */
static int vm_create_vcpu(struct vmm_vm *vm, unsigned long id)
{
	unsigned long max_id = vm->max_vcpu_id ?: VMM_MAX_VCPU_ID;
	struct vmm_vcpu *vcpu;
	struct file *file;
	char name[24];
	int fd, r;

	lockdep_assert_held(&vm->lock);
	if (id >= max_id || vm->nr_vcpus >= VMM_MAX_VCPUS)
		return -EINVAL;
	if (xa_load(&vm->vcpus, id))
		return -EEXIST;
	r = xa_reserve(&vm->vcpus, id, GFP_KERNEL_ACCOUNT);
	if (r)
		return r;
	r = vmm_vcpu_create(vm, id, &vcpu);
	if (r)
		goto err_reserve;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		r = fd;
		goto err_vcpu;
	}
	snprintf(name, sizeof(name), "vmm-vcpu:%lu", id);
	file = anon_inode_getfile(name, &vmm_vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto err_fd;
	}
	vmm_vm_get(vm);
	xa_store(&vm->vcpus, id, vcpu, GFP_KERNEL_ACCOUNT);
	vm->nr_vcpus++;
	/* Requests to all vCPUs did not reach it before: let it look for itself. */
	vmm_make_request(vcpu, VMM_REQ_PML);
	if (vcpu->apic)
		vmm_apic_map_update(vm);
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
err_vcpu:
	vmm_vcpu_destroy(vcpu);
err_reserve:
	xa_release(&vm->vcpus, id);
	return r;
}

static int set_memory_region(struct vmm_vm *vm, const void __user *arg)
{
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, arg, sizeof(region)))
		return -EFAULT;
	return vmm_set_memory_region(vm, &region);
}

static int get_dirty_log(struct vmm_vm *vm, const void __user *arg)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return vmm_get_dirty_log(vm, &log);
}

static int clear_dirty_log(struct vmm_vm *vm, const void __user *arg)
{
	struct kvm_clear_dirty_log log;

	if (copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return vmm_clear_dirty_log(vm, &log);
}

/* 3 pages below 4 GiB for real mode on processors that lack it; unused here. */
static int set_tss_addr(struct vmm_vm *vm, unsigned long addr)
{
	if (addr > (u32)(-3 * PAGE_SIZE))
		return -EINVAL;
	vm->tss_addr = addr;
	return 0;
}

static int set_identity_map_addr(struct vmm_vm *vm, const u64 __user *arg)
{
	u64 addr;

	if (copy_from_user(&addr, arg, sizeof(addr)))
		return -EFAULT;
	if (vm->nr_vcpus)
		return -EINVAL;
	vm->identity_map_addr = addr ?: IDENTITY_MAP_DEFAULT;
	return 0;
}

/* Settings; vm->lock held. */
static long locked_ioctl(struct vmm_vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_CREATE_VCPU:
		return vm_create_vcpu(vm, arg);
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(vm, arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map_addr(vm, argp);
	case KVM_SET_NR_MMU_PAGES:
		if (arg < MIN_MMU_PAGES)
			return -EINVAL;
		vm->nr_mmu_pages = arg;
		return 0;
	case KVM_GET_NR_MMU_PAGES:
		return min_t(unsigned long, vm->nr_mmu_pages, INT_MAX);
	case KVM_X86_SET_MSR_FILTER:
		return vmm_abi_set_msr_filter(vm, argp);
	case KVM_SET_TSC_KHZ:
		return vmm_abi_vm_tsc_khz(vm, arg);
	default:
		return vmm_abi_irqchip_locked(vm, cmd, arg);
	}
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vmm_vm *vm = file->private_data;
	void __user *argp = (void __user *)arg;
	long r;

	if (vm->mm != current->mm || READ_ONCE(vm->bugged))
		return -EIO;
	switch (cmd) {
	case KVM_CHECK_EXTENSION:
		return vmm_check_extension(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
		return set_memory_region(vm, argp);
	case KVM_GET_DIRTY_LOG:
		return get_dirty_log(vm, argp);
	case KVM_CLEAR_DIRTY_LOG:
		return clear_dirty_log(vm, argp);
	case KVM_ENABLE_CAP:
		return vmm_abi_enable_vm_cap(vm, argp);
	case KVM_GET_TSC_KHZ:
		return vm->tsc_khz;
	case KVM_GET_STATS_FD:
		return vmm_abi_vm_stats(vm);
	case KVM_GET_CLOCK:
		return vmm_abi_get_clock(vm, argp);
	case KVM_SET_CLOCK:
		return vmm_abi_set_clock(vm, argp);
	}
	r = vmm_abi_irqchip(vm, cmd, arg);
	if (r != -ENOIOCTLCMD)
		return r;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	r = locked_ioctl(vm, cmd, arg);
	mutex_unlock(&vm->lock);
	return r;
}

static int vm_release(struct inode *inode, struct file *file)
{
	vmm_irq_stop(file->private_data);
	vmm_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

/**
 * vmm_abi_create_vm() - KVM_CREATE_VM
 * @type: 0, the only one
 *
 * Context: process, may sleep for a grace period.
 * Return: a file descriptor, -EINVAL (type), -ENOMEM, or the limits of the user
 * (-EDQUOT) and of the process (-EMFILE).
 */
int vmm_abi_create_vm(unsigned long type)
{
	struct vmm_vm *vm;
	struct file *file;
	int fd;

	if (type)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	vm = vm_create();
	if (IS_ERR(vm)) {
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}
	file = anon_inode_getfile("vmm-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		vmm_vm_put(vm);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}
