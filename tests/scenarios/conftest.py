"""What scenarios share: the network that a file is about."""

from __future__ import annotations

import pytest

from support.world import World


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """The network that the file names, once it is up, and some seconds later where the file says so."""
    world = World(request.module.NETWORK).converge()
    world.run_for(getattr(request.module, "SETTLED_AFTER", 0))
    return world
