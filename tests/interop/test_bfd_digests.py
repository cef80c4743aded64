"""BFD with digests beside BIRD: RFC 5880 §6.7, each kind that both have."""

from __future__ import annotations

import pytest

from interop.test_bfd_daemons import our_state, their_state
from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

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
