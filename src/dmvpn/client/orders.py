"""Orders to a lab. What takes long is a job, which `Server.wait` waits for.

clock, break, hint, grade -> Job (running) -> wait -> Job (done), or JobError
down, reset, impair, kill, start: done when they are answered
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.client.exchange import Request, Steps, made
from dmvpn.client.following import Following
from dmvpn.client.fronts import Asked, Followed
from dmvpn.client.operations import API, part, read
from dmvpn.client.values import Job, LabNews

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dmvpn.face.messages import News
    from dmvpn.ios.filters import Plain


class Orders:
    """The orders to one lab."""

    def __init__(self, lab: str) -> None:
        self.path = f"{API}/labs/{part(lab)}"

    @Asked
    def down(self) -> Steps[None]:
        """End the lab."""
        yield Request(self.path, "DELETE")

    @Asked
    def reset(self) -> Steps[tuple[str, ...]]:
        """Let the lab begin again: configurations, wires, translators. Returns the missing things after that."""
        answer = (yield Request(f"{self.path}/reset", "POST")).json()
        return made(tuple[str, ...], answer.get("missing") if isinstance(answer, dict) else None)

    @Asked
    def clock(self, seconds: float) -> Steps[Job]:
        """Begin to let time pass in a simulated lab."""
        return (yield from self._job("clock", {"seconds": seconds}))

    @Asked
    def break_(self, name: str = "", *, seed: int | None = None) -> Steps[Job]:
        """Begin to break something: the trouble of this name, or a random trouble of this seed."""
        body: dict[str, object] = {**({"name": name} if name else {}), **({"seed": seed} if seed is not None else {})}
        return (yield from self._job("break", body))

    @Asked
    def hint(self) -> Steps[Job]:
        """Begin to give the next hint about the trouble."""
        return (yield from self._job("hint"))

    @Asked
    def grade(self) -> Steps[Job]:
        """Begin to judge whether the trouble is over: the job fails while it is not."""
        return (yield from self._job("grade"))

    @Asked
    def impair(
        self,
        link: str,
        *,
        delay: float = 0.0,
        loss: float = 0.0,
        rate: float = 0.0,
        mtu: int = 0,
        cut: bool = False,
        one_way: bool = False,
        block: str | Sequence[str] = (),
    ) -> Steps[None]:
        """Make a wire bad; without further arguments it is good again. link: "ROUTER:INTERFACE".

        delay: ms one way. loss: percent. rate: kbit/s. mtu: octets. cut: nothing passes.
        one_way: only what this end sends. block: "gre", "esp", "udp-500", "udp-4500", "fragments", "icmp".
        """
        wishes = {"delay": delay, "loss": loss, "rate": rate, "mtu": mtu, "cut": cut, "one_way": one_way}
        body: dict[str, object] = {"link": link, **{name: wish for name, wish in wishes.items() if wish}}
        body |= {"block": [block] if isinstance(block, str) else [*block]} if block else {}
        yield Request(f"{self.path}/wires", "POST", body)

    @Asked
    def kill(self, router: str) -> Steps[None]:
        """End a router, as a power failure does."""
        yield Request(f"{self.path}/routers/{part(router)}/kill", "POST")

    @Asked
    def start(self, router: str) -> Steps[None]:
        """Start a killed router again."""
        yield Request(f"{self.path}/routers/{part(router)}/start", "POST")

    @Followed
    def events(self, *topics: str, since: str = "", patience: float = 60.0) -> Steps[Following[LabNews]]:
        """Yield what all routers remember, then what happens, until the lab ends. topics: "history", "log".

        since: the `LabNews.id` after which to begin. patience: seconds without any connection before it raises.
        """
        yield from ()

        def read(news: News, data: dict[str, Plain]) -> LabNews:
            return LabNews(made(str, data.get("router")), news)

        return Following(self.path, topics, since, patience, read)

    def _job(self, verb: str, body: Mapping[str, object] | None = None) -> Steps[Job]:
        return read(Job, (yield Request(f"{self.path}/{verb}", "POST", body)))
