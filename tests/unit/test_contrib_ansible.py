"""The example for Ansible: in which order its plays touch routers, and when it believes that a spoke is registered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

_FOLDER = Path(__file__).parents[2] / "contrib/ansible"
_GOLDEN = Path(__file__).parents[1] / "goldens/show_ip_nhrp_nhs__notes-phase3_R31.txt"


def _plays() -> list[tuple[str, str]]:
    """Hosts and tasks of each play, in order."""
    found = []
    for play in yaml.safe_load((_FOLDER / "site.yml").read_text()):
        (task,) = play["tasks"]
        found.append((play["hosts"], task["ansible.builtin.import_role"]["tasks_from"]))
    return found


def test_nobody_waits_for_a_server_before_hubs_have_their_lines() -> None:
    """The wait stood behind each batch of spokes: a first roll-out stopped there, and hubs were never reached."""
    assert _plays() == [
        ("localhost", "render.yml"),
        ("spokes", "push.yml"),
        ("hubs", "push.yml"),
        ("spokes", "wait.yml"),
    ]
    tasks = {name: (_FOLDER / "roles/dmvpn/tasks" / name).read_text() for _, name in _plays()}
    assert [name for name, text in tasks.items() if "show ip nhrp nhs" in text] == ["wait.yml"]
    assert [name for name, text in tasks.items() if "dmvpn" in text and "ansible.builtin.command" in text] == [
        "render.yml"
    ]


def _is_done(shown: str) -> bool:
    """What Ansible makes of the condition."""
    (task,) = yaml.safe_load((_FOLDER / "roles/dmvpn/tasks/wait.yml").read_text())
    environment = Environment(autoescape=False)  # noqa: S701 - no HTML, and our own text
    environment.filters["regex_findall"] = lambda text, pattern: re.findall(pattern, text)
    environment.tests["search"] = lambda text, pattern: re.search(pattern, text) is not None
    expression = task["vars"]["dmvpn_states"].removeprefix("{{").removesuffix("}}")
    states = environment.compile_expression(expression)(dmvpn_servers={"stdout": [shown]})
    return bool(environment.compile_expression(task["until"])(dmvpn_states=states))


@pytest.mark.parametrize(("second", "done"), [("RE", True), ("E", False), ("W", False)])
def test_every_server_has_to_answer_and_not_one_of_them(second: str, done: bool) -> None:
    """`contains RE` was true as soon as one of two hubs answered."""
    shown = _GOLDEN.read_text()
    assert _is_done(shown)
    (line,) = [line for line in shown.splitlines() if line.startswith("192.168.100.11")]
    other = line.replace("192.168.100.11", "192.168.100.12").replace("RE", second)
    assert _is_done(f"{shown}{other}\n") is done


def test_a_router_without_servers_is_not_registered() -> None:
    assert not _is_done("Legend: E=Expecting replies, R=Responding, W=Waiting, D=Dynamic\n")
