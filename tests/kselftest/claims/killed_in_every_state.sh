# SPDX-License-Identifier: GPL-2.0
#
# kill -9 at many moments: running, waiting, asleep, being swapped, stopped, frozen out.
load_all
guest keep hash
goes_on keep
swaps_meanwhile rr bvt edf default
n=30
[ $SLOW -lt 4 ] || n=10
i=0
while [ $i -lt $n ]; do
	i=$((i + 1))
	pids=
	for k in hash sleeper hash; do
		$D/vmmguest --kind $k --period-us 500 --bytes $((65536)) >/dev/null 2>&1 &
		pids="$pids $!"
	done
	[ $((i % 5)) = 0 ] && kill -STOP $pids
	usleep $(((i * 7919) % 60000 * SLOW))
	kill -KILL $pids
	wait $pids 2>/dev/null
done
goes_on keep
stop_swaps
end_guests
no_vms
vmmctl pcpu list
unload
