"""`show crypto engine connections active`: each direction of each security association, with what passed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.counting import fresh
from dmvpn.base.protection import EspCipher
from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import EspTransform


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConnection:
    """One direction of an SA.

    number: of the SA, from 1: a pair has an odd and an even one.
    encrypted, decrypted: packets; last_sequence: the ESP sequence number of the last one.
    """

    number: int
    algorithm: str
    encrypted: int
    decrypted: int
    last_sequence: int
    local: IPAddress


@dataclass(frozen=True, slots=True)
class ShowEngine:
    """The answer to `show crypto engine connections active`."""

    connections: tuple[EngineConnection, ...]


def query(ctx: ShowContext, _: Args) -> ShowEngine:
    """Return both directions of all SAs, in the order in which these were negotiated."""
    found: list[EngineConnection] = []
    for place, view in enumerate(breathing(fresh(ctx.ports.protection.sas(), ctx.counting))):
        sent, received = (view.count.sent, view.count.received) if view.count is not None else (0, 0)
        algorithm = _algorithm(view.transform)
        for number, encrypted, decrypted in ((2 * place + 1, 0, received), (2 * place + 2, sent, 0)):
            found.append(
                EngineConnection(
                    number=number,
                    algorithm=algorithm,
                    encrypted=encrypted,
                    decrypted=decrypted,
                    last_sequence=encrypted or decrypted,
                    local=view.connection.local,
                )
            )
    return ShowEngine(tuple(found))


def _algorithm(transform: EspTransform) -> str:
    """Return cipher and hash: "AES256+SHA256", "AES-GCM256"."""
    name = "AES-GCM" if transform.cipher is EspCipher.AES_GCM else "AES"
    hashed = "" if transform.hash is None else f"+{transform.hash.value.upper()}"
    return f"{name}{transform.bits}{hashed}"


def render(answer: ShowEngine) -> Iterator[str]:
    """Yield a table."""
    yield "Crypto Engine Connections"
    yield ""
    yield "   ID  Type    Algorithm           Encrypt  Decrypt LastSeqN IP-Address"
    for one in answer.connections:
        yield (
            f"{one.number:>5}  IPsec   {one.algorithm:<18} {one.encrypted:>8} {one.decrypted:>8} "
            f"{one.last_sequence:>8} {one.local}"
        )
    yield ""


COMMANDS: Final = (
    ExecCommand(
        "show crypto engine connections active",
        {
            "engine": "What encrypts and decrypts",
            "connections": "Security associations",
            "active": "Each direction, with the packets that passed",
        },
        query=query,
        render=render,
    ),
)
