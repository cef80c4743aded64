"""Files of programs that draw networks: configurations in them, files that they name, and their wires."""

from __future__ import annotations

import base64
import json
import random
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.network.device import Device
from dmvpn.network.routing import election_time
from dmvpn.shells.folders import configurations_in
from dmvpn.shells.inference import infer
from dmvpn.shells.router_files import read_routers
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.topologies import topology_in
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dmvpn.shells.inference import Inferred


def router(name: str, wan: str, port: str = "GigabitEthernet0/0") -> str:
    return f"hostname {name}\ninterface {port}\n ip address {wan} 255.255.255.252\n no shutdown\n"


#: Two pairs of routers, each with the same subnet between them.
ADDRESSES = {"A": "10.0.0.1", "B": "10.0.0.2", "C": "10.0.0.1", "D": "10.0.0.2"}
TEXTS = {name: router(name, address) for name, address in ADDRESSES.items()}
PAIRS = (("A", "D"), ("C", "B"))


def cml(texts: dict[str, str], *, as_files: bool = False) -> str:
    lines = ["lab:", "  title: made up", "nodes:"]
    for number, (name, text) in enumerate(texts.items()):
        lines += [f"  - id: n{number}", f"    label: {name}", "    node_definition: iosv"]
        if as_files:
            lines += ["    configuration:", "      - name: ios_config.txt", "        content: |-"]
            lines += [f"          {line}" for line in text.splitlines()]
        else:
            lines += ["    configuration: |-", *(f"      {line}" for line in text.splitlines())]
        lines += [
            "    interfaces:",
            "      - {id: i0, label: Loopback0}",
            "      - {id: i1, label: GigabitEthernet0/0}",
        ]
    numbers = {name: number for number, name in enumerate(texts)}
    lines += ["links:"]
    lines += [f"  - {{id: l, n1: n{numbers[one]}, i1: i1, n2: n{numbers[two]}, i2: i1}}" for one, two in PAIRS]
    return "\n".join(lines) + "\n"


def eve(texts: dict[str, str]) -> str:
    nodes = "".join(
        f'<node id="{number}" name="{name}" type="qemu"><interface id="0" name="Gi0/0" type="ethernet" '
        f'network_id="{next(place for place, pair in enumerate(PAIRS, 1) if name in pair)}"/></node>'
        for number, name in enumerate(texts, 1)
    )
    configs = "".join(
        f'<config id="{number}">{base64.b64encode(text.encode()).decode()}</config>'
        for number, text in enumerate(texts.values(), 1)
    )
    return (
        f'<?xml version="1.0"?><lab name="x"><topology><nodes>{nodes}</nodes></topology>'
        f"<objects><configs>{configs}</configs></objects></lab>"
    )


def gns3(files: dict[str, str]) -> str:
    nodes = [
        {"node_id": f"id-{name}", "name": name, "node_type": "qemu", "properties": {"startup_config": file}}
        for name, file in files.items()
    ]
    links = [
        {"nodes": [{"node_id": f"id-{name}", "adapter_number": 0, "port_number": 0} for name in pair]} for pair in PAIRS
    ]
    return json.dumps({"topology": {"nodes": nodes, "links": links}})


CONTAINERLAB = file_text("topologies_containerlab.txt")


def write(folder: Path, kind: str) -> None:
    (folder / "configs").mkdir()
    match kind:
        case "cml":
            (folder / "lab.yaml.yml").write_text(cml(TEXTS))
        case "cml-files":
            (folder / "Made up.yaml").write_text(cml(TEXTS, as_files=True))
        case "eve":
            (folder / "lab.unl").write_text(eve(TEXTS))
        case "gns3":
            files = {name: f"configs/i{number}_startup-config.cfg" for number, name in enumerate(TEXTS, 1)}
            (folder / "project.gns3").write_text(gns3(files))
            for name, file in files.items():
                (folder / file).write_text(TEXTS[name].replace(f"hostname {name}\n", ""))
        case "gns3-numbers":
            text = (
                gns3(dict.fromkeys(TEXTS, ""))
                .replace("qemu", "dynamips")
                .replace('"port_number": 0', '"label": {"text": "g0/0"}')
            )
            for number, name in enumerate(TEXTS, 1):
                text = text.replace('"startup_config": ""', f'"dynamips_id": {number}', 1)
                (folder / f"configs/i{number}_startup-config.cfg").write_text(TEXTS[name])
                (folder / f"configs/i{number}_private-config.cfg").write_text("hostname A\n")
            (folder / "project.gns3").write_text(text)
        case "containerlab":
            (folder / "x.clab.yml").write_text(CONTAINERLAB)
            for name, address in ADDRESSES.items():
                file = "d.txt" if name == "D" else f"{name}.partial"
                (folder / "configs" / file).write_text(router(name, address, "GigabitEthernet0/1"))


@pytest.mark.parametrize("kind", ["cml", "cml-files", "eve", "gns3", "gns3-numbers", "containerlab"])
def test_a_lab_comes_out_of_its_topology_with_the_wires_that_were_drawn(tmp_path: Path, kind: str) -> None:
    """The subnet of one link is that of another one as well; addresses alone made one wire of both."""
    write(tmp_path, kind)
    scenario = Scenario.load(str(tmp_path))
    ends = sorted(sorted(end.split(":")[0] for end in link.ends) for link in scenario.lab.links)
    assert ends == [["A", "D"], ["B", "C"]]
    assert any("describes the cabling" in note for note in scenario.notes)


@pytest.mark.parametrize("kind", ["eve", "gns3"])
def test_a_computer_of_a_topology_has_the_address_of_its_file(tmp_path: Path, kind: str) -> None:
    """It was left out, and an invented one had the first free address of its wire."""
    pc, text = "PC 1", "set pcname PC1\nip 10.1.1.30 10.1.1.1 24\n"
    lan = "interface GigabitEthernet0/1\n ip address 10.1.1.1 255.255.255.0\n no shutdown\n"
    routers = {name: TEXTS[name] + lan if name == "A" else TEXTS[name] for name in TEXTS}
    if kind == "eve":
        node = '<node id="9" name="PC 1" type="vpcs"/>'
        config = f'<config id="9">{base64.b64encode(text.encode()).decode()}</config>'
        drawn = eve(routers).replace("</nodes>", f"{node}</nodes>").replace("</configs>", f"{config}</configs>")
        (tmp_path / "lab.unl").write_text(drawn)
    else:
        top = json.loads(gns3({name: f"{name}.cfg" for name in routers}))
        top["topology"]["nodes"].append({"node_id": "77", "name": pc, "node_type": "vpcs", "properties": {}})
        (tmp_path / "project.gns3").write_text(json.dumps(top))
        (tmp_path / "project-files/vpcs/77").mkdir(parents=True)
        (tmp_path / "project-files/vpcs/77/startup.vpc").write_text(text)
        for name, lines in routers.items():
            (tmp_path / f"{name}.cfg").write_text(lines)
    hosts = Scenario.load(str(tmp_path)).lab.hosts
    assert {name: host.address for name, host in hosts.items()} == {"PC1": "10.1.1.30/24"}


def test_of_configurations_beside_it_a_topology_says_the_wires_alone(tmp_path: Path) -> None:
    (tmp_path / "lab.unl").write_text(eve(dict.fromkeys(TEXTS, "")))
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.cfg").write_text(text)
    links = Scenario.load(str(tmp_path)).lab.links
    assert sorted(sorted(end[0] for end in link.ends) for link in links) == [["A", "D"], ["B", "C"]]


def test_messages_name_the_lines_of_the_topology(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(cml(TEXTS))
    part = read_routers(path)[1]
    number = path.read_text().splitlines().index("      hostname B")
    assert (part.name, part.text.splitlines()[number]) == ("B", "hostname B")


def test_what_is_plugged_into_a_switch_is_told_apart_by_addresses(tmp_path: Path) -> None:
    text = eve({name: TEXTS[name] for name in ("A", "D")}).replace('network_id="1"', 'network_id="7"', 1)
    switch = (
        '<node id="9" name="SW"><interface id="0" name="e0" network_id="7"/><interface id="1" network_id="1"/></node>'
    )
    (tmp_path / "lab.unl").write_text(text.replace("</nodes>", f"{switch}</nodes>"))
    (link,) = Scenario.load(str(tmp_path)).lab.links
    assert sorted(end[0] for end in link.ends) == ["A", "D"]


def test_a_switch_that_has_a_configuration_joins_what_is_plugged_into_it(tmp_path: Path) -> None:
    """The providers at both sides of it were not plugged into each other, and no tunnel came up."""
    text = eve({name: TEXTS[name] for name in ("A", "D")}).replace('network_id="1"', 'network_id="7"', 1)
    lines = (
        "hostname SW\ninterface Vlan1\n ip address 10.9.9.9 255.255.255.0\ninterface Gi0/0\n switchport mode access\n"
    )
    node = (
        '<node id="9" name="SW"><interface id="0" name="Gi0/0" network_id="7"/>'
        '<interface id="1" name="Gi0/1" network_id="1"/></node>'
    )
    config = f'<config id="9">{base64.b64encode(lines.encode()).decode()}</config>'
    text = text.replace("</nodes>", f"{node}</nodes>").replace("</configs>", f"{config}</configs>")
    (tmp_path / "lab.unl").write_text(text)
    links = Scenario.load(str(tmp_path)).lab.links
    assert ["A", "D"] in [sorted(end[0] for end in link.ends) for link in links]


def test_a_topology_reads_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.cfg").write_text(TEXTS["A"])
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "x.gns3").write_text(gns3({"A": "../secret.cfg", "B": str(tmp_path / "secret.cfg")}))
    with pytest.raises(UserError, match="no router configuration"):
        configurations_in(inside)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.unl", '<!DOCTYPE x [<!ENTITY a "aaaa">]><lab>&a;</lab>'),
        ("x.unl", "<lab"),
        ("x.gns3", "[" * 100_000),
        ("x.gns3", '{"topology": {"nodes": [1, null, {"node_id": []}], "links": {"a": 1}}}'),
        ("x.yaml", "nodes:\n  - node_definition: x\n" + "  - " + "[" * 100_000),
        ("x.yaml", "nodes:\n  - node_definition: x\n    label: [1]\nlinks:\n  - 5\n  - {n1: n0}\n"),
        ("x.yml", "topology:\n  nodes:\n    A:\n  links:\n    - endpoints: [A, 'B:', {node: A}]\n"),
        ("x.yaml", "services:\n  nodes: 1\n"),
    ],
)
def test_a_broken_topology_is_none_or_empty(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    topology = topology_in(tmp_path / name)
    assert topology is None or not any(node.text or node.file for node in topology.nodes)


def test_the_complete_stage_of_a_course_counts(tmp_path: Path) -> None:
    """A folder with both was refused: each router was in it twice."""
    for name in ("A", "B"):
        (tmp_path / f"{name}_init.cfg").write_text(f"hostname {name}\n")
        (tmp_path / f"{name}_final.cfg").write_text(TEXTS[name])
    found = configurations_in(tmp_path)
    assert found.texts == {"A_final": TEXTS["A"], "B_final": TEXTS["B"]}
    assert "A_init.cfg is left out: A_final is the same, complete" in found.notes


def test_the_complete_folder_of_a_course_counts(tmp_path: Path) -> None:
    for stage in ("initial-configs", "final-configs"):
        (tmp_path / stage).mkdir()
        for name in ("A", "B"):
            (tmp_path / stage / f"{name}.cfg").write_text(
                TEXTS[name].replace("10.0", "10.9" if stage[0] == "i" else "10.0")
            )
    found = configurations_in(tmp_path)
    assert found.texts == {"A": TEXTS["A"], "B": TEXTS["B"]}
    assert "initial-configs is left out: final-configs is the same, complete" in found.notes


# The routes of the provider that a lab adds: each leads to the router that has the address, or is the way to it.

_LINK = "255.255.255.252"


def _router(name: str, *ports: str, gateway: str = "", tunnel: str = "") -> str:
    """A configuration. ports: "ADDRESS MASK". tunnel: its source, and its number behind a blank."""
    lines = [f"hostname {name}"]
    for number, port in enumerate(ports):
        lines += [f"interface GigabitEthernet0/{number}", f" ip address {port}"]
    if tunnel:
        source, at = tunnel.split()
        if source.startswith("203."):
            lines += ["interface Loopback0", f" ip address {source} 255.255.255.255"]
            source = "Loopback0"
        nhs = [] if name.startswith("HUB") else [" ip nhrp nhs 10.0.0.1"]
        lines += ["interface Tunnel0", f" ip address 10.0.0.{at} 255.255.255.0", " ip nhrp network-id 1", *nhs]
        lines += [f" tunnel source {source}", " tunnel mode gre multipoint"]
    lines += [f"ip route 0.0.0.0 0.0.0.0 {gateway}"] if gateway else []
    return "\n".join([*lines, "end"]) + "\n"


def _inferred(texts: Sequence[str]) -> Inferred:
    return infer({f"r{number}.cfg": text for number, text in enumerate(texts)})


def _provider(*texts: str) -> tuple[list[str], Inferred]:
    inferred = _inferred(texts)
    return [line for line in inferred.configurations["PROVIDER"].split("\n") if line.startswith("ip route")], inferred


def _wan(name: str, number: int) -> str:
    return _router(
        name, f"192.0.2.{4 * number + 1} {_LINK}", gateway=f"192.0.2.{4 * number + 2}", tunnel=f"{_WAN} {number}"
    )


_WAN = "GigabitEthernet0/0"


def test_two_hubs_of_one_block_are_reached_by_the_isp_and_not_by_a_customer() -> None:
    """A hub's packets went to a spoke beside the ISP's router, whose default route sent them back."""
    hubs = [
        _router(
            f"HUB{number}",
            f"100.64.0.{4 * number + 1} {_LINK}",
            gateway=f"100.64.0.{4 * number + 2}",
            tunnel=f"203.0.113.{number} {number}",
        )
        for number in (1, 2)
    ]
    isp = _router("ISP", f"198.51.100.2 {_LINK}", f"100.64.0.6 {_LINK}", f"100.64.0.10 {_LINK}", f"192.0.2.2 {_LINK}")
    isp = isp.replace("end\n", "ip route 203.0.113.1 255.255.255.255 100.64.0.5\n")
    isp += "ip route 203.0.113.2 255.255.255.255 100.64.0.9\nip route 0.0.0.0 0.0.0.0 198.51.100.1\nend\n"
    customer = _router(
        "S", f"192.0.2.1 {_LINK}", f"192.0.2.9 {_LINK}", gateway="192.0.2.10", tunnel="GigabitEthernet0/1 3"
    )
    routes, _ = _provider(customer, *hubs, isp, _wan("S2", 5))
    assert {f"ip route 203.0.113.{hub} 255.255.255.255 198.51.100.2" for hub in (1, 2)} <= set(routes)
    assert not any(route.endswith(" 192.0.2.9") for route in routes)


def test_an_address_behind_a_router_that_would_send_its_packets_back_has_no_route_and_that_is_said() -> None:
    hub = _router("HUB", f"100.64.0.1 {_LINK}", tunnel="203.0.113.1 1")
    between = _router("R", f"100.64.0.2 {_LINK}", f"192.0.2.1 {_LINK}", gateway="192.0.2.2")
    routes, inferred = _provider(hub, between, _wan("S", 5))
    assert not any("203.0.113.1" in route for route in routes)
    assert "PROVIDER has no route to 203.0.113.1 (HUB): no router beside it is the way there" in inferred.notes


def test_a_router_that_speaks_a_protocol_on_the_way_is_the_way() -> None:
    hub = _router("HUB", f"100.64.0.1 {_LINK}", tunnel="203.0.113.1 1")
    between = _router("R", f"100.64.0.2 {_LINK}", f"192.0.2.1 {_LINK}", gateway="192.0.2.2")
    rip = "router rip\n version 2\n network 100.0.0.0\n network 203.0.113.0\nend\n"
    routes, _ = _provider(*(text.replace("end\n", rip) for text in (hub, between)), _wan("S", 5))
    assert "ip route 203.0.113.1 255.255.255.255 192.0.2.1" in routes


# ------------------------------------------------------------------------------------------------ any network


def _any_network(chance: random.Random) -> list[str]:
    """Hubs, spokes and routers of ISPs, plugged together as it comes."""
    nets = [
        net
        for block in ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "100.64.0.0/24")
        for net in list(IPv4Network(block).subnets(new_prefix=chance.choice([24, 28, 30])))[:4]
    ]
    taken: list[IPv4Address] = []
    texts = []
    for number, name in enumerate(["HUB1", "HUB2", "S1", "S2", "ISP1", "ISP2"], 1):
        ports = [
            (host, net)
            for net in chance.sample(nets, chance.randint(1, 3))
            if (host := chance.choice(list(net.hosts())[:6])) not in taken
        ]
        taken += [host for host, _ in ports]
        if not ports:
            continue
        source = f"203.0.113.{100 + number}" if chance.random() < 0.3 else _WAN
        near = [host for host in list(ports[-1][1].hosts())[:7] if host != ports[-1][0]]
        texts.append(
            _router(
                name,
                *(f"{host} {net.netmask}" for host, net in ports),
                gateway=str(chance.choice(near)) if chance.random() < 0.85 else "",
                tunnel="" if name.startswith("ISP") else f"{source} {number}",
            )
        )
    return texts


@pytest.mark.parametrize("seed", range(40))
def test_no_packet_of_the_provider_comes_back_to_it(seed: int) -> None:
    inferred = _inferred(_any_network(random.Random(seed)))
    devices = {name: Device.read(name, text) for name, text in inferred.configurations.items()}
    if "PROVIDER" not in devices:
        return
    wires = [[end.partition(":")[::2] for end in link.ends] for link in inferred.lab.links]

    def beside(router: str, address: IPv4Address) -> str | None:
        """Return the router on a wire of this one that has an address."""
        return next(
            (
                name
                for wire in wires
                if any(end[0] == router for end in wire)
                for name, port in wire
                if devices[name].ports[port].ip == address
            ),
            None,
        )

    def forwards_to(router: str, address: IPv4Address) -> str | None:
        device = devices[router]
        best: tuple[int, IPv4Address | None] = (-1, None)
        for port in device.ports.values():
            if address in port.network:
                best = max(best, (port.network.prefixlen, address), key=lambda each: each[0])
        for route in device.routes:
            if address in route.prefix and isinstance(route.next_hop, IPv4Address):
                best = max(best, (route.prefix.length, route.next_hop), key=lambda each: each[0])
        return beside(router, best[1]) if best[1] is not None else None

    for route in devices["PROVIDER"].routes:
        address = route.prefix.address
        assert isinstance(address, IPv4Address)
        passed, here = ["PROVIDER"], forwards_to("PROVIDER", address)
        while here is not None and not any(port.ip == address for port in devices[here].ports.values()):
            assert here not in passed, f"{address}: {passed}"
            passed.append(here)
            here = forwards_to(here, address)
        assert here is not None, f"{address} ends at {passed}"


# How long `dmvpn lab up` waits for OSPF to elect who speaks for a network.

ROUTER = """interface Ethernet0/0
 ip address 192.0.2.1 255.255.255.0
{port}interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source Ethernet0/0
 tunnel mode gre multipoint
{tunnel}router ospf 1
 network {network} area 0
{process}"""


@pytest.mark.parametrize(
    ("network", "port", "tunnel", "process", "seconds"),
    [
        ("10.0.0.0 0.0.0.255", "", " ip ospf network point-to-multipoint\n", "", 0),
        ("10.0.0.0 0.0.0.255", "", "", "", 0),
        ("10.0.0.0 0.0.0.255", "", " ip ospf network broadcast\n", "", 40),
        ("10.0.0.0 0.0.0.255", "", " ip ospf network non-broadcast\n", "", 120),
        ("0.0.0.0 255.255.255.255", "", " ip ospf network broadcast\n ip ospf hello-interval 5\n", "", 60),
        ("0.0.0.0 255.255.255.255", " ip ospf network point-to-point\n", "", "", 0),
        ("0.0.0.0 255.255.255.255", "", "", " passive-interface Ethernet0/0\n", 0),
    ],
)
def test_those_of_tunnels_follow_those_of_the_networks_beneath(
    network: str, port: str, tunnel: str, process: str, seconds: int
) -> None:
    text = ROUTER.format(network=network, port=port, tunnel=tunnel, process=process)
    assert election_time([Device.read("R1", text)]) == seconds
