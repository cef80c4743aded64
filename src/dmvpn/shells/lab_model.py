"""The contents of `lab.yaml`, as values: the routers, and the wires between them.

    title: Phase 3, redirect and shortcut
    needs: [eigrp]                 # optional: parts of the program that it requires
    routers:                       # optional: every *.cfg of the folder is a router of that name
      R11: {role: hub}
      TRANSPORT: {role: provider}
    links:
      - ends: [R11:GigabitEthernet0/1, TRANSPORT:GigabitEthernet0/1]
        delay: 5                   # milliseconds, one way; also loss (percent), rate (kbit/s)
      - ends: [NAT1:outside, TRANSPORT:GigabitEthernet0/2]
      - ends: [NAT1:inside, R31:GigabitEthernet0/1]
    gateways:                      # optional: translators (NAT) between spokes and the provider
      NAT1: {kind: symmetric, outside: 172.16.31.1/30, gateway: 172.16.31.2, inside: 192.168.31.1/24}
      NAT2:                        # inward: what comes for this public address goes to this station, as in a cloud
        {outside: 172.16.41.1/30, gateway: 172.16.41.2, inside: 192.168.41.1/24, inward: {172.16.41.1: 192.168.41.10}}
    hosts:
      H1: {link: "R11:GigabitEthernet0/2", address: 10.1.1.100/24, gateway: 10.1.1.1}
      H2: {link: "R21:GigabitEthernet0/2", address: dhcp}    # a DHCP server has to lease it

`lab.schema.json` beside this file is its published schema (made from these models, checked by a test).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, ip_interface
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from dmvpn.base.addresses import IPAddress
from dmvpn.dataplane.translator import NatKind

NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,30}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
#: The name of the socket of the lab itself.
RESERVED = "supervisor"
#: "R11:GigabitEthernet0/1", "NAT1:inside", or a host's name: hosts have a single interface.
_END = r"^[A-Za-z][A-Za-z0-9_.-]{0,30}(:([A-Za-z]+ ?[0-9/.]+|inside|outside))?$"
End = Annotated[str, StringConstraints(pattern=_END)]

#: The ports of a gateway. They keep these names in every shell.
INSIDE, OUTSIDE = "inside", "outside"


class Strict(BaseModel):
    """Unknown keys are refused, and it is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RouterSpec(Strict):
    """A router. role: only for the picture and for `lab up`'s report; a provider runs no overlay."""

    role: Literal["hub", "spoke", "provider", "router"] = "router"


class LinkSpec(Strict):
    """A wire, or a switch if it has more than two ends.

    delay: ms one way.
    loss: percent.
    rate: kbit/s.
    """

    ends: list[End] = Field(min_length=2)
    delay: float = Field(default=0.0, ge=0, le=10_000)
    loss: float = Field(default=0.0, ge=0, le=100)
    rate: int = Field(default=0, ge=0)


#: `address6` of a host that makes it itself.
SLAAC: Final = "slaac"
#: What stands for an address that a DHCP server leases, and for the address until then.
LEASED: Final = "dhcp"
UNLEASED: Final = IPv4Interface("0.0.0.0/32")


#: An address with its prefix length, and the gateway.
HostAddress = tuple[IPv4Interface | IPv6Interface, IPAddress | None]


class HostSpec(Strict):
    """A computer behind a router: plain IP, one interface.

    address: of either IP version, with its prefix length; `dhcp`: a DHCP server leases it an address, and the gateway.
    gateway: of the same.
    address6, gateway6: of IPv6 besides. `slaac`: it takes both from the advertisements of its router (RFC 4862);
        `dhcp`: a DHCP server leases it the address.
    """

    link: End
    address: str
    gateway: IPv4Address | IPv6Address | None = None
    address6: str | None = None
    gateway6: IPv6Address | None = None

    @field_validator("address")
    @classmethod
    def _is_address(cls, text: str) -> str:
        if text != LEASED:
            ip_interface(text)
        return text

    @model_validator(mode="after")
    def _has_one_gateway(self) -> Self:
        if self.is_leased and self.gateway is not None:
            raise ValueError("gateway: the lease has it")
        if self.address6 == LEASED and self.gateway6 is not None:
            raise ValueError("gateway6: its router says it")
        return self

    @property
    def is_leased(self) -> bool:
        """Whether it gets its address by DHCP."""
        return self.address == LEASED

    @field_validator("address6")
    @classmethod
    def _is_address6(cls, text: str | None) -> str | None:
        if text not in (None, SLAAC, LEASED):
            IPv6Interface(text)
        return text

    @cached_property
    def interface(self) -> IPv4Interface | IPv6Interface:
        """Address with prefix length; of a host with a lease `UNLEASED`."""
        return UNLEASED if self.is_leased else ip_interface(self.address)

    @cached_property
    def interface6(self) -> IPv6Interface | None:
        """The additional IPv6 address, with prefix length, if the host neither makes nor leases it."""
        return None if self.address6 in (None, SLAAC, LEASED) else IPv6Interface(self.address6)

    @property
    def makes_address(self) -> bool:
        """Whether it takes its router, and prefixes to make addresses of, from advertisements: also with a lease."""
        own = self.interface6
        return self.address6 in (SLAAC, LEASED) if own is None else own.network.prefixlen == 128

    @property
    def leased(self) -> tuple[int, ...]:
        """The versions of IP of which it waits for a lease."""
        return tuple(version for version, own in ((4, self.address), (6, self.address6)) if own == LEASED)

    def with_leases(self, stations: Iterable[HostAddress | None]) -> Self:
        """Return the host with what servers leased it, None: nothing yet."""
        changed = self.model_dump()
        for address, gateway in filter(None, stations):
            end = "6" if address.version == 6 else ""
            changed |= {f"address{end}": str(address), f"gateway{end}": gateway}
        return type(self).model_validate(changed)

    @property
    def speaks_ipv6(self) -> bool:
        """Whether it has an IPv6 address."""
        return self.interface.version == 6 or self.address6 is not None


def is_free(address: IPv4Address, network: IPv4Network, other: IPv4Address) -> bool:
    """Return whether a station may have this address on a link where another one is."""
    return address in network and address not in (other, network.network_address, network.broadcast_address)


class GatewaySpec(Strict):
    """A translator (NAT) with the ports `inside` and `outside`. Several spokes may be on its inside link.

    outside: its public address, and the link's prefix length.
    gateway: the next hop of packets that leave.
    timeout: seconds that a flow is kept after the last packet; a flow without an answer is kept 30 at most.
    inward: stations inside by their public addresses: each has its own, one to one. One of them may be the address of
        the translator itself.
    """

    kind: NatKind = "port-restricted"
    outside: str
    gateway: IPv4Address
    inside: str
    timeout: float = Field(default=180.0, ge=1, le=86_400)
    inward: dict[IPv4Address, IPv4Address] = {}

    @field_validator("outside", "inside")
    @classmethod
    def _is_address(cls, text: str) -> str:
        IPv4Interface(text)
        return text

    @model_validator(mode="after")
    def _sides_differ(self) -> Self:
        if self.gateway not in self.public.network:
            raise ValueError(f"its gateway {self.gateway} is not on its outside link {self.public.network}")
        if self.public.network.overlaps(self.private.network):
            raise ValueError("the same addresses inside and outside")
        for public, station in self.inward.items():
            if not is_free(public, self.public.network, self.gateway):
                raise ValueError(f"inward: {public} is no free address of {self.public.network}, the link outside")
            if not is_free(station, self.private.network, self.private.ip):
                raise ValueError(f"inward: {station} is no free address of {self.private.network}, the link inside")
        if len(set(self.inward.values())) < len(self.inward):
            raise ValueError("inward: two public addresses for one station")
        return self

    @cached_property
    def public(self) -> IPv4Interface:
        """Outside address with prefix length."""
        return IPv4Interface(self.outside)

    @cached_property
    def private(self) -> IPv4Interface:
        """Inside address with prefix length."""
        return IPv4Interface(self.inside)

    def inward_now(self, public: IPv4Address) -> dict[IPv4Address, IPv4Address]:
        """Return the stations by their public addresses, while its own address outside is this one."""
        return {public if one == self.public.ip else one: station for one, station in self.inward.items()}


#: "10.4.4.0/24", or with the required next hop: "10.4.4.0/24 via 192.168.100.11"; in a VRF: "vrf RED 10.4.4.0/24".
ReadyRoute = Annotated[
    str, StringConstraints(pattern=r"^(vrf [^ ]+ )?[0-9A-Fa-f:.]+/[0-9]{1,3}( via [0-9A-Fa-f:.]+)?$")
]


class ReadySpec(Strict):
    """What `lab up` waits for besides registrations.

    routes: prefixes that must be there ("R31": ["10.4.4.0/24"]), "PREFIX via NEXT HOP" where two ways are not alike,
        "vrf NAME PREFIX" in a VRF.
    either: of these routers one suffices, because no more than one can come up (two GRE spokes behind one address).
    """

    routes: dict[Name, list[ReadyRoute]] = {}
    either: list[Name] = []


#: Parts of the program that a scenario may need: names of features that some releases lack.
Need = Literal["ipsec", "eigrp", "rip", "ospf", "bgp", "ipv6"]


class Lab(Strict):
    """The contents of `lab.yaml`. needs: what it cannot come up without; `lab up` says so before it tries."""

    title: str = ""
    needs: list[Need] = []
    routers: dict[Name, RouterSpec] = {}
    links: list[LinkSpec] = []
    hosts: dict[Name, HostSpec] = {}
    gateways: dict[Name, GatewaySpec] = {}
    ready: ReadySpec = ReadySpec()


class StartSpec(Strict):
    """`start.yaml` of an exercise: lines entered into the configurations of a built-in network before it begins."""

    title: str
    network: str
    type: dict[Name, list[str]]
    ready: ReadySpec = ReadySpec()


def schema() -> str:
    """Return the JSON schema of `lab.yaml`, as `lab.schema.json` publishes it."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Lab.model_json_schema(),
        "title": "lab.yaml of a dmvpn scenario",
    }
    return json.dumps(described, indent=2) + "\n"
