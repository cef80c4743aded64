"""The block of each EIGRP process in `show ip protocols`, and the part of it in `show eigrp protocols`."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, classful_length, mask_length
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.show.common import HELP, every_process, name_of, processes
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.ios import Args, ExecCommand, age, interface_sort_key, short_interface
from dmvpn.ios.routing import filter_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.machine import Process
    from dmvpn.features.eigrp.model import NetworkLine
    from dmvpn.ios import ShowContext


def ip_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of all processes, with an empty line between blocks."""
    lines: list[str] = []
    for process in every_process(ctx):
        if lines:
            lines.append("")
        lines += _block(process, ctx.now)
    return lines


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the running processes."""
    return [f"eigrp {process.state.autonomous_system}" for process in every_process(ctx)]


def _block(process: Process, now: float) -> Iterator[str]:
    settings = process.state.settings
    yield f'Routing Protocol is "eigrp {settings.autonomous_system}"'
    yield from filter_lines(settings.distribution)
    held = {one.inwards for one in settings.distribution.defaults}
    if False in held:
        yield "  Default networks not flagged in outgoing updates"
    else:
        yield "  Default networks flagged in outgoing updates"
    if True in held:
        yield "  Default networks not accepted from incoming updates"
    else:
        yield "  Default networks accepted from incoming updates"
    if settings.redistributions:
        yield "  Redistributing: " + ", ".join(rule.source.value for rule in settings.redistributions)
    yield from (f"  {line}" for line in _parameters(process))
    yield ""
    yield "  Automatic Summarization: disabled"
    yield from _summaries(process)
    yield f"  Maximum path: {settings.maximum_paths}"
    yield "  Routing for Networks:"
    for network in settings.networks:
        yield f"    {network_text(network)}"
    passive = [name for name, interface in process.state.interfaces.items() if interface.settings.passive]
    if passive:
        yield "  Passive Interface(s):"
        for name in sorted(passive, key=interface_sort_key):
            yield f"    {name}"
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for gateway, (distance, since) in sorted(_gateways(process).items()):
        yield f"    {gateway:<15}{distance:>9}      {age(now - since)}"
    yield f"  Distance: internal {settings.internal_distance} external {settings.external_distance}"


def _parameters(process: Process) -> Iterator[str]:
    settings = process.state.settings
    weights = settings.scale.weights
    k6 = f" K6={weights.k6}" if settings.is_named else ""
    yield from name_of(process).heading("Protocol")
    values = f"K1={weights.k1}, K2={weights.k2}, K3={weights.k3}, K4={weights.k4}, K5={weights.k5}"
    yield f"  Metric weight {values}{k6}"
    if settings.is_named:
        yield f"  Metric rib-scale {settings.scale.rib_scale}"
        yield "  Metric version 64bit"
    yield "  Soft SIA disabled"
    yield "  NSF-aware route hold timer is 240"
    yield f"  Router-ID: {process.state.router_id}"
    if settings.stub is not None:
        words = [flag.name.lower().replace("_", "-") for flag in StubFlag if flag in settings.stub and flag.name]
        yield f"  Stub, {', '.join(words)}"
    yield "  Topology : 0 (base) "
    yield f"    Active Timer: {f'{settings.active_time / 60:.0f} min' if settings.active_time else 'disabled'}"
    yield f"    Distance: internal {settings.internal_distance} external {settings.external_distance}"
    yield f"    Maximum path: {settings.maximum_paths}"
    yield f"    Maximum hopcount {settings.maximum_hops}"
    yield f"    Maximum metric variance {settings.variance}"


@dataclass(frozen=True, slots=True)
class ShowProtocols:
    """The answer to `show eigrp protocols`: the lines of each process."""

    processes: tuple[tuple[str, ...], ...]


def query_protocols(ctx: ShowContext, args: Args) -> ShowProtocols:
    """Return the parameters of each process."""
    return ShowProtocols(
        tuple(
            (
                *_parameters(process),
                f"    Total Prefix Count: {len(process.dual.table)}",
                f"    Total Redist Count: {process.redistributor.count}",
            )
            for process in processes(ctx, args)
        )
    )


def render_protocols(answer: ShowProtocols) -> Iterator[str]:
    """Yield the blocks, each followed by an empty line."""
    for lines in answer.processes:
        yield from lines
        yield ""


def _summaries(process: Process) -> Iterator[str]:
    """Yield the configured summaries, with the interfaces on which they are advertised."""
    where: dict[Prefix, list[str]] = {}
    for name in sorted(process.state.interfaces, key=interface_sort_key):
        for summary in process.state.interfaces[name].settings.summaries:
            where.setdefault(summary.prefix, []).append(short_interface(name))
    if where:
        yield "  Address Summarization:"
    for prefix, names in sorted(where.items()):
        yield f"    {prefix} for {', '.join(names)}"
        destination = process.dual.table.get(prefix)
        if destination is not None and destination.current is not None:
            count = process.summaries.components(prefix)
            yield f"      Summarizing {count} component{'s' if count > 1 else ''} with metric {destination.distance}"


def _gateways(process: Process) -> dict[str, tuple[int, float]]:
    """Return neighbors whose routes are in the table: distance, and the time of the latest route."""
    gateways: dict[str, tuple[int, float]] = {}
    for path, route in process.offers.sources():
        if path.source.is_local:
            continue
        gateway = str(path.source.address)
        _, since = gateways.get(gateway, (0, 0.0))
        gateways[gateway] = (process.state.settings.internal_distance, max(since, route.since))
    return gateways


def network_text(network: NetworkLine) -> str:
    """Return a network in the format of IOS: a classful one without length, any other with its length or wildcard."""
    length = mask_length(IPv4Address(int(network.wildcard) ^ 0xFFFFFFFF))
    if length is None:
        return f"{network.address} {network.wildcard}"
    if length in (classful_length(network.address), 0):
        return str(network.address)
    return f"{network.address}/{length}"


PROTOCOLS: Final = ExecCommand(
    "show eigrp protocols",
    {**HELP, "protocols": "What holds for each process"},
    query=query_protocols,
    render=render_protocols,
)
