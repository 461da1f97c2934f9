# SPDX-License-Identifier: GPL-2.0
#
# bvt: 1:2:4 on one pCPU, within 2 points; within 5 on a kernel so slow that turns are missed.
load_all
# A thread of a kernel that is so slow cannot come in 200 us: nobody would get what is his.
P=/sys/module/sched_iface/parameters
[ $SLOW -lt 4 ] || { echo $((200 * SLOW)) >$P/offer_us; echo $((100 * SLOW)) >$P/loan_us; }
vmmctl sched set bvt || fail "no bvt"
for g in a b c; do guest $g hash; done
all_go_on
for p in a:100 b:200 c:400; do
	vmmctl vm set $(vm_name ${p%:*}) weight ${p#*:} cpus 0 || fail "weight"
done
all_go_on
sleep 1
run() { vm_field $(vm_name $1) run_ns; }
a0=$(run a) b0=$(run b) c0=$(run c)
sleep 4
a=$(($(run a) - a0)) b=$(($(run b) - b0)) c=$(($(run c) - c0))
sum=$((a + b + c))
echo "# shares in 1/1000: $((a * 1000 / sum)) $((b * 1000 / sum)) $((c * 1000 / sum)), 143 286 571 wanted"
off=20
[ $SLOW -lt 4 ] || off=50
near() { d=$(($1 * 1000 / sum - $2)); [ $d -ge -$off ] && [ $d -le $off ]; }
near $a 143 && near $b 286 && near $c 571 || fail "more than $off/1000 off"
[ $sum -gt 3000000000 ] || fail "together they only had $sum ns of 4 s"
end_guests
unload
