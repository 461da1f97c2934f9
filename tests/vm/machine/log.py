# SPDX-License-Identifier: GPL-2.0
"""What in a kernel log is a failure.

A test passes only if the kernel had nothing to complain about. Which lines are
complaints is said here; which of those are accepted, and why, in a file of
accepted lines: on each line a regular expression, two blanks, "# ", a reason.
"""

import re

COMPLAINTS = re.compile("|".join((
    r"BUG: ", r"BUG [-\w:]+ \(", r"\bBUG at ", r"kernel BUG", r"WARNING: ", r"Oops",
    r"Kernel panic", r"KASAN: ", r"KFENCE: ", r"UBSAN: ", r"KCSAN: ", r"ODEBUG: ",
    r"general protection fault", r"traps: .* (double fault|stack segment)", r"invalid opcode: 0",
    r"double fault: ", r"[Uu]nable to handle ", r"unchecked MSR access error",
    r"INFO: task .* blocked for more than", r"INFO: rcu.* detected", r"rcu: INFO: ",
    r"soft lockup", r"hard LOCKUP", r"lockup - pool", r"refcount_t: ", r"list_(add|del) corruption",
    r"possible (circular|recursive|irq) ", r"suspicious RCU usage", r"INFO: trying to register non-static key",
    r"unreferenced object 0x", r"unable to open an initial console", r"Attempted to kill init",
    r"DEBUG_LOCKS_WARN_ON", r"leaked .* (lock|mm)", r"lock held when returning to user space",
    r"Bad (page|rss-counter)", r"non-zero pgtables_bytes", r"sysfs: cannot create duplicate")))


class Log:
    """The accepted lines, and the judgement of a log by them."""

    def __init__(self, files):
        self.accepted = []
        for name in files:
            with open(name, encoding="utf-8") as f:
                for number, line in enumerate(f, 1):
                    self._accept(name, number, line.rstrip("\n"))

    def _accept(self, name, number, line):
        if not line.strip() or line.startswith("#"):
            return
        pattern, _, reason = line.partition("  # ")
        if not reason.strip():
            raise ValueError(f"{name}:{number}: an accepted line needs a reason")
        self.accepted.append(re.compile(pattern))

    def complaints(self, text):
        """Numbers (from 0) and texts of the lines that are failures."""
        return [(i, line) for i, line in enumerate(text.splitlines())
                if COMPLAINTS.search(line) and not any(a.search(line) for a in self.accepted)]


def excerpt(text, numbers, before=5, after=60):
    """The lines around the given ones, with a mark where some are left out."""
    lines = text.splitlines()
    wanted = sorted({j for i in numbers for j in range(i - before, i + after)
                     if 0 <= j < len(lines)})
    shown, last = [], -1
    for j in wanted:
        if j != last + 1:
            shown.append("...")
        shown.append(lines[j])
        last = j
    if last + 1 < len(lines):
        shown.append("...")
    return "\n".join(shown) + "\n"


def decode_kmsg(data):
    """Records of /dev/kmsg as the lines that dmesg prints."""
    lines = []
    for record in data.decode("utf-8", "backslashreplace").split("\n"):
        head, mark, text = record.partition(";")
        fields = head.split(",")
        if not mark or len(fields) < 3 or not fields[2].isdigit():
            continue		# " KEY=value" lines that belong to the record above
        micros = int(fields[2])
        text = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)
        for line in text.split("\n"):
            lines.append(f"[{micros // 1000000:5d}.{micros % 1000000:06d}] {line}")
    return "\n".join(lines) + ("\n" if lines else "")
