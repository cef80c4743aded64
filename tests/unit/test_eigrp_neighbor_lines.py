"""`neighbor` and `bfd` lines of EIGRP belong to the interfaces that they name."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.features.eigrp import FEATURE
from dmvpn.features.eigrp.model import EigrpConfig
from dmvpn.features.interface import FEATURE as INTERFACE
from support.workbench import Workbench

CLASSIC = """\
router eigrp 100
 bfd all-interfaces
 no bfd interface Tunnel1
 neighbor 10.0.0.2 Tunnel0
 neighbor 10.0.0.3 Tunnel0
"""
NAMED = """\
router eigrp NAME
 address-family ipv4 unicast autonomous-system 100
  af-interface default
   bfd
  exit-af-interface
  neighbor 10.0.0.3 Tunnel0
  neighbor 10.0.0.2 Tunnel0
 exit-address-family
"""


@pytest.mark.parametrize("text", [CLASSIC, NAMED], ids=["classic", "named"])
def test_neighbors_and_bfd_of_an_interface(text: str) -> None:
    bench = Workbench(INTERFACE, FEATURE)
    bench.configure(text)
    model = FEATURE.model(bench.running) if FEATURE.model else None
    assert isinstance(model, EigrpConfig)
    (process,) = model.processes
    tunnel = process.interface("Tunnel0")
    assert tunnel.neighbors == (IPv4Address("10.0.0.2"), IPv4Address("10.0.0.3"))
    assert tunnel.bfd
    assert process.interface("GigabitEthernet0/1").bfd
    assert process.interface("Tunnel1").bfd is (text == NAMED)
