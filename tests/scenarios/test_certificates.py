"""A network that proves itself with certificates, and one that is taken back while its tunnel is up."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.oneshot import OneShot
from dmvpn.features.system import SystemMachine
from dmvpn.shells.handle import Handle
from dmvpn.shells.scenario import BUILT_IN, Scenario
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


def identities(world: Simulator, router: str) -> list[str]:
    return sorted(sa.remote_identity for sa in world.routers[router].router.ports.ike.sas() if sa.remote_identity)


def test_who_is_revoked_goes_at_once_and_does_not_come_back(ca: Authority) -> None:
    """Rekeys prove no identity again: a stolen spoke stayed until its tunnel went down for another reason."""
    world = Simulator.of(Scenario.load(str(ca.folder.parents[1])), epoch=ca.now.timestamp())
    world.run_for(10)
    assert identities(world, "HUB") == ["cn=SPOKE10", "cn=SPOKE20"]
    ca.revoke("SPOKE20")
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
    world.run_for(5)
    assert identities(world, "HUB") == ["cn=SPOKE10"]
    world.run_for(60)
    assert identities(world, "HUB") == ["cn=SPOKE10"]
    log = "\n".join(world.routers["HUB"].router.machine(SystemMachine).syslog.lines)
    assert "CN=SPOKE20: revoked by CN=Lab CA" in log
