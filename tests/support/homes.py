"""The scenario front-door with its spokes behind home routers, which both give out the same address."""

from __future__ import annotations

from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario

#: What each home router gives out.
ADDRESS = "192.168.1.10"


def behind_home_routers() -> Scenario:
    """Return the scenario: SPOKE1 is behind 198.51.100.1, SPOKE2 behind 198.51.100.5."""
    one = Scenario.load("front-door")
    texts, wires, gateways = dict(one.configurations), list(one.lab.links), {}
    for number, outside in ((1, 1), (2, 5)):
        old = (f"198.51.100.{outside} 255.255.255.252", f"198.51.100.{outside + 1}")
        spoke = texts[f"SPOKE{number}"].replace(old[0], "192.168.1.10 255.255.255.0")
        texts[f"SPOKE{number}"] = spoke.replace(old[1], "192.168.1.1")
        gateways[f"BOX{number}"] = {
            "kind": "port-restricted",
            "outside": f"198.51.100.{outside}/30",
            "gateway": f"198.51.100.{outside + 1}",
            "inside": "192.168.1.1/24",
        }
    kept = [wire.model_dump() for wire in wires if not any("SPOKE" in str(end) for end in wire.ends)]
    for number in (1, 2):
        kept += [
            {"ends": [f"SPOKE{number}:GigabitEthernet0/1", f"BOX{number}:inside"]},
            {"ends": [f"BOX{number}:outside", f"TRANSPORT:GigabitEthernet0/{number + 2}"]},
        ]
    lab = Lab.model_validate({**one.lab.model_dump(), "links": kept, "gateways": gateways})
    return Scenario("homes", lab, texts)
