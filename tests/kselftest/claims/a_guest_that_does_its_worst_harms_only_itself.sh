# SPDX-License-Identifier: GPL-2.0
#
# Beside it a witness computes on the same pCPUs: its lines stay right, it goes on, and
# against each storm it gets half of the pCPU that both want, in turns of 1 ms, of which the
# change from one to the other takes up to a tenth.
ROUNDS=${ROUNDS:-12}
[ $SLOW -lt 4 ] || ROUNDS=$((ROUNDS / 2))
load_all
vmmctl sched set bvt || fail "no bvt"
guest w hash
goes_on w
for seed in ${SEEDS:-1}; do
	out=$($D/worst -u $((1500 * SLOW)) -l $((1000 * SLOW)) $seed $ROUNDS 2>&1) || fail "$out"
	echo "# $(echo "$out" | tail -1)"
	goes_on w
done

# How long the witness has run and has waited for a pCPU, ns, and how often it got one
had() {
	vmmctl -j vm show $(vm_name w) | tr ',{}[]' '\n' |
		sed -n 's/^"\(run_ns\|wait_ns\|switches\)"://p' | tail -3
}

vmmctl sched set rr --set quantum=${SLOW}ms || fail "no rr"
pin w 0
$D/worst -s -1
storms=$?
i=0 less=
while [ $i -lt $storms ]; do
	rm -f $TMP/storm
	taskset 1 $D/worst -u $((20000 * SLOW)) -l $((1000 * SLOW)) -s $i -t $((240 * SLOW)) >$TMP/storm 2>&1 &
	worst=$!
	until [ -s $TMP/storm ]; do usleep 5000; done
	set -- $(had)
	usleep $((100000 * SLOW))
	set -- "$@" $(had)
	wait $worst || fail "$(cat $TMP/storm)"
	run=$((($4 - $1) / 1000)) wait=$((($5 - $2) / 1000))
	share=$((run * 1000 / (run + wait + 1)))
	turn=$((wait / ($6 - $3 + 1) / SLOW))
	what="$(head -1 $TMP/storm): the witness gets $share/1000, after $turn us each time"
	echo "# $what"
	[ $share -ge 440 ] && [ $turn -le 4000 ] || less="$less; $what"
	i=$((i + 1))
done
[ -z "$less" ] || fail "that is less than its due:$less"
end_guests
no_vms
unload
