# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
guest a hash
goes_on a
a=$(vm_name a)
[ -n "$a" ] || fail "the VM has no name: $(vmmctl vm list)"
refused "1 to 65535" vmmctl vm set $a weight 0
refused "1 to 65535" vmmctl vm set $a weight 65536
refused "100us to 1s" vmmctl vm set $a quantum 50us
refused "100us to 1s" vmmctl vm set $a quantum 2s
refused "none of these CPUs is online\|not a list of this machine" vmmctl vm set $a cpus 63
refused "not a list" vmmctl vm set $a cpus fish
refused "no such VM" vmmctl vm set no_such weight 2
refused "no VM" vmmctl vm show no_such
refused "printable\|a name has" vmmctl vm set $a name 17
# All or nothing: the good half of a bad request is not done.
refused "100us to 1s" vmmctl vm set $a weight 77 quantum 5s
[ "$(vm_field $a weight)" != 77 ] || fail "half of a request was done"
vmmctl vm set $a weight 65535 quantum 100us name fresh || fail "good values refused"
[ "$(vm_field fresh weight)" = 65535 ] || fail "the weight is $(vm_field fresh weight)"
[ "$(vm_field fresh quantum_ns)" = 100000 ] || fail "the quantum is $(vm_field fresh quantum_ns)"
guest b hash
goes_on b
refused "another VM has that name" vmmctl vm set $(vm_name b) name fresh
refused "another VM has that name" vmmctl vm set $(vm_name b) cpus 0 name fresh
[ "$(vm_field $(vm_name b) cpus)" = '"all"' ] || fail "half of it was done: cpus $(vm_field $(vm_name b) cpus)"
echo 0 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 does not go offline"
refused "none of these CPUs is online" vmmctl vm set $(vm_name b) name other cpus 1
[ "$(vm_field $(vm_name b) weight)" ] || fail "half of it was done: $(vmmctl vm list)"
echo 1 >/sys/devices/system/cpu/cpu1/online
# Not root: nothing can be changed, nobody else's VM is seen.
cat >$TMP/nobody <<'EOF'
#!/bin/sh
exec su -s /bin/sh nobody -c "$*"
EOF
chmod 755 $TMP $TMP/nobody
refused "CAP_SYS_ADMIN" $TMP/nobody vmmctl vm set fresh weight 5
refused "CAP_SYS_ADMIN" $TMP/nobody vmmctl sched set rr
[ "$($TMP/nobody vmmctl -j vm list)" = "[]" ] || fail "nobody sees root's VMs"
$TMP/nobody $D/vmmguest --kind hash --seconds 1 >/dev/null 2>&1 && fail "nobody starts a VM"
[ "$(active)" = default ] || fail "$(active) is active"
end_guests
unload
