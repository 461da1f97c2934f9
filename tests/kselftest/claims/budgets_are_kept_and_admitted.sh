# SPDX-License-Identifier: GPL-2.0
# long
# edf: real guests get their budgets and no more, what does not fit is refused and
# changes nothing, and it comes and goes while they run.
load_all
for g in a b c; do guest $g hash; done
all_go_on
vmmctl sched set edf >/dev/null || fail "no edf"
all_go_on

vmset() { vmmctl vm set $(vm_name $1) $2 $3 $4 $5; }
# What all have had so far, with little ado: programs that the shell runs take CPUs away.
snap() { vmmctl -j vm list >$TMP/$1; read -r up_$1 rest </proc/uptime; }
had() {
	tr ',{}[]' '\n' <$TMP/$1 | awk -F: -v vm="\"$(vm_name $2)\"" '
		$1 == "\"name\""	{ name = $2 }
		$1 == "\"run_ns\"" && name == vm { ns = $2 }
		END { print ns }'
}
ms() { echo $1 | sed 's/\.\(..\)/\10/'; }
# shares POINTS NAME:WANTED...: of one pCPU in 1/1000 over 3 s, to so many points
shares() {
	local w got span slack=$(($1 * 10))
	shift
	snap before; sleep 3; snap after
	span=$(($(ms $up_after) - $(ms $up_before)))
	for w in "$@"; do
		got=$((($(had after ${w%:*}) - $(had before ${w%:*})) / 1000 / span))
		echo "# ${w%:*} had $got of 1000, ${w#*:} wanted"
		[ $got -ge $((${w#*:} - slack)) ] && [ $got -le $((${w#*:} + slack)) ] ||
			fail "${w%:*} is more than $((slack / 10)) points off"
	done
}

# Half of the machine is idle, and still nobody gets more than its budget.
vmset a period 10ms budget 2ms && vmset b period 20ms budget 10ms &&
	vmset c period 5ms budget 1500us || fail "parameters"
shares 2 a:200 b:500 c:300
all_go_on
# With extratime it takes what is left; the others keep theirs.
vmset c extratime 1 || fail "no extratime"
shares 2 a:200 b:500
c=$((($(had after c) - $(had before c)) / 1000000))
echo "# c had $c ms beside them"
[ $c -gt 1200 ] || fail "extratime took little: its budgets alone are 900 ms"

# Refused, with the reason, and nothing is changed.
refused "longer than the period" vmset a budget 11ms
refused "at least 50us" vmset a budget 10us
vmset b period 20ms budget 19ms && vmset c budget 4250us || fail "2 of 2 do not fit"
refused "would not fit" vmset a budget 3ms
refused "would not fit" vmset a period 5ms budget 1500us
refused "would not fit" vmmctl sched set edf --set utilisation_cap=90
vmmctl vm show $(vm_name a) >$TMP/a
grep -q "budget = 2000000" $TMP/a || fail "a has other parameters now: $(cat $TMP/a)"
$D/vmmguest --name d --kind hash >$TMP/d.out 2>&1 && fail "a VM that does not fit was made"
dmesg | grep -q "refused: the budgets would not fit" || fail "the log does not say why: $(cat $TMP/d.out)"
all_go_on

# A pCPU less: too much is reserved. All go on, it is told, nothing more is taken.
online=/sys/devices/system/cpu/cpu1/online
if [ -e $online ]; then
	vmmctl monitor >$TMP/events &
	mon=$!
	sleep 0.3
	echo 0 >$online || fail "CPU 1 does not go offline"
	all_go_on
	refused "would not fit" vmset a budget 2100us
	echo 1 >$online || fail "CPU 1 does not come back"
	all_go_on
	kill -TERM $mon; wait $mon
	grep -q "edf warns: more processor time is reserved" $TMP/events ||
		fail "no warning: $(cat $TMP/events)"
fi

# To and from it under load.
swaps 60 rr edf bvt edf default
all_go_on
vmmctl sched set rr >/dev/null || fail "no rr"
vmset a cpus 0
for g in e f; do guest $g hash; done
all_go_on
# 0.2 + 0.95 + 0.85 + twice the default
refused "would not fit" vmmctl sched set edf
[ "$(active)" = rr ] || fail "after a refused change $(active) is active"
all_go_on
# What each VM has of its own counts again: less than that is left for the two.
refused "would not fit" vmmctl sched set edf --set budget=100us
vmmctl sched set edf --set budget=100us --set utilisation_cap=110 >/dev/null || fail "smaller defaults do not fit either"
[ "$(active)" = edf ] || fail "$(active) is active"
all_go_on
rmmod sched_edf || fail "the active scheduler does not unload"
[ "$(active)" = rr ] || fail "after edf not rr is active but $(active)"
all_go_on
end_guests
unload
