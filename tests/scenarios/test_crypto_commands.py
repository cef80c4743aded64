"""What people do at the prompt of a protected network: look, clear, debug, capture; and what they never get to see."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import InstallSa, ReportKey
from dmvpn.base.events import KeysWanted
from dmvpn.net import pcap
from support.stories import Story, stories, tell
from support.world import Wiretap, World

if TYPE_CHECKING:
    from pathlib import Path

#: The key of the scenario.
SECRET = "DMVPN_KEY"
SHOWS = (
    "crypto session",
    "crypto session detail",
    "crypto session brief",
    "crypto ikev2 sa",
    "crypto ikev2 sa detailed",
    "crypto ikev2 session detailed",
    "crypto ikev2 stats",
    "crypto ikev2 proposal",
    "crypto ikev2 policy",
    "crypto ikev2 profile",
    "crypto isakmp sa",
    "crypto ipsec sa detail",
    "crypto ipsec profile",
    "crypto ipsec transform-set",
    "crypto map",
    "crypto sockets",
    "dmvpn detail",
    "ip nhrp detail",
    "logging",
    "interfaces",
)


NETWORK = "intro-phase3"


def keys_of(world: World) -> list[str]:
    """Every key of ESP that any router ever gave its plane, in hexadecimal digits."""
    sas = [effect.sa for effects in world.effects.values() for _, effect in effects if isinstance(effect, InstallSa)]
    return [key.hex() for sa in sas for key in (sa.key_in, sa.key_out, sa.hash_key_in, sa.hash_key_out) if key]


def test_what_isakmp_lines_run_is_listed_as_such_and_nothing_else(world: World) -> None:
    assert "QM_IDLE" not in world.show("HUB", "crypto isakmp sa")
    of_isakmp = World("course-lab").converge()
    assert of_isakmp.show("HUB", "crypto isakmp sa").count("QM_IDLE") == 2


def test_a_name_that_no_key_proves_is_shown_as_such(world: World) -> None:
    text = world.show("HUB", "crypto session detail")
    assert text.count("Crypto name not proved: keyring KR-DMVPN peer ANY") == 2


def test_cleared_sas_are_replaced_without_a_packet_lost(world: World) -> None:
    world.run_for(30)
    before = world.lines("SPOKE10", "crypto ipsec sa peer 198.51.100.1 | include outbound spi")
    sent = world.stream("H10", "192.168.20.100", seconds=1, rate=20)
    world.do("SPOKE10", "clear crypto sa")
    sent += world.stream("H10", "192.168.20.100", seconds=1, rate=20)
    world.run_for(2)
    assert len(world.replies("H10")) == sent
    after = world.lines("SPOKE10", "crypto ipsec sa peer 198.51.100.1 | include outbound spi")
    assert before != after
    assert "Uptime: 00:00:3" in world.show("SPOKE10", "crypto session remote 198.51.100.1 detail")


def test_cleared_counters_of_sas_begin_at_0_and_stay_right_over_a_rekey(world: World) -> None:
    def packets() -> int:
        text = world.show("SPOKE10", "crypto ipsec sa peer 198.51.100.1 | include encaps")
        return int(text.split(":")[1].split(",")[0])

    world.run_for(30)
    assert packets() > 5
    assert world.do("SPOKE10", "clear crypto sa counters") == ""
    world.run_for(1)
    assert packets() < 3
    world.run_for(30)
    later = packets()
    assert later > 3
    world.do("SPOKE10", "clear crypto sa")
    world.run_for(30)
    assert later < packets() < 4 * later


def test_debugs_of_ike_and_ipsec_can_be_limited_to_one_peer(world: World) -> None:
    assert world.do("HUB", "debug crypto condition peer ipv4 203.0.113.20") == "Condition 1 set\n"
    assert "203.0.113.20" in world.show("HUB", "crypto debug-condition")
    world.do("HUB", "debug crypto ikev2")
    world.console["HUB"].clear()
    world.do("SPOKE10", "clear crypto session")
    world.run_for(5)
    assert not any("203.0.113.10" in line and "IKEv2:" in line for line in world.console["HUB"])
    world.do("HUB", "debug crypto condition reset")
    world.do("SPOKE10", "clear crypto session")
    world.run_for(5)
    assert any("203.0.113.10" in line and "IKEv2:" in line for line in world.console["HUB"])


def test_no_key_is_ever_seen_in_a_show_a_debug_or_the_log(world: World) -> None:
    printed: list[str] = []
    for router in ("HUB", "SPOKE10"):
        for debug in ("dmvpn all all", "crypto ikev2", "crypto ikev2 packet", "crypto ikev2 internal", "crypto ipsec"):
            world.do(router, f"debug {debug}")
    world.do("HUB", "clear crypto session")
    world.run_for(20)
    for router in ("HUB", "SPOKE10"):
        for show in SHOWS:
            printed += world.show(router, show), world.show(router, f"{show} | json")
    printed += [line for lines in world.console.values() for line in lines]
    said = "\n".join(printed).lower().replace(" ", "")
    keys = keys_of(world)
    assert len(keys) >= 16
    assert not [key for key in (SECRET.lower(), *keys) if key in said]


def test_an_internal_fault_does_not_write_the_configuration_into_the_log(world: World) -> None:
    """A fault is written down with the event that caused it: that event may be the whole configuration."""
    described = [repr(effect) for effects in world.effects.values() for _, effect in effects]
    events: list[object] = []
    world.sim.routers["HUB"].watch = events.append
    world.configure("HUB", "interface Tunnel0", "ip mtu 1390")
    described += [repr(event) for event in events]
    assert "LinesEntered" in "".join(described)
    assert not [text for text in described if SECRET in text]


# ------------------------------------------------------------------------------------------------ captures


def test_who_captures_with_keys_is_told_those_of_new_sas_and_the_log_says_so(world: World) -> None:
    world.sim.post("HUB", KeysWanted(wanted=True))
    assert "%CRYPTO-4-KEYS_WRITTEN: Keys of new SAs are written to files for a packet capture" in world.messages("HUB")
    world.run_for(5)
    assert {key.table for key in told(world)} == {"esp_sa"}  # what was there has made place for new ones
    world.do("HUB", "clear crypto session")
    world.run_for(10)
    assert {key.table for key in told(world)} == {"esp_sa", "ikev2_decryption_table"}
    world.sim.post("HUB", KeysWanted(wanted=False))
    before = len(told(world))
    world.do("HUB", "clear crypto session")
    world.run_for(10)
    assert len(told(world)) == before


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_a_capture_with_these_keys(world: World, tmp_path: Path) -> None:
    tap = world.watch("HUB", "GigabitEthernet1")
    world.sim.post("HUB", KeysWanted(wanted=True))
    world.do("HUB", "clear crypto session")
    world.run_for(2)
    world.do("SPOKE10", "clear dmvpn session static")
    world.run_for(10)
    write(tap, tmp_path / "hub.pcap")
    for key in told(world):
        with (tmp_path / key.table).open("a") as table:
            table.write(key.line + "\n")
    assert "NHRP" not in read(tmp_path, decode=False)
    text = read(tmp_path, decode=True)
    assert "NHRP Registration Reply" in text
    assert "EIGRP" in text
    assert "Malformed" not in text
    assert "<HMAC_SHA2_512_256 [RFC4868]>[correct]" in read(tmp_path, "-V", "-Y", "isakmp", decode=True)


def told(world: World) -> list[ReportKey]:
    return [effect for effects in world.effects.values() for _, effect in effects if isinstance(effect, ReportKey)]


def write(tap: Wiretap, path: Path) -> None:
    frames = (pcap.record(octets, int(when * 1e9)) for when, octets in tap.packets)
    path.write_bytes(pcap.file_header(pcap.LinkType.RAW) + b"".join(frames))


def read(folder: Path, *options: str, decode: bool) -> str:
    """The lines of tshark, with this folder as its configuration."""
    options = (*options, "-o", f"esp.enable_encryption_decode:{str(decode).upper()}")
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder)}
    command = ["tshark", "-r", str(folder / "hub.pcap"), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("story", stories("crypto_commands"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, told)
