"""`show crypto isakmp sa`, `peers`, `policy`, `key` and `profile`: IKEv1, as IOS prints it.

Keys are in none of them: where IOS prints a key, `<removed>` is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import breathing
from dmvpn.base.moments import clock
from dmvpn.base.protection import IkePhase, IkeVersion, IkeView, conn_id
from dmvpn.base.sessions import inside_of
from dmvpn.base.values import Value, project
from dmvpn.features.ike.config import model
from dmvpn.features.ike.model import (
    AuthenticationMethod,
    Encryption,
    Hash,
    Identity,
    IdentityKind,
    IkeConfig,
    IsakmpKey,
    IsakmpPolicy,
    IsakmpProfile,
)
from dmvpn.features.ike.show.settings import GROUPS
from dmvpn.features.ike.translation import DEFAULT_POLICIES
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.grammar import HIDDEN

_CODES: Final = (
    "Codes: C - IKE configuration mode, D - Dead Peer Detection",
    "       K - Keepalives, N - NAT-traversal",
    "       T - cTCP encapsulation, X - IKE Extended Authentication",
    "       psk - Preshared key, rsig - RSA signature",
    "       renc - RSA encryption",
)
_CIPHERS: Final = {
    Encryption.AES_CBC_128: "AES - Advanced Encryption Standard (128 bit keys).",
    Encryption.AES_CBC_192: "AES - Advanced Encryption Standard (192 bit keys).",
    Encryption.AES_CBC_256: "AES - Advanced Encryption Standard (256 bit keys).",
    Encryption.TRIPLE_DES: "Three key triple DES",
    Encryption.DES: "DES - Data Encryption Standard (56 bit keys).",
}
_HASHES: Final = {
    Hash.SHA1: "Secure Hash Standard",
    Hash.SHA256: "Secure Hash Standard 2 (256 bit)",
    Hash.SHA384: "Secure Hash Standard 2 (384 bit)",
    Hash.SHA512: "Secure Hash Standard 2 (512 bit)",
    Hash.MD5: "Message Digest 5",
}
#: Of the algorithms of an SA, in the columns of `show crypto isakmp sa detail`.
_SHORT: Final = {"AES-CBC": "aes", "AES-GCM": "aes", "SHA1": "sha", "PSK": "psk", "RSA": "rsig"}


class IsakmpSaLine(Value, kw_only=True):
    """An ISAKMP SA.

    number: 0 until the peer has proved itself.
    target, source: of its first message.
    deleted: it is over, and shown for a moment.
    capabilities: letters.
    lifetime: seconds that are left.
    front, inside: the VRF of the packets outside, and of those inside the tunnel; "": the global table.
    """

    number: int
    local: IPAddress
    port: int
    remote: IPAddress
    remote_port: int
    target: IPAddress
    source: IPAddress
    state: str
    deleted: bool
    encryption: str
    hash: str
    auth: str
    group: int
    lifetime: int
    capabilities: str
    identity: str
    front: str
    inside: str


class ShowIsakmpSas(Value):
    """The answer to `show crypto isakmp sa` and to `show crypto isakmp peers`."""

    sas: tuple[IsakmpSaLine, ...]


class ShowIsakmpCount(Value):
    """The answer to `show crypto isakmp sa count`."""

    active: int
    negotiating: int
    dead: int


class IsakmpPolicyLines(Value, kw_only=True):
    """A `crypto isakmp policy`. lifetime: seconds."""

    number: int
    encryption: Encryption
    hash: Hash
    pre_shared: bool
    group: int
    lifetime: int


class ShowIsakmpPolicies(Value):
    """The answer to `show crypto isakmp policy`. default: none is configured; these are used if there are keys."""

    policies: tuple[IsakmpPolicyLines, ...]
    default: bool = False


class IsakmpKeyLine(Value):
    """Where a key is, and for whom; not the key. vrf: of the peers, "": the global table."""

    keyring: str
    peer: str
    vrf: str


class ShowIsakmpKeys(Value):
    """The answer to `show crypto isakmp key`."""

    keys: tuple[IsakmpKeyLine, ...]


class IsakmpProfileLines(Value, kw_only=True):
    """A `crypto isakmp profile`. sas: ISAKMP SAs that it made. trustpoints: none: all."""

    name: str
    sas: int
    identities: tuple[str, ...]
    maps: tuple[str, ...]
    presented: str
    keyring: str
    trustpoints: tuple[str, ...]


class ShowIsakmpProfiles(Value):
    """The answer to `show crypto isakmp profile`."""

    profiles: tuple[IsakmpProfileLines, ...]


# ---------------------------------------------------------------------------------------------------------- queries


def sas(ctx: ShowContext, args: Args) -> ShowIsakmpSas:
    """Return all ISAKMP SAs, or those whose packets are in a VRF, outside or inside the tunnel; active, or with NAT."""
    views = (view for view in breathing(tuple(ctx.ports.ike.sas())) if view.version == IkeVersion.V1)
    inside, wanted = inside_of(ctx.ports), args.text("vrf", "")
    lines = (_sa(view, inside(view), ctx.now) for view in views)
    return ShowIsakmpSas(
        tuple(
            line
            for line in lines
            if wanted in ("", line.front, line.inside)
            and not ("active" in args and line.deleted)
            and not ("nat" in args and "N" not in line.capabilities)
        )
    )


def peers(ctx: ShowContext, args: Args) -> ShowIsakmpSas:
    """Return a line for each peer that has an ISAKMP SA: of the newest."""
    lines = [line for line in sas(ctx, args).sas if not line.deleted]
    newest = {(line.front, line.remote, line.remote_port, line.local): line for line in lines}
    wanted = args.any_address("peer", None)
    return ShowIsakmpSas(tuple(line for line in newest.values() if wanted in (None, line.remote)))


def count(ctx: ShowContext, args: Args) -> ShowIsakmpCount:
    """Count the ISAKMP SAs by how far they are."""
    lines = sas(ctx, args).sas
    dead = sum(line.deleted for line in lines)
    active = sum(line.state == IkePhase.QM_IDLE.value for line in lines)
    return ShowIsakmpCount(active, len(lines) - active - dead, dead)


def policies(ctx: ShowContext, args: Args) -> ShowIsakmpPolicies:
    """Return the policies in the order of preference; without any, or if they are asked for, the default policies."""
    policies = () if "default" in args else _config(ctx).isakmp.policies
    configured = sorted(policies, key=lambda policy: policy.number)
    return ShowIsakmpPolicies(tuple(map(_policy, configured or DEFAULT_POLICIES)), default=not configured)


def keys(ctx: ShowContext, args: Args) -> ShowIsakmpKeys:
    """Return for whom there are keys, in the order of entry: the global ones first."""
    return ShowIsakmpKeys(
        tuple(IsakmpKeyLine(key.keyring or "default", _peer(key), key.fvrf) for key in _config(ctx).isakmp.keys)
    )


def profiles(ctx: ShowContext, args: Args) -> ShowIsakmpProfiles:
    """Return all profiles, or one."""
    used = [view.isakmp_profile for view in ctx.ports.ike.sas()]
    wanted = args.text("name", "")
    isakmp = _config(ctx).isakmp
    chosen = (each for each in isakmp.profiles if wanted in ("", each.name))
    return ShowIsakmpProfiles(tuple(_profile(each, used.count(each.name), isakmp.identity) for each in chosen))


def _config(ctx: ShowContext) -> IkeConfig:
    return model(ctx.running) or IkeConfig()


def _sa(view: IkeView, inside: str, now: float) -> IsakmpSaLine:
    source, target = (view.local, view.remote) if view.initiator else (view.remote, view.local)
    letters = (("D", view.dpd > 0), ("N", view.nat_inside or view.nat_outside))
    return project(
        IsakmpSaLine,
        view,
        number=conn_id(view.number),
        port=view.local_port,
        target=target,
        source=source,
        state=str((IkePhase.MM_NO_STATE if view.phase is IkePhase.DELETED else view.phase).value),
        deleted=view.phase is IkePhase.DELETED,
        encryption=_SHORT.get(view.encryption, ""),
        hash=_SHORT.get(view.prf, view.prf.lower()),
        auth=_SHORT.get(view.local_auth, ""),
        lifetime=max(0, int(view.since + view.lifetime - now)) if view.phase.is_ready else 0,
        capabilities="".join(letter for letter, has in letters if has),
        identity=view.remote_identity,
        inside=inside,
    )


def _policy(policy: IsakmpPolicy) -> IsakmpPolicyLines:
    return project(IsakmpPolicyLines, policy, pre_shared=policy.authentication is AuthenticationMethod.PRE_SHARED_KEY)


def _peer(key: IsakmpKey) -> str:
    """Return for whom a key is, as IOS writes it: "203.0.113.0 [255.255.255.0]"."""
    if key.address is None:
        return key.address6 or key.hostname
    mask = key.mask or (key.address if not int(key.address) else None)
    return f"{key.address}" if mask is None else f"{key.address!s:<15}[{mask!s:<15}]"


#: What a profile presents as our identity.
_PRESENTED: Final = {IdentityKind.ADDRESS: "ip-address", IdentityKind.DISTINGUISHED_NAME: "dn"}


def _profile(profile: IsakmpProfile, sas_of_it: int, own: Identity | None) -> IsakmpProfileLines:
    identity = profile.self_identity or own
    return IsakmpProfileLines(
        name=profile.name,
        keyring=profile.keyring,
        trustpoints=profile.trustpoints,
        sas=sas_of_it,
        identities=tuple(_identity(match) for match in profile.matches),
        maps=profile.certificate_maps,
        presented=_PRESENTED.get(identity.kind, "fqdn") if identity is not None else "ip-address",
    )


def _identity(identity: Identity) -> str:
    if identity.kind is IdentityKind.ADDRESS:
        return f"ip-address {identity.address} {identity.mask or ''}".rstrip()
    return f"{'fqdn-domain' if identity.kind is IdentityKind.FQDN_DOMAIN else 'fqdn'} {identity.text}".rstrip()


# -------------------------------------------------------------------------------------------------------- renderers


def render_sas(answer: ShowIsakmpSas) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp sa`."""
    for family in (4, 6):
        yield f"IPv{family} Crypto ISAKMP SA"
        if family == 4:
            yield "dst             src             state          conn-id status"
        for line in _of_family(answer, family):
            status = "ACTIVE (deleted)" if line.deleted else "ACTIVE"
            yield f"{line.target!s:<15} {line.source!s:<15} {line.state:<14} {line.number:>7} {status}"
        yield ""


def render_sas_in_detail(answer: ShowIsakmpSas) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp sa detail`."""
    yield from (*_CODES, "")
    for family in (4, 6):
        yield from (f"IPv{family} Crypto ISAKMP SA", "")
        if family == 4:
            yield from ("C-id  Local           Remote          I-VRF  Status Encr Hash   Auth DH Lifetime Cap.", "")
        for line in _of_family(answer, family):
            algorithms = f"{line.encryption:<4} {line.hash:<6} {line.auth:<4} {line.group or '':<2}"
            ends = f"{line.number:<5} {line.local!s:<15} {line.remote!s:<15} {line.inside:<6} ACTIVE"
            yield f"{ends} {algorithms} {clock(line.lifetime):<8} {line.capabilities:<4}"
            yield f"       Engine-id:Conn-id =  SW:{line.number and line.number - conn_id(1) + 1}"
            yield ""


def render_count(answer: ShowIsakmpCount) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp sa count`."""
    yield f"Active ISAKMP SA's: {answer.active}"
    yield "Standby ISAKMP SA's: 0"
    yield f"Currently being negotiated ISAKMP SA's: {answer.negotiating}"
    yield f"Dead ISAKMP SA's: {answer.dead}"


def _of_family(answer: ShowIsakmpSas, family: int) -> Iterator[IsakmpSaLine]:
    return (line for line in answer.sas if line.remote.version == family)


def render_peers(answer: ShowIsakmpSas) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp peers`."""
    for line in answer.sas:
        yield f"Peer: {line.remote} Port: {line.remote_port} Local: {line.local}"
        yield f" Phase1 id: {line.identity or '(none)'}"


def render_policies(answer: ShowIsakmpPolicies) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp policy`."""
    yield from ("", "Default IKE policy" if answer.default else "Global IKE policy")
    for policy in answer.policies:
        if answer.default:
            yield f"Default protection suite of priority {policy.number}"
        else:
            yield f"Protection suite of priority {policy.number}"
        yield f"\tencryption algorithm:\t{_CIPHERS.get(policy.encryption, policy.encryption.value)}"
        yield f"\thash algorithm:\t\t{_HASHES[policy.hash]}"
        method = "Pre-Shared Key" if policy.pre_shared else "Rivest-Shamir-Adleman Signature"
        yield f"\tauthentication method:\t{method}"
        yield f"\tDiffie-Hellman group:\t#{policy.group} ({GROUPS[policy.group][1]})"
        yield f"\tlifetime:\t\t{policy.lifetime} seconds, no volume limit"


def render_keys(answer: ShowIsakmpKeys) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp key`."""
    yield from ("Keyring      Hostname/Address                            Preshared Key", "")
    for key in answer.keys:
        yield f"{key.keyring:<12} {key.peer:<43} {HIDDEN}"


def render_profiles(answer: ShowIsakmpProfiles) -> Iterator[str]:
    """Yield the lines of `show crypto isakmp profile`."""
    for profile in answer.profiles:
        yield f"IKEv1 PROFILE {profile.name}"
        yield f"Ref Count = {profile.sas}"
        yield "   Identities matched are:"
        yield from (f"    {identity} " for identity in profile.identities)
        yield "   Certificate maps matched are:"
        yield from (f"    {name} " for name in profile.maps)
        yield f"   Identity presented is: {profile.presented}"
        yield f"   keyring(s): {profile.keyring or '<none>'}"
        yield f"   trustpoint(s): {' '.join(profile.trustpoints) or '<all>'}"


_HELP: Final = {
    "crypto": "Encryption",
    "isakmp": "IKE version 1",
    "sa": "ISAKMP SAs",
    "detail": "With algorithms and lifetimes",
    "vrf": "By the VRF of the packets outside or inside",
    "active": "SAs that are not being deleted",
    "nat": "SAs with peers behind NAT, or with a translator in front of this router",
    "count": "How many there are",
    "default": "The policies that are used where none is configured",
    "peers": "Peers that have an ISAKMP SA",
    "peer": "One peer, by its address",
    "policy": "Algorithms",
    "key": "Which peers have pre-shared keys",
    "profile": "Peers and their keys",
    "name": "One of them",
}
COMMANDS: Final = (
    ExecCommand("show crypto isakmp sa [ vrf {vrf:word} | active | nat ]", _HELP, query=sas, render=render_sas),
    ExecCommand("show crypto isakmp sa detail [ vrf {vrf:word} ]", _HELP, query=sas, render=render_sas_in_detail),
    ExecCommand("show crypto isakmp sa count", _HELP, query=count, render=render_count),
    ExecCommand("show crypto isakmp peers [ {peer:address} ]", _HELP, query=peers, render=render_peers),
    ExecCommand("show crypto isakmp [ default ] policy", _HELP, query=policies, render=render_policies),
    ExecCommand("show crypto isakmp key", _HELP, query=keys, render=render_keys),
    ExecCommand("show crypto isakmp profile [ {name:word} ]", _HELP, query=profiles, render=render_profiles),
)
