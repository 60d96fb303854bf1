"""What the database refused, in words for people: driver errors become named PSMS errors here and nowhere else."""

import re

import psycopg
from psycopg import errors as driver_errors
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from psms.errors import AlreadyExists, DependencyUnavailable, FieldError, PsmsError, StillInUse

DATABASE_ERRORS = (SQLAlchemyError, psycopg.Error)
"""Whatever the database, or the way to it, raises."""

_REFERENCE = re.compile(r"_organization_id_(?P<column>\w+)_fkey$")

_TAKEN = {
    "uq_users_email": "A user with this e-mail address already exists.",
    "uq_users_email_index": "A user with this e-mail address already exists.",
    "uq_users_email_index_even": "A user with this e-mail address already exists.",
    "uq_teams_name": "A team with this name already exists.",
    "uq_roles_name": "A role with this name already exists.",
    "uq_calendars_name": "A calendar with this name already exists.",
    "uq_automations_name": "An active automation with this name already exists.",
    "uq_ticket_states_name": "An active state with this name already exists.",
    "uq_services_name": "A service with this name already exists.",
    "uq_assignments_user": "This user is already assigned to this service.",
    "uq_assignments_team": "This team is already assigned to this service.",
}


def refusal_of(problem: Exception) -> PsmsError | None:
    """Return the named error that *problem*, the driver's or SQLAlchemy's, stands for; None for a defect of ours."""
    match problem.orig if isinstance(problem, DBAPIError) else problem:
        case psycopg.IntegrityError() as broken:
            return _broken_rule(broken)
        case driver_errors.UntranslatableCharacter() | driver_errors.NumericValueOutOfRange():
            return FieldError("body", "a value is out of range or cannot be stored")
        case (
            driver_errors.QueryCanceled()
            | driver_errors.LockNotAvailable()
            | driver_errors.DeadlockDetected()
            | driver_errors.SerializationFailure()
        ):
            return DependencyUnavailable("The database is too busy: try again in a moment.")
        # A disk or a quota that is full, a broken disk, a server that only reads now. Where PostgreSQL has no code of
        # its own for what the system said, as of a full quota, it says XX000.
        case (
            driver_errors.DiskFull()
            | driver_errors.IoError()
            | driver_errors.InternalError_()
            | driver_errors.ReadOnlySqlTransaction()
        ):
            return DependencyUnavailable("The database cannot store anything now: try again later.")
        case psycopg.OperationalError() | PoolTimeout():
            return DependencyUnavailable("The database does not answer: try again in a moment.")
        case _:
            return None


def _broken_rule(cause: psycopg.Error) -> PsmsError | None:
    constraint = cause.diag.constraint_name or ""
    reference = _REFERENCE.search(constraint)
    if isinstance(cause, driver_errors.ForeignKeyViolation) and "still referenced" in (cause.diag.message_detail or ""):
        return StillInUse()
    if reference:
        # A membership is written through its team, which names its members.
        field = "member_ids" if constraint.startswith("memberships_") else reference["column"]
        return FieldError(field, "there is nothing with this id in your organization")
    if constraint == "fk_organizations_default_service":
        return FieldError("default_service_id", "there is nothing with this id in your organization")
    if constraint in _TAKEN:
        return AlreadyExists(_TAKEN[constraint])
    return None
