"""Stories that need no questions but those of the prompts (`tests/scenarios/stories`)."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell

FILES = (
    "bgp_faces front_door goodbyes ipv6_phase3 log_hosts_in_vrfs names_in_vrfs ospf_shows redistribution_pairs "
    "shows_by_vrf tracked_in_vrfs"
)


@pytest.mark.parametrize("story", [story for file in FILES.split() for story in stories(file)], ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story)
