"""A line means the same wherever somebody enters it: at the prompt, in a paste, in a file with or without indentation.

Doors that read a whole text (`dmvpn import`, `config check`, `lint`, `copy FILE running-config`) are the reader of
files; they differ in what they do with lines that restrict traffic.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.entrances import Entrances, Outer, surely_denied
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, Event, LinesEntered, Tick
from dmvpn.base.filters import Condition, FilterEntry, FilterList
from dmvpn.base.streams import StreamListen
from dmvpn.base.translation import UDP, Addresses
from dmvpn.face.entering import Draft
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.ike.model import IkeConfig
from dmvpn.features.ike.translation import Translation
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios import EVERYTHING, ConfigSession, ConfigTree, Fate, reading
from dmvpn.ios.config_line import known_commands
from dmvpn.ios.section import FEW
from dmvpn.ios.tree import render_tree
from dmvpn.network.device import Device
from dmvpn.router.entered_text import take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from dmvpn.shells.exercises import BUILT_IN
from support.cases import few_examples
from support.fakes import FakeFilters, fake_ports, up
from support.full_language import FREE_LINES, LANGUAGE, LINES, OPENERS, TEXTS, line_of, way_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hypothesis.strategies import SearchStrategy

    from dmvpn.base.effects import Effect
    from dmvpn.face.context import RouterHandle
    from dmvpn.ios import ConfigLine, ExecParser, LineGroup, LineReport, LineResult

#: What only a tunnel may have: outside of tunnels a file refuses it, because it was meant for one.
_OF_TUNNELS = "tunnel protection"
#: All lines but those of certificates, which are texts of several lines.
_ALL = tuple(
    line
    for line in (*LINES, *FREE_LINES)
    if "certificate" not in line.mode and not line.syntax.startswith((_OF_TUNNELS, "exit-"))
)
_PARTS = 16
_EFFECTIVE = tuple(line for line in _ALL if line.group is None)
#: Sections of which nothing acts on any line.
_OPENERS = tuple(line for line in known_commands()[0] if line.opens is not None and line in _ALL)
_NOBODY_KNOWS = "frobnicate widget 7"


class _Became(enum.Enum):
    """What became of a line."""

    EFFECTIVE = "it has an effect, or is so anyway"
    KEPT = "nothing acts on it"
    LEFT_OUT = "it restricts or diverts traffic"
    REFUSED = "nobody knows it here"


def _of_group(group: LineGroup) -> _Became:
    if group.name == "unknown lines":
        return _Became.REFUSED  # the prompt refuses what a file keeps for somebody else
    return _Became.LEFT_OUT if group.is_left_out else _Became.KEPT


def _typed(result: LineResult) -> _Became:
    if result.group is not None:
        return _of_group(result.group) if result.group.standing.value != "silent" else _Became.EFFECTIVE
    return _Became.REFUSED if result.refused else _Became.EFFECTIVE


def _read(entry: LineReport | None) -> _Became:
    if entry is None:
        return _Became.EFFECTIVE
    return _of_group(entry.group) if entry.group is not None else _Became.REFUSED


def at_prompt(lines: Sequence[str]) -> list[_Became]:
    """What becomes of lines that somebody types or pastes."""
    session = ConfigSession(LANGUAGE, LANGUAGE.parse_text("").tree)
    return [_typed(session.enter(line)) for line in lines]


def in_file(lines: Sequence[str]) -> list[_Became]:
    """What becomes of the lines of a file. Readers of whole files agree."""
    text = "\n".join((*lines, "end"))
    entries = LANGUAGE.parse_text(text).entries
    assert take_in(text).result.entries == entries
    assert [_key(entry) for entry in Device.read("R", text).entries] == [_key(entry) for entry in entries]
    by_number = {entry.number: entry for entry in entries}
    return [_read(by_number.get(number)) for number in range(1, len(lines) + 1)]


def _key(entry: LineReport) -> tuple[object, ...]:
    fate = Fate.KEPT if entry.fate is Fate.LEFT_OUT else entry.fate  # lint looks at what was left out
    return (entry.number, entry.text, entry.path, entry.group, fate if entry.group is None else None)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"{' ' * depth}{line}" for depth, line in enumerate(lines)]


def _way_to(mode: str) -> SearchStrategy[tuple[str, ...]]:
    if mode == "global":
        return st.just(())
    if mode == "interface":
        return st.just(("interface GigabitEthernet0/1",))
    opener = OPENERS[mode]
    return st.tuples(_way_to(opener.mode), line_of(opener)).map(lambda parts: (*parts[0], parts[1]))


def _block(line: ConfigLine) -> SearchStrategy[tuple[str, ...]]:
    """Return the way to a line, and the line."""
    return st.tuples(_way_to(line.mode), line_of(line)).map(lambda parts: (*parts[0], parts[1]))


def _check(block: tuple[str, ...]) -> None:
    """Assert that the last line is the same everywhere, alone and behind what nobody knows."""
    typed = at_prompt(block)
    if _Became.REFUSED in typed[:-1]:
        return  # the line that opens the section has become another one: `router eigrp NAME` with a number as its name
    if typed[-1] is _Became.REFUSED and at_prompt(block[-1:]) == [_Became.EFFECTIVE]:
        return  # its section refuses it; at the margin of a file, the same words begin a section of their own
    assert in_file(block) == typed
    assert in_file((_NOBODY_KNOWS, *block))[1:] == typed
    session = ConfigSession(LANGUAGE, LANGUAGE.parse_text("").tree)
    for line in block[:-1]:
        session.enter(line)
    inside = _typed(session.enter(block[-1], is_inside=True))
    assert in_file(_indented(block))[-1] is inside
    assert in_file((_NOBODY_KNOWS, " knob 3", *_indented(block)))[-1] is inside


@given(st.sampled_from(_ALL).flatmap(_block))
def test_a_line_is_the_same_at_the_prompt_and_in_files(block: tuple[str, ...]) -> None:
    _check(block)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_line_is_the_same_at_the_prompt_and_in_files(part: int) -> None:
    for line in _ALL[part::_PARTS]:
        settings(max_examples=1)(given(_block(line))(_check))()


@given(st.sampled_from(_OPENERS), st.sampled_from(_ALL), st.data())
def test_a_flat_file_and_the_prompt_agree_on_which_section_a_line_belongs_to(
    opener: ConfigLine, later: ConfigLine, data: st.DataObject
) -> None:
    """`crypto isakmp key ...` behind a crypto map was a line of the map at the prompt, and the router's in a file."""
    own = [line for line in _ALL if line.mode == opener.opens]
    inner = data.draw(st.lists(st.sampled_from(own).flatmap(line_of), max_size=2)) if own else []
    lines = (*data.draw(_block(opener)), *inner, *data.draw(_block(later)))
    typed = at_prompt(lines)
    assume(_Became.REFUSED not in typed[:-1])  # a file refuses what is below a refused line, too
    assert in_file(lines) == typed


@given(st.sampled_from(_OPENERS).flatmap(_block), st.sampled_from(_EFFECTIVE).flatmap(_block))
def test_a_section_on_which_nothing_acts_takes_no_line_with_an_effect(
    opener: tuple[str, ...], block: tuple[str, ...]
) -> None:
    """`ip access-list extended A` behind a voice port was kept as a line of that port, because it begins with `ip`."""
    assume(at_prompt(block)[-1] is _Became.EFFECTIVE)
    typed = at_prompt((*opener, *block))
    assume(_Became.REFUSED not in typed[:-1])
    assert typed[-1] is _Became.EFFECTIVE
    assert in_file((*opener, *block))[-1] is _Became.EFFECTIVE


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*/*.cfg")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_configuration_that_runs_is_taken_whole_if_it_is_pasted_without_indentation(path: object) -> None:
    lines = [line.strip() for line in path.read_text().splitlines()]  # type: ignore[attr-defined]
    assert set(at_prompt(lines)) == {_Became.EFFECTIVE}
    assert set(in_file(lines)) == {_Became.EFFECTIVE}


# What features make of a configuration that was edited is what they make of the same lines read at once.

#: A line, and those that lead from the global mode to its own.
Placed = tuple[tuple[str, ...], str]

#: Of each list so many entries: what is made of a few is not kept.
ENTRIES: Final = FEW + 2
FIRST: Final = 3
#: Lists: the lines that lead to an entry (N is its number), and lines there. An entry comes and goes as a whole, too.
LISTS: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    ((), ("ip route 10.1.N.0 255.255.255.0 192.0.2.1", "ip route 10.1.N.0 255.255.255.0 192.0.2.2 200",
        "ip host hN 10.0.0.N", "ip host hN 10.0.9.N", "ip route 10.1.N.0 255.255.255.0 192.0.2.1 name N")),
    ((), ("ipv6 route 2001:db8:N::/64 2001:db8:ffff::1", "crypto isakmp key kN address 10.0.0.N",
        "crypto isakmp key other address 10.0.0.N")),
    ((), ("ip prefix-list P seq N permit 10.0.N.0/24", "ip prefix-list P seq N deny 10.9.N.0/24 le 30")),
    ((), ("access-list 10 permit host 10.0.0.N", "access-list 10 remark N",
        "access-list 110 permit udp host 10.0.0.N any eq 53")),
    ((), ("ip as-path access-list 10 permit ^N_", "ip as-path access-list N permit 5")),
    ((), ("ip community-list 10 permit 65000:N", "ip community-list expanded C permit N",
        "ip community-list standard C permit 65000:N")),
    ((), ("interface LoopbackN", "interface TunnelN", "ip access-list standard SN", "crypto ikev2 profile PN",
        "router rip")),
    (("interface LoopbackN",), ("ip address 11.0.0.N 255.255.255.255", "ipv6 address 2001:db8::N/128",
        "shutdown", "ip nat inside")),
    (("interface LoopbackN",), ("ip ospf 1 area N", "ip ospf cost N",
        "bfd interval 5N min_rx 50 multiplier 3", "ip hello-interval eigrp 1 N")),
    (("interface TunnelN",), ("ip address 10.2.N.1 255.255.255.0", "tunnel key N", "ip nhrp network-id N",
        "ipv6 nhrp network-id N")),
    (("interface TunnelN",), ("ip nhrp shortcut", "tunnel protection ipsec profile P", "ip nhrp nhs 10.2.N.9",
        "shutdown")),
    (("interface Tunnel1",), ("ip nhrp map 10.3.0.N 192.0.2.N", "ip nhrp map multicast 192.0.2.N",
        "ipv6 nhrp map 2001:db8::N/128 192.0.2.N", "ip nhrp map 10.3.0.N 192.0.3.N")),
    (("ip access-list extended A",), ("permit ip host 10.0.0.N any", "N permit udp any any eq N", "N remark text")),
    (("ip access-list standard SN",), ("permit 10.0.0.N", "N deny any")),
    (("route-map M permit N",), ("set metric N", "match ip address N", "match tag N", "continue")),
    (("key chain K", "key N"), ("key-string kN", "cryptographic-algorithm hmac-sha-256")),
    (("key chain KN", "key 1"), ("key-string kN",)),
    (("crypto ikev2 keyring K", "peer PN"), ("address 10.0.0.N", "pre-shared-key kN")),
    (("crypto ikev2 profile PN",), ("match identity remote address 10.0.0.N", "lifetime 1200", "keyring local K")),
    (("crypto ikev2 proposal RN",), ("encryption aes-cbc-256", "integrity sha256", "group 14")),
    (("crypto ikev2 policy RN",), ("proposal RN",)),
    (("crypto isakmp profile QN",), ("keyring IN",)),
    (("crypto keyring IN",), ("pre-shared-key address 10.0.0.N key kN", "pre-shared-key address 10.0.1.N key kN")),
    (("crypto pki certificate map C N",), ("subject-name co aN", "issuer-name eq bN")),
    (("bfd-template single-hop BN",), ("interval min-tx 50 min-rx 50 multiplier N",)),
    (("router eigrp 1",), ("network 10.0.N.0 0.0.0.255", "passive-interface LoopbackN")),
    (("router ospf 1",), ("network 10.0.N.0 0.0.0.255 area 0", "network 10.0.N.0 0.0.0.255 area 1")),
    (("router bgp 65000",), ("network 10.1.N.0 mask 255.255.255.0", "neighbor 10.0.0.N remote-as 65001",
        "neighbor 10.0.0.N activate", "neighbor 10.0.0.N weight N", "neighbor 10.0.0.N default-originate")),
    (("router bgp 65000", "address-family ipv4"), ("network 10.1.N.0 mask 255.255.255.0",
        "neighbor 10.0.0.N activate", "neighbor 10.0.0.N next-hop-self", "neighbor 10.0.0.N default-originate")),
)  # fmt: skip
PLACES: Final = tuple((way, line) for way, lines in LISTS for line in lines)
WHOLE: Final = tuple((way[:-1], way[-1]) for way, _ in LISTS if way)
WORDS: Final = st.sampled_from(("", "no ", "default "))


def numbered(place: Placed, number: int) -> Placed:
    """The line of this entry."""
    way, line = place
    return tuple(one.replace("N", str(number)) for one in way), line.replace("N", str(number))


FILLED: Final = tuple(numbered(place, number) for number in range(FIRST, FIRST + ENTRIES) for place in PLACES)
IN_LISTS: Final = st.builds(numbered, st.sampled_from((*PLACES, *WHOLE)), st.integers(FIRST, FIRST + ENTRIES + 2))

_LINES_OF_MODE: dict[str, list[ConfigLine]] = {}
for _feature in FEATURES:
    for _line in _feature.config:
        _LINES_OF_MODE.setdefault(_line.mode, []).append(_line)


def _placed_in(mode: str) -> SearchStrategy[Placed]:
    return st.tuples(way_to(mode).map(tuple), st.sampled_from(_LINES_OF_MODE[mode]).flatmap(line_of))


ANYWHERE: Final = st.sampled_from(sorted(_LINES_OF_MODE)).flatmap(_placed_in)
#: The word before a line, and the line.
Edit = tuple[str, Placed]
EDITS: Final = st.lists(st.tuples(WORDS, st.one_of(IN_LISTS, IN_LISTS, IN_LISTS, ANYWHERE)), min_size=1, max_size=20)


@lru_cache(maxsize=1)
def filled() -> ConfigTree:
    """All entries of all lists, which others copy."""
    tree = ConfigTree()
    for place in FILLED:
        assert edit(tree, "", place)
    return tree


def edit(tree: ConfigTree, word: str, place: Placed) -> bool:
    """Enter it from the global mode on. True if all of it was understood."""
    session = ConfigSession(LANGUAGE, tree)
    way, line = place
    results = [session.enter(one) for one in (*way, word + line)]
    return all(result.error is None for result in results)


def models(tree: ConfigTree) -> dict[str, object]:
    return {feature.name: feature.model(tree) for feature in FEATURES if feature.model is not None}


@pytest.mark.lengthy
@pytest.mark.timeout(900)  # of 500 examples
@few_examples(8)
@given(st.lists(EDITS, min_size=1, max_size=5))
def test_models_of_edited_lines_are_those_of_the_same_lines_read_at_once(edits: list[list[Edit]]) -> None:
    tree, other = filled().copy(), filled().copy()
    models(tree), models(other)
    translation = Translation()
    for pasted in edits:
        for word, place in pasted:
            edit(tree, word, place)
        made = models(tree)
        assert made == models(tree.copy())
        ike = made["ike"]
        assert isinstance(ike, IkeConfig)
        assert translation.translated(ike) == Translation().translated(ike)
    edit(other, "no ", edits[0][0][1])
    assert models(other) == models(other.copy())
    assert models(tree) == models(tree.copy())


# What machines make of long lists that are typed line by line is what they make of the same lines read at once.

_TUNNEL: Final = (
    "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n tunnel source 192.0.2.1\n tunnel mode gre multipoint\n"
    " ip nhrp network-id 1\n"
)
_MAPS: Final = (
    "ip nhrp map 10.0.0.{} 192.0.2.{}",
    "ip nhrp map 10.0.0.{} 255.255.255.255 192.0.2.{}",
    "ip nhrp map multicast 192.0.2.{1}",
    "ip nhrp nhs 10.0.0.{}",
    "ip nhrp nhs 10.0.0.{} nbma 192.0.2.{}",
)


_PROCESS: Final = (
    "interface Loopback0\n ip address 10.9.0.1 255.255.255.255\n"
    "ip route 10.3.0.0 255.255.0.0 Null0\nip route 10.4.0.0 255.255.0.0 Null0\n"
    "router bgp 65000\n neighbor G peer-group\n"
    " neighbor G remote-as 65001\n bgp listen range 10.0.0.4/31 peer-group G\n"
)
_NEIGHBORS: Final = (
    "neighbor 10.0.0.{} remote-as 6500{}",
    "neighbor 10.0.0.{} peer-group G",
    "neighbor 10.0.0.{} shutdown",
    "neighbor 10.0.0.{} activate",
    "neighbor 10.0.0.{} ttl-security hops {}",
    "neighbor G ttl-security hops {}",
    "neighbor 10.0.0.{} default-originate",
    "neighbor 10.0.0.{}",
    "network 10.{}.0.0 mask 255.255.0.0",
    "network 10.{}.0.0 mask 255.255.0.0 route-map M{}",
    "aggregate-address 10.0.0.0 255.0.0.0",
    "bgp router-id 10.9.0.{}",
)


def _edits(lines: tuple[str, ...]) -> SearchStrategy[list[str]]:
    number = st.integers(2, 6)
    line = st.builds(
        lambda word, text, one, other: word + text.format(one, other),
        st.sampled_from(("", "", "no ")),
        st.sampled_from(lines),
        number,
        number,
    )
    return st.lists(line, min_size=1, max_size=6)


class _Lived(NamedTuple):
    """A router, and what it ordered."""

    router: Router
    orders: list[Effect]


def _typed_lists(way: str, base: str, pastes: list[list[str]]) -> tuple[_Lived, _Lived]:
    """A router whose lines were typed, and one that read what came of them."""
    typed, read = Router(SeededEntropy(1)), Router(SeededEntropy(1))
    orders = typed.handle(ConfigurationEntered(base), 0.0)
    for lines in pastes:
        orders += typed.handle(LinesEntered(tuple(EnteredLine((way,), line) for line in lines)), 0.0)
    orders += _settled(typed, 1.0)
    read_at_once = read.handle(ConfigurationEntered("\n".join(render_tree(typed.running))), 0.0)
    return _Lived(typed, orders), _Lived(read, [*read_at_once, *_settled(read, 1.0)])


def _settled(router: Router, end: float) -> list[Effect]:
    """Let time pass."""
    orders: list[Effect] = []
    while (due := router.next_deadline()) is not None and due <= end:
        orders += router.handle(Tick(), due)
    return orders


@given(st.lists(_edits(_MAPS), min_size=1, max_size=6))
def test_typed_maps_lead_where_the_same_maps_lead_that_are_read_at_once(pastes: list[list[str]]) -> None:
    ours, theirs = (
        lived.router.machine(NhrpMachine).tunnels[0] for lived in _typed_lists("interface Tunnel0", _TUNNEL, pastes)
    )
    known = [[(entry.target, entry.nbma) for entry in tunnel.cache.entries()] for tunnel in (ours, theirs)]
    assert known[0] == known[1]
    assert ours.adjacencies == theirs.adjacencies
    clients = [[(at, one.nbma) for at, one in tunnel.clients.items()] for tunnel in (ours, theirs)]
    assert clients[0] == clients[1]


@given(st.lists(_edits(_NEIGHBORS), min_size=1, max_size=6))
def test_typed_neighbors_and_networks_of_bgp_are_those_that_are_read_at_once(pastes: list[list[str]]) -> None:
    ours, theirs = _typed_lists("router bgp 65000", _PROCESS, pastes)
    peers = [
        {address: peer.settings for address, peer in lived.router.machine(BgpMachine).peers.items()}
        for lived in (ours, theirs)
    ]
    assert peers[0] == peers[1]
    callers = [
        [frozenset(order.peers) for order in lived.orders if isinstance(order, StreamListen)][-1:]
        for lived in (ours, theirs)
    ]
    assert callers[0] == callers[1]
    tables = [
        {
            prefix: [(path.origin, path.attributes) for path in found.paths.values()]
            for prefix, found in lived.router.machine(BgpMachine).ipv4.routes.table.destinations.items()
        }
        for lived in (ours, theirs)
    ]
    assert tables[0] == tables[1]


# Lines that are entered one by one, in pieces or by several users come to the configuration that they say.

NO_PARSER = cast("ExecParser", None)


@dataclass
class Bench:
    """The part of a router that holds the configuration."""

    running: ConfigTree
    configurator = LANGUAGE
    posted: list[LinesEntered] = field(default_factory=list)

    def context(self, _: int) -> Bench:
        return self

    def post(self, event: Event) -> None:
        assert isinstance(event, LinesEntered)
        self.posted.append(event)
        session = ConfigSession(LANGUAGE, self.running)
        for line in event.lines:
            session.enter_again(line)

    def draft(self) -> Draft:
        return Draft(cast("RouterHandle", self), NO_PARSER, 0, "console")


def entered(first: str, second: str) -> ConfigTree:
    """A session that nobody disturbs."""
    tree = LANGUAGE.parse_text(first).tree
    session = ConfigSession(LANGUAGE, tree)
    for line in second.splitlines():
        session.enter(line)
    return tree


@pytest.mark.lengthy
@given(TEXTS, TEXTS, st.sets(st.integers(0, 60)))
def test_a_router_gets_in_pieces_what_was_entered_line_by_line(first: str, second: str, pauses: set[int]) -> None:
    bench = Bench(LANGUAGE.parse_text(first).tree)
    draft = bench.draft()
    for number, line in enumerate(second.splitlines()):
        draft.enter(line, 0)
        if number in pauses:
            draft.settle()
            assert bench.running.render() == draft.session.tree.render()
    draft.settle()
    assert bench.running.render() == entered(first, second).render()


@pytest.mark.lengthy
@given(TEXTS, TEXTS, st.lists(st.booleans(), max_size=60))
def test_no_line_of_two_users_is_lost_between_them(first: str, second: str, turns: list[bool]) -> None:
    bench = Bench(ConfigTree())
    drafts = (bench.draft(), bench.draft())
    lines = (first.splitlines(), second.splitlines())
    for turn in turns:
        if lines[turn]:
            drafts[turn].enter(lines[turn].pop(0), 0)
            drafts[turn].settle()
            assert drafts[turn].session.tree.render() == bench.running.render()


@pytest.mark.lengthy
@given(TEXTS, TEXTS)
def test_a_model_is_as_before_unless_a_line_changed_that_it_was_made_of(first: str, second: str) -> None:
    tree = LANGUAGE.parse_text(first).tree
    session = ConfigSession(LANGUAGE, tree)
    known: dict[str, tuple[object, set[ConfigLine]]] = {}
    for line in ("", *second.splitlines()):
        tree.take_touched()
        session.enter(line)
        touched = tree.take_touched()
        for feature in FEATURES:
            if feature.model is None:
                continue
            model, read = known.get(feature.name, (None, {EVERYTHING}))
            with reading() as lines:
                now = feature.model(tree)
            assert now == model or EVERYTHING in read or touched & read, (line, feature.name)
            known[feature.name] = now, lines


# What a tunnel is told of a list is what the list decides about its packets, one by one.

PORT: Final = "GigabitEthernet0/0"
#: Few values, so that entries and packets often meet.
_ADDRESSES = st.sampled_from([IPv4Address(number) for number in (0x0A000000, 0x0A000001, 0x0A000101, 0xC0000201)])
_WILDCARDS = st.sampled_from([IPv4Address(number) for number in (0, 1, 0xFF, 0xFF00, 0x80000000, 0xFFFFFFFF)])
_PORTS = st.sampled_from([None, ((500, 500),), ((4500, 4500),), ((0, 600),), ()])
_RANGES = st.builds(Addresses, _ADDRESSES, _WILDCARDS)
_GROUPS = st.lists(_RANGES, max_size=2).map(tuple)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    protocol = draw(st.sampled_from([None, UDP, 47, 50]))
    has_ports = protocol == UDP
    sources = draw(_GROUPS)
    everywhere = Addresses(IPv4Address(0), IPv4Address(0xFFFFFFFF))
    return Condition(
        source=everywhere if sources else draw(_RANGES),
        destination=draw(_RANGES),
        protocol=protocol,
        sources=sources,
        source_ports=draw(_PORTS) if has_ports else None,
        destination_ports=draw(_PORTS) if has_ports else None,
        fragments=draw(st.booleans()) and not has_ports,
    )


@st.composite
def lists(draw: st.DrawFn) -> FilterList:
    entries = draw(st.lists(st.tuples(st.booleans(), conditions()), min_size=1, max_size=7))
    return FilterList("X", tuple(FilterEntry(10 * place, *one) for place, one in enumerate(entries, 1)))


@given(lists(), st.sampled_from(list(Outer)), _ADDRESSES, st.lists(_ADDRESSES, min_size=1, max_size=3))
def test_a_denial_is_that_of_the_list(
    listed: FilterList, what: Outer, own: IPv4Address, peers: list[IPv4Address]
) -> None:
    ports = fake_ports(up(PORT, str(own)))
    ports.filters = FakeFilters({PORT: listed})
    entrances = Entrances(ports)
    for peer in peers:
        denied = entrances.denial(what, (OuterAddress(own), peer))
        assert (denied.sequence if denied is not None else None) == listed.denies(what.packet(peer, own))


@given(lists(), st.sampled_from(list(Outer)), _ADDRESSES, _ADDRESSES)
def test_what_is_denied_without_addresses_is_denied_with_them(
    listed: FilterList, what: Outer, own: IPv4Address, peer: IPv4Address
) -> None:
    packet = what.packet(peer, own)
    for local, remote in ((None, None), (own, None), (None, peer)):
        if surely_denied(listed, what, local, remote) is not None:
            assert listed.denies(packet) is not None
    assert surely_denied(listed, what, own, peer) == listed.denies(packet)
