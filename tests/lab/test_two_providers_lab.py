"""One address from two providers, with real packets: both tunnels are protected, each in its own front door."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.labs import Labs, eventually
from support.two_providers import CRYPTO, PAIRS, PROVIDERS, spi_of, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

ENGINES = ["rust", "python"] if importlib.util.find_spec("dmvpn_engine") else ["python"]
V2, _, V1 = CRYPTO
#: Engine, lines of IKE, and whether translators are at the providers.
KINDS = [(engine, kind, kind == V1) for engine in ENGINES for kind in (V2, V1)]


@pytest.fixture(params=KINDS, ids=lambda kind: ", ".join(kind[:2]))
def providers(labs: Labs, tmp_path: Path, request: pytest.FixtureRequest) -> Labs:
    engine, crypto, nat = request.param
    assert "up and converged" in labs.up(write(tmp_path, crypto, nat=nat), "--engine", engine)
    assert eventually(partial(both_are_up, labs), 30)
    return labs


def both_are_up(labs: Labs) -> bool:
    return labs.on("SPOKE", "show crypto session").count("UP-ACTIVE") == 2


def answered(labs: Labs) -> dict[str, int]:
    """Return how many of five echo requests are answered by each provider."""
    streams = {vrf: labs.start_stream(*pair, count=5, seconds=1) for vrf, pair in PAIRS.items()}
    return {vrf: labs.echoes(stream, 5, 1).answered for vrf, stream in streams.items()}


def spis(labs: Labs, vrf: str) -> set[int]:
    """Return the SPIs of both directions that the spoke shows of the tunnel of a provider."""
    lines = labs.on("SPOKE", f"show crypto ipsec sa interface {PROVIDERS[vrf][0]}").splitlines()
    return {int(line.split("(")[1].rstrip(") ")) for line in lines if line.strip().startswith("spi: 0x")}


def wires(folder: Path) -> dict[str, list[bytes]]:
    """Return the IPv4 packets that were captured at the hub's port to each provider."""
    found: dict[str, list[bytes]] = {}
    for vrf, (_, port) in PROVIDERS.items():
        (file,) = (path for path in folder.glob("*.pcap") if path.stem.endswith(port[-1]) and "gi" in path.stem.lower())
        found[vrf] = [frame[14:] for _, frame in pcap.frames(file) if frame[12:14] == b"\x08\x00"]
    return found


def test_both_tunnels_carry_their_packets_each_by_its_own_provider(providers: Labs, tmp_path: Path) -> None:
    """Clears and rekeys of one side included; no packet of the company, and no GRE, is ever on the wire in clear."""
    folder = tmp_path / "captured"
    capture = providers.start("lab", "capture", "HUB", "--output", str(folder), "--seconds", "15")
    assert eventually(lambda: len(list(folder.glob("*.pcap"))) >= len(PROVIDERS))
    assert eventually(lambda: answered(providers) == {"EAST": 5, "WEST": 5}, 20)
    known = {vrf: spis(providers, vrf) for vrf in PROVIDERS}
    providers.on("SPOKE", "clear crypto session fvrf EAST")
    assert eventually(partial(both_are_up, providers), 20)
    assert eventually(lambda: answered(providers) == {"EAST": 5, "WEST": 5}, 20)
    assert spis(providers, "WEST") == known["WEST"]
    assert not spis(providers, "EAST") & known["EAST"]
    known["EAST"] |= spis(providers, "EAST")
    printed, _ = capture.communicate(timeout=60)
    assert capture.returncode == 0, printed
    heard = wires(folder)
    for vrf, packets in heard.items():
        in_esp = {spi for packet in packets if (spi := spi_of(packet))}
        assert in_esp
        assert in_esp <= known[vrf], "an SA of one provider never carries packets by the other"
        assert not [packet for packet in packets if packet[9] == IpProtocol.GRE or 10 in (packet[12], packet[16])]


def test_a_killed_router_gets_both_tunnels_back(providers: Labs) -> None:
    for order in ("kill", "start"):
        providers.say("lab", order, "SPOKE")
    assert eventually(lambda: answered(providers) == {"EAST": 5, "WEST": 5}, 60)
