"""The lines of IKEv1, run as IKEv2: `crypto isakmp policy`, `key` and `profile`, `crypto keyring`.

RFC 9395 moved IKEv1 to history, and nothing here speaks it. IKEv2 can do what its lines mean (these algorithms, this
key for this address), so they become a proposal, keyrings and profiles, under names that no line can give:

    crypto isakmp policy 10    the proposal "crypto isakmp 10", and the smart defaults after all of them
    crypto isakmp key          the keyring and the profile "crypto isakmp": everybody whose address has a key
    crypto keyring NAME        the keyring "crypto isakmp NAME"; unless a profile says for whom it is, its keys are in
                               "crypto isakmp", too (with `vrf` for the tunnels of that VRF; there is one table here)
    crypto isakmp profile P    the profile "crypto isakmp P"

IKEv1 finds a key by address; IKEv2 finds it by the peer's identity first, and then by its address.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.features.ikev2.algorithms import DEFAULT_LIFETIME, Authentication, Encryption, Hash
from dmvpn.features.ikev2.model import (
    DEFAULT_PROPOSAL,
    Identity,
    IdentityKind,
    Keyring,
    KeyringPeer,
    Policy,
    Profile,
    Proposal,
)
from dmvpn.features.ikev2.offers import lacking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.ikev2.model import Ikev2Config, IsakmpConfig, IsakmpKey, IsakmpProfile

#: The name of the global keys, and the first word of all other names.
ISAKMP: Final = "crypto isakmp"
_ANYBODY: Final = Identity(kind=IdentityKind.ANY)


def name_of(name: str) -> str:
    """Return the name here of something of IKEv1."""
    return f"{ISAKMP} {name}" if name else ISAKMP


def translated(config: Ikev2Config) -> Ikev2Config:
    """Return the same configuration, with what its IKEv1 lines mean."""
    isakmp = config.isakmp
    proposals = _proposals(isakmp)
    keyrings = _keyrings(isakmp)
    profiles = tuple(_profile(profile, isakmp) for profile in isakmp.profiles)
    if _of_everybody(isakmp):
        profiles = (*profiles, _everybody(isakmp))
    policies: tuple[Policy, ...] = ()
    if proposals:  # after those of `crypto ikev2 policy`, and with the defaults behind them
        policies = (Policy(name=ISAKMP, proposals=(*(proposal.name for proposal in proposals), name_of("default"))),)
        proposals = (*proposals, replace(DEFAULT_PROPOSAL, name=name_of("default")))
    return replace(
        config,
        proposals=config.proposals + proposals,
        policies=config.policies + policies,
        keyrings=config.keyrings + keyrings,
        profiles=config.profiles + profiles,
        dpd=config.dpd or isakmp.keepalive,
        nat_keepalive=config.nat_keepalive or isakmp.nat_keepalive,
    )


def _proposals(isakmp: IsakmpConfig) -> tuple[Proposal, ...]:
    ordered = sorted(isakmp.policies, key=lambda policy: policy.number)
    return tuple(
        Proposal(
            name=name_of(str(policy.number)),
            encryption=(policy.encryption,),
            integrity=(policy.hash,),
            groups=(policy.group,),
        )
        for policy in ordered
    )


def _keyrings(isakmp: IsakmpConfig) -> tuple[Keyring, ...]:
    names = dict.fromkeys(key.keyring for key in isakmp.keys if key.keyring)
    own = tuple(
        Keyring(name_of(name), tuple(_peer(key) for key in isakmp.keys if key.keyring == name)) for name in names
    )
    everybody = {peer.name: peer for peer in map(_peer, reversed(_of_everybody(isakmp)))}
    return (*own, Keyring(ISAKMP, tuple(reversed(everybody.values())))) if everybody else own


def _of_everybody(isakmp: IsakmpConfig) -> list[IsakmpKey]:
    """Return the global keys, then those of keyrings that no profile names; of two for one peer the first counts."""
    named = {profile.keyring for profile in isakmp.profiles}
    unnamed = [key for key in isakmp.keys if key.keyring and key.keyring not in named]
    return [*(key for key in isakmp.keys if not key.keyring), *unnamed]


def _peer(key: IsakmpKey) -> KeyringPeer:
    """Return a peer of a keyring. Its name does not depend on other lines, so addresses stay bound to it."""
    identity = Identity(kind=IdentityKind.FQDN, text=key.hostname) if key.hostname else None
    return KeyringPeer(
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


def _profile(profile: IsakmpProfile, isakmp: IsakmpConfig) -> Profile:
    known = any(key.keyring == profile.keyring for key in isakmp.keys)
    identity = profile.self_identity
    return replace(
        _everybody(isakmp),
        name=name_of(profile.name),
        matches=profile.matches or (_ANYBODY,),
        keyring=name_of(profile.keyring) if known else ISAKMP,
        local_identity=None if identity is not None and identity.kind is IdentityKind.ADDRESS else identity,
    )


def _everybody(isakmp: IsakmpConfig) -> Profile:
    lifetimes = [policy.lifetime for policy in sorted(isakmp.policies, key=lambda policy: policy.number)]
    return Profile(
        name=ISAKMP,
        matches=(_ANYBODY,),
        local_authentication=Authentication.PRE_SHARED_KEY,
        remote_authentication=(Authentication.PRE_SHARED_KEY,),
        keyring=ISAKMP,
        lifetime=next(iter(lifetimes), DEFAULT_LIFETIME),
    )


def warnings(config: Ikev2Config, pfs_groups: Iterable[int] = ()) -> tuple[str, ...]:
    """Return what will not work as it is written: at most one line about IKEv1, and one about groups."""
    lines: list[str] = []
    isakmp = config.isakmp
    if isakmp.policies or isakmp.keys or isakmp.profiles:
        lines.append(_about_isakmp(config))
    named = [group for proposal in config.proposals for group in proposal.groups]
    weak = sorted({group for group in (*named, *pfs_groups) if lacking(group, legacy=config.legacy_groups)})
    if weak:
        groups = ", ".join(str(group) for group in weak)
        enabled = " (`crypto engine compliance shield disable` permits 2 and 5)" if {2, 5} & set(weak) else ""
        lines.append(f"Diffie-Hellman groups that are left out: {groups}{enabled}; for set pfs, group 14 is used")
    return tuple(lines)


def _about_isakmp(config: Ikev2Config) -> str:
    missing: list[str] = []
    for policy in config.isakmp.policies:
        if policy.encryption in (Encryption.DES, Encryption.TRIPLE_DES):
            missing.append(policy.encryption.value)
        if policy.hash is Hash.MD5:
            missing.append(policy.hash.value)
        if lacking(policy.group, legacy=config.legacy_groups):
            missing.append(f"group {policy.group}")
        if policy.authentication is not Authentication.PRE_SHARED_KEY:
            missing.append("rsa-sig of an isakmp policy")
    instead = f"; not here, smart defaults instead: {', '.join(dict.fromkeys(missing))}" if missing else ""
    return f"crypto isakmp lines run as IKEv2: a peer that speaks IKEv1 only cannot connect{instead}"
