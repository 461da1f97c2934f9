// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's file: its ioctls and its shared pages.
 *
 * The file holds a reference to the VM; the vCPU itself lives as long as the
 * VM does, so that others may look it up without a reference of its own.
 *
 * Locking: vcpu->mutex is held around each ioctl, so that a vCPU has one user
 * at a time: its thread in KVM_RUN, or one that reads or sets its state.
 * Taking it is killable: a second thread may wait for as long as the guest
 * runs.
 */
#include <linux/module.h>
#include "abi.h"

/* Calls that need neither the VMCS nor the guest's registers in it. */
static long light_ioctl(struct vmm_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_FPU:
		return vmm_abi_get_fpu(vcpu, argp);
	case KVM_SET_FPU:
		return vmm_abi_set_fpu(vcpu, argp);
	case KVM_GET_XSAVE:
		return vmm_abi_get_xsave(vcpu, argp, false);
	case KVM_GET_XSAVE2:
		return vmm_abi_get_xsave(vcpu, argp, true);
	case KVM_SET_XSAVE:
		return vmm_abi_set_xsave(vcpu, argp);
	case KVM_GET_XCRS:
		return vmm_abi_get_xcrs(vcpu, argp);
	case KVM_GET_DEBUGREGS:
		return vmm_abi_get_debugregs(vcpu, argp);
	case KVM_SET_SIGNAL_MASK:
		return vmm_abi_set_signal_mask(vcpu, argp);
	case KVM_INTERRUPT:
		return vmm_abi_interrupt(vcpu, argp);
	case KVM_GET_TSC_KHZ:
		return vcpu->tsc_khz;
	case KVM_GET_STATS_FD:
		return vmm_abi_vcpu_stats(vcpu);
	case KVM_KVMCLOCK_CTRL:
		return vmm_abi_kvmclock_ctrl(vcpu);
	case KVM_GET_LAPIC:
		return vmm_abi_get_lapic(vcpu, argp);
	case KVM_SET_LAPIC:
		return vmm_abi_set_lapic(vcpu, argp);
	case KVM_SET_VAPIC_ADDR:
		return vmm_abi_set_vapic_addr(vcpu, argp);
	case KVM_TPR_ACCESS_REPORTING:
		return vmm_abi_tpr_reporting(vcpu, argp);
	case KVM_ENABLE_CAP:
		return vmm_abi_enable_vcpu_cap(vcpu, argp);
	default:
		return -ENOIOCTLCMD;
	}
}

/* Calls for which the VMCS must be current. */
static long loaded_ioctl(struct vmm_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_MP_STATE:
		return vmm_abi_get_mp_state(vcpu, argp);
	case KVM_SET_MP_STATE:
		return vmm_abi_set_mp_state(vcpu, argp);
	case KVM_GET_REGS:
		return vmm_abi_get_regs(vcpu, argp);
	case KVM_SET_REGS:
		return vmm_abi_set_regs(vcpu, argp);
	case KVM_GET_SREGS:
		return vmm_abi_get_sregs(vcpu, argp);
	case KVM_SET_SREGS:
		return vmm_abi_set_sregs(vcpu, argp);
	case KVM_GET_SREGS2:
		return vmm_abi_get_sregs2(vcpu, argp);
	case KVM_SET_SREGS2:
		return vmm_abi_set_sregs2(vcpu, argp);
	case KVM_GET_MSRS:
		return vmm_abi_get_msrs(vcpu, argp);
	case KVM_SET_MSRS:
		return vmm_abi_set_msrs(vcpu, argp);
	case KVM_GET_CPUID2:
		return vmm_abi_get_cpuid2(vcpu, argp);
	case KVM_SET_CPUID2:
		return vmm_abi_set_cpuid2(vcpu, argp);
	case KVM_SET_XCRS:
		return vmm_abi_set_xcrs(vcpu, argp);
	case KVM_SET_DEBUGREGS:
		return vmm_abi_set_debugregs(vcpu, argp);
	case KVM_NMI:
		return vmm_abi_nmi(vcpu);
	case KVM_GET_VCPU_EVENTS:
		return vmm_abi_get_events(vcpu, argp);
	case KVM_SET_VCPU_EVENTS:
		return vmm_abi_set_events(vcpu, argp);
	case KVM_SET_GUEST_DEBUG:
		return vmm_abi_set_guest_debug(vcpu, argp);
	case KVM_X86_SETUP_MCE:
		return vmm_abi_setup_mce(vcpu, argp);
	case KVM_X86_SET_MCE:
		return vmm_abi_set_mce(vcpu, argp);
	case KVM_SET_TSC_KHZ:
		return vmx_tsc_set_khz(vcpu, arg);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return vmm_abi_vcpu_attr(vcpu, cmd, argp);
	case KVM_TRANSLATE:
		return vmm_abi_translate(vcpu, argp);
	default:
		return -ENOTTY;
	}
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vmm_vcpu *vcpu = file->private_data;
	struct vmm_vm *vm = vcpu->vm;
	long r;

	/* The guest's memory is the creator's; nobody else may act on it. */
	if (unlikely(vm->mm != current->mm || READ_ONCE(vm->bugged)))
		return -EIO;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (likely(cmd == KVM_RUN)) {
		r = arg ? -EINVAL : vmm_vcpu_run(vcpu);
	} else {
		r = light_ioctl(vcpu, cmd, arg);
		if (r == -ENOIOCTLCMD) {
			vmm_vcpu_load(vcpu);
			r = loaded_ioctl(vcpu, cmd, arg);
			vmm_vcpu_put(vcpu);
		}
	}
	mutex_unlock(&vcpu->mutex);
	return r;
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct vmm_vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff >= ARRAY_SIZE(vcpu->run_pages))
		return VM_FAULT_SIGBUS;
	vmf->page = vcpu->run_pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vmm_vcpu *vcpu = file->private_data;

	/* Nobody can run it any more: a pCPU that it still holds as a loan is free. */
	vmm_gate_flush(&vcpu->entity);
	vmm_vm_put(vcpu->vm);
	return 0;
}

const struct file_operations vmm_vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};
