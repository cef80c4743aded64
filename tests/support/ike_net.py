"""Routers that speak IKE to each other through wires of their own, in virtual time.

A `Site` is a router: its IKE SAs, a little configuration, and everything that happened to it. `IkeNet` carries their
datagrams, loses, doubles or translates them, and lets time jump to whatever is next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Self, TypeVar

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.protection import IkeVersion
from dmvpn.features.ike.chain import EspSpis, TrafficSelector
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.crypto.certificates import Untrusted
from dmvpn.features.ike.crypto.material import KeyLog
from dmvpn.features.ike.identity import Identification, name_of, of_address
from dmvpn.features.ike.numbers import Encr, Group, IdType, Integ, Prf
from dmvpn.features.ike.peer_settings import (
    ChildTerms,
    DatagramPath,
    Endpoint,
    Expectation,
    MainModeOpening,
    Opening,
    Terms,
    UdpUse,
)
from dmvpn.features.ike.session import Ended, Output, Reply, Transmit, Trouble, TurnedAway
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v2.negotiation import ike_offer
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag
from dmvpn.features.ike.v2.packet import Header, KeyExchange, Message, Nonce, SecurityAssociation, parse_header
from dmvpn.features.ike.v2.sas import COOKIES_FROM, IkeSas
from support.texts import because

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.children import ChildSa
    from dmvpn.features.ike.crypto.certificates import Anchors, PrivateKey, PublicKey
    from dmvpn.features.ike.peer_settings import PeerSettings
    from dmvpn.features.ike.v2.sa import IkeSa

GRE = 47
DELAY = 0.01
CBC = Suite(Encr.AES_CBC, 256, Prf.HMAC_SHA2_256, Integ.HMAC_SHA2_256_128, Group.CURVE25519)
GCM = Suite(Encr.AES_GCM_16, 256, Prf.HMAC_SHA2_384, Integ.NONE, Group.ECP_256)
ESP = Suite(Encr.AES_GCM_16, 256)
ESP_CBC = Suite(Encr.AES_CBC, 256, 0, Integ.HMAC_SHA2_256_128)
A = TypeVar("A", bound=Output)


@dataclass(slots=True)
class Settings:
    """What a site has configured."""

    suites: tuple[Suite, ...] = (CBC,)
    esp: tuple[Suite, ...] = (ESP,)
    pfs: tuple[int, ...] = ()
    secret: bytes = b"between us"
    their_secret: bytes | None = None
    identity: str = ""
    accepts: Callable[[str], bool] = lambda _: True
    child_seconds: float = 3600.0
    lifetime: float = 86_400.0
    dpd: float = 0.0
    fragment: int | None = None
    transport: bool = True
    may_tunnel: bool = False
    force_udp: bool = False
    udp: UdpUse = field(default_factory=UdpUse)
    cookies_from: int = COOKIES_FROM
    selectors: tuple[str, str] | None = None
    key: PrivateKey | None = None
    chain: tuple[bytes, ...] = ()
    anchors: Anchors | None = None


class Site:
    """One router. It is also the `PeerSettings` that its IKE SAs ask, unless they are given another."""

    def __init__(
        self, net: IkeNet, address: str, settings: Settings, seed: int, peer_settings: PeerSettings | None = None
    ) -> None:
        self.net, self.settings = net, settings
        self.key_log, self.esp_spis = KeyLog(), EspSpis()
        self.address = IPv4Address(address)
        self.sas = IkeSas(peer_settings or self, SeededEntropy(f"{seed}/{address}"), cookies_from=settings.cookies_from)
        self.outputs: list[Output] = []

    def suites(self, path: DatagramPath) -> tuple[Suite, ...]:
        return self.settings.suites

    def terms_with(self, remote: IPAddress, local: IPAddress | None = None) -> Terms:
        """Return how we would talk to a peer at this address."""
        chosen = self.settings
        name = chosen.identity
        identity = Identification(IdType.FQDN, name.encode()) if name else of_address(self.address)
        later = tuple(suite._replace(group=group) for group in chosen.pfs or (0,) for suite in chosen.esp)
        ours, theirs = chosen.selectors or (str(local or self.address), str(remote))
        child = ChildTerms(
            profile="DMVPN",
            local=TrafficSelector.host(IPv4Address(ours), GRE),
            remote=TrafficSelector.host(IPv4Address(theirs), GRE),
            first_suites=chosen.esp,
            suites=later,
            transport=chosen.transport,
            may_tunnel=chosen.may_tunnel,
            seconds=chosen.child_seconds,
        )
        return Terms(
            profile="IKE",
            identity=identity,
            child=child,
            secret=None if chosen.key else chosen.secret,
            key=chosen.key,
            chain=chosen.chain,
            authorities=chosen.anchors.requests if chosen.anchors else (),
            fragment=chosen.fragment,
            lifetime=chosen.lifetime,
            dpd=chosen.dpd,
            force_udp=chosen.force_udp,
        )

    def opening(self, path: DatagramPath) -> Opening:
        authorities = self.settings.anchors.requests if self.settings.anchors else ()
        return Opening(self.suites(path), self.settings.udp, authorities)

    def obstacle(self, path: DatagramPath) -> None:
        """Know of none: there is no routing table."""

    def has_key(self, path: DatagramPath) -> bool:
        return False

    def main_mode(self, path: DatagramPath) -> MainModeOpening:
        return MainModeOpening((), self.settings.udp)

    def terms(
        self,
        path: DatagramPath,
        theirs: Identification,
        ours: Identification | None,
        chain: tuple[bytes, ...] = (),
        version: IkeVersion = IkeVersion.V2,
    ) -> Terms | Reason:
        if not self.settings.accepts(name_of(theirs)):
            return because(f"no profile matches {name_of(theirs)}")
        return self.terms_with(path.remote.address, path.local.address)

    def child(self, terms: ChildTerms) -> ChildTerms:
        return terms

    def expectation(self, terms: Terms, path: DatagramPath, theirs: Identification) -> Expectation | Reason:
        if self.settings.anchors is not None:
            return Expectation(certificates=True)
        return Expectation((self.settings.their_secret or self.settings.secret,))

    def believe(self, terms: Terms, theirs: Identification, chain: tuple[bytes, ...], now: float) -> PublicKey | Reason:
        if self.settings.anchors is None:
            return because("no certificates here")
        try:
            return self.settings.anchors.believe(chain, theirs, datetime.now(UTC))
        except Untrusted as error:
            return because(str(error))

    # ------------------------------------------------------------------------------------------------ what happens

    def connect(self, remote: str | Site, terms: Terms | None = None) -> IkeSa:
        """Begin an IKE SA with another site."""
        address = remote.address if isinstance(remote, Site) else IPv4Address(remote)
        path = DatagramPath(Endpoint(self.address, 500), Endpoint(address, 500))
        sa, outputs = self.sas.initiate(path, terms or self.terms_with(address), self.net.now)
        self.take(outputs)
        return sa

    def take(self, outputs: list[Output]) -> None:
        """Do what the machine wants done."""
        for done in outputs:
            self.outputs.append(done)
            match done:
                case Transmit(path=path, datagrams=datagrams):
                    for datagram in datagrams:
                        self.net.send(self, path, datagram)
                case Reply(path, datagram):
                    self.net.send(self, path, datagram)
                case _:
                    pass

    def happened(self, kind: type[A]) -> list[A]:
        """Return the outputs of one kind, in order."""
        return [done for done in self.outputs if isinstance(done, kind)]

    @property
    def children(self) -> list[ChildSa]:
        """All child SAs that can carry packets."""
        return [child for sa in self.sas for child in sa.children]

    @property
    def troubles(self) -> list[str]:
        """What went wrong, in words."""
        return [
            str(done.why if isinstance(done, TurnedAway) else done.reason if isinstance(done, Ended) else done.what)
            for done in self.outputs
            if isinstance(done, Trouble | TurnedAway | Ended)
        ]


@dataclass(slots=True)
class Flight:
    """A datagram on its way, as its sender and its receiver see the addresses."""

    at: float
    order: int
    sender: str
    path: DatagramPath
    octets: bytes


@dataclass(slots=True)
class IkeNet:
    """Sites and the time.

    drops: decides over each datagram.
    nats: inside to outside address.
    shift: what a NAT adds to a port.
    """

    seed: int = 1
    now: float = 0.0
    drops: Callable[[Flight], bool] = lambda _: False
    doubles: bool = False
    nats: dict[IPv4Address, IPv4Address] = field(default_factory=dict)
    shift: int = 1000
    sites: dict[IPv4Address, Site] = field(default_factory=dict)
    flights: list[Flight] = field(default_factory=list)
    log: list[Flight] = field(default_factory=list)
    _serial: int = 0

    def site(self, address: str, settings: Settings | None = None, peer_settings: PeerSettings | None = None) -> Site:
        """Return a router."""
        site = Site(self, address, settings or Settings(), self.seed, peer_settings)
        self.sites[site.address] = site
        return site

    def send(self, site: Site, path: DatagramPath, octets: bytes) -> None:
        """A datagram leaves; a NAT shows another address and port to the other side."""
        source = path.local
        if outside := self.nats.get(site.address):
            source = Endpoint(outside, path.local.port + self.shift)
        for copy in range(2 if self.doubles else 1):
            self._serial += 1
            at = self.now + DELAY * (1 + copy)
            flight = Flight(at, self._serial, str(site.address), DatagramPath(source, path.remote), octets)
            self.log.append(flight)
            if not self.drops(flight):
                self.flights.append(flight)

    def deliver(self, flight: Flight) -> None:
        """A datagram arrives; what goes to the outside of a NAT goes to the inside."""
        target, port = flight.path.remote.address, flight.path.remote.port
        for inside, outside in self.nats.items():
            if target == outside and port > self.shift:
                target, port = inside, port - self.shift
        site = self.sites.get(IPv4Address(str(target)))
        if site is not None:
            path = DatagramPath(Endpoint(target, port), flight.path.local)
            site.take(site.sas.handle(flight.octets, path, self.now))

    def run(self, seconds: float) -> Self:
        """Let time pass."""
        end = self.now + seconds
        while True:
            times = [flight.at for flight in self.flights]
            times += [when for site in self.sites.values() if (when := site.sas.next_deadline()) is not None]
            self.now = max(self.now, min([*times, end]))
            if self.now >= end and not any(when <= end for when in times):
                return self
            due = sorted((f for f in self.flights if f.at <= self.now), key=lambda f: (f.at, f.order))
            self.flights = [f for f in self.flights if f.at > self.now]
            for flight in due:
                self.deliver(flight)
            for site in tuple(self.sites.values()):
                site.take(site.sas.tick(self.now))

    def sent(self, site: Site) -> list[str]:
        """Return the exchange types of what a site sent: "IKE_AUTH request"."""
        names = []
        for flight in self.log:
            if flight.sender == str(site.address):
                header, _ = parse_header(flight.octets)
                names.append(f"{header.exchange_name} {'response' if header.is_response else 'request'}")
        return names


def matched(one: Site, other: Site) -> bool:
    """Has every child SA of each a counterpart at the other, with the same keys and SPIs, crosswise?"""

    def ends(site: Site, *, mirrored: bool) -> set[tuple[bytes, bytes, bytes, bytes]]:
        found = set()
        for child in site.children:
            ours = (child.spi_in, child.spi_out, child.keys_in.cipher, child.keys_out.cipher)
            found.add((ours[1], ours[0], ours[3], ours[2]) if mirrored else ours)
        return found

    return bool(one.children) and ends(one, mirrored=False) == ends(other, mirrored=True)


# First messages of IKE that nobody means.


def begins(number: int, *more: Payload, spi: bytes = b"", suite: Suite = CBC) -> bytes:
    """Return an IKE_SA_INIT request that differs from all others, with a key exchange that is worth an answer."""
    header = Header(
        spi_i=spi or (number + 1).to_bytes(8, "big"),
        spi_r=bytes(8),
        exchange=ExchangeType.IKE_SA_INIT,
        flags=Flag.INITIATOR,
        message_id=0,
    )
    key = KeyExchange(suite.group, _public(suite.group))
    nonce = Nonce(number.to_bytes(32, "big"))
    return Message((*more, SecurityAssociation(ike_offer((suite,))), key, nonce), header=header).serialize()


@cache
def _public(group: int) -> bytes:
    return draw(group, SeededEntropy(1)).public
