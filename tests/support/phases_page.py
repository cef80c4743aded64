"""docs/reference/phases.md: every routing protocol in every phase, measured in the simulator.

python -m support.phases_page    (from the folder tests)

One network is configured again and again: CORE with a server behind it, one hub or two, two spokes.
"""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from support.conformance import ROOT
from support.outages import hops, outages
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = ROOT / "docs" / "reference" / "phases.md"
_HEAD: Final = file_text("phases.md")
#: Seconds for which the network may form before it is measured, and for which packets go on after the death.
FORMING: Final = 100.0
LIMIT: Final = 300.0
_STARS: Final = {"10.255.0.1": "HUB1", "10.255.0.2": "HUB2", "10.255.0.12": "SPOKE2"}
_HUBS: Final = ("HUB1", "HUB2")
_LANS: Final = {"SPOKE1": 101, "SPOKE2": 102}


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """A row, as far as somebody chooses it."""

    protocol: str
    phase: int
    summary: bool
    hubs: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A row, as far as it is measured. spokes, server: seconds without an answer after a death."""

    next_hop: str
    path: str
    spokes: str
    server: str


def cases() -> list[Case]:
    """Return all rows."""
    found = [Case(*choice) for choice in product(_PROTOCOLS, (1, 2, 3), (False, True), (1, 2))]
    return [case for case in found if _is_possible(case)]


def _is_possible(case: Case) -> bool:
    if case.protocol == "static":
        return not case.summary
    if case.protocol.startswith("OSPF"):
        return not case.summary and (case.phase == 2) is (case.protocol == "OSPF broadcast")
    return True


def measure(case: Case) -> Measured:
    """Run the network of a row."""
    world = World("dual-hub", change=lambda router, text: configured(case, router, text))
    world.run_for(FORMING)
    found = re.search(r"\* (\d[\d.]+)", world.do("SPOKE1", "show ip route 10.1.102.1"))
    next_hop = _STARS.get(found[1], found[1]) if found else "none"
    hops(world, "SPOKE1", "10.1.102.1", "10.1.101.1")
    world.run_for(2)
    way = hops(world, "SPOKE1", "10.1.102.1", "10.1.101.1")
    path = "direct" if way == ["10.255.0.12"] else f"by {_STARS.get(way[0], way[0])}" if way else "none"
    return Measured(next_hop, path, *_death(case, world))


def _death(case: Case, world: World) -> tuple[str, str]:
    found: list[str] = []
    kill = ((0.0, lambda: world.sim.kill("HUB1")),)
    # The flow to the other spoke is measured first; the one to the server in a network of its own that is as old.
    for destination, events in (("10.1.102.100", kill), ("10.1.10.100", kill)):
        if found:
            world = World("dual-hub", change=lambda router, text: configured(case, router, text))
            world.run_for(FORMING)
        outages(world, ("H1", destination), seconds=5, rate=2.0)
        gaps = outages(world, ("H1", destination), seconds=LIMIT, rate=2.0, events=events)
        lost = sum(gap.seconds for gap in gaps)
        is_over = not gaps or gaps[-1].start + gaps[-1].seconds < LIMIT
        found.append(f"{lost:g}" if is_over else "forever")
    return found[0], found[1]


# ------------------------------------------------------------------------------------------------ configurations


def configured(case: Case, router: str, text: str) -> str:
    """Return the router's configuration with the protocol of the row."""
    if router == "TRANSPORT":
        return text
    head = text[: text.index("router eigrp")]
    tail = text[text.index("ip route") :] if "ip route" in text else "end\n"
    if case.hubs == 1:
        head = _alone(router, head)
    if case.phase != 3:
        head = re.sub(r" ip nhrp (redirect|shortcut)\n", "", head)
    lines = _PROTOCOLS[case.protocol](case, router)
    for name, more in lines.items():
        if not name.startswith("interface"):
            head += f"{name}\n" + "".join(f" {line}\n" for line in more) + "!\n"
        elif f"{name}\n" in head:
            head = head.replace(f"{name}\n", f"{name}\n" + "".join(f" {line}\n" for line in more))
    return head + tail


def _alone(router: str, head: str) -> str:
    """Without HUB2: its cables are out, and nobody registers with it."""
    if router == "HUB2":
        return re.sub(r" no shutdown\n", " shutdown\n", head)
    return head.replace(" ip nhrp nhs 10.255.0.2 nbma 203.0.113.5 multicast\n", "")


Lines = dict[str, list[str]]


def _eigrp(case: Case, router: str) -> Lines:
    tunnel = ["no split-horizon", *(["no next-hop-self"] if case.phase == 2 else [])]
    tunnel += ["summary-address 10.1.0.0 255.255.0.0"] if case.summary else []
    block = ["af-interface Tunnel0", *(f" {line}" for line in tunnel), "exit-af-interface"] if router in _HUBS else []
    stub = ["eigrp stub connected"] if router in _LANS else []
    family = [*block, "topology base", "exit-af-topology", "network 10.0.0.0", *stub]
    return {
        "router eigrp DMVPN": [
            "address-family ipv4 unicast autonomous-system 100",
            *(f" {line}" for line in family),
            "exit-address-family",
        ]
    }


def _ospf(case: Case, router: str) -> Lines:
    kind = "broadcast" if case.protocol == "OSPF broadcast" else "point-to-multipoint"
    cost = "ip ospf cost 20" if router == "HUB2" else "ip ospf cost 10"
    priority = ["ip ospf priority 0"] if router in _LANS else []
    tunnel = [f"ip ospf network {kind}", "ip ospf hello-interval 10", "ip ospf dead-interval 40", cost, *priority]
    wire = ["ip ospf network point-to-point", *([cost] if router in (*_HUBS, "CORE") else [])]
    if kind == "broadcast" and router in _HUBS and case.hubs == 2:
        # The hubs elect one of themselves, so each must hear the other.
        number, nbma = ("2", "203.0.113.5") if router == "HUB1" else ("1", "203.0.113.1")
        tunnel += [f"ip nhrp map 10.255.0.{number} {nbma}", f"ip nhrp map multicast {nbma}"]
    lines = {"router ospf 1": ["network 10.0.0.0 0.255.255.255 area 0"], "interface Tunnel0": tunnel}
    if router in _HUBS:
        lines["interface GigabitEthernet0/2"] = wire
    if router == "CORE":
        lines["interface GigabitEthernet0/1"] = ["ip ospf network point-to-point", "ip ospf cost 10"]
        lines["interface GigabitEthernet0/2"] = ["ip ospf network point-to-point", "ip ospf cost 20"]
    return lines


def _rip(case: Case, router: str) -> Lines:
    process = ["version 2", "no auto-summary", "network 10.0.0.0"]
    if router == "HUB2":
        process += ["offset-list 0 out 3"]
    tunnel = ["no ip split-horizon"] if router in _HUBS else []
    tunnel += ["ip summary-address rip 10.1.0.0 255.255.0.0"] if case.summary and router in _HUBS else []
    return {"router rip": process, "interface Tunnel0": tunnel}


def _ibgp(case: Case, router: str) -> Lines:
    return _bgp(case, router, spokes="65000")


def _ebgp(case: Case, router: str) -> Lines:
    return _bgp(case, router, spokes="65011")


def _bgp(case: Case, router: str, *, spokes: str) -> Lines:
    is_internal = spokes == "65000"
    number = "65000" if is_internal or router not in _LANS else f"650{_LANS[router] - 90}"
    lines = ["timers bgp 10 30"]
    if router in _LANS:
        network = [f"network 10.1.{_LANS[router]}.0 mask 255.255.255.0"]
        hubs = [f"neighbor 10.255.0.{hub} remote-as 65000" for hub in range(1, case.hubs + 1)]
        lines += [*hubs, "neighbor 10.255.0.1 weight 100", *network]
        lines += [f"neighbor 10.255.0.{hub} advertisement-interval 1" for hub in range(1, case.hubs + 1)]
        return {f"router bgp {number}": lines}
    if router == "CORE":
        hubs = ["neighbor 10.1.0.1 remote-as 65000", "neighbor 10.1.0.5 remote-as 65000"]
        return {
            "router bgp 65000": [*lines, *hubs, "neighbor 10.1.0.1 weight 100", "network 10.1.10.0 mask 255.255.255.0"]
        }
    core = "10.1.0.2" if router == "HUB1" else "10.1.0.6"
    lines += [f"neighbor {core} remote-as 65000", f"neighbor {core} next-hop-self all"]
    lines += [f"neighbor {core} route-reflector-client"]
    for lan in _LANS.values():
        spoke = f"10.255.0.{lan - 90}"
        system = "65000" if is_internal else f"650{lan - 90}"
        lines += [f"neighbor {spoke} remote-as {system}", f"neighbor {spoke} advertisement-interval 1"]
        lines += [f"neighbor {spoke} route-reflector-client"] if is_internal else []
        lines += [f"neighbor {spoke} next-hop-self all"] if case.phase != 2 else []
    if is_internal and case.phase == 2:
        # The next hop of the server's LAN stays CORE, which spokes must be able to find.
        lines += [f"network 10.1.0.{0 if router == 'HUB1' else 4} mask 255.255.255.252"]
    if case.summary:
        lines += ["aggregate-address 10.1.0.0 255.255.0.0 summary-only"]
    return {"router bgp 65000": lines}


def _static(case: Case, router: str) -> Lines:
    """Lines of the global mode, each with what is under it."""
    second = case.hubs == 2
    if router in _HUBS:
        core = "10.1.0.2" if router == "HUB1" else "10.1.0.6"
        lines = [f"ip route 10.1.{lan}.0 255.255.255.0 10.255.0.{lan - 90}" for lan in _LANS.values()]
        return {line: [] for line in (*lines, f"ip route 10.1.10.0 255.255.255.0 {core}")}
    if router == "CORE":
        echo: Lines = {
            "ip sla 1": ["icmp-echo 10.1.0.1", " frequency 5", " timeout 1000"],
            "ip sla schedule 1 life forever start-time now": [],
            "track 1 ip sla 1 reachability": [],
        }
        first = [f"ip route 10.1.{lan}.0 255.255.255.0 10.1.0.1 track 1" for lan in _LANS.values()]
        other = [f"ip route 10.1.{lan}.0 255.255.255.0 10.1.0.5 250" for lan in _LANS.values()] if second else []
        return echo | {line: [] for line in (*first, *other)}
    far = next(lan for name, lan in _LANS.items() if name != router)
    spoke = f"10.255.0.{far - 90}" if case.phase == 2 else "10.255.0.1"
    found = [f"ip route 10.1.{far}.0 255.255.255.0 {spoke}", "ip route 10.1.10.0 255.255.255.0 10.255.0.1"]
    if second:
        found.append("ip route 10.1.10.0 255.255.255.0 10.255.0.2 250")
        found += [f"ip route 10.1.{far}.0 255.255.255.0 10.255.0.2 250"] if case.phase != 2 else []
    return {line: [] for line in found}


_PROTOCOLS: Final = {
    "EIGRP": _eigrp,
    "OSPF point-to-multipoint": _ospf,
    "OSPF broadcast": _ospf,
    "RIP": _rip,
    "iBGP": _ibgp,
    "eBGP": _ebgp,
    "static": _static,
}

# ------------------------------------------------------------------------------------------------ the page


def row(case: Case, found: Measured) -> str:
    """Return a row of the page."""
    cells = (
        case.protocol,
        str(case.phase),
        "yes" if case.summary else "no",
        str(case.hubs),
        found.next_hop,
        found.path,
        _seconds(found.spokes),
        _seconds(found.server),
    )
    return f"| {' | '.join(cells)} |"


def _seconds(text: str) -> str:
    return text if text == "forever" else f"{text} s"


def page(rows: list[str]) -> str:
    """Return the whole page."""
    return "\n".join([_HEAD.format(limit=f"{LIMIT:g}") + _TABLE_HEAD, *rows]) + "\n"


_TABLE_HEAD: Final = """\
| protocol | phase | summary | hubs | next hop | path | a hub dies: to the spoke | to the server |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def rows_of_the_page() -> Iterator[str]:
    """Yield the rows as they are on the page."""
    yield from PAGE.read_text("utf-8").partition(_TABLE_HEAD)[2].strip().splitlines()


if __name__ == "__main__":
    with ProcessPoolExecutor(3) as pool:
        made = list(pool.map(measure, cases(), chunksize=2))
    PAGE.write_text(page([row(case, found) for case, found in zip(cases(), made, strict=True)]), "utf-8")
    print(PAGE.relative_to(ROOT))
