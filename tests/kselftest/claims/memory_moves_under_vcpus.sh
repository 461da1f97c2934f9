# SPDX-License-Identifier: GPL-2.0
#
load
if modprobe brd rd_nr=1 rd_size=65536 2>/dev/null && mkswap /dev/ram0 >/dev/null 2>&1 &&
	swapon /dev/ram0 2>/dev/null; then
	swap=1
fi
[ ! -e /sys/kernel/mm/ksm/run ] || { echo 1000 >/sys/kernel/mm/ksm/pages_to_scan; echo 1 >/sys/kernel/mm/ksm/run; }
for backing in small thp memfd; do
	$D/memstress 80 $backing 7 >$TMP/out 2>&1 || fail "$backing: $(cat $TMP/out)"
	echo "# $backing: $(cat $TMP/out)"
done
[ ! -e /sys/kernel/mm/ksm/run ] || echo 2 >/sys/kernel/mm/ksm/run
[ -z "$swap" ] || { swapoff /dev/ram0; rmmod brd; }
no_vms
unload
