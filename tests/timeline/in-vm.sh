# SPDX-License-Identifier: GPL-2.0
# On the test machine: recordings of guests whose scheduler is changed. Ends with
# status 1 and a line that says why when vmmctl does not do what it should; what is in
# the files is checked outside, by tests/timeline/check.py.
T=/sys/kernel/tracing/instances
mkdir -p $TMP
send() { echo "@@file ${1##*/}"; gzip -c "$1" | base64; echo "@@end"; }
no_instance() { [ -z "$(ls $T)" ] || fail "$1: a trace instance remains: $(ls $T)"; }
pass() { echo "ok - $*"; }
# until FILE has these words, or something is in the trace instances
until_said() { i=0; until grep -q "$2" $1 2>/dev/null; do i=$((i + 1)); [ $i -lt 400 ] || fail "no '$2': $(cat $1)"; sleep 0.05; done; }
until_recording() { i=0; until grep -q 1 $T/*/tracing_on 2>/dev/null; do i=$((i + 1)); [ $i -lt 400 ] || fail "it does not record"; sleep 0.05; done; }

load_all
mkdir $T/somebody_elses || fail "no trace instance"
rmdir $T/somebody_elses
for g in a b c; do guest $g hash; done
guest s sleeper
all_go_on
for g in a:256 b:512 c:1024; do vmmctl vm set $(vm_name ${g%:*}) weight ${g#*:} || fail weight; done
vmmctl vm set $(vm_name a) name '<a"b"&c>' || fail "name"
vmmctl sched set rr >/dev/null || fail "no rr"
all_go_on

vmmctl sched timeline -o $TMP/live.json -o $TMP/live.svg --around-swap --for 800ms --buffer 2048 >$TMP/said &
pid=$!
until_said $TMP/said "waiting for a change"
sleep 0.5
vmmctl sched set bvt >/dev/null || fail "no bvt"
wait $pid || fail "the recording failed: $(cat $TMP/said)"
grep -q "change of scheduler at .*: rr -> bvt" $TMP/said || fail "it says: $(cat $TMP/said)"
no_instance "after a recording"
sed 's/^/# /' $TMP/said
pass "a change of scheduler is recorded"

vmmctl -j sched timeline -o $TMP/cease.json --for 700ms --buffer 2048 >$TMP/said &
pid=$!
until_recording
vmmctl sched set rr --mode cease --timeout 2s >/dev/null || fail "no rr by cease"
vmmctl sched dispatch id && vmmctl sched dispatch ops
wait $pid || fail "the recording failed: $(cat $TMP/said)"
grep -q '"swaps":1.*"lost":0' $TMP/said || fail "it says: $(cat $TMP/said)"
pass "one in mode cease too"

# A signal ends it early, in good order; a kill cannot be caught, and the next one clears up.
vmmctl sched timeline --for 60s --buffer 2048 >$TMP/early.json 2>$TMP/err &
pid=$!
until_recording
sleep 0.5
kill -INT $pid
wait $pid || fail "SIGINT: $(cat $TMP/err)"
[ -s $TMP/early.json ] || fail "SIGINT: nothing written"
no_instance "after SIGINT"
vmmctl sched timeline --for 60s --buffer 512 -o $TMP/x.json >/dev/null &
pid=$!
until_recording
kill -KILL $pid; wait $pid
[ -n "$(ls $T)" ] || fail "SIGKILL left no instance?"
vmmctl sched timeline --for 50ms --buffer 512 -o $TMP/x.json >/dev/null || fail "after SIGKILL"
no_instance "after one that was killed"
refused "cannot write" vmmctl sched timeline -o /nowhere/x.json --for 10ms
no_instance "after a refusal"
pass "no trace instance remains on any way out"

# Too small a buffer: it is said, and what remains is whole.
for i in 1 2 3 4; do guest t$i sleeper --period-us 1000; done
all_go_on
vmmctl sched timeline -o $TMP/lost.json --for 1500ms --buffer 64 >$TMP/said 2>$TMP/err || fail "$(cat $TMP/err)"
grep -q "events did not fit the buffers" $TMP/err || fail "nothing lost? $(cat $TMP/said $TMP/err)"
pass "lost events are told"

send $TMP/live.json; send $TMP/live.svg; send $TMP/cease.json; send $TMP/early.json; send $TMP/lost.json
end_guests
unload
