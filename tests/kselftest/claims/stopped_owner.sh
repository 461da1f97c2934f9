# SPDX-License-Identifier: GPL-2.0
#
# A guest whose process is stopped gets nothing, costs the others nothing, and goes on after it.
load_all
four_guests
for s in default rr bvt edf; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	for i in 1 2; do
		kill -STOP $(pid_of a)
		sleep 0.1
		stands_still a || fail "$s: a stopped guest goes on"
		for g in b c s; do goes_on $g; done
		kill -CONT $(pid_of a)
		goes_on a
	done
done
end_guests
unload
