"""Our own lab in the kernel of user-mode Linux: an older one, here without IPv6. See uml/scen/older-kernel.sh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

#: From then on Linux takes trains of datagrams from a TAP.
TRAINS = (6, 2)


def test_without_ipv6_and_trains_of_datagrams_a_lab_comes_up_and_datagrams_arrive_one_by_one(older_kernel: Run) -> None:
    release, ipv6 = older_kernel.text("kernel.txt").strip().split("\n", 1)
    if tuple(int(part) for part in re.findall(r"\d+", release)[:2]) >= TRAINS:
        pytest.skip(f"this user-mode Linux is {release}")
    assert "No such file" in ipv6
    passed = re.findall(r"^PASSED .*one_by_one_and_in_order\[(\w+)\]", older_kernel.text("tests.txt"), re.MULTILINE)
    assert passed == ["rust", "python"], older_kernel.text("tests.txt")


def test_without_nf_tables_a_router_does_not_start_with_a_list_on_a_port_nor_takes_one_later(older_kernel: Run) -> None:
    """All packets passed the port, and the log said that none did."""
    assert "ip access-group WAN-IN in: not supported (packet filters: the kernel" in older_kernel.text("refused.txt")
    assert "A runs; its prompt" in older_kernel.text("run.txt")
    typed = older_kernel.text("typed.txt")
    assert "% Error: no packet filters here; the line was refused, because the kernel of this host" in typed
    assert " ip access-group" not in typed
