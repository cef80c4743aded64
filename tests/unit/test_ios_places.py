"""The places of lines: where something stands in a text is found by its words, however it was typed."""

from __future__ import annotations

import pytest

from dmvpn.ios import Places
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

TEXT = """\
hostname R1
int tu 0
 ip addr 10.0.0.1 255.255.255.0
! a comment
 tunnel key 5
 tun key 7
router eigrp NAME
 address-family ipv4 unicast autonomous-system 100
  af-interface Tunnel0
   no split-horizon
interface Tunnel0
 no keepalive
ip access-list extended A
 no remark text
key chain K
 key 1
  key-string S3cret
nonsense
"""


@pytest.fixture(scope="module")
def places() -> Places:
    noted = Places()
    configurator(FEATURES).parse_text(TEXT, places=noted)
    return noted


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("hostname",), 1),
        (("hostname R1",), 1),
        (("interface Tunnel0", "ip address"), 3),
        (("interface Tunnel0", "tunnel key"), 6),
        (("interface Tunnel0", "tunnel key 5"), 5),
        (("interface Tunnel0", "no keepalive"), 12),
        (("router eigrp NAME", "address-family", "af-interface Tunnel0", "no split-horizon"), 10),
        (("ip access-list extended A", "no remark text"), 14),
        # What is not there is where its section is, at last at the beginning.
        (("router eigrp NAME", "address-family", "af-interface Tunnel0", "hold-time"), 9),
        (("router eigrp NAME", "address-family", "af-interface Tunnel7"), 8),
        (("router bgp 1", "neighbor"), 1),
        # Whole words count.
        (("host",), 1),
        (("interface Tunnel0", "tunnel k"), 11),
    ],
)
def test_a_line_is_found_by_its_first_words(places: Places, words: tuple[str, ...], line: int) -> None:
    assert places.line(words) == line


def test_comments_have_no_place(places: Places) -> None:
    assert [place.number for place in places if place.number == 4] == []


def test_a_place_has_no_key_in_it(places: Places) -> None:
    assert "S3cret" not in repr(list(places))
    assert places.line(("key chain K", "key 1", "key-string")) == 17
