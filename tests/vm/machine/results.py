# SPDX-License-Identifier: GPL-2.0
"""The result channel: what init.c writes to port 0xe9, read as it comes."""

MAGIC = b"\001vmm-results\n"
HEAD = 3		# type, length in 16 bits


class Reader:
    """Takes bytes in any portions; keeps what the records said.

    @show: called with each portion of the command's output.
    """

    def __init__(self, show):
        self.show = show
        self.kernel_log = bytearray()
        self.leaks = bytearray()
        self.status = None
        self.reset = False
        self._pending = bytearray()
        self._started = False

    @property
    def ended(self):
        """Whether the machine has said its last word."""
        return self.status is not None or self.reset

    def feed(self, data):
        """Take the next bytes."""
        self._pending += data
        if not self._started:
            # before it come the emulator's and the BIOS's own words
            start = self._pending.find(MAGIC)
            if start < 0:
                return
            del self._pending[:start + len(MAGIC)]
            self._started = True
        while len(self._pending) >= HEAD:
            size = HEAD + int.from_bytes(self._pending[1:HEAD], "little")
            if len(self._pending) < size:
                return
            self._record(chr(self._pending[0]), bytes(self._pending[HEAD:size]))
            del self._pending[:size]

    def _record(self, kind, data):
        if kind == "o":
            self.show(data)
        elif kind == "k":
            self.kernel_log += data
        elif kind == "l":
            self.leaks += data
        elif kind == "x":
            self.status = int(data)
        elif kind == "r":
            self.reset = True
        else:
            raise ValueError(f"the result channel is broken: record of type {kind!r}")
