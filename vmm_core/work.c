// SPDX-License-Identifier: GPL-2.0
/*
 * The thread's own pending work (rescheduling, task work, rseq, signals) before
 * the guest is entered.
 *
 * The kernel's function for it is made for KVM: when a signal is pending it
 * notes so in the struct kvm_vcpu that it is given. It gets one that nobody
 * reads, the same for everybody: what is written there is a constant and a
 * count.
 *
 * Locking: none. This is the only file that knows KVM's structures.
 */
#include <linux/entry-kvm.h>
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#include <linux/sched/signal.h>

int vmm_thread_work(void);

static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = { .run = &nobodys_run };

/**
 * vmm_thread_work() - do what is pending for the calling thread
 *
 * Context: process, preemptible, interrupts on, no locks; may sleep.
 * Return: 0, or -EINTR: a signal is pending.
 */
int vmm_thread_work(void)
{
	if (signal_pending(current))
		return -EINTR;
	return xfer_to_guest_mode_handle_work(&nobody);
}
