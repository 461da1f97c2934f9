# SPDX-License-Identifier: GPL-2.0
#
load
$D/hostile 1 40 $((1500 * SLOW)) >$TMP/out 2>&1 || fail "$(tail -1 $TMP/out)"
sed 's/^/# /' $TMP/out
no_vms
unload
