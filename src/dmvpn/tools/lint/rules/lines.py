"""Rules about lines as such: lines that IOS would refuse, lines without effect, and names that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.ipsec.config import profiles
from dmvpn.ios import Blank
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

REFUSED: Final = Rule(
    id="line-refused",
    severity=Severity.ERROR,
    title="A line that the router refuses",
    why="A configuration is declarative: a line that is refused is as if it were not there. The words under it are "
    "the router's own; `dmvpn config check` prints the same.",
    bad="interface Tunnel0\n tunnel mode gre multiprotocol",
    fix="interface Tunnel0\n tunnel mode gre multipoint",
)
KEPT: Final = Rule(
    id="line-kept",
    severity=Severity.ADVICE,
    title="A line that is kept, and has another effect here than on IOS",
    why="The router reads it, shows it back and warns when it is entered.",
    bad="crypto isakmp policy 10",
    fix="crypto ikev2 proposal P",
)
NOT_SUPPORTED: Final = Rule(
    id="line-not-here",
    severity=Severity.ADVICE,
    title="Lines of IOS that have no effect here",
    why="On an IOS router they are right. A router of this program keeps and shows them. Lines that would restrict or "
    "divert traffic are left out, and `dmvpn run` does not start with such lines unless `--without` says so.",
    bad="ip nat inside source static 10.1.1.5 192.0.2.5",
    fix="",
)
UNKNOWN: Final = Rule(
    id="line-unknown",
    severity=Severity.ADVICE,
    title="An unknown line",
    why="It cannot harm a tunnel in this place, so it is kept and shown. It may be a typing mistake.",
    bad="frobnicate everything",
    fix="",
)
IKE_PROFILE_MISSING: Final = Rule(
    id="ike-profile-missing",
    severity=Severity.ERROR,
    title="An IPsec profile that protects a tunnel leads to no IKE profile",
    why="If it names none, the IKEv2 profile `default` is used, or the only profile there is, or the keys of `crypto "
    "isakmp key`. If there is none of these, or several profiles, the router cannot authenticate.",
    bad="crypto ipsec profile P\n set transform-set TS",
    fix="crypto ipsec profile P\n set ikev2-profile IKE",
)
RULES: Final = (REFUSED, KEPT, NOT_SUPPORTED, UNKNOWN, IKE_PROFILE_MISSING)

_IKEV2_PROFILE: Final = profiles.IKEV2_PROFILE.of(name=Blank("name"))


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield IPsec profiles that are used and lead to no IKE profile. The engine has the problems of the reader."""
    for device in network.devices:
        yield from ike_profiles(device)


def problem_rule(message: str, *, is_warning: bool) -> Rule:
    """Return which rule a problem of the reader is a case of.

    What it refuses in words of its own, and because something does not exist here, IOS takes.
    """
    if not is_warning and " here" in message:
        return NOT_SUPPORTED
    return KEPT if is_warning else REFUSED


def ike_profiles(device: Device) -> Iterator[NetworkConcern]:
    """Yield those of IPsec profiles that are used and name none."""
    used = dict.fromkeys(each.protection for each in device.tunnels.tunnels if each.protection and not each.ike_profile)
    written = [profile.name for profile in device.ikev2.profiles]
    of_profiles = [profile.keyring for profile in device.ikev2.isakmp.profiles if profile.keyring]
    has_keys = any(key.keyring not in of_profiles for key in device.ikev2.isakmp.keys)
    if len(written) == 1 or "default" in written or has_keys:
        return
    if device.ikev2.isakmp.policies and device.pki.trustpoints:
        return  # IKEv1 with certificates
    for profile in device.ipsec.profiles:
        if profile.name in used and not profile.ikev2_profile and not profile.isakmp_profile:
            there = f"there are {len(written)}" if written else "there is none"
            line, old = _IKEV2_PROFILE, next((one.name for one in device.ikev2.isakmp.profiles if one.keyring), "")
            if old:
                there, line = f"all keys are those of isakmp profile {old}", profiles.ISAKMP_PROFILE.of(name=old)
            what = f"IPsec profile {profile.name} names no IKE profile, and {there}"
            header = profiles.PROFILE.of(name=profile.name)
            yield found(IKE_PROFILE_MISSING, device, (header,), what, f"{header}\n {line}")
