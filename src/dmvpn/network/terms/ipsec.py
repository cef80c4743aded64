"""What the two ends of a tunnel must agree on in IPsec: whether it is protected, transforms, mode, forward secrecy."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.terms import Likeness, Term
from dmvpn.base.values import dataclass
from dmvpn.features.ike.translation import begins_with_v1
from dmvpn.features.ipsec.config.profiles import PFS as PFS_LINE
from dmvpn.features.ipsec.config.profiles import PROFILE, TRANSFORM_SETS, lines_of
from dmvpn.features.ipsec.model import IpsecProfile, TransformSet
from dmvpn.features.ipsec.policies import DEFAULT_TRANSFORM_SET, find_profile, transform_of, usable_sets
from dmvpn.features.tunnel.config import PROTECTION as PROTECTION_LINE
from dmvpn.ios import INTERFACE
from dmvpn.network.overlay import EndPair, TunnelEnd
from dmvpn.network.terms.table import Table

_TUNNEL: Final = "tunnel"


@dataclass(frozen=True, slots=True)
class IpsecEnd:
    """A protected tunnel. sets: the usable transform sets of its profile. begins: it sends first, as clients do."""

    end: TunnelEnd
    profile: IpsecProfile
    sets: tuple[TransformSet, ...]
    begins: bool

    @property
    def opening(self) -> str:
        """The line that opens its profile."""
        return PROFILE.line(name=self.end.tunnel.protection)

    @property
    def mode(self) -> str:
        """The mode of its SAs, as the line has it."""
        if all(one.require_transport for one in self.sets):
            return "transport require"
        return "transport" if any(one.transport for one in self.sets) else _TUNNEL

    @property
    def begins_with_v1(self) -> bool:
        """Whether its first message is one of IKEv1."""
        return self.begins and not self.profile.ikev2_profile and begins_with_v1(self.end.device.ikev2)


def ipsec_end(end: TunnelEnd, pair: EndPair) -> IpsecEnd | None:
    """Return an end as IPsec has it; None: it is not protected, or its profile protects nothing."""
    config = end.device.ipsec
    profile = find_profile(config, end.tunnel.protected_by) if end.tunnel.protection else None
    sets = tuple(one for one, _ in usable_sets(config, profile)[0]) if profile is not None else ()
    if profile is None or not sets:
        return None
    return IpsecEnd(end, profile, sets, end is pair.here or not pair.nhrp)


# ---------------------------------------------------------------------------------------------------- protection


def _protection_lines(end: TunnelEnd, protection: str) -> tuple[str, ...]:
    """Return the lines of a tunnel with this protection; a router with one profile has its own."""
    opening, known = INTERFACE.line(name=end.name), end.device.ipsec.profiles
    if not protection:
        return opening, f"no {_protection_line(end.tunnel.protected_by)}"
    return opening, _protection_line(known[0].name if len(known) == 1 else protection)


def _protection_line(protection: str) -> str:
    """Return the line that protects a tunnel. protection: see `TunnelSettings.protected_by`."""
    profile, _, own = protection.partition(" ")
    kind, _, name = own.partition("-profile ")
    return PROTECTION_LINE.line(profile=profile, **({kind: name} if own else {}))


PROTECTED: Final = Term["TunnelEnd", str](
    rule=rule(Severity.ERROR)(r"""
        ipsec-one-sided: One end of a tunnel is protected, and the other is not
        A protected tunnel sends and accepts nothing in clear, and the other end sends only in clear. Not even a
        registration gets through.
        bad: interface Tunnel0\n tunnel mode gre multipoint
        fix: interface Tunnel0\n tunnel protection ipsec profile P
        """),
    cause=Cause.UNPROTECTED,
    name="tunnel protection",
    effect="only one end sends in clear, and the other drops that",
    see=lambda end: end.tunnel.protected_by,
    words=lambda protection: "tunnel protection" if protection else "no tunnel protection",
    fits=lambda here, there: Likeness.of(bool(here) == bool(there)),
    place=lambda end: end.line("tunnel protection"),
    lines=_protection_lines,
    protects=bool,
    is_kept=True,
    other="",
)
PROTECTION: Final = Table(lambda end, _: end, (PROTECTED,))

# ---------------------------------------------------------------------------------------------------- transform sets


def _transform_lines(end: IpsecEnd, value: tuple[TransformSet, ...]) -> tuple[str, ...]:
    """Return the lines by which an end offers the first of these sets: by a set that it has, else by a new one."""
    wanted, names = value[0], end.profile.transform_sets
    known = {one.name: one for one in (DEFAULT_TRANSFORM_SET, *end.end.device.ipsec.transform_sets)}
    alike = next((one.name for one in known.values() if replace(one, name=wanted.name) == wanted), "")
    if alike:
        return end.opening, TRANSFORM_SETS.line(name1=alike)
    is_taken = wanted.name in known and wanted.name not in names
    name = names[0] if is_taken and names else wanted.name
    used = () if name in names else (end.opening, TRANSFORM_SETS.line(name1=name))
    return (*lines_of(replace(wanted, name=name)), *used)


def _algorithms(sets: tuple[TransformSet, ...]) -> str:
    """Return the algorithms of sets, as lines have them behind the name."""
    return " or ".join(lines_of(replace(one, name="-"))[0].partition(" - ")[2] for one in sets)


def _offer_one(here: tuple[TransformSet, ...], there: tuple[TransformSet, ...]) -> Likeness:
    """Return whether two ends have a transform in common."""
    return Likeness.of(not {transform_of(one) for one in here}.isdisjoint(map(transform_of, there)))


TRANSFORMS: Final = Term["IpsecEnd", "tuple[TransformSet, ...]"](
    rule=rule(Severity.ERROR)("""
        ipsec-transforms-differ: The two ends have no transform in common
        The IKE SA comes up, and the child SA is refused with NO_PROPOSAL_CHOSEN (RFC 7296 §3.3): nothing is carried.
        bad: crypto ipsec transform-set TS esp-gcm 256
        fix: crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac
        """),
    cause=Cause.TRANSFORM,
    name="transform set",
    effect="they agree on no SAs",
    see=lambda end: end.sets,
    words=_algorithms,
    fits=_offer_one,
    place=lambda end: (end.opening, "set transform-set"),
    lines=_transform_lines,
)

# ---------------------------------------------------------------------------------------------------- mode


def _mode_lines(end: IpsecEnd, mode: str) -> tuple[str, ...]:
    return lines_of(replace(end.sets[0], transport=mode != _TUNNEL, require_transport=False))


def _stops_all(here: IpsecEnd, there: IpsecEnd) -> bool:
    """Return whether two modes are no SAs at all: the end in transport mode insists, or begins with IKEv1."""
    one = there if here.mode == _TUNNEL else here
    return one.mode == "transport require" or one.begins_with_v1


MODE: Final = Term["IpsecEnd", str](
    rule=rule(Severity.WARNING)(r"""
        ipsec-mode-differs: One end is in transport mode, the other in tunnel mode
        Transport mode is used if both want it (RFC 7296 §1.3.1); else it is tunnel mode with 20 octets more in each
        packet, or nothing at all with `mode transport require`. In IKEv1 the end in tunnel mode refuses transport mode:
        nothing comes up where the other end begins.
        bad: crypto ipsec transform-set TS esp-gcm 256\n mode tunnel
        fix: crypto ipsec transform-set TS esp-gcm 256\n mode transport
        """),
    cause=Cause.MODE,
    name="IPsec mode",
    effect="both use tunnel mode, and by IKEv1 nothing comes up where the end in transport mode begins",
    see=lambda end: end.mode,
    words=lambda mode: f"mode {mode}",
    fits=lambda here, there: Likeness.of((here == _TUNNEL) == (there == _TUNNEL)),
    place=lambda end: (lines_of(end.sets[0])[0],) if end.profile.transform_sets else (end.opening,),
    lines=_mode_lines,
    protects=lambda mode: mode != _TUNNEL,
    stops=_stops_all,
    waits=(TRANSFORMS,),
    other=_TUNNEL,
)

# ---------------------------------------------------------------------------------------------------- forward secrecy

PFS: Final = Term["IpsecEnd", int](
    rule=rule(Severity.ERROR)(r"""
        ipsec-pfs-differs: The two ends want different groups for perfect forward secrecy
        The first child SA is made with IKE's own exchange and comes up. Its successor needs an exchange of its own in a
        group that both have (RFC 7296 §1.3.1) and is refused: there is never any forward secrecy, and whenever a
        lifetime ends the tunnel begins again.
        bad: crypto ipsec profile P\n set pfs group19
        fix: crypto ipsec profile P\n set pfs group14
        """),
    cause=Cause.PFS,
    name="group of forward secrecy",
    effect="the first renewal of SAs is refused, and by IKEv1 all SAs are, unless only the end that begins has a group",
    see=lambda end: end.profile.pfs_group,
    words=lambda group: f"set pfs group{group}" if group else "no perfect forward secrecy",
    place=lambda end: (end.opening, "set pfs"),
    lines=lambda end, group: (end.opening, PFS_LINE.line(group=f"group{group}") if group else PFS_LINE.no()),
    protects=bool,
)
IPSEC: Final = Table(ipsec_end, (TRANSFORMS, MODE, PFS))
