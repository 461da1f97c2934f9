# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
rmmod sched_iface 2>/dev/null && fail "sched_iface unloaded while others need it"
guest a hash
goes_on a
rmmod vmm_core 2>/dev/null && fail "vmm_core unloaded under a guest"
goes_on a
end_guests
unload
