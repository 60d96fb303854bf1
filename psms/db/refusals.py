"""What the database refused, in words for people: driver errors become named PSMS errors here and nowhere else."""

import re

from psycopg import errors as driver_errors
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from psms.errors import AlreadyExists, DependencyUnavailable, FieldError, PsmsError, StillInUse

_REFERENCE = re.compile(r"_organization_id_(?P<column>\w+)_fkey$")

_TAKEN = {
    "uq_users_email": "A user with this e-mail address already exists.",
    "uq_teams_name": "A team with this name already exists.",
    "uq_roles_name": "A role with this name already exists.",
    "uq_services_name": "A service with this name already exists.",
    "uq_assignments_user": "This user is already assigned to this service.",
    "uq_assignments_team": "This team is already assigned to this service.",
}


def refusal_of(problem: Exception) -> PsmsError | None:
    """Return the named error that *problem* stands for, None when it is a defect of ours."""
    match problem:
        case IntegrityError():
            return _broken_rule(problem)
        case DataError(orig=driver_errors.UntranslatableCharacter() | driver_errors.NumericValueOutOfRange()):
            return FieldError("body", "a value is out of range or cannot be stored")
        case OperationalError(
            orig=driver_errors.QueryCanceled()
            | driver_errors.LockNotAvailable()
            | driver_errors.DeadlockDetected()
            | driver_errors.SerializationFailure()
        ):
            return DependencyUnavailable("The database is too busy: try again in a moment.")
        case OperationalError() | PoolTimeout():
            return DependencyUnavailable("The database does not answer: try again in a moment.")
        case _:
            return None


def _broken_rule(problem: DBAPIError) -> PsmsError | None:
    cause = problem.orig
    if not isinstance(cause, driver_errors.Error):
        return None
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
