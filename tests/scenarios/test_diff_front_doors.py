"""`dmvpn diff` of a network with two front doors, where a cloud never comes up after the change."""

from __future__ import annotations

from typing import Final

from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.compare import ChangeVerdict, Topic
from dmvpn.tools.diff.report import as_text
from dmvpn.tools.diff.whole import compare_networks
from support.texts import file_text

_DOORS: Final = (1, 2)
_VRF = file_text("diff_front_door.cfg")
_LAN = """hostname {name}
interface GigabitEthernet3
 ip address 10.1.{host}.1 255.255.255.0
 no shutdown
router eigrp 1
 network 10.0.0.0
"""


def two_front_doors() -> Scenario:
    """Two hubs, each at a provider of its own, and two spokes with a front door to each provider."""
    texts: dict[str, str] = {}
    for n in _DOORS:
        dynamic = "ip nhrp map multicast dynamic\n no ip split-horizon eigrp 1"
        texts[f"HUB{n}"] = _LAN.format(name=f"HUB{n}", host=n) + _VRF.format(n=n, host=n, nhrp=dynamic)
    for host in (11, 12):
        name = f"SPOKE{host - 10}"
        doors = (
            _VRF.format(n=n, host=host, nhrp=f"ip nhrp nhs 10.255.{n}.{n} nbma 203.0.{n}.{n} multicast") for n in _DOORS
        )
        texts[name] = _LAN.format(name=name, host=host) + "".join(doors)
    links = [{"ends": [f"{name}:GigabitEthernet{n}" for name in (f"HUB{n}", "SPOKE1", "SPOKE2")]} for n in _DOORS]
    roles = {name: {"role": name.rstrip("12").lower()} for name in texts}
    return Scenario("two-front-doors", Lab.model_validate({"routers": roles, "links": links}), texts)


def test_a_cloud_that_never_comes_up_after_the_change_is_named_with_its_tunnel() -> None:
    """It said that all clients register after 0.25 s, and that the death of HUB1 costs nothing."""
    before = two_front_doors()
    changed = {**before.configurations, "SPOKE1": before.configurations["SPOKE1"].replace(" match fvrf ISP2\n", "")}
    comparison = compare_networks(before, Scenario(before.name, before.lab, changed), order=None)
    (registration,) = [one for one in comparison.changes if one.topic is Topic.REGISTRATION]
    assert registration.verdict is ChangeVerdict.WORSE
    assert registration.before == "all are there"
    assert registration.after.startswith("1 missing: SPOKE1: Tunnel2 is not registered with 10.255.2.2: ")
    text = "\n".join(as_text(comparison))
    assert "HUB1 costs nothing" not in text
    deaths = [one for one in comparison.changes if one.topic is Topic.DEATH]
    assert any("SPOKE1" in one.subject and "HUB1" in one.subject for one in deaths)
