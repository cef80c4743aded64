"""Lines to change where IKE and IPsec of two ends do not agree: algorithms, identities, transform sets.

The lines copy the other end's settings. They change settings that this end uses: a line for a transform set, a proposal
or a profile that nothing refers to would fix nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.placeholder import Blank
from dmvpn.base.values import dataclass
from dmvpn.features.ike.config import isakmp, profiles, settings
from dmvpn.features.ike.model import DEFAULT_PROPOSAL, IdentityKind, Profile
from dmvpn.features.ike.translation import applying, begins_with_v1
from dmvpn.features.ipsec.config.profiles import IKEV2_PROFILE, ISAKMP_PROFILE, PFS, TRANSFORM_SETS
from dmvpn.features.ipsec.config.profiles import PROFILE as IPSEC_PROFILE
from dmvpn.features.ipsec.config.transforms import MODE, TRANSFORM_SET
from dmvpn.features.ipsec.model import IpsecProfile
from dmvpn.tools.doctor.configuration import device, texts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from dmvpn.features.ike.model import IkeConfig, Policy
    from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
    from dmvpn.router.facts import RouterFacts, TunnelFacts

_NAME: Final = Blank("name")
_ADDRESS: Final = Blank("address")
#: The mask of one address.
_HOST: Final = "255.255.255.255"
#: The lines of a proposal, in the order of the running configuration.
_OF_PROPOSAL: Final = (settings.ENCRYPTION, settings.INTEGRITY, settings.PRF, settings.GROUPS)
#: The proposal of a router without one of its own; a router with proposals must have this one, too, to agree with it.
_SMART_DEFAULTS: Final = (
    "SMART-DEFAULTS",
    (
        f"encryption {' '.join(one.value for one in DEFAULT_PROPOSAL.encryption)}",
        f"integrity {' '.join(one.value for one in DEFAULT_PROPOSAL.integrity)}",
        f"group {' '.join(map(str, DEFAULT_PROPOSAL.groups))}",
    ),
)
#: The address of a `match` that means everybody, if it has no mask.
_EVERYBODY: Final = "0.0.0.0"  # noqa: S104 - a wildcard of the configuration


@dataclass(frozen=True, slots=True)
class End:
    """A router and its tunnel."""

    facts: RouterFacts
    tunnel: TunnelFacts

    @property
    def tree(self) -> ConfigTree:
        """The lines of the router."""
        return device(self.facts).tree

    @property
    def ike(self) -> IkeConfig:
        """The settings of IKE."""
        return device(self.facts).ikev2

    @property
    def begins_with_v1(self) -> bool:
        """Whether the tunnel begins with IKEv1."""
        return not self.ipsec.ikev2_profile and begins_with_v1(self.ike)

    @property
    def answers_v1(self) -> bool:
        """Whether the tunnel may have keys for peers that begin with IKEv1."""
        return not self.ipsec.ikev2_profile and bool(self.ike.isakmp.keys)

    @property
    def profile(self) -> str:
        """The line that opens the IPsec profile of the tunnel."""
        return IPSEC_PROFILE.of(name=self._profile or _NAME)

    @property
    def ipsec(self) -> IpsecProfile:
        """The IPsec profile of the tunnel; without one, an empty profile."""
        found = (one for one in device(self.facts).ipsec.profiles if one.name == self._profile)
        return next(found, IpsecProfile(name=self._profile))

    @property
    def profile_section(self) -> Section | None:
        """The section of the IPsec profile."""
        return self.tree.section(IPSEC_PROFILE, name=self._profile)

    @property
    def _profile(self) -> str:
        return self.tunnel.protection.partition(" ")[0]


# ---------------------------------------------------------------------------------------------------- transform sets


@dataclass(frozen=True, slots=True)
class _Set:
    """A transform set: the line that opens it, and its mode."""

    args: Args
    mode: str

    @property
    def name(self) -> str:
        return self.args.text("name")

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms, as the running configuration writes them."""
        opening = TRANSFORM_SET.of(name=self.name).split()
        return tuple(TRANSFORM_SET.text(self.args).split()[len(opening) :])

    def line(self, name: str) -> str:
        """Return the line that opens a set of this name with the same algorithms."""
        return TRANSFORM_SET.of(**{**dict(self.args), "name": name})


def _all_sets(end: End) -> list[_Set]:
    return [
        _Set(args, (*texts(section, MODE), MODE.of(tunnel=True))[0])
        for args, section in end.tree.sections(TRANSFORM_SET)
    ]


def _sets(end: End) -> list[_Set]:
    """Return the transform sets that a tunnel's profile names."""
    known = {one.name: one for one in _all_sets(end)}
    return [known[name] for name in end.ipsec.transform_sets if name in known]


def sets(end: End) -> list[str]:
    """Return the lines that open the transform sets that a tunnel's profile names."""
    return [TRANSFORM_SET.text(one.args) for one in _sets(end)]


def mode(end: End) -> str:
    """Return the mode of the first transform set."""
    found = _sets(end)
    return " ".join((found[0].mode if found else MODE.of(tunnel=True)).split()[1:])


def mode_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that give the first transform set of an end the mode of the other end."""
    found = _sets(other)
    return (*sets(end)[:1], found[0].mode if found else MODE.of(tunnel=True))


def transforms(end: End) -> tuple[str, ...]:
    """Return the algorithms of the tunnel's profile, as `show running-config` writes them."""
    return tuple(" ".join(one.algorithms) for one in _sets(end))


def transform_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that let an end offer the other's transforms: by an existing set, else by a new one."""
    theirs = _sets(other)
    if not theirs:
        return (end.profile, TRANSFORM_SETS.of(name1=_NAME))
    wanted, known = theirs[0], _all_sets(end)
    for one in known:
        if (one.algorithms, one.mode) == (wanted.algorithms, wanted.mode):
            return (end.profile, TRANSFORM_SETS.of(name1=one.name))
    name = wanted.name
    mine = [one.name for one in _sets(end)]
    if mine and name not in mine and any(one.name == name for one in known):
        name = mine[0]  # a set of that name has another purpose
    used = () if name in mine else (end.profile, TRANSFORM_SETS.of(name1=name))
    return (wanted.line(name), wanted.mode, *used)


def pfs(end: End) -> str:
    """Return the group of PFS, as its line has it, or ""."""
    lines = texts(end.profile_section, PFS)
    return " ".join(lines[0].split()[2:]) if lines else ""


def pfs_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that give an end the other's PFS group, or none."""
    return (end.profile, (*texts(other.profile_section, PFS), PFS.no())[0])


# ---------------------------------------------------------------------------------------------------- proposals of IKE


def proposal_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that let an end accept the first proposal of the other one, besides its own."""
    policy, theirs = _policy(end), _policy(other)
    old = [(args.integer("number"), section) for args, section in other.tree.sections(isakmp.POLICY)]
    if policy is None and theirs is None and old:
        taken = {one.number for one in end.ike.isakmp.policies}
        number = next(one for one in range(10, 10_001) if one not in taken)
        section = min(old, key=lambda one: one[0])[1]
        return (isakmp.POLICY.of(number=number), *(one.text for one in section.statements()))
    name, wanted = _proposal(other)
    known = {args.text("name"): _lines(section) for args, section in end.tree.sections(settings.PROPOSAL)}
    same = next((one for one, lines in known.items() if lines == wanted), "")
    opening = settings.POLICY.of(name=next((one.name for one in (policy, theirs) if one is not None), name))
    if same:
        return (opening, settings.USES.of(name=same))
    own = end.tree.section(settings.PROPOSAL, name=name)
    gone = tuple(line.no() for line in _OF_PROPOSAL if texts(own, line) and not _has(wanted, line))
    uses = policy is not None and name in policy.proposals
    added = () if uses else (opening, settings.USES.of(name=name))
    return (settings.PROPOSAL.of(name=name), *wanted, *gone, *added)


def _lines(section: Section) -> tuple[str, ...]:
    return tuple(one.text for one in section.statements())


def _has(lines: tuple[str, ...], line: ConfigLine) -> bool:
    """Return whether one of these lines of a proposal is this command."""
    word = line.no().split()[1]
    return any(one.split()[0] == word for one in lines)


def _policy(end: End) -> Policy | None:
    """Return the policy for the tunnel's source in its front door: the first match."""
    for one in end.ike.policies:
        is_for_source = not one.local_addresses or end.tunnel.source in one.local_addresses
        if is_for_source and one.fvrf in ("any", end.tunnel.front):
            return one
    return None


def _proposal(end: End) -> tuple[str, tuple[str, ...]]:
    """Return the first proposal in its policy: its name and lines."""
    policy = _policy(end)
    for name in policy.proposals if policy is not None else ():
        section = end.tree.section(settings.PROPOSAL, name=name)
        if section is not None:
            return name, _lines(section)
    return _SMART_DEFAULTS


# ---------------------------------------------------------------------------------------------------- IKE profiles


def lacks_profile(end: End) -> bool:
    """Return whether the tunnel has no profile of IKE: its name means nothing, or none applies."""
    named, ike = end.ipsec, end.ike
    if named.ikev2_profile or named.isakmp_profile:
        return (named.ikev2_profile or named.isakmp_profile) not in _known(end, by_v1=bool(named.isakmp_profile))
    return not applying(ike) and not ike.isakmp.global_keys and not ike.isakmp.keyrings


def lacks_keys(end: End) -> bool:
    """Return whether the tunnel has no profile of IKE because `crypto isakmp` has no keys."""
    unnamed = not end.ipsec.ikev2_profile and not end.ipsec.isakmp_profile
    return unnamed and lacks_profile(end) and not end.ike.profiles and bool(end.ike.isakmp.policies)


def profile_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that name a profile that the end has: the other's name, or the only one; else none is named
    where global keys do without. (): there is nothing to name.
    """
    by_v1 = bool(end.ipsec.isakmp_profile)
    line = ISAKMP_PROFILE if by_v1 else IKEV2_PROFILE
    known, theirs = _known(end, by_v1=by_v1), other.ipsec.isakmp_profile if by_v1 else other.ipsec.ikev2_profile
    if theirs in known or len(known) == 1:
        return (end.profile, line.of(name=theirs if theirs in known else known[0]))
    return (end.profile, line.no()) if by_v1 and end.ike.isakmp.global_keys else ()


def _known(end: End, *, by_v1: bool) -> list[str]:
    """Return the names of the profiles of a version of IKE."""
    return [one.name for one in end.ike.isakmp.profiles] if by_v1 else [one.name for one in end.ike.profiles]


# ---------------------------------------------------------------------------------------------------- identities


def identity_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that let an end's profile accept the identity of the other one."""
    if end.ipsec.isakmp_profile and not end.ipsec.ikev2_profile:
        line = isakmp.MATCH_IDENTITY.of(address=other.tunnel.source or _ADDRESS, mask=_HOST)
        return (isakmp.PROFILE.of(name=end.ipsec.isakmp_profile), line)
    name, uses = _profile(end)
    header, match = profiles.PROFILE.of(name=name), profiles.MATCH_IDENTITY.of(**_identity(other))
    if end.tree.section(profiles.PROFILE, name=name) is not None:
        return (header, match, *uses)
    return (header, match, *_proofs(end), *uses)


def by_certificate(end: End) -> bool:
    """Return whether the profile of an end identifies peers by their certificates."""
    return bool(_settings(end).certificate_maps)


def proof_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that give an end the other's authentication method."""
    own, theirs = (texts(_section(one), profiles.USES) for one in (end, other))
    return (_header(end), *(line for line in theirs if line not in own))


def trustpoint_lines(end: End, other: End) -> tuple[str, ...]:
    """Return the lines that let an end use the trustpoint of the other one, if it has that, too; () if it does."""
    mine, right = (texts(_section(one), profiles.TRUSTPOINT) for one in (end, other))
    known = {one.name for one in device(end.facts).pki.trustpoints}
    wanted = [
        profiles.TRUSTPOINT.text(args)
        for args in _entries(_section(other), profiles.TRUSTPOINT)
        if args.text("name") in known and profiles.TRUSTPOINT.text(args) not in mine
    ]
    return (_header(end), *(f"no {line}" for line in mine if line not in right), *wanted) if wanted else ()


def _entries(section: Section | None, line: ConfigLine) -> list[Args]:
    return section.all(line) if section is not None else []


def _profile(end: End) -> tuple[str, tuple[str, ...]]:
    """Return the name of the tunnel's IKE profile, and the lines that make the tunnel use it if it has none yet."""
    named, written = end.ipsec.ikev2_profile, [one.name for one in end.ike.profiles]
    if named:
        return named, ()
    if "default" in written or len(written) == 1:
        return ("default" if "default" in written else written[0]), ()
    name = written[0] if written else _NAME
    return name, (end.profile, IKEV2_PROFILE.of(name=name))


def _header(end: End) -> str:
    return profiles.PROFILE.of(name=_profile(end)[0])


def _section(end: End) -> Section | None:
    """Return the section of the tunnel's IKE profile."""
    return end.tree.section(profiles.PROFILE, name=_profile(end)[0])


def _settings(end: End) -> Profile:
    """Return the settings of the tunnel's IKE profile."""
    name, _ = _profile(end)
    return next((one for one in end.ike.profiles if one.name == name), Profile(name=name))


def _identity(end: End) -> dict[str, Hashable]:
    """Return the identity of an end, as a `match` has it: from its profile, else its source address."""
    own = _settings(end).local_identity
    if own is None:
        return _mirrored(end) or {"address": end.tunnel.source or _ADDRESS, "mask": _HOST}
    if own.kind is IdentityKind.DISTINGUISHED_NAME:
        return {"any": True}
    return (
        {"address": own.address, "mask": _HOST} if own.address is not None else {own.kind.value: True, "text": own.text}
    )


def _mirrored(end: End) -> dict[str, Hashable]:
    """Return an end's wildcard identity match, if it has one, for use at the other end."""
    for one in _settings(end).matches:
        if one.kind is IdentityKind.ANY:
            return {"any": True}
        if one.kind is IdentityKind.ADDRESS and one.mask is None and str(one.address) == _EVERYBODY:
            return {"address": one.address}
    return {}


def _proofs(end: End) -> Iterator[str]:
    """Yield the further lines of a new profile."""
    rings = [one.name for one in end.ike.keyrings]
    yield profiles.USES.of(**{"local": True, "pre-share": True})
    yield profiles.USES.of(**{"remote": True, "pre-share": True})
    yield profiles.KEYRING.of(local=True, name=rings[0] if rings else _NAME)
