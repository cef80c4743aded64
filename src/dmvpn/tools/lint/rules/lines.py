"""Rules about lines as such: lines that IOS would refuse, lines without effect, and names that are missing.

Some lines no router here carries out yet, while a network of IOS routers may: PIM, QoS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.findings import Rule, Severity, rule
from dmvpn.features.ipsec.config import profiles
from dmvpn.ios import Blank
from dmvpn.network.device import Device
from dmvpn.network.lines import CLASS, PIM, PIM_BIDIR, PIM_GLOBAL, POLICY_MAP, SERVICE_POLICY
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.tools.lint.found import NetworkConcern, found

# ------------------------------------------------------------------------------------------------ lines as such


REFUSED: Final = rule(Severity.ERROR)(r"""
    line-refused: A line that the router refuses
    A configuration is declarative: a line that is refused is as if it were not there. The words under it are the
    router's own; `dmvpn config check` prints the same.
    bad: interface Tunnel0\n tunnel mode gre multiprotocol
    fix: interface Tunnel0\n tunnel mode gre multipoint
    """)
KEPT: Final = rule(Severity.ADVICE)("""
    line-kept: A line that is kept, and has another effect here than on IOS
    The router reads it, shows it back and warns when it is entered.
    bad: crypto isakmp policy 10
    fix: crypto ikev2 proposal P
    """)
NOT_SUPPORTED: Final = rule(Severity.ADVICE)("""
    line-not-here: Lines of IOS that have no effect here
    On an IOS router they are right. A router of this program keeps and shows them. Lines that would restrict or divert
    traffic are left out, and `dmvpn run` does not start with such lines unless `--without` says so.
    bad: ip nat inside source static 10.1.1.5 192.0.2.5
    fix:
    """)
UNKNOWN: Final = rule(Severity.ADVICE)("""
    line-unknown: An unknown line
    It cannot harm a tunnel in this place, so it is kept and shown. It may be a typing mistake.
    bad: frobnicate everything
    fix:
    """)
IKE_PROFILE_MISSING: Final = rule(Severity.ERROR)(r"""
    ike-profile-missing: An IPsec profile that protects a tunnel leads to no IKE profile
    If it names none, the IKEv2 profile `default` is used, or the only profile there is, or the keys of `crypto isakmp
    key`. If there is none of these, or several profiles, the router cannot authenticate.
    bad: crypto ipsec profile P\n set transform-set TS
    fix: crypto ipsec profile P\n set ikev2-profile IKE
    """)
RULES: Final = (REFUSED, KEPT, NOT_SUPPORTED, UNKNOWN, IKE_PROFILE_MISSING)

_IKEV2_PROFILE: Final = profiles.IKEV2_PROFILE.line(name=Blank("name"))


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
                there, line = f"all keys are those of isakmp profile {old}", profiles.ISAKMP_PROFILE.line(name=old)
            what = f"IPsec profile {profile.name} names no IKE profile, and {there}"
            header = profiles.PROFILE.line(name=profile.name)
            yield found(IKE_PROFILE_MISSING, device, (header,), what, f"{header}\n {line}")


# ------------------------------------------------------------------------------------------------ PIM and QoS


BIDIR: Final = rule(Severity.WARNING)(r"""
    pim-bidirectional: Bidirectional PIM on a DMVPN tunnel
    Cisco's DMVPN guide rules it out: a designated forwarder is elected among routers that do not hear each other.
    Sparse mode with `ip pim nbma-mode` works.
    bad: ip pim bidir-enable\ninterface Tunnel0\n ip pim sparse-mode
    fix: no ip pim bidir-enable\ninterface Tunnel0\n ip pim nbma-mode
    """)
QOS: Final = rule(Severity.WARNING)(r"""
    qos-twice: Per-tunnel QoS together with a policy on the physical interface
    Cisco's guide for per-tunnel QoS: with queueing on the tunnel, the interface below may have a shaper of the class
    class-default and nothing else. Two queueing policies on one path are refused or starve each other.
    bad: interface Tunnel0\n ip nhrp map group BRONZE service-policy output SHAPE\n!\ninterface GigabitEthernet1\n
    service-policy output WAN
    fix: interface GigabitEthernet1\n no service-policy output WAN
    """)
UNBUILT_RULES: Final = (BIDIR, QOS)


def check_unbuilt(network: Network) -> Iterator[NetworkConcern]:
    """Yield combinations that do not work, of lines that no router here carries out."""
    for end in network.ends:
        section, tree = end.device.section(end.name), end.device.tree
        line = tree.get(PIM_BIDIR) is not None
        bidirectional = line or any("bidir" in one.text("what", "") for one in tree.all(PIM_GLOBAL))
        if section is not None and end.nhrp.network_id is not None and section.all(PIM) and bidirectional:
            what = f"PIM runs on {end.name}, and it is bidirectional"
            at = ("ip pim bidir-enable",) if line else end.line("ip pim")
            yield found(BIDIR, end.device, at, what, "no ip pim bidir-enable")
        yield from _qos(end)


def _qos(end: TunnelEnd) -> Iterator[NetworkConcern]:
    interface = end.underlay
    section = end.device.section(interface.name) if interface is not None else None
    lines = [args for args in section.all(SERVICE_POLICY) if "output" in args] if section is not None else []
    policy = lines[0].text("name") if lines else None
    if end.nhrp.groups and policy is not None and interface is not None and not _is_shaper(end.device, policy):
        what = f"{end.name} has policies for each tunnel, and {interface.name} below it has {policy}"
        at = (f"interface {interface.name}", "service-policy output")
        fix = f"interface {interface.name}\n {SERVICE_POLICY.no(output=True, name=policy)}"
        yield found(QOS, end.device, at, what, fix)


def _is_shaper(device: Device, policy: str) -> bool:
    """Return whether it is the one kind of policy that may be there: a shaper of class-default."""
    section = device.tree.section(POLICY_MAP, name=policy)
    classes = list(section.sections(CLASS)) if section is not None else []
    if [args.text("name") for args, _ in classes] != ["class-default"]:
        return False
    return [statement.text.split()[0] for statement in classes[0][1].statements()] == ["shape"]
