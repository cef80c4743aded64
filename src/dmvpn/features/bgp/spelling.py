"""The lines of a neighbor, spelled as in a template: for the shows of policies and templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.model import BEST_ALONE, FilterKind, PrivateAs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.model import NeighborLines, PathChoice


def session_lines(lines: NeighborLines) -> Iterator[str]:
    """Yield the lines about the session."""
    if lines.remote_as is not None:
        others = " ".join(("alternate-as", *map(str, lines.alternates))) if lines.alternates else ""
        yield f"remote-as {lines.remote_as} {others}".rstrip()
    if lines.password:
        yield "password is configured"
    if lines.shutdown:
        yield "shutdown"
    if lines.ebgp_ttl is not None:
        yield f"ebgp-multihop {lines.ebgp_ttl}"
    if lines.security_hops:
        yield f"ttl-security hops {lines.security_hops}"
    if lines.update_source:
        yield f"update-source {lines.update_source}"
    if lines.passive:
        yield "transport connection-mode passive"
    if lines.description:
        yield f"description {lines.description}"
    if lines.timers is not None:
        keepalive, hold, least = lines.timers
        yield f"timers {keepalive} {hold}" + (f" {least}" if least else "")
    if lines.local_as is not None:
        words = "" if lines.local_as_prepends else " no-prepend" + (" replace-as" if lines.local_as_replaces else "")
        yield f"local-as {lines.local_as}{words}"
    if lines.anywhere:
        yield "disable-connected-check"
    if lines.fall_over:
        yield "fall-over"
    if lines.bfd:
        yield "fall-over bfd"


def choice_words(choice: PathChoice) -> Iterator[str]:
    """Yield the keywords for the paths that are advertised besides the best one."""
    if choice.every:
        yield "all"
    if choice.best:
        yield f"best {choice.best}"
    if choice.group_best:
        yield "group-best"


def policy_lines(lines: NeighborLines) -> Iterator[str]:
    """Yield the lines about routes."""
    for one in lines.filters:
        if one.kind is not FilterKind.ROUTE_MAP:
            yield f"{one.kind.value} {one.name} {one.direction.value}"
    for one in lines.filters:
        if one.kind is FilterKind.ROUTE_MAP:
            yield f"{one.kind.value} {one.name} {one.direction.value}"
    if lines.unsuppress_map:
        yield f"unsuppress-map {lines.unsuppress_map}"
    if lines.weight is not None:
        yield f"weight {lines.weight}"
    if lines.default_originate:
        yield "default-originate" + (f" route-map {lines.originate_map}" if lines.originate_map else "")
    if lines.soft_reconfiguration:
        yield "soft-reconfiguration inbound"
    if lines.maximum_prefixes:
        yield _maximum(lines)
    if lines.override_as:
        yield "as-override"
    if lines.allow_own_as:
        yield f"allowas-in {lines.allow_own_as}"
    if lines.remove_private_as is not PrivateAs.KEPT:
        words = {PrivateAs.IF_ALL_ARE: "", PrivateAs.ALL: " all", PrivateAs.REPLACED: " all replace-as"}
        yield f"remove-private-as{words[lines.remove_private_as]}"
    if lines.route_reflector_client:
        yield "route-reflector-client"
    if lines.next_hop_self:
        yield "next-hop-self" + (" all" if lines.next_hop_self_all else "")
    if lines.next_hop_unchanged:
        yield "next-hop-unchanged"
    if lines.additional is not None:
        ways = [
            word for word, is_so in (("send", lines.additional.sends), ("receive", lines.additional.receives)) if is_so
        ]
        yield f"additional-paths {' '.join(ways) or 'disable'}"
    if lines.advertised != BEST_ALONE:
        yield f"advertise additional-paths {' '.join(choice_words(lines.advertised))}"
    if lines.advertisement_interval is not None:
        yield f"advertisement-interval {lines.advertisement_interval}"
    if lines.send_community or lines.send_extended:
        both = lines.send_community and lines.send_extended
        yield "send-community" + (" both" if both else " extended" if lines.send_extended else "")


def _maximum(lines: NeighborLines) -> str:
    words = f" {lines.warn_percent}" if lines.warn_percent != 75 else ""
    words += f" restart {lines.restart_minutes}" if lines.restart_minutes else ""
    return f"maximum-prefix {lines.maximum_prefixes}{words}{' warning-only' if lines.only_warn else ''}"
