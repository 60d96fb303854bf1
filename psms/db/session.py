"""Engines and transactions: the only commit in the system, and the only place where a role is taken."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar, cast
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from psms.db.arrays import quicken
from psms.db.cursors import NumberingCursor
from psms.db.direct import BEGIN_IN, Brief, Direct, Driver
from psms.db.refusals import DATABASE_ERRORS, refusal_of
from psms.encoding import json_value
from psms.errors import DependencyUnavailable, Misconfigured
from psms.guard import transaction_marked
from psms.telemetry import logger

T = TypeVar("T")

log = logger(__name__)

# Class 57P of PostgreSQL's error codes: the server goes away, went away, or is not there yet.
_SHUT_DOWN = "57P"

_BEGIN_CLAIM = "BEGIN; SET LOCAL ROLE psms_claimer"
_ENTER = "SET LOCAL ROLE NONE; SELECT set_config('psms.organization_id', '{}', true)"
_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_AND_PATIENCE = ", set_config('lock_timeout', '{:d}s', true)"

# A statement that runs longer, or a transaction that idles longer, is a defect: end it before it blocks others.
_LIMITS = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=30s -c lock_timeout=10s -c timezone=UTC"


def _engine(url: str, *, pool_size: int, limits: str, **options: str) -> Engine:
    if not url:
        message = "set DATABASE_URL, or start everything with `make up`, which brings its own servers"
        raise Misconfigured(message)
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # A failing statement is logged; what people wrote into it is not.
        hide_parameters=True,
        json_deserializer=json_value,
        connect_args={
            "options": limits,
            "connect_timeout": 5,
            "application_name": "psms",
            "cursor_factory": NumberingCursor,
        },
        **options,
    )
    event.listen(engine, "connect", lambda driver, _: quicken(driver))
    return engine


def owner_engine(url: str) -> Engine:
    """Return an engine of the role that owns the schema, for migrations: without limits on a statement."""
    return _engine(url, pool_size=1, limits="-c timezone=UTC")


class Database:
    """The application's connections to PostgreSQL. One of these is made for each process."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        """Prepare up to *pool_size* connections to *url*; none is opened yet."""
        # The driver begins nothing by itself: a look-up has no transaction, and so no ROLLBACK, which would cost
        # psycopg its prepared statements; a transaction begins with our own BEGIN.
        self._engine = _engine(url, pool_size=pool_size, limits=_LIMITS, isolation_level="AUTOCOMMIT")
        self._session = sessionmaker(self._engine, expire_on_commit=False)

    def begin(self, organization_id: UUID) -> AbstractContextManager[Session]:
        """Open a transaction that sees and changes the rows of one organization, and commit it on leaving.

        An exception rolls everything back. Nothing slow belongs inside: `psms.guard` refuses it.
        """
        return self._transaction(BEGIN_IN.format(organization_id))

    def begin_impatient(self, organization_id: UUID, *, seconds: int) -> AbstractContextManager[Session]:
        """Do as `begin`, waiting no longer than so many seconds for each lock."""
        return self._transaction(BEGIN_IN.format(organization_id) + _AND_PATIENCE.format(seconds))

    def begin_snapshot(self, organization_id: UUID) -> AbstractContextManager[Session]:
        """Do as `begin`, where every statement sees the same instant and nothing can be changed."""
        return self._transaction(BEGIN_IN.format(organization_id).replace("BEGIN", _BEGIN_SNAPSHOT, 1))

    @contextmanager
    def begin_trial(self, organization_id: UUID) -> Iterator[Session]:
        """Do as `begin`, and take everything back on leaving: to find out what it would have done."""
        with self.begin(organization_id) as session:
            yield session
            session.rollback()

    def begin_claim(self) -> AbstractContextManager[Session]:
        """Open a transaction that finds due work of all organizations and leases it.

        Its effects follow in the same transaction, one organization at a time: see `enter`.
        """
        return self._transaction(_BEGIN_CLAIM)

    def begin_system(self) -> AbstractContextManager[Session]:
        """Open a transaction that belongs to no organization and so sees no organization's rows."""
        return self._transaction(BEGIN_IN.format(""))

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the answer to *question*, which only reads, and needs no transaction and no organization.

        Where the server was restarted since its connection was made, it is asked once more on a new one.
        """
        with transaction_marked(), _refusals_named():
            try:
                return self._asked(question)
            except DBAPIError as problem:
                if not problem.connection_invalidated:
                    raise
                return self._asked(question)

    def ask_directly(self, question: Callable[[Direct], T]) -> T:
        """Do as `ask`, without SQLAlchemy between, for what is asked with every request."""
        with transaction_marked(), _refusals_named():
            pooled, answer = self._started(lambda driver: question(Direct(driver)))
            pooled.close()
            return answer

    @contextmanager
    def begin_brief(self, organization_id: UUID, lock: int | None) -> Iterator[Brief]:
        """Open a transaction as `begin` does, without SQLAlchemy between, for what is written most often.

        It takes *lock* or says that another transaction holds it. An exception rolls everything back.
        """
        with transaction_marked(), _refusals_named():
            pooled, brief = self._started(lambda driver: Brief(driver, organization_id, lock))
            try:
                yield brief
                # What only asked ends so too: a rollback would cost the connection its prepared statements.
                _driver(pooled).commit()
            finally:
                _give_back(pooled)

    def _started(self, start: Callable[[Driver], T]) -> tuple[PoolProxiedConnection, T]:
        try:
            return self._started_once(start)
        except psycopg.OperationalError as problem:
            if problem.sqlstate is not None and not problem.sqlstate.startswith(_SHUT_DOWN):
                raise
            # As in `_opened`: nothing has been done yet. All that is idle in the pool is as old.
            self._engine.dispose()
            return self._started_once(start)

    def _started_once(self, start: Callable[[Driver], T]) -> tuple[PoolProxiedConnection, T]:
        pooled = self._engine.raw_connection()
        try:
            return pooled, start(_driver(pooled))
        except BaseException:
            _give_back(pooled)
            raise

    def close(self) -> None:
        """Close every connection that is idle now."""
        self._engine.dispose()

    def _asked(self, question: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return question(connection)

    @contextmanager
    def _transaction(self, first: str) -> Iterator[Session]:
        with transaction_marked(), _refusals_named():
            session = self._opened(first)
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise
            finally:
                session.close()

    def _opened(self, first: str) -> Session:
        session = self._session()
        try:
            session.connection().exec_driver_sql(first)
        except DBAPIError as problem:
            session.close()
            if not problem.connection_invalidated:
                raise
            # The server was restarted since this connection was made. Nothing has been done yet, so once
            # more, on a new connection, is safe.
            session = self._session()
            session.connection().exec_driver_sql(first)
        return session


def _driver(pooled: PoolProxiedConnection) -> Driver:
    return cast("Driver", pooled.driver_connection)


def _give_back(pooled: PoolProxiedConnection) -> None:
    """Return a connection to the pool, which rolls back what was not committed; drop it when it is broken."""
    if _driver(pooled).closed:
        pooled.invalidate()
    pooled.close()


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except DATABASE_ERRORS as problem:
        refusal = refusal_of(problem)
        if refusal is None:
            raise
        if isinstance(refusal, DependencyUnavailable):
            cause = getattr(problem, "orig", None) or problem
            log.warning("database_refused", cause=type(cause).__name__, state=getattr(cause, "sqlstate", None))
        raise refusal from problem


def enter(session: Session, organization_id: UUID) -> None:
    """Go on in a claim's transaction as the application, in one organization: effects see only its rows."""
    session.connection().exec_driver_sql(_ENTER.format(organization_id))
