"""A line of an interface changes while neighbors are in any state: later all is as if the line had always been there.

Packets of one kind are lost until the neighbors rest in a state. Then the line is entered at one end, and after a pause
at the other, because two people cannot type at once: what does not fit meanwhile must be forgotten, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dmvpn.features.ospf.packet import Description, DescriptionFlag, Hello, LinkStateUpdate
from support.cases import few_examples
from support.ospf_net import LAN, OspfNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.features.ospf.packet import OspfPacket

#: Seconds: until a router has said what it has of its own, until the neighbors rest in their state, until all is quiet.
ALONE, REST, QUIET = 6.0, 3.0, 45.0


def _nothing(_packet: OspfPacket) -> bool:
    return False


def _descriptions(packet: OspfPacket) -> bool:
    return isinstance(packet.content, Description)


def _answers(packet: OspfPacket) -> bool:
    content = packet.content
    return isinstance(content, Description) and not content.has(DescriptionFlag.MASTER)


def _further_descriptions(packet: OspfPacket) -> bool:
    content = packet.content
    leads = isinstance(content, Description) and content.has(DescriptionFlag.MASTER)
    return isinstance(content, Description) and leads and not content.has(DescriptionFlag.INIT)


def _greetings(packet: OspfPacket) -> bool:
    return isinstance(packet.content, Hello) and bool(packet.content.neighbors)


def _updates(packet: OspfPacket) -> bool:
    return isinstance(packet.content, LinkStateUpdate)


#: What gets lost, and the states in which routers 1 and 2 see each other then.
RESTS: Final[dict[str, tuple[Callable[[OspfPacket], bool], set[str]]]] = {
    "nobody is heard": (lambda _packet: True, set()),
    "heard one way": (_greetings, {"INIT"}),
    "nobody leads": (_descriptions, {"EXSTART"}),
    "one end waits": (_answers, {"EXSTART", "EXCHANGE"}),
    "both ends describe": (_further_descriptions, {"EXCHANGE"}),
    "both ends load": (_updates, {"LOADING"}),
    "the same database": (_nothing, {"FULL"}),
}

#: Lines of an interface: one of them is entered. Those before `|` hold from the start.
LINES: Final = (
    "ip mtu 1300",
    "ip mtu 576",
    "ip mtu 1300|ip mtu 1500",
    "ip ospf mtu-ignore",
    "ip ospf cost 77",
    "bandwidth 2000",
    "ip ospf hello-interval 2",
    "ip ospf dead-interval 9",
    "ip ospf dead-interval minimal hello-multiplier 4",
    "ip ospf dead-interval 40|ip ospf dead-interval 4",
    "ip ospf retransmit-interval 1",
    "ip ospf retransmit-interval 60|ip ospf retransmit-interval 2",
    "ip ospf transmit-delay 9",
    "ip ospf priority 9",
    "ip ospf priority 0|ip ospf priority 1",
    "ip ospf network broadcast",
    "ip ospf network point-to-multipoint",
    "ip ospf network broadcast|ip ospf network point-to-point",
    "ip ospf authentication\n ip ospf authentication-key SECRET",
    "ip ospf message-digest-key 1 md5 SECRET\n ip ospf authentication message-digest",
    "ip ospf message-digest-key 1 md5 SECRET\n ip ospf authentication message-digest|ip ospf authentication null",
    "ip ospf message-digest-key 1 md5 A\n ip ospf authentication message-digest|ip ospf message-digest-key 2 md5 B",
    "ip ospf 1 area 7",
    "ip ospf prefix-suppression",
    "ip ospf ttl-security hops 1",
    "ip ospf ttl-security hops 1|no ip ospf ttl-security",
    "ip ospf shutdown|no ip ospf shutdown",
    "ip ospf bfd",
    "ip ospf database-filter all out|no ip ospf database-filter all out",
)
#: Lines of the process.
PROCESS_LINES: Final = (
    "area 0 authentication message-digest",
    "area 0 authentication",
    "auto-cost reference-bandwidth 5000",
    "passive-interface default|no passive-interface default",
    "ttl-security all-interfaces",
    "prefix-suppression",
)
CHANGES: Final = (*LINES, *(f"router ospf 1\n {line}" for line in PROCESS_LINES))


def _port(number: int, *, lan: bool) -> int:
    return LAN if lan else 3 - number


def _enter(net: OspfNet, number: int, change: str, *, lan: bool) -> None:
    is_of_process = change.startswith("router")
    net.enter(number, change if is_of_process else f"interface Ethernet0/{_port(number, lan=lan)}\n {change}\n")


def _halves(change: str) -> tuple[str, str]:
    """Return what holds from the start, and what is entered."""
    before, bar, after = change.rpartition("|")
    head = "router ospf 1\n " if change.startswith("router") and bar else ""
    return before, head + after


def _net(change: str, *, lan: bool) -> OspfNet:
    """Return two routers on a wire or a LAN, which hold these lines from the start."""
    net = OspfNet(2, [] if lan else [(1, 2)], lan=lan)
    net.loses = lambda _packet: True
    for number in net.routers if change else ():
        _enter(net, number, change, lan=lan)
    net.run_for(ALONE)
    return net


def _states(net: OspfNet) -> set[str]:
    shown = [line.split() for bench in net.routers.values() for line in bench.show("show ip ospf neighbor")]
    return {words[2].partition("/")[0] for words in shown if len(words) > 3 and words[0].startswith("10.0.0.")}


def _facts(net: OspfNet) -> list[object]:
    """Return what a user would compare. Not each advertisement: who speaks for a LAN depends on what was before."""
    ways = [net.found(number) for number in net.routers]
    databases = list(net.databases().values())
    details = [line for bench in net.routers.values() for line in bench.show("show ip ospf neighbor detail")]
    refusals = [line.strip() for line in details if "not taken" in line]
    return [_states(net), ways, databases[0] == databases[1], refusals]


@pytest.mark.lengthy
@given(
    st.sampled_from(CHANGES),
    st.sampled_from(sorted(RESTS)),
    st.sampled_from([0.0, 0.3, 6.0, 25.0]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@example("ip mtu 1300|ip mtu 1500", "one end waits", 0.3, False, False, True)
@example("ip mtu 1300", "both ends describe", 0.0, False, False, False)
@example("ip ospf retransmit-interval 60|ip ospf retransmit-interval 2", "both ends load", 0.0, False, True, True)
@settings(few_examples(15), suppress_health_check=[HealthCheck.too_slow])
def test_after_a_changed_line_all_is_as_if_it_had_always_been_there(
    change: str, rest: str, pause: float, lan: bool, second_first: bool, while_lost: bool
) -> None:
    before, after = _halves(change)
    loses, _ = RESTS[rest]
    net = _net(before, lan=lan)
    net.loses = loses
    net.run_for(REST + 5 * lan)
    for number in (2, 1) if second_first else (1, 2):
        _enter(net, number, after, lan=lan)
        if not while_lost:
            net.loses = _nothing
        net.run_for(pause)
    net.loses = _nothing
    net.run_for(QUIET)
    fresh = _net(before, lan=lan)
    for number in fresh.routers:
        _enter(fresh, number, after, lan=lan)
    fresh.loses = _nothing
    fresh.run_for(QUIET)
    assert _facts(net) == _facts(fresh)


@pytest.mark.parametrize("rest", sorted(RESTS))
def test_neighbors_rest_in_the_states_that_the_table_says(rest: str) -> None:
    loses, states = RESTS[rest]
    net = _net("", lan=False)
    net.loses = loses
    net.run_for(REST)
    assert _states(net) == states
