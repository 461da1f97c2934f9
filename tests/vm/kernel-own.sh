# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154 # variables of lib.sh
#
# kernel-own.sh - the part of build-kernel that compiles test and debug kernels

unpack_source() {
	tar -xJf /usr/src/linux-source-6.1.tar.xz --strip-components=1
	touch .unpacked
}

# $1: kernel, $2: source directory
compile() {
	mkdir -p build root
	make -C "$2" O="$PWD/build" tinyconfig
	"$2/scripts/kconfig/merge_config.sh" -m -O build build/.config \
		"$vm_dir/base.config" "$vm_dir/$1.config"
	make -C build olddefconfig
	check_config "$vm_dir/base.config" "$vm_dir/$1.config"
	# The build's name, time and place are part of the image: fixed, so
	# that two builds are the same to the byte. With KASAN inside, lockdep
	# took more than half of all that the debug kernel does.
	make -C build -j2 KASAN_SANITIZE_lockdep.o=n KBUILD_BUILD_TIMESTAMP=@1700000000 \
		KBUILD_BUILD_USER=vmm KBUILD_BUILD_HOST=vmm \
		KBUILD_BUILD_VERSION=1 LOCALVERSION="-vmm-$1" bzImage modules
	make -C build LOCALVERSION="-vmm-$1" INSTALL_MOD_PATH="$PWD/root" \
		modules_install
	cat build/include/config/kernel.release >release
	rm -f root/lib/modules/*/build root/lib/modules/*/source
	cp build/arch/x86/boot/bzImage bzImage
	strip --strip-debug -o vmlinux build/vmlinux
	# Modules are built against headers and Module.symvers only.
	find build -name '*.o' -o -name '*.a' -o -name 'vmlinux*' -o -name '.*.cmd' |
		grep -v '^build/\(scripts\|tools\)/' | tr '\n' '\0' | xargs -0 rm -f
	rm -f build/arch/x86/boot/bzImage
}

# An option that a fragment asks for and the configuration lacks is an error:
# a test kernel that silently misses a checker proves nothing. The last word
# counts; =n is met by any absence, =m also by y.
check_config() {
	cat "$@" | awk -F= '/^CONFIG_/ { want[$1] = $2 }
		END { for (o in want) print o "=" want[o] }' >asked
	bad=
	while IFS='=' read -r o v; do
		if [ "$v" = n ]; then
			! grep -q "^$o=" build/.config || bad="$bad $o=n"
		else
			grep -q "^$o=\($v\|y\)\$" build/.config || bad="$bad $o=$v"
		fi
	done <asked
	rm asked
	[ -z "$bad" ] || die "not in the configuration:$bad"
}

source_version() {
	dpkg-query -W -f '${Version}' linux-source-6.1 2>/dev/null
}

# $1: test or debug
own_kernel() {
	package=$(source_version) || true
	if [ -z "$package" ]; then
		"$top/scripts/deps" vm
		package=$(source_version)
	fi
	src=$(part "linux-source-$(key "$package")" .unpacked unpack_source)
	part "kernel-$1-$(key "$package" "$vm_dir/kernel-own.sh" \
		"$vm_dir/base.config" "$vm_dir/$1.config")" release compile "$1" "$src"
}
