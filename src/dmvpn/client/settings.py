"""Which server, with which token, and which authorities are trusted.

Whatever a call does not give comes from the environment:

    DMVPN_WEB_URL          the address; without it http://127.0.0.1:8080
    DMVPN_WEB_TOKEN        the token
    DMVPN_WEB_TOKEN_FILE   a file of this user that has the token alone, which other users cannot read
    DMVPN_WEB_AUTHORITY    a file with the certificates of the authorities to trust, PEM, instead of the system's

The token leaves this process in the header of a request to this server, over TLS or on loopback, and in no other way:
redirections are not followed, proxies of the environment are not used, and no text of this package has it.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import ssl
import stat
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dmvpn.base.values import dataclass
from dmvpn.client.values import UsageError

URL, TOKEN, TOKEN_FILE, AUTHORITY = (f"DMVPN_WEB_{name}" for name in ("URL", "TOKEN", "TOKEN_FILE", "AUTHORITY"))
_USUAL: Final = "http://127.0.0.1:8080"
#: What `dmvpn web` prints behind its address.
_PRINTED: Final = "/api/v1"
_SECRET: Final = re.compile(r"[\x21-\x7e]{1,4096}")
_LARGEST: Final = 4097
#: Mode of a file that others may read or write.
_OF_OTHERS: Final = 0o077
#: A pipe would block until its other end is opened.
_CAREFULLY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A server. url: without a slash at its end. context: of TLS. timeout: seconds of silence."""

    url: str
    token: str = field(repr=False)
    context: ssl.SSLContext
    timeout: float

    @classmethod
    def of(
        cls,
        url: str | None,
        token: str | None,
        token_file: str | os.PathLike[str] | None,
        authority: str | os.PathLike[str] | None,
        timeout: float,
        environment: Mapping[str, str] = os.environ,
    ) -> Settings:
        """Return the settings of a call and the environment. Raises UsageError."""
        address, is_secure = _address(url or environment.get(URL) or _USUAL)
        if not token and not token_file:
            token, token_file = environment.get(TOKEN), environment.get(TOKEN_FILE)
        authority = authority or environment.get(AUTHORITY)
        if authority and not is_secure:
            raise UsageError(f"{address} has no TLS, so there is no certificate to check: use https://")
        if not token and token_file:
            token = _read(Path(token_file))
        if not token:
            raise UsageError(f"no token: give token=, token_file=, or set {TOKEN} or {TOKEN_FILE}")
        if not _SECRET.fullmatch(token):
            raise UsageError("the token has characters that no token has")
        return cls(url=address, token=token, context=_context(authority), timeout=timeout)


def _address(url: str) -> tuple[str, bool]:
    """Return the address of a server, and whether it has TLS. Raises UsageError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no address of a server: {error}") from error
    path = parts.path.rstrip("/").removesuffix(_PRINTED)
    if (
        parts.scheme not in ("http", "https")
        or not host
        or path
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise UsageError("the address of a server is http://HOST:PORT or https://HOST:PORT, and nothing else")
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if parts.scheme == "http" and not is_loopback:
        raise UsageError(f"a token goes over TLS to other machines: https://{parts.netloc}")
    return f"{parts.scheme}://{parts.netloc}", parts.scheme == "https"


def _read(path: Path) -> str:
    """Return what a file has, opened in a way that neither blocks nor follows a link. Raises UsageError."""
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, _CAREFULLY)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path}: no regular file")
            if found.st_uid != os.geteuid():
                raise UsageError(f"{path}: another user owns it")
            if found.st_mode & _OF_OTHERS:
                raise UsageError(f"{path}: other users may read or write it: chmod 600")
            return file.read(_LARGEST).decode("ascii", "replace").strip()
    except OSError as error:
        reason = "a link, not the file itself" if error.errno == errno.ELOOP else error.strerror
        raise UsageError(f"{path}: {reason}") from error


def _context(authority: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Return what trusts an authority alone, or those of the system. Raises UsageError."""
    try:
        return ssl.create_default_context(cafile=authority)
    except ssl.SSLError as error:
        raise UsageError(f"{authority}: no certificates in PEM form") from error
    except OSError as error:
        raise UsageError(f"{authority}: {error.strerror}") from error
