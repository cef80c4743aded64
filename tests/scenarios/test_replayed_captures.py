"""Every capture with NHRP, played to our router in the role of each who took part, ends in the state it should.

FRR, OpenNHRP and Cisco routers made these packets (tests/captures/README.md). Ours answers as they did, forwards what
they forwarded, and knows in the end what they knew. See support/replayed.py for how a capture is played.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, TypeVar

import pytest

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
from dmvpn.net.gre import ProtocolType
from support.pcap import CAPTURES
from support.replayed import Datagram, Role, conversation
from support.texts import file_text

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

P = TypeVar("P", bound=nhrp.NhrpPacket)
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
    nobody = {
        (to, _destination(p.packet)) for to, p in captured(role, nhrp.ErrorIndication) if p.error_code == unreachable
    }
    refused = {
        (to, p.destination_protocol)
        for to, p in role.sent(nhrp.ResolutionReply)
        if [cie.code for cie in p.cies] == [CieCode.NO_BINDING]
    }
    assert refused == nobody != set()


def _destination(quoted: bytes) -> IPAddress:
    """The destination protocol address of a quoted IPv4 NHRP packet (RFC 2332 §5.2.0.1)."""
    return ip_address(quoted[36:40])


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
