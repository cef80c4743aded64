"""What does not come up, and what people are told of it; the lines of IKEv1; strangers in great numbers."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Unpack
from unittest.mock import Mock

import pytest

from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import surely
from dmvpn.base.events import IpReceived, Tick, UnknownSpi
from dmvpn.base.negotiation import NegotiationChanged, PoliciesChanged
from dmvpn.base.notices import DebugOutput
from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkeVersion
from dmvpn.features.ike.numbers import Encr, Group, Integ, Prf
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v2.numbers import NotifyType
from dmvpn.features.ike.v2.packet import Message
from dmvpn.net.ip import UdpDatagram
from support.fakes import FakeDebugging, up
from support.ike_machines import GCM, PSK, Changes, MachineNet, Node, crosswise
from support.ike_net import begins
from support.texts import file_text
from support.work import circles, uncollected

HUB, SPOKE = "198.51.100.1", "203.0.113.10"
SHA1 = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA1)


def meet(hub: str, spoke: str, wait: float = 2.0, **policy: Unpack[Changes]) -> tuple[MachineNet, Node, Node]:
    net = MachineNet()
    one, two = net.node(HUB, hub, **policy), net.node(SPOKE, spoke, **policy)
    two.want(one)
    net.run(wait)
    return net, one, two


def aborted(node: Node) -> list[str]:
    return [line.removeprefix("%IKEV2-3-NEG_ABORT: ") for line in node.logs if "NEG_ABORT" in line]


# ---------------------------------------------------------------------------------------------- one line at both ends


def test_a_wrong_key_is_named_once_at_both_ends_and_no_key_stands_in_it() -> None:
    _, hub, spoke = meet(PSK, PSK.replace("secret", "another"), 10)
    assert aborted(hub) == [
        "Negotiation aborted due to ERROR: pre-shared key: 203.0.113.10 has another one than ikev2 profile P "
        "(peer 203.0.113.10:4500)"
    ]
    assert len(aborted(spoke)) == 1
    assert "authentication failed (pre-shared key, identity or certificate)" in aborted(spoke)[0]
    assert not hub.pairs
    assert not spoke.pairs
    assert not any("another" in line and "secret" in line for line in (*hub.logs, *spoke.logs))
    reasons = [change.reason for change in spoke.heard(NegotiationChanged) if change.reason]
    assert reasons
    assert "authentication failed" in reasons[0].what


@pytest.fixture
def net() -> MachineNet:
    return MachineNet()


def test_who_is_refused_without_a_word_adds_what_it_found_when_the_peer_began(net: MachineNet) -> None:
    """Both ends said only that the other refused, and neither named the key that both logs named."""
    hub, spoke = net.node(HUB, PSK), net.node(SPOKE, PSK.replace("secret", "another"))
    spoke.want(hub)
    hub.want(spoke)
    net.run(10)
    for node, peer in ((hub, SPOKE), (spoke, HUB)):
        reason = [change.reason for change in node.heard(NegotiationChanged) if change.reason][-1]
        assert "authentication failed" in reason.what
        assert reason.evidence == f"when it begins: pre-shared key: {peer} has another one than ikev2 profile P"


PROPOSAL = """
crypto ikev2 proposal STRONG
 encryption aes-gcm-256
 prf sha384
 group 20
crypto ikev2 policy MINE
 proposal STRONG
"""


def test_proposals_that_do_not_fit_are_named_with_what_both_have() -> None:
    _, hub, spoke = meet(PSK + PROPOSAL, PSK, 40)
    assert len(aborted(hub)) == 1
    assert "encryption: ours AES_GCM_16_256; the peer's AES_CBC_256" in aborted(hub)[0]
    assert "NO_PROPOSAL_CHOSEN" in aborted(spoke)[0]
    assert "AES_CBC_256" in aborted(spoke)[0]


def test_transforms_that_do_not_fit_are_named_and_the_ike_sa_goes(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, transforms=(GCM,)), net.node(SPOKE)
    spoke.want(hub)
    net.run(0.9)
    assert "encryption: ours AES_GCM_16_256; the peer's AES_CBC_256" in aborted(hub)[0]
    assert "accepts none of our transforms" in aborted(spoke)[0]
    assert not spoke.machine.sas()
    assert not hub.machine.sas()


def test_an_identity_that_no_profile_matches_is_named() -> None:
    strict = PSK.replace("match identity remote any", "match identity remote address 192.0.2.1")
    _, hub, _ = meet(strict, PSK)
    assert "no ikev2 profile of a protected tunnel matches the identity 203.0.113.10" in aborted(hub)[0]


def test_without_a_profile_nothing_leaves_and_the_reason_is_said() -> None:
    net, _, spoke = meet(PSK, "", 5)
    assert not net.log
    (said,) = spoke.heard(NegotiationChanged)
    assert said.reason is not None
    assert said.reason.what == "ipsec profile IPSEC names no ikev2 profile, and there is not exactly one"
    spoke.configure(PSK)
    net.run(1)
    assert spoke.pairs


SECOND = """
crypto ikev2 profile OTHER
 match identity remote any
 authentication local pre-share
 authentication remote pre-share
 keyring local RING
"""


def test_of_several_profiles_the_one_called_default_is_taken_where_none_is_named() -> None:
    _, _, spoke = meet(PSK, PSK + SECOND)
    assert not spoke.pairs
    _, hub, spoke = meet(PSK, PSK + SECOND.replace("OTHER", "default"))
    assert crosswise(hub, spoke)
    assert spoke.machine.sas()[0].ikev2_profile == "default"


def test_a_profile_for_another_local_address_is_not_used() -> None:
    elsewhere = PSK.replace(" match identity", " match address local 192.0.2.99\n match identity")
    here = PSK.replace(" match identity", " match address local interface GigabitEthernet0/1\n match identity")
    _, _, spoke = meet(PSK, elsewhere)
    assert not spoke.pairs
    net = MachineNet()
    hub, spoke = net.node(HUB), net.node(SPOKE, here)
    spoke.want(hub)
    net.run(1)
    assert not spoke.pairs
    spoke.interfaces.append(up("GigabitEthernet0/1", SPOKE))
    spoke.configure(here + "crypto logging ikev2\n")
    net.run(1)
    assert crosswise(hub, spoke)


def test_sessions_are_logged_where_the_configuration_says_so() -> None:
    net, hub, spoke = meet(PSK + "crypto logging ikev2\n", PSK)
    spoke.want(hub, wanted=False)
    net.run(1)
    lines = [line for line in hub.logs if "SESSION_STATUS" in line]
    assert lines == [
        f"%CRYPTO-5-IKEV2_SESSION_STATUS: Crypto tunnel v2 is {state}. Peer 203.0.113.10:4500 Id: 203.0.113.10"
        for state in ("UP", "DOWN")
    ]
    assert not [line for line in spoke.logs if "SESSION_STATUS" in line]


def test_debugs_show_packets_and_events_and_never_a_key(net: MachineNet) -> None:
    hub, spoke = net.node(HUB), net.node(SPOKE)
    debugging = spoke.ports.debugging
    assert isinstance(debugging, FakeDebugging)
    debugging.flags |= {"crypto ikev2", "crypto ikev2 packet"}
    spoke.want(hub)
    net.run(1)
    lines = [line for output in spoke.heard(DebugOutput) for line in output.lines]
    assert "IKEv2:Sending Packet [To 198.51.100.1:500/From 203.0.113.10:500/VRF i0:f0]" in lines
    assert any(line.startswith("IKEv2 IKE_SA_INIT Exchange RESPONSE") for line in lines)
    (agreed,) = [line for line in lines if "authenticated" in line]
    assert agreed.startswith("IKEv2:(SESSION ID = 1,SA ID = 1):Session with IKE ID 198.51.100.1 authenticated, ")
    assert agreed.endswith("encryption AES-CBC-256, PRF SHA512, integrity SHA512, DH group 19")
    text = "\n".join(lines)
    keys = [key for made in spoke.pairs.values() for key in (made.sa.key_in, made.sa.key_out)]
    assert not any(key.hex() in text.lower() for key in keys)


def test_a_complaint_about_an_unknown_sa_is_told_like_every_message() -> None:
    """Seen: two messages came to a spoke of which its peer, by `show dmvpn events` and debugs, had sent one."""
    net, hub, spoke = meet(PSK, PSK)
    for node in (hub, spoke):
        node.ports.remembers = True
        assert isinstance(node.ports.debugging, FakeDebugging)
        node.ports.debugging.flags |= {"crypto ikev2 packet"}
        node.forget_what_was_said()
    hub.tell(UnknownSpi(hub.address, spoke.address, 4500, 0x1234))
    net.run(0.2)
    ((sent,), (received,)) = (node.heard(MessagePassed) for node in (hub, spoke))
    assert (sent.way, sent.peer, sent.name) == (Way.SENT, spoke.address, "INFORMATIONAL request")
    assert (received.way, received.mark) == (Way.RECEIVED, sent.mark)
    assert any("Sending Packet [To 203.0.113.10:4500" in line for it in hub.heard(DebugOutput) for line in it.lines)


def test_whatever_leaves_is_told(net: MachineNet) -> None:
    hub, spoke = net.node(HUB), net.node(SPOKE)
    hub.ports.remembers = spoke.ports.remembers = True
    spoke.want(hub)
    net.run(100)
    hub = net.node(HUB, seed="second life")
    hub.ports.remembers = True
    hub.tell(UnknownSpi(hub.address, spoke.address, 4500, next(iter(spoke.pairs.values())).sa.spi_out))
    net.run(200)
    spoke.want(hub, wanted=False)
    net.run(10)
    for node in (hub, spoke):
        told = [line for line in node.heard(MessagePassed) if line.way is Way.SENT]
        assert len(told) == len(node.heard(SendIp)) > 5


def test_keys_are_nowhere_once_the_data_plane_has_them() -> None:
    _, hub, spoke = meet(PSK, PSK)
    for node in (hub, spoke):
        (sa,) = node.machine.sessions.v2
        assert all(child.keys_in.cipher == child.keys_out.cipher == b"" for child in sa.children)
        assert sa.keys is not None
        assert sa.keys.pi == sa.keys.ei == sa.init_request == b""
        (made,) = node.pairs.values()
        assert made.sa.key_in.hex() not in repr(made)


# ---------------------------------------------------------------------------------- what is configured has changed

TWO_PEERS = file_text("ikev2_machine_failures_two_peers.cfg")


def hub_of_two() -> tuple[MachineNet, Node, Node, Node]:
    net = MachineNet()
    hub, one, two = net.node(HUB, TWO_PEERS), net.node(SPOKE), net.node("203.0.113.20")
    for spoke in (one, two):
        spoke.want(hub)
    net.run(2)
    assert len(hub.connections) == 2
    return net, hub, one, two


def test_a_peer_that_is_taken_out_of_the_keyring_is_out() -> None:
    net, hub, one, two = hub_of_two()
    hub.configure(TWO_PEERS.replace("203.0.113.20", "203.0.113.99"))
    net.run(20)
    assert [str(connection.remote) for connection in hub.connections.values()] == [SPOKE]
    assert crosswise(hub, one)
    assert not two.pairs


def test_without_its_profile_nobody_stays() -> None:
    net, hub, *spokes = hub_of_two()
    hub.configure(TWO_PEERS.replace("profile P", "profile Q").replace("remote any", "remote fqdn somebody.else"))
    net.run(20)
    assert not hub.pairs
    assert not any(spoke.pairs for spoke in spokes)


def test_another_key_counts_when_somebody_begins_again() -> None:
    """As on IOS: what is up stays until it is cleared; rekeys prove no identity."""
    net, hub, one, two = hub_of_two()
    hub.configure(TWO_PEERS.replace("secret", "new one"))
    net.run(20)
    assert len(hub.connections) == 2
    net.node(SPOKE).want(hub)
    net.run(20)
    assert aborted(hub)
    assert two.pairs
    assert one.pairs


# ---------------------------------------------------------------------------------------------------------- IKEv1

COURSE = """
crypto isakmp policy 10
 authentication pre-share
 encryption aes 256
 group 14
 lifetime 86400
crypto isakmp key YOUR_SECRET_KEY address 0.0.0.0
"""


AS_IKEV2 = "crypto isakmp run-as ikev2\n"


@pytest.mark.parametrize(
    ("hub_lines", "spoke_lines", "version", "says"),
    [
        ("", "", IkeVersion.V1, "IKEv1, because no ikev2 profile applies; see crypto isakmp run-as ikev2"),
        ("", AS_IKEV2, IkeVersion.V2, "IKEv2, because of crypto isakmp run-as ikev2; peers may begin with IKEv1"),
        (AS_IKEV2, "", IkeVersion.V1, "IKEv1, because no ikev2 profile applies; see crypto isakmp run-as ikev2"),
    ],
)
def test_the_spoke_of_the_course_configuration_chooses_the_version_and_says_which_and_why(
    hub_lines: str, spoke_lines: str, version: IkeVersion, says: str
) -> None:
    _, hub, spoke = meet(COURSE + hub_lines, COURSE + spoke_lines, transforms=(SHA1,), pfs_group=14)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    (view,) = spoke.machine.sas()
    assert (view.version, view.encryption, view.bits, view.prf, view.group) == (version, "AES-CBC", 256, "SHA1", 14)
    warnings = [line for line in spoke.logs if "IKE_CONFIG" in line]
    assert warnings == [f"%CRYPTO-4-IKE_CONFIG: crypto isakmp lines run as {says}"]
    spoke.tell(PoliciesChanged((replace(spoke.policy, seconds=1800.0),)))
    assert len([line for line in spoke.logs if "IKE_CONFIG" in line]) == 1


WEAK = COURSE.replace("encryption aes 256", "encryption des").replace(" group 14", " hash md5\n group 2")


def test_policies_that_are_too_weak_are_named_and_ikev1_does_not_begin() -> None:
    _, _, spoke = meet(WEAK, WEAK)
    assert not spoke.pairs
    why = "10 (des, md5, group 2)"
    assert any(line.endswith(f"IKEv1 cannot begin, and IKEv2 offers smart defaults: {why}") for line in spoke.logs)
    failed = "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at 198.51.100.1"
    assert f"{failed}: no crypto isakmp policy can be used: {why}" in spoke.logs


def test_policies_that_are_too_weak_are_replaced_by_smart_defaults_in_ikev2() -> None:
    _, hub, spoke = meet(WEAK, WEAK + AS_IKEV2)
    assert crosswise(hub, spoke), spoke.logs


PROFILE = file_text("ikev2_machine_failures_profile.cfg")


def test_isakmp_profiles_choose_their_keyrings(net: MachineNet) -> None:
    hub = net.node(HUB, PROFILE, isakmp_profile="TO-SPOKES")
    spoke = net.node(SPOKE, PROFILE, isakmp_profile="TO-HUBS")
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


UNNAMED = """
crypto keyring ONE
  pre-shared-key address 0.0.0.0 0.0.0.0 key between
crypto keyring TWO vrf MPLS
  pre-shared-key address 0.0.0.0 0.0.0.0 key other
crypto isakmp policy 10
 encr aes
 authentication pre-share
 group 14
"""


def test_keyrings_that_no_profile_names_are_for_everybody(net: MachineNet) -> None:
    """No profile was found for them, and no tunnel came up. Keys of another VRF do not count."""
    hub, spoke = net.node(HUB, UNNAMED), net.node(SPOKE, UNNAMED)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


def test_a_keyring_that_a_profile_names_is_for_nobody_else(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, PROFILE), net.node(SPOKE, PROFILE, isakmp_profile="TO-HUBS")
    hub.want(spoke)
    net.run(1)
    assert not crosswise(hub, spoke)
    assert any("isakmp profile TO-SPOKES has the key for 203.0.113.10" in line for line in hub.logs), hub.logs


LEGACY = """
crypto ikev2 proposal OLD
 encryption aes-cbc-256
 integrity sha256
 group 2 14
crypto ikev2 policy OLD
 proposal OLD
"""


@pytest.mark.conforms("ike:8247-groups")
def test_group_2_is_left_out_unless_the_shield_is_disabled() -> None:
    _, hub, spoke = meet(PSK + LEGACY, PSK + LEGACY)
    (view,) = spoke.machine.sas()
    assert view.group == 14
    assert len([line for line in spoke.logs if "groups that are left out: 2" in line]) == 1
    shield = "crypto engine compliance shield disable\n"
    _, hub, spoke = meet(shield + PSK + LEGACY, shield + PSK + LEGACY, pfs_group=2)
    assert crosswise(hub, spoke)
    assert spoke.machine.sas()[0].group == 2
    assert not [line for line in spoke.logs if "left out" in line]


# ---------------------------------------------------------------------------------------------------------- strangers


#: One of the smart defaults.
SMART = Suite(Encr.AES_CBC, 256, Prf.HMAC_SHA2_512, Integ.HMAC_SHA2_512_256, Group.ECP_256)


def junk(node: Node, octets: bytes, source: str) -> None:
    """Octets come to a router's port 500."""
    at = IPv4Address(source)
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=octets)
    node.tell(IpReceived("GigabitEthernet1", at, node.address, 17, datagram.serialize(at, node.address)))


def test_what_cannot_be_read_of_a_peer_with_a_key_is_one_line_in_a_minute_and_of_a_stranger_none(
    net: MachineNet,
) -> None:
    """Messages of a peer were dropped in silence, and both ends waited."""
    hub = net.node(HUB, PSK.replace("0.0.0.0 0.0.0.0", SPOKE))
    whole = begins(1)
    broken = [whole[:24] + (len(whole) + len(more)).to_bytes(4, "big") + whole[28:] + more for more in (b"1", b"12")]
    another_version = whole[:17] + b"\x30" + whole[18:]
    for octets in (*broken, another_version):
        junk(hub, octets, SPOKE)
        junk(hub, octets, "203.0.113.66")
    said = f"%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from {SPOKE} failed its sanity check or is malformed: "
    assert [line.startswith(f"{said}octets behind the last payload") for line in hub.logs if "IK" in line] == [True]
    net.now += 61
    junk(hub, another_version, SPOKE)
    assert [line.startswith(said) for line in hub.logs if "IK" in line] == [True, True]


def test_among_two_hundred_half_open_strangers_a_spoke_comes_up_with_a_cookie(net: MachineNet) -> None:
    hub, spoke = net.node(HUB), net.node(SPOKE)
    answers = 0
    for number in range(200):
        source = IPv4Address("192.0.2.0") + number
        octets = begins(number, suite=SMART)
        datagram = UdpDatagram(source_port=500, destination_port=500, payload=octets)
        hub.forget_what_was_said()
        hub.tell(IpReceived("GigabitEthernet1", source, hub.address, 17, datagram.serialize(source, hub.address)))
        (sent,) = hub.heard(SendIp)
        answer = Message.parse(UdpDatagram.parse(sent.payload, hub.address, source).payload)
        answers += answer.notify(NotifyType.COOKIE) is None
    assert answers == 100
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    net.run(40)
    assert len(hub.machine.sas()) == 1


def test_complaints_about_esp_are_small_and_few(net: MachineNet) -> None:
    """INVALID_SPI goes to whoever the sender seems to be: it must not be worth forging one."""
    hub = net.node(HUB)
    for turn in range(4):
        net.now = turn / 2
        for number in range(1000):
            hub.tell(UnknownSpi(hub.address, IPv4Address("10.0.0.0") + number, 4500, 1000 + number))
    sent = hub.heard(SendIp)
    assert len(sent) == len({packet.destination for packet in sent}) == 256
    smallest_esp = 8 + 8 + 4 + 16  # SPI and number, IV, padding, tag of AES-GCM
    udp, marker = 8, 4
    assert max(len(packet.payload) for packet in sent) <= udp + marker + smallest_esp + 4


def test_a_hint_from_another_address_than_the_peers_is_not_followed() -> None:
    net, hub, spoke = meet(PSK, PSK)
    net.run(60)
    before = len(net.log)
    stranger = net.node("192.0.2.66")
    stranger.tell(UnknownSpi(stranger.address, spoke.address, 4500, next(iter(spoke.pairs.values())).sa.spi_out))
    net.run(2)
    assert len(net.log) == before + 1
    assert crosswise(hub, spoke)


@pytest.mark.parametrize("port", [500, 4500])
def test_keepalives_and_what_is_for_other_ports_make_no_answer(net: MachineNet, port: int) -> None:
    hub = net.node(HUB)
    source = IPv4Address(SPOKE)
    for destination, payload in ((port, b"\xff"), (4500, b"\xff"), (port + 1, bytes(100)), (4500, b"\1" * 40)):
        datagram = UdpDatagram(source_port=port, destination_port=destination, payload=payload)
        hub.tell(IpReceived("GigabitEthernet1", source, hub.address, 17, datagram.serialize(source, hub.address)))
    assert not hub.heard(SendIp)


# ---------------------------------------------------------------------------------------------- a fault of our own


def test_ike_sas_are_looked_after_when_one_of_them_brought_a_fault_to_light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell logs the fault and goes on. Nothing else may come to IKE for hours."""
    _, _, spoke = meet(PSK, PSK)
    with monkeypatch.context() as broken:
        broken.setattr(spoke.machine.peers, "follow", Mock(side_effect=ZeroDivisionError))
        with pytest.raises(ZeroDivisionError):
            spoke.machine.handle(Tick(), surely(spoke.machine.next_deadline()))
    assert spoke.machine.next_deadline() is not None


def test_wishes_leave_nothing_to_the_collector_of_garbage(net: MachineNet) -> None:
    """It looks at all objects of a router so seldom that circles of references are kept for hours."""
    hub = net.node(HUB, responder_only=True)
    with uncollected():
        for number in range(1, 51):
            hub.want(f"203.0.113.{number}")
            hub.want(f"203.0.113.{number}", wanted=False)
        assert circles() == []
