"""`debug crypto isakmp`: main mode and quick mode step by step, in IOS's words; and what the log says of failures."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.chronicle import LateLine, MessagePassed, Way
from dmvpn.base.effects import ReportKey, SendIp
from dmvpn.base.events import Event, IpReceived, KeysWanted, Tick
from dmvpn.base.negotiation import (
    ConnectionChanged,
    ConnectionUnwanted,
    NegotiationChanged,
    NegotiationWanted,
    SaClosed,
    SaNegotiated,
    SaRenewalWanted,
)
from dmvpn.base.notices import DebugOutput
from dmvpn.base.protection import Encapsulation, IkeStats
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.v2.debug import passed
from support.fakes import FakeDebugging
from support.ike_machines import AES, GCM, ISAKMP, MachineNet, Node, crosswise
from support.ike_net import Flight, IkeNet, Settings, Site
from support.texts import is_golden

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice

HUB, SPOKE = "192.0.2.2", "198.51.100.2"


def debugging(net: MachineNet, address: str, lines: str = ISAKMP, flag: str = "crypto isakmp") -> Node:
    """Return a node of which somebody debugs."""
    node = net.node(address, lines, encapsulation=Encapsulation.NEVER)
    node.ports.debugging = FakeDebugging({flag})
    return node


def debugged(node: Node) -> list[str]:
    """Return the debug lines of a node."""
    return [line for output in node.heard(DebugOutput) for line in output.lines]


def steps(node: Node) -> list[str]:
    """Return the moves from state to state, in their order."""
    moves = (line.split("Old State = ")[1].split("  New State = ") for line in debugged(node) if "Old State" in line)
    return [" ".join(each) for each in moves]


def test_main_mode_and_quick_mode_are_printed_step_by_step_at_both_ends() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    net.run(1)
    assert steps(spoke) == [
        "IKE_READY IKE_I_MM1",
        *(f"IKE_I_MM{place} IKE_I_MM{place + 1}" for place in range(1, 6)),
        "IKE_I_MM6 IKE_P1_COMPLETE",
        "IKE_QM_READY IKE_QM_I_QM1",
        "IKE_QM_I_QM1 IKE_QM_PHASE2_COMPLETE",
    ]
    assert steps(hub) == [
        "IKE_READY IKE_R_MM1",
        *(f"IKE_R_MM{place} IKE_R_MM{place + 1}" for place in range(1, 5)),
        "IKE_R_MM5 IKE_P1_COMPLETE",
        "IKE_QM_READY IKE_QM_R_QM2",
        "IKE_QM_R_QM2 IKE_QM_PHASE2_COMPLETE",
    ]


def test_packets_say_where_they_go_whose_they_are_and_in_which_state() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    net.run(1)
    first, *_ = (line for line in debugged(spoke) if "sending packet" in line)
    assert first == "ISAKMP:(0): sending packet to 192.0.2.2 my_port 500 peer_port 500 (I) MM_NO_STATE"
    received = [line for line in debugged(hub) if "received packet" in line]
    head = "received packet from 198.51.100.2 dport 500 sport 500 Global"
    assert received[:3] == [
        f"ISAKMP (0): {head} (N) NEW SA",
        f"ISAKMP (0): {head} (R) MM_SA_SETUP",
        f"ISAKMP (0): {head} (R) MM_KEY_EXCH",
    ]
    assert received[-1] == f"ISAKMP (1001): {head} (R) QM_IDLE"
    assert "ISAKMP:(1001):SA has been authenticated with 198.51.100.2" in debugged(hub)


def test_an_offer_is_compared_with_each_policy_attribute_by_attribute() -> None:
    weaker = ISAKMP.replace("encryption aes 256", "encryption aes")
    policies = ISAKMP.replace("policy 10", "policy 5").replace("group 14", "group 19") + weaker.replace(" 10", " 20")
    net = MachineNet()
    hub, spoke = debugging(net, HUB, policies), debugging(net, SPOKE, weaker)
    spoke.want(hub)
    net.run(1)
    start = debugged(hub).index("ISAKMP:(0):Checking ISAKMP transform 1 against priority 5 policy")
    is_golden(
        debugged(hub)[start + 1 : start + 12], "ike_events/an_offer_is_compared_with_each_policy_attribute_by_attribute"
    )
    assert "ISAKMP:(0):atts are acceptable. Next payload is 0" in debugged(hub)
    assert crosswise(hub, spoke)


def test_an_offer_that_fits_no_policy_ends_with_a_line_that_says_so() -> None:
    net = MachineNet()
    hub, spoke = debugging(net, HUB), debugging(net, SPOKE, ISAKMP.replace("group 14", "group 19"))
    spoke.want(hub)
    net.run(1)
    assert "ISAKMP:(0):Diffie-Hellman group offered does not match policy!" in debugged(hub)
    assert "ISAKMP:(0):no offers accepted!" in debugged(hub)
    assert "ISAKMP:(0):Notify has no hash. Rejected." in debugged(spoke)


def test_a_message_that_comes_again_is_no_step_but_a_duplicate() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    octets = net.log[0].datagram.serialize(spoke.address, hub.address)
    net.run(0.015)
    before = len(debugged(hub))
    hub.tell(IpReceived("GigabitEthernet1", spoke.address, hub.address, 17, octets))
    is_golden(debugged(hub)[before:], "ike_events/a_message_that_comes_again_is_no_step_but_a_duplicate")


def test_no_key_in_any_line() -> None:
    net = MachineNet()
    hub, spoke = (debugging(net, each) for each in (HUB, SPOKE))
    spoke.want(hub)
    net.run(1)
    assert not [line for line in (*debugged(hub), *debugged(spoke)) if "secret" in line]


@pytest.mark.parametrize("flag", ["crypto ikev2", "crypto ikev2 packet", "crypto ikev2 internal"])
def test_debugs_of_ikev2_do_not_print_ikev1(flag: str) -> None:
    net = MachineNet()
    hub, spoke = debugging(net, HUB, flag=flag), debugging(net, SPOKE, flag=flag)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert debugged(hub) == debugged(spoke) == []


FAILED = "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at"
BAD = "%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 198.51.100.2 failed its sanity check or is malformed:"


@pytest.mark.parametrize(
    ("change", "at_hub", "at_spoke"),
    [
        (
            ("group 14", "group 19"),
            f"{FAILED} 198.51.100.2: group: ours MODP_2048",
            f"{FAILED} 192.0.2.2: the peer answers NO_PROPOSAL_CHOSEN",
        ),
        (("key secret", "key other"), f"{BAD} message 5", f"{FAILED} 192.0.2.2: no answer to message 5"),
    ],
)
def test_a_failure_is_logged_under_the_name_that_ios_gives_it_with_our_reason(
    change: tuple[str, str], at_hub: str, at_spoke: str
) -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP), net.node(SPOKE, ISAKMP.replace(*change))
    spoke.want(hub)
    net.run(60)
    for node, said in ((hub, at_hub), (spoke, at_spoke)):
        lines = [line for line in node.logs if "IKMP_" in line]
        assert len(lines) == 1, lines
        assert lines[0].startswith(said)


def test_a_refused_pair_is_a_failure_of_quick_mode() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP, transforms=(GCM,)), net.node(SPOKE, ISAKMP, transforms=(AES,))
    spoke.want(hub)
    net.run(3)
    for node in (hub, spoke):
        assert any("IKMP_MODE_FAILURE: Processing of Quick mode failed with peer at" in line for line in node.logs)
    assert not [line for line in (*hub.logs, *spoke.logs) if "IKEV2" in line]


# In which order an event of IKE says what it says: SAs are there before packets that rely on them.

TOLD = (ConnectionChanged, NegotiationChanged, ReportKey, SaClosed, SaNegotiated, SendIp)


def by_event(node: Node) -> list[list[Effect | Notice]]:
    """What the node says from now on: one list for each of its events that says anything."""
    events: list[list[Effect | Notice]] = []
    handle = node.machine.handle

    def recorded(event: Event | Notice, now: float) -> list[Effect | Notice]:
        results = handle(event, now)
        told: list[Effect | Notice] = [result for result in results if isinstance(result, TOLD)]
        events.extend([told] if told else [])
        return results

    node.machine.handle = recorded  # type: ignore[method-assign]
    return events


def kinds(results: list[Effect | Notice]) -> list[str]:
    return [type(result).__name__ for result in results]


def pair() -> tuple[MachineNet, Node, Node]:
    net = MachineNet()
    return net, net.node("192.0.2.1"), net.node("192.0.2.2")


def test_an_attempt_is_announced_before_its_first_packet_leaves() -> None:
    net, one, two = pair()
    events = by_event(one)
    one.tell(NegotiationWanted("IPSEC", one.address, two.address, True))
    assert kinds(events[0]) == ["NegotiationChanged", "SendIp"]
    net.run(1)
    assert kinds(events[-1]) == ["ConnectionChanged", "SaNegotiated"]


def test_the_answer_that_lets_a_peer_send_leaves_when_we_can_receive() -> None:
    net, one, two = pair()
    events = by_event(two)
    one.want(two)
    net.run(1)
    assert [kinds(results) for results in events] == [["SendIp"], ["ConnectionChanged", "SaNegotiated", "SendIp"]]


def test_a_new_pair_is_there_before_the_old_one_is_closed() -> None:
    net, one, two = pair()
    one.want(two)
    net.run(1)
    asking, answering = by_event(one), by_event(two)
    one.tell(SaRenewalWanted(next(iter(one.pairs))))
    net.run(1)
    for events in (asking, answering):
        said = [kind for results in events for kind in kinds(results)]
        assert said.index("SaNegotiated") < said.index("SaClosed")
    assert kinds(answering[0]) == ["SaNegotiated", "SendIp"]


def test_a_connection_goes_behind_its_last_pair() -> None:
    net, one, two = pair()
    one.want(two)
    net.run(1)
    events = by_event(one)
    (number,) = one.connections
    one.tell(ConnectionUnwanted(number, "enough"))
    assert kinds(events[0]) == ["SendIp", "SaClosed", "ConnectionChanged"]


def test_keys_are_written_for_a_capture_at_the_end_of_the_event_that_agreed_on_them() -> None:
    net, one, two = pair()
    two.tell(KeysWanted(True))
    events = by_event(two)
    one.want(two)
    net.run(1)
    said = [kinds(results) for results in events]
    assert said == [["SendIp", "ReportKey"], ["ConnectionChanged", "SaNegotiated", "SendIp", "ReportKey", "ReportKey"]]
    two.tell(KeysWanted(False))
    one.tell(SaRenewalWanted(next(iter(one.pairs))))
    net.run(1)
    assert "ReportKey" not in [kind for results in events[2:] for kind in kinds(results)]


def test_keys_of_an_event_that_raised_an_error_are_not_written_with_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A capture had the keys of an IKE SA that never was."""

    def fail() -> None:
        raise ZeroDivisionError

    net, one, two = pair()
    two.tell(KeysWanted(True))
    with monkeypatch.context() as failing:
        failing.setattr(two.machine.peers, "settle", fail)
        one.want(two)
        with pytest.raises(ZeroDivisionError):
            net.run(1)
    assert "ReportKey" not in kinds(two.machine.handle(Tick(), net.now))


# What `show crypto ikev2 stats` counts: requests for IKE SAs, and what came of them.


def counted_pair(hub: Settings | None = None, spoke: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    """Two routers with a wire between them."""
    net = IkeNet()
    return net, net.site("203.0.113.1", hub), net.site("198.51.100.1", spoke)


def up(hub: Settings | None = None, spoke: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    """The same, and the spoke has begun."""
    net, one, other = counted_pair(hub, spoke)
    other.connect(one)
    net.run(2)
    return net, one, other


def test_a_request_that_is_accepted_counts_at_both_ends() -> None:
    _, hub, spoke = up()
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_accepted=1)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_accepted=1)


def test_a_peer_that_cannot_prove_itself_is_rejected_at_both_ends() -> None:
    net, hub, spoke = counted_pair(Settings(), Settings(secret=b"another"))
    spoke.connect(hub)
    net.run(60)
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_rejected=1)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_rejected=1)


def test_a_peer_that_never_answers_is_a_rejected_request() -> None:
    net, hub, spoke = counted_pair()
    net.drops = lambda flight: True
    spoke.connect(hub)
    net.run(60)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_rejected=1)


def test_strangers_that_must_return_a_cookie_are_counted_by_what_they_return() -> None:
    _, hub, _ = up(Settings(cookies_from=0))
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_accepted=1, challenged=1, cookies_accepted=1)


def test_more_than_are_wanted_are_refused_and_counted_as_such() -> None:
    net, hub, spoke = counted_pair()
    hub.sas.largest_number = 1
    spoke.connect(hub)
    net.run(2)
    other = net.site("198.51.100.99")
    other.connect(hub)
    net.run(2)
    assert (hub.sas.counts.view.incoming_accepted, hub.sas.counts.view.refused_by_limit) == (
        1,
        hub.sas.counts.view.incoming_rejected,
    )
    assert hub.sas.counts.view.refused_by_limit > 0


def test_what_fits_no_sa_and_asks_for_none_is_dropped() -> None:
    net, hub, spoke = up()
    stray = net.log[-1]
    for octets in (b"", b"\x01" * 40, bytes(8) + stray.octets[8:]):
        net.deliver(Flight(0, 0, "?", stray.path, octets))
    assert hub.sas.counts.view.dropped + spoke.sas.counts.view.dropped == 3


def test_a_rekeyed_sa_is_no_new_request() -> None:
    net, hub, spoke = up(Settings(lifetime=300.0), Settings(lifetime=300.0))
    net.run(1000)
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_accepted=1)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_accepted=1)


# What the chronicle is told of an IKE message: what stands in its header, and a mark that both ends see.

PATH = DatagramPath(Endpoint(ip_address("192.0.2.1"), 500), Endpoint(ip_address("192.0.2.2"), 500))
INFORMATIONAL, ENCRYPTED, FRAGMENT = 37, 46, 53
INITIATOR, RESPONSE = 0x08, 0x20


def message(flags: int = 0, first: int = ENCRYPTED, body: bytes = bytes(8), spis: bytes = bytes(range(1, 17))) -> bytes:
    """An INFORMATIONAL message with this payload (RFC 7296 §3.1)."""
    return spis + struct.pack("!BBBBII", first, 0x20, INFORMATIONAL, flags, 3, 28 + len(body)) + body


def line(octets: bytes, *, sent: bool = True) -> MessagePassed:
    """What is told of it."""
    (told,) = passed(octets, PATH, sent=sent)
    read = told.spell() if isinstance(told, LateLine) else told
    assert isinstance(read, MessagePassed)
    return read


def test_the_line_of_a_large_message_keeps_none_of_its_octets() -> None:
    small, large = passed(message(), PATH, sent=True), passed(message(body=bytes(600)), PATH, sent=True)
    assert [type(line) for line in (*small, *large)] == [LateLine, MessagePassed]


def test_both_ends_see_the_same_mark() -> None:
    sent, received = line(message(INITIATOR)), line(message(INITIATOR), sent=False)
    assert (sent.way, received.way) == (Way.SENT, Way.RECEIVED)
    assert sent.mark == received.mark
    assert (sent.name, str(sent.peer), sent.subject) == ("INFORMATIONAL request", "192.0.2.2", "")


@pytest.mark.parametrize("other", [message(), message(INITIATOR | RESPONSE), message(INITIATOR, FRAGMENT)])
def test_another_message_has_another_mark(other: bytes) -> None:
    """Each end may have a request with the same number under way, and an answer has the number of its request."""
    assert line(other).mark != line(message(INITIATOR)).mark


def test_a_fragment_says_which_one_it_is() -> None:
    assert line(message(first=FRAGMENT, body=bytes(4) + struct.pack("!HH", 2, 3))).subject == "fragment 2 of 3"


def test_messages_outside_of_any_ike_sa_are_told_apart_by_what_they_say() -> None:
    """Their headers are alike, so INVALID_SPI of one router would be taken for that of another (RFC 7296 §1.5)."""
    said, other = (message(INITIATOR, 41, bytes(8) + spi.to_bytes(4, "big"), bytes(16)) for spi in (7, 8))
    assert line(said).mark == line(said, sent=False).mark != line(other).mark
    assert line(said).subject == ""


def test_nothing_is_told_of_what_cannot_be_read() -> None:
    assert passed(message()[:20], PATH, sent=False) == []
