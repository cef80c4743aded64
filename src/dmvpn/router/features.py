"""All features, in the order in which events reach them. A new protocol is one line here.

`fill` says which machine answers which question: the machines behind `base.ports.Ports`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from dmvpn.base.context import Machine
from dmvpn.base.ports import (
    Clock,
    Filters,
    Ike,
    Interfaces,
    Pki,
    Policies,
    Ports,
    Protection,
    Rib,
    Tunnels,
)
from dmvpn.features.archive import FEATURE as ARCHIVE
from dmvpn.features.bfd import FEATURE as BFD
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.chronicle import FEATURE as CHRONICLE
from dmvpn.features.dhcp import FEATURE as DHCP
from dmvpn.features.eigrp import FEATURE as EIGRP
from dmvpn.features.filter import FEATURE as FILTER
from dmvpn.features.ike import FEATURE as IKE
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.ipsec import FEATURE as IPSEC
from dmvpn.features.nat import FEATURE as NAT
from dmvpn.features.nhrp import FEATURE as NHRP
from dmvpn.features.ospf import FEATURE as OSPF
from dmvpn.features.pki import FEATURE as PKI
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.switching import FEATURE as SWITCHING
from dmvpn.features.system import FEATURE as SYSTEM
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.track import FEATURE as TRACK
from dmvpn.features.tunnel import FEATURE as TUNNEL
from dmvpn.features.vrf import FEATURE as VRF
from dmvpn.ios import Feature

#: Lower layers first: a port filters before it is up, an interface must be known before its tunnel, a route before the
#: protocol that asks for it.
FEATURES: tuple[Feature, ...] = (
    SYSTEM,
    ARCHIVE,
    POLICY,
    VRF,
    FILTER,
    SWITCHING,
    INTERFACE,
    TUNNEL,
    PKI,
    IKE,
    IPSEC,
    RIB,
    TRACK,
    STATIC,
    NAT,
    DHCP,
    NHRP,
    BFD,
    EIGRP,
    OSPF,
    RIP,
    BGP,
    CHRONICLE,
)


def fill(ports: Ports, machines: Mapping[str, Machine]) -> None:
    """Put the answering machines into `ports`. A router without one of them simply may not ask it."""
    if interface := machines.get("interface"):
        ports.interfaces = cast("Interfaces", interface)
    if tunnel := machines.get("tunnel"):
        ports.tunnels = cast("Tunnels", tunnel)
    if rib := machines.get("rib"):
        ports.rib = cast("Rib", rib)
    if ipsec := machines.get("ipsec"):
        ports.protection = cast("Protection", ipsec)
    if ike := machines.get("ike"):
        ports.ike = cast("Ike", ike)
    if pki := machines.get("pki"):
        ports.pki = cast("Pki", pki)
    if policy := machines.get("policy"):
        ports.policies = cast("Policies", policy)
    if filters := machines.get("filter"):
        ports.filters = cast("Filters", filters)
    if system := machines.get("system"):
        ports.debugging = cast("SystemMachine", system).switches
        ports.clock = cast("Clock", system)
