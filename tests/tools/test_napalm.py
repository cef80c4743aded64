"""NAPALM's `ios` driver, unchanged: getters, and the whole life of a change."""

# Stories run in the environment of the tool: they import what they need, and nothing here is known to them.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.tool_lab import TOOLS, ToolLab, environment, tool_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.tools, pytest.mark.slow]
_NEEDS = ("configure terminal", "ip scp server enable", "archive", "path flash:bak", "end")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolLab]:
    environment(TOOLS)
    with tool_lab("bgp-phase3", tmp_path_factory.mktemp("napalm")) as lab:
        yield lab


def getters(devices: dict[str, Any], router: str) -> dict[str, object]:
    from napalm import get_network_driver

    device = devices[router]
    options = {name: device[name] for name in ("port", "ssh_strict", "alt_host_keys", "alt_key_file")}
    found: dict[str, object] = {}
    with get_network_driver("ios")(
        device["host"], device["username"], device["password"], optional_args=options
    ) as driver:
        for name in dir(driver):
            absent = ("get_firewall_policies", "get_probes_config", "get_probes_results", "get_route_to")
            if name.startswith("get_") and name not in absent:
                found[name] = getattr(driver, name)()
        found["get_route_to"] = driver.get_route_to("10.1.2.0/24")
        found["ping"] = driver.ping("10.255.0.1")
        found["traceroute"] = driver.traceroute("10.255.0.1")
        found["cli"] = driver.cli(["show ip nhrp", "show dmvpn"])
    return found


def test_every_getter_tells_the_truth(lab: ToolLab) -> None:
    found: Any = lab.tell(TOOLS, getters, "SPOKE1")
    assert found["get_facts"]["hostname"] == "SPOKE1"
    assert "Tunnel0" in found["get_facts"]["interface_list"]
    assert found["get_interfaces"]["Tunnel0"]["is_up"]
    assert "10.255.0.11" in found["get_interfaces_ip"]["Tunnel0"]["ipv4"]
    assert found["get_interfaces_counters"]["Tunnel0"]["tx_unicast_packets"] > 0
    (peer,) = found["get_bgp_neighbors"]["global"]["peers"].values()
    assert peer["is_up"]
    (family,) = peer["address_family"].values()
    assert family["received_prefixes"] > 0
    (detail,) = found["get_bgp_neighbors_detail"]["global"].popitem()[1]
    assert detail["connection_state"] == "Established"
    assert found["get_bgp_config"]["_"]["neighbors"]
    assert found["get_route_to"]["10.1.2.0/24"][0]["protocol"] == "bgp"
    assert found["get_config"]["running"].rstrip().endswith("end")
    assert found["ping"]["success"]["packet_loss"] == 0
    assert list(found["traceroute"]["success"]) == ["1"]
    assert "10.255.0.1/32" in found["cli"]["show ip nhrp"]
    assert found["get_network_instances"]["default"]["interfaces"]["interface"]
    assert "Invalid" not in str(found)


def life_of_a_change(devices: dict[str, Any], router: str) -> dict[str, object]:
    from napalm import get_network_driver
    from napalm.base.exceptions import MergeConfigException, ReplaceConfigException

    device = devices[router]
    options = {name: device[name] for name in ("port", "ssh_strict", "alt_host_keys", "alt_key_file")}
    found: dict[str, object] = {}
    with get_network_driver("ios")(
        device["host"], device["username"], device["password"], optional_args=options
    ) as driver:

        def described(word: str) -> bool:
            return word in driver.get_config(retrieve="running")["running"]

        driver.load_merge_candidate(config="interface Loopback7\n description by merge\n")
        found["merge"] = driver.compare_config()
        driver.commit_config()
        found["merged"] = described("by merge")
        driver.rollback()
        found["merge back"] = not described("by merge")
        driver.load_merge_candidate(config="interface Loopback7\n description dropped\n")
        driver.discard_config()
        found["discarded"] = (driver.compare_config(), not described("dropped"))

        base = driver.get_config(retrieve="running")["running"]
        changed = base.replace(
            "interface Tunnel0\n", "interface Loopback8\n description by replace\n!\ninterface Tunnel0\n"
        )
        driver.load_replace_candidate(config=changed)
        found["replace"] = driver.compare_config()
        driver.commit_config()
        found["replaced"] = described("by replace")
        driver.rollback()
        found["replace back"] = not described("by replace")

        driver.load_replace_candidate(config=changed)
        driver.commit_config(revert_in=300)
        found["pending"] = driver.has_pending_commit()
        driver.confirm_commit()
        found["confirmed"] = (driver.has_pending_commit(), described("by replace"))
        driver.load_merge_candidate(config="interface Loopback9\n description not for long\n")
        driver.commit_config(revert_in=300)
        driver.rollback()
        found["reverted"] = (driver.has_pending_commit(), not described("not for long"))

        for name, load, error in (
            ("merge", driver.load_merge_candidate, MergeConfigException),
            ("replace", driver.load_replace_candidate, ReplaceConfigException),
        ):
            text = "interface Loopback10\n description half\n ip adress 10.0.0.1\n"
            load(config=text if name == "merge" else base.replace("interface Tunnel0\n", f"{text}interface Tunnel0\n"))
            try:
                driver.commit_config()
            except error:
                found[f"bad {name}"] = not described("half")
        driver.load_merge_candidate(config="nonsense of somebody\n")
        try:
            driver.commit_config()
        except MergeConfigException:
            found["nonsense"] = not described("nonsense")
    return found


def test_a_change_is_merged_replaced_confirmed_and_taken_back(lab: ToolLab) -> None:
    lab.labs.typed("SPOKE2", *_NEEDS)
    found: Any = lab.tell(TOOLS, life_of_a_change, "SPOKE2")
    assert found.pop("merge").splitlines() == ["+interface Loopback7", "+ description by merge"]
    assert "+interface Loopback8" in found.pop("replace")
    assert found == {
        "merged": True,
        "merge back": True,
        "discarded": ["", True],
        "replaced": True,
        "replace back": True,
        "pending": True,
        "confirmed": [False, True],
        "reverted": [False, True],
        "bad merge": True,
        "bad replace": True,
        "nonsense": True,
    }
    assert lab.labs.on("SPOKE2", "show ip bgp summary").splitlines()[-1].split()[-1].isdigit()
