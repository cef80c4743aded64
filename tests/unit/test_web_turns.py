"""Threads that wait for labs: a lab that does not answer holds up no other one."""

from __future__ import annotations

import asyncio
import threading

import pytest

pytest.importorskip("starlette")

from dmvpn.web import turns
from dmvpn.web.problems import Problem
from dmvpn.web.turns import AT_A_TIME, Turns


def test_a_lab_that_hangs_holds_up_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty shows at a lab that had stopped kept all threads, and for 40 s no other lab could be asked."""
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    goes_on = threading.Event()

    async def ask() -> list[object]:
        labs = Turns()
        hung = [asyncio.ensure_future(labs.take("hung", goes_on.wait)) for _ in range(3 * AT_A_TIME)]
        try:
            assert await labs.take("other", lambda: "answer") == "answer"
            refused, _ = await asyncio.wait(hung, timeout=10, return_when=asyncio.FIRST_EXCEPTION)
            assert refused
        finally:
            goes_on.set()
        answers: list[object] = [*await asyncio.gather(*hung, return_exceptions=True)]
        assert await labs.take("hung", lambda: "again") == "again"
        return answers

    answers = asyncio.run(ask())
    assert answers.count(True) == AT_A_TIME
    problems = [one for one in answers if isinstance(one, Problem)]
    assert [problem.status for problem in problems] == [503] * 2 * AT_A_TIME
