# SPDX-License-Identifier: GPL-2.0
# long
# All but a little of the machine's memory is taken away; swap is compressed memory.
modprobe zram num_devices=1 2>/dev/null && [ -e /sys/block/zram0 ] || skip "no zram in this kernel"
echo 128M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0 ||
	fail "no swap"
load
number() { sed -n "s/^$1: *\([0-9]*\) .*/\1/p" /proc/meminfo; }
left=49152
sync; echo 3 >/proc/sys/vm/drop_caches
echo $((($(number MemFree) - left) / 2048)) >/proc/sys/vm/nr_hugepages
free=$(number MemFree)
guest=$((free * 3 / 2048))
$D/memtest --big $guest >$TMP/out 2>&1
st=$?
echo "# $((free / 1024)) MiB free, guest of $guest: $(cat $TMP/out)"
echo 0 >/proc/sys/vm/nr_hugepages
swapoff /dev/zram0; rmmod zram
[ $st = 0 ] || fail "status $st"
[ $free -lt $((left * 2)) ] || fail "too much memory was free"
no_vms
unload
