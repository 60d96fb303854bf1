"""Automations: an organization's rules for what happens to tickets. Pure; `workflows.automation_runs` acts."""
