"""RIP beside FRR's ripd on a wire, with each kind of authentication, and triggered RIP beside BIRD: the routes at both
ends are each other's.
"""

from __future__ import annotations

import re
import time

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

_KEYS = "key chain KEYS\n key 7\n  key-string sesame\n"


def start(wire: Wire, theirs: str, ours: str) -> None:
    """Start both. theirs, ours: how packets are sealed."""
    wire.start_frr(
        "frr",
        "ripd",
        f"{_KEYS}interface wire\n ip rip authentication mode {theirs}\n ip rip authentication key-chain KEYS\n"
        "router rip\n version 2\n timers basic 5 15 15\n network wire\n network lan0\n",
    )
    start_ours(wire, ours)


def start_ours(wire: Wire, ours: str) -> None:
    wire.start_ours(
        "ours",
        f"{_KEYS}interface GigabitEthernet0/1\n ip rip authentication mode {ours}\n"
        " ip rip authentication key-chain KEYS\n"
        "router rip\n version 2\n no auto-summary\n timers basic 5 15 15 30\n network 10.0.0.0\n",
    )


def wait_for_routes(wire: Wire) -> None:
    wire.wait("our route", lambda: wire.kernel("ours").get("10.2.0.0/24") == wire.addresses["frr"])
    wire.wait("their route", lambda: wire.kernel("frr").get("10.1.0.0/24") == wire.addresses["ours"])


def ignored(wire: Wire) -> int:
    """How many packets our router did not believe."""
    found = re.search(r"ignored (\d+) packets", wire.ask("ours", "show ip protocols"))
    return int(found[1]) if found else 0


@pytest.mark.story("rip-text", "rip-md5")
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("text", "text"), ("md5 auth-length rfc", "md5"), ("md5 auth-length old-ripd", "md5")],
    ids=["text", "md5 as the RFC has it", "md5 as IOS has it"],
)
def test_both_ends_believe_each_other_and_have_each_others_networks(theirs: str, ours: str) -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        start(wire, theirs, ours)
        wait_for_routes(wire)
        # The first packet of ripd may leave before ripd has read how to seal.
        early = ignored(wire)
        assert early <= 1
        time.sleep(11)  # two more updates
        assert ignored(wire) == early


@pytest.mark.story("rip-restart")
def test_a_router_that_starts_again_is_believed_again() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        start(wire, "md5", "md5")
        wait_for_routes(wire)
        wire.kill("ours", "dmvpn")
        wire.wait("their route to go", lambda: "10.1.0.0/24" not in wire.kernel("frr"))
        start_ours(wire, "md5")
        wait_for_routes(wire)


_SEALED = 'authentication cryptographic; password "sesame" { id 7; algorithm keyed md5; };'
_DEMAND = 'interface "wire" {{ demand circuit yes; version 2; mode multicast; {sealed} }};'


def start_triggered_bird(wire: Wire, sealed: str) -> None:
    wire.start_bird(
        "bird",
        f"""
protocol rip {{
  ipv4 {{ import all; export where source ~ [ RTS_RIP, RTS_DEVICE ]; }};
  {_DEMAND.format(sealed=sealed)}
}}
protocol direct {{ ipv4; interface "lan*"; }}
""",
    )


def start_triggered_ours(wire: Wire, lines: str) -> None:
    wire.start_ours(
        "ours",
        f"{_KEYS}interface GigabitEthernet0/1\n ip rip triggered\n{lines}"
        "router rip\n version 2\n no auto-summary\n network 10.0.0.0\n",
    )


@pytest.mark.story("rip-triggered")
@pytest.mark.parametrize("sealed", [False, True], ids=["in clear", "with MD5"])
def test_triggered_rip_beside_bird_tells_everything_once_and_every_change(sealed: bool) -> None:
    theirs = _SEALED if sealed else ""
    ours = " ip rip authentication mode md5\n ip rip authentication key-chain KEYS\n" if sealed else ""

    def everything() -> None:
        wire.wait("what they told", lambda: "(permanent)" in wire.ask("ours", "show ip rip database"))
        wire.wait("our route", lambda: wire.kernel("ours").get("10.2.0.0/24") == wire.addresses["bird"])
        wire.wait("their route", lambda: wire.kernel("bird").get("10.1.0.0/24") == wire.addresses["ours"])

    with Wire(ours=("10.1.0.1/24", "10.1.9.1/24"), bird=("10.2.0.1/24",)) as wire:
        start_triggered_bird(wire, theirs)
        start_triggered_ours(wire, ours)
        everything()
        wire.ip("ours", "link", "set", "lan1", "down")
        wire.wait("a network of ours to go", lambda: "10.1.9.0/24" not in wire.kernel("bird"))
        wire.ip("ours", "link", "set", "lan1", "up")
        wire.wait("it to return", lambda: "10.1.9.0/24" in wire.kernel("bird"))
        assert ignored(wire) == 0
        wire.kill("ours", "dmvpn")
        start_triggered_ours(wire, ours)
        everything()
        wire.stop("bird", "bird")
        start_triggered_bird(wire, theirs)
        everything()
