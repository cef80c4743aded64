"""Main mode with RSA signatures: two routers with certificates, what they believe, and what damages a proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding

from dmvpn.base.negotiation import NegotiationChanged, RevocationsChanged
from dmvpn.base.protection import Credentials, Encapsulation, IkePhase
from dmvpn.features.ike.v1.authentication import is_signed, sign
from dmvpn.features.ike.v1.packet import CertificateRequest, Fragment, Message, NatDetection, Signature
from dmvpn.features.ike.v1.sa import IsakmpSa
from support.fakes import FakePki
from support.ike_machines import Changes, MachineFlight, MachineNet, Node, crosswise
from support.pki import NOW, RsaAuthority, lab_authority, rsa_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.identity import Identification
    from dmvpn.features.ike.peer_settings import Terms
    from dmvpn.features.ike.v1.numbers import ExchangeType

HUB, SPOKE = "198.51.100.1", "203.0.113.10"
RSA = """
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication rsa-sig
 group 14
 lifetime 3600
"""
KEY = "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
SHARED = RSA.replace("policy 10", "policy 20").replace("rsa-sig", "pre-share") + KEY


def node(
    net: MachineNet, address: str, text: str = RSA, given: Credentials | None = None, **policy: Unpack[Changes]
) -> Node:
    """Return a router with a certificate, if it is given one."""
    made = net.node(address, text, **policy)
    assert isinstance(made.ports.pki, FakePki)
    if given is not None:
        made.ports.pki.known["LAB"] = given
    return made


def own(name: str, address: str) -> Credentials:
    return lab_authority().credentials(name, address)


def pair(text: str = RSA, **policy: Unpack[Changes]) -> tuple[MachineNet, Node, Node]:
    net = MachineNet()
    return net, node(net, HUB, text, own("HUB", HUB), **policy), node(net, SPOKE, text, own("SPOKE", SPOKE), **policy)


def up(text: str = RSA, **policy: Unpack[Changes]) -> tuple[MachineNet, Node, Node]:
    net, hub, spoke = pair(text, **policy)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    return net, hub, spoke


def methods(*nodes: Node) -> set[tuple[str, str]]:
    return {(view.local_auth, view.remote_auth) for each in nodes for view in each.machine.sas()}


def refusals(some: Node) -> str:
    """Return what it says about refusals: to its log, and to whom asks."""
    told = [change.reason.what for change in some.heard(NegotiationChanged) if change.reason]
    return "\n".join((*some.logs, *told))


def opened(flight: MachineFlight) -> Message:
    return Message.parse(flight.datagram.payload.removeprefix(bytes(4)))


# ---------------------------------------------------------------------------------------------------------- coming up


@pytest.mark.conforms("ike1:5.1-signatures")
def test_two_routers_with_certificates_come_up_in_six_messages_without_any_key() -> None:
    net, hub, spoke = up(encapsulation=Encapsulation.NEVER)
    assert [opened(flight).header.exchange for flight in net.log] == [2] * 6 + [32] * 3
    assert methods(hub, spoke) == {("RSA", "RSA")}
    assert {view.remote_identity for view in hub.machine.sas()} == {SPOKE}


@pytest.mark.conforms("ike1:5.1-raw")
def test_a_signature_has_the_hash_itself_inside_and_not_the_name_of_a_hash_function() -> None:
    key, digest = rsa_key("HUB"), bytes(range(32))
    signature = sign(key, digest).data
    inside = pow(int.from_bytes(signature, "big"), 65537, key.public_key().public_numbers().n)
    assert inside.to_bytes(256, "big") == b"\x00\x01" + b"\xff" * (256 - 3 - 32) + b"\x00" + digest
    assert is_signed(key.public_key(), digest, signature)
    for wrong in (digest[:-1] + b"\xff", digest[:20], b""):
        assert not is_signed(key.public_key(), wrong, signature)
    for forged in (b"", bytes(256), b"\xff" * 256, signature[:-1], signature + b"\x00", signature[::-1]):
        assert not is_signed(key.public_key(), digest, forged)


def test_a_signature_as_ikev2_makes_it_proves_nothing() -> None:
    from cryptography.hazmat.primitives import hashes

    key, octets = rsa_key("HUB"), b"hashed"
    assert not is_signed(key.public_key(), octets, key.sign(octets, padding.PKCS1v15(), hashes.SHA256()))


@pytest.mark.conforms("isakmp:3.10-request")
def test_both_ends_name_their_authorities_in_messages_3_and_4() -> None:
    net, *_ = up()
    name = lab_authority().certificate.subject.public_bytes()
    asked = [[each.data for each in opened(flight).all(CertificateRequest)] for flight in net.log[:4]]
    assert asked == [[], [], [name], [name]]


@pytest.mark.conforms("isakmp:3.9-certificates")
def test_certificates_of_authorities_between_are_sent_and_lead_to_the_one_that_is_believed() -> None:
    net = MachineNet()
    below = RsaAuthority("Branch CA", lab_authority())
    spoke = node(net, SPOKE, given=below.credentials("SPOKE", SPOKE))
    hub = node(net, HUB, given=own("HUB", HUB))
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        ("", SPOKE),
        ("crypto isakmp identity dn", "cn=SPOKE"),
        ("hostname SPOKE\nip domain name example\ncrypto isakmp identity hostname", "SPOKE.example"),
        ("hostname SPOKE.example\ncrypto isakmp identity hostname", "SPOKE.example"),
        ("crypto isakmp identity address", SPOKE),
    ],
)
def test_a_router_is_known_by_what_crypto_isakmp_identity_says(line: str, identity: str) -> None:
    net, hub, spoke = pair()
    spoke.configure(f"{line}\n{RSA}")
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert [view.remote_identity for view in hub.machine.sas()] == [identity]


PROFILE = "crypto isakmp profile P\n ca trust-point LAB\n match identity host domain example\n self-identity fqdn\n"


def test_a_profile_names_its_trustpoint_and_the_names_of_its_peers() -> None:
    text = f"ip domain name example\n{RSA}{PROFILE}"
    net = MachineNet()
    hub = node(net, HUB, f"hostname HUB\n{text}", own("HUB", HUB), isakmp_profile="P")
    spoke = node(net, SPOKE, f"hostname SPOKE\n{text}", own("SPOKE", SPOKE), isakmp_profile="P")
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert [view.remote_identity for view in hub.machine.sas()] == ["SPOKE.example"]
    hub.configure(f"hostname HUB\n{text}".replace("domain example\n self", "domain elsewhere\n self"))
    net.run(1)
    assert not hub.pairs


def test_a_profile_takes_peers_by_a_certificate_map() -> None:
    net, hub, spoke = pair()
    hub = node(net, HUB, RSA + "crypto isakmp profile P\n match certificate MAP\n", own("HUB", HUB), isakmp_profile="P")
    assert isinstance(hub.ports.pki, FakePki)
    assert isinstance(spoke.ports.pki, FakePki)
    hub.ports.pki.meant["MAP"] = spoke.ports.pki.known["LAB"].chain
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    hub.ports.pki.meant.clear()
    spoke = node(net, SPOKE, given=own("SPOKE", SPOKE))
    net.run(60)
    spoke.want(hub)
    net.run(20)
    assert not spoke.pairs
    assert "certificate" in refusals(hub) or "no isakmp profile" in refusals(hub)


# --------------------------------------------------------------------------------------------------- both kinds at once


@pytest.mark.parametrize(
    ("hub_text", "spoke_text", "expected"),
    [
        (RSA + SHARED, RSA, "RSA"),
        (RSA + SHARED, SHARED, "PSK"),
        (RSA, RSA + SHARED, "RSA"),
        (SHARED, RSA + SHARED, "PSK"),
        (RSA + SHARED, RSA + SHARED, "RSA"),
    ],
)
def test_with_policies_of_both_kinds_a_router_takes_what_the_peer_can(
    hub_text: str, spoke_text: str, expected: str
) -> None:
    net = MachineNet()
    hub, spoke = node(net, HUB, hub_text, own("HUB", HUB)), node(net, SPOKE, spoke_text, own("SPOKE", SPOKE))
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert methods(hub, spoke) == {(expected, expected)}


def test_a_router_without_a_certificate_offers_and_takes_only_what_its_key_proves() -> None:
    net = MachineNet()
    hub, spoke = node(net, HUB, RSA + SHARED, own("HUB", HUB)), node(net, SPOKE, RSA + SHARED)
    for one, other in ((spoke, hub), (hub, spoke)):
        one.want(other)
        net.run(1)
        assert crosswise(hub, spoke), (hub.logs, spoke.logs)
        assert methods(hub, spoke) == {("PSK", "PSK")}
        one.want(other, wanted=False)
        net.run(400)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (RSA, "crypto isakmp policy: authentication by rsa-sig, and no pki trustpoint to sign with"),
        (RSA + KEY, "no crypto isakmp policy can be used: 10 (rsa-sig without a certificate)"),
    ],
)
def test_a_router_whose_policies_want_signatures_says_that_it_has_no_certificate(text: str, why: str) -> None:
    for spoke_begins in (True, False):
        net = MachineNet()
        spoke, hub = node(net, SPOKE, text), node(net, HUB, RSA, own("HUB", HUB))
        one, other = (spoke, hub) if spoke_begins else (hub, spoke)
        one.want(other)
        net.run(1)
        assert why in refusals(spoke)


def test_as_ikev2_policies_that_want_signatures_are_a_profile_that_signs() -> None:
    _, hub, spoke = up(RSA + "crypto isakmp run-as ikev2\n")
    assert methods(hub, spoke) == {("RSA", "RSA")}
    assert {view.version for view in hub.machine.sas()} == {2}


# --------------------------------------------------------------------------------------------------------- not believed


@pytest.mark.conforms("ike1:5.1-believed")
@pytest.mark.parametrize("begins", ["spoke", "hub"])
@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            lambda: RsaAuthority("Another CA").credentials("SPOKE", SPOKE),
            "issued by CN=Another CA, whom we do not know",
        ),
        (lambda: lab_authority().credentials("SPOKE", "192.0.2.99"), f"{SPOKE} is not among its alternative names"),
        (lambda: lab_authority().credentials("SPOKE", SPOKE, until=NOW - timedelta(hours=1)), "expired"),
        (lambda: lab_authority().credentials("SMALL", SPOKE, bits=1024), "1024"),
    ],
    ids=["unknown authority", "another address", "expired", "small key"],
)
def test_a_certificate_that_is_not_believed_makes_no_sa_and_the_log_says_why(
    given: Callable[[], Credentials], why: str, begins: str
) -> None:
    net = MachineNet()
    hub = node(net, HUB, given=own("HUB", HUB))
    spoke = node(net, SPOKE, given=replace(given(), anchors=(lab_authority().der,)))
    one, other = (spoke, hub) if begins == "spoke" else (hub, spoke)
    one.want(other)
    net.run(10)
    assert not hub.pairs
    assert why in refusals(hub)
    assert not [view for view in hub.machine.sas() if view.phase is IkePhase.QM_IDLE]


def test_an_initiator_that_is_not_believed_hears_of_it_when_it_repeats_its_proof() -> None:
    net = MachineNet()
    hub = node(net, HUB, given=own("HUB", HUB))
    other = RsaAuthority("Another CA").credentials("SPOKE", SPOKE)
    spoke = node(net, SPOKE, given=replace(other, anchors=(lab_authority().der,)))
    spoke.want(hub)
    net.run(3)
    assert "the peer refuses us: authentication failed" in refusals(spoke)


def test_a_certificate_of_somebody_else_proves_nothing_without_its_key() -> None:
    net, hub, spoke = pair()
    assert isinstance(spoke.ports.pki, FakePki)
    stolen = lab_authority().credentials("OTHER", SPOKE).chain
    spoke.ports.pki.known["LAB"] = replace(spoke.ports.pki.known["LAB"], chain=stolen)
    spoke.want(hub)
    net.run(10)
    assert not hub.pairs
    assert "does not hold the private key of its certificate" in refusals(hub)


def test_who_is_revoked_goes_at_once() -> None:
    net, hub, spoke = up()
    assert isinstance(hub.ports.pki, FakePki)
    known = hub.ports.pki.known["LAB"]
    theirs = x509.load_der_x509_certificate(spoke.ports.pki.credentials("LAB").chain[0])  # type: ignore[union-attr]
    hub.ports.pki.known["LAB"] = replace(known, crls=(lab_authority().revoke(theirs),))
    hub.tell(RevocationsChanged())
    net.run(1)
    assert not hub.pairs
    assert "revoked" in refusals(hub)


def _sizes(net: MachineNet) -> list[int]:
    """Return the octets of all packets: IPv4, UDP, ISAKMP with its marker."""
    return [28 + len(flight.datagram.payload) for flight in net.log]


@pytest.mark.parametrize(("line", "largest"), [("", 1280), ("mtu 300", 300), ("only", 576)])
def test_large_messages_go_in_fragments_that_are_no_larger_than_configured(line: str, largest: int) -> None:
    """Seen: certificates of two authorities made a datagram that a firewall, which drops IP fragments, let not pass."""
    words = f"crypto isakmp fragmentation {line}\n".replace(" only", "") if line else ""
    net = MachineNet()
    below = RsaAuthority("Branch CA", lab_authority())
    spoke = node(net, SPOKE, RSA + words, below.credentials("SPOKE", SPOKE))
    hub = node(net, HUB, RSA + words, own("HUB", HUB))
    random = Random(largest)
    net.drops = lambda _: random.random() < 0.05
    spoke.want(hub)
    net.run(60)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert max(_sizes(net)) <= largest
    assert any(opened(flight).find(Fragment) for flight in net.log if len(flight.datagram.payload) > 28)


def test_fragments_of_a_message_that_is_repeated_complete_those_that_came() -> None:
    net = MachineNet()
    spoke = node(net, SPOKE, RSA + "crypto isakmp fragmentation mtu 300\n", own("SPOKE", SPOKE))
    hub = node(net, HUB, given=own("HUB", HUB))
    seen: set[tuple[int, int]] = set()

    def drops(flight: MachineFlight) -> bool:
        """Drop every other part the first time, and the rest the second time."""
        part = opened(flight).find(Fragment) if flight.sender == spoke.address else None
        if part is None:
            return False
        is_new = (part.id, part.number) not in seen
        seen.add((part.id, part.number))
        return part.number % 2 == (0 if is_new else 1)

    net.drops = drops
    spoke.want(hub)
    net.run(1.8)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


def test_a_peer_that_does_not_say_so_gets_no_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.features.ike.v1.main_mode.ABILITIES", ())
    net, *_ = up(RSA + "crypto isakmp fragmentation mtu 300\n")
    assert not any(opened(flight).find(Fragment) for flight in net.log)
    assert max(_sizes(net)) > 300


def test_a_rekey_of_the_isakmp_sa_proves_the_certificate_again_and_keeps_the_pair() -> None:
    net, hub, spoke = up(RSA.replace("3600", "60"))
    before = {view.local_spi for view in hub.machine.sas()}
    net.run(70)
    assert crosswise(hub, spoke)
    now = {view.local_spi for view in hub.machine.sas() if view.phase is IkePhase.QM_IDLE}
    assert len(now) == 1
    assert not now & before
    assert methods(hub, spoke) == {("RSA", "RSA")}


# -------------------------------------------------------------------------------------------------------------- attacks


def _counted(monkeypatch: pytest.MonkeyPatch, some: Node) -> list[int]:
    """Return a list that grows each time when a router looks at certificates."""
    looked: list[int] = []
    peer_settings = some.machine.peers.settings
    believe = peer_settings.believe

    def counting(terms: Terms, theirs: Identification, chain: tuple[bytes, ...], now: float) -> object:
        looked.append(1)
        return believe(terms, theirs, chain, now)

    monkeypatch.setattr(peer_settings, "believe", counting)
    return looked


@pytest.mark.parametrize("number", [4, 5], ids=["message 5", "message 6"])
def test_a_proof_that_was_damaged_on_its_way_ends_nothing_and_its_repetition_counts(number: int) -> None:
    net, hub, spoke = pair(encapsulation=Encapsulation.NEVER)
    spoke.want(hub)
    while len(net.log) <= number:
        net.run(0.005)
    (flight,) = net.flights
    payload = bytearray(flight.datagram.payload)
    middle = len(payload) // 2 // 16 * 16 + 12  # inside of the certificate: the chain of payloads stays whole
    payload[middle] ^= 1
    net.flights[0] = replace(flight, datagram=replace(flight.datagram, payload=bytes(payload)))
    net.run(10)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


def test_a_wrong_signature_that_comes_again_bit_for_bit_ends_the_isakmp_sa(monkeypatch: pytest.MonkeyPatch) -> None:
    # Let signatures of a router be wrong so often. Returns how often it was done
    done: list[int] = []
    seal = IsakmpSa.sealed

    def sealed(sa: IsakmpSa, kind: ExchangeType, message_id: int, payloads: tuple[Payload, ...]) -> bytes:
        if str(sa.path.local.address) == SPOKE and len(done) < 1:
            spoiled = [
                replace(one, data=bytes(len(one.data))) if isinstance(one, Signature) else one for one in payloads
            ]
            if any(isinstance(one, Signature) for one in payloads):
                done.append(1)
                payloads = tuple(spoiled)
        return seal(sa, kind, message_id, payloads)

    monkeypatch.setattr(IsakmpSa, "sealed", sealed)
    assert done == []
    net, hub, spoke = pair()
    spoke.want(hub)
    net.run(0.3)
    assert len(hub.machine.sas()) == 1
    net.run(1)
    assert not hub.machine.sas()
    assert "does not hold the private key" in refusals(hub)


def test_nobody_checks_a_certificate_before_the_peer_has_shown_its_address_and_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, hub, spoke = pair()
    looked = _counted(monkeypatch, hub)
    net.drops = lambda flight: flight.sender == spoke.address and opened(flight).header.is_encrypted
    spoke.want(hub)
    net.run(20)
    assert [each for flight in net.log for each in opened(flight).all(NatDetection)]
    assert not looked


def test_a_peer_that_sends_ever_other_wrong_proofs_is_not_listened_to_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    net, hub, spoke = pair(encapsulation=Encapsulation.NEVER)
    checked = _counted(monkeypatch, hub)
    spoke.want(hub)
    while len(net.log) <= 4:
        net.run(0.005)
    (flight,) = net.flights
    net.flights.clear()
    for number in range(60):
        payload = bytearray(flight.datagram.payload)
        payload[len(payload) // 2 // 16 * 16 + number % 16] ^= 1 + number // 16
        net.deliver(replace(flight, datagram=replace(flight.datagram, payload=bytes(payload))))
    assert len(checked) <= 8
