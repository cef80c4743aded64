"""Notices by which BGP routes go from VRF to VRF of one router: route targets, RFC 4364 §4.3.

    BGP of VRF A  -- PathsExported -->  the VRF feature  -- PathsImported -->  BGP of VRF B
    BGP of VRF B  -- PathsWanted   -->

Each VRF has a BGP machine of its own, and none knows another. The VRF feature keeps what each one exports, and hands
each one what its route targets let in.
"""

from __future__ import annotations

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import Notice
from dmvpn.base.values import Value


class ExportedPath(Value, kw_only=True):
    """The best path to a prefix in the BGP table of a VRF.

    targets: its route targets, as extended communities (`base.communities`).
    path: as BGP has it; only BGP looks inside.
    metric: of the route to its next hop there.
    next_hops: where the routing table of the VRF leads. An interface is one of that table; without an interface, the
    packet is looked up in that table again.
    """

    prefix: Prefix
    vrf: str
    rd: str
    targets: tuple[int, ...]
    path: object
    metric: int
    next_hops: tuple[NextHop, ...]


class PathsExported(Notice, Value):
    """The BGP table of a VRF exports these paths from now on, and none to the prefixes in `gone`."""

    paths: tuple[ExportedPath, ...]
    gone: tuple[Prefix, ...]
    vrf: str


class PathsWanted(Notice, Value):
    """The BGP table of a VRF imports paths with one of these route targets; (): none."""

    targets: tuple[int, ...]
    vrf: str


class PathsImported(Notice, Value):
    """To the BGP table of a VRF: of the VRF `source` it gets these paths, and none to the prefixes in `gone`."""

    source: str
    paths: tuple[ExportedPath, ...]
    gone: tuple[Prefix, ...]
    vrf: str
