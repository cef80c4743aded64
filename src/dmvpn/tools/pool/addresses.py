"""Addresses of clusters that may be used.

Dask does not authenticate its callers, and a task is code: a caller that reaches a scheduler or a worker runs programs
as its user. So only two kinds of addresses are good: loopback, which other machines do not reach, and TLS with
certificates that both ends check.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value

_FORM = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})"
)


class Tls(Value):
    """Files in PEM: the authority of the cluster, and a certificate of it with its key."""

    authority: Path
    certificate: Path
    key: Path


def checked(text: str) -> str:
    """Return the address with its scheme. Raises UserError if it is none, or if other machines can use it."""
    form = _FORM.fullmatch(text)
    if form is None or not 0 < int(form["port"]) < 65536:
        raise UserError(f"{text}: no address of a scheduler, such as tcp://127.0.0.1:8786 or tls://host:8786")
    scheme = form["scheme"] or "tcp"
    address = text if form["scheme"] else f"tcp://{text}"
    if scheme not in ("tcp", "tls"):
        raise UserError(f"{text}: only tcp:// (of this machine) and tls://")
    if not is_closed(address):
        raise UserError(
            f"{text}: other machines reach it, Dask authenticates no caller, and a task is code: use tls://"
        )
    return address


def is_closed(address: str) -> bool:
    """Return whether other machines cannot reach an address, or only with a certificate."""
    form = _FORM.fullmatch(address)
    if form is None:
        return False
    if form["scheme"] == "tls":
        return True
    host = form["six"] or form["host"]
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
