"""The place of a router, which its configuration does not show: whether it is behind NAT, and of which kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.dataplane.translator import NatKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The place of a router. nat: the kind of NAT in front of it, None: no NAT. public: its address outside.

    interface: the router's port towards the NAT; "": any. ours: it runs this program, so a peer's port can be
    configured.
    """

    nat: NatKind | None = None
    public: IPv4Address | None = None
    interface: str = ""
    ours: bool = True
