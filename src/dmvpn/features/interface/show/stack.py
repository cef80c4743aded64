"""show ip traffic, show ipv6 traffic: what the IP stack has counted, in the rows of IOS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from dmvpn.base.values import Value
from dmvpn.ios import Args, ExecCommand, ShowContext

#: Counters are named as by `Counting.statistics`. A row is shown if all of its counters exist.
_ROWS: Final = """
IP statistics:
  Rcvd:  {IpInReceives} total, {IpInDelivers} local destination
         {IpInHdrErrors} format errors, {IpInCsumErrors} checksum errors
         {IpInUnknownProtos} unknown protocol, {IpInAddrErrors} not a gateway
  Frags: {IpReasmOKs} reassembled, {IpReasmTimeout} timeouts, {IpReasmFails} couldn't reassemble
         {IpFragOKs} fragmented, {IpFragCreates} fragments, {IpFragFails} couldn't fragment
  Bcast: {IpInBcastPkts} received, {IpOutBcastPkts} sent
  Mcast: {IpInMcastPkts} received, {IpOutMcastPkts} sent
  Sent:  {IpOutRequests} generated, {IpOutForwDatagrams} forwarded
  Drop:  {IpInNoRoutes} no route

ICMP statistics:
  Rcvd: {IcmpInType3} unreachable, {IcmpInType8} echo, {IcmpInType0} echo reply, {IcmpInType11} time exceeded
  Sent: {IcmpOutType3} unreachable, {IcmpOutType8} echo, {IcmpOutType0} echo reply, {IcmpOutType11} time exceeded

UDP statistics:
  Rcvd: {UdpInDatagrams} total, {UdpInCsumErrors} checksum errors, {UdpNoPorts} no port
  Sent: {UdpOutDatagrams} total

TCP statistics:
  Rcvd: {TcpInSegs} total, {TcpInCsumErrors} checksum errors
  Sent: {TcpOutSegs} total
"""
_ROWS6: Final = """
IPv6 statistics:
  Rcvd:  {IpInReceives} total, {IpInDelivers} local destination
         {IpInHdrErrors} bad header, {IpInAddrErrors} bad source, {IpInTruncatedPkts} truncated
         {IpInUnknownProtos} unknown protocol, {IpReasmReqds} fragments, {IpReasmOKs} total reassembled
         {IpReasmTimeout} reassembly timeouts, {IpReasmFails} reassembly failures
         {IpInNoRoutes} no route
  Sent:  {IpOutRequests} generated, {IpOutForwDatagrams} forwarded
         {IpFragOKs} fragmented into {IpFragCreates} fragments, {IpFragFails} failed
         {IpOutNoRoutes} no route, {IpInTooBigErrors} too big
  Mcast: {IpInMcastPkts} received, {IpOutMcastPkts} sent

ICMP statistics:
  Rcvd: {IcmpInMsgs} input
        {IcmpInType1} unreach, {IcmpInType4} parameter, {IcmpInType3} time exceeded, {IcmpInType2} too big
        {IcmpInType128} echo request, {IcmpInType129} echo reply, {IcmpInType137} redirects
        {IcmpInType133} router solicit, {IcmpInType134} router advert
        {IcmpInType135} neighbor solicit, {IcmpInType136} neighbor advert
  Sent: {IcmpOutMsgs} output
        {IcmpOutType1} unreach, {IcmpOutType4} parameter, {IcmpOutType3} time exceeded, {IcmpOutType2} too big
        {IcmpOutType128} echo request, {IcmpOutType129} echo reply, {IcmpOutType137} redirects
        {IcmpOutType133} router solicit, {IcmpOutType134} router advert
        {IcmpOutType135} neighbor solicit, {IcmpOutType136} neighbor advert

UDP statistics:
  Rcvd: {UdpInDatagrams} input, {UdpInCsumErrors} checksum errors
        {UdpNoPorts} no port, {UdpInErrors} dropped
  Sent: {UdpOutDatagrams} output
"""


class ShowIpTraffic(Value):
    """The answer. counted: by names of RFC 4293 and 4113, such as `IpInReceives`; of ICMP also by type."""

    version: int
    counted: dict[str, int]


def query_traffic(ctx: ShowContext, args: Args) -> ShowIpTraffic:
    """Return the counters of one version since the host started; nothing without a data plane."""
    return ShowIpTraffic(args.version, ctx.counting.statistics(args.version))


def render_traffic(answer: ShowIpTraffic) -> Iterator[str]:
    """Yield the rows of IOS for which there are counters."""
    counted = _Counted(answer.counted)
    for number, part in enumerate((_ROWS if answer.version == 4 else _ROWS6).strip().split("\n\n")):
        title, *templates = part.splitlines()
        rows = list(_rows(templates, counted))
        if rows:
            yield from ("", title)[not number :]
            yield from rows


def _rows(templates: Iterable[str], counted: _Counted) -> Iterator[str]:
    for template in templates:
        with suppress(KeyError):
            yield template.format_map(counted)


class _Counted(dict[str, int]):
    """Messages of ICMP of a kind that was not seen are 0."""

    def __missing__(self, name: str) -> int:
        if not self or not name.startswith("Icmp"):
            raise KeyError(name)
        return 0


_HELP: Final = {
    "ipv6": "Internet Protocol, version 6",
    "traffic": "Packets of one version of IP",
}
COMMANDS: Final = (
    ExecCommand("show ip traffic", _HELP, query=query_traffic, render=render_traffic),
    ExecCommand("show ipv6 traffic", _HELP, query=query_traffic, render=render_traffic),
)
