"""Certificates as files beside a configuration: made by `dmvpn pki`, used without any typing.

    FOLDER/R31.cfg                      crypto pki trustpoint LAB
    FOLDER/pki/LAB/ca.pem               the authorities that R31 trusts
    FOLDER/pki/LAB/crl.pem              revoked certificates, optional
    FOLDER/pki/LAB/R31.pem, R31.key     certificate and key of R31, optional

A folder below `pki` has the name of a trustpoint; it applies to routers whose configuration has that trustpoint. The
certificates precede the configuration as lines of it, and the key is given to the router as stored data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.events import Remembered
from dmvpn.base.values import Value
from dmvpn.shells.files import leads_out, read_given

FOLDER: Final = "pki"
#: Octets of a file; a list of revoked certificates may be long.
_LARGEST: Final = 8 << 20


class Certificates(Value):
    """Certificates and keys that one router starts with, besides its configuration. head: lines that precede it."""

    head: str = ""
    given: tuple[Remembered, ...] = ()


NOTHING: Final = Certificates()


def certificates_of(folder: Path, router: str, configuration: str) -> Certificates:
    """Return the certificates beside the configuration of a router.

    Raises UserError for unreadable or inconsistent files.
    """
    if not (folder / FOLDER).is_dir():
        return NOTHING
    # Most routers have no certificates, and need no models of all features.
    from dmvpn.network.device import Device

    names = [one.name for one in Device.read(router, configuration, leaves_out=True).pki.trustpoints]
    found = [_trustpoint(folder / FOLDER / name, name, router) for name in names if _is_there(folder / FOLDER, name)]
    return Certificates("".join(one.head for one in found), tuple(event for one in found for event in one.given))


def _is_there(folder: Path, name: str) -> bool:
    """Return whether the folder of a trustpoint exists; its name must not lead elsewhere."""
    return (
        (folder / name).name == name and (folder / name / "ca.pem").is_file() and not leads_out(folder, folder / name)
    )


def _trustpoint(folder: Path, name: str, router: str) -> Certificates:
    # Most routers have no certificates, and X.509 takes long to import.
    from dmvpn.features.pki.machine import KEY, LIST, joined, name_of
    from dmvpn.features.pki.material import chain_lines, read_pem

    own = [folder / f"{router}.pem", folder / f"{router}.key"]
    files = [folder / "ca.pem", *(own if own[0].exists() else ()), folder / "crl.pem"]
    try:
        pieces = (read_given(path, _LARGEST, folder) for path in files if path.exists() or path in own)
        found = read_pem(b"\n".join(pieces))
    except UserError as error:
        raise UserError(f"{folder}: {router}: {error}") from error
    kept = [(KEY, found.key), (LIST, joined(found.lists))]
    given = tuple(Remembered(name_of(name, kind), octets) for kind, octets in kept if octets)
    lines = chain_lines(name, found.own, found.authorities)[1:]
    return Certificates("\n".join(lines) + "\n", given)
