"""`show crypto ikev2 proposal`, `policy` and `profile`: the configuration and defaults.

Keys are in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dmvpn.base.values import Value, project
from dmvpn.features.ike.config import model
from dmvpn.features.ike.model import (
    DEFAULT_PROPOSAL,
    ConfiguredProposal,
    DeadPeerDetection,
    Encryption,
    Hash,
    Identity,
    IdentityKind,
    IkeConfig,
    Policy,
    Profile,
)
from dmvpn.ios import Args, ExecCommand, ShowContext

GROUPS: Final = {
    1: ("DH_GROUP_768_MODP", "768 bit"),
    2: ("DH_GROUP_1024_MODP", "1024 bit"),
    5: ("DH_GROUP_1536_MODP", "1536 bit"),
    14: ("DH_GROUP_2048_MODP", "2048 bit"),
    15: ("DH_GROUP_3072_MODP", "3072 bit"),
    16: ("DH_GROUP_4096_MODP", "4096 bit"),
    19: ("DH_GROUP_256_ECP", "256 bit"),
    20: ("DH_GROUP_384_ECP", "384 bit"),
    21: ("DH_GROUP_521_ECP", "521 bit"),
    24: ("DH_GROUP_2048_256_MODP", "2048 bit, 256 bit subgroup"),
    31: ("DH_GROUP_X25519", "256 bit"),
}


_DEFAULT = DEFAULT_PROPOSAL.name
_NO_AAA = (
    "AAA AnyConnect EAP authentication mlist",
    "AAA EAP authentication mlist",
    "AAA authentication mlist",
    "AAA Accounting",
    "AAA group authorization",
    "AAA user authorization",
)


class ShowProposals(Value):
    """The answer to `show crypto ikev2 proposal`."""

    proposals: tuple[ConfiguredProposal, ...]


class ShowPolicies(Value):
    """The answer to `show crypto ikev2 policy`."""

    policies: tuple[Policy, ...]


class ProfileLines(Value, kw_only=True):
    """An IKEv2 profile without its keys. sas: IKE SAs that it made. keyring, trustpoints: where its secrets are.

    dpd: as it holds, of the profile or global. nat_keepalive: seconds, 0: none.
    """

    name: str
    sas: int
    fvrf: str
    local: tuple[str, ...]
    identities: tuple[str, ...]
    certificate_maps: tuple[str, ...]
    local_identity: str
    local_authentication: str
    remote_authentication: tuple[str, ...]
    keyring: str
    trustpoints: tuple[str, ...]
    lifetime: int
    dpd: DeadPeerDetection | None
    nat_keepalive: int


class ShowProfiles(Value):
    """The answer to `show crypto ikev2 profile`."""

    profiles: tuple[ProfileLines, ...]


def proposals(ctx: ShowContext, args: Args) -> ShowProposals:
    """Return all proposals, the smart default first; or one."""
    configured = _config(ctx).proposals
    default = () if any(each.name == _DEFAULT for each in configured) else (DEFAULT_PROPOSAL,)
    wanted = args.text("name", "")
    return ShowProposals(tuple(each for each in (*default, *configured) if wanted in ("", each.name)))


def policies(ctx: ShowContext, args: Args) -> ShowPolicies:
    """Return all policies, the smart default first; or one."""
    configured = _config(ctx).policies
    smart = Policy(name=_DEFAULT, proposals=(_DEFAULT,), fvrf="any")
    default = () if any(each.name == _DEFAULT for each in configured) else (smart,)
    wanted = args.text("name", "")
    return ShowPolicies(tuple(each for each in (*default, *configured) if wanted in ("", each.name)))


def profiles(ctx: ShowContext, args: Args) -> ShowProfiles:
    """Return all profiles, or one."""
    config, wanted = _config(ctx), args.text("name", "")
    used = [view.ikev2_profile for view in ctx.ports.ike.sas()]
    return ShowProfiles(
        tuple(_profile(each, config, used.count(each.name)) for each in config.profiles if wanted in ("", each.name))
    )


def _config(ctx: ShowContext) -> IkeConfig:
    return model(ctx.running) or IkeConfig()


def _profile(profile: Profile, config: IkeConfig, sas: int) -> ProfileLines:
    keepalive = config.nat_keepalive if profile.nat_keepalive is None else profile.nat_keepalive
    return project(
        ProfileLines,
        profile,
        sas=sas,
        fvrf=profile.fvrf or "global",
        local=(*map(str, profile.local_addresses), *profile.local_interfaces),
        identities=tuple(_identity(match) for match in profile.matches),
        local_identity=_identity(profile.local_identity) if profile.local_identity is not None else "",
        local_authentication=profile.local_authentication.value if profile.local_authentication is not None else "",
        remote_authentication=tuple(method.value for method in profile.remote_authentication),
        dpd=profile.dpd or config.dpd,
        nat_keepalive=keepalive,
    )


def _identity(identity: Identity) -> str:
    if identity.kind is IdentityKind.ADDRESS:
        return f"address {identity.address} {identity.mask}" if identity.mask else f"address {identity.address}"
    return f"{identity.kind.value} {identity.text}".rstrip()


# -------------------------------------------------------------------------------------------------------- renderers


def render_proposals(answer: ShowProposals) -> Iterator[str]:
    """Yield the lines of `show crypto ikev2 proposal`."""
    for each in answer.proposals:
        integrity = _words(each.integrity)
        yield f" IKEv2 proposal: {each.name}"
        yield f"     Encryption : {_words(each.encryption)}"
        yield f"     Integrity  : {integrity or 'none'}"
        yield f"     PRF        : {_words(each.prf) or integrity}"
        groups = (f"{GROUPS[number][0]}/Group {number}" for number in each.groups)
        yield f"     DH Group   : {' '.join(groups)}"


def _words(algorithms: Iterable[Encryption | Hash]) -> str:
    return " ".join(each.value.upper() for each in algorithms)


def render_policies(answer: ShowPolicies) -> Iterator[str]:
    """Yield the lines of `show crypto ikev2 policy`."""
    for policy in answer.policies:
        yield f" IKEv2 policy : {policy.name}"
        yield f"      Match fvrf : {policy.fvrf or 'global'}"
        yield from (f"      Match address local : {address}" for address in policy.local_addresses or ("any",))
        yield from (f"      Proposal    : {name}" for name in policy.proposals)
        yield ""


def render_profiles(answer: ShowProfiles) -> Iterator[str]:
    """Yield the lines of `show crypto ikev2 profile`."""
    for profile in answer.profiles:
        yield ""
        yield f"IKEv2 profile: {profile.name}"
        yield from (" Shutdown : No", f" Ref Count: {profile.sas}", " Match criteria:")
        yield f"  Fvrf: {profile.fvrf}"
        yield f"  Local address/interface: {' '.join(profile.local) or 'none'}"
        if profile.identities:
            yield "  Identities:"
            yield from (f"   {identity}" for identity in profile.identities)
        else:
            yield "  Identities: none"
        yield f"  Certificate maps: {' '.join(profile.certificate_maps) or 'none'}"
        yield f" Local identity: {profile.local_identity or 'none'}"
        yield " Remote identity: none"
        yield f" Local authentication method: {profile.local_authentication or 'none'}"
        yield f" Remote authentication method(s): {' '.join(profile.remote_authentication) or 'none'}"
        yield " EAP options: none"
        yield f" Keyring: {profile.keyring or 'none'}"
        yield f" Trustpoint(s): {' '.join(profile.trustpoints) or 'none'}"
        yield f" Lifetime: {profile.lifetime} seconds"
        yield f" DPD: {_dpd(profile.dpd)}"
        yield f" NAT-keepalive: {profile.nat_keepalive or 'disabled'}"
        yield from (" Ivrf: none", " Virtual-template: none", " mode auto: none")
        yield from (f" {title}: none" for title in _NO_AAA)


def _dpd(dpd: DeadPeerDetection | None) -> str:
    if dpd is None:
        return "disabled"
    return f"interval {dpd.interval}, retry-interval {dpd.retry}, {'on-demand' if dpd.on_demand else 'periodic'}"


_HELP: Final = {
    "proposal": "Algorithms",
    "policy": "Which proposals are used where",
    "profile": "Peers and how they are authenticated",
    "name": "One of them",
}
COMMANDS: Final = (
    ExecCommand("show crypto ikev2 proposal [ {name:word} ]", _HELP, query=proposals, render=render_proposals),
    ExecCommand("show crypto ikev2 policy [ {name:word} ]", _HELP, query=policies, render=render_policies),
    ExecCommand("show crypto ikev2 profile [ {name:word} ]", _HELP, query=profiles, render=render_profiles),
)
