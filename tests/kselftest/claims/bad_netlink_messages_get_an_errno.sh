# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
guest a hash
goes_on a
$D/fuzz netlink || fail "see above"
goes_on a
end_guests
no_vms
unload
