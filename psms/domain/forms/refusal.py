"""What is wrong with a form, or with what was filled in, as the one error that names every field."""

from collections.abc import Sequence

from psms.errors import FieldError

Problem = tuple[str, str]
"""A field, and what is wrong with it."""


def refused(problems: Sequence[Problem]) -> FieldError:
    """Return the error that lists all *problems*; there is at least one."""
    error = FieldError(*problems[0])
    error.context["errors"] = [{"field": field, "message": message} for field, message in problems]
    return error
