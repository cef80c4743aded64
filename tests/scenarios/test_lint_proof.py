"""The proof of lint over seeds: what counts as an error that harms nobody."""

from __future__ import annotations

import pytest

from dmvpn.labs.proofs.case import Harm
from dmvpn.labs.proofs.linting import lint_broken
from dmvpn.labs.proofs.networks import FEW

#: A seed where a spoke loses the NBMA address of one of three servers.
ONE_OF_THREE = "lint/880012"


@pytest.mark.slow
@pytest.mark.timeout(600)  # a network of nine routers, three times, with the death of each hub
def test_an_error_about_a_registration_that_is_missing_is_right_though_two_other_servers_serve_the_spoke() -> None:
    verdict = lint_broken(ONE_OF_THREE, FEW)
    assert verdict.harm is Harm.NONE
    assert any("nhrp-nhs-without-nbma" in one for one in verdict.found), "draw another seed: its network has changed"
    assert not verdict.accused
