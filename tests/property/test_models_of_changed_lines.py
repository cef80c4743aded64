"""What features make of a configuration that was edited is what they make of the same lines read at once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.features.ike.model import IkeConfig
from dmvpn.features.ike.translation import Translation
from dmvpn.ios import ConfigSession, ConfigTree
from dmvpn.ios.section import FEW
from dmvpn.router.features import FEATURES
from support.cases import few_examples
from support.full_language import LANGUAGE, line_of, way_to

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from dmvpn.ios import ConfigLine

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
        assert translation.of(ike) == Translation().of(ike)
    edit(other, "no ", edits[0][0][1])
    assert models(other) == models(other.copy())
    assert models(tree) == models(tree.copy())
