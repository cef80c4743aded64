"""What a configuration does not say of a router: whether it is behind a translator, and behind what kind of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.dataplane.nat.flows import NatKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a router is. nat: what kind of translator is before it, None: none. public: its address outside.

    interface: the router's towards it; "": whichever. ours: it runs this program, so it can be told a peer's port.
    """

    nat: NatKind | None = None
    public: IPv4Address | None = None
    interface: str = ""
    ours: bool = True
