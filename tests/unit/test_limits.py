"""Budgets of many senders: which of them are remembered, and which are forgotten first."""

from __future__ import annotations

from dmvpn.base.limits import Budgets

MOST = 64


def test_other_senders_drive_out_the_least_recent_debts_and_no_others() -> None:
    budgets: Budgets[int] = Budgets(rate=1.0, credit=10.0, most=MOST)
    for sender in range(MOST):
        budgets.charge(sender, 100.0, 1.0)
    budgets.charge(0, 0.0, 1.0)  # it is the most recent one again
    for stranger in range(MOST, MOST + MOST // 8):
        budgets.charge(stranger, 100.0, 1.0)
        assert len(budgets) <= MOST
    recent = [0, *range(2 * MOST // 8, MOST + MOST // 8)]
    assert not any(budgets.may(sender, 1.0) for sender in recent)
    assert budgets.may(1, 1.0)


def test_a_debt_lasts_however_many_senders_without_one_come_and_go() -> None:
    budgets: Budgets[int] = Budgets(rate=1.0, credit=10.0, most=MOST)
    budgets.charge(0, 100.0, 1.0)
    for other in range(1, 100 * MOST):
        assert budgets.admit(other, 0.001, 1.0 + other / 100)
    assert not budgets.may(0, 65.0)
    assert budgets.may(0, 102.0)
