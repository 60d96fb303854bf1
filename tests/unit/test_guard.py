"""The in-transaction guard: slow work is refused inside, allowed before and after, and nesting is a mistake."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from psms.guard import TransactionOpenError, refuse_in_transaction, transaction_marked


def test_slow_work_is_refused_while_a_transaction_is_open() -> None:
    refuse_in_transaction("a call")
    with transaction_marked(), pytest.raises(TransactionOpenError, match="a call must not run"):
        refuse_in_transaction("a call")
    refuse_in_transaction("a call")


def test_a_transaction_inside_another_is_a_mistake() -> None:
    with transaction_marked(), pytest.raises(TransactionOpenError, match="already open"), transaction_marked():
        pass
    refuse_in_transaction("a call")


def test_another_thread_is_not_inside() -> None:
    with transaction_marked(), ThreadPoolExecutor(1) as pool:
        pool.submit(refuse_in_transaction, "a call").result()
