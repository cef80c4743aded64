"""The change itself: the new configurations are entered on the network that runs the old ones, under traffic.

No router is restarted: each gets its new configuration as a session would enter it. The cabling stays; a new router
is switched on, a removed router is switched off. So the network has the routers and the wires of both sides.

Ports of a provider and NAT boxes are numbered automatically: a site that is added in the middle renumbers those of all
sites after it. So they are recognized by their neighbors, then by their addresses, and the new side gets the names that
the old side has for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.network.device import Device
from dmvpn.network.lines import Lines
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, HostSpec, LinkSpec
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff import measuring
from dmvpn.tools.diff.behavior import Migration

# ------------------------------------------------------------------------------------------------ two labs as one


#: A node and its interface, as `Scenario.end` has them.
End: TypeAlias = tuple[str, str]
_NUMBERED: Final = re.compile(r"(.*?)(\d+)")


def unite(before: Scenario, after: Scenario) -> tuple[Scenario, Scenario]:
    """Return the network of both sides with the old configurations, where they exist; and the new side in its names.

    Raises UserError if the change would need cables to be moved.
    """
    after = _named_alike(before, after)
    for name in before.lab.gateways.keys() & after.lab.gateways.keys():
        if before.lab.gateways[name] != after.lab.gateways[name]:
            raise UserError(f"the translator {name} is another one afterwards")
    texts = {**after.configurations, **before.configurations}
    gateways = {**after.lab.gateways, **before.lab.gateways}
    new = {
        name: host
        for name, host in after.lab.hosts.items()
        if name not in before.lab.hosts and Scenario.end(host.link)[0] not in before.configurations
    }
    hosts = {**before.lab.hosts, **new}
    for name in [*hosts, *gateways]:
        if name in texts or (name in hosts and name in gateways):
            raise UserError(f"{name} is one thing before and another one afterwards")
    lab = before.lab.model_copy(
        update={
            "routers": {**after.lab.routers, **before.lab.routers},
            "links": _links(before, after, hosts),
            "hosts": hosts,
            "gateways": gateways,
        }
    )
    return Scenario(before.name, lab, texts, {**after.certificates, **before.certificates}), after


def _links(before: Scenario, after: Scenario, hosts: Mapping[str, HostSpec]) -> list[LinkSpec]:
    links = list(before.lab.links)
    wires = [_ends(link) for link in links]
    where = {end: number for number, wire in enumerate(wires) for end in wire}
    claimed: dict[int, list[End]] = {}
    for link in after.lab.links:
        ends = [end for end in _ends(link) if end[1] or hosts.get(end[0]) == after.lab.hosts.get(end[0])]
        known = list(dict.fromkeys(where[end] for end in ends if end in where))
        if len(known) > 1:
            apart = [_spelled(next(end for end in ends if where.get(end) == number)) for number in known[:2]]
            raise UserError(f"{apart[0]} and {apart[1]} are on one wire afterwards, and on two before")
        if not known:
            links.append(link.model_copy(update={"ends": [_spelled(end) for end in ends]}))
            continue
        (number,) = known
        if number in claimed:
            apart = [_spelled(next(end for end in some if end in wires[number])) for some in (claimed[number], ends)]
            raise UserError(f"{apart[0]} and {apart[1]} are on two wires afterwards, and on one before")
        claimed[number] = ends
        together = dict.fromkeys([*wires[number], *ends])
        links[number] = links[number].model_copy(update={"ends": [_spelled(end) for end in together]})
    return [link for link in links if len(link.ends) > 1]


def _ends(link: LinkSpec) -> list[End]:
    return [Scenario.end(end) for end in link.ends]


def _spelled(end: End) -> str:
    node, port = end
    return f"{node}:{port}" if port else node


# ------------------------------------------------------------------------------------------------ names


def _named_alike(before: Scenario, after: Scenario) -> Scenario:
    """Return the new side with the old side's names for providers, their ports and translators."""
    sides = [_inside(side) for side in (before, after)]
    public = [{name: [spec.public.ip] for name, spec in side.lab.gateways.items()} for side in (before, after)]
    taken = [name for side in (before, after) for name in (*side.configurations, *side.lab.hosts)]
    after = _with_nodes(
        after, {**_providers(before, after), **_matched([(sides[0], sides[1]), (public[0], public[1])], taken)}
    )
    texts = dict(after.configurations)
    ports: dict[End, End] = {}
    for name in _all_providers(after):
        is_same = before.configurations.get(name) == after.configurations[name] and before.lab.links == after.lab.links
        if is_same or name not in before.configurations:  # to read a provider of a thousand sites takes seconds
            continue
        near, networks = [], []
        for side in (before, after):
            addresses = dict(_addresses(side.configurations[name]))
            others = _all_neighbors(side, name)
            near.append({port: others.get(port, []) for port in dict.fromkeys([*addresses, *others])})
            networks.append(addresses)
        names = _matched([(near[0], near[1]), (networks[0], networks[1])], ())
        texts[name] = _renamed(after.configurations[name], names)
        ports |= {(name, old): (name, new) for old, new in names.items()}
    links = [
        link.model_copy(update={"ends": [_spelled(ports.get(end, end)) for end in _ends(link)]})
        for link in after.lab.links
    ]
    return Scenario(after.name, after.lab.model_copy(update={"links": links}), texts, after.certificates)


def _all_providers(scenario: Scenario) -> list[str]:
    return [name for name in scenario.configurations if scenario.role(name) == "provider"]


def _providers(before: Scenario, after: Scenario) -> dict[str, str]:
    """Return the old names of providers that the new side renames, if the match is unambiguous."""
    old = [name for name in _all_providers(before) if name not in after.configurations]
    new = [name for name in _all_providers(after) if name not in before.configurations]
    return {new[0]: old[0]} if len(old) == len(new) == 1 else {}


def _with_nodes(scenario: Scenario, names: Mapping[str, str]) -> Scenario:
    """Return the same with other names of routers and translators."""
    if all(old == new for old, new in names.items()):
        return scenario
    lab = scenario.lab
    update = {
        "routers": {names.get(name, name): spec for name, spec in lab.routers.items()},
        "gateways": {names.get(name, name): spec for name, spec in lab.gateways.items()},
        "links": [
            link.model_copy(update={"ends": [_spelled((names.get(node, node), port)) for node, port in _ends(link)]})
            for link in lab.links
        ],
    }
    texts = {names.get(name, name): text for name, text in scenario.configurations.items()}
    return Scenario(scenario.name, lab.model_copy(update=update), texts, scenario.certificates)


def _addresses(text: str) -> Iterator[tuple[str, list[Hashable]]]:
    for interface in Device.read("", text, leaves_out=True).interfaces.interfaces:
        yield interface.name, [Prefix.of(*interface.address)] if interface.address is not None else []


def _all_neighbors(scenario: Scenario, provider: str) -> dict[str, list[End]]:
    """Return, by port of a provider, the other ends of its wire; not other providers, whose port names do not count."""
    nameless = _all_providers(scenario)
    found: dict[str, list[End]] = {}
    for link in scenario.lab.links:
        ends = _ends(link)
        for node, port in ends:
            if node == provider:
                found[port] = [end for end in ends if end[0] not in nameless]
    return found


def _inside(scenario: Scenario) -> dict[str, list[End]]:
    """Return by translator: the routers behind it."""
    found: dict[str, list[End]] = {name: [] for name in scenario.lab.gateways}
    for link in scenario.lab.links:
        ends = _ends(link)
        for node, port in ends:
            if port == INSIDE:
                found[node] = [end for end in ends if end[1] not in (INSIDE, OUTSIDE)]
    return found


def _matched(
    marks: Sequence[tuple[Mapping[str, Sequence[Hashable]], Mapping[str, Sequence[Hashable]]]], taken: Iterable[str]
) -> dict[str, str]:
    """Return the old name of each new port or NAT box; a new one gets a name that is not in use.

    marks: pairs of marks of the old and the new things, the most reliable first. A mark in common makes them the same.
    taken: names that nothing may get.
    """
    found: dict[str, str] = {}
    left = dict.fromkeys(name for old, _ in marks for name in old)
    everything = dict.fromkeys(name for _, new in marks for name in new)
    used = {*left, *everything, *taken}
    for old, new in marks:
        owners = {mark: name for name in left for mark in old.get(name, ())}
        for name in everything:
            owner = next((owners[mark] for mark in new.get(name, ()) if owners.get(mark) in left), None)
            if name not in found and owner is not None:
                found[name] = owner
                del left[owner]
    highest: dict[str, int] = {}
    for name in used:
        match = _NUMBERED.fullmatch(name)
        if match:
            highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))

    def fresh(name: str) -> str:
        match = _NUMBERED.fullmatch(name)
        stem = match[1] if match else f"{name}-"
        highest[stem] = highest.get(stem, 0) + 1
        return f"{stem}{highest[stem]}"

    known = {name for old, _ in marks for name in old}
    return {name: found.get(name) or (fresh(name) if name in known else name) for name in everything}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a configuration with other names of interfaces, all at once: two may have changed places."""
    if all(old == new for old, new in names.items()):
        return text
    one = re.compile(r"(?<![\w/.-])(?:" + "|".join(map(re.escape, names)) + r")(?![\d/]|\.\d)")
    lines = [one.sub(lambda match: names[match[0]], line) for line in Lines.of(text).lines]
    return "\n".join([*lines, "end"]) + "\n"


# ------------------------------------------------------------------------------------------------ the change


#: The orders in which routers can be changed, and their descriptions.
ORDERS: Final = {
    "together": "all routers at the same moment",
    "hubs-first": "one router after another, hubs first",
    "spokes-first": "one router after another, spokes first",
}
#: Seconds between two routers that are changed one after another.
PAUSE: Final = 5.0


def migrate(
    before: Scenario, after: Scenario, seed: int, order: str, tell: Callable[[str], None] = lambda _text: None
) -> Migration:
    """Enter the new lines while the old network runs; return which pairs lost packets, and for how long.

    order: of `ORDERS`. The last argument is called with the progress.
    """
    try:
        world, after = unite(before, after)
    except UserError as error:
        return Migration(untried=str(error))
    subject = measuring.Subject.of(world, seed)
    subject.tell = tell
    for name in world.configurations:
        if name not in before.configurations:
            subject.world.kill(name)
    there = {name: lan for name, lan in subject.lans.items() if lan.site in before.configurations}
    pairs = measuring.choose_pairs(there, seed, measuring.MOST_WATCHED)
    measuring.converge(subject, pairs)
    subject.world.run_for(measuring.CALM)
    for _ in range(measuring.PACKETS if pairs else 0):
        subject.probing.stream(pairs, measuring.INTERVAL)
    subject.probing.settle()
    able = [
        pair
        for pair in pairs
        if max(subject.probing.sent(pair)) in subject.probing.arrivals(pair)
        and all(subject.lans[name].site in after.configurations for name in pair)
    ]
    if not able:
        return Migration(untried="no two LANs reach each other before it, and are there afterwards")
    hubs = subject.anatomy.hubs
    changed = [
        name
        for name in subject.scenario.configurations
        if before.configurations.get(name) != after.configurations.get(name)
    ]
    # A provider's ports must exist before a site uses them.
    changed.sort(key=lambda name: (name in subject.anatomy.sites, (name in hubs) != (order == "hubs-first")))
    steps = [_step(subject, name, before.configurations.get(name), after.configurations.get(name)) for name in changed]
    for position, step in enumerate(steps):
        subject.world.after(0.0 if order == "together" else position * PAUSE, step)
    lasts = 0.0 if order == "together" else len(steps) * PAUSE
    outages = measuring.watch(subject, able, least=measuring.LEAST_WATCH + lasts)
    return Migration(how=ORDERS[order], outages=outages, watched=tuple(able))


def _step(subject: measuring.Subject, name: str, old: str | None, new: str | None) -> Callable[[], None]:
    world = subject.world
    if new is None:
        return lambda: world.kill(name)
    if old is None:
        return lambda: world.boot(name, new)
    head = world.certificates[name].head if name in world.certificates else ""
    return lambda: world.post(name, ConfigurationEntered(head + new, saved=True))
