"""Every capture with NHRP, played to our router in the role of each who took part, ends in the state it should.

FRR, OpenNHRP and Cisco routers made these packets (tests/captures/README.md). Ours answers as they did, forwards what
they forwarded, and knows in the end what they knew.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base import events
from dmvpn.base.effects import GRE_IPV4, GRE_NHRP, ClearAdjacency, Effect, PollUsage, SendGre, SetAdjacency
from dmvpn.base.entropy import SeededEntropy
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import (
    Authentication,
    CieCode,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
    find,
)
from dmvpn.ios import CliError
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.router.router import Router
from support.pcap import CAPTURES, esp_keys, network_layer, open_esp, read
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.base.addresses import IPAddress

# Captures of other implementations, played to our own router in the role of one who took part.
#
# `conversation` reads a capture into datagrams: everything in GRE, out of ESP too where its keys are known, with outer
# addresses and times. `Role` is a whole router of ours without a data plane. It is told what the participant was told,
# when it was told: NHRP packets, and on a hub the packets that it forwarded between spokes. What it makes of that is
# seen in its show commands and in the packets that it sends.
#
# Two things must be fitted, because the other end of the capture cannot hear us. An answer to a request of the captured
# participant is taken as the answer to our latest request of the same kind for the same address, and gets its request
# id; without such a request nobody asked, and it is left out. And an echo by which we try a direct path is answered if
# the capture has packets that came by that path.

P = TypeVar("P", bound=nhrp.NhrpPacket)

TUNNEL = "Tunnel0"
_PARSER = exec_parser(FEATURES)
_ESP_IN_UDP = 4500


@dataclass(frozen=True, slots=True)
class Datagram:
    """A GRE packet of a capture. time: seconds since its first frame."""

    time: float
    source: IPv4Address
    destination: IPv4Address
    kind: int
    payload: bytes

    @property
    def nhrp(self) -> nhrp.NhrpPacket:
        """What it carries, if that is NHRP."""
        return nhrp.parse(self.payload)

    @property
    def inner(self) -> Ipv4Packet:
        """What it carries, if that is IP."""
        return Ipv4Packet.parse(self.payload)


def conversation(path: Path) -> list[Datagram]:
    """Everything in GRE, in order."""
    keys, found = esp_keys(path), []
    first: float | None = None
    for time, link, data in _frames(path):
        first = time if first is None else first
        layer = network_layer(link, data)
        if layer is None or layer[0] != 0x0800:
            continue
        outer = Ipv4Packet.parse(layer[1])
        gre = _gre(outer, keys)
        if gre is None:
            continue
        header, start = GreHeader.parse(gre)
        found.append(Datagram(time - first, outer.source, outer.destination, header.protocol_type, gre[start:]))
    return found


def _gre(outer: Ipv4Packet, keys: dict[bytes, bytes]) -> bytes | None:
    match outer.protocol:
        case IpProtocol.GRE:
            return outer.payload
        case IpProtocol.ESP:
            return open_esp(outer.payload, keys)
        case IpProtocol.UDP if _ESP_IN_UDP in struct.unpack_from("!HH", outer.payload) and any(outer.payload[8:12]):
            return open_esp(outer.payload[8:], keys)
        case _:
            return None


def _frames(path: Path) -> Iterator[tuple[float, int, bytes]]:
    data = path.read_bytes()
    if path.suffix != ".pcapng":
        capture = read(data)
        for frame in capture.frames:
            yield frame.time_ns / 1e9, capture.link_type, frame.data
        return
    position, link = 0, -1
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        if kind == 1:
            (link,) = struct.unpack_from("<H", data, position + 8)
        elif kind == 6:
            high, low, captured = struct.unpack_from("<III", data, position + 12)
            yield ((high << 32) + low) / 1e6, link, data[position + 28 : position + 28 + captured]
        position += length


@dataclass(slots=True)
class Said:
    """A packet that our router sent. to: the NBMA address."""

    time: float
    to: IPAddress
    packet: nhrp.NhrpPacket


@dataclass(slots=True)
class Role:
    """Our router in the place of one who took part.

    nbma: whose place.
    said: the NHRP packets that it sent.
    """

    nbma: IPv4Address
    configuration: str
    packets: list[Datagram]
    now: float = 0.0
    said: list[Said] = field(default_factory=list)
    router: Router = field(init=False)
    _counts: dict[IPv4Address, list[int]] = field(default_factory=dict)
    _adjacencies: dict[IPAddress, bool] = field(default_factory=dict)
    _inbox: list[events.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The router starts when the capture does."""
        self.router = Router(SeededEntropy("replayed"))
        self._tell(events.ClockSet(1.8e9))
        self._tell(events.ConfigurationEntered(self.configuration, by="startup", saved=True))
        for number in (1, 2):
            self._tell(events.LinkChanged(f"GigabitEthernet0/{number}", True))

    # ------------------------------------------------------------------------------------------------ time

    def play(self, until: float = float("inf"), after: float = 0.0) -> Role:
        """Tell it what happened later than now, up to `until`; then let `after` seconds pass."""
        begun = self.now
        for packet in self.packets:
            if begun <= packet.time <= until and packet.destination == self.nbma:
                self.wait(packet.time - self.now)
                self._arrive(packet)
        if until != float("inf"):
            self.wait(until - self.now)
        self.wait(after)
        return self

    def wait(self, seconds: float) -> None:
        """Time passes."""
        end = self.now + max(0.0, seconds)
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self._tell(events.Tick())
        self.now = end

    # ------------------------------------------------------------------------------------------------ what is seen

    def show(self, command: str) -> list[str]:
        """Return what `show ...` prints now."""
        match = _PARSER.match(f"show {command}")
        assert not isinstance(match, CliError), command
        return list(match.lines(self.router.context(self.now)))

    def sent(self, kind: type[P]) -> list[tuple[IPAddress, P]]:
        """Return the packets of a type that it sent, and where to."""
        return [(said.to, said.packet) for said in self.said if isinstance(said.packet, kind)]

    # ------------------------------------------------------------------------------------------------ the other end

    def _arrive(self, packet: Datagram) -> None:
        counts = self._counts.setdefault(packet.source, [0, 0])
        counts[1] += 1
        if packet.kind == ProtocolType.NHRP:
            fitted = self._fitted(packet.nhrp)
            if fitted is not None:
                self._tell(events.NhrpReceived(TUNNEL, packet.source, fitted))
        elif packet.kind == ProtocolType.IPV4 and self._turns_round(packet.inner):
            inner = packet.inner
            self._tell(events.Hairpin(TUNNEL, TUNNEL, packet.source, replace(inner, ttl=inner.ttl - 1).serialize()))

    def _turns_round(self, inner: Ipv4Packet) -> bool:
        """Would our data plane forward the packet back into the tunnel?"""
        if self.router.ports.interfaces.owner(inner.destination) is not None or inner.destination.is_multicast:
            return False
        hops = self.router.ports.rib.forwarding(inner.destination)
        return any(h.interface == TUNNEL and (h.address or inner.destination) in self._adjacencies for h in hops)

    def _fitted(self, packet: nhrp.NhrpPacket) -> bytes | None:
        """The packet as an answer to a request of ours; None: we have not asked, so there would be no such answer."""
        asked: type[nhrp.NhrpPacket]
        match packet:
            case nhrp.RegistrationReply() if packet.source_nbma == self.nbma:
                asked = nhrp.RegistrationRequest
            case nhrp.ResolutionReply() if packet.source_nbma == self.nbma:
                asked = nhrp.ResolutionRequest
            case _:
                return packet.serialize()
        for said in reversed(self.said):
            ours = said.packet
            if isinstance(ours, asked) and ours.source_nbma == self.nbma:
                resolution = isinstance(ours, nhrp.ResolutionRequest)
                if not resolution or ours.destination_protocol == packet.destination_protocol:
                    assert isinstance(ours, nhrp.RegistrationRequest | nhrp.ResolutionRequest)
                    return replace(packet, request_id=ours.request_id).serialize()
        return None

    def _tell(self, event: events.Event) -> None:
        self._inbox.append(event)
        while self._inbox:
            for effect in self.router.handle(self._inbox.pop(0), self.now):
                self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendGre(nbma=IPv4Address() as nbma, protocol=protocol, payload=payload):
                self._counts.setdefault(nbma, [0, 0])[0] += 1
                if protocol == GRE_NHRP:
                    self.said.append(Said(self.now, nbma, nhrp.parse(payload)))
                elif protocol == GRE_IPV4 and self._came_by(nbma):
                    self._echo(payload)
            case SetAdjacency(next_hop=next_hop):
                self._adjacencies[next_hop] = True
            case ClearAdjacency(next_hop=next_hop):
                self._adjacencies.pop(next_hop, None)
            case PollUsage():
                peers = tuple(events.PeerUsage(nbma, sent, received) for nbma, (sent, received) in self._counts.items())
                self._inbox.append(events.UsageReported(TUNNEL, peers))

    def _came_by(self, nbma: IPv4Address) -> bool:
        """Did data come straight from there, at any time in the capture?"""
        ways = ((packet.kind, packet.source, packet.destination) for packet in self.packets)
        return (ProtocolType.IPV4, nbma, self.nbma) in ways

    def _echo(self, payload: bytes) -> None:
        inner = Ipv4Packet.parse(payload)
        request = icmp.parse(inner.payload)
        if isinstance(request, icmp.EchoRequest):
            answer = request.reply().serialize()
            self._inbox.append(events.IpReceived(TUNNEL, inner.destination, inner.source, IpProtocol.ICMP, answer))


Record = type[ForwardTransitRecord] | type[ReverseTransitRecord] | type[NatAddress] | type[ResponderAddress]

CIPHERED = pytest.mark.skipif(find_spec("cryptography") is None, reason="ESP is opened with the cryptography package")
RUNS = [
    *("nhrp-frr", "nhrp-frr-bgp", "nhrp-frr-nat", "nhrp-mixed", "nhrp-opennhrp-auth"),
    *(pytest.param(run, marks=CIPHERED) for run in ("dmvpn-full", "dmvpn-full-nat")),
]
HUB = IPv4Address("192.0.2.2")
OUTSIDE = {1: "198.51.100.2", 2: "203.0.113.2"}
INSIDE_NAT = "10.99.0.2"

_CONFIGURATION = file_text("replayed_router.cfg")


# ------------------------------------------------------------------------------------------------ roles


def hub(run: str) -> Role:
    """Our router as the hub of a run."""
    return _role(
        conversation(CAPTURES / f"{run}-hub.pcap"),
        name="HUB",
        nbma=str(HUB),
        tunnel="10.255.0.1",
        lan="192.168.0.1",
        nhrp=" ip nhrp map multicast dynamic\n ip nhrp redirect",
        routes="\n".join(f"ip route 192.168.{n}.0 255.255.255.0 10.255.0.1{n}" for n in OUTSIDE),
    )


def spoke(run: str, number: int) -> Role:
    """Our router as a spoke of a run."""
    return _role(
        conversation(CAPTURES / f"{run}-spoke{number}.pcap"),
        name=f"SPOKE{number}",
        nbma=claimed(run, number),
        tunnel=f"10.255.0.1{number}",
        lan=f"192.168.{number}.1",
        nhrp=f" ip nhrp nhs dynamic nbma {HUB} multicast\n ip nhrp shortcut",
        routes="ip route 192.168.0.0 255.255.0.0 10.255.0.1",
    )


def claimed(run: str, number: int) -> str:
    """The NBMA address that a spoke believes it has."""
    return INSIDE_NAT if "nat" in run and number == 1 else OUTSIDE[number]


def _role(packets: list[Datagram], **settings: str) -> Role:
    """With the holding time and password of the capture."""
    first = next(packet.nhrp for packet in packets if isinstance(_nhrp(packet), nhrp.RegistrationRequest))
    assert isinstance(first, nhrp.RegistrationRequest)
    password = find(first.extensions, Authentication)
    secret = f" ip nhrp authentication {password.data.decode()}\n" if password is not None else ""
    holdtime = str(first.cies[0].holding_time)
    text = _CONFIGURATION.format(**settings, password=secret, holdtime=holdtime)
    return Role(IPv4Address(settings["nbma"]), text, packets)


def _nhrp(packet: Datagram) -> nhrp.NhrpPacket | None:
    return packet.nhrp if packet.kind == ProtocolType.NHRP else None


# ------------------------------------------------------------------------------------------------ what is compared


def captured(role: Role, kind: type[P]) -> list[tuple[IPAddress, P]]:
    """The packets of a type that the captured participant sent, and where to."""
    pairs = ((packet.destination, _nhrp(packet)) for packet in role.packets if packet.source == role.nbma)
    return [(to, packet) for to, packet in pairs if isinstance(packet, kind)]


def addresses(packet: nhrp.NhrpPacket, kind: Record) -> tuple[tuple[IPAddress | None, IPAddress | None], ...]:
    """NBMA and tunnel addresses in an extension."""
    assert not isinstance(packet, nhrp.ErrorIndication)
    found = find(packet.extensions, kind)
    return tuple((entry.nbma, entry.protocol) for entry in found.entries) if found is not None else ()


def registration_answers(said: list[tuple[IPAddress, nhrp.RegistrationReply]]) -> set[tuple[object, ...]]:
    """What a client can tell from the replies."""
    return {
        (
            to,
            reply.request_id,
            reply.flags,
            *(reply.source_nbma, reply.source_protocol, reply.destination_protocol),
            *(cie.code for cie in reply.cies),
            *(addresses(reply, kind) for kind in (ResponderAddress, NatAddress)),
        )
        for to, reply in said
    }


def passed_on(said: list[tuple[IPAddress, P]]) -> set[tuple[object, ...]]:
    """What the next station can tell from packets that the hub forwarded."""
    return {
        (
            to,
            getattr(packet, "request_id", None),
            *(packet.source_nbma, packet.source_protocol, packet.destination_protocol),
            *(addresses(packet, kind) for kind in (ForwardTransitRecord, ReverseTransitRecord, NatAddress)),
        )
        for to, packet in said
        if addresses(packet, ForwardTransitRecord)
    }


def entries(role: Role) -> dict[str, str]:
    """The cache as `show ip nhrp` has it: type, flags, NBMA and claimed address of each target."""
    text = "\n".join(role.show("ip nhrp"))
    line = (
        r"^(\S+) via .*\n.*\n   Type: (\w+), Flags: (.*) ?\n   NBMA address: (\S+) ?"
        r"(?:\n +\(Claimed NBMA address: (\S+)\))?"
    )
    found = re.findall(line, text, re.MULTILINE)
    return {target: " ".join(part for part in map(str.strip, parts) if part) for target, *parts in found}


# ------------------------------------------------------------------------------------------------ the hub


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.story("captures-hub")
def test_the_hub_ends_with_both_spokes_registered_at_their_real_addresses(run: str) -> None:
    role = hub(run).play()
    unique = {number: _asked_uniquely(role, number) for number in OUTSIDE}
    for number, nbma in OUTSIDE.items():
        behind_nat = claimed(run, number) != nbma
        flags = f"{'unique ' * unique[number]}registered {'nat ' * behind_nat}nhop"
        expected = f"dynamic {flags} {nbma}" + (f" {claimed(run, number)}" if behind_nat else "")
        assert entries(role)[f"10.255.0.1{number}/32"] == expected
        assert any(line.split()[:4] == ["1", nbma, f"10.255.0.1{number}", "UP"] for line in role.show("dmvpn"))
    assert set(entries(role)) == {"10.255.0.11/32", "10.255.0.12/32"}


def _asked_uniquely(role: Role, number: int) -> bool:
    tunnel = ip_address(f"10.255.0.1{number}")
    requests = [p for p in map(_nhrp, role.packets) if isinstance(p, nhrp.RegistrationRequest)]
    return any(p.flags & nhrp.RegistrationFlag.UNIQUE for p in requests if p.source_protocol == tunnel)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.story("captures-hub")
def test_the_hub_answers_every_registration_as_the_captured_hub_did(run: str) -> None:
    role = hub(run).play()
    theirs = registration_answers(captured(role, nhrp.RegistrationReply))
    assert theirs
    assert registration_answers(role.sent(nhrp.RegistrationReply)) == theirs


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.story("captures-hub")
def test_the_hub_passes_on_what_the_captured_hub_passed_on(run: str) -> None:
    role = hub(run).play()
    for kind in (nhrp.ResolutionRequest, nhrp.ResolutionReply):
        theirs = passed_on(captured(role, kind))
        assert theirs, kind
        assert passed_on(role.sent(kind)) == theirs


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.story("captures-hub")
def test_the_hub_redirects_those_whom_the_captured_hub_redirected(run: str) -> None:
    role = hub(run).play()
    # OpenNHRP also redirects for what it cannot forward at all; there is nothing to go directly to.
    theirs = {(to, p.destination_protocol) for to, p in captured(role, nhrp.TrafficIndication)}
    ours = {(to, p.destination_protocol) for to, p in role.sent(nhrp.TrafficIndication)}
    assert ours == {(to, address) for to, address in theirs if str(address).startswith("192.168.")}


@pytest.mark.story("captures-opennhrp")
def test_the_hub_refuses_the_wrong_password_and_the_unknown_address_as_the_captured_hub_did() -> None:
    role = hub("nhrp-opennhrp-auth").play()
    theirs = [(to, p.error_code) for to, p in captured(role, nhrp.ErrorIndication)]
    ours = [(to, p.error_code) for to, p in role.sent(nhrp.ErrorIndication)]
    assert theirs[-1] == ours[-1] == (ip_address(OUTSIDE[2]), nhrp.ErrorCode.AUTHENTICATION_FAILURE)
    # For an address that nobody has OpenNHRP sends error 6, we send the reply that RFC 2332 §5.2.2 asks for.
    unreachable = nhrp.ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE
    # The destination protocol address of a quoted IPv4 NHRP packet (RFC 2332 §5.2.0.1)
    nobody = {
        (to, ip_address(p.packet[36:40]))
        for to, p in captured(role, nhrp.ErrorIndication)
        if p.error_code == unreachable
    }
    refused = {
        (to, p.destination_protocol)
        for to, p in role.sent(nhrp.ResolutionReply)
        if [cie.code for cie in p.cies] == [CieCode.NO_BINDING]
    }
    assert refused == nobody != set()


@pytest.mark.parametrize("run", ["nhrp-mixed", "nhrp-opennhrp-auth"])
@pytest.mark.story("captures-opennhrp")
def test_purges_of_what_a_client_never_registered_are_answered_and_take_nothing_away(run: str) -> None:
    role = hub(run).play()
    asked = {(p.source_protocol, p.request_id) for p in map(_nhrp, role.packets) if isinstance(p, nhrp.PurgeRequest)}
    assert {(p.source_protocol, p.request_id) for _, p in role.sent(nhrp.PurgeReply)} == asked != set()
    assert "10.255.0.11/32" in entries(role)


# ------------------------------------------------------------------------------------------------ the spokes


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.story("captures-spoke")
def test_a_spoke_registers_and_gets_the_shortcut_to_the_other(run: str, number: int) -> None:
    role = spoke(run, number)
    answers = [
        (packet.time, answer)
        for packet in role.packets
        if isinstance(answer := _nhrp(packet), nhrp.ResolutionReply) and answer.source_nbma == role.nbma
        if packet.destination == role.nbma
    ]
    answered, answer = answers[0]
    other = 3 - number
    where, behind = OUTSIDE[other], claimed(run, other)
    # A router behind NAT has to begin, and is given some seconds for that.
    role.play(until=answered + (1 if where == behind else 6))
    real = f"{where} {behind}" if behind != where else where
    nat = "nat " if behind != where else ""
    length = answer.cies[0].prefix_length  # OpenNHRP answers for the host alone
    lan = f"192.168.{other}.1/32" if length == 32 else f"192.168.{other}.0/24"
    assert entries(role) == {
        "10.255.0.1/32": f"static {HUB}",
        f"10.255.0.1{other}/32": f"dynamic router {nat}nhop rib {real}",
        lan: f"dynamic router {nat}rib {real}",
        f"192.168.{number}.0/24": f"dynamic router unique local {role.nbma}",
    }
    assert [line.split()[1] for line in role.show("ip nhrp nhs") if line.startswith("10.255.0.1 ")] == ["RED"]
    routes = [line for line in role.show("ip route nhrp") if line.startswith("H ")]
    assert [line for line in routes if f"via 10.255.0.1{other}" in line]
    role.wait(2 * max(cie.holding_time for cie in answer.cies))
    assert f"10.255.0.1{other}/32" not in entries(role)  # nobody used it any more


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.story("captures-spoke")
def test_a_spoke_answers_the_other_as_the_captured_spoke_did(run: str, number: int) -> None:
    role = spoke(run, number).play()

    def told(said: list[tuple[IPAddress, nhrp.ResolutionReply]]) -> set[tuple[object, ...]]:
        return {
            (p.source_protocol, p.destination_protocol, *((c.code, c.nbma, c.protocol) for c in p.cies))
            for _, p in said
        }

    theirs = told(captured(role, nhrp.ResolutionReply))
    assert theirs
    assert told(role.sent(nhrp.ResolutionReply)) == theirs


# ------------------------------------------------------------------------------------------------ Cisco routers


def cisco(file: str, nbma: str, tunnel: str, nhrp_lines: str = "", lan: str = "10.99.99.1") -> Role:
    """Our router in the place of a Cisco router."""
    packets = conversation(CAPTURES / "tcpdump" / file)
    return _role(
        packets, name="CISCO", nbma=nbma, tunnel=tunnel, lan=lan, nhrp=nhrp_lines or " ip nhrp redirect", routes=""
    )


@pytest.mark.parametrize(
    ("file", "server", "client"),
    [
        ("NHRP_registration.pcap", ("169.254.100.5", "155.1.0.5"), ("169.254.100.1", "155.1.0.1")),
        ("nhrp.pcapng", ("100.1.0.14", "10.65.0.1"), ("100.1.2.27", "10.65.0.3")),
        ("nhrp.pcapng", ("100.1.0.15", "10.64.0.1"), ("100.1.2.27", "10.64.0.3")),
    ],
)
@pytest.mark.story("captures-cisco-spoke")
def test_a_cisco_spoke_registers_with_us_as_with_its_own_hub(
    file: str, server: tuple[str, str], client: tuple[str, str]
) -> None:
    role = cisco(file, *server).play()
    assert entries(role) == {f"{client[1]}/32": f"dynamic unique registered nhop {client[0]}"}
    theirs = registration_answers(captured(role, nhrp.RegistrationReply))
    # Where the capture lacks a reply, the hub was off: the spoke repeated its request. We were not.
    assert theirs <= registration_answers(role.sent(nhrp.RegistrationReply))


@pytest.mark.parametrize(
    ("file", "server", "client"),
    [
        ("NHRP_registration.pcap", ("169.254.100.5", "155.1.0.5"), ("169.254.100.1", "155.1.0.1")),
        ("nhrp.pcapng", ("100.1.0.14", "10.65.0.1"), ("100.1.2.27", "10.65.0.3")),
        ("nhrp.pcapng", ("100.1.0.15", "10.64.0.1"), ("100.1.2.27", "10.64.0.3")),
        ("NHRP-responder-address.pcap", ("6.6.6.6", "155.1.0.6"), ("155.1.79.2", "155.1.0.9")),
    ],
)
@pytest.mark.story("captures-cisco-hub")
def test_we_register_with_a_cisco_hub(file: str, server: tuple[str, str], client: tuple[str, str]) -> None:
    role = cisco(file, *client, f" ip nhrp nhs {server[1]} nbma {server[0]} multicast")
    answered = next(
        packet.time
        for packet in role.packets
        if isinstance(_nhrp(packet), nhrp.RegistrationReply) and str(packet.source) == server[0]
    )
    role.play(until=answered + 0.1)
    assert [line.split()[:2] for line in role.show("ip nhrp nhs") if line.startswith(server[1])] == [[server[1], "RE"]]


def test_a_responder_interface_names_us_as_it_names_the_cisco_hub() -> None:
    """155.1.146.6 is no address of that hub's tunnel, so it must have `ip nhrp responder` with another interface."""
    role = cisco(
        "NHRP-responder-address.pcap",
        *("6.6.6.6", "155.1.0.6"),
        " ip nhrp responder GigabitEthernet0/2",
        lan="155.1.146.6",
    ).play()
    theirs = registration_answers(captured(role, nhrp.RegistrationReply))
    assert registration_answers(role.sent(nhrp.RegistrationReply)) == theirs != set()


def test_a_password_of_a_cisco_spoke_is_read_as_it_was_typed() -> None:
    role = cisco("ios_nhrp.pcap", "10.0.12.1", "192.168.0.1").play()
    assert entries(role) == {"192.168.0.2/32": "dynamic unique registered nhop 10.0.12.2"}


#: nhrp-trace.pcap: redirect, request and reply of a phase 2 cloud; nobody registers in it.
_TRACE = file_text("replayed_trace.cfg")


def trace(number: int, lines: str) -> Role:
    """Our router as station `number` of nhrp-trace.pcap."""
    packets = conversation(CAPTURES / "tcpdump/nhrp-trace.pcap")
    first = packets[0].nhrp
    assert isinstance(first, nhrp.TrafficIndication)
    password = find(first.extensions, Authentication)
    assert password is not None
    secret = f" ip nhrp authentication {password.data.decode()}\n"
    return Role(IPv4Address(f"192.168.200.{number}"), _TRACE.format(n=number, password=secret, nhrp=lines), packets)


@pytest.mark.story("captures-cisco-hub")
def test_a_cisco_hub_redirects_us_and_the_other_spoke_answers_straight() -> None:
    role = trace(3, " ip nhrp nhs 10.255.255.1 nbma 192.168.200.1\n ip nhrp shortcut").play(after=1)
    ((to, request),) = role.sent(nhrp.ResolutionRequest)
    ((_, theirs),) = captured(role, nhrp.ResolutionRequest)
    assert str(to) == "192.168.200.1"
    assert request.destination_protocol == theirs.destination_protocol
    assert re.fullmatch(r"dynamic router .*nhop .*192\.168\.200\.2", entries(role)["10.255.255.2/32"])


def test_we_pass_the_request_of_a_cisco_spoke_on_as_its_hub_did() -> None:
    role = trace(1, " ip nhrp map 10.255.255.2 192.168.200.2\n ip nhrp map 10.255.255.3 192.168.200.3").play()
    theirs = passed_on(captured(role, nhrp.ResolutionRequest))
    assert passed_on(role.sent(nhrp.ResolutionRequest)) == theirs != set()


def test_we_answer_a_cisco_spoke_straight_as_the_other_cisco_spoke_did() -> None:
    role = trace(2, " ip nhrp nhs 10.255.255.1 nbma 192.168.200.1\n ip nhrp shortcut").play(after=0.1)
    ((to, reply),) = role.sent(nhrp.ResolutionReply)
    ((their_to, theirs),) = captured(role, nhrp.ResolutionReply)
    assert to == their_to
    assert (reply.request_id, reply.flags) == (theirs.request_id, theirs.flags)
    assert [(c.code, c.nbma, c.protocol) for c in reply.cies] == [(c.code, c.nbma, c.protocol) for c in theirs.cies]
    assert addresses(reply, ForwardTransitRecord) == addresses(theirs, ForwardTransitRecord)
    assert entries(role)["10.255.255.3/32"].endswith("192.168.200.3")
