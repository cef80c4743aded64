"""Who may come in: the code that was printed, the tokens and sessions that this process gave, and named tokens.

    code      printed at the start; opens a session or becomes a token, once, within ten minutes
    token     of a script; from the code (until the process ends) or from the user's file
    session   of a browser; has two halves, both needed: a cookie, and a key that the page keeps

A cookie alone is no session because browsers send it to every port of a host: on a machine with several users the
next port may belong to another user. A session that a named token opened ends with that token. The process keeps hashes
alone, and compares every one of them in constant time.

A right token is always taken at once, also from an address that sends wrong tokens: 256 random bits cannot be guessed,
so no address has to be shut out. The bound keeps wrong tokens cheap: few lines in the audit, and a connection for each.

The audit is one line of JSON for each login, refusal, revocation and change, as records of the logger
`dmvpn.web.audit`; the command sends them to stderr or the journal.

    {"time": "2026-11-25T09:00:00.000+00:00", "event": "login", "user": "anna", "role": "view", "from": "192.0.2.7"}

Strangers cannot fill a disk: refusals of one address are bounded (`Attempts`), all refusals together, too, and the next
line says how many were left out. Texts of strangers are cut, and JSON escapes what would control a terminal.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value, project
from dmvpn.web.bounds import TABLE
from dmvpn.web.permission import NAMELESS, Caller, NamedToken, Role, TokenFile, hash_of, new_secret

#: Wrong ones at once from one address; seconds for one more; addresses that are remembered.
FREE_ATTEMPTS: Final = 10
SECONDS_PER_ATTEMPT: Final = 6.0
MOST_ADDRESSES: Final = 1024
#: Neighbors of an IPv6 network can have any address of it.
_NETWORK: Final = 64

#: Refusals that are written at once, and in each second afterwards.
BURST: Final = 100
PER_SECOND: Final = 1.0
#: Characters of one text.
_LONGEST: Final = 200

_log = logging.getLogger("dmvpn.web.audit")

#: Seconds for which the printed code is good, and a session.
CODE_LIFE: Final = 600.0
SESSION_LIFE: Final = 43_200.0
#: Seconds between two notes in the file that a token was used.
_SELDOM: Final = 60.0


# ------------------------------------------------------------------------------------------------ wrong tokens


class Attempts:
    """The memory of the last addresses from which wrong ones came."""

    def __init__(self) -> None:
        self._paid: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paid)

    def wrong(self, place: str, now: float) -> float:
        """Count a wrong one. Returns seconds to wait; 0.0: it is one of the few that any address may try."""
        key = _network_of(place)
        paid = max(self._paid.pop(key, now), now)
        wait = paid - now - (FREE_ATTEMPTS - 1) * SECONDS_PER_ATTEMPT
        self._paid[key] = paid if wait > 0 else paid + SECONDS_PER_ATTEMPT
        while len(self._paid) > MOST_ADDRESSES:
            self._paid.popitem(last=False)
        return max(wait, 0.0)


def _network_of(place: str) -> str:
    """Return the address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return place
    if address.version == 4:
        return place
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _NETWORK), strict=False))


# ------------------------------------------------------------------------------------------------ the audit


class Audit:
    """Writes the lines. clock: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._allowed, self._at = float(BURST), clock()
        self._left_out = 0

    def note(self, event: str, **details: str | int) -> None:
        """Write one line."""
        if self._left_out:
            details["left_out"], self._left_out = self._left_out, 0
        when = datetime.now().astimezone().isoformat(timespec="milliseconds")
        cut = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in details.items()}
        _log.info("%s", json.dumps({"time": when, "event": event, **cut}))

    def refusal(self, reason: str, **details: str | int) -> None:
        """Write one line about a stranger, or count it."""
        now = self._clock()
        self._allowed, self._at = min(BURST, self._allowed + (now - self._at) * PER_SECOND), now
        if self._allowed < 1:
            self._left_out += 1
            return
        self._allowed -= 1
        self.note("refused", reason=reason, **details)


# ------------------------------------------------------------------------------------------- codes, tokens and sessions


class _Grant(Value, kw_only=True):
    """What a hash stands for. parent: hash of the named token that it ends with; expires: None: with the process."""

    caller: Caller
    expires: float | None = None
    parent: bytes | None = None


class Session(Value, kw_only=True):
    """A new session: the two halves, and whose it is."""

    cookie: str
    key: str
    name: str
    role: Role


class Entrance:
    """See the module's docstring. role: of the printed code; clock: seconds since 1970."""

    def __init__(self, role: Role, file: TokenFile | None = None, clock: Callable[[], float] = time.time) -> None:
        self.code = new_secret()
        self.role = role
        self._file = file
        self._clock = clock
        self._code: bytes | None = hash_of(self.code)
        self._code_ends = clock() + CODE_LIFE
        self._own: dict[bytes, _Grant] = {}
        self._found: tuple[NamedToken, ...] = ()
        self._named: dict[bytes, _Grant] = {}
        self._used: dict[str, float] = {}
        self._noted: dict[str, float] = {}
        self._gone: list[str] = []
        #: Why named tokens do not count, "": they do.
        self.trouble = ""

    # ------------------------------------------------------------------------------------------------ coming in

    def exchange(self, code: str) -> str | None:
        """Return a new token for the printed code; None for a wrong, used or old one."""
        if not self._take_code(code):
            return None
        token = new_secret()
        self._own[hash_of(token)] = _Grant(caller=Caller(name=NAMELESS, role=self.role))
        return token

    def open_session(self, secret: str) -> Session | None:
        """Return a new session for the printed code or a token; None for a wrong one."""
        if self._take_code(secret):
            source, parent = Caller(name=NAMELESS, role=self.role), None
        else:
            self.refresh()
            parent = self._find(hash_of(secret), self._named)
            if parent is None:
                return None
            source = self._named[parent].caller
        made = Session(cookie=new_secret(), key=new_secret(), name=source.name, role=source.role)
        bound = TABLE["sessions"]
        open_ones = [(key, one.caller) for key, one in self._own.items() if one.expires is not None]
        sessions = {key: one.name for key, one in open_ones if one.labs or not source.labs}
        count = Counter(sessions.values())
        crowded = source.name if count[source.name] >= bound.share else max(count, key=count.__getitem__, default="")
        if count[crowded] >= bound.share or len(sessions) >= bound.most - (bound.kept if source.labs else 0):
            del self._own[next(key for key, name in sessions.items() if name == crowded)]
        expires = self._clock() + SESSION_LIFE
        self._own[_both(made.cookie, made.key)] = _Grant(caller=source, expires=expires, parent=parent)
        return made

    def close(self, caller: Caller) -> None:
        """End a session, or a token of the code; a named token stays."""
        self._own.pop(caller.key, None)

    def by_token(self, token: str, place: str) -> Caller | None:
        """Return the caller with this token; None for a wrong token."""
        return self._caller(hash_of(token), place)

    def by_session(self, cookie: str, key: str, place: str) -> Caller | None:
        """Return the caller with this session; None for a wrong session."""
        return self._caller(_both(cookie, key), place)

    def _take_code(self, code: str) -> bool:
        """Return whether it is the printed code, which is used up then. A whole address is taken, too."""
        given = hash_of(code.rpartition("#")[2])
        known = self._code if self._clock() < self._code_ends else None
        if known is None or not hmac.compare_digest(known, given):
            return False
        self._code = None
        return True

    def _caller(self, given: bytes, place: str) -> Caller | None:
        self.refresh()
        own, named = self._find(given, self._own), self._find(given, self._named)
        grant = self._own[own] if own is not None else self._named[named] if named is not None else None
        if grant is None or not self._holds(grant):
            return None
        source = grant.parent or named
        if source is not None:
            self._used[source.hex()] = self._clock()
            grant = self._named[source]  # its bounds may have changed since a session began
        return replace(grant.caller.at(self._clock()), place=place, key=given)

    @staticmethod
    def _find(given: bytes, grants: dict[bytes, _Grant]) -> bytes | None:
        found = None
        for known in grants:
            if hmac.compare_digest(known, given):
                found = known
        return found

    # ------------------------------------------------------------------------------------------------ staying in

    def is_valid(self, caller: Caller) -> bool:
        """Return whether the token or session of a caller still counts, and gives the role that it gave. Call `refresh`
        first.
        """
        grant = self._own.get(caller.key) or self._named.get(caller.key)
        if grant is None or not self._holds(grant):
            return False
        source = self._named.get(grant.parent, grant) if grant.parent is not None else grant
        return source.caller.at(self._clock()).is_over == caller.is_over

    def _holds(self, grant: _Grant) -> bool:
        if grant.parent is not None and grant.parent not in self._named:
            return False
        parent = self._named[grant.parent] if grant.parent is not None else grant
        now = self._clock()
        return all(one.expires is None or now < one.expires for one in (grant, parent))

    def refresh(self) -> None:
        """Read the user's file if it has changed. Where it cannot be read, no named token counts."""
        if self._file is None:
            return
        try:
            found, self.trouble = self._file.tokens(), ""
        except UserError as error:
            found, self.trouble = (), str(error)
        if found is self._found:
            return
        before, self._found = self._named, found
        self._named = {
            bytes.fromhex(one.hash): _Grant(
                caller=project(Caller, one, place="", key=b"", is_over=False),
                expires=one.expires,
            )
            for one in found
        }
        gone = {key: grant for key, grant in before.items() if key not in self._named}
        if gone:
            self._gone += [grant.caller.name for grant in gone.values()]
            self._own = {key: grant for key, grant in self._own.items() if grant.parent not in gone}
            self._used = {key: when for key, when in self._used.items() if bytes.fromhex(key) not in gone}

    def take_revoked(self) -> list[str]:
        """Return the names of tokens that were revoked since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def unnoted_uses(self) -> dict[str, float]:
        """Return the times of uses that are not in the file yet, by the hash of the token."""
        return {key: when for key, when in self._used.items() if when - self._noted.get(key, 0.0) >= _SELDOM}

    def note_uses(self, uses: dict[str, float]) -> None:
        """Store uses in the file. It blocks."""
        self._noted = {key: when for key, when in self._noted.items() if key in self._used} | uses
        if self._file is not None and uses:
            with contextlib.suppress(UserError):  # the next reading of the file says what is wrong with it
                self._file.note_uses(uses)


def _both(cookie: str, key: str) -> bytes:
    return hash_of(f"{cookie} {key}")
