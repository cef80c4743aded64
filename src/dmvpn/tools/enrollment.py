"""Certificates for a lab whose files have none: a configuration names a trustpoint, but the key stayed on the router.

    the files               crypto pki trustpoint VPN, `rsa-sig`; perhaps the certificates, in hex or in NVRAM
    never in the files      the private keys

Without its key a router cannot authenticate, and each tunnel would stay down. So the lab has an authority of its own,
which issues each such router a certificate as its trustpoint requests it. Certificates of the same trustpoint in the
files are removed: otherwise a peer would still trust the old authority.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.features.ike.model import AuthenticationMethod, IdentityKind
from dmvpn.network.device import Device
from dmvpn.network.lines import with_lines
from dmvpn.shells.certificates import FOLDER, certificates_of

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.authority import RequestedCertificate

_TRUSTPOINT: Final = "crypto pki trustpoint "
_SERVER: Final = "crypto pki server "
_SIGNATURES: Final = (AuthenticationMethod.RSA_SIGNATURE, AuthenticationMethod.ECDSA_SIGNATURE)
_AUTHORITY: Final = "cn=Lab"
#: A peer and a mask of keys of IKEv1.
_EVERYBODY: Final = "0.0.0.0"  # noqa: S104 - nothing is bound to it
_HOST: Final = "255.255.255.255"
_CHAIN: Final = r"(?m)^[ \t]*crypto (?:pki|ca) certificate chain {name}[ \t]*\r?$(?:\n[ \t]+\S.*$)*"


def enroll(scenario: Scenario) -> str:
    """Give certificates to routers that need some and have none. A note about it, "" if none does.

    Changes the scenario's configurations and certificates. Raises UserError.
    """
    if any(one.given for one in scenario.certificates.values()):
        return ""  # the lab has its own authority already
    devices = {name: Device.read(name, text, leaves_out=True) for name, text in scenario.configurations.items()}
    wanted = {name: found for name, device in devices.items() if (found := signing_trustpoints(device))}
    if not wanted:
        return ""
    from dmvpn.tools.authority import Authority  # late: not every platform that holds a simulated lab has cryptography

    with tempfile.TemporaryDirectory(prefix="dmvpn-pki-") as temporary:
        place = Path(temporary)
        elliptic = any(AuthenticationMethod.ECDSA_SIGNATURE in _methods(device) for device in devices.values())
        # Inside, for a router follows no link out of that folder; no trustpoint has this name.
        authority = Authority.make(place / FOLDER / ".authority", "Lab", elliptic=elliptic, dn=_issuer(devices))
        for name, trustpoints in wanted.items():
            authority.issue(_request(name, devices[name], trustpoints[0]))
            for trustpoint in trustpoints:
                link = place / FOLDER / trustpoint
                if not link.is_symlink():
                    link.symlink_to(authority.folder)
        for name, trustpoints in wanted.items():
            text = scenario.configurations[name]
            scenario.certificates[name] = certificates_of(place, name, text)
            # Blank lines take the place of the certificates: messages go on to name the lines of the file
            for trustpoint in trustpoints:
                pattern = _CHAIN.format(name=re.escape(trustpoint))
                text = re.sub(pattern, lambda found: "\n" * found[0].count("\n"), text)
            scenario.configurations[name] = with_lines(text, _identities(devices[name]))
    issuer = authority.certificate.subject.rfc4514_string()
    return (
        f"{', '.join(wanted)}: the private keys of certificates are not in the files, so the lab has an authority of "
        f"its own ({issuer}), and made new ones"
    )


def signing_trustpoints(device: Device) -> list[str]:
    """Return the trustpoints of a router that signs with certificates, but not that of a server of them."""
    # An IKEv1 policy signs by default (`rsa-sig`).
    by_ikev2 = any(profile.local_authentication in _SIGNATURES for profile in device.ikev2.profiles)
    if not by_ikev2 and not _signs_by_ikev1(device):
        return []
    servers = [header.removeprefix(_SERVER) for header in device.lines.headers(_SERVER)]
    names = [one.name for one in device.pki.trustpoints]
    return [each for each in names if each not in servers and Path(each).name == each]


def _methods(device: Device) -> list[AuthenticationMethod | None]:
    """Return the authentication methods of this router and its peers."""
    own = [how for one in device.ikev2.profiles for how in (one.local_authentication, *one.remote_authentication)]
    return [*own, *(policy.authentication for policy in device.ikev2.isakmp.policies)]


def _signs_by_ikev1(device: Device) -> bool:
    """Return whether a policy signs, and no pre-shared key is valid for all peers."""
    isakmp = device.ikev2.isakmp
    has_others = any(
        key.keyring or str(key.mask or _HOST) != _HOST or str(key.address) == _EVERYBODY for key in isakmp.keys
    )
    signs = any(policy.authentication is not AuthenticationMethod.PRE_SHARED_KEY for policy in isakmp.policies)
    return signs and not has_others


def _issuer(devices: dict[str, Device]) -> str:
    """Return the issuer name of the certificate server in these files: certificate maps may match it."""
    for device in devices.values():
        for header in device.lines.headers(_SERVER):
            return device.lines.section(header).value("issuer-name ") or f"cn={header.removeprefix(_SERVER)}"
    return _AUTHORITY


def _request(name: str, device: Device, trustpoint: str) -> RequestedCertificate:
    from dmvpn.tools.authority import RequestedCertificate

    subject = next(one.subject for one in device.pki.trustpoints if one.name == trustpoint)
    section = device.lines.section(f"{_TRUSTPOINT}{trustpoint}")
    domain = device.lines.value("ip domain name ") or device.lines.value("ip domain-name ")
    fqdn = section.value("fqdn ") or (f"{name}.{domain}" if domain else name)
    said = section.value("ip-address ")
    own = [str(address.ip) for address in device.ports.values()]
    return RequestedCertificate(
        name=name,
        dn=subject or f"cn={name}",
        fqdns=() if fqdn == "none" else (fqdn,),
        addresses=tuple(dict.fromkeys([*([said] if said[:1].isdigit() else []), *own])),
    )


def _identities(device: Device) -> list[str]:
    """Return lines for signing profiles without an identity: IOS then sends its address (Cisco 117337).

    This program would send the subject of the certificate, which `match identity remote address` of a peer rejects.
    """
    address = _tunnel_end(device)
    found: list[str] = []
    for profile in device.ikev2.profiles if address else ():
        by_address = any(one.kind is IdentityKind.ADDRESS for one in profile.matches)
        if profile.local_authentication in _SIGNATURES and profile.local_identity is None and by_address:
            found += [f"crypto ikev2 profile {profile.name}", f" identity local address {address}"]
    return found


def _tunnel_end(device: Device) -> str:
    """Return the address of the first tunnel's source; "" if no line says it."""
    ends = (device.source(tunnel) for tunnel in device.tunnels.tunnels)
    return next((str(end) for end in ends if end is not None), "")
