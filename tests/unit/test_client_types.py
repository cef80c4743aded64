"""What a type checker believes about shows is what `dmvpn.client` returns."""

from __future__ import annotations

from support.client_types import PAGE, page


def test_the_types_of_the_client_are_those_of_the_shows() -> None:
    old = "src/dmvpn/client/typed.pyi is old: python -m support.client_types (from the folder tests)"
    assert PAGE.read_text() == page(), old
