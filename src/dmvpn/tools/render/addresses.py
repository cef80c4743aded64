"""The addresses in a table: which key names which network, and which of them conflict.

Outside there is one provider: sites that name the same network there are on one link with one gateway. An inside
network, between a site and its NAT box, concerns only the sites behind that box; another box may use the same.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from dmvpn.base.errors import DmvpnError
from dmvpn.base.values import dataclass
from dmvpn.tools.render.table import Spoke

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address, IPv4Network

    from dmvpn.tools.render.table import Hub, Nat, Table

Where = tuple[str | int, ...]


class AllocationError(DmvpnError):
    """The addresses of the table conflict. where: the key to blame."""

    def __init__(self, where: Where, text: str) -> None:
        super().__init__(text)
        self.where = where
        self.text = text


@dataclass(frozen=True, slots=True)
class Named:
    """A network that the table names. shared: the provider's; several sites may be in it."""

    where: Where
    what: str
    network: IPv4Network
    shared: bool = False

    def __str__(self) -> str:
        return f"{self.network} ({self.what})"


def kind_of(table: Table, name: str) -> str:
    """Return the key that a site is under."""
    return "hubs" if name in table.hubs else "spokes"


def nat_of(site: Hub | Spoke) -> Nat | None:
    """Return the NAT box of a site, if it has one."""
    return site.nat if isinstance(site, Spoke) else None


def tunnels(table: Table) -> list[tuple[str, IPv4Network]]:
    """Return the networks of tunnel addresses, by key."""
    second = table.tunnel.second
    return [("network", table.tunnel.network), *([("second", second)] if second is not None else [])]


def named(table: Table) -> Iterator[Named]:
    """Yield all networks that the table names, except inside networks."""
    for key, network in tunnels(table):
        yield Named(("tunnel", key), "the tunnels", network)
    for name, site in table.sites.items():
        kind, nat = kind_of(table, name), nat_of(site)
        if site.lan is not None:
            yield Named((kind, name, "lan"), f"the LAN of {name}", site.lan)
        outside = site.nbma if nat is None else nat.outside
        if outside is not None:
            where = (kind, name, "nbma" if nat is None else "nat")
            yield Named(where, f"the provider's at {name}", outside.network, shared=True)


def inside(table: Table) -> Iterator[Named]:
    """Yield the networks between sites and their NAT boxes."""
    for name, site in table.spokes.items():
        if site.nat is not None and site.nbma is not None:
            yield Named(("spokes", name, "nbma"), f"inside, at {name}", site.nbma.network)


def check_addresses(table: Table) -> None:
    """Check that networks do not overlap where they must not, and that addresses on a link are unique.

    Raises AllocationError.
    """
    _check_overlaps(table)
    _check_inside(table)
    _check_boxes(table)
    _check_links(table)


# ------------------------------------------------------------------------------------------------ networks


def _check_overlaps(table: Table) -> None:
    """Check that no two networks overlap, except equal networks of the provider."""
    seen: list[Named] = []
    for new in sorted(named(table), key=lambda one: (one.network, one.what)):
        while seen and int(seen[-1].network.broadcast_address) < int(new.network.network_address):
            seen.pop()
        for old in seen:
            if old.network.overlaps(new.network) and not (old.shared and new.shared and old.network == new.network):
                raise AllocationError(new.where, f"{new} overlaps {old}")
        seen.append(new)


def _check_inside(table: Table) -> None:
    """Check that an inside network overlaps no network that its site must reach: tunnels, LANs, hubs, the outside of
    its NAT box.
    """
    hubs = {("hubs", name, "nbma") for name in table.hubs}
    others = sorted((one for one in named(table) if not one.shared or one.where in hubs), key=lambda one: one.network)
    starts = [int(one.network.network_address) for one in others]
    for own in inside(table):
        # These networks do not overlap each other, so only the last one that begins in or before `own` can overlap it.
        position = bisect_right(starts, int(own.network.broadcast_address)) - 1
        if position >= 0 and others[position].network.overlaps(own.network):
            raise AllocationError(own.where, f"{own} overlaps {others[position]}")
        nat = nat_of(table.sites[str(own.where[1])])
        if nat is not None and nat.outside is not None and nat.outside.network.overlaps(own.network):
            raise AllocationError(own.where, f"{own} overlaps {nat.outside.network}, outside of its NAT box")


def _check_boxes(table: Table) -> None:
    """Check that several sites agree on the NAT box that they are behind."""
    boxes: dict[IPv4Address, tuple[str, str, str]] = {}
    for name, site in table.spokes.items():
        if site.nat is None or site.nat.outside is None or site.nbma is None:
            continue
        address, within = site.nat.outside.ip, f"{site.gateway}/{site.nbma.network.prefixlen}"
        owner, known, kind = boxes.setdefault(address, (name, within, site.nat.kind))
        said = f"{owner} is behind {address}, too"
        if known != within:
            text = f"{said}, where {known} is inside: one NAT box has one network inside"
            raise AllocationError(("spokes", name, "nat"), text)
        if kind != site.nat.kind:
            text = f"{said}, and says {kind}: one NAT box is of one kind"
            raise AllocationError(("spokes", name, "nat", "kind"), text)


# ------------------------------------------------------------------------------------------------ links


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """An end of a link. whose: a site, or the NAT box that it is behind. keys: of its address and its gateway."""

    name: str
    whose: str
    box: IPv4Address | None
    network: IPv4Network
    address: IPv4Address
    gateway: IPv4Address
    keys: tuple[Where, Where]

    @property
    def link(self) -> tuple[IPv4Address | None, IPv4Network]:
        """The link; ends with equal values are on the same link."""
        return self.box, self.network


def _ends(table: Table) -> Iterator[_End]:
    for name, site in table.sites.items():
        where, nat = (kind_of(table, name), name), nat_of(site)
        if site.nbma is not None and site.gateway is not None and (nat is None or nat.outside is not None):
            yield _End(
                name=name,
                whose=name,
                box=None if nat is None or nat.outside is None else nat.outside.ip,
                network=site.nbma.network,
                address=site.nbma.ip,
                gateway=site.gateway,
                keys=((*where, "nbma"), (*where, "gateway")),
            )
        if nat is not None and nat.outside is not None and nat.gateway is not None:
            yield _End(
                name=name,
                whose=f"the NAT box {nat.outside.ip}",
                box=None,
                network=nat.outside.network,
                address=nat.outside.ip,
                gateway=nat.gateway,
                keys=((*where, "nat", "outside"), (*where, "nat", "gateway")),
            )


def _check_links(table: Table) -> None:
    """Check that the ends of a link have different addresses and one gateway, which is not one of these addresses."""
    ends = list(_ends(table))
    gateways: dict[object, _End] = {}
    for end in ends:
        gateways.setdefault((end.link, end.gateway), end)
    owners: dict[object, _End] = {}
    first: dict[object, _End] = {}
    for end in ends:
        user = gateways.get((end.link, end.address))
        if user is not None:
            raise AllocationError(end.keys[0], f"{end.address} is the gateway of {user.name}")
        owner = owners.setdefault((end.link, end.address), end)
        if owner.whose != end.whose:
            raise AllocationError(end.keys[0], f"{owner.name} has the address {end.address}, too")
        known = first.setdefault(end.link, end)
        if known.gateway != end.gateway:
            text = f"{known.name} has the gateway {known.gateway} on {end.network}: one link has one gateway"
            raise AllocationError(end.keys[1], text)
