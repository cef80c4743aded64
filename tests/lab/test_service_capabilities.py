"""Whether the capabilities that the systemd unit grants are enough for a user who is not root, and no more than that.

As the unit has it: setpriv(1) starts `dmvpn run` as another user with these capabilities alone, in a network namespace
of the test's. The unit's sandbox is not tried here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.command import SOURCE
from support.labs import eventually
from support.services import TUN_FOR_ALL, Service, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="pytest does not run as root, and no other user may choose who it is"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)"),
]

_UNIT: Final = Path(__file__).parents[2] / "contrib/systemd/dmvpn@.service"
_NOBODY: Final = 65534
_WAN: Final = "wan0"

#: It has a port, a protected tunnel, a route, and neighbours: so it needs all that a router does.
_CONFIGURATION: Final = """\
hostname BRANCH
crypto ikev2 keyring KEYS
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key long-enough-for-a-test
crypto ikev2 profile IKE
 match identity remote address 0.0.0.0
 authentication remote pre-share
 authentication local pre-share
 keyring local KEYS
crypto ipsec transform-set AES esp-aes 256 esp-sha256-hmac
 mode transport
crypto ipsec profile IPSEC
 set transform-set AES
 set ikev2-profile IKE
interface GigabitEthernet0/1
 ip address 192.0.2.2 255.255.255.0
interface Tunnel0
 ip address 10.0.0.2 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel protection ipsec profile IPSEC
router eigrp 1
 network 10.0.0.0
ip route 10.8.0.0 255.255.0.0 10.0.0.1
"""


def granted(setting: str = "AmbientCapabilities") -> list[str]:
    """The capabilities of the unit, as setpriv calls them."""
    (line,) = [line for line in _UNIT.read_text().splitlines() if line.startswith(f"{setting}=")]
    return [word.removeprefix("CAP_").lower() for word in line.partition("=")[2].split()]


class Unprivileged(Service):
    """`dmvpn run` as another user, in a network namespace with one port."""

    def __init__(self, folder: Path, capabilities: list[str]) -> None:
        os.chown(folder, _NOBODY, _NOBODY)
        somebody = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
        some = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        limits = (f"--inh-caps={some}", f"--ambient-caps={some}", f"--bounding-set={some}")
        port = (
            f"ip link set lo up; ip link add {_WAN} type veth peer name far0; ip link set far0 up; "
            f"ip addr add 192.0.2.2/24 dev {_WAN}; ip link set {_WAN} up; chown {_NOBODY} {folder}/branch.cfg"
        )
        confined = (*somebody, "--no-new-privs", *limits)
        super().__init__(
            folder,
            _CONFIGURATION,
            *("--map", f"GigabitEthernet0/1={_WAN}", "--engine", "python"),
            around=("unshare", "-nm", *TUN_FOR_ALL, "sh", "-c", f'{port}; exec "$@"', "sh", *confined),
            caller=somebody,
            environment={"STATE_DIRECTORY": str(folder)},
        )

    def beside(self, *words: str) -> str:
        """What a program of the host prints in its network namespace."""
        return self.run("nsenter", "-t", str(self.process.pid), "-n", *words)


@contextlib.contextmanager
def unprivileged(capabilities: list[str]) -> Iterator[Unprivileged]:
    if not os.access(SOURCE, os.R_OK):
        pytest.skip("another user cannot read the program")
    with short_folder() as folder:
        router = Unprivileged(folder, capabilities)
        try:
            yield router
        finally:
            router.close()


def test_the_units_capabilities_are_enough_for_a_protected_tunnel() -> None:
    with unprivileged(granted()) as router:
        assert router.runs(), router.log.read_text()
        assert eventually(lambda: "10.8.0.0/16" in router.beside("ip", "route", "show", "proto", "54"), 20), (
            router.log.read_text() + router.says("show", "logging")
        )
        assert "Tunnel0" in router.beside("ip", "-br", "link", "show")
        assert "1" in router.beside("cat", "/proc/sys/net/ipv4/ip_forward").split()
        ports = router.beside("ss", "-Hlnu")
        assert "192.0.2.2:500 " in ports, ports
        assert "192.0.2.2:4500 " in ports, ports
        assert "refused" not in router.log.read_text()
        assert "ermission" not in router.log.read_text() + router.says("show", "logging")
        router.process.terminate()
        assert router.process.wait(timeout=30) == 0


@pytest.mark.parametrize("capability", granted())
def test_each_of_them_is_needed_and_the_one_that_is_missing_is_named(capability: str) -> None:
    with unprivileged([name for name in granted() if name != capability]) as router:
        router.runs()
        assert f"the capability {capability.upper()} is missing" in router.log.read_text()


def test_the_unit_lets_nobody_have_more_than_it_grants() -> None:
    assert granted("CapabilityBoundingSet") == granted() == ["net_admin", "net_raw", "net_bind_service"]
