"""BFD beside FRR's bfdd and BIRD, with digests too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.daemons import Wire, missing

if TYPE_CHECKING:
    from collections.abc import Iterator


# BFD beside FRR's bfdd and BIRD on a wire: each end notices within three packets of 50 ms that the other one is gone.
#
# OSPF has a dead interval of 40 s here: whoever is missed before that was missed by BFD.

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

#: Seconds until OSPF alone would miss a neighbor, less what a slow machine may take.
_LONG_BEFORE_OSPF = 20.0


def start_far_end(wire: Wire, name: str) -> None:
    if name == "frr":
        wire.start_frr(
            "frr", "bfdd", "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n"
        )
        wire.start_frr(
            "frr",
            "ospfd",
            "interface wire\n ip ospf hello-interval 1\n ip ospf dead-interval 40\n ip ospf network point-to-point\n"
            " ip ospf bfd\n ip ospf bfd profile fast\nrouter ospf\n network 10.0.0.0/8 area 0\n",
        )
        return
    wire.start_bird(
        "bird",
        """
protocol bfd { interface "wire" { min rx interval 50 ms; min tx interval 50 ms; multiplier 3; }; }
protocol ospf v2 {
  ipv4 { import all; export none; };
  area 0 {
    interface "wire" { type ptp; hello 1; dead 40; bfd yes; };
    interface "lan0" { stub; };
  };
}
""",
    )


def start_ours(wire: Wire) -> None:
    wire.start_ours(
        "ours",
        "interface GigabitEthernet0/1\n bfd interval 50 min_rx 50 multiplier 3\n ip ospf network point-to-point\n"
        " ip ospf hello-interval 1\n ip ospf dead-interval 40\n"
        "router ospf 1\n bfd all-interfaces\n network 10.0.0.0 0.255.255.255 area 0\n",
    )


def our_state(wire: Wire, address: str) -> str:
    found = re.search(rf"^{re.escape(address)} +\S+ +\S+ +(\S+) ", wire.ask("ours", "show bfd neighbors"), re.MULTILINE)
    return found.group(1) if found else ""


def their_state(wire: Wire, name: str, address: str) -> str:
    if name == "frr":
        found = re.search(rf"peer {re.escape(address)}.*?Status: (\w+)", wire.frr("frr", "show bfd peers"), re.DOTALL)
    else:
        found = re.search(rf"^{re.escape(address)} +\S+ +(\w+)", wire.bird("bird", "show bfd sessions"), re.MULTILINE)
    return found.group(1).lower() if found else ""


@pytest.fixture(params=["frr", "bird"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Wire, str]]:
    name = str(request.param)
    with Wire(**{"ours": ("10.1.0.1/24",), name: ("10.2.0.1/24",)}) as wire:
        start_far_end(wire, name)
        start_ours(wire)
        wire.wait("our session", lambda: our_state(wire, wire.addresses[name]) == "Up")
        wire.wait("their session", lambda: their_state(wire, name, wire.addresses["ours"]) == "up")
        wire.wait("a route", lambda: "10.2.0.0/24" in wire.kernel("ours"))
        yield wire, name


@pytest.mark.story("bfd-up")
def test_the_session_is_up_at_the_intervals_of_both_ends(pair: tuple[Wire, str]) -> None:
    wire, _ = pair
    text = wire.ask("ours", "show bfd neighbors details")
    assert "MinTxInt: 50000, MinRxInt: 50000, Multiplier: 3" in text
    assert "Received MinRxInt: 50000, Received Multiplier: 3" in text
    wire.wait("fast packets", lambda: "Min tx interval: 50000" in wire.ask("ours", "show bfd neighbors details"))


@pytest.mark.story("bfd-ours-finds")
def test_a_far_end_that_is_cut_off_is_lost_at_once_and_comes_back(pair: tuple[Wire, str]) -> None:
    wire, name = pair
    wire.unplug(name)
    wire.wait("the route to go", lambda: "10.2.0.0/24" not in wire.kernel("ours"), _LONG_BEFORE_OSPF)
    assert "BFD node down" in wire.ask("ours", "show logging")
    assert "DETECT TIMER EXPIRED" in wire.ask("ours", "show logging")
    wire.plug(name)
    wire.wait("our session again", lambda: our_state(wire, wire.addresses[name]) == "Up")
    wire.wait("the route again", lambda: "10.2.0.0/24" in wire.kernel("ours"))


@pytest.mark.story("bfd-theirs-finds")
def test_the_far_end_loses_us_at_once_when_we_are_killed(pair: tuple[Wire, str]) -> None:
    wire, name = pair
    wire.wait("their route", lambda: "10.1.0.0/24" in wire.kernel(name))
    wire.kill("ours", "dmvpn")
    wire.wait("their route to go", lambda: "10.1.0.0/24" not in wire.kernel(name), _LONG_BEFORE_OSPF)


# BFD with digests beside BIRD: RFC 5880 §6.7, each kind that both have.

#: In our words and in BIRD's.
_KINDS = [
    ("md5", "keyed md5"),
    ("meticulous-md5", "meticulous keyed md5"),
    ("sha-1", "keyed sha1"),
    ("meticulous-sha-1", "meticulous keyed sha1"),
]


@pytest.mark.story("bfd-digests")
@pytest.mark.parametrize(("ours", "theirs"), _KINDS)
def test_a_session_with_digests_comes_up_with_bird_and_ends_when_one_end_has_another_key(
    ours: str, theirs: str
) -> None:
    with Wire(ours=("10.1.0.1/24",), bird=("10.2.0.1/24",)) as wire:
        wire.start_bird(
            "bird",
            f"""
protocol bfd {{
  interface "wire" {{
    min rx interval 200 ms; min tx interval 200 ms; multiplier 3;
    authentication {theirs};
    password "sesame" {{ id 7; }};
  }};
}}
protocol ospf v2 {{
  ipv4 {{ import all; export none; }};
  area 0 {{
    interface "wire" {{ type ptp; hello 1; dead 40; bfd yes; }};
    interface "lan0" {{ stub; }};
  }};
}}
""",
        )
        wire.start_ours(
            "ours",
            "key chain BFD\n key 7\n  key-string sesame\n"
            "bfd-template single-hop T\n interval min-tx 200 min-rx 200 multiplier 3\n"
            f" authentication {ours} keychain BFD\n"
            "interface GigabitEthernet0/1\n bfd template T\n ip ospf network point-to-point\n"
            " ip ospf hello-interval 1\n ip ospf dead-interval 40\n"
            "router ospf 1\n bfd all-interfaces\n network 10.0.0.0 0.255.255.255 area 0\n",
        )
        address = wire.addresses["bird"]
        wire.wait("our session", lambda: our_state(wire, address) == "Up")
        wire.wait("their session", lambda: their_state(wire, "bird", wire.addresses["ours"]) == "up")
        wire.wait("a route", lambda: "10.2.0.0/24" in wire.kernel("ours"))
        file = wire.folder / "bird" / "bird.conf"
        file.write_text(file.read_text().replace('"sesame"', '"other"'))
        wire.bird("bird", "configure")
        wire.wait("the session is over", lambda: our_state(wire, address) != "Up")
        file.write_text(file.read_text().replace('"other"', '"sesame"'))
        wire.bird("bird", "configure")
        wire.wait("our session again", lambda: our_state(wire, address) == "Up")
