"""Errors of tickets among themselves: families, merges, deletion. All others, and their kinds, are in `errors`."""

from psms.errors import Kind, PsmsError


class ChildrenOpen(PsmsError):
    """This ticket has children that are not done: resolve, close or cancel them first."""

    kind = Kind.CONFLICT
    code = "children_open"


class RelationRefused(PsmsError):
    """These tickets cannot be related in this way."""

    kind = Kind.CONFLICT
    code = "relation_refused"


class MergeRefused(PsmsError):
    """These tickets cannot be merged, or this merge cannot be taken back."""

    kind = Kind.CONFLICT
    code = "merge_refused"


class NotDeleted(PsmsError):
    """This ticket is not deleted: only a deleted one can be restored or purged."""

    kind = Kind.CONFLICT
    code = "not_deleted"
