# SPDX-License-Identifier: GPL-2.0
"""The two machines that have VMX: QEMU on this host's own, and Bochs.

Both give the guest the same devices as far as tests can tell: a serial console
whose bytes come out of a named pipe, and port 0xe9, whose bytes come out of
the process's standard output.
"""

import os
import shutil

from . import kernel

IPS = 100_000_000	# ticks of the emulated machine's clock in one of its seconds
STOCK_HZ = 250
OWN_HZ = 100


def host_vmx():
    """Why this host's own VMX cannot be used, or None if it can."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as e:
        return f"/dev/kvm: {e.strerror}"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        if not any(line.startswith("flags") and " vmx " in line + " " for line in f):
            return "the processor has no VMX"
    try:
        with open("/sys/module/kvm_intel/parameters/nested", encoding="utf-8") as f:
            if f.read().strip() not in ("Y", "1"):
                return "kvm_intel's nesting is off"
    except OSError:
        return "kvm_intel is not loaded"
    if not shutil.which("qemu-system-x86_64"):
        return "qemu-system-x86_64 is not installed"
    return None


def common_cmdline(stock, verbose):
    """Kernel parameters that both machines want."""
    words = ["console=ttyS0,115200", "nokaslr", "panic=-1", "random.trust_cpu=on",
             "log_buf_len=4M", "loglevel=7" if verbose else "loglevel=5"]
    if stock:
        words.append("cryptomgr.notests")	# a third of the boot, and not our business
    else:
        words.append("mitigations=off")
    return words


def debug_cmdline(options, emulated):
    """Parameters that make the debug kernel bearable where it is emulated."""
    words = [] if options.leaks else ["kmemleak=off"]
    if not options.verbose:
        # The kernel's own warnings out of hard interrupts ("hrtimer: interrupt took") would
        # take the console's lock there, which this kernel's lockdep reports.
        words.append("loglevel=4")
    if emulated:
        # 15 of its 40 s of boot. Tables of ACPI, kprobe events and
        # /sys/kernel/slab are what is lost; acpi=force brings the first back.
        words += ["acpi=off", "initcall_blacklist=slab_sysfs_init,init_kprobe_trace"]
    return words


class Bochs:
    """The emulated machine. Deterministic: see README.rst."""

    name = "bochs"
    ends_at_reset = False	# boot.S notices and says so

    def __init__(self, directory, options, parts):
        self.directory = directory
        self.options = options
        self.parts = parts		# "bochs", "kernel", "image": directories

    def cmdline(self):
        """Without a calibration, as the emulated CPU misstates its frequency."""
        stock = self.options.kernel.startswith("stock")
        hz = STOCK_HZ if stock else OWN_HZ
        return common_cmdline(stock, self.options.verbose) + [
            "tsc=reliable", f"tsc_early_khz={IPS // 1000}", f"lpj={IPS // hz}",
            "nohpet", "no_timer_check", "idle=halt",
            "reboot=pci",	# the one reset here that resets all of the processor
            "kvm_intel.enable_apicv=0",	# the emulator's is faulty: vector 0, lost interrupts
        ] + (debug_cmdline(self.options, True) if self.options.kernel == "debug" else []) \
            + self.options.append

    def command(self, initramfs, initramfs_size, console):
        """Write the configuration; returns the command and its environment."""
        images, disk = kernel.write_boot_files(
            self.directory, self.parts["kernel"], self.parts["image"], initramfs_size,
            " ".join(self.cmdline()), self.options.mem)
        lines = self._configuration(console, disk)
        for number, (path, address) in enumerate(images, 1):
            lines.append(f'optramimage{number}: file="{path or initramfs}", address={address:#x}')
        name = os.path.join(self.directory, "bochsrc")
        with open(name, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        bochs = self.parts["bochs"]
        return [os.path.join(bochs, "bin/bochs"), "-q", "-f", name], \
            {"BXSHARE": bochs, "HOME": self.directory}

    def _configuration(self, console, disk):
        bochs, options = self.parts["bochs"], self.options
        return [
            "display_library: nogui",
            # of this host's memory Bochs takes 2 GiB at most; what is touched beyond goes to a file
            f"memory: guest={options.mem}, host={min(options.mem, 2048)}, block_size=8192",
            f'romimage: file="{bochs}/bios.bin", options=fastboot',
            f'vgaromimage: file="{bochs}/vgabios.bin"',
            f"cpu: model=corei7_skylake_x, count={options.cpus}, ips={IPS}, "
            f"quantum={options.quantum}, reset_on_triple_fault=0, ignore_bad_msrs=1",
            # a fixed date and no tie to this host's clock: the same run each time
            "clock: sync=none, time0=1700000000",
            "vga: realtime=0",
            "pci: enabled=1, chipset=i440fx",
            "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
            f'ata0-master: type=disk, path="{disk}", mode=flat, cylinders=1, heads=16, spt=63',
            "boot: disk",
            f'com1: enabled=1, mode=file, dev="{console}"',
            "port_e9_hack: enabled=1",
            f'log: "{self.directory}/bochs.log"',
            "panic: action=fatal",
            "error: action=report",	# says why a VM entry failed
            "info: action=ignore",
            "debug: action=ignore",
        ]

    def diagnosis(self):
        """What the emulator itself had to say, e.g. why VM entries failed."""
        try:
            with open(os.path.join(self.directory, "bochs.log"), encoding="latin-1") as f:
                # Linux reads some MSRs at each tick that this CPU has not
                return "".join([line for line in f
                                if "MSR: Unknown register" not in line][-30:])
        except OSError:
            return ""


class Qemu:
    """A machine of this host's KVM, with nesting. accel=tcg: the same without VMX."""

    ends_at_reset = True

    def __init__(self, directory, options, parts, accel="kvm"):
        self.directory = directory
        self.options = options
        self.parts = parts
        self.accel = accel
        self.name = "host VMX" if accel == "kvm" else "QEMU without VMX"

    def cmdline(self):
        """Nothing to say about time: this machine's clock is a real one."""
        stock = self.options.kernel.startswith("stock")
        return common_cmdline(stock, self.options.verbose) + (
            debug_cmdline(self.options, False) if self.options.kernel == "debug" else []
        ) + self.options.append

    def command(self, initramfs, _initramfs_size, console):
        """Returns the command and its environment."""
        return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-machine", "pc", "-accel", self.accel,
                "-cpu", "host" if self.accel == "kvm" else "max",
                "-smp", str(self.options.cpus), "-m", str(self.options.mem),
                "-kernel", os.path.join(self.parts["kernel"], "bzImage"),
                "-initrd", initramfs, "-append", " ".join(self.cmdline()),
                "-chardev", f"file,id=console,path={console}",
                "-device", "isa-serial,chardev=console",
                "-chardev", "stdio,id=results,signal=off",
                "-device", "isa-debugcon,iobase=0xe9,chardev=results"], {}

    def diagnosis(self):
        """QEMU reports on standard error, which is shown as it is."""
        return ""
