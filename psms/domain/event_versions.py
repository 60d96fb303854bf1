"""The version of the shapes of events, by which endpoints choose; the shapes are in `event_catalogue`."""

SCHEMA_VERSION = 1
