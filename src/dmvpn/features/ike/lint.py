"""Rules about the IKE lines of one router. Rules about agreement with its peers are in `tools/lint`."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.findings import Concern, Rule, Severity, rule
from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.base.values import collected
from dmvpn.features.ike.config import isakmp, profiles, settings
from dmvpn.features.ike.model import AuthenticationMethod, IkeConfig, Profile
from dmvpn.features.ike.suites import isakmp_lacks
from dmvpn.features.ike.translation import PERMITS, begins_with_v1

KEYRING: Final = rule(Severity.ERROR)(r"""
    ikev2-keyring-undefined: An IKE profile names a keyring that does not exist
    The keyring has the pre-shared keys; without it neither side can prove itself, and no IKE SA comes up.
    bad: crypto ikev2 profile P\n keyring local TYPO
    fix: crypto ikev2 keyring TYPO\n peer HUB\n  address 198.51.100.1\n  pre-shared-key <secret>
    """)
PROPOSAL: Final = rule(Severity.ERROR)(r"""
    ikev2-proposal-undefined: An IKEv2 policy names a proposal that does not exist
    A policy without a usable proposal is skipped, and the defaults are offered instead: other algorithms than those
    configured, and perhaps none that the peer has.
    bad: crypto ikev2 policy P\n proposal TYPO
    fix: crypto ikev2 proposal TYPO\n encryption aes-cbc-256\n integrity sha256\n group 19
    """)
INCOMPLETE: Final = rule(Severity.ERROR)(r"""
    ikev2-profile-incomplete: An IKEv2 profile that lacks what every profile needs
    A profile is for the peers that it matches, and both sides have to prove themselves in a way that it names, with a
    key or a certificate (RFC 7296 §2.15). IOS does not use a profile that lacks one of these.
    bad: crypto ikev2 profile P\n authentication local pre-share\n authentication remote pre-share
    fix: crypto ikev2 profile P\n match identity remote address 0.0.0.0\n keyring local KEYS
    """)
WILDCARD: Final = rule(Severity.ADVICE)(r"""
    ike-key-for-everybody: One pre-shared key for all peers
    An attacker who takes it from one lost spoke can pose as the hub to every other spoke. A key for each peer, or
    certificates, confine the loss to one peer.
    bad: crypto ikev2 keyring K\n peer ANY\n  address 0.0.0.0 0.0.0.0
    fix: crypto ikev2 keyring K\n peer SPOKE1\n  address 203.0.113.10
    """)
VERSION_1: Final = rule(Severity.ADVICE)("""
    ike-version-1: Tunnels that begin with IKEv1
    IKEv1 is obsolete (RFC 9395): it has no modern algorithms, and no protection against floods of requests. `dmvpn
    import --to-ikev2` writes the steps by which a network moves to IKEv2, router by router. Between routers that all
    know IKEv2, `crypto isakmp run-as ikev2` ends its use until then.
    bad: crypto isakmp key SECRET address 203.0.113.10
    fix: crypto isakmp run-as ikev2
    """)
WEAK: Final = rule(Severity.WARNING)(r"""
    isakmp-weak-algorithms: A policy of IKEv1 uses weak algorithms
    3DES has blocks of 64 bits and is withdrawn by NIST, MD5 is broken as a hash, and groups 2 and 5 are too small (RFC
    8247 §2.4). IOS permits them before 17.11, and later with `crypto engine compliance shield disable`. A policy with
    AES, SHA and a larger group before the weak one lets all other peers choose better.
    bad: crypto isakmp policy 10\n encryption 3des\n hash md5\n group 2
    fix: crypto isakmp policy 10\n encryption aes 256\n hash sha256\n group 14
    """)
UNUSED: Final = rule(Severity.ADVICE)(r"""
    isakmp-policy-left-out: A policy of IKEv1 is not used, because of its algorithms
    DES and group 1 are broken and never used, 3DES, MD5 and groups 2 and 5 only where `crypto engine compliance shield
    disable` permits them. If no policy is left, IKEv1 cannot begin.
    bad: crypto isakmp policy 10\n encryption des\n group 1
    fix: crypto isakmp policy 10\n encryption aes 256\n group 14
    """)
_NAME, _ADDRESS = Blank("name"), Blank("address")
#: Algorithms that every release has.
ALGORITHMS: Final = (
    settings.ENCRYPTION.line(cipher1="aes-cbc-256"),
    settings.INTEGRITY.line(hash1="sha256"),
    settings.GROUPS.line(group1="19"),
)
RULES: Final = collected(Rule, vars())


def check(config: IkeConfig) -> Iterator[Concern]:
    """Yield findings about profiles, policies and keys."""
    for profile in config.profiles:
        yield from _completeness(config, profile)
    yield from _wildcards(config)
    weak, policies = config.weak_algorithms, config.isakmp.policies
    is_usable = any(not isakmp_lacks(policy, weak=weak) for policy in policies)
    for policy in policies:
        at = f"crypto isakmp policy {policy.number}"
        missing, against = isakmp_lacks(policy, weak=weak), isakmp_lacks(policy, weak=False)
        if missing:
            permitted = "" if isakmp_lacks(policy, weak=True) else f"; {PERMITS}"
            severity = Severity.ERROR if begins_with_v1(config) and not is_usable else None
            what = f"isakmp policy {policy.number} is not used ({', '.join(missing)}){permitted}"
            yield Concern(rule=UNUSED, at=(at,), what=what, severity=severity)
        elif against:
            used = ", ".join(against)
            what = f"isakmp policy {policy.number} uses {used}: use AES, SHA and group 14 if the peers know them"
            yield Concern(rule=WEAK, at=(at,), what=what)
    if begins_with_v1(config):
        first = next(iter(config.isakmp.profiles), None)
        yield Concern(
            rule=VERSION_1,
            at=(f"crypto isakmp profile {first.name}",) if first is not None else ("crypto isakmp key",),
            what="crypto isakmp lines run as IKEv1, which is obsolete: if the peers know IKEv2, `dmvpn import "
            "--to-ikev2` writes the steps to it",
        )


def profile_lines(config: IkeConfig, name: str) -> tuple[str, ...]:
    """Return the lines of a profile for all peers, which proves itself by the keys of the only keyring."""
    return profiles.PROFILE.line(name=name), *_needed(config)


def _needed(config: IkeConfig) -> tuple[str, ...]:
    """Return the lines that every profile needs."""
    rings = [keyring.name for keyring in config.keyrings]
    return (
        profiles.MATCH_IDENTITY.line(address=IPv4Address(0)),
        profiles.USES.line(local=True, pre_share=True),
        profiles.USES.line(remote=True, pre_share=True),
        profiles.KEYRING.line(local=True, name=rings[0] if len(rings) == 1 else _NAME),
    )


def _completeness(config: IkeConfig, profile: Profile) -> Iterator[Concern]:
    ours, theirs = profile.local_authentication, profile.remote_authentication
    needs_key = AuthenticationMethod.PRE_SHARED_KEY in (ours, *theirs)
    given = profile.local_key is not None or profile.remote_key is not None
    has = (
        bool(profile.matches or profile.certificate_maps),
        ours is not None,
        bool(theirs),
        bool(profile.keyring) or given or not needs_key,
    )
    lines = [line for line, there in zip(_needed(config), has, strict=True) if not there]
    if lines:
        named = " and ".join(" ".join(line.split()[:2]) for line in lines)
        yield Concern(
            rule=INCOMPLETE,
            at=(f"crypto ikev2 profile {profile.name}",),
            what=f"IKEv2 profile {profile.name} has no {named}",
            fix="\n ".join([profiles.PROFILE.line(name=profile.name), *lines]),
        )


def _wildcards(config: IkeConfig) -> Iterator[Concern]:
    for keyring in config.keyrings:
        for peer in keyring.peers:
            has_key = peer.local_key is not None or peer.remote_key is not None
            if has_key and _is_everybody(peer.address, peer.mask):
                at = (f"crypto ikev2 keyring {keyring.name}", f"peer {peer.name}", "address")
                yield Concern(
                    rule=WILDCARD,
                    at=at,
                    what=f"keyring {keyring.name} has one key for every address: an attacker who takes it from one "
                    "router can pose as any other",
                    fix=profiles.peer_lines(keyring.name, _NAME, _ADDRESS, SECRET),
                )
    for key in config.isakmp.keys:
        if _is_everybody(key.address, key.mask):
            where = (f"crypto keyring {key.keyring}", "pre-shared-key") if key.keyring else ("crypto isakmp key",)
            yield Concern(
                rule=WILDCARD,
                at=where,
                what="one key for every address: an attacker who takes it from one router can pose as any other",
                fix=isakmp.KEY.line(key=SECRET, address=_ADDRESS) if not key.keyring else "",
            )


def _is_everybody(address: IPAddress | None, mask: IPAddress | None) -> bool:
    return address is not None and int(address) == 0 and (mask is None or int(mask) == 0)
