"""From a release that did not number edits: one that waits then holds by the book of today, from its own instant."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from psms.db import schema
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla.shelf import Shelf
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_rebase import rebase_tickets
from workflows.sla_verification import verify_clocks


def test_an_edit_that_waits_over_the_upgrade_is_followed_from_its_own_instant(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    made = json.loads(add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=3600), None).body)
    for _ in range(2):
        file_ticket(rt, acme.actor)

    def edit(seconds: int) -> None:
        fields = PolicyFields(resolution_seconds=seconds)
        edit_policy(rt, acme.actor, UUID(made["id"]), EditSlaPolicy(fields=fields, applies=Applies.OPEN_TICKETS))

    database.move_clock(timedelta(minutes=10))
    edit(7200)
    assert rebase_tickets(rt) == 2
    edit(10_800)
    schema.downgrade(database.owner_url, "0007")
    schema.upgrade(database.owner_url, database.app_url)
    numbered = database.rows("SELECT state, revision > 0, book IS NOT NULL FROM sla_rebases ORDER BY created_at")
    assert numbered == [("done", False, False), ("waiting", True, True)]

    database.move_clock(timedelta(minutes=30))
    # Whoever migrates starts every process anew.
    anew = replace(rt, shelf=Shelf(rt.shelf.zones))
    assert rebase_tickets(anew) == 2
    followed = database.rows(
        "SELECT DISTINCT c.policy_version, c.target, c.since = r.created_at, t.sla_followed = r.revision "
        "FROM sla_clocks c JOIN tickets t ON t.id = c.ticket_id, sla_rebases r WHERE r.revision > 0"
    )
    assert followed == [(3, timedelta(hours=3), True, True)]
    assert verify_clocks(anew, acme.organization_id).differences == []
