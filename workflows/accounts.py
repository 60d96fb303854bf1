"""Who calls: access tokens are issued, recognised and revoked. The callers are kept in `clients`."""

from sqlalchemy.orm import Session

from psms.db.queries import identity
from psms.domain.access import Actor
from psms.domain.credentials import (
    IssuedToken,
    RegisteredClient,
    digest,
    is_token,
    secret_matches,
    token_from,
)
from psms.domain.logs import INSTALLATION, Origin
from psms.errors import NotAuthenticated
from psms.runtime import Runtime
from workflows import refusals, trail
from workflows.act import act_of, act_of_system

NOWHERE = Origin()

_TOKEN_BYTES = 32
_SHOWN = 12


def authenticate(rt: Runtime, token: str, request_id: str, address: str | None = None) -> Actor:
    """Return the caller that *token* stands for; raise NotAuthenticated for any other text.

    One statement: a revoked token, client or user is refused from the next request on, and that it was is written down.
    """
    if not is_token(token):
        raise NotAuthenticated
    actor = rt.db.ask_directly(lambda direct: identity.actor_of_token(direct, digest(token), request_id, address))
    if actor is None:
        refusals.note_token(rt, token, Origin(request_id=request_id, address=address))
        message = "This access token is unknown, expired or revoked: ask for a new one at /oauth/token."
        raise NotAuthenticated(message)
    return actor


def client_for(rt: Runtime, client_id: str) -> RegisteredClient | None:
    """Return the active client with this public id."""
    return rt.db.ask(lambda connection: identity.client_by_public_id(connection, client_id))


def is_known(rt: Runtime, client_id: str, secret: str) -> bool:
    """Tell whether an active client has this public id and this secret."""
    client = client_for(rt, client_id)
    return client is not None and secret_matches(client, secret)


def issue_token(
    rt: Runtime, client: RegisteredClient, scopes: tuple[str, ...], origin: Origin = NOWHERE
) -> IssuedToken:
    """Give an authenticated client an access token with *scopes*, which must be among its own."""
    token = token_from(rt.chance.secret_bytes(_TOKEN_BYTES))
    lifetime_s = rt.settings.token_lifetime_s
    with rt.db.begin(client.organization_id) as session:
        act = act_of(rt, session, _as_actor(session, client, scopes, origin))
        identity.insert_token(
            session,
            {
                "organization_id": client.organization_id,
                "id": act.new_id(),
                "client_id": client.id,
                "token_hash": digest(token),
                "scopes": list(scopes),
                "now": act.now,
                "lifetime_s": lifetime_s,
            },
        )
        trail.note(act, "token.issued", ("client", client.id), trail.added({"scopes": list(scopes)}))
    return IssuedToken(access_token=token, expires_in_s=lifetime_s, scopes=scopes)


def revoke_token(rt: Runtime, client: RegisteredClient, token: str, origin: Origin = NOWHERE) -> None:
    """End one of the client's own tokens; an unknown one is no error (RFC 7009 section 2.2)."""
    with rt.db.begin(client.organization_id) as session:
        identity.revoke_token(session, client.id, digest(token))
        act = act_of(rt, session, _as_actor(session, client, client.scopes, origin))
        trail.note(act, "token.revoked", ("client", client.id))


def refuse_sign_in(rt: Runtime, client: RegisteredClient | None, presented: str, origin: Origin) -> None:
    """Write down that somebody presented a wrong secret, or a client that nobody knows.

    Of an unknown client the beginning is kept: what is mistaken for it may be a secret.
    """
    target = ("client", None if client is None else client.id)
    facts = {"reason": "wrong secret"} if client else {"reason": "unknown client", "client_id": presented[:_SHOWN]}
    organization_id = client.organization_id if client else INSTALLATION
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        trail.insert(act, trail.refusal(act, "token.refused", target, facts, origin))


def _as_actor(session: Session, client: RegisteredClient, scopes: tuple[str, ...], origin: Origin) -> Actor:
    return Actor(
        organization_id=client.organization_id,
        user_id=identity.user_of_client(session, client),
        client_id=client.id,
        role=client.role,
        scopes=frozenset(scopes),
        request_id=origin.request_id or "",
        address=origin.address,
    )
