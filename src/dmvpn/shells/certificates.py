"""Certificates that are files beside a configuration: what `dmvpn pki` made, taken over without any typing.

    FOLDER/R31.cfg                      crypto pki trustpoint LAB
    FOLDER/pki/LAB/ca.pem               whom R31 believes (also further authorities)
    FOLDER/pki/LAB/crl.pem              what was revoked, if it is there
    FOLDER/pki/LAB/R31.pem, R31.key     who R31 is, if they are there

A folder below `pki` has the name of a trustpoint; it counts for routers whose configuration has that trustpoint. The
certificates come before the configuration as lines of it, and the key as something that the router remembers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.events import Remembered
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "pki"


@dataclass(frozen=True, slots=True)
class Certificates:
    """What one router starts with, besides its configuration. head: lines that come before it."""

    head: str = ""
    given: tuple[Remembered, ...] = ()


NOTHING: Final = Certificates()


def certificates_of(folder: Path, router: str, configuration: str) -> Certificates:
    """Return what is beside the configuration of a router.

    Raises UserError for what cannot be read, or does not fit.
    """
    if not (folder / FOLDER).is_dir():
        return NOTHING
    # Most routers have no certificates; a router has no use for the models of all features.
    from dmvpn.network.device import Device

    names = [one.name for one in Device.read(router, configuration, leaves_out=True).pki.trustpoints]
    found = [_trustpoint(folder / FOLDER / name, name, router) for name in names if _is_there(folder / FOLDER, name)]
    return Certificates("".join(one.head for one in found), tuple(event for one in found for event in one.given))


def _is_there(folder: Path, name: str) -> bool:
    """Return whether a trustpoint may have a name that leads elsewhere."""
    return (folder / name).name == name and (folder / name / "ca.pem").is_file()


def _trustpoint(folder: Path, name: str, router: str) -> Certificates:
    # Most routers have no certificates, and X.509 takes long to import.
    from dmvpn.features.pki.chain import chain_lines
    from dmvpn.features.pki.material import read_pem
    from dmvpn.features.pki.store import KEY, LIST, joined, name_of

    own = [folder / f"{router}.pem", folder / f"{router}.key"]
    files = [folder / "ca.pem", *(own if own[0].exists() else ()), folder / "crl.pem"]
    try:
        found = read_pem(b"\n".join(path.read_bytes() for path in files if path.exists() or path in own))
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    except UserError as error:
        raise UserError(f"{folder}: {router}: {error}") from error
    kept = [(KEY, found.key), (LIST, joined(found.lists))]
    given = tuple(Remembered(name_of(name, kind), octets) for kind, octets in kept if octets)
    lines = chain_lines(name, found.own, found.authorities)[1:]
    return Certificates("\n".join(lines) + "\n", given)
