"""Address translation as values."""

from __future__ import annotations

from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class NatRule:
    """`ip nat inside source list|route-map NAME interface OUTSIDE [vrf VRF] overload`. One of the two names is "".

    access_list: a name, or a number as text.
    vrf: the VRF of the stations inside, "": the global table.
    """

    outside: str
    access_list: str = ""
    route_map: str = ""
    vrf: str = ""

    def __str__(self) -> str:
        kind = f"list {self.access_list}" if self.access_list else f"route-map {self.route_map}"
        vrf = f" vrf {self.vrf}" if self.vrf else ""
        return f"ip nat inside source {kind} interface {self.outside}{vrf} overload"


@dataclass(frozen=True, slots=True)
class NatConfig:
    """inside, outside: names of interfaces. rules: in the order of the configuration; the first that fits counts."""

    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    rules: tuple[NatRule, ...] = ()
