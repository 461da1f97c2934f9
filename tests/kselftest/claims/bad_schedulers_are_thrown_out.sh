# SPDX-License-Identifier: GPL-2.0
#
# Each misdeed of tests/bad under real guests: the scheduler goes, for the right
# reason, the one before it takes over, and no guest loses a byte.
load_all
modprobe sched_bad 2>/dev/null || skip "there is no sched_bad"
KIND=/sys/module/sched_bad/parameters/kind
vmmctl sched watchdog $((100 * SLOW))ms || fail "no watchdog"
[ "$(vmmctl -j sched watchdog)" = "{\"watchdog_ns\":$((100000000 * SLOW))}" ] || fail "watchdog: $(vmmctl -j sched watchdog)"
refused "100 ms to 30 s" vmmctl sched watchdog 31s
refused "no scheduler has been thrown out" vmmctl sched show --last-exit
four_guests --rounds 6
vmmctl -j monitor >$TMP/events 2>&1 &
mon=$!

# field NAME: of the record of who was thrown out last, in $value
field() { json_get $1 "$record"; }

begin() { # KIND [SCHEDULER]: it is in charge, and begins to do that
	echo good >$KIND
	vmmctl sched set rr >/dev/null || fail "$1: no rr"
	vmmctl sched set ${2:-bad} >/dev/null || fail "$1: it was refused"
	echo $1 >$KIND || fail "no kind $1"
}

is_out() { # KIND BREACH [SCHEDULER]
	local i=0
	while [ "$(active)" = ${3:-bad} ]; do
		i=$((i + 1))
		[ $i -lt $((60 * SLOW)) ] || fail "$1: it is still there"
		# Who looks all the time is what ends a slice without end.
		if [ $i -lt 4 ]; then sleep 0.05; else sleep 0.4; fi
	done
	echo good >$KIND
	record=$(vmmctl -j sched show --last-exit) || fail "$1: no record"
	field kind && [ "$value" = $2 ] || fail "$1: thrown out for $value, not $2: $record"
	field name && [ "$value" = ${3:-bad} ] && field next && [ "$value" = rr ] &&
		[ "$(active)" = rr ] || fail "$1: now $(active), not rr; $record"
	field waited_ns && waited=$value
	field took_ns
	echo "# $1: $2, waited $((waited / 1000)) us, took $((value / 1000)) us"
}

out() { begin $1 $3; is_out "$@"; }

out never stalled
out unknown unknown
out running running
out blocked blocked
out foreign foreign
all_go_on
out lose lost
out hold_idle stalled
for g in a b c s; do pin $g 0; done	# so that there is always somebody else
out starve starved
for g in a b c s; do pin $g all; done
field vm && [ -n "$value" ] && field other_picks && [ "$value" -ge 4 ] || fail "a record without who: $record"
vmmctl sched show --last-exit >$TMP/text || fail "no text"
grep -q "thrown out .*(starved): bad, because it starves" $TMP/text && grep -q "before: pick entity" $TMP/text ||
	fail "$(cat $TMP/text)"
out slice_zero slice
out slice_infinite slice
all_go_on
out unregister reentry
out activate reentry
out steal_unlocked steal bad_pcpu
out steal_keeps steal bad_pcpu
# Found in the same place as one of those before: each takes 20 s where all is slow.
if [ $SLOW -lt 4 ]; then
	out slice_negative slice
	out wakeup slice
	out register reentry
	out steal_gives steal bad_pcpu
fi
all_go_on

# What it answers when asked.
begin check_sched
refused "neither 0 nor an errno" vmmctl sched set bad --set depth=7
is_out check_sched errno
begin check_group
refused "neither 0 nor an errno" vmmctl vm set $(vm_name a) boost 7
is_out check_group errno

# One that is gone, and one that may not run there.
others=$GUESTS
guest d hash
goes_on d
begin good
kill -KILL $(pid_of d); wait $(pid_of d) 2>/dev/null
GUESTS=$others
i=0
while [ "$(vmmctl -j vm list | tr ',' '\n' | grep -c '"id":')" -gt 4 ]; do
	i=$((i + 1)); [ $i -lt 100 ] || fail "d is still there"
	sleep 0.05
done
echo dead >$KIND
is_out dead dead
pin a 0; pin b 0; pin c 1; pin s 1
out disallowed disallowed
for g in a b c s; do pin $g all; done

# Before it is in charge: refused, and rr goes on.
for k in init_errno attach_errno; do
	echo $k >$KIND
	refused "neither 0 nor an errno" vmmctl sched set bad
	[ "$(active)" = rr ] || fail "$k: $(active) is active"
done
echo attach_fails >$KIND
for k in 1 2 3 4; do
	echo $k >/sys/module/sched_bad/parameters/at
	refused "could not take a vCPU" vmmctl sched set bad
	[ "$(active)" = rr ] || fail "attach fails: $(active) is active"
done

# Its module goes in the midst of it.
begin never
rmmod sched_bad || fail "sched_bad does not unload"
[ "$(active)" = rr ] || fail "unloaded: $(active) is active"
all_go_on
kill -INT $mon; wait $mon
grep -q '"sched-thrown-out".*"kind":"starved"' $TMP/events || fail "no event: $(cat $TMP/events)"
dmesg | grep -q "scheduler bad thrown out (lost): it has lost an entity" || fail "not in the log"
end_guests
vmmctl sched watchdog 1s
no_vms
unload
