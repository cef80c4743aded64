"""Folders of strangers, with lines that were cut, doubled or mistyped: a lab comes of them, or a message."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import UserError
from dmvpn.shells.inference import infer
from unit.test_adaptations import BY_POLICY, OSPFV3
from unit.test_inferred_switches import ACCESS, CLOUD, LAYER3, ROUTER, SWITCH

#: A folder with what the inference reads, if possible only once.
FOLDER = {
    "R1": ROUTER.format(name="R1", site=1, said="description SW7 g0/0"),
    "SW7": SWITCH.format(name="SW7", said="description R1"),
    "D1": LAYER3.format(number=1, own=2, word="standby", priority=90),
    "D2": LAYER3.format(number=2, own=3, word="vrrp", priority=110),
    "A1": ACCESS.format(name="ACC1"),
    "HUB": "hostname HUB\n" + CLOUD.format("172.16.0.10", 1, "ip nhrp redirect", "172.16.0.1"),
    "S1": "hostname S1\n" + CLOUD.format("198.51.100.2", 2, "ip nhrp nhs 10.0.0.1 nbma 203.0.113.5", "198.51.100.1"),
    "P": BY_POLICY,
    "V3": OSPFV3.format(name="V3", number=9),
}
_WORDS = ("", "0", "99999999999", "255.255.255.255", "999.1.1.1", "10.0.0.0/33", "::1", "Vlan", "dhcp", "ipv4", "x")
_CHANGE = st.tuples(st.sampled_from([*FOLDER]), st.integers(0, 60), st.integers(0, 8), st.sampled_from(_WORDS))


def changed(lines: list[str], at: int, place: int, word: str) -> list[str]:
    """The lines with one word replaced (`at`, `place`), or, without a word, one line cut off there."""
    at %= len(lines)
    words = lines[at].split(" ")
    kept = words[:place] if not word else [*words[:place], word, *words[place + 1 :]]
    return [*lines[:at], " ".join(kept), *lines[at + 1 :]]


@pytest.mark.lengthy
@given(st.lists(_CHANGE, min_size=1, max_size=12))
def test_a_folder_with_mistyped_lines_is_a_lab_or_a_message(changes: list[tuple[str, int, int, str]]) -> None:
    """A priority of HSRP that was none, and a line `ospfv3` that was cut off, were tracebacks."""
    texts = dict(FOLDER)
    for name, at, place, word in changes:
        texts[name] = "\n".join(changed(texts[name].split("\n"), at, place, word))
    with suppress(UserError):
        infer(texts)
