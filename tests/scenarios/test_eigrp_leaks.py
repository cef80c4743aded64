"""What EIGRP tells beside summaries and as a stub (`leak-map`), and default routes that it keeps back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.stories import Story, stories, tell

if TYPE_CHECKING:
    from support.world import World


def knows(world: World, router: str, prefix: str) -> bool:
    """Is it in the topology table?"""
    return f" {prefix}, " in world.show(router, "ip eigrp topology")


@pytest.mark.parametrize("story", stories("eigrp_leaks"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, knows)
