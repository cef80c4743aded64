"""Certificates for a lab whose files have none: a configuration names a trustpoint, but the key stayed on the router.

    the files               crypto pki trustpoint VPN, `rsa-sig`; perhaps the certificates, in hex or in NVRAM
    never in the files      the private keys

So nobody could prove anything, and each tunnel would stay down. The lab has an authority of its own instead, which
gives each such router a certificate that says what its trustpoint asks for. What is in the files of the same trustpoint
is taken out: a peer would go on to believe the old authority.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.network.device import Device
from dmvpn.network.lines import addresses, with_lines
from dmvpn.shells.certificates import FOLDER, certificates_of
from dmvpn.tools.authority import Authority, Request

if TYPE_CHECKING:
    from dmvpn.network.lines import Lines
    from dmvpn.shells.scenario import Scenario

_TRUSTPOINT: Final = "crypto pki trustpoint "
_SERVER: Final = "crypto pki server "
_SIGNATURES: Final = ("rsa-sig", "ecdsa-sig")
_AUTHORITY: Final = "cn=Lab"
#: The profile of a router that would sign by IKEv1.
_IKEV1: Final = "crypto-isakmp-rsa-sig"
#: And the one for its peers that have keys.
_IKEV1_KEYS: Final = "crypto-isakmp-keys"
_IPSEC: Final = "crypto ipsec profile "
#: A peer and a mask of keys of IKEv1.
_EVERYBODY: Final = "0.0.0.0"  # noqa: S104 - nothing is bound to it
_HOST: Final = "255.255.255.255"
_CHAIN: Final = r"(?m)^[ \t]*crypto (?:pki|ca) certificate chain {name}[ \t]*\r?$(?:\n[ \t]+\S.*$)*"


def enrol(scenario: Scenario) -> str:
    """Give certificates to routers that need some and have none. A note about it, "" if none does.

    Changes the scenario's configurations and certificates. Raises UserError.
    """
    if any(one.given for one in scenario.certificates.values()):
        return ""  # somebody has an authority for this lab
    devices = {name: Device.read(name, text, leaves_out=True) for name, text in scenario.configurations.items()}
    read = {name: device.lines for name, device in devices.items()}
    wanted = {name: found for name, lines in read.items() if (found := _wanted(lines))}
    if not wanted:
        return ""
    with tempfile.TemporaryDirectory(prefix="dmvpn-pki-") as temporary:
        place = Path(temporary)
        elliptic = any("ecdsa-sig" in line for lines in read.values() for line in lines.lines)
        authority = Authority.make(place / "authority", "Lab", elliptic=elliptic, dn=_issuer(read))
        (place / FOLDER).mkdir()
        for name, trustpoints in wanted.items():
            authority.issue(_request(name, read[name], trustpoints[0]))
            for trustpoint in trustpoints:
                link = place / FOLDER / trustpoint
                if not link.is_symlink():
                    link.symlink_to(authority.folder)
        for name, trustpoints in wanted.items():
            text = scenario.configurations[name]
            scenario.certificates[name] = certificates_of(place, name, text)
            fqdn = next(iter(_request(name, read[name], trustpoints[0]).fqdns), "")
            more = [*_identities(devices[name]), *_profiles_of_ikev1(devices[name], trustpoints[0], fqdn)]
            scenario.configurations[name] = with_lines(_without_chains(text, trustpoints), more)
    by_ikev1 = [name for name in wanted if _signs_by_ikev1(read[name])]
    by_ikev2 = f"; {', '.join(by_ikev1)} would sign by IKEv1, which runs as IKEv2" if by_ikev1 else ""
    issuer = authority.certificate.subject.rfc4514_string()
    return (
        f"{', '.join(wanted)}: the private keys of certificates are not in the files, so the lab has an authority of "
        f"its own ({issuer}), and made new ones{by_ikev2}"
    )


def _wanted(lines: Lines) -> list[str]:
    """The trustpoints of a router that signs with certificates, but not that of a server of them."""
    if not _signs(lines):
        return []
    servers = [header.removeprefix(_SERVER) for header in lines.headers(_SERVER)]
    names = [header.removeprefix(_TRUSTPOINT) for header in lines.headers(_TRUSTPOINT)]
    return [each for each in names if each not in servers and Path(each).name == each]


def _signs(lines: Lines) -> bool:
    """Does a profile of IKEv2 say so? IKEv1 signs unless it is told to use a key."""
    profiles = [lines.section(header) for header in lines.headers("crypto ikev2 profile ")]
    if any(f"authentication local {kind}" in profile.lines for profile in profiles for kind in _SIGNATURES):
        return True
    return _signs_by_ikev1(lines)


def _signs_by_ikev1(lines: Lines) -> bool:
    """Does a policy sign, and is there no key that would be for everybody?"""
    policies = [lines.section(header) for header in lines.headers("crypto isakmp policy ")]
    has_others = bool(lines.headers("crypto keyring ")) or _EVERYBODY in _keyed(lines)
    return not has_others and any(not policy.has("authentication pre-share") for policy in policies)


def _keyed(lines: Lines) -> dict[str, str]:
    """The keys of IKEv1 by the address of the peer; with a mask it may be everybody's."""
    keys: dict[str, str] = {}
    for header in lines.headers("crypto isakmp key "):
        before, _, behind = header.partition(" address ")
        key, peer = before.split()[-1], behind.split()
        masked = any(word[:1].isdigit() and word != _HOST for word in peer[1:])
        if peer:
            keys[_EVERYBODY if masked else peer[0]] = key
    return keys


def _issuer(read: dict[str, Lines]) -> str:
    """What the server of certificates in these files calls itself: certificate maps may ask for it."""
    for lines in read.values():
        for header in lines.headers(_SERVER):
            return lines.section(header).value("issuer-name ") or f"cn={header.removeprefix(_SERVER)}"
    return _AUTHORITY


def _request(name: str, lines: Lines, trustpoint: str) -> Request:
    section = lines.section(f"{_TRUSTPOINT}{trustpoint}")
    domain = lines.value("ip domain name ") or lines.value("ip domain-name ")
    fqdn = section.value("fqdn ") or (f"{name}.{domain}" if domain else name)
    said = section.value("ip-address ")
    own = [str(address.ip) for _, address in addresses(lines)]
    return Request(
        name=name,
        dn=section.value("subject-name ") or f"cn={name}",
        fqdns=() if fqdn == "none" else (fqdn,),
        addresses=tuple(dict.fromkeys([*([said] if said[:1].isdigit() else []), *own])),
    )


def _identities(device: Device) -> list[str]:
    """Lines for profiles that sign and do not say as whom: a router of IOS then says its address (Cisco 117337).

    Here it would say the subject of its certificate, which `match identity remote address` of its peers does not take.
    """
    address, lines = _tunnel_end(device), device.lines
    found: list[str] = []
    for header in lines.headers("crypto ikev2 profile ") if address else ():
        profile = lines.section(header)
        signs = any(profile.has(f"authentication local {kind}") for kind in _SIGNATURES)
        if signs and not profile.has("identity local") and profile.has("match identity remote address"):
            found += [header, f" identity local address {address}"]
    return found


def _tunnel_end(device: Device) -> str:
    """The address of the first tunnel's source; "" if no line says it."""
    ends = (device.source(tunnel) for tunnel in device.tunnels.tunnels)
    return next((str(end) for end in ends if end is not None), "")


def _isakmp_identity(device: Device, fqdn: str) -> list[str]:
    """As whom IKEv1 signs: by its address, whatever it signs with, unless `crypto isakmp identity` says otherwise.

    The default is `address` with signatures, too (Cisco IOS Security Command Reference, crypto isakmp identity); that
    of an IKEv2 profile would be the subject of the certificate.
    """
    address = _tunnel_end(device)
    said = device.lines.value("crypto isakmp identity ")
    if said == "dn":
        return [" identity local dn"]
    if said == "hostname" and fqdn:
        return [f" identity local fqdn {fqdn}"]
    return [f" identity local address {address}"] if address else []


def _profiles_of_ikev1(device: Device, trustpoint: str, fqdn: str) -> list[str]:
    """Lines for IPsec profiles that would sign by IKEv1: it runs as IKEv2, where a profile has to say so.

    That of a tunnel to a peer with a key uses the key, which needs a profile, too: the one that signs is for anybody.
    """
    lines = device.lines
    if not _signs_by_ikev1(lines):
        return []
    keyed = {peer: key for peer, key in _keyed(lines).items() if peer != _EVERYBODY}
    by_key = {
        tunnel.protection for tunnel in device.tunnels.tunnels if str(tunnel.destination) in keyed and tunnel.protection
    }
    without = [
        header
        for header in lines.headers(_IPSEC)
        if not lines.section(header).has("set ikev2-profile") and not lines.section(header).has("set isakmp-profile")
    ]
    signing = [header for header in without if header.removeprefix(_IPSEC) not in by_key]
    identity = _isakmp_identity(device, fqdn)
    more: list[str] = []
    if signing:
        more += [
            f"crypto ikev2 profile {_IKEV1}",
            " match identity remote any",
            *identity,
            " authentication remote rsa-sig",
            " authentication local rsa-sig",
            f" pki trustpoint {trustpoint}",
            *(line for header in signing for line in (header, f" set ikev2-profile {_IKEV1}")),
        ]
    if signing and by_key:
        peers = keyed.items()
        more += [
            f"crypto ikev2 keyring {_IKEV1_KEYS}",
            *(
                line
                for peer, key in peers
                for line in (f" peer {peer}", f"  address {peer}", f"  pre-shared-key {key}")
            ),
            f"crypto ikev2 profile {_IKEV1_KEYS}",
            *(f" match identity remote address {peer} {_HOST}" for peer in keyed),
            *identity,
            " authentication remote pre-share",
            " authentication local pre-share",
            f" keyring local {_IKEV1_KEYS}",
            *(line for name in sorted(by_key) for line in (f"{_IPSEC}{name}", f" set ikev2-profile {_IKEV1_KEYS}")),
        ]
    return more


def _without_chains(text: str, trustpoints: list[str]) -> str:
    """Blank lines for the certificates of these trustpoints: messages go on to name the lines of the file."""
    for name in trustpoints:
        pattern = _CHAIN.format(name=re.escape(name))
        text = re.sub(pattern, lambda found: "\n" * found[0].count("\n"), text)
    return text
