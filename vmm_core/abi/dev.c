// SPDX-License-Identifier: GPL-2.0
/*
 * The device nodes and what can be asked of them without a VM.
 *
 * /dev/vmm is always there. The same calls are answered as /dev/kvm (the
 * number that KVM reserves for itself) so that unmodified clients just work;
 * a KVM module that is loaded holds that number, and then the two exclude each
 * other in both directions without further code. Parameter kvm_node=0 leaves
 * /dev/kvm alone.
 *
 * Limits: 64-bit clients only; a 32-bit one gets -ENOTTY for each ioctl.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/miscdevice.h>
#include <linux/module.h>
#include "abi.h"

static bool kvm_node = true;
module_param(kvm_node, bool, 0444);
MODULE_PARM_DESC(kvm_node, "Answer as /dev/kvm, too, if no other KVM does (default: yes)");

static bool kvm_node_ours;

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return vmm_abi_create_vm(arg);
	case KVM_CHECK_EXTENSION:
		return vmm_check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VMM_RUN_PAGES * PAGE_SIZE;
	case KVM_GET_MSR_INDEX_LIST:
		return vmm_abi_msr_list(argp, vmm_msr_list, vmm_msr_list_size);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return vmm_abi_msr_list(argp, vmm_msr_features, vmm_msr_features_size);
	case KVM_GET_MSRS:
		return vmm_abi_feature_msrs(argp);
	case KVM_GET_SUPPORTED_CPUID:
		return vmm_abi_supported_cpuid(argp);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return vmm_abi_mce_cap(argp);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice vmm_node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vmm",
	.fops = &dev_fops,
	.mode = 0660,
};

static struct miscdevice vmm_kvm_node = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &dev_fops,
	.mode = 0660,
};

/**
 * vmm_dev_register() - make the device nodes appear; from here on VMs can be created
 *
 * That /dev/kvm is taken is no error: one line in the log says so.
 * Context: module init, may sleep.
 * Return: 0 or what misc_register() says about /dev/vmm.
 */
int vmm_dev_register(void)
{
	int r = misc_register(&vmm_node);

	if (r) {
		pr_err("cannot register /dev/vmm: %d\n", r);
		return r;
	}
	if (!kvm_node)
		return 0;
	r = misc_register(&vmm_kvm_node);
	kvm_node_ours = !r;
	if (r == -EBUSY)
		pr_info("/dev/kvm belongs to another module; answering as /dev/vmm only\n");
	else if (r)
		pr_warn("cannot register /dev/kvm: %d; answering as /dev/vmm only\n", r);
	return 0;
}

/** vmm_dev_unregister() - the nodes go; the module's use count says that no file is open */
void vmm_dev_unregister(void)
{
	if (kvm_node_ours)
		misc_deregister(&vmm_kvm_node);
	misc_deregister(&vmm_node);
}
