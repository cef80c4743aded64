"""Netmiko and Nornir, unchanged, at the routers of a simulated lab."""

# Stories run in the environment of the tool: they import what they need, and nothing here is known to them.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.tool_lab import TOOLS, ToolLab, environment, tool_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolLab]:
    environment(TOOLS)
    with tool_lab("notes-phase3", tmp_path_factory.mktemp("netmiko")) as lab:
        yield lab


def by_netmiko(devices: dict[str, Any], kind: str) -> dict[str, object]:
    from pathlib import Path

    from netmiko import ConnectHandler, SSHDetect, file_transfer

    device = devices["R31"]
    found: dict[str, object] = {"guessed": SSHDetect(**{**device, "device_type": "autodetect"}).autodetect()}
    with ConnectHandler(**{**device, "device_type": kind}) as router:
        found["prompt"] = router.find_prompt()
        found["peers"] = router.send_command("show ip nhrp nhs", use_textfsm=False)
        found["version"] = router.send_command("show version", use_textfsm=True)
        found["interfaces"] = router.send_command("show ip interface brief", use_textfsm=True)
        found["said"] = router.send_config_set(
            ["ip scp server enable", "interface Loopback7", "description " + "x" * 180, "exit"], error_pattern="%"
        )
        found["saved"] = router.save_config()
        Path("new.cfg").write_text("interface Loopback8\n description eight\n" * 500)
        found["sent"] = file_transfer(
            router, source_file="new.cfg", dest_file="new.cfg", file_system="flash:", overwrite_file=True
        )
        found["again"] = file_transfer(router, source_file="new.cfg", dest_file="new.cfg", file_system="flash:")
        found["back"] = file_transfer(
            router, source_file="new.cfg", dest_file="back.cfg", file_system="flash:", direction="get"
        )
        found["same"] = Path("back.cfg").read_bytes() == Path("new.cfg").read_bytes()
        found["lines"] = router.send_config_from_file("new.cfg").count("(config-if)#")
        Path("back.cfg").unlink()
    return found


@pytest.mark.parametrize("kind", ["cisco_xe", "cisco_ios"])
def test_netmiko_shows_configures_saves_and_transfers(lab: ToolLab, kind: str) -> None:
    found: Any = lab.tell(TOOLS, by_netmiko, kind)
    assert found["guessed"] == "cisco_xe"
    assert found["prompt"] == "R31#"
    assert "192.168.100.11" in found["peers"]
    assert found["version"][0]["hostname"] == "R31"
    assert {one["interface"] for one in found["interfaces"]} >= {"Tunnel100", "GigabitEthernet0/1"}
    assert "[OK]" in found["saved"]
    assert found["sent"]["file_verified"]
    assert found["again"] == {"file_exists": True, "file_transferred": False, "file_verified": True}
    assert found["back"]["file_verified"]
    assert found["same"]
    assert found["lines"] >= 1000
    assert f" description {'x' * 180}" in lab.running("R31")


def by_nornir(devices: dict[str, Any]) -> dict[str, object]:
    from pathlib import Path

    from nornir import InitNornir
    from nornir_netmiko.tasks import netmiko_send_command, netmiko_send_config

    Path("groups.yaml").write_text("")
    inventory = {"plugin": "SimpleInventory", "options": {"host_file": "hosts.yaml", "group_file": "groups.yaml"}}
    nornir = InitNornir(
        inventory=inventory, runner={"plugin": "threaded", "options": {"num_workers": 40}}, logging={"enabled": False}
    )
    routers = nornir.filter(filter_func=lambda host: host.name in devices)
    configured = routers.run(netmiko_send_config, config_commands=["interface Loopback7", "description by nornir"])
    shown = routers.run(netmiko_send_command, command_string="show interfaces description")
    routers.close_connections()
    return {
        "failed": sorted({*configured.failed_hosts, *shown.failed_hosts}),
        "described": sorted(name for name, result in shown.items() if "by nornir" in result[0].result),
    }


def test_nornir_has_twenty_routers_side_by_side(tmp_path: Path) -> None:
    environment(TOOLS)
    folder = tmp_path / "crowd"
    folder.mkdir()
    names = [f"R{number}" for number in range(1, 21)]
    for number, name in enumerate(names, 1):
        (folder / f"{name}.cfg").write_text(
            f"hostname {name}\ninterface GigabitEthernet0/1\n ip address 192.0.2.{number} 255.255.255.0\n"
            " no shutdown\nend\n"
        )
    with tool_lab(folder, tmp_path) as crowd:
        (tmp_path / "hosts.yaml").write_text(crowd.inventory("nornir"))
        found: Any = crowd.tell(TOOLS, by_nornir)
        assert found == {"failed": [], "described": sorted(names)}


def by_scrapli(devices: dict[str, Any]) -> dict[str, object]:
    from scrapli import AuthOptions, Cli, TransportBinOptions, TransportSsh2Options

    device = devices["R41"]
    found: dict[str, object] = {}
    keys = device["alt_key_file"]
    transports = {
        "ssh": TransportBinOptions(known_hosts_path=keys),
        "ssh2": TransportSsh2Options(known_hosts_path=keys),
    }
    for name, transport in transports.items():
        connection = Cli(
            device["host"],
            port=device["port"],
            definition_file_or_name="cisco_iosxe",
            auth_options=AuthOptions(username=device["username"], password=device["password"]),
            transport_options=transport,
        )
        with connection as router:
            found[name] = {
                "prompt": router.get_prompt().result,
                "shown": router.send_input("show ip nhrp").result,
                "refused": router.send_input("show nonsense").failed,
                "configured": router.send_inputs(
                    ["interface Loopback6", f"description by {name}"], requested_mode="configuration"
                ).failed,
                "after": router.send_input("show interfaces description").result,
            }
    return found


def test_scrapli_shows_and_configures(lab: ToolLab) -> None:
    found: Any = lab.tell(TOOLS, by_scrapli)
    for name, one in found.items():
        assert one["prompt"] == "R41#"
        assert "192.168.100.11/32 via 192.168.100.11" in one["shown"]
        assert one["refused"]
        assert not one["configured"]
        assert f"by {name}" in one["after"]


def by_parsers_of_configurations(_: dict[str, Any], text: str) -> dict[str, object]:
    from ciscoconfparse2 import CiscoConfParse
    from hier_config import Host
    from hier_config.options import options_for

    parsed = CiscoConfParse(text.splitlines(), syntax="ios")
    tunnels = parsed.find_parent_objects(["interface Tunnel", "ip nhrp network-id"])
    host = Host("R11", "ios", options_for("ios"))
    host.load_running_config(text)
    host.load_generated_config(text.replace("bandwidth 4000", "bandwidth 5000"))
    return {
        "tunnels": [one.text for one in tunnels],
        "remedy": [line.cisco_style_text() for line in host.remediation_config().all_children_sorted()],
        "back": [line.cisco_style_text() for line in host.rollback_config().all_children_sorted()],
    }


def test_saved_configurations_are_read_by_those_who_compare_them(lab: ToolLab) -> None:
    text = "\n".join(lab.labs.on("R11", "show startup-config").splitlines()[1:]) + "\n"
    found: Any = lab.tell(TOOLS, by_parsers_of_configurations, text)
    assert found["tunnels"] == ["interface Tunnel100"]
    assert found["remedy"] == ["interface Tunnel100", "  no bandwidth 4000", "  bandwidth 5000"]
    assert found["back"] == ["interface Tunnel100", "  no bandwidth 5000", "  bandwidth 4000"]
