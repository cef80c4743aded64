"""The process of `dmvpn web`: its socket and its server, until SIGINT or SIGTERM."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from dmvpn.base.errors import UserError
from dmvpn.web.resources import application
from dmvpn.web.tokens import Role, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.web.fleet import Fleet

#: Connections and requests at a time; seconds for which a connection may be idle, and for which the end waits.
_MOST, _IDLE, _LEAVE = 200, 10, 2
_LOCAL: Final = "localhost"


def serve(fleet: Fleet, listen: str, role: Role, say: Callable[[str], None]) -> None:
    """Serve until the process gets a signal to end. say: prints a line. Raises UserError."""
    tokens = Tokens(role)
    with _listening(listen) as server:
        address, port = server.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        hosts = [f"{name}:{port}" for name in (shown, _LOCAL)]
        hosts += [shown, _LOCAL] if port == 80 else []  # a client leaves the usual port out (RFC 9110 §7.2)
        say(f"http://{shown}:{port}/api/v1/ is served until Ctrl-C, for the role {role.value}")
        say(f"POST /api/v1/tokens once with this code for a token: {tokens.code}")
        config = uvicorn.Config(
            application(fleet, tokens, hosts),
            access_log=False,
            limit_concurrency=_MOST,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_LEAVE,
            timeout_keep_alive=_IDLE,
            ws="none",
            lifespan="off",
        )
        uvicorn.Server(config).run(sockets=[server])


def _listening(listen: str) -> socket.socket:
    """Return a socket that is bound to ADDRESS:PORT. Raises UserError."""
    text, colon, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
        number = int(port) if colon and port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number < 65536:
        raise UserError(f"--listen {listen}: it takes ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080")
    if not address.is_loopback:
        raise UserError(f"--listen {listen}: without TLS it listens at a loopback address only, as 127.0.0.1:8080")
    server = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((str(address), number))
        server.listen(_MOST)  # what is printed is true at once: a client may connect
    except OSError as error:
        server.close()
        raise UserError(f"--listen {listen}: {error.strerror}") from error
    return server
