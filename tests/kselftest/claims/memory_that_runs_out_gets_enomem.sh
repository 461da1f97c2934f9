# SPDX-License-Identifier: GPL-2.0
#
# Each allocation of each step of making and changing a VM fails in turn.
[ -e /proc/self/fail-nth ] || skip "this kernel has no fault injection"
load
mount -t debugfs none /sys/kernel/debug 2>/dev/null
for f in failslab fail_page_alloc; do
	d=/sys/kernel/debug/$f
	[ -d $d ] || fail "no $f"
	echo N >$d/ignore-gfp-wait
	echo 0 >$d/verbose
done
echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
for how in pml=1 pml=0; do
	rmmod vmm_core && modprobe vmm_core $how || fail "vmm_core does not load with $how"
	$D/faults >$TMP/out 2>&1
	st=$?
	cat $TMP/out
	[ $st = 0 ] || fail "$how: status $st: $(tail -1 $TMP/out)"
	no_vms
done
$D/vmmtest >$TMP/out 2>&1 || fail "afterwards: $(grep '^not ok' $TMP/out)"
unload
