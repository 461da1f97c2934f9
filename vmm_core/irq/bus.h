/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices inside the kernel, by port or guest-physical address. A lookup that
 * finds nobody goes to user space.
 */
#ifndef _VMM_CORE_BUS_H
#define _VMM_CORE_BUS_H

#include <linux/types.h>

struct vmm_vm;
struct vmm_vcpu;
struct vmm_iodev;

/* FAST_MMIO: ioeventfds without length: the address alone decides, nothing is decoded. */
enum vmm_bus_id { VMM_BUS_PIO, VMM_BUS_MMIO, VMM_BUS_FAST_MMIO, VMM_NR_BUSES };

/**
 * struct vmm_iodev_ops - a device
 * @read:  fill @data; 0 done, -EOPNOTSUPP not mine (the next device in range is asked)
 * @write: the same
 *
 * Context: the vCPU's thread, process context, VMCS loaded; SRCU read section.
 */
struct vmm_iodev_ops {
	int (*read)(struct vmm_iodev *dev, struct vmm_vcpu *vcpu, u64 addr, u32 len, void *data);
	int (*write)(struct vmm_iodev *dev, struct vmm_vcpu *vcpu, u64 addr, u32 len,
		     const void *data);
};

/** struct vmm_iodev - embedded in the device; the range is fixed while registered */
struct vmm_iodev {
	const struct vmm_iodev_ops *ops;
	u64 addr;
	u32 len;	/* 0: any access that starts at addr */
};

int vmm_bus_register(struct vmm_vm *vm, enum vmm_bus_id bus, struct vmm_iodev *dev);	/* vm->irq.lock held */
void vmm_bus_unregister(struct vmm_vm *vm, enum vmm_bus_id bus, struct vmm_iodev *dev);	/* waits for readers */
/* 0 a device served it, -EOPNOTSUPP nobody there. Context as above. */
int vmm_bus_read(struct vmm_vcpu *vcpu, enum vmm_bus_id bus, u64 addr, u32 len, void *data);
int vmm_bus_write(struct vmm_vcpu *vcpu, enum vmm_bus_id bus, u64 addr, u32 len, const void *data);

#endif /* _VMM_CORE_BUS_H */
