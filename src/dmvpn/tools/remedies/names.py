"""Which words of a configuration mean which router: its addresses, its networks, its autonomous system.

So lines of two routers are alike if they say the same of each: `network 10.3.3.0 0.0.0.255` of R31, and
`network 10.4.4.0 0.0.0.255` of R41. A word that may mean two routers means neither.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.network.device import Device

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.shells.scenario import Scenario

_WORD: Final = re.compile(r"[\w.:-]+")
_MARK: Final = re.compile("\0([^\0]*)\0")


@dataclass(frozen=True)
class Names:
    """The words of a network's routers."""

    scenario: Scenario

    @cached_property
    def _devices(self) -> dict[str, Device]:
        return {name: Device.read(name, text) for name, text in self.scenario.configurations.items()}

    @cached_property
    def _meanings(self) -> dict[str, tuple[str, str]]:
        """Router and role of each word that means one router alone."""
        found: dict[str, tuple[str, str]] = {}
        twice: dict[str, None] = {}
        for name in self.overlay:
            for word, role in _words(self._devices[name]):
                if found.get(word, (name, role))[0] != name:
                    twice[word] = None
                found.setdefault(word, (name, role))
        return {word: meaning for word, meaning in found.items() if word not in twice}

    @cached_property
    def _of_roles(self) -> dict[tuple[str, str], str]:
        return {meaning: word for word, meaning in reversed(self._meanings.items())}

    @property
    def overlay(self) -> tuple[str, ...]:
        """Return the routers without those of providers, which only have the other ends of their wires."""
        return tuple(name for name in self._devices if self.scenario.role(name) != "provider")

    def alike(self, router: str) -> tuple[str, ...]:
        """Return the other routers of its role."""
        role = self.scenario.role(router)
        return tuple(name for name in self._devices if name != router and self.scenario.role(name) == role)

    def owners(self, line: str) -> tuple[str, ...]:
        """Return the routers that a line speaks of."""
        known = (self._meanings.get(word) for word in _WORD.findall(line))
        return tuple(dict.fromkeys(meaning[0] for meaning in known if meaning is not None))

    def general(self, line: str, router: str) -> str:
        """Return a line with a mark for each word that means this router."""

        def marked(match: re.Match[str]) -> str:
            meaning = self._meanings.get(match[0])
            return f"\0{meaning[1]}\0" if meaning is not None and meaning[0] == router else match[0]

        return _WORD.sub(marked, line)

    def filled(self, line: str, router: str) -> str | None:
        """Return a line with a router's words for the marks; None if it has no such word."""
        roles = _MARK.findall(line)
        words = {role: self._of_roles.get((router, role)) for role in roles}
        if any(word is None for word in words.values()):
            return None
        return _MARK.sub(lambda match: words[match[1]] or "", line)


def _words(device: Device) -> Iterator[tuple[str, str]]:
    """Yield the words that mean a router, each with what it is there."""
    yield device.name, "name"
    for port, address in device.ports.items():
        yield str(address.ip), f"address of {port}"
        yield str(address.network.network_address), f"network of {port}"
    for number, gateway in enumerate(device.default_gateways):
        yield str(gateway), f"gateway {number}"
    if device.bgp.local_as:
        yield str(device.bgp.local_as), "system"
