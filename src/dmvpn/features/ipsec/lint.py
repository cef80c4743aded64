"""Rules about the IPsec lines of one router. Rules about agreement with its peers are in `tools/lint`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.findings import Concern, Rule, Severity, rule
from dmvpn.base.reasons import Reason
from dmvpn.base.values import collected
from dmvpn.features.ipsec.config.profiles import lines_of
from dmvpn.features.ipsec.model import Cipher, IpsecConfig, TransformSet
from dmvpn.features.ipsec.policies import resolve, transform_of

TRANSFORM_SET: Final = rule(Severity.ERROR)(r"""
    ipsec-transform-set-undefined: An IPsec profile names a transform set that does not exist
    The profile offers the transforms of its transform sets. A missing set offers nothing, and a tunnel with no usable
    transform stays down.
    bad: crypto ipsec profile P\n set transform-set TYPO
    fix: crypto ipsec transform-set TYPO esp-aes 256 esp-sha256-hmac\n mode transport
    """)
WEAK: Final = rule(Severity.ERROR)(r"""
    ipsec-transform-set-weak: A transform set too weak to be used
    DES, 3DES, NULL, GMAC and MD5 are read here and never used (RFC 8221), nor is a cipher without authentication. A
    tunnel whose profile has nothing else stays down; IOS would use it, and protect little.
    bad: crypto ipsec transform-set TS esp-3des esp-md5-hmac
    fix: crypto ipsec transform-set TS esp-gcm 256\n mode transport
    """)
TUNNEL_MODE: Final = rule(Severity.ADVICE)(r"""
    ipsec-tunnel-mode: A transform set in tunnel mode, which is the default
    A GRE packet has an outer IP header already; tunnel mode puts another one before it, 20 octets in each packet.
    Through NAT a DMVPN needs transport mode.
    bad: crypto ipsec transform-set TS esp-aes 256 esp-sha-hmac
    fix: crypto ipsec transform-set TS esp-aes 256 esp-sha-hmac\n mode transport
    """)
RULES: Final = collected(Rule, vars())
#: Our own address, where only algorithms matter.
_ANY: Final = OuterAddress(IPv4Address(0))


def check(config: IpsecConfig) -> Iterator[Concern]:
    """Yield findings about profiles and transform sets."""
    used = dict.fromkeys(name for profile in config.profiles for name in profile.transform_sets)
    for transforms in config.transform_sets:
        header = f"crypto ipsec transform-set {transforms.name}"
        why_not = transform_of(transforms)
        if isinstance(why_not, str):
            users = [profile for profile in config.profiles if transforms.name in profile.transform_sets]
            # Whether each has another set
            others = all(not isinstance(resolve(config, profile.name, _ANY), Reason) for profile in users)
            yield Concern(
                rule=WEAK,
                at=(header,),
                what=f"{why_not}; {'it is left out' if others else 'a tunnel that needs it stays down'}",
                fix=strong(transforms.name),
                severity=Severity.WARNING if others else None,
            )
        elif transforms.name in used and not transforms.transport:
            yield Concern(
                rule=TUNNEL_MODE,
                at=(header,),
                what=f"transform set {transforms.name} is in tunnel mode: 20 octets more in each packet",
                fix=in_transport_mode(transforms),
            )


def strong(name: str) -> str:
    """Return the lines of a transform set of this name that every tunnel can use."""
    return _text(TransformSet(name=name, cipher=Cipher.AES_GCM, key_bits=256, transport=True))


def in_transport_mode(transforms: TransformSet) -> str:
    """Return the lines of the same transform set in transport mode."""
    return _text(replace(transforms, transport=True, require_transport=False))


def _text(transforms: TransformSet) -> str:
    return "\n ".join(lines_of(transforms))
