"""The lines of IKEv1 as both versions use them: `crypto isakmp policy`, `key` and `profile`, `crypto keyring`.

They become a proposal, keyrings and profiles, under names that no line can give:

    crypto isakmp policy 10    the proposal "crypto isakmp 10", and the smart defaults after all of them
    crypto isakmp key          the keyring and the profile "crypto isakmp": any peer whose address has a key, or any
                               peer with a certificate where a policy wants RSA signatures
    crypto keyring NAME        the keyring "crypto isakmp NAME"; unless a profile says for whom it is, its keys are in
                               "crypto isakmp", too
    crypto keyring NAME vrf F  the same for peers in the VRF F, and "crypto isakmp vrf F": a key without a VRF is for
                               peers in the global table
    crypto isakmp profile P    the profile "crypto isakmp P"

IKEv1 finds a key by address; IKEv2 finds it by the peer's identity first, and then by its address.

We begin with IKEv2 where `set ikev2-profile` names a profile, and with IKEv1 where `set isakmp-profile` does. Where
neither is set, an ikev2 profile that applies means IKEv2, and keys of `crypto isakmp key` mean IKEv1. All IKEv1 lines
run as IKEv2 with `crypto isakmp run-as ikev2`. A responder takes both versions.

What `crypto isakmp policy` lines offer in main mode of IKEv1: their algorithms, in the order of their numbers.

A policy that asks for what we do not have, or do not permit, is left out: DES and group 1, and without `crypto engine
compliance shield disable` 3DES, MD5 and groups 2 and 5.
Where keys are configured and no policy at all, IOS falls back to policies of its own with DES or 3DES; ours are AES.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter
from typing import Final

from dmvpn.base.pages import NONE, Merged, Pages
from dmvpn.base.protection import IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.features.ike import model
from dmvpn.features.ike.model import AuthenticationMethod, Encryption, Hash, IkeConfig, IsakmpPolicy
from dmvpn.features.ike.peer_settings import IsakmpTransform
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.suites import WEAK_GROUPS, isakmp_lacks, isakmp_suite, lacking

#: The name of the global keys, and the first word of all other names.
ISAKMP: Final = "crypto isakmp"
#: The end of sentences about what is weak and left out.
PERMITS: Final = "`crypto engine compliance shield disable` permits groups 2 and 5, and in IKEv1 3DES and MD5"
_DEFAULT: Final = "default"
_ANYBODY: Final = model.Identity(kind=model.IdentityKind.ANY)
_OUR_ADDRESS: Final = model.Identity(kind=model.IdentityKind.ADDRESS)


def name_of(name: str) -> str:
    """Return the name here of something of IKEv1."""
    return f"{ISAKMP} {name}" if name else ISAKMP


def is_isakmp(name: str) -> bool:
    """Return whether a profile or keyring of this name came out of IKEv1 lines: names that lines give have no space."""
    return name.startswith(ISAKMP)


def written(profile: str) -> str:
    """Return how people know a profile: "ikev2 profile P", "isakmp profile P", or the global "crypto isakmp key"."""
    if not is_isakmp(profile):
        return f"ikev2 profile {profile}"
    return f"isakmp profile {plain(profile)}" if profile != ISAKMP else "crypto isakmp key"


def plain(name: str) -> str:
    """Return the name that lines give to a profile or keyring; "" for the global keys."""
    return name.removeprefix(ISAKMP).lstrip() if is_isakmp(name) else name


def keyring_of(profile: model.Profile, front: str) -> str:
    """Return the name of the keyring that a profile uses for peers in a VRF."""
    return name_of(f"vrf {front}") if profile.keyring == ISAKMP and front else profile.keyring


def keyring_line(profile: model.Profile, front: str) -> str:
    """Return the line that begins a keyring for a profile's peers in a VRF."""
    return f"crypto keyring {plain(profile.keyring) or 'NAME'} vrf {front}".removesuffix(" vrf ")


def entry(keyring: str, peer: str) -> str:
    """Return how people know an entry of a keyring; the global keys have no other name than their address or host."""
    return f"crypto isakmp key {peer}" if keyring == ISAKMP else f"keyring {plain(keyring)} peer {peer}"


class Translation:
    """Says what IKEv1 lines mean. It translates again only those keys that changed since it was asked last."""

    def __init__(self) -> None:
        #: By the names of keyrings; "" for the global keys.
        self._peers: dict[str, _Peers] = {}
        #: By VRF: the keys of those for whom no profile names a keyring.
        self._everybody: dict[str, _Everybody] = {}

    def translated(self, config: model.IkeConfig) -> model.IkeConfig:
        """Return the same configuration, with what its IKEv1 lines mean."""
        isakmp = config.isakmp
        proposals = _proposals(isakmp)
        keys = {next(iter(ring)).keyring: ring for ring in isakmp.keyrings}
        self._peers = {name: self._peers.get(name) or _Peers() for name in ("", *keys)}
        own = {
            name: model.Keyring(name_of(name), self._peers[name].peers(ring), next(iter(ring)).fvrf)
            for name, ring in keys.items()
        }
        everybody = tuple(self._of_everybody(isakmp, own))
        profiles = tuple(_profile(profile, isakmp, own) for profile in isakmp.profiles)
        if everybody or isakmp.signs:
            profiles = (*profiles, _everybody(isakmp))
        policies: tuple[model.Policy, ...] = ()
        if proposals:  # after those of `crypto ikev2 policy`, and with the defaults behind them
            named = (*(proposal.name for proposal in proposals), name_of("default"))
            policies = (model.Policy(name=ISAKMP, proposals=named, fvrf="any"),)
            proposals = (*proposals, replace(model.DEFAULT_PROPOSAL, name=name_of("default")))
        return replace(
            config,
            proposals=config.proposals + proposals,
            policies=config.policies + policies,
            keyrings=(*config.keyrings, *own.values(), *everybody),
            profiles=config.profiles + profiles,
            dpd=config.dpd or isakmp.keepalive,
            nat_keepalive=config.nat_keepalive or isakmp.nat_keepalive,
        )

    def _of_everybody(self, isakmp: model.IsakmpConfig, own: Mapping[str, model.Keyring]) -> Iterator[model.Keyring]:
        """Yield for each VRF with keys: the global keys, then those of keyrings that no profile names."""
        named = {profile.keyring for profile in isakmp.profiles}
        lists = {"": [self._peers[""].peers(isakmp.global_keys)]}
        for name, ring in own.items():
            if name not in named:
                lists.setdefault(ring.fvrf, []).append(ring.peers)
        self._everybody = {front: self._everybody.get(front) or _Everybody() for front in lists}
        for front, every in lists.items():
            if peers := self._everybody[front].keys(every):
                yield model.Keyring(name_of(f"vrf {front}" if front else ""), peers, front)


class _Everybody:
    """Keys of several lists; of two for one peer the first counts."""

    def __init__(self) -> None:
        self._merged: Merged[str, model.KeyringPeer, model.KeyringPeer] = Merged(
            attrgetter("name"), itemgetter(0), at_last=True
        )
        self._lists = 0

    def keys(self, lists: Sequence[Pages[model.KeyringPeer]]) -> Pages[model.KeyringPeer]:
        """Return the keys of the lists as they are now."""
        for place in range(max(len(lists), self._lists)):
            self._merged.show(lists[place] if place < len(lists) else NONE, place)
        self._lists = len(lists)
        return self._merged.merged()


class _Peers:
    """The keys of one list, as peers of a keyring."""

    def __init__(self) -> None:
        self._keys: Pages[model.IsakmpKey] = NONE
        self._peers: Pages[model.KeyringPeer] = NONE

    def peers(self, keys: Pages[model.IsakmpKey]) -> Pages[model.KeyringPeer]:
        """Return the peers of the list as it is now."""
        gone, came = keys.changes(self._keys)
        self._keys = keys
        changes: dict[int, model.KeyringPeer | None] = dict.fromkeys(gone)
        self._peers = self._peers.turned(changes | {number: _peer(key) for number, key in came.items()})
        return self._peers


def _proposals(isakmp: model.IsakmpConfig) -> tuple[model.ConfiguredProposal, ...]:
    ordered = sorted(isakmp.policies, key=lambda policy: policy.number)
    return tuple(
        model.ConfiguredProposal(
            name=name_of(str(policy.number)),
            encryption=(policy.encryption,),
            integrity=(policy.hash,),
            groups=(policy.group,),
        )
        for policy in ordered
    )


def _peer(key: model.IsakmpKey) -> model.KeyringPeer:
    """Return a peer of a keyring. Its name does not depend on other lines, so addresses stay bound to it."""
    identity = model.Identity(kind=model.IdentityKind.FQDN, text=key.hostname) if key.hostname else None
    return model.KeyringPeer(
        name=key.hostname
        or key.address6
        or " ".join(str(part) for part in (key.address, key.mask) if part is not None),
        address=key.address,
        mask=key.mask,
        hostname=key.hostname,
        identity=identity,
        local_key=key.key,
        remote_key=key.key,
    )


def _profile(
    profile: model.IsakmpProfile, isakmp: model.IsakmpConfig, own: Mapping[str, model.Keyring]
) -> model.Profile:
    says_nobody = not profile.matches and not profile.certificate_maps
    return replace(
        _everybody(isakmp),
        name=name_of(profile.name),
        matches=(_ANYBODY,) if says_nobody else profile.matches,
        certificate_maps=profile.certificate_maps,
        keyring=name_of(profile.keyring) if profile.keyring in own else ISAKMP,
        trustpoints=profile.trustpoints,
        sign_trustpoints=profile.trustpoints,
        verify_trustpoints=profile.trustpoints,
        local_identity=profile.self_identity or isakmp.identity or _OUR_ADDRESS,
        dpd=profile.keepalive,
    )


def _everybody(isakmp: model.IsakmpConfig) -> model.Profile:
    lifetimes = [policy.lifetime for policy in sorted(isakmp.policies, key=lambda policy: policy.number)]
    has_keys = bool(isakmp.global_keys or isakmp.keyrings)
    by_key, by_signature = model.AuthenticationMethod.PRE_SHARED_KEY, model.AuthenticationMethod.RSA_SIGNATURE
    return model.Profile(
        name=ISAKMP,
        fvrf="any",
        matches=(_ANYBODY,),
        local_identity=isakmp.identity or _OUR_ADDRESS,
        local_authentication=by_signature if isakmp.signs and not has_keys else by_key,  # in IKEv2
        remote_authentication=(by_key, by_signature) if isakmp.signs else (by_key,),
        any_trustpoint=True,
        keyring=ISAKMP,
        lifetime=next(iter(lifetimes), model.DEFAULT_LIFETIME),
    )


# ------------------------------------------------------------------------------------------------ which version


def applying(config: model.IkeConfig) -> str:
    """Return the ikev2 profile of IPsec profiles that name none: `default`, else the only one; "": neither."""
    own = [profile.name for profile in config.profiles if not is_isakmp(profile.name)]
    if _DEFAULT in own:
        return _DEFAULT
    return own[0] if len(own) == 1 else ""


def candidates(config: model.IkeConfig, policy: ProtectionPolicy) -> tuple[str, ...]:
    """Return the IKE profiles that an IPsec profile may use, first the one with which it begins.

    If it names none: the ikev2 profile that applies, and the keys of `crypto isakmp key`.
    """
    if policy.ikev2_profile or policy.isakmp_profile:
        return (policy.ikev2_profile or name_of(policy.isakmp_profile),)
    own = applying(config)
    return (own, ISAKMP) if own else (ISAKMP,)


def version_of(config: model.IkeConfig, profile: str) -> IkeVersion:
    """Return the version in which we begin by this profile."""
    is_v1 = is_isakmp(profile) and not config.isakmp.run_as_ikev2
    return IkeVersion.V1 if is_v1 else IkeVersion.V2


def begins_with_v1(config: model.IkeConfig) -> bool:
    """Return whether a tunnel may begin with IKEv1 by these lines."""
    isakmp = config.isakmp
    if isakmp.run_as_ikev2:
        return False
    has_proofs = bool(isakmp.global_keys or isakmp.keyrings) or isakmp.signs
    return bool(isakmp.profiles) or (has_proofs and not applying(config))


# ------------------------------------------------------------------------------------------------ the log


def warnings(config: model.IkeConfig, pfs_groups: Iterable[int] = ()) -> tuple[str, ...]:
    """Return which version the IKEv1 lines run as, and why, and what will not work as it is written: at most one line
    about IKEv1, and one about groups.
    """
    lines: list[str] = []
    isakmp = config.isakmp
    if isakmp.policies or isakmp.global_keys or isakmp.keyrings or isakmp.profiles:
        lines.append(f"{_about_version(config)}{_about_policies(config)}")
    named = [group for proposal in config.proposals for group in proposal.groups]
    missing = sorted({group for group in (*named, *pfs_groups) if lacking(group, weak=config.weak_algorithms)})
    if missing:
        groups = ", ".join(str(group) for group in missing)
        enabled = f"; {PERMITS}" if set(missing) & set(WEAK_GROUPS) else ""
        lines.append(f"Diffie-Hellman groups that are left out: {groups}; for set pfs, group 14 is used{enabled}")
    return tuple(lines)


def _about_version(config: model.IkeConfig) -> str:
    if config.isakmp.run_as_ikev2:
        return "crypto isakmp lines run as IKEv2, because of crypto isakmp run-as ikev2; peers may begin with IKEv1"
    if own := applying(config):
        return (
            f"tunnels begin with IKEv2, because the ikev2 profile {own} applies, and with IKEv1 where the ipsec "
            "profile has set isakmp-profile"
        )
    return "crypto isakmp lines run as IKEv1, because no ikev2 profile applies; see crypto isakmp run-as ikev2"


def _about_policies(config: model.IkeConfig) -> str:
    missing = left_out(config)
    if not missing:
        return ""
    if all(isakmp_lacks(policy, weak=config.weak_algorithms) for policy in config.isakmp.policies):
        return f"; no policy can be used, so IKEv1 cannot begin, and IKEv2 offers smart defaults: {missing}"
    return f"; policies that are left out: {missing}"


def left_out(config: model.IkeConfig) -> str:
    """Return the numbers of isakmp policies that are not used, and why: "10 (3des, group 2), 20 (des)"; and the line
    that permits some.
    """
    policies = sorted(config.isakmp.policies, key=lambda policy: policy.number)
    found = [(policy, isakmp_lacks(policy, weak=config.weak_algorithms)) for policy in policies]
    named = ", ".join(f"{policy.number} ({', '.join(missing)})" for policy, missing in found if missing)
    is_weak = any(missing and not isakmp_lacks(policy, weak=True) for policy, missing in found)
    return f"{named}; {PERMITS}" if is_weak else named


# ------------------------------------------------------------------------------------------- what isakmp policies offer


_PRE_SHARE: Final = AuthenticationMethod.PRE_SHARED_KEY
#: What is offered where no policy is configured, the best first.
DEFAULT_POLICIES: Final = (
    IsakmpPolicy(
        number=65_507, encryption=Encryption.AES_CBC_256, hash=Hash.SHA256, authentication=_PRE_SHARE, group=14
    ),
    IsakmpPolicy(number=65_508, encryption=Encryption.AES_CBC_128, hash=Hash.SHA1, authentication=_PRE_SHARE, group=14),
)


def lacks_certificate(config: IkeConfig) -> Reason:
    """Return that there is a key for a peer, and all policies want signatures, for which we have no certificate."""
    numbers = sorted(
        policy.number
        for policy in config.isakmp.policies
        if isakmp_suite(policy, weak=config.weak_algorithms) is not None
    )
    named = ", ".join(f"{number} (rsa-sig without a certificate)" for number in numbers)
    return Reason(IkeReason.NO_ISAKMP_POLICY, (named,))


def transforms(config: IkeConfig) -> tuple[IsakmpTransform, ...]:
    """Return what we offer and accept, the best first; empty: policies are configured, and none can be used."""
    ordered = sorted(config.isakmp.policies, key=lambda policy: policy.number) or DEFAULT_POLICIES
    found: dict[IsakmpTransform, None] = {}
    for policy in ordered:
        suite = isakmp_suite(policy, weak=config.weak_algorithms)
        if suite is not None:
            signs = policy.authentication is AuthenticationMethod.RSA_SIGNATURE
            found[IsakmpTransform(suite, float(policy.lifetime), signs, policy.number)] = None
    return tuple(found)
