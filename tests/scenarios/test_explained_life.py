"""Networks live with every debug on: each line that their routers print is one that `dmvpn explain` knows."""

from __future__ import annotations

import re

import pytest

from dmvpn.base.explanations import WordKind
from dmvpn.router.features import FEATURES
from dmvpn.router.vocabulary import vocabulary
from support.world import World

DEBUGS = (
    "debug dmvpn all all",
    *("debug nhrp", "debug nhrp packet", "debug nhrp extension", "debug nhrp cache", "debug nhrp detail"),
    *("debug nhrp error", "debug nhrp rate", "debug nhrp routing", "debug nhrp group"),
    *("debug eigrp packets", "debug eigrp fsm", "debug eigrp neighbors", "debug ip rip", "debug ip routing"),
    *("debug crypto ikev2", "debug crypto ikev2 packet", "debug crypto ikev2 error", "debug crypto ipsec"),
    *("debug tunnel", "debug tunnel keepalive"),
)
STAMP = re.compile(r"^\*?\w{3} +\d+ [\d:.]+: ")
#: Octets of a quoted packet; names of payloads.
OCTETS = re.compile(r"\s+([0-9A-F]{2} ?)+$")
PAYLOAD = re.compile(r"[A-Z][A-Z0-9_]+(?=\))|[A-Za-z]+(?!\()")
WORDS = vocabulary(FEATURES)


def unknown(lines: list[str]) -> list[str]:
    texts = [STAMP.sub("", line) for line in lines]
    return [text for before, text in zip(["", *texts], texts, strict=False) if not _is_known(before, text)]


def _is_known(before: str, text: str) -> bool:
    if before == "Payload contents:":
        return all(WORDS.meanings(name) for name in PAYLOAD.findall(text.replace("NOTIFY(", "(")))
    return WORDS.of_line(text) is not None or _is_log(text) or OCTETS.match(text) is not None


def _is_log(line: str) -> bool:
    mnemonic = re.search(r"%[A-Z0-9_]+-\d-[A-Z0-9_]+", line)
    return mnemonic is not None and any(found.group.kind is WordKind.LOG for found in WORDS.meanings(mnemonic[0]))


@pytest.mark.parametrize(
    ("name", "spokes"),
    [("notes-phase3", ("R31", "R41")), ("intro-phase3", ("SPOKE10", "SPOKE20")), ("notes-gre", ("R11",))],
)
def test_every_line_of_a_network_under_debug_is_explained(name: str, spokes: tuple[str, ...]) -> None:
    world = World(name)
    for router in world.console:
        world.do(router, *DEBUGS)
    world.converge()
    for spoke in spokes:
        world.do(spoke, "clear ip nhrp", "clear ip eigrp neighbors", "clear crypto ikev2 sa")
    world.run_for(40)
    printed = [line for router in world.console for line in world.console[router]]
    assert len(printed) > 100
    assert unknown(printed) == []


def test_a_screen_is_explained_at_the_prompt_of_a_router() -> None:
    world = World("notes-phase3").converge()
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    shown = world.show("R31", "dmvpn | explain")
    screen, below = shown[: shown.index("column Attrb:")], shown[shown.index("column Attrb:") :]
    assert "DT2" in screen
    assert re.findall(r"(?m)^  (\S{1,2})  ", below) == ["D", "T2", "T1", "S", "UP"]
    assert world.show("R31", "dmvpn | e UP") == world.show("R31", "dmvpn | exclude UP")
