// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_core.ko: guests on this machine's VMX, behind the KVM ABI.
 *
 * Here only the order in which the parts come and go. The processor is taken
 * before the device nodes appear, so that whoever can open one can run a
 * guest; the nodes go first at the end. Open files hold the module, so no VM
 * exists when it is unloaded.
 */
#include <linux/init.h>
#include <linux/module.h>
#include "vmm.h"

static int __init vmm_core_init(void)
{
	int r;

	r = vmx_setup();
	if (r)
		return r;
	vmm_cpuid_setup();
	r = vmm_irqfd_setup();
	if (r)
		return r;
	r = vmx_enable();
	if (r)
		goto err_irqfd;
	r = vmm_dev_register();
	if (r)
		goto err_vmx;
	return 0;

err_vmx:
	vmx_disable();
err_irqfd:
	vmm_irqfd_teardown();
	return r;
}
module_init(vmm_core_init);

static void __exit vmm_core_exit(void)
{
	vmm_dev_unregister();
	vmx_disable();
	vmm_irqfd_teardown();
}
module_exit(vmm_core_exit);

MODULE_DESCRIPTION("Virtual machines with schedulers that can be exchanged while they run");
MODULE_LICENSE("GPL");
