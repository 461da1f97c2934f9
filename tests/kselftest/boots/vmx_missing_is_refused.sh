# SPDX-License-Identifier: GPL-2.0
# options: --append clearcpuid=vmx
modprobe vmm_core 2>/dev/null && fail "vmm_core loads without VMX"
# (busybox's modprobe tries twice, by two system calls)
n=$(dmesg | sed -n 's/.*\(vmm_core: .*\)/\1/p' | grep -v taint | sort -u | wc -l)
dmesg | grep 'vmm_core: '
[ "$n" = 1 ] || fail "$n lines in the log, not one"
dmesg | grep -q 'vmm_core: this processor cannot run guests: it lacks VMX' || fail "the line does not say why"
[ ! -e /dev/vmm ] || fail "there is a /dev/vmm"
# Schedulers can be loaded and made active all the same.
modprobe -a sched_iface sched_rr sched_bvt || fail "no schedulers without VMX"
vmmctl sched set bvt && vmmctl sched set rr || fail "no swap without VMX"
rmmod sched_rr && [ "$(active)" = bvt ] || fail "no fallback without VMX"
rmmod sched_bvt && rmmod sched_iface || fail "they do not unload"
