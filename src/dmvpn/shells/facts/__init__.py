"""What a lab looks like from outside, as values: which ports are connected, what each router wants and what it has.

Both kinds of labs answer the order `facts` with a `LabFacts`; programs above (tools) decide from it what one router
alone can only suspect. Nothing secret is in it.
"""

from dmvpn.shells.facts.lab import lab_facts
from dmvpn.shells.facts.reasons import reason_facts
from dmvpn.shells.facts.router import router_facts
from dmvpn.shells.facts.values import (
    Address,
    AddressWithLength,
    DropFacts,
    EigrpFacts,
    EigrpInterfaceFacts,
    GatewayFacts,
    GreFlow,
    HopFacts,
    HostFacts,
    IkeFacts,
    InterfaceFacts,
    KernelFacts,
    LabFacts,
    LinkFacts,
    LogFacts,
    MappingFacts,
    NeighborFacts,
    OfferFacts,
    PeerFacts,
    ReasonFacts,
    RipFacts,
    RipInterfaceFacts,
    RouteFacts,
    RouterFacts,
    SaFacts,
    ServerFacts,
    TranslationFacts,
    TunnelFacts,
)

__all__ = [
    "Address",
    "AddressWithLength",
    "DropFacts",
    "EigrpFacts",
    "EigrpInterfaceFacts",
    "GatewayFacts",
    "GreFlow",
    "HopFacts",
    "HostFacts",
    "IkeFacts",
    "InterfaceFacts",
    "KernelFacts",
    "LabFacts",
    "LinkFacts",
    "LogFacts",
    "MappingFacts",
    "NeighborFacts",
    "OfferFacts",
    "PeerFacts",
    "ReasonFacts",
    "RipFacts",
    "RipInterfaceFacts",
    "RouteFacts",
    "RouterFacts",
    "SaFacts",
    "ServerFacts",
    "TranslationFacts",
    "TunnelFacts",
    "lab_facts",
    "reason_facts",
    "router_facts",
]
