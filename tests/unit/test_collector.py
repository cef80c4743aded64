"""The garbage collector looks at nothing that stays to the end of a command, and frees the rest."""

from __future__ import annotations

import gc
import weakref

import pytest

from dmvpn.shells.collecting import set_aside, uncollected


class _Ring:
    """Rubbish as soon as nobody else has it: it has itself."""

    def __init__(self) -> None:
        self.itself = self


def test_the_collector_is_afterwards_as_it_was() -> None:
    was_on = gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() == was_on


def test_rubbish_of_a_network_that_runs_is_freed() -> None:
    with set_aside():
        ring = weakref.ref(_Ring())
        gc.collect()
        assert ring() is None


@pytest.mark.lengthy
def test_what_was_there_before_is_looked_at_afterwards_again() -> None:
    ring = weakref.ref(_Ring())
    with set_aside():
        gc.collect()
        assert ring() is not None
    gc.collect()
    assert ring() is None
