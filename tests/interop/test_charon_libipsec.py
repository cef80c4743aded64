"""A whole router of ours and a stock charon with kernel-libipsec: tunnel mode in UDP, with packets, without a kernel.

The GRE and NHRP behind charon are ours, too; what is shown is IKE, ESP and tunnel mode beside somebody else's.
"""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

import pytest

from support.charon import missing
from support.libipsec import Overlay, received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

ENGINES = ["python", *(["rust"] if importlib.util.find_spec("dmvpn_engine") else [])]
TUNNEL_MODE = "INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256"


@pytest.fixture(params=[("theirs", "python"), *(("ours", engine) for engine in ENGINES)], ids=lambda one: "-".join(one))
def overlay(request: pytest.FixtureRequest) -> Iterator[Overlay]:
    """Up and registered, whoever is the hub. Our router begins if it is the spoke, else charon."""
    hub, engine = request.param
    with Overlay(hub, engine) as net:
        if hub == "ours":
            assert "completed successfully" in net.swanctl("--initiate", "--child", "gre")
        net.wait("registered", net.registered)
        yield net


def spis(overlay: Overlay) -> set[str]:
    """What charon sends on."""
    text = overlay.swanctl("--list-sas")
    return set(re.findall(r"INSTALLED(?:(?!DELETED|gre:).)*?out +([0-9a-f]{8})", text, re.DOTALL))


@pytest.mark.story("charon-libipsec")
def test_packets_go_through_a_tunnel_in_udp_while_both_ends_replace_their_keys(overlay: Overlay) -> None:
    assert TUNNEL_MODE in overlay.swanctl("--list-sas")
    assert "in use settings ={Tunnel UDP-Encaps, }" in overlay.ask("ours", "show crypto ipsec sa")
    pings, seen = overlay.pings(120), [spis(overlay)]
    children: tuple[Callable[[], object], ...] = (
        lambda: overlay.swanctl("--rekey", "--child", "gre"),
        lambda: overlay.ask("ours", "clear crypto sa"),
    )
    for replace in children:
        replace()
        overlay.wait("other keys", lambda: bool(now := spis(overlay)) and not now & seen[-1])
        seen.append(spis(overlay))
    overlay.swanctl("--rekey", "--ike", "ours")
    assert received(pings) == 120
    assert overlay.swanctl("--list-sas").count(TUNNEL_MODE) == 1
