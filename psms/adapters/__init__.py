"""The outside world behind the ports: clock, chance, HTTP, broker. No business rule lives here."""
