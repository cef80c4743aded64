"""A spoke with a protected tunnel is killed, with real packets: what its LAN sends stops, and never leaves in clear."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from support.labs import Labs, eventually

pytestmark = pytest.mark.lab

ENGINE = "rust" if importlib.util.find_spec("dmvpn_engine") else "python"
#: Counts what leaves by an interface for an address, in clear. Arguments: interface, address, seconds.
WATCH = """
import socket, sys, time
sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
sock.bind((sys.argv[1], 3))
print("begin", flush=True)
seen, end = 0, time.monotonic() + float(sys.argv[3])
while (left := end - time.monotonic()) > 0:
    sock.settimeout(left)
    try:
        packet, where = sock.recvfrom(2048)
    except TimeoutError:
        break
    seen += where[2] == socket.PACKET_OUTGOING and packet[16:20] == socket.inet_aton(sys.argv[2])
print(seen)
"""


@pytest.mark.usefixtures("runs_labs")
def test_after_kill_9_the_traffic_of_a_protected_tunnel_stops_until_the_router_is_back() -> None:
    far = "10.4.4.100"
    with Labs() as labs:
        labs.up("ipsec-spoke-behind-nat", "--engine", ENGINE)

        def reaches() -> bool:
            return labs.stream("H3", far, count=5, seconds=0.5).answered == 5

        assert eventually(reaches, 20)
        labs.say("lab", "kill", "R31")
        watch = labs.start("lab", "exec", "R31", sys.executable, "-c", WATCH, "Gi0-1", far, "2.5")
        assert watch.stdout is not None
        assert watch.stdout.readline() == "begin\n"
        assert labs.stream("H3", far, count=10, seconds=1.0).answered == 0
        printed, _ = watch.communicate(timeout=30)
        assert printed == "0\n", "nothing took the default route"
        labs.say("lab", "start", "R31")
        assert eventually(reaches, 30)
