"""The core of PSMS: domain, database, adapters, settings. Imports nothing of api, workers or workflows."""
