"""What people do at the prompt of a protected network: look, clear, debug, capture; and what they never get to see."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from dmvpn.base.effects import InstallSa, ReportKey
from dmvpn.base.events import KeysWanted
from dmvpn.face.interpreter import OneShot
from dmvpn.features.system import SystemMachine
from dmvpn.net import pcap
from dmvpn.shells.convergence import unfinished
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.handle import Handle
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator
from dmvpn.tools.enrollment import enroll
from support.pki import authority, issue, paste
from support.texts import file_text
from support.world import Wiretap, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.tools.authority import Authority

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
    sas = [effect.sa for effects in world.effects.values() for _, effect in effects if isinstance(effect, InstallSa)]
    keys = [key.hex() for sa in sas for key in (sa.key_in, sa.key_out, sa.hash_key_in, sa.hash_key_out) if key]
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


# Crypto sessions and SAs, chosen by the VRF of their packets: outside (the front door) or inside the tunnel.


@pytest.fixture(scope="module")
def customers() -> World:
    return World("two-customers").converge()


@pytest.fixture(scope="module")
def front_door() -> World:
    return World("front-door").converge()


def tunnels(world: World, what: str) -> list[str]:
    """Return the interfaces that a show has."""
    lines = world.lines("SPOKE1", what)
    return [line.split(": ")[1] for line in lines if line.lower().startswith("interface: ")]


def spis(world: World, router: str = "SPOKE1") -> set[str]:
    lines = world.lines(router, "crypto ikev2 sa")
    return {line.split()[2] for line in lines if "Local spi" in line}


def test_the_vrf_inside_is_in_the_table_of_ike(customers: World) -> None:
    """It was always `none`."""
    lines = [line for line in customers.lines("SPOKE1", "crypto ikev2 sa") if line.rstrip().endswith("READY")]
    assert sorted(line.split()[3] for line in lines) == ["none/BLUE", "none/RED"]


def test_clearing_by_vrf_leaves_other_sessions_alone(front_door: World) -> None:
    before = spis(front_door)
    front_door.do("SPOKE1", "clear crypto session ivrf INTERNET")
    front_door.run_for(3)
    assert spis(front_door) == before, "nothing is inside of INTERNET"
    front_door.do("SPOKE1", "clear crypto session fvrf INTERNET")
    front_door.run_for(3)
    assert not spis(front_door) & before


def test_clearing_isakmp_leaves_peers_of_ikev2_alone(front_door: World) -> None:
    """`clear crypto isakmp` took the IKEv2 sessions down, too: their peers were asked for again."""
    before = spis(front_door)
    front_door.do("SPOKE1", "clear crypto isakmp")
    front_door.run_for(3)
    assert spis(front_door) == before


def test_sas_of_a_vrf_are_renewed(customers: World) -> None:
    def spi(vrf: str) -> list[str]:
        return [line for line in customers.lines("SPOKE1", f"crypto ipsec sa vrf {vrf}") if "spi: 0x" in line]

    before = spi("RED")
    assert customers.do("SPOKE1", "clear crypto sa vrf RED") == ""
    customers.run_for(5)
    assert spi("RED") != before


# A network that proves itself with certificates, and one that is taken back while its tunnel is up.


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    """The introduction, with certificates in the place of its pre-shared key."""
    folder = tmp_path / "certified"
    shutil.copytree(BUILT_IN / "intro-phase3", folder)
    for name in ("HUB", "SPOKE10", "SPOKE20"):
        path = folder / f"{name}.cfg"
        text = path.read_text().replace("pre-share\n", "ecdsa-sig\n").replace("remote address 0.0.0.0", "remote any")
        text = text.replace("keyring local KR-DMVPN", "pki trustpoint LAB")
        path.write_text(f"crypto pki trustpoint LAB\n!\n{text}")
    made = authority(folder / "pki" / "LAB")
    for name in ("HUB", "SPOKE10", "SPOKE20"):
        issue(made, name)
    return made


_POLICY = """crypto isakmp policy 10
 encryption aes 256
 hash sha256
 group 14
crypto isakmp identity {identity}
!
"""
_OUTSIDE = {"HUB": "203.0.113.1", "SPOKE1": "198.51.100.1", "SPOKE2": "198.51.100.5"}


@pytest.fixture
def old_ca(tmp_path: Path, request: pytest.FixtureRequest) -> Authority:
    """A network by IKEv1: no line names a profile, and signatures are what a policy wants by default.

    The parameter is the word of `crypto isakmp identity`.
    """
    folder = tmp_path / "certified"
    shutil.copytree(BUILT_IN / "isakmp-phase3", folder)
    made = authority(folder / "pki" / "LAB", elliptic=False)
    policy = _POLICY.format(identity=getattr(request, "param", "dn"))
    for name, address in _OUTSIDE.items():
        path = folder / f"{name}.cfg"
        text = re.sub(r"crypto isakmp policy(?s:.*?)(?=crypto ipsec)", policy, path.read_text())
        path.write_text(f"crypto pki trustpoint LAB\n!\nip domain name example\n{text}")
        issue(made, name, addresses=(address,))
    return made


def identities(world: Simulator, router: str) -> list[str]:
    return sorted(sa.remote_identity for sa in world.routers[router].router.ports.ike.sas() if sa.remote_identity)


def revoke(world: Simulator, ca: Authority, name: str) -> None:
    """Revoke the certificate of a router, and import the list at the hub."""
    ca.revoke(name)
    handle = Handle(
        lambda: world.routers["HUB"].router,
        lambda: world.now,
        lambda event: world.post("HUB", event),
        lambda name, octets: None,
    )
    files = [(ca.folder / name).read_bytes() for name in ("ca.pem", "HUB.pem", "HUB.key", "crl.pem")]
    shot = OneShot(handle, 1, paste("LAB", files))
    while not shot.done:
        shot.step()
    assert shot.status == 0


def test_who_is_revoked_goes_at_once_and_does_not_come_back(ca: Authority) -> None:
    """Rekeys prove no identity again: a stolen spoke stayed until its tunnel went down for another reason."""
    world = Simulator.of(Scenario.load(str(ca.folder.parents[1])), epoch=ca.now.timestamp())
    world.run_for(10)
    assert identities(world, "HUB") == ["cn=SPOKE10", "cn=SPOKE20"]
    revoke(world, ca, "SPOKE20")
    world.run_for(5)
    assert identities(world, "HUB") == ["cn=SPOKE10"]
    world.run_for(60)
    assert identities(world, "HUB") == ["cn=SPOKE10"]
    log = "\n".join(world.routers["HUB"].router.machine(SystemMachine).syslog.lines)
    assert "CN=SPOKE20: revoked by CN=Lab CA" in log


@pytest.mark.parametrize(
    ("old_ca", "known"),
    [
        ("dn", ["cn=SPOKE1", "cn=SPOKE2"]),
        ("hostname", ["SPOKE1.example", "SPOKE2.example"]),
        ("address", ["198.51.100.1", "198.51.100.5"]),
    ],
    indirect=["old_ca"],
)
def test_a_network_of_ikev1_comes_up_by_certificates(old_ca: Authority, known: list[str]) -> None:
    """A policy without `authentication pre-share` was left out, so the tunnels stayed down."""
    world = Simulator.of(Scenario.load(str(old_ca.folder.parents[1])), epoch=old_ca.now.timestamp())
    world.run_for(15)
    assert identities(world, "HUB") == known
    views = world.routers["HUB"].router.ports.ike.sas()
    assert {(view.version, view.local_auth, view.remote_auth) for view in views} == {(1, "RSA", "RSA")}


def test_who_is_revoked_in_ikev1_goes_at_once_and_does_not_come_back(old_ca: Authority) -> None:
    world = Simulator.of(Scenario.load(str(old_ca.folder.parents[1])), epoch=old_ca.now.timestamp())
    world.run_for(15)
    revoke(world, old_ca, "SPOKE2")
    world.run_for(5)
    assert identities(world, "HUB") == ["cn=SPOKE1"]
    world.run_for(60)
    assert identities(world, "HUB") == ["cn=SPOKE1"]
    log = "\n".join(world.routers["HUB"].router.machine(SystemMachine).syslog.lines)
    assert "CN=SPOKE2: revoked by CN=Lab CA" in log


# A lab whose files name certificates and have no private keys, which no router ever shows.

_ROUTER = file_text("enrolled_router.cfg")
_IKEV2 = """crypto ikev2 profile I
 match identity remote address 0.0.0.0
 authentication remote rsa-sig
 authentication local rsa-sig
 pki trustpoint VPN
crypto ipsec profile P
 set transform-set T
 set ikev2-profile I
"""
_IKEV1 = """crypto isakmp policy 1
 encr aes
 group 14
crypto ipsec profile P
 set transform-set T
"""
_OTHER_TUNNEL = """crypto ikev2 proposal P1
 encryption aes-cbc-256
 integrity sha1
 group 2
crypto ikev2 policy P1
 proposal P1
crypto ikev2 profile P1
 match identity remote address 198.51.100.9 255.255.255.255
 authentication remote rsa-sig
 authentication local rsa-sig
 pki trustpoint VPN
"""
_SERVER = "crypto pki server CA\n issuer-name CN=Course CA\ncrypto pki trustpoint CA\n rsakeypair CA\n"
_NHS = " ip nhrp nhs 172.16.0.1\n ip nhrp map 172.16.0.1 203.0.113.1\n"


@pytest.fixture(scope="module", autouse=True)
def _few_keys() -> Iterator[None]:
    """Draw keys for one authority and its routers: all labs here have the same, because each takes half a second."""
    keys = cycle([rsa.generate_private_key(65537, 2048) for _ in range(4)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", lambda *_: next(keys))
        yield


def write_lab(folder: Path, ike: str) -> Scenario:
    for number in (1, 2, 3):
        texts = {"server": _SERVER if number == 1 else "", "nhrp": "" if number == 1 else _NHS}
        (folder / f"R{number}.txt").write_text(_ROUTER.format(number, ike=ike, **texts))
    return Scenario.load(str(folder))


def missing(scenario: Scenario) -> list[str]:
    world = Simulator.of(scenario, epoch=datetime.now(UTC).timestamp())
    world.run_until(30.0)
    return scenario.still_missing(unfinished(world.facts(scenario)))


@pytest.mark.parametrize("ike", [_IKEV2, _IKEV1], ids=["ikev2", "ikev1"])
def test_a_lab_whose_files_have_no_private_keys_gets_certificates_and_comes_up(ike: str, tmp_path: Path) -> None:
    """`trustpoint VPN has no certificate of ours with its private key`, of every lab of a course about certificates."""
    scenario = write_lab(tmp_path, ike)
    assert missing(scenario), "nothing would be proved by a network that comes up anyway"
    note = enroll(scenario)
    assert note.startswith("R1, R2, R3: the private keys of certificates are not in the files")
    assert "(CN=Course CA)" in note
    assert missing(scenario) == []


@pytest.mark.parametrize(
    ("said", "identity"),
    [
        ("", "203.0.113.{}"),
        ("crypto isakmp identity dn\n", "cn=R{},ou=VPN,o=Example,c=RU"),
        ("crypto isakmp identity hostname\n", "R{}"),
    ],
)
def test_who_signs_by_ikev1_is_known_by_its_address_unless_it_says_otherwise(
    said: str, identity: str, tmp_path: Path
) -> None:
    """It said the subject of its certificate, and it signed by IKEv2."""
    scenario = write_lab(tmp_path, said + _IKEV1)
    enroll(scenario)
    world = Simulator.of(scenario, epoch=datetime.now(UTC).timestamp())
    world.run_until(30.0)
    assert identities(world, "R1") == [identity.format(number) for number in (2, 3)]
    assert {view.version for view in world.routers["R1"].router.ports.ike.sas()} == {1}


def test_a_hub_that_signs_by_ikev1_may_have_a_policy_of_ikev2_for_another_tunnel(tmp_path: Path) -> None:
    """Tunnels that sign by IKEv1 ran as IKEv2: the policy of the hub's other tunnel refused the offers of spokes."""
    write_lab(tmp_path, _IKEV1)
    hub = tmp_path / "R1.txt"
    hub.write_text(hub.read_text().removesuffix("end\n") + _OTHER_TUNNEL + "end\n")
    scenario = Scenario.load(str(tmp_path))
    enroll(scenario)
    assert missing(scenario) == []


def test_a_lab_that_has_an_authority_is_left_alone(tmp_path: Path) -> None:
    made = authority(tmp_path / "pki" / "VPN")
    issue(made, "R1")
    scenario = write_lab(tmp_path, _IKEV2)
    before = dict(scenario.configurations)
    assert enroll(scenario) == ""
    assert scenario.configurations == before


def test_a_lab_with_keys_needs_no_certificates(tmp_path: Path) -> None:
    assert enroll(write_lab(tmp_path, _IKEV1 + "crypto isakmp key K address 0.0.0.0\n")) == ""


_POINT_TO_POINT = file_text("enrolled_point_to_point.cfg")


def test_a_key_for_one_peer_goes_on_beside_certificates_for_the_others(tmp_path: Path) -> None:
    """The hub had no certificate, because it had a key: of its cloud nobody came up."""
    write_lab(tmp_path, _IKEV1)
    hub = tmp_path / "R1.txt"
    hub.write_text(hub.read_text().removesuffix("end\n") + _POINT_TO_POINT.format(9, 1) + "end\n")
    transform = "crypto ipsec transform-set T esp-aes esp-sha256-hmac\n mode transport\n"
    port = "interface GigabitEthernet0/0\n ip address 203.0.113.9 255.255.255.0\n"
    (tmp_path / "R9.txt").write_text(f"hostname R9\n{transform}{port}{_POINT_TO_POINT.format(1, 9)}end\n")
    scenario = Scenario.load(str(tmp_path))
    assert enroll(scenario).startswith("R1, R2, R3: the private keys of certificates are not in the files")
    assert missing(scenario) == []
