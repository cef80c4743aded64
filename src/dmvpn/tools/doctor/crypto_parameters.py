"""Lines to change where IPsec of two ends does not agree: transform sets, modes, groups.

The lines copy the other end's settings. They change settings that this end uses: a line for a transform set
that nothing refers to would fix nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.placeholder import Blank
from dmvpn.base.values import dataclass
from dmvpn.features.ike.translation import begins_with_v1
from dmvpn.features.ipsec.config.profiles import PFS, TRANSFORM_SETS
from dmvpn.features.ipsec.config.profiles import PROFILE as IPSEC_PROFILE
from dmvpn.features.ipsec.config.transforms import MODE, TRANSFORM_SET
from dmvpn.features.ipsec.model import IpsecProfile
from dmvpn.tools.doctor.configuration import device, texts

if TYPE_CHECKING:
    from dmvpn.features.ike.model import IkeConfig
    from dmvpn.ios import Args, ConfigTree, Section
    from dmvpn.router.facts import RouterFacts, TunnelFacts

_NAME: Final = Blank("name")


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
