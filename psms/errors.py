"""Every error PSMS raises on purpose, with its kind and its stable code; knows no HTTP status.

The class docstring is the default message a person reads. `code` is public API: unique, never renamed.
"""

from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What sort of refusal an error is; the HTTP edge maps it to a status, the worker to retry or stop."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE = "stale"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    TOO_MANY = "too_many"
    WRONG_METHOD = "wrong_method"
    NOT_ACCEPTABLE = "not_acceptable"
    WRONG_MEDIA_TYPE = "wrong_media_type"
    DEFECT = "defect"


class PsmsError(Exception):
    """Something went wrong."""

    kind: ClassVar[Kind]
    code: ClassVar[str]

    def __init__(self, detail: str | None = None, **context: object) -> None:
        """Take the sentence to show (the docstring where left out) and public facts to add to it."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.context = context
        super().__init__(self.detail)


class FieldError(PsmsError):
    """A field has a value that cannot be accepted."""

    kind = Kind.INVALID
    code = "validation_failed"

    def __init__(self, field: str, message: str) -> None:
        """Name the *field* as the client wrote it, and say what is wrong with it."""
        super().__init__(f"{field}: {message}", errors=[{"field": field, "message": message}])


class NotAuthenticated(PsmsError):
    """This request needs a valid access token: send it as 'Authorization: Bearer …'."""

    kind = Kind.UNAUTHENTICATED
    code = "not_authenticated"


class NotAllowed(PsmsError):
    """You may not do this: your role or the scopes of your token do not include it."""

    kind = Kind.FORBIDDEN
    code = "not_allowed"


class NotFound(PsmsError):
    """There is no such thing here, or you may not see it."""

    kind = Kind.NOT_FOUND
    code = "not_found"


class ActionNotAllowed(PsmsError):
    """This action is not possible in the ticket's present status."""

    kind = Kind.CONFLICT
    code = "action_not_allowed"


class AlreadyExists(PsmsError):
    """Something with this name already exists."""

    kind = Kind.CONFLICT
    code = "already_exists"


class StillInUse(PsmsError):
    """This is still in use and cannot be removed."""

    kind = Kind.CONFLICT
    code = "still_in_use"


class NotBreached(PsmsError):
    """This clock has no breach that could be declared void."""

    kind = Kind.CONFLICT
    code = "not_breached"


class RequestInProgress(PsmsError):
    """A request with this Idempotency-Key is still being worked on: try again in a moment."""

    kind = Kind.CONFLICT
    code = "request_in_progress"


class IdempotencyKeyReused(PsmsError):
    """This Idempotency-Key was already used for a different request: use a new key."""

    kind = Kind.INVALID
    code = "idempotency_key_reused"


class VersionStale(PsmsError):
    """The resource has changed since the version named in If-Match: read it again."""

    kind = Kind.STALE
    code = "version_stale"


class EditConflict(PsmsError):
    """Somebody has changed a field that this edit changes, since the version that it was made from."""

    kind = Kind.CONFLICT
    code = "edit_conflict"


class AlreadyTaken(PsmsError):
    """Somebody else works on this ticket already."""

    kind = Kind.CONFLICT
    code = "already_taken"


class WebhookUrlRefused(PsmsError):
    """This URL cannot be a webhook endpoint."""

    kind = Kind.INVALID
    code = "webhook_url_refused"

    def __init__(self, detail: str) -> None:
        """Take what is wrong with the `url`."""
        super().__init__(detail, errors=[{"field": "url", "message": detail}])


class CursorInvalid(PsmsError):
    """This cursor is not one that this list gave out: start again without a cursor."""

    kind = Kind.INVALID
    code = "cursor_invalid"


class Misconfigured(PsmsError):
    """The installation is configured wrongly."""

    kind = Kind.UNAVAILABLE
    code = "misconfigured"


class DependencyUnavailable(PsmsError):
    """A server that PSMS depends on does not answer: try again later."""

    kind = Kind.UNAVAILABLE
    code = "dependency_unavailable"


class MalformedRequest(PsmsError):
    """This request cannot be understood: a header or a parameter is not well formed."""

    kind = Kind.MALFORMED
    code = "malformed_request"


class MalformedJson(PsmsError):
    """The body is not JSON that this server accepts."""

    kind = Kind.MALFORMED
    code = "malformed_json"


class BodyTooLarge(PsmsError):
    """The body is larger than this server accepts."""

    kind = Kind.TOO_LARGE
    code = "body_too_large"


class MethodNotKnown(PsmsError):
    """This address does not know this method: the Allow header names those it knows."""

    kind = Kind.WRONG_METHOD
    code = "method_not_allowed"


class MediaTypeNotKnown(PsmsError):
    """The body must be JSON in UTF-8: send 'Content-Type: application/json'."""

    kind = Kind.WRONG_MEDIA_TYPE
    code = "unsupported_media_type"


class NotAcceptable(PsmsError):
    """The answers of this address are JSON: send 'Accept: application/json' or leave it out."""

    kind = Kind.NOT_ACCEPTABLE
    code = "not_acceptable"


class HostNotServed(PsmsError):
    """This server does not answer for the host that the request names: operators list it in PSMS_TRUSTED_HOSTS."""

    kind = Kind.MALFORMED
    code = "host_not_served"


class RateLimited(PsmsError):
    """Too many requests: wait for as many seconds as Retry-After says."""

    kind = Kind.TOO_MANY
    code = "rate_limited"


class InternalError(PsmsError):
    """Something went wrong on our side: quote the request_id to the operators, whose log has the cause."""

    kind = Kind.DEFECT
    code = "internal_error"


class NothingToRotate(PsmsError):
    """PSMS signs nothing for PagerDuty: give the endpoint another routing_key with PATCH instead."""

    kind = Kind.CONFLICT
    code = "nothing_to_rotate"


class TooManySecrets(PsmsError):
    """The secret was rotated twice already: wait until the oldest has expired, or give overlap_hours 0."""

    kind = Kind.CONFLICT
    code = "too_many_secrets"


class TooManyEndpoints(PsmsError):
    """This organization has as many webhook endpoints as it may have: delete one first."""

    kind = Kind.CONFLICT
    code = "too_many_endpoints"


class TooManyCalendars(PsmsError):
    """This organization has as many calendars as it may have: remove one that no policy uses first."""

    kind = Kind.CONFLICT
    code = "too_many_calendars"


class TooManyPolicies(PsmsError):
    """This organization has as many active SLA policies as it may have: switch one off first."""

    kind = Kind.CONFLICT
    code = "too_many_policies"


class DutyOverlaps(PsmsError):
    """Somebody is on duty at that time already: delete that duty first, or choose another time."""

    kind = Kind.CONFLICT
    code = "duty_overlaps"


class DeliveryInFlight(PsmsError):
    """This delivery is being sent right now: look at its outcome first."""

    kind = Kind.CONFLICT
    code = "delivery_in_flight"


class EndpointNotActive(PsmsError):
    """This endpoint is not active: set its state to active first."""

    kind = Kind.CONFLICT
    code = "endpoint_not_active"


class Undecryptable(PsmsError):
    """A stored value cannot be decrypted: it was changed or moved, or its key is gone."""

    kind = Kind.DEFECT
    code = "undecryptable"


class KeysShredded(PsmsError):
    """The data keys of this organization were destroyed: nothing can be encrypted for it any more."""

    kind = Kind.CONFLICT
    code = "keys_shredded"
