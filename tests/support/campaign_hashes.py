"""What a short run with faults of each judged network comes to, as a hash of all its packets; kept in a file.

A change that is to change no behavior leaves the file as it is. One that changes it on purpose writes it again and says
why in its commit: python -m support.campaign_hashes, in tests/. With names of networks it runs only these again.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from dmvpn.judge.campaigns import Order, carry_out, networks

KEPT = Path(__file__).parents[1] / "scenarios" / "campaign_hashes.txt"
_SEED = 7
_SECONDS = 240.0


def order_of(name: str) -> Order:
    """Return the run of a network, by the name that `Order.name` gives it."""
    scenario, *variants = name.split("+")
    return Order(scenario=scenario, variants=tuple(variants), seed=_SEED, seconds=_SECONDS)


def names() -> list[str]:
    """Return all judged networks: those as they are first, then their variants."""
    return ["+".join((scenario, *variants)) for scenario, variants in networks()]


def digest_of(name: str) -> str:
    """Return the hash of its run, with a word if the judge found something in it."""
    verdict = carry_out(order_of(name), shorten=False).verdict
    return verdict.digest if verdict.ok else f"{verdict.digest} FAILED"


def kept() -> dict[str, str]:
    """Return the hashes of the file, by network."""
    return dict(line.split(" ", 1) for line in KEPT.read_text("utf-8").splitlines())


def _write(again: list[str]) -> None:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        digests = kept() | dict(zip(again, pool.map(digest_of, again), strict=True))
    KEPT.write_text("".join(f"{name} {digests[name]}\n" for name in names()), "utf-8")


if __name__ == "__main__":
    _write(sys.argv[1:] or names())
