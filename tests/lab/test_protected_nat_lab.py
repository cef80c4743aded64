"""Protected tunnels through translators that forget, and with a hub that dies: what streams of pings notice.

Slow, on both engines; the simulator does the same with many seeds.
"""

from __future__ import annotations

import importlib.util
import re

import pytest

from support.labs import Labs, eventually

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.usefixtures("translates")]

ENGINES = ["rust", "python"] if importlib.util.find_spec("dmvpn_engine") else ["python"]
TRACE = "traceroute 10.4.4.1 source 10.3.3.1"
FAR_HOST = "10.4.4.100"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def hops(labs: Labs, router: str, trace: str = TRACE) -> int:
    return len(re.findall(r"^ +\d+ [\d.]+ ", labs.on(router, trace), re.MULTILINE))


def test_a_nat_that_forgets_costs_a_direct_path_some_packets_and_no_new_handshake(labs: Labs, engine: str) -> None:
    labs.up("ipsec-spoke-behind-nat", "--engine", engine)
    assert eventually(lambda: hops(labs, "R31") == 1, 20)
    before = labs.on("R41", "show crypto ikev2 sa detailed | include Local spi")
    stream = labs.start_stream("H3", FAR_HOST, count=400, seconds=4)
    labs.say("lab", "rebind", "NAT1")
    assert labs.echoes(stream, 400, 4).gap < 1
    assert labs.on("R41", "show crypto ikev2 sa detailed | include Local spi") == before
    assert hops(labs, "R31") == 1


def test_two_spokes_behind_one_nat_stay_up_when_it_forgets_and_one_of_them_is_cleared(labs: Labs, engine: str) -> None:
    labs.up("ipsec-two-spokes-one-nat", "--engine", engine)
    for router, source in (("R31", "10.3.3.1"), ("R32", "10.3.2.1")):
        trace = f"traceroute 10.4.4.1 source {source}"
        assert eventually(lambda router=router, trace=trace: hops(labs, router, trace) == 1, 20)  # type: ignore[misc]
    streams = [labs.start_stream(host, FAR_HOST, count=600, seconds=6) for host in ("H3", "H32")]
    labs.say("lab", "rebind", "NAT1")
    labs.on("R32", "clear crypto session")
    untouched, cleared = (labs.echoes(stream, 600, 6) for stream in streams)
    assert untouched.gap < 1
    assert cleared.gap < 2
    assert labs.on("R11", "show crypto session").count("Session status: UP-ACTIVE") == 3


def test_behind_two_symmetric_nats_packets_stay_on_the_hub_path_without_loss_and_it_says_why(
    labs: Labs, engine: str
) -> None:
    labs.up("ipsec-symmetric-nat", "--engine", engine)
    assert hops(labs, "R31") == 2
    echoes = labs.stream("H3", FAR_HOST, count=1000, seconds=10)
    assert echoes.answered == echoes.sent
    assert hops(labs, "R31") == 2
    assert "both behind NAT" in labs.on("R31", "show dmvpn detail")


def test_the_second_hub_takes_over_and_the_first_one_is_found_again(labs: Labs, engine: str) -> None:
    """EIGRP's hold time is 15 s; nobody uses DPD, so an old SA with the dead hub must not be in its way."""
    labs.up("ipsec-dual-hub", "--engine", engine)
    stream = labs.start_stream("H1", "10.1.10.100", count=2500, seconds=25)
    labs.say("lab", "kill", "HUB1")
    assert labs.echoes(stream, 2500, 25).gap < 17
    labs.say("lab", "start", "HUB1")
    assert eventually(lambda: "from 10.255.0.1," in labs.on("SPOKE1", "show ip route 10.1.10.0"), 40)
    assert labs.stream("H1", "10.1.10.100", count=20, seconds=1).answered == 20
