"""Many VRFs with real packets: they come and go with one command, and the neighbors of the router notice nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually
from support.texts import file_text

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

#: Of VRFs, and the seconds after which a silent neighbor is lost: the router is held for a second where it took 17, and
#: a machine that is busy with other tests takes several times as long.
MANY = 100
HOLD = 9

WIRES = """\
routers:
  R1: {}
  R2: {}
links:
  - ends: ["R1:GigabitEthernet0/1", "R2:GigabitEthernet0/1"]
"""
ROUTER = f"""\
hostname R{{number}}
interface GigabitEthernet0/1
 ip address 10.0.0.{{number}} 255.255.255.0
 ip hello-interval eigrp 1 1
 ip hold-time eigrp 1 {HOLD}
 no shutdown
router eigrp 1
 network 10.0.0.0
"""
CUSTOMER = file_text("many_vrfs_customer.cfg")


def test_a_hundred_vrfs_that_one_command_removes_cost_no_neighbor(labs: Labs, tmp_path: Path) -> None:
    """The router was held for so long that neighbors with a short hold time gave it up."""
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "lab.yaml").write_text(WIRES)
    for number in (1, 2):
        (folder / f"R{number}.cfg").write_text(ROUTER.format(number=number))
    labs.up(folder)
    assert eventually(lambda: "10.0.0.2" in labs.typed("R1", "show ip eigrp neighbors"), 15)
    labs.typed("R1", "copy running-config flash:few.cfg")
    lines = "".join(CUSTOMER.format(number=number) for number in range(1, MANY + 1)).splitlines()
    for start in range(0, len(lines), 130):
        labs.typed("R1", "configure terminal", *lines[start : start + 130], "end")
    assert f"V{MANY} " in labs.typed("R1", "show vrf")
    assert "Rollback Done" in labs.typed("R1", "configure replace flash:few.cfg force")
    assert "V1 " not in labs.typed("R1", "show vrf")
    for name in ("R1", "R2"):
        assert "is down" not in labs.typed(name, "show logging | include DUAL")
