"""A protected spoke as the ports tell of it, without anything that runs: for what shows print of it.

Its hub is there since 41 seconds, as on the page of formats; a spoke behind a translator since five; a third does not
answer, and a fourth proves itself just now.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base import protection
from dmvpn.base.filters import Condition, FilterEntry, FilterList
from dmvpn.base.notices import TunnelState
from dmvpn.base.shell import NO_PLANE, NoPlane
from dmvpn.base.translation import Addresses
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.fakes import FakeFilters, FakeIke, FakeProtection, FakeTunnels, fake_ports, up
from support.texts import because, file_text

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports
    from dmvpn.ios import ConfigTree

M = TypeVar("M")

_ANY = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
#: `permit udp any any eq isakmp`, `deny esp any any`.
WITHOUT_ESP = FilterList(
    "WAN-IN",
    (
        FilterEntry(10, True, Condition(source=_ANY, destination=_ANY, protocol=17, destination_ports=((500, 500),))),
        FilterEntry(20, False, Condition(source=_ANY, destination=_ANY, protocol=50)),
    ),
)
CONFIGURATION = file_text("crypto_shows.cfg")
SECRETS = ("Unspoken!1", "Unspoken!2", "Unspoken!3")
NOW = 1000.0
PROFILE = "DMVPN-IPSEC-PROFILE"
OWN, HUB, SPOKE = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.1"), IPv4Address("192.0.2.77")
SILENT, NEW = IPv4Address("203.0.113.9"), IPv4Address("203.0.113.10")

TUNNEL = TunnelState(
    name="Tunnel0",
    multipoint=True,
    source=OWN,
    source_interface="GigabitEthernet0/1",
    destination=None,
    key=None,
    transport_mtu=17916,
    up=True,
    protection=PROFILE,
)
TO_HUB = protection.Connection(
    number=1,
    local=OWN,
    remote=HUB,
    identity="203.0.113.1",
    profile=PROFILE,
    ike_profile="DMVPN-IKEv2-PROFILE",
    initiator=True,
    since=NOW - 41,
)
TO_SPOKE = protection.Connection(
    number=2,
    local=OWN,
    remote=SPOKE,
    identity="spoke2.example.net",
    profile=PROFILE,
    ike_profile="DMVPN-IKEv2-PROFILE",
    local_port=4500,
    remote_port=61234,
    nat=True,
    behind_nat=True,
    since=NOW - 5,
)
HUB_IKE = protection.IkeView(
    number=1,
    phase=protection.IkePhase.READY,
    connection=TO_HUB,
    local=OWN,
    local_port=500,
    remote=HUB,
    remote_port=500,
    local_spi=bytes.fromhex("1f7b76961c3a77ed"),
    remote_spi=bytes.fromhex("1298fde074bd724c"),
    initiator=True,
    encryption="AES-CBC",
    bits=256,
    prf="SHA256",
    integrity="SHA256",
    group=14,
    local_auth="PSK",
    remote_auth="PSK",
    local_identity="198.51.100.1",
    remote_identity="203.0.113.1",
    since=NOW - 41,
    dpd=30,
    dpd_retry=5,
    ikev2_profile="DMVPN-IKEv2-PROFILE",
    next_request=2,
)
SPOKE_IKE = replace(
    HUB_IKE,
    number=2,
    connection=TO_SPOKE,
    remote=SPOKE,
    local_port=4500,
    remote_port=61234,
    local_spi=bytes.fromhex("00000000000000a1"),
    remote_spi=bytes.fromhex("00000000000000a2"),
    initiator=False,
    encryption="AES-GCM",
    prf="SHA384",
    integrity="",
    group=19,
    remote_identity="spoke2.example.net",
    since=NOW - 5,
    dpd=0,
    dpd_retry=0,
    fragmentation=True,
    nat_outside=True,
    next_request=0,
    next_answer=2,
)
NEW_IKE = protection.IkeView(
    number=3,
    phase=protection.IkePhase.INIT,
    connection=None,
    local=OWN,
    local_port=500,
    remote=NEW,
    remote_port=500,
    local_spi=bytes.fromhex("00000000000000b1"),
    remote_spi=bytes(8),
    initiator=True,
    since=NOW - 1,
)
HUB_PAIR = protection.SaView(
    connection=TO_HUB,
    spi_in=0x232CB82D,
    spi_out=0x30767B6E,
    transform=protection.EspTransform(protection.EspCipher.AES_CBC, 256, protection.EspHash.SHA256),
    transport=True,
    esn=False,
    window=1024,
    pfs_group=0,
    since=NOW - 41,
    expires=NOW + 3558.5,
    rekey_at=NOW + 3200,
    kilobytes=4_608_000,
    used=True,
    local_selector="198.51.100.1/255.255.255.255/47/0",
    remote_selector="203.0.113.1/255.255.255.255/47/0",
    count=protection.SaCount(spi_in=0x232CB82D, sent=14, sent_octets=1400, received=12, received_octets=1300),
)
SPOKE_PAIR = replace(
    HUB_PAIR,
    connection=TO_SPOKE,
    spi_in=0xA3,
    spi_out=0xA4,
    transform=protection.EspTransform(protection.EspCipher.AES_GCM, 256),
    esn=True,
    pfs_group=19,
    expires=NOW + 3595,
    kilobytes=0,
    remote_selector="192.0.2.77/255.255.255.255/47/0",
    count=protection.SaCount(spi_in=0xA3, sent=3, received=5, replayed=2, broken=1, unsent=4),
)
REFUSED = because("the peer refuses every proposal", "NO_PROPOSAL_CHOSEN to IKE_SA_INIT", since=NOW - 60)


@dataclass
class CryptoView:
    """The `ShowContext` of this spoke. alone: it knows its hub and nobody else, as on the page of formats."""

    alone: bool = False
    now: float = NOW
    counting: NoPlane = NO_PLANE
    session: int = 0
    hostname: str = "SPOKE"
    features: tuple[object, ...] = FEATURES
    running: ConfigTree = field(default_factory=lambda: configurator(FEATURES).parse_text(CONFIGURATION).tree)

    @property
    def ports(self) -> Ports:
        ports = fake_ports(up("GigabitEthernet0/1", str(OWN)))
        ports.tunnels = FakeTunnels([TUNNEL])
        secured = protection.Protected(phase=protection.ProtectionPhase.SECURED, connection=1)
        wanted = [_pair(HUB, secured)]
        if self.alone:
            ports.protection = FakeProtection(known=[TO_HUB], esp=[HUB_PAIR], wanted=wanted)
            ports.ike = FakeIke([HUB_IKE])
            return ports
        wanted += [_pair(SILENT, protection.Protected(phase=protection.ProtectionPhase.INTF, reason=REFUSED))]
        wanted += [_pair(NEW, protection.Protected(phase=protection.ProtectionPhase.IKE))]
        ports.protection = FakeProtection(known=[TO_HUB, TO_SPOKE], esp=[HUB_PAIR, SPOKE_PAIR], wanted=wanted)
        ports.ike = FakeIke(
            [HUB_IKE, SPOKE_IKE, NEW_IKE],
            protection.IkeStats(
                incoming=4, incoming_accepted=1, incoming_rejected=3, outgoing=7, outgoing_accepted=1, dropped=9
            ),
        )
        return ports

    def machine(self, kind: type[M]) -> M:
        raise KeyError(kind)


@dataclass
class Filtered(CryptoView):
    """The same spoke with a list on its port that lets IKE in, and nothing else."""

    @property
    def ports(self) -> Ports:
        ports = super().ports
        ports.filters = FakeFilters({"GigabitEthernet0/1": WITHOUT_ESP})
        return ports


@dataclass
class Nobody(CryptoView):
    """The same spoke, before anybody was wanted."""

    @property
    def ports(self) -> Ports:
        ports = fake_ports(up("GigabitEthernet0/1", str(OWN)))
        ports.tunnels = FakeTunnels([TUNNEL])
        return ports


@dataclass
class Rekeyed(CryptoView):
    """The same spoke with these pairs of SAs."""

    pairs: tuple[protection.SaView, ...] = ()

    @property
    def ports(self) -> Ports:
        ports = fake_ports(up("GigabitEthernet0/1", str(OWN)))
        ports.tunnels = FakeTunnels([TUNNEL])
        ports.protection = FakeProtection(known=[pair.connection for pair in self.pairs[-1:]], esp=list(self.pairs))
        return ports


@dataclass
class Some(CryptoView):
    """A spoke of which a test says what there is. A pair is wanted with the hub alone."""

    tunnels: tuple[TunnelState, ...] = (TUNNEL,)
    ikes: tuple[protection.IkeView, ...] = ()
    pairs: tuple[protection.SaView, ...] = ()

    @property
    def ports(self) -> Ports:
        ports = fake_ports(up("GigabitEthernet0/1", str(OWN)))
        ports.tunnels = FakeTunnels(list(self.tunnels))
        wanted = [_pair(HUB, protection.Protected(phase=protection.ProtectionPhase.INTF))]
        ports.protection = FakeProtection(esp=list(self.pairs), wanted=wanted)
        ports.ike = FakeIke(list(self.ikes))
        return ports


@dataclass
class Migrated(CryptoView):
    """The same spoke with IKEv1's lines alone."""

    @property
    def ports(self) -> Ports:
        ports = fake_ports()
        ports.ike = FakeIke([replace(HUB_IKE, ikev2_profile="")])
        return ports


def _pair(remote: IPv4Address, state: protection.Protected) -> protection.ProtectedPair:
    return protection.ProtectedPair(tunnel="Tunnel0", local=OWN, remote=remote, profile=PROFILE, state=state)
