# SPDX-License-Identifier: GPL-2.0
"""The machine's root file system: an uncompressed cpio archive ("newc").

Every entry has the same owner and time, and a number in order of its making,
so that the same content gives the same bytes and the machine the same ticks.
"""

import os
import re
import stat
import subprocess

MODULE_INDEX = ("modules.order", "modules.builtin", "modules.builtin.modinfo")

# Of a stock kernel, with some 4,000 modules, only these and what they need.
STOCK_MODULES = ("kvm", "kvm_intel", "irqbypass", "tun", "vhost_net", "loop", "brd",
                 "zram", "msr", "cpuid", "virtio_net", "kunit")


class Archive:
    """Files by path, written out in sorted order of directories first."""

    def __init__(self):
        self.entries = {}
        for d in ("dev", "proc", "sys", "tmp", "run", "root", "etc", "mnt", "var", "vm",
                  ".vmm", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"):
            self.directory(d)
        for d in ("bin", "sbin", "lib", "lib64"):
            self.link(d, "usr/" + d)
        self.entries["dev/console"] = (stat.S_IFCHR | 0o600, b"", (5, 1))

    @staticmethod
    def _place(path):
        """The path's name in the archive; lib and bin are links into usr."""
        path = os.path.normpath("/" + path).lstrip("/")
        first = path.split("/", 1)[0]
        if first in ("bin", "sbin", "lib", "lib64") and path != first:
            path = "usr/" + path
        return path

    def directory(self, path):
        """Add a directory and those above it."""
        path = self._place(path)
        while path and path not in self.entries:
            self.entries[path] = (stat.S_IFDIR | 0o755, b"", (0, 0))
            path = os.path.dirname(path)

    def data(self, path, content, mode=0o644):
        """Add a file with the given content."""
        path = self._place(path)
        self.directory(os.path.dirname(path))
        self.entries[path] = (stat.S_IFREG | mode, content, (0, 0))

    def link(self, path, target):
        """Add a symbolic link."""
        path = self._place(path)
        self.directory(os.path.dirname(path))
        self.entries[path] = (stat.S_IFLNK | 0o777, target.encode(), (0, 0))

    def file(self, path, source):
        """Add a file of this machine, with the libraries it needs."""
        with open(source, "rb") as f:
            content = f.read()
        mode = 0o755 if os.stat(source).st_mode & 0o111 else 0o644
        self.data(path, content, mode)
        if content[:4] == b"\x7fELF" and is_dynamic(content):
            for library in libraries(source):
                if self._place(library) not in self.entries:
                    with open(library, "rb") as f:
                        self.data(library, f.read(), 0o755)

    def tree(self, path, source):
        """Add a file or a whole folder; links inside a folder stay links."""
        if not os.path.isdir(source):
            self.file(path, source)
            return
        top = os.path.realpath(source)
        self.directory(path)
        for where, folders, files in os.walk(top):
            folders.sort()
            base = os.path.join(path, os.path.relpath(where, top))
            for name in sorted(files) + [d for d in folders
                                         if os.path.islink(os.path.join(where, d))]:
                full = os.path.join(where, name)
                real = os.path.realpath(full)
                if os.path.islink(full) and (real + "/").startswith(top + "/") \
                        and not os.readlink(full).startswith("/"):
                    self.link(os.path.join(base, name), os.readlink(full))
                elif os.path.isfile(real):
                    self.file(os.path.join(base, name), full)
            for name in folders:
                if not os.path.islink(os.path.join(where, name)):
                    self.directory(os.path.join(base, name))

    def write(self, path):
        """Write the archive; returns its size."""
        with open(path, "wb") as f:
            for number, name in enumerate(sorted(self.entries), 1):
                mode, content, device = self.entries[name]
                f.write(cpio_entry(name, number, mode, content, device))
            f.write(cpio_entry("TRAILER!!!", 0, 0, b"", (0, 0)))
            return f.tell()


def cpio_entry(name, number, mode, content, device):
    """One entry of the "newc" format: header, name and content, padded to 4."""
    name = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % v for v in fields) + name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def is_dynamic(elf):
    """Whether an ELF file wants libraries: it has a PT_DYNAMIC."""
    if elf[4] != 2:
        return False
    table = int.from_bytes(elf[0x20:0x28], "little")
    size = int.from_bytes(elf[0x36:0x38], "little")
    count = int.from_bytes(elf[0x38:0x3a], "little")
    return any(elf[table + i * size:table + i * size + 4] == b"\2\0\0\0" for i in range(count))


def libraries(program):
    """Paths of the shared libraries (and the loader) that a program needs."""
    text = subprocess.run(["ldd", program], check=False, capture_output=True, text=True).stdout
    missing = re.findall(r"^\s*(\S+) => not found", text, re.M)
    if missing:
        raise FileNotFoundError(f"{program} needs libraries that are not here: {' '.join(missing)}")
    return re.findall(r"(/\S+) \(0x", text)


def opened_library(name):
    """The path of a library that a program opens by name, or None: ldd does not tell."""
    text = subprocess.run(["/sbin/ldconfig", "-p"], check=False, capture_output=True,
                          text=True).stdout
    found = re.search(rf"^\s*{re.escape(name)} \(libc6,x86-64.*\) => (/\S+)", text, re.M)
    return found and found[1]


def module_name(path):
    """The module in a file, as lsmod says it."""
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def needed(wanted, dependencies):
    """Paths of the wanted modules and of all that modules.dep says they need."""
    by_name = {module_name(p): p for p in dependencies}
    paths = set()
    for name in wanted:
        path = by_name.get(name)
        if path:		# else built in, or not in this kernel
            paths.add(path)
            paths.update(dependencies[path])
    return paths


def read_dependencies(path):
    """modules.dep as a dictionary from a module to the list it needs."""
    with open(path, encoding="utf-8") as f:
        return {line.split(":")[0]: line.split(":")[1].split() for line in f}


def add_modules(archive, kernel_dir, own, everything, staging):
    """Add the kernel's modules and the project's @own, with their indexes.

    @everything: all of the kernel's modules; else the few that tests use.
    @staging: an empty folder to run depmod in.
    """
    with open(os.path.join(kernel_dir, "release"), encoding="utf-8") as f:
        release = f.read().strip()
    source = os.path.join(kernel_dir, "root/lib/modules", release)
    target = os.path.join(staging, "lib/modules", release)
    os.makedirs(os.path.join(target, "extra"))
    dependencies = read_dependencies(os.path.join(source, "modules.dep"))
    wanted = set(dependencies)
    if not everything:
        names = set(STOCK_MODULES)
        for module in own:
            words = subprocess.run(["modinfo", "-F", "depends", module], check=True,
                                   capture_output=True, text=True).stdout
            names.update(words.strip().replace("-", "_").split(","))
        wanted = needed(names, dependencies)
    for name in MODULE_INDEX:
        copy(os.path.join(source, name), os.path.join(target, name))
    for path in wanted:
        os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
        copy(os.path.join(source, path), os.path.join(target, path))
    for module in own:
        copy(module, os.path.join(target, "extra", os.path.basename(module)))
    subprocess.run(["depmod", "-b", staging, release], check=True)
    archive.tree("lib/modules/" + release, target)


def copy(source, target):
    """Copy a file by name where possible; modules are only read."""
    try:
        os.link(source, target)
    except OSError:
        with open(source, "rb") as f, open(target, "wb") as t:
            t.write(f.read())


def add_busybox(archive, program):
    """Add busybox with a link for each of its commands."""
    archive.file("usr/bin/busybox", program)
    paths = subprocess.run([program, "--list-full"], check=True,
                           capture_output=True, text=True).stdout.split()
    for path in paths:
        if os.path.basename(path) not in ("busybox", "init", "linuxrc"):
            archive.link(path, "/usr/bin/busybox")
