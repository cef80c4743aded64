"""Host keys: made once, kept for their owner alone (0600)."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

import asyncssh

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

#: By the name of the file: Curve25519, and NIST's P-256 for clients that lack it.
_KINDS: Final = {"ssh-host-ed25519": "ssh-ed25519", "ssh-host-ecdsa": "ecdsa-sha2-nistp256"}


def host_keys(folder: Path) -> list[asyncssh.SSHKey]:
    """Return the keys of a folder, made if they are not there. Raises UserError."""
    try:
        return [_key(folder / name, kind) for name, kind in _KINDS.items()]
    except (OSError, asyncssh.KeyImportError) as error:
        raise UserError(f"{folder}: no host keys: {error}") from error


def _key(path: Path, kind: str) -> asyncssh.SSHKey:
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
        unfinished.unlink(missing_ok=True)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(asyncssh.generate_private_key(kind).export_private_key())
        # Two processes that begin together must have one key: the first one's.
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
        unfinished.unlink()
    return asyncssh.import_private_key(path.read_bytes())


def public_text(keys: list[asyncssh.SSHKey]) -> list[str]:
    """Return the public halves as lines of known hosts have them: kind and key."""
    return [" ".join(key.export_public_key().decode().split()[:2]) for key in keys]
