"""The catalogue of events: which there are, what each tells, its JSON Schema and an example. Telling is elsewhere."""
