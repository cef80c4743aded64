"""`show ip ospf summary-address`: summaries of external prefixes, as in Cisco's command reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.show.common import HELP, OSPF, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class SummaryAddress:
    """One `summary-address`. metric: -1, and kind: 0, while it contains no route; else kind 1 or 2."""

    address: str
    mask: str
    metric: int
    kind: int
    tag: int


@dataclass(frozen=True, slots=True)
class ProcessSummaries:
    """Those of one process, as configured."""

    process: int
    summaries: tuple[SummaryAddress, ...]


@dataclass(frozen=True, slots=True)
class ShowSummaryAddresses:
    """The answer to `show ip ospf summary-address`."""

    processes: tuple[ProcessSummaries, ...]


def query_summary_addresses(ctx: ShowContext, args: Args) -> ShowSummaryAddresses:
    """Return each `summary-address` with its metric, type and tag."""
    found = []
    for process in processes(ctx, args):
        summaries = tuple(
            SummaryAddress(
                address=str(each.prefix.address),
                mask=str(each.prefix.netmask),
                metric=body.metric if body is not None else -1,
                kind=0 if body is None else 1 + body.is_type_2,
                tag=each.tag,
            )
            for each, body in process.redistributor.summed_up()
        )
        found.append(ProcessSummaries(process.number, summaries))
    return ShowSummaryAddresses(tuple(found))


def render_summary_addresses(answer: ShowSummaryAddresses) -> Iterator[str]:
    """Yield a list for each process."""
    for process in answer.processes:
        yield f"OSPF Process {process.process}, Summary-address"
        yield ""
        for each in process.summaries:
            yield f"{each.address}/{each.mask} Metric {each.metric}, Type {each.kind}, Tag {each.tag}"


SUMMARY_ADDRESSES: Final = ExecCommand(
    f"{OSPF} summary-address",
    {**HELP, "summary-address": "Summary prefixes of external routes"},
    query=query_summary_addresses,
    render=render_summary_addresses,
)
