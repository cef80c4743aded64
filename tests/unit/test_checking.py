"""What `dmvpn check` says of a router, and how it ends."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.facts import NeighborFacts, PeerFacts, ReasonFacts, reason_facts
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.checking import Level, Wanted, judge
from support.reasons import because

if TYPE_CHECKING:
    from pathlib import Path

_HUB = IPv4Address("10.0.0.1")
_SECOND = IPv4Address("10.0.0.2")
_NBMA = IPv4Address("192.0.2.1")


def said(words: str) -> ReasonFacts:
    return reason_facts(because(words) if words else None)


def server(address: IPv4Address = _HUB, *, responding: bool, reason: str = "") -> ServerFacts:
    return ServerFacts(
        address=address, nbma=_NBMA, wanted=True, responding=responding, refused=False, reason=said(reason)
    )


def tunnel(*servers: ServerFacts, up: bool = True, enabled: bool = True, **more: object) -> TunnelFacts:
    return TunnelFacts.model_validate(
        {
            **{"name": "Tunnel0", "up": up, "enabled": enabled, "addresses": (), "source": None, "nhrp": True},
            **{"source_interface": "GigabitEthernet0/1", "destination": None, "key": None, "servers": servers},
            **more,
        }
    )


def neighbor(*, up: bool) -> NeighborFacts:
    return NeighborFacts(protocol="eigrp 1", interface="Tunnel0", address=_HUB, up=up, age=1.0, reason=said("no reply"))


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        (RouterFacts(tunnels=(tunnel(server(responding=True)),)), Level.OK, "OK - R1: tunnels up 1, registered 1,"),
        (
            RouterFacts(tunnels=(tunnel(server(responding=False, reason="no answer for 30 s")),)),
            Level.CRITICAL,
            "CRITICAL - R1: Tunnel0 is not registered with 10.0.0.1: no answer for 30 s |",
        ),
        (
            RouterFacts(tunnels=(tunnel(server(responding=True), server(_SECOND, responding=False)),)),
            Level.WARNING,
            "WARNING - R1: Tunnel0 is not registered with 10.0.0.2 |",
        ),
        (
            RouterFacts(tunnels=(tunnel(up=False, reason=said("no source")),)),
            Level.CRITICAL,
            "Tunnel0 is down: no source",
        ),
        (RouterFacts(tunnels=(tunnel(up=False, enabled=False),)), Level.OK, "tunnels up 0"),
        (RouterFacts(tunnels=(tunnel(up=False, source_interface=""),)), Level.OK, "tunnels up 0"),
        (
            RouterFacts(tunnels=(tunnel(unsecured=(PeerFacts(nbma=_NBMA, reason=said("no proposal chosen")),)),)),
            Level.WARNING,
            "Tunnel0 has no SAs with 192.0.2.1: no proposal chosen",
        ),
        (RouterFacts(tunnels=(tunnel(by_server=(_SECOND,)),)), Level.WARNING, "packets for 10.0.0.2 go by a server"),
        (
            RouterFacts(tunnels=(), neighbors=(neighbor(up=False),)),
            Level.WARNING,
            "eigrp 1 neighbor 10.0.0.1 on Tunnel0 is not up: no reply",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_reason(facts: RouterFacts, level: Level, said: str) -> None:
    verdict = judge("R1", facts, Wanted())
    assert verdict.level is level
    assert said in verdict.lines()[0]


def test_the_worst_comes_first_and_the_rest_has_lines_of_its_own() -> None:
    facts = RouterFacts(tunnels=(tunnel(up=False),), neighbors=(neighbor(up=False),))
    first, second = judge("R1", facts, Wanted()).lines()
    assert first.startswith("DMVPN CRITICAL - R1: Tunnel0 is down | tunnels_up=0 registered=0 ")
    assert second == "eigrp 1 neighbor 10.0.0.1 on Tunnel0 is not up: no reply"


def test_a_bar_in_a_reason_is_not_taken_for_the_beginning_of_the_counts() -> None:
    facts = RouterFacts(tunnels=(tunnel(up=False, reason=said("no|source")),))
    assert judge("R1", facts, Wanted()).lines()[0].startswith("DMVPN CRITICAL - R1: Tunnel0 is down: no/source | tunn")


def test_fewer_than_were_asked_for_is_critical() -> None:
    facts = RouterFacts(tunnels=(tunnel(),), neighbors=(neighbor(up=True),))
    assert judge("R1", facts, Wanted(neighbors=1)).level is Level.OK
    texts = [concern.text for concern in judge("R1", facts, Wanted(clients=3, neighbors=2)).concerns]
    assert texts == ["1 neighbors of routing protocols instead of 2", "0 registered clients instead of 3"]


@pytest.mark.parametrize("words", [["R1", "--clients", "many"], ["no-lab/R1"], ["R1", "--color"], []])
def test_what_cannot_be_asked_is_unknown_and_not_critical(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    try:
        code = main(["check", *words])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == Level.UNKNOWN
    if "--color" not in words and words:
        assert capsys.readouterr().out.startswith(f"DMVPN UNKNOWN - {words[0]}: ")
