# SPDX-License-Identifier: GPL-2.0
# smoke
# Each CPU is asked for a backtrace by an NMI, which finds some of them in a guest.
[ -w /proc/sysrq-trigger ] || skip "no sysrq here"
nmis() { sed -n 's/^ *NMI: *//p' /proc/interrupts | awk '{ for (i = 1; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i; print n }'; }
load_all
four_guests
level=$(cut -f1 /proc/sys/kernel/printk)
echo 1 >/proc/sys/kernel/printk
before=$(nmis)
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	echo l >/proc/sysrq-trigger
	usleep $(((i * 7919) % 20000))
done
after=$(nmis)
echo $level >/proc/sys/kernel/printk
echo "# $((after - before)) NMIs"
# The CPU that asks answers without one.
[ $((after - before)) -ge $((20 * ($(cpus) - 1))) ] || fail "NMIs were lost: $before, then $after"
all_go_on
end_guests
unload
