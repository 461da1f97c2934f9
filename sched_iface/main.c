// SPDX-License-Identifier: GPL-2.0
/*
 * sched_iface.ko: module entry and exit, nothing else.
 */
#include <linux/module.h>
#include "internal.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

struct vmm_pool *vmm_pool0;
EXPORT_SYMBOL_GPL(vmm_pool0);

static int __init sched_iface_init(void)
{
	int ret;

	ret = vmm_sched_register(&vmm_default_ops);
	if (ret)
		return ret;
	ret = vmm_watchdog_init();
	if (ret)
		goto err_default;
	ret = vmm_host_init();
	if (ret)
		goto err_watchdog;
	ret = vmm_dispatch_init();
	if (ret)
		goto err_host;
	ret = vmm_change_init();
	if (ret)
		goto err_dispatch;
	ret = vmm_netlink_init();
	if (ret)
		goto err_change;
	return 0;
err_change:
	vmm_change_exit();
err_dispatch:
	vmm_dispatch_exit();
err_host:
	vmm_host_exit();
err_watchdog:
	vmm_watchdog_exit();
err_default:
	vmm_sched_unregister(&vmm_default_ops);
	return ret;
}

static void __exit sched_iface_exit(void)
{
	vmm_netlink_exit();
	vmm_change_exit();
	vmm_dispatch_exit();
	vmm_host_exit();
	vmm_watchdog_exit();
	vmm_sched_unregister(&vmm_default_ops);
	vmm_reasons_free();
}

module_init(sched_iface_init);
module_exit(sched_iface_exit);

MODULE_DESCRIPTION("vmm: vCPU scheduler interface, gate and live swap");
MODULE_LICENSE("GPL");
