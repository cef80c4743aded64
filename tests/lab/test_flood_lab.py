"""A flood of strangers at a real router: it stays small, and whoever has a key comes in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.features.ike.numbers import Encr, Group, Integ, Prf
from dmvpn.features.ike.suites import Suite
from support.ike_net import begins
from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.usefixtures("runs_labs")]

HUB, FAR_HOST = "198.51.100.1", "192.168.20.100"
STRANGERS: Final = 50_000
#: One of the smart defaults.
SUITE: Final = Suite(Encr.AES_CBC, 256, Prf.HMAC_SHA2_512, Integ.HMAC_SHA2_512_256, Group.ECP_256)
#: MiB that all processes of the lab may grow together.
GROWTH: Final = 24

#: Sends IKE_SA_INIT as fast as it can, each with an SPI and an address of its own. Arguments: target; number; octets.
FLOOD = """
import socket, struct, sys
target, count, octets = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
udp = struct.pack("!HHHH", 500, 500, 8 + len(octets), 0)
head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(octets), 0, 0, 64, 17, 0)
away = socket.inet_aton(target)
print("begin", flush=True)
for number in range(1, count + 1):
    source = (0x0A640000 + number).to_bytes(4, "big")
    try:
        sock.sendto(head + source + away + udp + number.to_bytes(8, "big") + octets[8:], (target, 0))
    except OSError:  # the queue is full
        pass
print(count)
"""


@pytest.fixture
def lab() -> Iterator[Labs]:
    with Labs() as labs:
        labs.up("intro-phase3")
        assert eventually(lambda: reaches(labs), 60), labs.on("SPOKE10", "show dmvpn detail")
        yield labs


def reaches(labs: Labs) -> bool:
    return labs.stream("H10", FAR_HOST, count=3, seconds=0.3).answered == 3


def resident(labs: Labs) -> int:
    """MiB of memory of all processes of the lab."""
    pages = [int((Path("/proc") / str(number) / "statm").read_text().split()[1]) for number in labs.processes()]
    return sum(pages) * 4096 >> 20


def test_fifty_thousand_forged_beginnings_at_full_rate_keep_nobody_out(lab: Labs) -> None:
    before = resident(lab)
    lab.say("lab", "kill", "SPOKE20")
    flood = lab.start(
        "lab", "exec", "TRANSPORT", sys.executable, "-c", FLOOD, HUB, str(STRANGERS), begins(0, suite=SUITE).hex()
    )
    assert flood.stdout is not None
    assert flood.stdout.readline() == "begin\n"
    lab.say("lab", "start", "SPOKE20")
    assert eventually(lambda: reaches(lab), 30), lab.on("HUB", "show crypto ikev2 stats")
    assert flood.communicate(timeout=60)[0] == f"{STRANGERS}\n"
    counted = lab.on("HUB", "show crypto ikev2 stats")
    assert resident(lab) - before < GROWTH, counted
    print(counted)
