# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# For the suites of this folder: what a guest under QEMU is made of. $top is set.
out=${top:?}/build/tests

# build: programs of the host's and the guests', and the guests' kernel
build() {
	"$top/scripts/deps" build tools vm clients >&2
	make -s -C "$top" tools >&2
	make -s -C "$top/tests/guest" >&2
	guest_kernel=$("$top/tests/vm/build-kernel" test)
}

# linux_in DIR: a kernel for guests, and the firmware that QEMU needs to start it
linux_in() {
	rm -rf "$1"
	mkdir -p "$1"
	cp "$guest_kernel/bzImage" "$1/"
	for f in bios-256k.bin bios-microvm.bin linuxboot_dma.bin kvmvapic.bin; do
		for d in /usr/share/seabios /usr/share/qemu; do
			[ ! -e "$d/$f" ] || cp -L "$d/$f" "$1/"
		done
	done
}

# devices_initrd FILE: a root file system with guest-init, its programs and drivers
devices_initrd() {
	set -- "$1" --busybox "init=$top/tests/qemu/guest-init" "transfer=$out/transfer" \
		"linuxinit=$out/obj/linuxinit"
	for m in failover net_failover virtio_net; do
		set -- "$@" "lib/$m.ko=$(find "$guest_kernel/root/lib/modules" -name "$m.ko")"
	done
	"$top/tests/guest/mkinitrd" "$@"
}
