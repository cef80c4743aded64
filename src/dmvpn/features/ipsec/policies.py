"""What a profile's words come to: the algorithms, lifetimes and switches that IKE negotiates with, or why they do not.

A profile names transform sets. What they leave unsaid the global lines say, and after these IOS's smart defaults: the
profile and the transform set `default` exist without a line. Algorithms that protect nothing (DES, 3DES, NULL, MD5,
GMAC) are configured as on IOS and left out here; a profile that has nothing else protects no tunnel.

A tunnel is protected by the policy of its profile, or learns why not. IKE knows a pair of addresses and the protocol
GRE; the tunnel key is inside, and no selector (RFC 7296 §3.13.1). So tunnels with one source in one front door share
their SAs, whether `shared` is configured or not, and must name one profile. Otherwise a peer that proved itself for one
tunnel could send by the other. IOS takes the lines of two profiles, and its guides demand one ("Sharing IPsec with
Tunnel Protection", restrictions).

A point-to-point tunnel with a destination of its own differs by that destination, and may have a profile of its own,
beside other point-to-point tunnels and beside multipoint ones: they may not use its far end, in either direction.

The same address in two front doors is two sources: their peers have nothing in common, not even with equal addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.notices import TunnelState
from dmvpn.base.protection import Encapsulation, EspCipher, EspHash, EspTransform, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value, project
from dmvpn.features.ipsec import model
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.features.ipsec.reasons import IpsecReason

# ----------------------------------------------------------------------------------------- profiles in the terms of IKE


#: The sets and profiles of these names if they are not configured (IOS: `show crypto ipsec transform-set default`).
DEFAULT_TRANSFORM_SET: Final = model.TransformSet(
    name="default", cipher=model.Cipher.AES_CBC, key_bits=128, integrity=model.Integrity.SHA1, transport=True
)
DEFAULT_PROFILE: Final = model.IpsecProfile(name="default", ikev2_profile="default")
#: Packets of the replay window at least, whatever smaller number is configured: packets that our planes send in one
#: train arrive out of order. RFC 4303 §3.4.3 leaves the size to the receiver, and the sender never learns it.
LEAST_WINDOW: Final = 1024

_CIPHERS: Final = {model.Cipher.AES_CBC: EspCipher.AES_CBC, model.Cipher.AES_GCM: EspCipher.AES_GCM}
_HASHES: Final = {
    model.Integrity.SHA1: EspHash.SHA1,
    model.Integrity.SHA256: EspHash.SHA256,
    model.Integrity.SHA384: EspHash.SHA384,
    model.Integrity.SHA512: EspHash.SHA512,
}
#: Octets of the integrity check value (RFC 2404, RFC 4868), and of an AEAD's (RFC 4106 §6).
_ICV: Final = {None: 16, EspHash.SHA1: 12, EspHash.SHA256: 16, EspHash.SHA384: 24, EspHash.SHA512: 32}
_ESP_HEADER, _TRAILER, _UDP_HEADER, _IP_HEADER = 8, 2, 8, 20


def resolve(config: model.IpsecConfig, name: str, outer: OuterAddress) -> ProtectionPolicy | Reason:
    """Return how this profile protects packets from an address of ours, or why it cannot."""
    profile = find_profile(config, name)
    if profile is None:
        return Reason(IpsecReason.NO_PROFILE, (name.partition(" ")[0],))
    usable, refusals = usable_sets(config, profile)
    if not usable:
        return Reason(IpsecReason.NO_TRANSFORM, ("; ".join(refusals),))
    lifetime = profile.lifetime
    seconds = _first(lifetime.seconds, config.lifetime.seconds, model.DEFAULT_SECONDS)
    window = _first(profile.replay_window, config.replay_window, LEAST_WINDOW)
    return project(
        ProtectionPolicy,
        profile,
        name=name,
        local=outer.address,
        front=outer.front,
        transforms=tuple(dict.fromkeys(transform for _, transform in usable)),
        transport=any(transforms.transport for transforms, _ in usable),
        may_tunnel=any(not transforms.require_transport for transforms, _ in usable),
        seconds=float(seconds),
        kilobytes=_first(lifetime.kilobytes, config.lifetime.kilobytes, model.DEFAULT_KILOBYTES),
        replay_window=max(window, LEAST_WINDOW) if window else 0,  # 0: replays are not looked for
        encapsulation=config.encapsulation,
        nat_traversal=config.nat_traversal,
    )


def find_profile(config: model.IpsecConfig, name: str) -> model.IpsecProfile | None:
    """Return the profile of this name: as configured, else the smart default.

    A tunnel may name a profile of IKE behind it (`P isakmp-profile I`), which then counts instead of the profile's own.
    """
    base, *ike = name.split(" ")
    configured = next((profile for profile in config.profiles if profile.name == base), None)
    found = configured or (DEFAULT_PROFILE if base == DEFAULT_PROFILE.name else None)
    if found is None or not ike:
        return found
    kind, named = ike
    of_ikev2 = kind == "ikev2-profile"
    return replace(found, name=name, ikev2_profile=named if of_ikev2 else "", isakmp_profile="" if of_ikev2 else named)


def idle_time(config: model.IpsecConfig, name: str) -> int:
    """Return the seconds after which an unused SA of this profile goes, 0: nothing was said."""
    profile = find_profile(config, name)
    return _first(profile.idle_time if profile else None, config.idle_time, 0)


def _first(*said: int | None) -> int:
    """Return the nearest setting that is configured."""
    return next(value for value in said if value is not None)


# ------------------------------------------------------------------------------------------------ transform sets


def usable_sets(
    config: model.IpsecConfig, profile: model.IpsecProfile
) -> tuple[list[tuple[model.TransformSet, EspTransform]], list[str]]:
    """Return the sets of a profile that protect something, in order; and why each of the rest does not."""
    known = {DEFAULT_TRANSFORM_SET.name: DEFAULT_TRANSFORM_SET, **{s.name: s for s in config.transform_sets}}
    usable: list[tuple[model.TransformSet, EspTransform]] = []
    refusals: list[str] = []
    for name in profile.transform_sets or (DEFAULT_TRANSFORM_SET.name,):
        transforms = known.get(name)
        transform = transform_of(transforms) if transforms else f"transform set {name} is not configured"
        if transforms is None or isinstance(transform, str):
            refusals.append(str(transform))
        else:
            usable.append((transforms, transform))
    return usable, refusals


def transform_of(transforms: model.TransformSet) -> EspTransform | str:
    """Return the algorithms of a transform set, or why it cannot be used."""
    cipher = _CIPHERS.get(transforms.cipher)
    if cipher is None:
        return f"transform set {transforms.name}: {transforms.cipher.value} is not supported"
    if cipher is EspCipher.AES_GCM:
        return EspTransform(cipher, transforms.key_bits)
    if transforms.integrity is None:
        return f"transform set {transforms.name}: {transforms.cipher.value} without authentication is not supported"
    digest = _HASHES.get(transforms.integrity)
    if digest is None:
        return f"transform set {transforms.name}: {transforms.integrity.value} is not supported"
    return EspTransform(cipher, transforms.key_bits, digest)


# ------------------------------------------------------------------------------------------------ sizes


class Expansion(Value):
    """What ESP adds to a GRE packet.

    overhead: octets without padding.
    block: payload and trailer fill such blocks.
    inside: of the overhead, octets that are sealed with the payload.
    """

    overhead: int
    block: int
    inside: int = 0


def expansion(policy: ProtectionPolicy) -> Expansion:
    """Return the worst of a policy's transforms, in UDP unless that is ruled out, without the outer IP header."""
    is_never_in_udp = policy.encapsulation is Encapsulation.NEVER and not policy.nat_traversal
    outside = 0 if is_never_in_udp else _UDP_HEADER
    inside = 0 if policy.transport else _IP_HEADER
    overheads, blocks = [], []
    for transform in policy.transforms:  # RFC 4303 §2, with the IV and block sizes of RFC 3602 and RFC 4106
        iv, block = (8, 4) if transform.cipher is EspCipher.AES_GCM else (16, 16)
        overheads.append(_ESP_HEADER + iv + _TRAILER + _ICV[transform.hash])
        blocks.append(block)
    return Expansion(max(overheads) + outside + inside, max(blocks), inside)


# --------------------------------------------------------------------------------------- which tunnels can be protected


class Decision(Value):
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
            if winner is not None:
                profiles = winner.protection, tunnel.protection
                outcome = Reason(IpsecReason.OTHER_PROFILE, (winner.name, tunnel.source, *profiles))
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


def policies_of(decisions: Mapping[str, Decision]) -> tuple[ProtectionPolicy, ...]:
    """Return all that IKE may negotiate, each once."""
    return tuple(dict.fromkeys(each.policy for each in decisions.values() if each.policy is not None))
