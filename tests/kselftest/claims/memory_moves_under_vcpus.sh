# SPDX-License-Identifier: GPL-2.0
# long
# With the processor's dirty log, without it, without accessed and dirty bits.
modprobe -r vmm_core 2>/dev/null
if modprobe brd rd_nr=1 rd_size=65536 2>/dev/null && mkswap /dev/ram0 >/dev/null 2>&1 &&
	swapon /dev/ram0 2>/dev/null; then
	swap=1
fi
[ ! -e /sys/kernel/mm/ksm/run ] || { echo 1000 >/sys/kernel/mm/ksm/pages_to_scan; echo 1 >/sys/kernel/mm/ksm/run; }
clears=0 swapped=0
changes=$((80 / (SLOW > 2 ? 4 : 1)))
for how in pml=1 pml=0 eptad=0; do
	modprobe vmm_core $how || fail "vmm_core does not load with $how"
	for backing in small thp memfd; do
		$D/memstress $changes $backing 7 >$TMP/out 2>&1 || fail "$how, $backing: $(cat $TMP/out)"
		echo "# $how, $backing: $(cat $TMP/out)"
		clears=$((clears + $(sed -n 's/.* clears=\([0-9]*\).*/\1/p' $TMP/out)))
		swapped=$((swapped + $(sed -n 's/.* swapped=\([0-9]*\).*/\1/p' $TMP/out)))
	done
	no_vms
	rmmod vmm_core || fail "vmm_core does not unload"
done
[ ! -e /sys/kernel/mm/ksm/run ] || echo 2 >/sys/kernel/mm/ksm/run
[ -z "$swap" ] || { swapoff /dev/ram0; rmmod brd; }
[ $clears -gt 0 ] || [ $SLOW -gt 2 ] || fail "the log was never cleared by hand"
[ -z "$swap" ] || [ $swapped -gt 0 ] || fail "no page went to swap"
unload
