"""IOS interface names and Linux ones: Linux refuses `/` and more than 15 characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.ios.interfaces import short_interface, split_interface

if TYPE_CHECKING:
    from collections.abc import Mapping

_MADE_HERE = ("Tunnel", "Loopback")


class InterfaceNames:
    """Translates both ways. Unless mapped, "GigabitEthernet0/1" is "Gi0-1"; tunnels keep their names."""

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        """mapping: Linux names by IOS names, from `--map` or the host's file."""
        self._to_linux = dict(mapping or {})
        self._to_ios = {linux: ios for ios, linux in self._to_linux.items()}

    def linux(self, ios: str) -> str:
        """Return the Linux name of an interface."""
        name = self._to_linux.get(ios)
        if name is None:
            name = ios if made_here(ios) else short_interface(ios).replace("/", "-")
            self._to_linux[ios] = name
            self._to_ios[name] = ios
        return name

    def ios(self, linux: str) -> str | None:
        """Return the IOS name of a Linux interface that was translated before, or None: it is not ours."""
        return self._to_ios.get(linux)


def made_here(ios: str) -> bool:
    """Return whether the data plane itself makes the interface: tunnels and loopbacks."""
    return split_interface(ios)[0] in _MADE_HERE
