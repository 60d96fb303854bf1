"""House rules over Celery tasks and Beat's schedule: each returns a sentence for every breach."""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from inspect import signature
from typing import Any

from celery import Task

from tests.architecture.sources import Source


def registrations(sources: Iterable[Source]) -> Counter[str]:
    """How often each member of Task is given as the name of a task."""
    given = (
        keyword.value
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "name"
    )
    return Counter(_member(value) for value in given)


def not_registered_once(sources: Iterable[Source], tasks: type[StrEnum]) -> list[str]:
    """A name without a task is a nudge that nobody hears; two tasks of one name are a coin toss."""
    found = registrations(sources)
    return [
        f"Task.{task.name} is the name of {found[task.name]} tasks; it must be of one"
        for task in tasks
        if found[task.name] != 1
    ]


def tasks_with_arguments(tasks: Mapping[str, Task[..., Any]]) -> list[str]:
    """A message carries no state, so that it may be lost, doubled or reordered."""
    return [
        f"{name} takes arguments; what is to be done stands in a row"
        for name, task in tasks.items()
        if not name.startswith("celery.") and signature(task.run).parameters
    ]


def unsound_schedule(
    schedule: Mapping[str, Mapping[str, Any]], registered: Iterable[str], queue_of: Mapping[Any, str]
) -> list[str]:
    """Every entry of Beat names a registered task and its queue, and sends nothing but its name."""
    known = set(registered)
    problems = [f"{name}: no task {entry['task']}" for name, entry in schedule.items() if entry["task"] not in known]
    problems += [
        f"{name}: sends arguments" for name, entry in schedule.items() if entry.get("args") or entry.get("kwargs")
    ]
    for name, entry in schedule.items():
        options = entry.get("options", {})
        if options.get("queue", queue_of.get(entry["task"])) != queue_of.get(entry["task"]):
            problems.append(f"{name}: goes to the queue {options['queue']}, which is not the task's")
        if "expires" in options:
            problems.append(f"{name}: expires, which would be judged by the worker's clock")
    return problems


def unscheduled(schedule: Mapping[str, Mapping[str, Any]], tasks: type[StrEnum]) -> list[str]:
    """Beat sends every drain, so that a lost nudge costs latency and never work."""
    scheduled = {str(entry["task"]) for entry in schedule.values()}
    return [f"Beat never sends Task.{task.name}" for task in tasks if task.value not in scheduled]


def _member(node: ast.expr) -> str:
    """The member of Task that an expression names, as in `Task.RELAY_OUTBOX`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Task":
        return node.attr
    return ""
