"""Packet filters as the configuration has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dmvpn.base.filters import ReversePath
from dmvpn.base.values import Value


class PortLines(Value):
    """The lines of a port. inward, outward: names of access lists, or numbers as text; "": none."""

    inward: str = ""
    outward: str = ""
    reverse_path: ReversePath | None = None
    unreachables: bool = True


class FilterConfig(Value):
    """Ports that filter, in IOS order. threshold: packets after which a flow is logged again, 0: after minutes only.

    ports6: ports that filter IPv6.
    """

    ports: Mapping[str, PortLines] = field(default_factory=dict)
    threshold: int = 0
    ports6: Mapping[str, PortLines] = field(default_factory=dict)

    def of_version(self, version: int) -> Mapping[str, PortLines]:
        """Return the ports that filter a version of IP."""
        return self.ports if version == 4 else self.ports6

    def inward(self, port: str) -> str:
        """Return the name of the inbound list of a port, "": it has none."""
        lines = self.ports.get(port)
        return lines.inward if lines is not None else ""
