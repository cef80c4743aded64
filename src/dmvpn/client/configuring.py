"""The running configuration of a router: read it, try lines, enter all of them or none, confirm or revert that.

A writer that names the tag of the text that it read changes that text alone: if another one runs by now, nothing
changes (`OutdatedError`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.client.errors import AnswerError, UsageError
from dmvpn.client.exchange import Reply, Request, Steps, made
from dmvpn.client.fronts import Asked
from dmvpn.client.operations import Place
from dmvpn.client.values import Change, Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.ios.filters import Plain

#: A tag that any configuration has.
ANY: Final = "*"
_TAG: Final = re.compile(r"[\x21\x23-\x7e]{1,200}")
_END: Final = re.compile(r"\r?\n")
_LAST_END: Final = re.compile(r"\r?\n\Z|\r\Z")
_OVERWRITES: Final = (
    'a whole configuration needs tag=: that of the configuration which it replaces, or "*" for whatever runs'
)


class Configurable(Place):
    """A router whose configuration is read and changed."""

    @Asked
    def configuration(self) -> Steps[Configuration]:
        """Return the running configuration, as the role of the token may see it."""
        base = yield from self.path()
        return made(Configuration, _tagged((yield Request(f"{base}/configuration"))))

    @Asked
    def configure(
        self,
        lines: str | Sequence[str],
        *,
        replace: bool = False,
        dry_run: bool = False,
        confirm_within: int = 0,
        tag: str = "",
    ) -> Steps[Change]:
        """Enter all of these lines, or none; the router refuses lines by an InvalidError, which has them.

        replace: the lines are the whole configuration. dry_run: change nothing.
        confirm_within: minutes after which the change is rolled back unless it is confirmed; needs `archive`.
        tag: of a Configuration or a Change: if another one runs by now, OutdatedError. "*": any, for `replace`.
        """
        if replace and not dry_run and not tag:
            raise UsageError(_OVERWRITES)
        if tag and not _TAG.fullmatch(tag):
            raise UsageError("tag is the `tag` of a Configuration or a Change")
        body: dict[str, object] = {"lines": _lines(lines)}
        body |= {"replace": True} if replace else {}
        body |= {"dry_run": True} if dry_run else {}
        body |= {"confirm_within": confirm_within} if confirm_within else {}
        headers = (("If-Match", tag if tag == ANY else f'"{tag}"'),) if tag else ()
        base = yield from self.path()
        return made(Change, _tagged((yield Request(f"{base}/configuration", "POST", body, headers))))

    @Asked
    def confirm(self) -> Steps[tuple[str, ...]]:
        """Keep the change that waits for this; returns what the router says. ConflictError: no change waits."""
        return (yield from _later(self, "confirm", {}))

    @Asked
    def revert(self, within: int = 0) -> Steps[tuple[str, ...]]:
        """Take the change back that waits for a confirmation. within: minutes from now, 0: at once."""
        return (yield from _later(self, "revert", {"within": within} if within else {}))


def _later(place: Place, verb: str, body: dict[str, object]) -> Steps[tuple[str, ...]]:
    base = yield from place.path()
    answer = (yield Request(f"{base}/configuration/{verb}", "POST", body)).json()
    return made(tuple[str, ...], answer.get("said") if isinstance(answer, dict) else None)


def _lines(lines: str | Sequence[str]) -> list[str]:
    """Return lines without their ends, which are those of Unix or of Windows."""
    if isinstance(lines, str):
        return _END.split(_LAST_END.sub("", lines))
    return [_LAST_END.sub("", line) for line in lines]


def _tagged(reply: Reply) -> Plain:
    """Return the object in an answer, with its tag. Raises AnswerError."""
    answer, tag = reply.json(), reply.tag
    if not isinstance(answer, dict) or not tag:
        raise AnswerError("the answer has no ETag: the address is not that of dmvpn web")
    return {**answer, "tag": tag}
