# SPDX-License-Identifier: GPL-2.0
#
# A sleeper that halts in user space needs the host's scheduler before it is at the gate:
# beside vCPUs that take turns it does not wait there for the next tick.
load_all
taskset -p 2 $$ >/dev/null || skip "one processor"
WRAP="taskset 1"
for i in 1 2 3 4; do guest h$i hash --bytes 65536; done
guest s sleeper --period-us 10000 --skip 150
all_go_on
vmmctl sched set bvt >/dev/null || fail "no bvt"
vmmctl vm set $(vm_name s) warp 20ms || fail "no warp"
sleep 4
end_guests
echo "# $(cat $TMP/s.out)"
p99=$(sed -n 's/.*"wake_p99_ns": \([0-9]*\).*/\1/p' $TMP/s.out)
[ "$p99" -lt $((2000000 * SLOW)) ] || fail "one wake-up in a hundred takes $p99 ns or more"
unload
