"""A network that proves itself with certificates, and one that is taken back while its tunnel is up."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.interpreter import OneShot
from dmvpn.features.system import SystemMachine
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.handle import Handle
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator
from support.pki import authority, issue, paste

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.authority import Authority


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
