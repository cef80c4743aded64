"""The questions for traffic, at sockets that answer as busy routers do, and routers of another version."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.face.messages import Counts, Done, Hello
from dmvpn.face.protocol import encode
from dmvpn.web.lab_events import Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ("interface", "nbma", "packets_out", "packets_in", "octets_out", "octets_in")


def counts(now: float, *numbers: int, columns: tuple[str, ...] = COLUMNS) -> bytes:
    """The answer of a router with one peer."""
    return encode(Counts("peers", now, 2, columns, (("Tunnel0", "192.0.2.1", *numbers),))) + encode(Done())


def rates_of(*answers: bytes) -> list[Sequence[dict[str, object]]]:
    """The rates after each question. answers: of the router, one for each question; b"": it hangs up."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(encode(Hello("R1")) + left.pop(0))
        writer.close()

    async def ask(path: Path) -> list[Sequence[dict[str, object]]]:
        traffic = Traffic(["R1"])
        async with await asyncio.start_unix_server(answer, path):
            return [await traffic.rates({"R1": path}) for _ in answers]

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(ask(Path(folder) / "R1.sock"))


def test_a_router_that_was_too_busy_for_an_answer_loses_no_traffic() -> None:
    """The page showed nothing just while there was most: rates need two answers, and one alone was forgotten."""
    *_, last = rates_of(counts(10.0, 100, 0, 9000, 0), b"", counts(14.0, 300, 0, 29_000, 0))
    assert [(row["out"], row["bits_out"]) for row in last] == [(50.0, 40_000)]


def test_a_router_whose_rows_have_other_columns_has_no_rates() -> None:
    old = counts(10.0, 1, 2, columns=COLUMNS[:4])
    assert rates_of(old, old) == [[], []]
