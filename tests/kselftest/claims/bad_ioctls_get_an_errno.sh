# SPDX-License-Identifier: GPL-2.0
# smoke
load
$D/fuzz ioctl || fail "see above"
no_vms
unload
