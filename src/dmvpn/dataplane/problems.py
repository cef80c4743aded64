"""What a machine does not let us do, said so that its owner can change it: one sentence and one remedy."""

from __future__ import annotations

from pathlib import Path

from dmvpn.base.errors import UserError


class HostProblem(UserError):
    """This machine refuses something that we need. what: what and where. fix: one command, or one thing to do."""

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(f"{what} (try: {fix})")
        self.what = what
        self.fix = fix


def in_container() -> bool:
    """Whether docker or podman made this environment: many remedies are options of theirs."""
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def need(capability: str) -> str:
    """How to get a capability here: by an option of the container, as root, or in a lab's user namespace."""
    if in_container():
        return f"start the container with --cap-add {capability}"
    return "run it with sudo, or in a lab: dmvpn lab up"
