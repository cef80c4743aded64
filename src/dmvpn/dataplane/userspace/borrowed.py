"""Host settings that routers change, each restored to its value from before the first change.

Before a router writes a setting it stores the value found on disk (`records`), and records that it depends on the
setting. That first value is restored, across `kill -9` and restarts, and it is not restored while any living router
depends on the setting.

Some settings affect other ones: when `ip_forward` changes, the kernel writes `forwarding` of every interface and
`accept_redirects` of all; `default` applies to each interface without a value of its own. So those of all interfaces
are stored, and restored last.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane import netlink
from dmvpn.dataplane.sysctl import Setting, dotted, put_all, read, write
from dmvpn.dataplane.userspace.things import Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.dataplane.userspace.records import Ledger, Records

_CONF: Final = "net/ipv4/conf"
_FORWARD: Final = "net/ipv4/ip_forward"
#: Settings that the plane changes on an interface by netlink (`netlink.InetConf`).
_OF_INTERFACE: Final = ("forwarding", "rp_filter", "send_redirects", "accept_redirects")
_PATH_OF_INTERFACE: Final = re.compile(rf"{_CONF}/([^/]+)/({'|'.join(_OF_INTERFACE)})")


class Borrowed:
    """The settings that one router depends on. Call everything under `Records.locked`."""

    def __init__(self, records: Records, ledger: Ledger) -> None:
        self._records = records
        self._ledger = ledger
        self._set: dict[str, str] = {}
        self._namespace = ""

    def set_all(self, values: Mapping[str, str | int]) -> list[Setting]:
        """Write settings in order, after storing their former values on disk.

        Returns the ones without the wanted value.
        """
        self._keep([*values, *_of_interfaces()])
        refused = put_all(values)
        self._namespace = _namespace()
        lost = {setting.path for setting in refused}
        self._set |= {path: str(value) for path, value in values.items() if path not in lost}
        return refused

    def differences(self) -> list[Difference]:
        """Return settings that were changed since; none to a thread in another namespace, which has other settings."""
        if _namespace() != self._namespace:
            return []
        now = {path: read(path) for path in self._set}
        return [
            Difference(f"setting {dotted(path)} = {value}", f"it is {now[path]}")
            for path, value in self._set.items()
            if now[path] not in (None, value)
        ]

    def keep_interface(self, linux: str) -> None:
        """Store the settings of an interface of the host that is about to be set up by netlink."""
        self._keep(f"{_CONF}/{linux}/{name}" for name in _OF_INTERFACE)

    def _keep(self, paths: Iterable[str]) -> None:
        wanted = list(paths)
        found = self._records.found()
        now = {path: value for path in wanted if path not in found and (value := read(path)) is not None}
        if now:
            with contextlib.suppress(OSError):  # a full disk stops no router
                self._records.write_found(found | now)
        self._ledger.uses(wanted)


def give_back(records: Records, kernel: netlink.NetlinkSocket) -> list[Setting]:
    """Restore settings that no living router depends on, except for deleted interfaces. Returns the settings that
    changed.

    Call it under `Records.locked`, after the router that ends has closed its ledger.
    """
    found, in_use = records.found(), records.others().settings
    changed = []
    for path, value in sorted(found.items(), key=lambda item: _dependents_last(item[0])):
        if path not in in_use and read(path) not in (None, value):
            problem = write(path, value)
            if problem is not None and _by_netlink(kernel, path, value):
                problem = None
            changed.append(Setting(path, value, read(path), problem))
    with contextlib.suppress(OSError):
        records.write_found({path: value for path, value in found.items() if path in in_use})
    return changed


def _namespace() -> str:
    """Return the network namespace of this thread, in the kernel's notation."""
    return os.readlink("/proc/thread-self/ns/net")


def _of_interfaces() -> list[str]:
    with contextlib.suppress(OSError):
        names = sorted(path.name for path in Path("/proc/sys", _CONF).iterdir())
        return [f"{_CONF}/{name}/{setting}" for name in names if name != "all" for setting in _OF_INTERFACE]
    return []


def _dependents_last(path: str) -> int:
    if path == _FORWARD:
        return 0
    match = _PATH_OF_INTERFACE.fullmatch(path)
    return 1 if match is None or match[1] in ("all", "default") else 2


def _by_netlink(kernel: netlink.NetlinkSocket, path: str, value: str) -> bool:
    """Return whether the setting was written by netlink, where /proc/sys is read-only."""
    match = _PATH_OF_INTERFACE.fullmatch(path)
    link = kernel.find_link(match[1]) if match else None
    if match is None or link is None:
        return False
    settings = netlink.LinkSettings(inet=netlink.InetConf(**{match[2]: int(value)}))
    return not kernel.execute([netlink.set_link(link.index, settings)])
