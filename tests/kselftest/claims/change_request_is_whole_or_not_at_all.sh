# SPDX-License-Identifier: GPL-2.0
#
load
four_guests
M=$(dirname $(find /lib/modules -name sched_rr.ko))
mkdir -p $TMP/images
cp $M/sched_rr.ko $TMP/images/anything.ko
# --check=crc32: as Debian's modules are; the kernel and libkmod know no other.
$D/xz --check=crc32 -0 -c $M/sched_bvt.ko >$TMP/images/sched_bvt.ko.xz || fail "xz"
loaded() { case $(vmmctl -j sched list) in *"\"name\":\"$1\""*) ;; *) return 1 ;; esac; }
param() {
	local out
	out=$(vmmctl -j sched show $1)
	json_get value "${out#*\"name\":\"$2\"}"
	echo "$value"
}

# A file anywhere, by any name, compressed or not; with parameters, in one request.
vmmctl sched set rr --image $TMP/images/anything.ko || fail "--image"
[ "$(active)" = rr ] || fail "$(active) is active, not rr"
vmmctl sched set bvt --image $TMP/images/sched_bvt.ko.xz --policy keep --set ctx_allow=2ms || fail "compressed"
[ "$(active)" = bvt ] && [ "$(param bvt ctx_allow)" = 2000000 ] || fail "bvt with its parameter: $(vmmctl sched show)"
loaded rr || fail "keep did not keep"
all_go_on

# A parameter that is out of range: nothing has changed, and what was loaded for it is gone again.
vmmctl sched set rr >/dev/null && rmmod sched_bvt || fail "rmmod"
vmmctl sched set bvt --image $M/sched_bvt.ko --set ctx_allow=3s 2>$TMP/err && fail "ctx_allow=3s was taken"
grep -q "range" $TMP/err || fail "no reason: $(cat $TMP/err)"
[ "$(active)" = rr ] || fail "$(active) is active after a refusal"
loaded bvt && fail "the refused one stayed loaded"
# No scheduler, no file.
echo nothing >$TMP/images/no.ko
vmmctl sched set x --image $TMP/images/no.ko 2>/dev/null && fail "no module was taken"
vmmctl sched set x --image $TMP/images/none.ko 2>/dev/null && fail "no file was taken"
[ "$(active)" = rr ] || fail "$(active) is active after that"
all_go_on

vmmctl sched set bvt --image $M/sched_bvt.ko --policy unload-after --set ctx_allow=3ms || fail "unload-after"
[ "$(active)" = bvt ] && ! loaded rr || fail "unload-after: $(vmmctl sched list)"
all_go_on
vmmctl sched set rr --image $M/sched_rr.ko --policy unload-before --mode cease || fail "unload-before"
[ "$(active)" = rr ] && ! loaded bvt || fail "unload-before: $(vmmctl sched list)"
all_go_on
# The new one fails after the old one is gone: the old one is back, as it was.
vmmctl sched set bvt --image $M/sched_bvt.ko --policy unload-before --set ctx_allow=7ms >/dev/null || fail "bvt"
vmmctl sched set rr --image $TMP/images/no.ko --policy unload-before >/dev/null 2>&1 && fail "no module was taken"
[ "$(active)" = bvt ] && [ "$(param bvt ctx_allow)" = 7000000 ] || fail "not brought back: $(vmmctl sched show)"
all_go_on

# The kernel has no memory for the new one beside the old one: the old one goes first. This new one
# never fits, so the old one comes back, and one line, or one object, tells the whole story.
$D/bigbss $M/sched_rr.ko $TMP/images/big.ko || fail "bigbss"
vmmctl sched set rr --image $TMP/images/big.ko >$TMP/out 2>$TMP/err && fail "1800 MiB of .bss fitted"
grep -q "^bvt is unloaded" $TMP/out || fail "not unloaded before: $(cat $TMP/out $TMP/err)"
[ $(wc -l <$TMP/err) = 1 ] && grep -q "cannot load.*memory.*bvt is active again" $TMP/err ||
	fail "not one line with the reason: $(cat $TMP/err)"
[ "$(active)" = bvt ] && [ "$(param bvt ctx_allow)" = 7000000 ] || fail "not brought back: $(vmmctl sched show)"
vmmctl -j sched set rr --image $TMP/images/big.ko >$TMP/out && fail "with -j it fitted"
[ $(grep -c '"error"' $TMP/out) = 1 ] || fail "-j: not one object: $(cat $TMP/out)"
all_go_on
# Killed between the two: nobody but the kernel is left to bring it back.
mkfifo $TMP/images/never.ko
vmmctl sched set rr --image $TMP/images/never.ko --policy unload-before >$TMP/out 2>&1 &
killed=$!
i=0
while [ "$(active)" = bvt ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
[ "$(active)" = default ] || fail "no stopgap: $(cat $TMP/out)"
all_go_on
kill -KILL $killed; wait $killed
i=0
while [ "$(active)" != bvt ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
[ "$(active)" = bvt ] && [ "$(param bvt ctx_allow)" = 7000000 ] || fail "not brought back: $(vmmctl sched show)"
all_go_on
# Built-in, the old one cannot make room: it stays.
vmmctl sched set default >/dev/null && rmmod sched_bvt || fail "default"
vmmctl sched set rr --image $TMP/images/big.ko 2>/dev/null && fail "beside the default it fitted"
[ "$(active)" = default ] || fail "$(active) is active, not default"
all_go_on
end_guests
no_vms
unload
