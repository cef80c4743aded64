"""What nobody tried, said in words."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.doctor import Diagnosis, Finding, Step, Trial, View, in_words


def said(*fix: str, trial: Trial | None = None) -> Finding:
    """The finding as it is printed."""
    one = Finding(step=Step.GRE, cause=Cause.KEY, router="S1", what="it is so", fix=fix, trial=trial)
    return in_words(Diagnosis(view=View.WHOLE, routers=("S1",), findings=(one,)), "none at hand").findings[0]


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        (("interface Tunnel0", "tunnel key 7"), "look at 'tunnel key' under 'interface Tunnel0', of S1"),
        (
            ("interface Tunnel0", "no tunnel destination", "tunnel mode gre multipoint"),
            "look at 'tunnel destination' and 'tunnel mode gre multipoint' under 'interface Tunnel0', of S1",
        ),
        (
            ("no ip route 10.0.0.0 255.0.0.0 10.1.1.1", "ip route 10.0.0.0 255.0.0.0 <next-hop>"),
            "look at 'ip route', of S1",
        ),
    ],
)
def test_lines_that_nobody_tried_become_the_place_to_look_at(fix: tuple[str, ...], words: str) -> None:
    found = said(*fix)
    assert (found.fix, found.order) == ((), words)
    assert found.untried


def test_lines_that_were_tried_stay() -> None:
    found = said("interface Tunnel0", "tunnel key 7", trial=Trial(better=("S1 reaches S2",)))
    assert (found.fix, found.untried) == (("interface Tunnel0", "tunnel key 7"), "")


def test_a_secret_to_fill_in_stays_marked() -> None:
    found = said("interface Tunnel0", "ip nhrp authentication <secret>")
    assert (found.fix[-1], found.untried) == ("ip nhrp authentication <secret>", "")


@pytest.mark.parametrize(
    "badness",
    [
        Badness(delay=20.0, loss=2.5, mtu=1300.0),
        Badness(block=("gre", "udp-500"), sender="R31"),
        Badness(cut=1.0),
        Badness(),
    ],
)
def test_what_is_said_of_a_wire_can_be_read_back(badness: Badness) -> None:
    assert Badness.named(badness.particulars) == (badness if badness.particulars else Badness())
