"""Pure decisions and the values they are about: no database, no clock, no network, no framework."""
