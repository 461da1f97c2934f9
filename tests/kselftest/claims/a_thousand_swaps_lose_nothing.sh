# SPDX-License-Identifier: GPL-2.0
#
load_all
four_guests
n=1000
[ $SLOW -lt 4 ] || n=200
done=0
# Between the parts everybody must have gone on.
while [ $done -lt $n ]; do
	swaps 102 rr bvt credit edf default	# the next part begins with another one than this ends with
	done=$((done + 102))
	all_go_on
done
swapped=$(vmmctl -j sched show | tr ',' '\n' | sed -n 's/^"swaps"://p')
[ "$swapped" -ge $n ] || fail "the kernel counts $swapped swaps, not $n"
none_forced_out
end_guests
no_vms
unload
