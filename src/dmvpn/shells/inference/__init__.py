"""A network from its configurations alone: no `lab.yaml`, so the wires are inferred from the addresses.

    wires      ports that are in each other's subnet are on one wire, two or more
    provider   gateways that no router has (the next hops of default routes) get a router of their own, between all
               sites
    roles      a router is named by its `hostname`, else by its file; hubs and spokes; a LAN with a single router on it
               gets a computer; a link for two (/30, /31) is no LAN
    kept_lines  what needs no replacement, because the lab has servers and targets for it

Ambiguous cases are decided, and reported (`Inferred.notes`); `lab save` writes the result as `lab.yaml`, where it may
be corrected. Raises UserError for configurations that are no network at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dmvpn.base.values import Value
from dmvpn.network.device import Device
from dmvpn.network.lines import with_lines
from dmvpn.network.underlay import Graph, graph, stand_in, through, unadvertised
from dmvpn.shells.adaptations import adapted, secured
from dmvpn.shells.inference.kept_lines import keep_lines
from dmvpn.shells.inference.provider import add_provider, add_translators, answer_for_others, internet, ways_between
from dmvpn.shells.inference.roles import hosts, named, role
from dmvpn.shells.inference.wires import InferredNetwork, Port, Wire, spelled_end
from dmvpn.shells.lab_model import Lab, LinkSpec, RouterSpec
from dmvpn.shells.stations import Station


class Inferred(Value):
    """The network of the configurations.

    configurations: by router.
    named: the router's name, and the name of its text.
    notes: decisions, in sentences.
    """

    lab: Lab
    configurations: dict[str, str]
    named: dict[str, str]
    notes: tuple[str, ...]


def infer(
    texts: Mapping[str, str],
    *,
    strict: bool = False,
    segments: Mapping[tuple[str, str], int] | None = None,
    stations: Sequence[Station] = (),
) -> Inferred:
    """Return the network of these configurations (texts by file name). Raises UserError.

    strict: unsupported lines are not replaced.
    segments: for ports with a drawn wire, by file name and port: different numbers are different wires, whatever the
        addresses are.
    stations: the computers beside the routers, where their files say so.
    """
    change = secured(texts, strict=True) if strict else adapted(texts, segments)
    every = {file: Device.read(file, text, leaves_out=True) for file, text in change.texts.items()}
    names, notes = named(every)
    configurations = {router: change.texts[file] for router, file in names.items()}
    routers = {file: router for router, file in names.items()}
    drawn = {(routers[file], port): number for (file, port), number in (segments or {}).items() if file in routers}
    network = InferredNetwork(
        {name: every[file] for name, file in names.items()}, [*notes, *change.notes], segments=drawn
    )
    configurations |= network.added
    provider = add_provider(network, configurations)
    if not strict:
        answer_for_others(network, configurations, provider)
    ways = ways_between(network)
    wired = _graph(network, network.wires)
    known = wired if ways == network.wires else _graph(network, ways)
    transit = through(known, network.devices)
    if not strict:
        for name, lines, note in stand_in(known, wired, network.devices, provider):
            text, kept = unadvertised(configurations[name], lines)
            configurations[name] = with_lines(text, kept)
            network.notes += [note] if note else []
    roles = {
        name: RouterSpec(role=role(name, network, added=name == provider or name in transit)) for name in configurations
    }
    gateways, outside = ({}, []) if strict else add_translators(network, configurations, provider)
    links = [LinkSpec(ends=[spelled_end(*end) for end in cable]) for cable in network.cables]
    links += [
        LinkSpec(ends=[port.end for port in wire.ports])
        for wire in network.wires
        if len(wire.ports) > 1 and wire.computers is None
    ]
    links += [LinkSpec(ends=[spelled_end(*end) for end in wire]) for wire in network.wires6() if len(wire) > 1]
    computers = hosts(network, configurations, stations)
    links += outside
    if not strict:
        host, wire = internet(network, configurations, provider)
        computers, links = computers | host, links + wire
        addresses = [host.interface.ip for host in computers.values()]
        replaced = {routers[file]: lines for file, lines in change.replaced.items() if file in routers}
        keep_lines(network, configurations, provider, replaced, addresses)
    lab = Lab(title="As the configurations say", routers=roles, links=links, hosts=computers, gateways=gateways)
    return Inferred(lab, configurations, names, tuple(network.notes))


def _graph(network: InferredNetwork, wires: Sequence[Wire]) -> Graph:
    """Return the neighbors of each router over ports that are not shut down."""

    def is_open(port: Port) -> bool:
        device = network.devices.get(port.router)
        settings = device.interface(port.name) if device is not None else None
        return settings is None or not settings.shutdown

    ends = [[(port.router, port.name, port.address) for port in wire.ports if is_open(port)] for wire in wires]
    return graph(ends)
