"""The in-transaction guard: slow work asks here whether a transaction is open.

Holds one context variable and the question; opening transactions lives in `psms.db.session`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_open_transaction: ContextVar[bool] = ContextVar("psms_open_transaction", default=False)


class TransactionOpenError(RuntimeError):
    """A network call was about to start while a database transaction is open."""


@contextmanager
def transaction_marked() -> Iterator[None]:
    """Mark the current context as inside a transaction; nesting is a mistake and raises."""
    if _open_transaction.get():
        message = "a transaction is already open in this context: pass its session on instead"
        raise TransactionOpenError(message)
    token = _open_transaction.set(True)
    try:
        yield
    finally:
        _open_transaction.reset(token)


def refuse_in_transaction(what: str) -> None:
    """Raise TransactionOpenError if *what* would run with a transaction open.

    A row lock or a connection held during DNS or HTTP turns one slow partner into an outage.
    """
    if _open_transaction.get():
        message = f"{what} must not run while a database transaction is open"
        raise TransactionOpenError(message)
