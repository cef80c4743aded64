"""Which tunnels can be protected, and by which policy; the others learn why not.

IKE knows a pair of addresses and the protocol GRE; the tunnel key is inside, and no selector (RFC 7296 §3.13.1). So
tunnels with one source in one front door share their SAs, whether `shared` is configured or not, and must name one
profile. Otherwise a peer that proved itself for one tunnel could send by the other. IOS takes the lines of two
profiles, and its guides demand one ("Sharing IPsec with Tunnel Protection", restrictions).

A point-to-point tunnel with a destination of its own differs by that destination, and may have a profile of its own,
beside other point-to-point tunnels and beside multipoint ones: they may not use its far end, in either direction.

The same address in two front doors is two sources: their peers have nothing in common, not even with equal addresses.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ipsec.policies import idle_time, resolve
from dmvpn.features.ipsec.reasons import IpsecReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
    from dmvpn.base.notices import TunnelState
    from dmvpn.base.protection import ProtectionPolicy
    from dmvpn.features.ipsec.model import IpsecConfig


@dataclass(frozen=True, slots=True)
class Decision:
    """How a tunnel is protected, or (reason) why it cannot be.

    idle_time: seconds, 0: nothing is configured.
    barred: the far ends of tunnels with the same source and another profile, each with the name of its tunnel.
    """

    tunnel: str
    source: OuterAddress
    destination: IPAddress | None
    policy: ProtectionPolicy | None = None
    reason: Reason | None = None
    idle_time: int = 0
    barred: Mapping[IPAddress, str] = field(default_factory=dict)

    def is_about(self, ends: Ends) -> bool:
        """Return whether packets of this tunnel go between these addresses, if anything protects them."""
        outer, remote = ends
        return outer == self.source and self.destination in (None, remote)

    def bar(self, remote: IPAddress) -> Reason | None:
        """Return why this tunnel may not use a peer at `remote`."""
        other = self.barred.get(remote)
        if other is None:
            return None
        return Reason(IpsecReason.PEER_OF_ANOTHER, (other, self.source.address, remote))


def decide(tunnels: Iterable[TunnelState], config: IpsecConfig) -> dict[str, Decision]:
    """Decide for every tunnel that must be protected and has a source. If two do not agree, the first one wins."""
    decisions: dict[str, Decision] = {}
    shares = _Shares()
    for tunnel in tunnels:
        source = tunnel.outer
        if not tunnel.protection or not tunnel.enabled or source is None:
            continue
        outcome = resolve(config, tunnel.protection, source)
        if not isinstance(outcome, Reason):
            winner = shares.take(tunnel, source)
            outcome = outcome if winner is None else _discord(tunnel, winner)
        undecided = Decision(tunnel.name, source, tunnel.destination)
        decisions[tunnel.name] = (
            replace(undecided, reason=outcome)
            if isinstance(outcome, Reason)
            else replace(undecided, policy=outcome, idle_time=idle_time(config, tunnel.protection))
        )
    return {name: shares.narrowed(decision) for name, decision in decisions.items()}


class _Shares:
    """Which tunnels have a source, and so which of its peers are for which profile."""

    def __init__(self) -> None:
        self._tunnels: dict[OuterAddress, list[TunnelState]] = {}

    def take(self, tunnel: TunnelState, source: OuterAddress) -> TunnelState | None:
        """Take this tunnel's peers for its profile. Returns the tunnel that has them for another one, if any."""
        earlier = self._tunnels.setdefault(source, [])
        for other in earlier:
            if other.destination == tunnel.destination and other.protection != tunnel.protection:
                return other
        earlier.append(tunnel)
        return None

    def narrowed(self, decision: Decision) -> Decision:
        """Return it with a policy for certain peers only, or without them, where other tunnels have other profiles."""
        policy, tunnels = decision.policy, self._tunnels.get(decision.source, ())
        if policy is None or all(tunnel.protection == policy.name for tunnel in tunnels):
            return decision
        ours = [tunnel.destination for tunnel in tunnels if tunnel.protection == policy.name]
        if None not in ours:
            remotes = tuple(dict.fromkeys(remote for remote in ours if remote is not None))
            return replace(decision, policy=replace(policy, remotes=remotes))
        others = {t.destination: t.name for t in tunnels if t.destination is not None and t.protection != policy.name}
        return replace(decision, barred=others if decision.destination is None else {})


def _discord(tunnel: TunnelState, winner: TunnelState) -> Reason:
    return Reason(IpsecReason.OTHER_PROFILE, (winner.name, tunnel.source, winner.protection, tunnel.protection))


def policies_of(decisions: Mapping[str, Decision]) -> tuple[ProtectionPolicy, ...]:
    """Return all that IKE may negotiate, each once."""
    return tuple(dict.fromkeys(each.policy for each in decisions.values() if each.policy is not None))
