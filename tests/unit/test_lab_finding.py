"""Names on the command line: which lab, router or host they mean, and what is said where that is not clear."""

from __future__ import annotations

import contextlib
import selectors
import threading
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.completion import candidates
from dmvpn.app.main import argument_parser
from dmvpn.base.errors import UserError
from dmvpn.shells.lab import control, places
from dmvpn.shells.lab.finding import find_lab, find_node, find_router, some_router
from dmvpn.shells.lab.places import LabFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dmvpn.shells.lab.control import Json

    Open = Callable[..., LabFolder]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Brings a lab up as far as names need it: sockets, and somebody who answers for its status."""
    short = tmp_path / "r"
    short.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    over = contextlib.ExitStack()
    selector = selectors.DefaultSelector()
    ending = threading.Event()

    def bring_up(name: str, routers: str, hosts: str = "", dead: str = "") -> LabFolder:
        folder = LabFolder.of(name)
        folder.make(routers.split())
        for router in routers.split():
            folder.storage(router)
            if router not in dead.split():
                folder.management(router).touch()
        nodes: dict[str, Json] = {
            "routers": {router: router not in dead.split() for router in routers.split()},
            "hosts": dict.fromkeys(hosts.split(), "10.0.0.1/24"),
        }
        listener = over.enter_context(control.listen(folder.control))
        selector.register(
            listener, selectors.EVENT_READ, lambda: control.serve(listener, lambda _request: nodes, control.Answer.send)
        )
        return folder

    def answer() -> None:
        while not ending.is_set():
            for key, _ in selector.select(0.02) if selector.get_map() else ():
                key.data()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield bring_up
    finally:
        ending.set()
        thread.join()
        over.close()
        selector.close()


def test_a_router_that_one_lab_alone_has_needs_no_name_of_a_lab(lab: Open) -> None:
    """With two labs up, `-r R41` was refused though one of them alone had it."""
    one = lab("one", "R11 R31")
    other = lab("two", "R11 R41")
    assert find_router("R31", str) == (one, "R31")
    assert find_router("R41", str) == (other, "R41")


def test_where_two_labs_have_the_router_both_are_named_and_the_command_that_works(lab: Open) -> None:
    lab("one", "R11 R31")
    lab("two", "R11 R41")
    with pytest.raises(UserError) as refused:
        find_router("R11", lambda name: f"dmvpn -r {name} show dmvpn")
    assert str(refused.value) == "the labs one and two have R11: say which, as in 'dmvpn -r one/R11 show dmvpn'"


def test_where_no_lab_has_the_router_the_routers_that_there_are_are_named(lab: Open) -> None:
    lab("one", "R11 R31")
    lab("two", "HUB")
    with pytest.raises(UserError, match="no lab that is up has R99: one has R11, R31; two has HUB"):
        find_router("R99", str)


def test_a_dead_router_is_found_and_the_advice_names_it_as_it_was_typed(lab: Open) -> None:
    lab("one", "R11 R31", dead="R31")
    lab("two", "HUB")
    with pytest.raises(UserError, match="R31 is dead; 'dmvpn lab start R31' starts it again"):
        find_router("R31", str)
    with pytest.raises(UserError, match="R31 is dead; 'dmvpn lab start one/R31' starts it again"):
        find_router("one/R31", str)


def test_a_host_that_one_lab_alone_has_needs_no_name_of_a_lab(lab: Open) -> None:
    lab("one", "R11", hosts="H1 H2")
    other = lab("two", "R11", hosts="H1 H3")
    assert find_node("H3", str) == (other, "H3")
    with pytest.raises(UserError, match="the labs one and two have H1: say which, as in 'exec one/H1'"):
        find_node("H1", "exec {}".format)


def test_the_only_lab_needs_no_name_and_of_several_one_is_asked_for_by_an_exact_command(lab: Open) -> None:
    one = lab("one", "R11")
    assert find_lab(None) == one
    assert some_router() == "R11"
    lab("two", "R12")
    with pytest.raises(UserError, match=r"several labs are up \(one, two\): say which, as in 'dmvpn lab down one'"):
        find_lab(None, "dmvpn lab down {}".format)
    assert some_router() == "one/R11"


def test_tab_offers_hosts_where_a_command_takes_them(
    lab: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "SERVICES", tmp_path / "none")
    lab("one", "R11", hosts="H1")
    assert candidates(argument_parser(), ["lab", "exec", "H"]) == ["H1"]
    assert candidates(argument_parser(), ["walk", "H1", ""]) == ["H1", "R11", "one/H1", "one/R11"]
