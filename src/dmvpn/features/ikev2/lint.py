"""Rules about the IKE lines of one router. What has to agree with its peers is in `tools/lint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Concern, Rule, Severity
from dmvpn.features.ikev2.model import Authentication

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.features.ikev2.model import Ikev2Config, Profile

KEYRING: Final = Rule(
    id="ikev2-keyring-undefined",
    severity=Severity.ERROR,
    title="An IKE profile names a keyring that does not exist",
    why="The keyring has the pre-shared keys; without it neither side can prove itself, and no IKE SA comes up.",
    bad="crypto ikev2 profile P\n keyring local TYPO",
    fix="crypto ikev2 keyring TYPO\n peer HUB\n  address 198.51.100.1\n  pre-shared-key SECRET",
)
PROPOSAL: Final = Rule(
    id="ikev2-proposal-undefined",
    severity=Severity.ERROR,
    title="An IKEv2 policy names a proposal that does not exist",
    why="A policy without a usable proposal is passed over, and the defaults are offered instead: other algorithms "
    "than somebody wrote down, and perhaps none that the peer has.",
    bad="crypto ikev2 policy P\n proposal TYPO",
    fix="crypto ikev2 proposal TYPO\n encryption aes-cbc-256\n integrity sha256\n group 19",
)
INCOMPLETE: Final = Rule(
    id="ikev2-profile-incomplete",
    severity=Severity.ERROR,
    title="An IKEv2 profile that lacks what every profile needs",
    why="A profile is for the peers that it matches, and both sides have to prove themselves in a way that it names, "
    "with a key or a certificate (RFC 7296 §2.15). IOS does not use a profile that lacks one of these.",
    bad="crypto ikev2 profile P\n authentication local pre-share\n authentication remote pre-share",
    fix="crypto ikev2 profile P\n match identity remote address 0.0.0.0\n keyring local KEYS",
)
WILDCARD: Final = Rule(
    id="ike-key-for-everybody",
    severity=Severity.ADVICE,
    title="One pre-shared key for everybody",
    why="Whoever has it, or takes it from one lost spoke, can pose as the hub to every other spoke. Keys of their own "
    "for each peer, or certificates, confine the loss to one.",
    bad="crypto ikev2 keyring K\n peer ANY\n  address 0.0.0.0 0.0.0.0",
    fix="crypto ikev2 keyring K\n peer SPOKE1\n  address 203.0.113.10",
)
RULES: Final = (KEYRING, PROPOSAL, INCOMPLETE, WILDCARD)


def check(config: Ikev2Config) -> Iterator[Concern]:
    """Find what is wrong with profiles, policies and keys."""
    yield from _references(config)
    for profile in config.profiles:
        yield from _completeness(profile)
    yield from _wildcards(config)


def _references(config: Ikev2Config) -> Iterator[Concern]:
    keyrings = {keyring.name for keyring in config.keyrings}
    for profile in config.profiles:
        if profile.keyring and profile.keyring not in keyrings:
            yield Concern(
                rule=KEYRING,
                at=(f"crypto ikev2 profile {profile.name}", "keyring"),
                what=f"IKEv2 profile {profile.name} names the keyring {profile.keyring}, which is not configured",
                fix=f"crypto ikev2 keyring {profile.keyring}\n peer NAME\n  address ADDRESS\n  pre-shared-key SECRET",
            )
    of_isakmp = {key.keyring for key in config.isakmp.keys}
    for old in config.isakmp.profiles:
        if old.keyring and old.keyring not in of_isakmp:
            yield Concern(
                rule=KEYRING,
                at=(f"crypto isakmp profile {old.name}", "keyring"),
                what=f"ISAKMP profile {old.name} names the keyring {old.keyring}, which is not there or has no key",
                fix=f"crypto keyring {old.keyring}\n pre-shared-key address ADDRESS key SECRET",
            )
    proposals = {proposal.name for proposal in config.proposals} | {"default"}
    for policy in config.policies:
        for name in policy.proposals:
            if name not in proposals:
                yield Concern(
                    rule=PROPOSAL,
                    at=(f"crypto ikev2 policy {policy.name}", f"proposal {name}"),
                    what=f"IKEv2 policy {policy.name} names the proposal {name}, which is not configured",
                    fix=f"crypto ikev2 proposal {name}\n encryption aes-cbc-256\n integrity sha256\n group 19",
                )


def _completeness(profile: Profile) -> Iterator[Concern]:
    ours, theirs = profile.local_authentication, profile.remote_authentication
    needs_key = Authentication.PRE_SHARED_KEY in (ours, *theirs)
    given = profile.local_key is not None or profile.remote_key is not None
    lacking = {
        "match identity remote address 0.0.0.0": bool(profile.matches or profile.certificate_maps),
        "authentication local pre-share": ours is not None,
        "authentication remote pre-share": bool(theirs),
        "keyring local NAME": bool(profile.keyring) or given or not needs_key,
    }
    lines = [line for line, there in lacking.items() if not there]
    if lines:
        named = " and ".join(" ".join(line.split()[:2]) for line in lines)
        yield Concern(
            rule=INCOMPLETE,
            at=(f"crypto ikev2 profile {profile.name}",),
            what=f"IKEv2 profile {profile.name} has no {named}",
            fix="\n ".join([f"crypto ikev2 profile {profile.name}", *lines]),
        )


def _wildcards(config: Ikev2Config) -> Iterator[Concern]:
    for keyring in config.keyrings:
        for peer in keyring.peers:
            has_key = peer.local_key is not None or peer.remote_key is not None
            if has_key and _is_everybody(peer.address, peer.mask):
                at = (f"crypto ikev2 keyring {keyring.name}", f"peer {peer.name}", "address")
                yield Concern(
                    rule=WILDCARD,
                    at=at,
                    what=f"keyring {keyring.name} has one key for every address: whoever takes it from one router can "
                    "pose as any other",
                    fix=f"crypto ikev2 keyring {keyring.name}\n peer NAME\n  address ADDRESS\n  pre-shared-key ITS-OWN",
                )
    for key in config.isakmp.keys:
        if _is_everybody(key.address, key.mask):
            where = (f"crypto keyring {key.keyring}", "pre-shared-key") if key.keyring else ("crypto isakmp key",)
            yield Concern(
                rule=WILDCARD,
                at=where,
                what="one key for every address: whoever takes it from one router can pose as any other",
                fix="crypto isakmp key ITS-OWN address ADDRESS" if not key.keyring else "",
            )


def _is_everybody(address: IPv4Address | None, mask: IPv4Address | None) -> bool:
    return address is not None and int(address) == 0 and (mask is None or int(mask) == 0)
