"""SLA clocks: calendars, terms, what events do to a clock, and its ledger. Rows and sweeps live elsewhere.

Instants and spans are integer microseconds in here; see `instants`.
"""
