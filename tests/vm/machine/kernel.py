# SPDX-License-Identifier: GPL-2.0
"""Kernel images in the form the emulated machine starts them from memory.

Decompressing a bzImage takes the emulator seconds, so the uncompressed ELF
image is laid out flat and put into memory as it is; only the real-mode setup
code of the bzImage is run (see boot.S and entry.S). Offsets into the setup
header are those of Documentation/x86/boot.rst.
"""

import json
import lzma
import os
import struct
import subprocess

ENTRY_ADDRESS = 0x10000		# where entry.S is linked
SETUP_ADDRESS = 0x90000
SETUP_MAX = 0x8000
HEAP_END = 0xde00		# of the setup code, below its stack at 0xe000
CMDLINE_MAX = 2048
MIB = 1 << 20

PT_LOAD = 1
CAN_USE_HEAP = 0x80
UNDEFINED_LOADER = 0xff


class KernelError(Exception):
    """An image is not what it should be; the text says how."""


def setup_size(image):
    """Bytes of the real-mode part of a bzImage: its boot sector and setup."""
    if image[0x1fe:0x200] != b"\x55\xaa":
        raise KernelError("not a bzImage")
    return ((image[0x1f1] or 4) + 1) * 512


def extract(image):
    """The uncompressed ELF image inside a bzImage."""
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = setup_size(image) + offset
    payload = image[start:start + length]
    if payload[:6] == b"\xfd7zXZ\0":
        # what follows the stream is the size, not garbage to complain about
        elf = lzma.LZMADecompressor().decompress(payload)
    else:
        tools = {b"\x28\xb5\x2f\xfd": "zstd", b"\x02\x21\x4c\x18": "lz4",
                 b"\x1f\x8b\x08\x00": "gzip"}
        tool = tools.get(payload[:4])
        if not tool:
            raise KernelError("unknown compression " + payload[:4].hex())
        elf = subprocess.run([tool, "-dcq"], input=payload, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    if elf[:4] != b"\x7fELF":
        raise KernelError("no ELF image inside")
    return elf


def flatten(elf):
    """An ELF kernel as it lies in memory: (bytes, load address, entry, end)."""
    if elf[:4] != b"\x7fELF":
        raise KernelError("not an ELF image")
    entry, table = struct.unpack_from("<QQ", elf, 0x18)
    size, count = struct.unpack_from("<HH", elf, 0x36)
    segments = []
    for i in range(count):
        kind, _, offset, _, physical, in_file, in_memory, _ = \
            struct.unpack_from("<IIQQQQQQ", elf, table + size * i)
        if kind == PT_LOAD and in_memory:
            segments.append((physical, offset, in_file, in_memory))
    if not segments:
        raise KernelError("nothing to load")
    load = min(s[0] for s in segments)
    flat = bytearray(max(s[0] + s[2] for s in segments) - load)
    for physical, offset, in_file, _ in segments:
        flat[physical - load:physical - load + in_file] = elf[offset:offset + in_file]
    return bytes(flat), load, entry, max(s[0] + s[3] for s in segments)


def prepare(directory):
    """Lay out the kernel of a build-kernel directory, once; return its facts.

    Leaves kernel.bin and kernel.json in the directory. Several at once write
    the same bytes and rename, so no lock is needed.
    """
    facts_file = os.path.join(directory, "kernel.json")
    try:
        with open(facts_file, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        pass
    with open(os.path.join(directory, "vmlinux"), "rb") as f:
        flat, load, entry, end = flatten(f.read())
    with open(os.path.join(directory, "bzImage"), "rb") as f:
        image = f.read(0x1000)
    # the kernel's own word on how much it needs while it starts
    end = max(end, load + struct.unpack_from("<I", image, 0x260)[0])
    facts = {"load": load, "entry": entry, "end": end}
    for name, data in (("kernel.bin", flat), ("kernel.json", json.dumps(facts).encode())):
        temporary = os.path.join(directory, f".{name}.{os.getpid()}")
        with open(temporary, "wb") as f:
            f.write(data)
        os.replace(temporary, os.path.join(directory, name))
    return facts


def setup_image(image, initrd_address, initrd_size):
    """The setup code of a bzImage with a boot loader's fields filled in."""
    size = setup_size(image)
    if size > SETUP_MAX:
        raise KernelError("setup code too large")
    setup = bytearray(image[:size])
    setup[0x210] = UNDEFINED_LOADER
    setup[0x211] |= CAN_USE_HEAP
    struct.pack_into("<I", setup, 0x214, ENTRY_ADDRESS)		# code32_start
    struct.pack_into("<II", setup, 0x218, initrd_address, initrd_size)
    struct.pack_into("<H", setup, 0x224, HEAP_END - 0x200)
    struct.pack_into("<I", setup, 0x228, 0)			# cmd_line_ptr: see entry_image()
    return setup


def entry_image(entry_bin, entry, cmdline):
    """entry.S with the kernel's entry address, and the command line behind it.

    Returns the image and the command line's address.
    """
    text = cmdline.encode() + b"\0"
    if len(text) > CMDLINE_MAX:
        raise KernelError("kernel command line too long")
    image = bytearray(entry_bin)
    struct.pack_into("<I", image, 4, entry)
    return image + text, ENTRY_ADDRESS + len(entry_bin)


def write_boot_files(directory, kernel_dir, loader_dir, initrd_size, cmdline, memory_mib):
    """Write what a run needs beside kernel.bin and the initramfs.

    Returns the list of (file, address) to put into memory, where the file name
    None stands for the initramfs, and the boot disk's name.
    """
    facts = prepare(kernel_dir)
    initrd_address = (facts["end"] + 4 * MIB) & ~(2 * MIB - 1)
    if initrd_address + initrd_size + 32 * MIB > memory_mib * MIB:
        raise KernelError(f"{memory_mib} MiB are too little for an initramfs of "
                          f"{initrd_size >> 20} MiB: use --mem")
    with open(os.path.join(kernel_dir, "bzImage"), "rb") as f:
        setup = setup_image(f.read(2 * SETUP_MAX), initrd_address, initrd_size)
    with open(os.path.join(loader_dir, "entry.bin"), "rb") as f:
        entry, cmdline_address = entry_image(f.read(), facts["entry"], cmdline)
    struct.pack_into("<I", setup, 0x228, cmdline_address)
    with open(os.path.join(loader_dir, "boot.bin"), "rb") as f:
        disk = f.read().ljust(16 * 63 * 512, b"\0")		# one cylinder
    paths = {}
    for name, data in (("setup.bin", setup), ("entry.bin", entry), ("disk.img", disk)):
        paths[name] = os.path.join(directory, name)
        with open(paths[name], "wb") as f:
            f.write(data)
    return [(paths["entry.bin"], ENTRY_ADDRESS), (paths["setup.bin"], SETUP_ADDRESS),
            (os.path.join(kernel_dir, "kernel.bin"), facts["load"]),
            (None, initrd_address)], paths["disk.img"]
