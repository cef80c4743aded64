"""What `crypto isakmp policy` lines offer in main mode of IKEv1: their algorithms, in the order of their numbers.

A policy that asks for what we do not have, or do not permit, is left out: DES and group 1, and without `crypto engine
compliance shield disable` 3DES, MD5 and groups 2 and 5.
Where keys are configured and no policy at all, IOS falls back to policies of its own with DES or 3DES; ours are AES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.features.ike.model import AuthenticationMethod, Encryption, Hash, IsakmpPolicy
from dmvpn.features.ike.peer_settings import IsakmpTransform
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.suites import isakmp_suite

if TYPE_CHECKING:
    from dmvpn.features.ike.model import IkeConfig

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
