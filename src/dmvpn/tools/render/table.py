"""`sites.yaml`: one table of hubs and spokes, from which all configurations are made.

    name: branches
    phase: 3
    protection: psk
    tunnel: {network: 10.255.0.0/24}
    pools:
      lan: {network: 10.1.0.0/16, length: 24}
    hubs:
      HUB1: {nbma: 203.0.113.1/30, gateway: 203.0.113.2}
    spokes:
      PARIS: {nbma: 198.51.100.1/30, gateway: 198.51.100.2}
      ROME: {dynamic: true, lan: 10.1.200.0/24}

`sites.schema.json` beside this file is its published schema. No key is in the table (plan.py); addresses that it does
not give are allocated (allocation.py).

Each error of reading names file, line and key (`shells/documents.py`). Keys and passwords do not belong in a table, and
are refused before anything else is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from dmvpn.dataplane.translator import NatKind
from dmvpn.ios import normalize_interface
from dmvpn.shells.documents import Path_, Places, parse_yaml, read_text
from dmvpn.shells.lab_model import RESERVED, Name

# ------------------------------------------------------------------------------------------------ the table


#: The router that stands for the provider in labs.
PROVIDER = "TRANSPORT"
Phase = Literal[1, 2, 3]
Protection = Literal["none", "psk"]
Routing = Literal["eigrp", "eigrp-classic", "static"]
_PORT = r"^[A-Za-z-]{2,24}[0-9]{1,3}(/[0-9]{1,3}){0,3}(\.[0-9]{1,4})?$"
#: Interfaces that a router makes of nothing: no provider and no LAN is plugged in there.
_VIRTUAL = ("Tunnel", "Loopback", "Null", "Virtual-Template", "Virtual-Access")
#: What no network of hosts has a part in.
_NOT_FOR_HOSTS = {
    IPv4Network("0.0.0.0/8"): '"this network"',
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved",
}
#: One line of print; it is put behind `description`.
Line = Annotated[str, StringConstraints(pattern=r"^[ -~]*$", max_length=200)]

_Value = TypeVar("_Value", IPv4Network, IPv4Interface)


def _with_length(value: object) -> object:
    if isinstance(value, str) and "/" not in value:
        raise ValueError("an address with its prefix length, as in 203.0.113.1/30")
    return value


def _whole(value: object) -> object:
    if isinstance(value, str):
        IPv4Network(value)  # its own words are the better ones
    return value


def _for_hosts(value: _Value) -> _Value:
    """Return a network, or the network of an address, in which hosts can be."""
    network = value.network if isinstance(value, IPv4Interface) else value
    for block, what in _NOT_FOR_HOSTS.items():
        if network.overlaps(block):
            raise ValueError(f"{network} is not for hosts: {block} is {what}")
    return value


def _with_room(network: IPv4Network) -> IPv4Network:
    if network.prefixlen > 30:
        raise ValueError(f"{network} has no room for two routers")
    return network


def _plugged(text: str) -> str:
    """Return the whole name of a port: "Gi0/2" and "GigabitEthernet0/2" are one."""
    name = normalize_interface(text)
    if name is None:
        raise ValueError(f"{text} is no kind of interface")
    if name.startswith(_VIRTUAL):
        raise ValueError(f"{name} is no port that something is plugged into")
    return name


#: A network, without host bits.
Network = Annotated[IPv4Network, BeforeValidator(_whole), AfterValidator(_for_hosts)]
#: The network of the tunnel addresses of two routers and more.
TunnelNetwork = Annotated[Network, AfterValidator(_with_room)]
#: An address with the length of its network.
Interface = Annotated[IPv4Interface, BeforeValidator(_with_length), AfterValidator(_for_hosts)]
#: A port, by its whole name.
Port = Annotated[str, StringConstraints(pattern=_PORT), AfterValidator(_plugged)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tunnel(_Strict):
    """The tunnels of all sites.

    network: of the tunnel addresses. second: another cloud's, for phase 1 with two hubs. gre_key, network_id: the
    second cloud has the next ones. mtu: octets of an IP packet, 1472 at most because GRE with a key takes 28 of an
    Ethernet's 1500; TCP is clamped to what fits. holdtime: seconds.
    bandwidth: kbit/s, for routing metrics.
    """

    network: TunnelNetwork
    second: TunnelNetwork | None = None
    gre_key: int = Field(default=1, ge=0, le=0xFFFFFFFE)
    network_id: int = Field(default=1, ge=1, le=0xFFFFFFFE)
    mtu: int = Field(default=1400, ge=576, le=1472)
    holdtime: int = Field(default=600, ge=60, le=65535)
    bandwidth: int = Field(default=10_000, ge=1, le=10_000_000)


class Pool(_Strict):
    """Where networks are taken from. length: of each."""

    network: Network
    length: int = Field(ge=8, le=30)

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.length < self.network.prefixlen:
            raise ValueError(f"no /{self.length} fits into {self.network}")
        return self


class Pools(_Strict):
    """lan: for sites that name no LAN. nbma: for sites that name no address outside; the provider has the second."""

    lan: Pool | None = None
    nbma: Pool | None = None


class Nat(_Strict):
    """The NAT box of a site. outside, gateway, kind: only for labs, as in `lab.yaml`."""

    outside: Interface | None = None
    gateway: IPv4Address | None = None
    kind: NatKind = "port-restricted"

    @model_validator(mode="after")
    def _gateway_is_outside(self) -> Self:
        if (self.outside is None) != (self.gateway is None):
            raise ValueError("outside and gateway go together")
        if self.outside is not None and self.gateway is not None:
            _check_gateway(self.outside, self.gateway)
        return self


class Site(_Strict):
    """A router. number: its place in the tunnel network. nbma: its address outside; gateway: the provider's there.

    lan: its network inside; the router has the first address. wan, lan_port: interfaces. routing: as the table's.
    """

    number: int | None = Field(default=None, ge=1)
    nbma: Interface | None = None
    gateway: IPv4Address | None = None
    lan: Network | None = None
    wan: Port = "GigabitEthernet0/1"
    lan_port: Port = "GigabitEthernet0/2"
    description: Line = ""
    routing: Routing | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.nbma is not None:
            if self.gateway is None:
                raise ValueError("an nbma address needs the gateway on its link")
            _check_gateway(self.nbma, self.gateway)
        elif self.gateway is not None:
            raise ValueError("a gateway needs the nbma address on its link")
        if self.lan is not None and self.lan.prefixlen > 30:
            raise ValueError(f"lan {self.lan} has no room for hosts")
        if self.wan == self.lan_port:
            raise ValueError(f"{self.wan} cannot be both wan and lan_port")
        return self


class Hub(Site):
    """A hub. The first one in the table is preferred."""


class Spoke(Site):
    """A spoke. phase: an earlier one than the table's. hubs: which, the preferred first; all of the table without.

    dynamic: its address outside changes; without an nbma address it gets one by DHCP. nat: it is behind NAT, and
    `nbma` is its address inside.
    """

    phase: Phase | None = None
    hubs: list[Name] | None = None
    dynamic: bool = False
    nat: Nat | None = None
    protection: Protection | None = None

    @model_validator(mode="after")
    def _is_reached(self) -> Self:
        if self.nat is not None and self.nbma is None:
            raise ValueError("nat needs nbma and gateway, the addresses inside")
        if self.hubs is not None and (not self.hubs or len(set(self.hubs)) < len(self.hubs)):
            raise ValueError("hubs names each once, and one at least")
        return self


class Table(_Strict):
    """The contents of `sites.yaml`. name: of the lab. autonomous_system: EIGRP's."""

    name: Name = "sites"
    phase: Phase = 3
    protection: Protection = "none"
    routing: Routing = "eigrp"
    autonomous_system: int = Field(default=100, ge=1, le=65535)
    tunnel: Tunnel
    pools: Pools = Pools()
    hubs: dict[Name, Hub] = Field(min_length=1, max_length=2)
    spokes: dict[Name, Spoke] = {}

    @cached_property
    def sites(self) -> dict[str, Hub | Spoke]:
        """All, hubs first, in the order of the table."""
        return {**self.hubs, **self.spokes}

    @property
    def has_two_clouds(self) -> bool:
        """True if each hub has a cloud of its own: in phase 1, as a point-to-point tunnel has one hub."""
        return self.phase == 1 and len(self.hubs) > 1

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name in self.spokes:
            if name in self.hubs:
                raise ValueError(f"{name} is a hub and a spoke")
        for name in self.sites:
            if name in (PROVIDER, RESERVED):
                raise ValueError(f"a site cannot be called {name}: that name is taken")
        return self


def _check_gateway(own: IPv4Interface, gateway: IPv4Address) -> None:
    if gateway not in own.network or gateway == own.ip:
        raise ValueError(f"gateway {gateway} is no other address of {own.network}")
    for address in (own.ip, gateway):
        if own.network.prefixlen < 31 and address in (own.network.network_address, own.network.broadcast_address):
            raise ValueError(f"{address} is no host's address in {own.network}")


def schema() -> str:
    """Return the JSON schema of `sites.yaml`, as `sites.schema.json` publishes it."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Table.model_json_schema(),
        "title": "sites.yaml of dmvpn render",
    }
    return json.dumps(described, indent=2) + "\n"


# ------------------------------------------------------------------------------------------------ its file


_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|psk$|pre.?shared|credential|authentication|^keys?$|private.?key", re.IGNORECASE
)


def read(path: Path) -> tuple[Table, Places]:
    """Return the table of a file. Raises UserError."""
    text = read_text(path)
    return parse(text, str(path))


def parse(text: str, file: str) -> tuple[Table, Places]:
    """Return the table that a text is. Raises UserError."""
    raw, places = parse_yaml(text, file)
    for where in _keys(raw):
        if _SECRET.search(str(where[-1])):
            raise places.error(
                where,
                "a key does not belong into a table that many read: remove it, change it if other people saw it, "
                "and give it by --keys FILE or the environment (DMVPN_PRE_SHARED_KEY, DMVPN_NHRP_AUTHENTICATION)",
            )
    try:
        return Table.model_validate(raw if raw is not None else {}), places
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = "there is no such key here"
        raise places.error(tuple(part for part in first["loc"] if part != "[key]"), said) from error


def _keys(raw: object, where: Path_ = ()) -> Iterator[Path_]:
    """Yield every key except the names of sites: a site may be called Secretville."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            here = (*where, str(key))
            if where not in (("hubs",), ("spokes",)):
                yield here
            yield from _keys(value, here)
    elif isinstance(raw, list):
        for position, item in enumerate(raw):
            yield from _keys(item, (*where, position))
