"""Ansible's collection `cisco.ios`, unchanged: facts, commands, and resources whose second run changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from support.texts import file_text
from support.tool_lab import ANSIBLE, ToolLab, environment, tool_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.tools, pytest.mark.slow]

#: hashcat's published example of type 9.
_HASH: Final = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"
#: Modules, and what is asked of each.
_RESOURCES: Final = file_text("ansible_resources.yaml")
#: These have no state; those have, which is `merged` unless a task says otherwise.
_STATELESS: Final = ("ios_system", "ios_banner", "ios_config", "ios_user")
#: It sends the hash of a password each time, whatever the router says.
_ALWAYS_SENDS: Final = frozenset(("ios_user",))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolLab]:
    environment(ANSIBLE)
    folder = tmp_path_factory.mktemp("ansible")
    with tool_lab("notes-phase3", folder) as lab:
        (folder / "inventory.yaml").write_text(lab.inventory("ansible"))
        (folder / "ansible.cfg").write_text(
            "[defaults]\ninventory = inventory.yaml\nstdout_callback = json\n"
            "[persistent_connection]\ncommand_timeout = 60\n"
        )
        yield lab


def played(lab: ToolLab, router: str, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each task says of itself."""
    play = {"hosts": router, "gather_facts": False, "tasks": tasks}
    (lab.folder / "play.yaml").write_text(json.dumps([play]))
    said = lab.carry_out(ANSIBLE, "ansible-playbook", "play.yaml")
    done = json.loads(said[said.index("{") :])
    return [task["hosts"][router] for task in done["plays"][0]["tasks"]]


def test_the_second_run_changes_nothing(lab: ToolLab) -> None:
    modules: dict[str, dict[str, Any]] = yaml.safe_load(_RESOURCES.replace("HASH", f'"{_HASH}"'))
    tasks = [
        {f"cisco.ios.{name}": given if name in _STATELESS else {**given, "state": "merged"}}
        for name, given in modules.items()
    ]
    first = dict(zip(modules, played(lab, "R11", tasks), strict=True))
    assert [name for name, said in first.items() if not said["changed"]] == []
    after = lab.running("R11")
    second = dict(zip(modules, played(lab, "R11", tasks), strict=True))
    assert {name for name, said in second.items() if said["changed"]} == _ALWAYS_SENDS
    assert lab.running("R11") == after
    assert f"username carol privilege 15 secret 9 {_HASH}" in after


def test_facts_commands_and_echoes_are_true(lab: ToolLab) -> None:
    facts, shown, echoed, saved, again = played(
        lab,
        "R31",
        [
            {
                "cisco.ios.ios_facts": {
                    "gather_subset": "all",
                    "gather_network_resources": ["all"],
                }
            },
            {
                "cisco.ios.ios_command": {
                    "commands": ["show ip nhrp", "show dmvpn"],
                    "wait_for": "result[1] contains UP",
                }
            },
            {"cisco.ios.ios_ping": {"dest": "192.168.100.11", "count": 3}},
            {"cisco.ios.ios_config": {"lines": ["ip domain name example.net"], "save_when": "modified"}},
            {"cisco.ios.ios_config": {"lines": ["ip domain name example.net"], "save_when": "modified"}},
        ],
    )
    known = facts["ansible_facts"]
    assert known["ansible_net_hostname"] == "R31"
    assert known["ansible_net_iostype"] == "IOS-XE"
    assert known["ansible_net_interfaces"]["Tunnel100"]["operstatus"] == "up"
    assert "192.168.100.31" in known["ansible_net_all_ipv4_addresses"]
    assert known["ansible_network_resources"]["hostname"] == {"hostname": "R31"}
    assert "192.168.100.11/32 via 192.168.100.11" in shown["stdout"][0]
    assert echoed["packet_loss"] == "0%"
    assert saved["changed"]
    assert not again["changed"]


def test_an_address_family_and_a_neighbor_are_gone_when_they_are_deleted(lab: ToolLab) -> None:
    """`no address-family ipv4 unicast` said nothing and left all lines, at the second run too."""
    number, neighbor = "65031", "10.1.1.7"
    family = {"afi": "ipv4", "neighbors": [{"neighbor_address": neighbor, "activate": True}]}
    together = {"as_number": number, "neighbors": [{"neighbor_address": neighbor, "remote_as": "65020"}]}
    alone = {"as_number": number, "neighbors": [{"neighbor_address": "10.1.1.8", "remote_as": "65020"}]}
    tasks: list[dict[str, Any]] = [
        {"cisco.ios.ios_bgp_global": {"state": "merged", "config": together}},
        {"cisco.ios.ios_bgp_address_family": {"config": {"as_number": number, "address_family": [family]}}},
        {"cisco.ios.ios_bgp_global": {"state": "replaced", "config": alone}},
    ]
    tasks += [{"cisco.ios.ios_bgp_address_family": {"state": "deleted"}}] * 2
    said = played(lab, "R41", tasks)
    assert [one["changed"] for one in said[:3]] == [True, True, True]
    assert not said[-1]["changed"]
    assert not [line for line in lab.running("R41") if neighbor in line]
