"""`dmvpn walk` beside real packets: sizes around the edges, sealed by the engine, cut by the kernel."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import WireError
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support.labs import Labs, eventually
from support.pcap import frames, network_layer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

#: Octets from which a packet of the tunnel is one of ours: those of routing and NHRP are smaller.
LARGE = 1000

#: Sends a UDP datagram for each "SIZE DF" behind the address; sizes are of IP packets. Prints what the kernel says.
_SENDER = """
import errno, socket, sys, time
address, *wanted = sys.argv[1:]
for size, df in (text.split(",") for text in wanted):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, 10, 2 if df == "df" else 0)  # IP_MTU_DISCOVER: DO, DONT
        sender.connect((address, 9))
        for attempt in range(2):
            try:
                sender.send(bytes(int(size) - 28))
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    print(size, sender.getsockopt(socket.IPPROTO_IP, 14))  # IP_MTU
                    break
            time.sleep(0.1)
            if df != "df":
                break
"""


@pytest.fixture
def lab(labs: Labs) -> Labs:
    """A protected lab, R31 behind NAT, whose shortcut is in use."""
    labs.up("ipsec-spoke-behind-nat")
    labs.on("R31", "ping 10.4.4.1 source 10.3.3.1")
    assert eventually(lambda: "R11" not in nodes(walked(labs, 100)), 30)
    return labs


def walked(labs: Labs, size: int, *more: str) -> dict[str, object]:
    """The walk from H3 to H4, as programs read it."""
    answer = json.loads(labs.run("walk", "H3", "H4", "--size", str(size), "--json", *more).stdout)
    assert isinstance(answer, dict)
    return answer


def nodes(walk: dict[str, object]) -> list[str]:
    """Whom the packet is handed to."""
    return [crossing["receiver"] for crossing in crossings(walk)]


def crossings(walk: dict[str, object]) -> list[dict[str, str]]:
    """What is on which wire."""
    forth = walk["forth"]
    assert isinstance(forth, dict)
    found = forth["crossings"]
    assert isinstance(found, list)
    return found


def outside(walk: dict[str, object]) -> Counter[int]:
    """Octets of the packets that R31 puts on its wire."""
    return Counter(
        int(octets) for crossing in crossings(walk) if crossing["sender"] == "R31" for octets in crossing["octets"]
    )


def seen(file: Path) -> Counter[int]:
    """Octets of the tunnel's packets that R31 sent to R41, pieces too.

    Of later pieces a capture may show the source that the translator has written meanwhile: memory that both share.
    """
    found: Counter[int] = Counter()
    for frame in frames(file):
        layer = network_layer(*frame)
        if layer is not None and layer[0] == 0x0800:
            packet = Ipv4Packet.parse(layer[1])
            if str(packet.destination) == "172.16.41.1" and packet.protocol == IpProtocol.UDP:
                found[len(packet.serialize())] += 1
    return found


def test_what_is_on_a_real_wire_is_what_was_predicted(lab: Labs, tmp_path: Path) -> None:
    """In this order: whoever was told that a packet is too big makes room, and then the wire shows other sizes."""
    for mtu, sizes in ((1400, (1399, 1400)), (1500, (1430, 1431, 1500))):
        lab.configure("R31", "interface Tunnel100", f"ip mtu {mtu}")
        is_as_predicted(lab, tmp_path / str(mtu), sizes)
    lab.configure("R31", "interface Tunnel100", "ip mtu 1400")
    is_refused_as_predicted(lab)


def is_as_predicted(lab: Labs, folder: Path, sizes: tuple[int, ...]) -> None:
    """What the tunnel cuts itself leaves the engine as a train, which these wires carry whole: no size of that here."""
    predicted = sum((outside(walked(lab, size)) for size in sizes), Counter())
    capturing = lab.start("lab", "capture", "R31", "--output", str(folder))
    file = folder / "R31-Gi0-1.pcap"

    def is_heard() -> bool:
        with contextlib.suppress(WireError):  # a frame is being written
            return predicted <= seen(file)
        return False

    assert eventually(file.exists, 30)
    lab.say("lab", "exec", "H3", sys.executable, "-c", _SENDER, "10.4.4.100", *(f"{size},cut" for size in sizes))
    eventually(is_heard, 20)
    capturing.send_signal(signal.SIGINT)
    printed, _ = capturing.communicate(timeout=20)
    assert capturing.returncode == 0, printed
    heard = seen(file)
    assert {size: heard[size] for size in heard if size > LARGE} == {
        size: predicted[size] for size in predicted if size > LARGE
    }
    assert predicted <= heard


def is_refused_as_predicted(lab: Labs) -> None:
    """What must not be cut, with the MTU of the tunnel."""
    budget = walked(lab, 1401, "--df")["budget"]
    assert isinstance(budget, dict)
    assert (budget["with_df"], budget["refusal"]["by"], budget["refusal"]["mtu"]) == (1400, "R31", 1400)
    words = [f"{size},df" for size in (1400, 1401)]
    assert lab.say("lab", "exec", "H3", sys.executable, "-c", _SENDER, "10.4.4.100", *words) == "1401 1400\n"
