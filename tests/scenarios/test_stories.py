"""The stories of `tests/scenarios/stories`."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell


@pytest.mark.parametrize("story", stories(), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story)
