# SPDX-License-Identifier: GPL-2.0
# smoke
load
echo 8 >/proc/sys/vm/nr_hugepages
$D/vmmtest >$TMP/out 2>&1; st=$?
echo 0 >/proc/sys/vm/nr_hugepages
grep -v '^ok' $TMP/out
[ $st = 0 ] || fail "vmmtest ended with $st"
n=$(grep -c '^ok' $TMP/out)
[ $n -ge 26 ] || fail "only $n tests ran"
no_vms
