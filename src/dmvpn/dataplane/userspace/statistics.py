"""What the kernel counts by version of IP (RFC 4293, 4113): /proc/net/snmp and /proc/net/snmp6 of a network namespace.

What the engine passes from one tunnel peer to another does not come to the kernel, and is not counted here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: Of the thread, because each may be in another namespace.
_TABLES: Final = Path("/proc/thread-self/net")
_GROUPS: Final = {"Ip:": "Ip", "IpExt:": "Ip", "Icmp:": "Icmp", "IcmpMsg:": "Icmp", "Udp:": "Udp", "Tcp:": "Tcp"}


def count(version: int) -> dict[str, int]:
    """Return the counters of this namespace, by names of `Counting.statistics`. TCP is counted for both versions
    together, and is one of IPv4's. Raises OSError.
    """
    if version == 6:
        rows = (line.split() for line in (_TABLES / "snmp6").read_text().splitlines())
        return {name.replace("6", "", 1): int(number) for name, number in rows}
    found: dict[str, int] = {}
    for table in ("snmp", "netstat"):
        lines = [line.split() for line in (_TABLES / table).read_text().splitlines()]
        for (kind, *names), (_, *numbers) in zip(lines[::2], lines[1::2], strict=True):
            if start := _GROUPS.get(kind):
                found.update((start + name, int(number)) for name, number in zip(names, numbers, strict=True))
    found["IpOutForwDatagrams"] = found.pop("IpForwDatagrams", 0)
    return found
