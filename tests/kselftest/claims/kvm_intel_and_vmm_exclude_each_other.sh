# SPDX-License-Identifier: GPL-2.0
#
# With kvm_intel there vmm_core says in one line why it does not come; or, where kvm_intel only
# takes VMX with its first VM, it comes as /dev/vmm only.
modprobe kvm_intel 2>/dev/null || skip "no kvm_intel here"
dmesg -c >/dev/null
modprobe vmm_core 2>/dev/null && fail "vmm_core loads beside kvm_intel"
# (busybox's modprobe tries twice, by two system calls)
n=$(dmesg | sed -n 's/.*\(vmm_core: .*\)/\1/p' | sort -u | wc -l)
dmesg | grep 'vmm_core: '
[ $n = 1 ] || fail "$n lines in the log, not one"
dmesg | grep -q 'vmm_core: another hypervisor holds' || fail "the line does not say why"
[ -e /dev/kvm ] || fail "/dev/kvm is gone"
rmmod kvm_intel && rmmod kvm || fail "kvm_intel does not unload"
# Now it comes, and the other way round.
load
guest a hash
goes_on a
modprobe kvm_intel 2>/dev/null && fail "kvm_intel loads beside vmm_core"
goes_on a
end_guests
unload
for m in kvm_intel kvm; do [ ! -d /sys/module/$m ] || rmmod $m; done
modprobe kvm_intel || fail "afterwards kvm_intel does not load"
rmmod kvm_intel; rmmod kvm
true
