"""Rules about lines as such: lines that IOS would refuse, lines without effect, and names of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.ike.config import isakmp
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ike.model import AuthenticationMethod
from dmvpn.features.ipsec.config import profiles
from dmvpn.features.pki.config import maps, trustpoints
from dmvpn.features.tunnel.config import VRF as TUNNEL_VRF
from dmvpn.ios import INTERFACE, Blank
from dmvpn.network.language import IN_VRF, IN_VRF_OLD, POLICY_MAP, SERVICE_POLICY, VRF, VRF_OLD
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ike.model import IsakmpProfile, Profile
    from dmvpn.ios import ConfigLine
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
VRF_UNDEFINED: Final = Rule(
    id="vrf-undefined",
    severity=Severity.ERROR,
    title="A VRF that is not defined",
    why="IOS refuses the line, and interface or tunnel stay in the global table: packets take unintended paths.",
    bad="interface Tunnel0\n tunnel vrf INET",
    fix="vrf definition INET\n address-family ipv4",
)
POLICY_UNDEFINED: Final = Rule(
    id="policy-map-undefined",
    severity=Severity.WARNING,
    title="A service policy that is not defined",
    why="IOS refuses a `service-policy`, and a map of an NHRP group means nothing, without the policy map it names.",
    bad="interface Tunnel0\n ip nhrp map group BRONZE service-policy output SHAPE",
    fix="policy-map SHAPE\n class class-default",
)
PROFILE_UNDEFINED: Final = Rule(
    id="ipsec-profile-undefined",
    severity=Severity.ERROR,
    title="A tunnel names an IPsec profile that does not exist",
    why="A tunnel with protection never sends in clear, so it stays down.",
    bad="interface Tunnel0\n tunnel protection ipsec profile TYPO",
    fix="crypto ipsec profile TYPO\n set transform-set TS",
)
IKE_PROFILE_UNDEFINED: Final = Rule(
    id="ike-profile-undefined",
    severity=Severity.ERROR,
    title="An IPsec profile names an IKE profile that does not exist",
    why="Without the profile it is undefined which peers are meant and how they authenticate: no IKE SA comes up.",
    bad="crypto ipsec profile P\n set ikev2-profile TYPO",
    fix="crypto ikev2 profile TYPO\n match identity remote address 0.0.0.0",
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
TRUSTPOINT_UNDEFINED: Final = Rule(
    id="trustpoint-undefined",
    severity=Severity.ERROR,
    title="An IKE profile names a trustpoint or certificate map that does not exist",
    why="The trustpoint has the certificate that we prove ourselves with and the authority that peers are checked "
    "with; without it there is neither. An error where the profile works with certificates.",
    bad="crypto ikev2 profile P\n pki trustpoint TYPO",
    fix="crypto pki trustpoint TYPO\n enrollment terminal",
)
RULES: Final = (
    *(
        REFUSED,
        KEPT,
        NOT_SUPPORTED,
        UNKNOWN,
        VRF_UNDEFINED,
        POLICY_UNDEFINED,
        PROFILE_UNDEFINED,
        IKE_PROFILE_UNDEFINED,
    ),
    *(IKE_PROFILE_MISSING, TRUSTPOINT_UNDEFINED),
)

_NAME: Final = Blank("name")
_TRANSFORMS: Final = profiles.TRANSFORM_SETS.of(name1=_NAME)
_IKEV2_PROFILE: Final = profiles.IKEV2_PROFILE.of(name=_NAME)
_TERMINAL: Final = trustpoints.ENROLLMENT.of(terminal=True)
_SUBJECT: Final = maps.RULE.of(subject_name=True, co=True, text=Blank("text"))
_IKE_PROFILES: Final = {"ikev2": ike_profiles.PROFILE, "isakmp": isakmp.PROFILE}
_KINDS: Final = {"ikev2": "IKEv2", "isakmp": "ISAKMP"}
_BY_CERTIFICATE: Final = (AuthenticationMethod.RSA_SIGNATURE, AuthenticationMethod.ECDSA_SIGNATURE)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield lines that are invalid or name nothing. The engine has the problems of the reader."""
    for device in network.devices:
        yield from _protection(device)
        yield from _vrfs(device)
        yield from _policies(device)


def problem_rule(message: str, *, is_warning: bool) -> Rule:
    """Return which rule a problem of the reader is a case of.

    What it refuses in words of its own, and because something does not exist here, IOS takes.
    """
    if not is_warning and " here" in message:
        return NOT_SUPPORTED
    return KEPT if is_warning else REFUSED


def _opened(section: str, line: str) -> str:
    """Return a line with the line that opens its section."""
    return f"{section}\n {line}"


def _protection(device: Device) -> Iterator[NetworkConcern]:
    ipsec = {profile.name for profile in device.ipsec.profiles} | {"default"}
    for tunnel in device.tunnels.tunnels:
        name = tunnel.protection
        if name and name not in ipsec:
            at = (f"interface {tunnel.name}", "tunnel protection")
            what = f"{tunnel.name} is to be protected by IPsec profile {name}, which is not configured: it stays down"
            yield found(PROFILE_UNDEFINED, device, at, what, _opened(profiles.PROFILE.of(name=name), _TRANSFORMS))
    ikev2 = {profile.name for profile in device.ikev2.profiles} | {"default"}
    isakmp = {profile.name for profile in device.ikev2.isakmp.profiles}
    for profile in device.ipsec.profiles:
        for kind, name, known in (
            ("ikev2", profile.ikev2_profile, ikev2),
            ("isakmp", profile.isakmp_profile, isakmp),
        ):
            if name and name not in known:
                at = (f"crypto ipsec profile {profile.name}", f"set {kind}-profile")
                what = f"IPsec profile {profile.name} names the {kind} profile {name}, which is not configured"
                others = sorted(known - {"default"})
                of_one = len(others) == 1 and _opened(at[0], f"{at[1]} {others[0]}")
                yield found(IKE_PROFILE_UNDEFINED, device, at, what, of_one or _IKE_PROFILES[kind].of(name=name))
    for tunnel in device.tunnels.tunnels:
        kind, _, name = tunnel.ike_profile.partition("-profile ")
        if name and name not in (ikev2 if kind == "ikev2" else isakmp):
            at = (f"interface {tunnel.name}", "tunnel protection")
            what = f"{tunnel.name} names the {kind} profile {name}, which is not configured"
            yield found(IKE_PROFILE_UNDEFINED, device, at, what, _IKE_PROFILES[kind].of(name=name))
    yield from _ike_profiles(device)
    known_trustpoints = {trustpoint.name for trustpoint in device.pki.trustpoints}
    known_maps = {one.name for one in device.pki.maps}
    by_signature = device.ikev2.isakmp.signs
    named: list[tuple[Profile | IsakmpProfile, str, str, bool]] = [
        (ike, "ikev2", "pki trustpoint", _needs_certificate(ike)) for ike in device.ikev2.profiles
    ]
    named += [(ike, "isakmp", "ca trust-point", by_signature) for ike in device.ikev2.isakmp.profiles]
    for ike, kind, word, needed in named:
        section, whose = f"crypto {kind} profile {ike.name}", f"{_KINDS[kind]} profile {ike.name}"
        severity = None if needed else Severity.WARNING
        for name in dict.fromkeys(ike.trustpoints):
            if name not in known_trustpoints:
                what = f"{whose} names the trustpoint {name}, which is not configured"
                fix = _opened(trustpoints.TRUSTPOINT.of(name=name), _TERMINAL)
                yield found(TRUSTPOINT_UNDEFINED, device, (section, f"{word} {name}"), what, fix, severity=severity)
        for name in dict.fromkeys(ike.certificate_maps):
            if name not in known_maps:
                what = f"{whose} matches by the certificate map {name}, which is not configured"
                fix = _opened(maps.MAP.of(name=name, number=10), _SUBJECT)
                yield found(
                    TRUSTPOINT_UNDEFINED, device, (section, f"match certificate {name}"), what, fix, severity=severity
                )


def _needs_certificate(profile: Profile) -> bool:
    return any(method in _BY_CERTIFICATE for method in (profile.local_authentication, *profile.remote_authentication))


def _ike_profiles(device: Device) -> Iterator[NetworkConcern]:
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
            yield found(IKE_PROFILE_MISSING, device, (header,), what, _opened(header, line))


def _each(device: Device, *lines: ConfigLine) -> Iterator[tuple[str, str, str]]:
    """Yield the interface, the name that a line in it gives, and the line."""
    for args, section in device.tree.sections(INTERFACE):
        for line in lines:
            for said in section.all(line):
                yield args.interface("name"), said.text("name"), line.text(said)


def _vrfs(device: Device) -> Iterator[NetworkConcern]:
    known = {args.text("name") for line in (VRF, VRF_OLD) for args, _ in device.tree.sections(line)}
    used = list(_each(device, IN_VRF, IN_VRF_OLD))
    used += [
        (tunnel.name, tunnel.front, f"tunnel vrf {tunnel.front}") for tunnel in device.tunnels.tunnels if tunnel.front
    ]
    sources = {tunnel.name: tunnel.source_interface for tunnel in device.tunnels.tunnels}
    for interface, name, line in used:
        if name not in known:
            what = f"{interface} is in the VRF {name}, which is not defined"
            port = sources.get(interface, "")
            if line.startswith("tunnel vrf") and port in device.interface_names and device.vrf_of(port) != name:
                vrf = device.vrf_of(port)  # the tunnel is to follow its source: a VRF without ports carries nothing
                fix = _opened(f"interface {interface}", TUNNEL_VRF.of(vrf=vrf) if vrf else TUNNEL_VRF.no(vrf=name))
            else:
                fix = _opened(VRF.of(name=name), "address-family ipv4")
            yield found(VRF_UNDEFINED, device, (f"interface {interface}", line), what, fix)


def _policies(device: Device) -> Iterator[NetworkConcern]:
    known = {args.text("name") for args, _ in device.tree.sections(POLICY_MAP)}
    used = list(_each(device, SERVICE_POLICY))
    used += [
        (tunnel.name, policy, f"{family} map group {group}")
        for tunnel in device.nhrp.tunnels
        for group, policy in tunnel.groups
        for family in (("ip nhrp" if tunnel.version == 4 else "ipv6 nhrp"),)
    ]
    for interface, name, line in used:
        if name not in known:
            what = f"{interface} uses the service policy {name}, which is not defined"
            yield found(POLICY_UNDEFINED, device, (f"interface {interface}", line), what, POLICY_MAP.of(name=name))
