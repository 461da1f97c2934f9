# SPDX-License-Identifier: GPL-2.0
#
load_all
guest a hash
if modprobe brd rd_nr=1 rd_size=65536 2>/dev/null && mkswap /dev/ram0 >/dev/null 2>&1 &&
	swapon /dev/ram0 2>/dev/null; then
	swap=1
fi
[ ! -e /sys/kernel/mm/ksm/run ] || { echo 1000 >/sys/kernel/mm/ksm/pages_to_scan; echo 1 >/sys/kernel/mm/ksm/run; }
$D/gatetest memory >$TMP/memory || fail "$(cat $TMP/memory)"
echo "# $(tr '\n' ' ' <$TMP/memory)"
[ ! -e /sys/kernel/mm/ksm/run ] || echo 2 >/sys/kernel/mm/ksm/run
if [ -n "$swap" ]; then
	! grep -q '^swapped=0$' $TMP/memory || fail "no page went to swap"
	swapoff /dev/ram0; rmmod brd
else
	echo "# no swap here"
fi
for b in thp memfd; do
	guest $b hash --backing $b
	goes_on $b
done
all_go_on
end_guests
unload
