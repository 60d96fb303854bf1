"""What endpoints are signed with: secrets and key pairs, made, rotated and published. Nothing is signed here."""

from dataclasses import dataclass
from uuid import UUID

from psms.adapters import key_pairs
from psms.adapters.keyring import Keyring
from psms.db.models.webhooks import EndpointRow, SecretRow
from psms.db.queries import endpoint_secrets as queries
from psms.db.queries import endpoints, lanes
from psms.domain.access import Actor, Permission, require
from psms.domain.encrypted_columns import WEBHOOK_SECRET
from psms.domain.endpoint_settings import PublishedKeys, Rotation, SignatureScheme
from psms.domain.signing import SECRET_BYTES, new_secret, public_text
from psms.domain.webhooks import EndpointKind, RotatedSecret
from psms.errors import FieldError, NothingToRotate, TooManySecrets
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.data_keys import keyring_to_write
from workflows.names import Task

_MOST_FORMER = 2
_KIND = "webhook_endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A secret that was just made: its row, and what of it is shown: the secret this once, or the public key."""

    row: SecretRow
    secret: str | None = None
    public_key: str | None = None


def rotate_secret(rt: Runtime, actor: Actor, endpoint_id: UUID, command: Rotation | None = None) -> RotatedSecret:
    """Give an endpoint a new secret, or a new key pair; for 24 hours, or another overlap, the former ones sign too.

    Without an overlap all former ones end at once. Raises NotFound, NothingToRotate, FieldError for a pair that the
    endpoint has not, and TooManySecrets while two former ones sign.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    wanted = command or Rotation()
    keys = keyring_to_write(rt, actor.organization_id)
    with rt.db.begin(actor.organization_id) as session:
        row = endpoints.lock(session, actor.organization_id, endpoint_id, None)
        act = act_of(rt, session, actor)
        _require_rotatable(act, row, wanted)
        until = act.now + wanted.overlap
        queries.end(session, row.id, wanted.signature, until)
        made = new_secret_of(rt, act, keys, row.id, wanted.signature)
        queries.add(session, made.row)
        lanes.serve_now(session, act.organization_id, row.id, act.now)
        trail.note(act, f"{_KIND}.secret_rotated", (_KIND, row.id), trail.added({"signature": wanted.signature.value}))
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return RotatedSecret(endpoint_id=row.id, secret=made.secret, public_key=made.public_key, previous_expires_at=until)


def published_keys(rt: Runtime, endpoint_id: UUID) -> PublishedKeys:
    """Return the public keys of an endpoint of any organization, to anybody; none for one that there is not."""
    with rt.db.begin_system() as session:
        return PublishedKeys(keys=queries.published(session, endpoint_id))


def new_secret_of(rt: Runtime, act: Act, keys: Keyring, endpoint_id: UUID, scheme: SignatureScheme) -> NewSecret:
    """Make a secret or a key pair for an endpoint. The private key of a pair is nobody's but PSMS'."""
    random = rt.chance.secret_bytes(SECRET_BYTES)
    if scheme is SignatureScheme.V1:
        secret = new_secret(random)
        return NewSecret(row=stored_secret(act, keys, endpoint_id, secret), secret=secret)
    private = key_pairs.private_text(random)
    row = stored_secret(act, keys, endpoint_id, private)
    row.kind, row.public_key = queries.kind_of(scheme), key_pairs.public_bytes(private)
    return NewSecret(row=row, public_key=public_text(row.public_key))


def stored_secret(act: Act, keys: Keyring, endpoint_id: UUID, secret: str) -> SecretRow:
    """Return the row of a secret, or of PagerDuty's routing key, that is current from now on."""
    row_id = act.new_id()
    return SecretRow(
        organization_id=act.organization_id,
        id=row_id,
        endpoint_id=endpoint_id,
        kind=queries.kind_of(SignatureScheme.V1),
        secret_encrypted=keys.encrypt(WEBHOOK_SECRET, row_id, secret.encode()),
        created_at=act.now,
        expires_at=None,
    )


def follow_signatures(rt: Runtime, act: Act, keys: Keyring, row: EndpointRow) -> None:
    """Give a locked endpoint a key pair if it wants to be signed with one now, and end those it had if not."""
    if SignatureScheme.V1A.value in row.signatures:
        queries.add(act.session, new_secret_of(rt, act, keys, row.id, SignatureScheme.V1A).row)
    else:
        queries.end(act.session, row.id, SignatureScheme.V1A, act.now)


def replace_routing_key(act: Act, keys: Keyring, row: EndpointRow, routing_key: str) -> None:
    """Let a locked endpoint of PagerDuty have another routing key at once."""
    secret = queries.current(act.session, row.id, SignatureScheme.V1)
    secret.secret, secret.secret_encrypted = None, keys.encrypt(WEBHOOK_SECRET, secret.id, routing_key.encode())
    lanes.serve_now(act.session, act.organization_id, row.id, act.now)
    trail.note(act, f"{_KIND}.secret_rotated", (_KIND, row.id))


def _require_rotatable(act: Act, row: EndpointRow, wanted: Rotation) -> None:
    if row.kind == EndpointKind.PAGERDUTY:
        raise NothingToRotate
    if wanted.signature.value not in row.signatures:
        raise FieldError("signature", f"This endpoint is not signed with {wanted.signature.value}.")
    if wanted.overlap and queries.live_former(act.session, row.id, wanted.signature, act.now) >= _MOST_FORMER:
        raise TooManySecrets
