"""pyATS: Unicon logs in over OpenSSH, Genie parses and learns, and configures."""

# Stories run in the environment of the tool: they import what they need, and nothing here is known to them.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.tool_lab import PARSERS, ToolLab, environment, tool_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.tools, pytest.mark.slow]
_SHOWS = (
    *("show version", "show ip route", "show ip nhrp", "show ip nhrp detail", "show dmvpn", "show interfaces"),
    *("show ip interface", "show ip interface brief", "show ip eigrp neighbors", "show ip eigrp topology"),
    *("show ip cef", "show inventory", "show processes cpu", "show logging", "show clock", "show users"),
    *(
        "show ip nhrp traffic",
        "show ip nhrp nhs",
        "show ip nhrp summary",
        "show archive",
        "show interfaces description",
    ),
)
_FEATURES = ("interface", "routing", "platform", "vrf", "static_routing", "ospf", "bgp", "lldp", "acl", "config")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolLab]:
    environment(PARSERS)
    folder = tmp_path_factory.mktemp("pyats")
    with tool_lab("notes-phase3", folder) as lab:
        (folder / "testbed.yaml").write_text(lab.inventory("pyats"))
        yield lab


def by_pyats(devices: dict[str, Any], shows: list[str], features: list[str]) -> dict[str, object]:
    from genie.testbed import load
    from unicon.core.errors import SubCommandFailure

    assert devices
    router = load("testbed.yaml").devices["R31"]
    router.connect(log_stdout=False)
    found: dict[str, object] = {"parsed": {show: bool(router.parse(show)) for show in shows}}
    found["learned"] = {feature: router.learn(feature) is not None for feature in features}
    found["routes"] = sorted(router.parse("show ip route")["vrf"]["default"]["address_family"]["ipv4"]["routes"])
    router.configure(["interface Loopback5", "description by pyATS"])
    found["described"] = "by pyATS" in router.execute("show interfaces description")
    found["pinged"] = "100 percent" in router.ping("192.168.100.11")
    try:
        router.configure("interface Loopback5\n ip adress 192.0.2.5 255.255.255.255")
        found["refused"] = False
    except SubCommandFailure:
        found["refused"] = True
    router.disconnect()
    return found


def test_pyats_parses_learns_and_configures(lab: ToolLab) -> None:
    found: Any = lab.tell(PARSERS, by_pyats, _SHOWS, _FEATURES)
    assert [name for name, done in {**found["parsed"], **found["learned"]}.items() if not done] == []
    assert {"10.1.1.0/24", "10.4.4.0/24", "192.168.100.41/32"} & set(found["routes"])
    assert found["described"]
    assert found["pinged"]
    assert found["refused"]
