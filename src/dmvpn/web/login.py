"""Coming in: the code for a token, the code or a token for a session of a browser, and the page that does the latter.

The code is in the fragment of the printed address: browsers send no fragment, so no log and no `Referer` has it. The
page takes it out of the address bar at once, and keeps the key of the session where only pages of this very server find
it (`localStorage`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, JSONResponse

from dmvpn.web.bodies import Problem, body_of
from dmvpn.web.document import ANY_OBJECT, TEXT, members, operation
from dmvpn.web.entrance import SESSION_LIFE
from dmvpn.web.exported import source_hash
from dmvpn.web.guard import COOKIE, EXCHANGE, LOGIN, SECURE_COOKIE, SESSION
from dmvpn.web.permission import NAMELESS, Role, resource

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.web.entrance import Entrance

_BODY: Final = '{"code": "CODE"}'


class Login:
    """The resources as methods."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    @resource("POST", EXCHANGE, operation("A token for the printed code", ANY_OBJECT, body=members({"code": TEXT})))
    async def exchange(self, request: Request) -> Response:
        """Give a token for the code."""
        token = self._entrance.exchange(await _secret(request, ("code",)))
        if token is None:
            raise self._wrong(request)
        self._note(request, NAMELESS, self._entrance.role, "token")
        return JSONResponse({"token": token, "role": self._entrance.role.value})

    @resource(
        "POST",
        SESSION,
        operation(
            "A session for the printed code or a token", ANY_OBJECT, body=members({}, {"code": TEXT, "token": TEXT})
        ),
        apart=True,
    )
    async def open(self, request: Request) -> Response:
        """Give a session for the code or a token."""
        made = self._entrance.open_session(await _secret(request, ("code", "token")))
        if made is None:
            raise self._wrong(request)
        self._note(request, made.name, made.role, "session")
        answer = JSONResponse({"key": made.key, "user": made.name, "role": made.role.value})
        secure: bool = request.scope["origin"].secure
        answer.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            made.cookie,
            max_age=int(SESSION_LIFE),
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    @resource("GET", SESSION, operation("Who asks", ANY_OBJECT), apart=True)
    async def state(self, request: Request) -> Response:
        """Say who asks."""
        caller = request.scope["caller"]
        return JSONResponse({"user": caller.name, "role": caller.role.value, "labs": caller.labs})

    @resource(
        "DELETE",
        SESSION,
        operation("End the session, or the token of the code", ANY_OBJECT),
        role=Role.VIEW,
        apart=True,
    )
    async def close(self, request: Request) -> Response:
        """End the session, or the token of the code."""
        self._entrance.close(request.scope["caller"])
        request.scope["guard"].note("logout", request.scope["caller"])
        answer = JSONResponse({})
        secure: bool = request.scope["origin"].secure
        name = SECURE_COOKIE if secure else COOKIE
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
        return answer

    @resource("GET", LOGIN)
    async def page(self, _: Request) -> Response:
        """Show the page that opens a session."""
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @staticmethod
    def _wrong(request: Request) -> Problem:
        problem = Problem(HTTPStatus.FORBIDDEN, "the code is wrong, expired or already used")
        wrong: Problem = request.scope["guard"].refused("wrong code", request.scope["origin"].place, problem)
        return wrong

    @staticmethod
    def _note(request: Request, user: str, role: Role, into: str) -> None:
        by = "code" if user == NAMELESS else "token"
        request.scope["guard"].note_login(user, role, request.scope["origin"].place, by=by, into=into)


async def _secret(request: Request, names: tuple[str, ...]) -> str:
    """Return the code or token in the body. Raises Problem."""
    given = await body_of(request, _BODY)
    found = [given[name] for name in names if name in given]
    if len(found) != 1 or not isinstance(found[0], str):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BODY}")
    return found[0]


_STYLE: Final = "body{font:1rem sans-serif;margin:3rem auto;max-width:40rem}input{width:100%;margin:1rem 0}"
_SCRIPT: Final = """
const say = (text) => { document.getElementById("said").textContent = text; };
async function enter(code) {
  const answer = await fetch("/api/v1/session", {method: "POST", body: JSON.stringify({code}),
                                                 headers: {"Content-Type": "application/json"}});
  const found = await answer.json();
  if (!answer.ok) { say(found.detail); return; }
  localStorage.setItem("dmvpn-session-key", found.key);
  say("You are in, as " + found.user + ", with the role " + found.role + ".");
  document.getElementById("form").hidden = true;
  const answered = await fetch("/api/v1/labs", {headers: {"X-Session-Key": found.key}});
  const labs = await answered.json();
  if (labs.length === 1 && !labs[0].service) { location.assign("/labs/" + encodeURIComponent(labs[0].name)); }
  document.getElementById("class").hidden = labs.length < 2;
  for (const lab of labs) {
    const row = document.createElement("li");
    const link = document.createElement("a");
    link.textContent = lab.name;
    link.href = "/labs/" + encodeURIComponent(lab.name);
    row.append(link, ": " + lab.routers.join(", "));
    document.getElementById("labs").append(row);
  }
}
const code = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(document.getElementById("secret").value.trim());
});
if (code) { enter(code); }
"""
_PAGE: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Login</title><style>{_STYLE}</style></head>
<body><p id="said">Paste the address that was printed, or a token.</p>
<form id="form"><input id="secret" type="password" autocomplete="off" autofocus aria-label="code or token">
<button>Log in</button></form><ul id="labs"></ul>
<p id="class" hidden><a href="/class">All labs, and your own configurations</a></p>
<script>{_SCRIPT}</script></body></html>
"""


_POLICY: Final = (
    f"default-src 'none'; script-src {source_hash(_SCRIPT)}; style-src {source_hash(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
