"""The lines to change where two ends do not agree on IKE's algorithms, on an identity, or on a transform set.

They are made of what the other end has, and change what this end uses: a line for a set, a proposal or a profile that
nothing here names would fix nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ikev2.model import DEFAULT_PROPOSAL
from dmvpn.tools.doctor.scene import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.router.facts import RouterFacts, TunnelFacts

_SET: Final = "crypto ipsec transform-set "
_PROFILE: Final = "crypto ikev2 profile "
_OLD_PROFILE: Final = "crypto isakmp profile "
_POLICY: Final = "crypto ikev2 policy "
_OLD_POLICY: Final = "crypto isakmp policy "
_PROPOSAL: Final = "crypto ikev2 proposal "
#: What a router without a proposal of its own offers; whoever has some must have this one, too, to agree with it.
_SMART_DEFAULTS: Final = (
    "SMART-DEFAULTS",
    (
        f"encryption {' '.join(one.value for one in DEFAULT_PROPOSAL.encryption)}",
        f"integrity {' '.join(one.value for one in DEFAULT_PROPOSAL.integrity)}",
        f"group {' '.join(map(str, DEFAULT_PROPOSAL.groups))}",
    ),
)


@dataclass(frozen=True, slots=True)
class End:
    """A router and its tunnel."""

    facts: RouterFacts
    tunnel: TunnelFacts

    @property
    def profile(self) -> str:
        """The line that opens the IPsec profile of the tunnel."""
        return f"crypto ipsec profile {self.tunnel.protection.partition(' ')[0]}"

    def named(self, words: str) -> list[str]:
        """Return what the IPsec profile names after these words."""
        return [name for line in lines_of(self.facts, self.profile, words) for name in line[len(words) :].split()]

    def headers(self, words: str) -> list[str]:
        """Return the lines that begin so and open a section, or are outside of all sections."""
        return [line for line in self.facts.configuration if line.startswith(words)]


# ---------------------------------------------------------------------------------------------------- transform sets


def sets(end: End) -> list[str]:
    """Return the header lines of the transform sets that a tunnel's profile names."""
    names = end.named("set transform-set ")
    return [line for name in names for line in end.headers(f"{_SET}{name} ")]


def mode(end: End) -> str:
    """Return what the first transform set says."""
    found = sets(end)
    return _mode(end, found[0]) if found else "tunnel"


def _mode(end: End, header: str) -> str:
    return next(lines_of(end.facts, header, "mode "), "mode tunnel").removeprefix("mode ")


def transforms(end: End) -> tuple[str, ...]:
    """Return the algorithms that the tunnel's profile offers, as `show running-config` writes them."""
    return tuple(_algorithms(header) for header in sets(end))


def _algorithms(header: str) -> str:
    return " ".join(header.removeprefix(_SET).split()[1:])


def transform_lines(end: End, other: End) -> tuple[str, ...]:
    """Return what lets an end offer what the other one does: a set that it has, else one that it is to have."""
    theirs = sets(other)
    if not theirs:
        return (end.profile, "set transform-set NAME")
    wanted = _algorithms(theirs[0]), _mode(other, theirs[0])
    for header in end.headers(_SET):
        if (_algorithms(header), _mode(end, header)) == wanted:
            return (end.profile, f"set transform-set {_name(header)}")
    name = _name(theirs[0])
    mine = [_name(header) for header in sets(end)]
    if mine and name not in mine and any(_name(header) == name for header in end.headers(_SET)):
        name = mine[0]  # a set of that name is there for something else
    used = () if name in mine else (end.profile, f"set transform-set {name}")
    return (f"{_SET}{name} {wanted[0]}", f"mode {wanted[1]}", *used)


def pfs(end: End) -> str:
    """Return the group of PFS, as its line has it, or ""."""
    return next(lines_of(end.facts, end.profile, "set pfs"), "").removeprefix("set pfs ")


def pfs_lines(end: End, other: End) -> tuple[str, ...]:
    """Return what gives an end the group of PFS that the other one has, or none."""
    right = pfs(other)
    return (end.profile, f"set pfs {right}" if right else "no set pfs")


def _name(header: str) -> str:
    return header.removeprefix(_SET).split()[0]


# ---------------------------------------------------------------------------------------------------- proposals of IKE


def proposal_lines(end: End, other: End) -> tuple[str, ...]:
    """Return what lets an end take the first proposal of the other one, besides its own."""
    policy = _policy(end)
    old = other.headers(_OLD_POLICY)
    if not policy and not _policy(other) and old:
        taken = {line.removeprefix(_OLD_POLICY) for line in end.headers(_OLD_POLICY)}
        number = next(str(one) for one in range(10, 10_001) if str(one) not in taken)
        return (f"{_OLD_POLICY}{number}", *lines_of(other.facts, min(old, key=_number)))
    name, wanted = _proposal(other)
    known = {line.removeprefix(_PROPOSAL): tuple(lines_of(end.facts, line)) for line in end.headers(_PROPOSAL)}
    same = next((one for one, lines in known.items() if lines == wanted), "")
    opening = policy or f"{_POLICY}{_policy(other).removeprefix(_POLICY) or name}"
    if same:
        return (opening, f"proposal {same}")
    stale = [line.split()[0] for line in known.get(name, ())]
    gone = tuple(f"no {word}" for word in stale if all(not line.startswith(f"{word} ") for line in wanted))
    uses = policy and f"proposal {name}" in lines_of(end.facts, policy, "proposal ")
    return (f"{_PROPOSAL}{name}", *wanted, *gone, *(() if uses else (opening, f"proposal {name}")))


def _number(header: str) -> int:
    return int(header.removeprefix(_OLD_POLICY))


def _policy(end: End) -> str:
    """Return the line that opens the policy for the tunnel's source: the first one that fits."""
    for header in end.headers(_POLICY):
        local = list(lines_of(end.facts, header, "match address local "))
        if not local or f"match address local {end.tunnel.source}" in local:
            return header
    return ""


def _proposal(end: End) -> tuple[str, tuple[str, ...]]:
    """Return the first proposal that its policy names: its name and lines."""
    written = end.headers(_PROPOSAL)
    for line in lines_of(end.facts, _policy(end), "proposal ") if _policy(end) else ():
        name = line.removeprefix("proposal ")
        if f"{_PROPOSAL}{name}" in written:
            return name, tuple(lines_of(end.facts, f"{_PROPOSAL}{name}"))
    return _SMART_DEFAULTS


# ---------------------------------------------------------------------------------------------------- identities


def identity_lines(end: End, other: End) -> tuple[str, ...]:
    """Return what lets the profile of an end take who the other one says that it is."""
    old = end.named("set isakmp-profile ")
    if old and not end.named("set ikev2-profile "):
        return (f"{_OLD_PROFILE}{old[0]}", f"match identity address {other.tunnel.source} 255.255.255.255")
    header, uses = _profile(end)
    match = f"match identity remote {_identity(other)}"
    if header in end.facts.configuration:
        return (header, match, *uses)
    return (header, match, *_proofs(end), *uses)


def by_certificate(end: End) -> bool:
    """Return whether the profile of an end takes others by what their certificates say."""
    return any(lines_of(end.facts, _profile(end)[0], "match certificate "))


def proof_lines(end: End, other: End) -> tuple[str, ...]:
    """Return what makes an end prove itself as the other one does."""
    (header, _), (theirs, _) = _profile(end), _profile(other)
    own = list(lines_of(end.facts, header, "authentication "))
    return (header, *(line for line in lines_of(other.facts, theirs, "authentication ") if line not in own))


def trustpoint_lines(end: End, other: End) -> tuple[str, ...]:
    """Return what makes an end prove itself by the trustpoint of the other one, if it has that, too; () if it does."""
    (header, _), (theirs, _) = _profile(end), _profile(other)
    mine, right = (
        list(lines_of(end.facts, header, "pki trustpoint ")),
        list(lines_of(other.facts, theirs, "pki trustpoint ")),
    )
    wanted = [line for line in right if f"crypto {line}" in end.facts.configuration and line not in mine]
    return (header, *(f"no {line}" for line in mine if line not in right), *wanted) if wanted else ()


def _profile(end: End) -> tuple[str, tuple[str, ...]]:
    """Return the IKE profile that the tunnel uses, and the lines that make it use that one if none does yet."""
    named, written = end.named("set ikev2-profile "), end.headers(_PROFILE)
    if named:
        return f"{_PROFILE}{named[0]}", ()
    if f"{_PROFILE}default" in written or len(written) == 1:
        return (f"{_PROFILE}default" if f"{_PROFILE}default" in written else written[0]), ()
    header = written[0] if written else f"{_PROFILE}NAME"
    return header, (end.profile, f"set ikev2-profile {header.removeprefix(_PROFILE)}")


def _identity(end: End) -> str:
    """Return who an end says that it is: what its profile says, else the address that it sends from, translated
    or not.
    """
    header, _ = _profile(end)
    said = next(lines_of(end.facts, header, "identity local "), "").removeprefix("identity local ")
    if not said:
        return _mirrored(end, header) or f"address {end.tunnel.source} 255.255.255.255"
    if said == "dn":
        return "any"
    return f"{said} 255.255.255.255" if said.startswith("address ") else said


def _mirrored(end: End, header: str) -> str:
    """Return how an end itself takes everybody, if it does: the other one is to do so, too."""
    wide = ("address 0.0.0.0", "any")
    taken = (line.removeprefix("match identity remote ") for line in lines_of(end.facts, header, "match identity "))
    return next((one for one in taken if one in wide), "")


def _proofs(end: End) -> Iterator[str]:
    """Yield what a profile that is not there yet needs besides."""
    rings = [line.split()[-1] for line in end.headers("crypto ikev2 keyring ")]
    yield "authentication local pre-share"
    yield "authentication remote pre-share"
    yield f"keyring local {rings[0] if rings else 'NAME'}"
