"""Automatic assignment: who of a team gets a ticket. Pure: locks and rows are in `workflows.routing_drain`."""
