# SPDX-License-Identifier: GPL-2.0
# smoke
# On Debian's kernels this has an LDT and protection keys as well.
load
modprobe msr 2>/dev/null
# beside guests, so that the pCPUs change hands under it
guest a hash
guest b hash
all_go_on
$D/vmmarch >$TMP/out 2>&1; st=$?
grep -v '^ok\|^KTAP\|^1\.\.' $TMP/out
[ $st = 0 ] || fail "vmmarch ended with $st"
n=$(grep -c '^ok' $TMP/out)
[ $n -ge 48 ] || fail "only $n tests ran"
all_go_on
end_guests
no_vms
unload
