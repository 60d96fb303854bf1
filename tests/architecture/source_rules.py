"""House rules over one source file: each takes a Source and returns a sentence for every breach.

Rules that a linter knows already are in pyproject.toml; these are the ones it cannot express.
"""

import ast
import re
import sys
from collections.abc import Iterator

from tests.architecture.sources import PRODUCT, Source

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

SESSION = "psms/db/session.py"
ENCODING = "psms/encoding.py"
PURE = ("psms/domain", "psms/errors.py", "psms/ids.py", "psms/ports.py")
BEAT_MAY_IMPORT = {"workflows.names", "celery.schedules", "datetime"}
WAITING = "tests/support/waiting.py"

# Taken apart, so that this file does not contain what it looks for.
_MACHINE_PATH = re.compile(r"(?<![\w.}\])/])/(?:" + "work|home|root|Users" + r")/\w")
_VAGUE_VERB = re.compile(r"^_*(handle|process|do|manage)(_|$)")
_VAGUE_NOUN = re.compile(r"(Manager|Utils?|Helpers?|Handler|Processor)$")
_VAGUE_FILE = re.compile(r"(^|_)(managers?|utils?|helpers?|handlers?|misc|common)$")
_DATABASE_CLOCK = re.compile(
    r"(?<!psms_)\bnow\(\)|\b(?:current_timestamp|localtimestamp|clock_timestamp|statement_timestamp)\b",
    re.IGNORECASE,
)

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def commits_outside_the_session(source: Source) -> list[str]:
    """Only the session commits or rolls back, so that a reader sees where each transaction ends."""
    if source.path == SESSION or not source.inside(*PRODUCT):
        return []
    return [
        f"{at}: .{name}() belongs to {SESSION} alone; leave the `with rt.begin()` block instead"
        for at, _, name in _method_calls(source, {"commit", "rollback"})
    ]


def transactions_outside_workflows(source: Source) -> list[str]:
    """Only a use case opens a transaction; everything below it is handed a session."""
    if source.path == SESSION or source.inside("workflows", "tests"):
        return []
    # A function of that name in an imported module opens nothing.
    modules = _imported_names(source)
    return [
        f"{at}: only workflows open transactions; take a session as the first argument"
        for at, opened, _ in _method_calls(source, {"begin", "begin_claim"})
        if opened not in modules
    ]


def impure_imports(source: Source) -> list[str]:
    """The domain, errors, ids and ports import the standard library and one another, nothing else."""
    if not source.inside(*PURE):
        return []
    return [
        f"{source.path}: imports {module}; the pure core uses the standard library only"
        for module in _imports(source)
        if module.split(".")[0] not in {*sys.stdlib_module_names, "psms"}
    ]


def other_encoders(source: Source) -> list[str]:
    """One encoder writes the JSON that leaves PSMS, so that the same value has the same bytes."""
    if source.path == ENCODING or not source.inside(*PRODUCT):
        return []
    return [
        f"{source.path}: imports orjson; use psms.encoding"
        for module in _imports(source)
        if module.split(".")[0] == "orjson"
    ]


def beat_imports(source: Source) -> list[str]:
    """The schedule names tasks; it must load without the application."""
    if source.path != "beat_schedule.py":
        return []
    return [
        f"{source.path}: imports {module}; it may import {', '.join(sorted(BEAT_MAY_IMPORT))} only"
        for module in _imports(source)
        if module not in BEAT_MAY_IMPORT
    ]


def long_file(source: Source) -> list[str]:
    """A file that outgrows its budget has more than one subject."""
    lines = source.text.count("\n")
    if lines <= MAX_FILE_LINES:
        return []
    return [f"{source.path}: {lines} lines; split it by subject, {MAX_FILE_LINES} at most"]


def long_functions(source: Source) -> list[str]:
    """A function that outgrows its budget has steps that deserve names."""
    return [
        f"{source.path}:{function.lineno}: {function.name} has {length} lines; {MAX_FUNCTION_LINES} at most"
        for function in _functions(source)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]


def missing_first_docstring(source: Source) -> list[str]:
    """The first line of a file says what lives there."""
    starts = source.text.startswith(('"""', 'r"""'))
    if starts and ast.get_docstring(source.tree):
        return []
    return [f"{source.path}: the first line must be a docstring that says what lives here and what does not"]


def machine_paths(source: Source) -> list[str]:
    """No path of anybody's machine is written down."""
    return [
        f"{source.path}:{number}: names a path of one machine; make it relative or a setting"
        for number, line in enumerate(source.text.splitlines(), 1)
        if _MACHINE_PATH.search(line)
    ]


def vague_names(source: Source) -> list[str]:
    """Names are business acts. An overriding method has the name its base class chose."""
    if not source.inside(*PRODUCT):
        return []
    stem = source.path.rpartition("/")[2].removesuffix(".py")
    names = [stem] if _VAGUE_FILE.search(stem) else []
    names += [f.name for f in _functions(source) if _VAGUE_VERB.match(f.name) and not _overrides(f)]
    names += [
        node.name for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef) and _VAGUE_NOUN.search(node.name)
    ]
    return [f"{source.path}: {name} says nothing; name it after what it does in the field" for name in names]


def other_clocks(source: Source) -> list[str]:
    """SQL asks psms_now() for the time, so that one function is the clock of the whole installation."""
    if not source.inside("psms/db", "psms/adapters", "workflows"):
        return []
    asked = [
        f"{source.path}:{node.lineno}: SQL must ask psms_now(), the one clock"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DATABASE_CLOCK.search(node.value)
    ]
    called = [
        f"{at}: func.{name}() is another clock; use psms_now()"
        for at, on, name in _method_calls(source, {"now", "current_timestamp", "clock_timestamp"})
        if on == "func"
    ]
    return asked + called


def sleeping_tests(source: Source) -> list[str]:
    """A test waits for something to become true, with a deadline; it never sleeps and hopes."""
    if source.path == WAITING or not source.inside("tests"):
        return []
    calls = [at for at, _, _ in _method_calls(source, {"sleep"})] + _bare_calls(source, "sleep")
    return [f"{at}: poll with tests.support.waiting.eventually instead of sleeping" for at in calls]


def patched_code(source: Source) -> list[str]:
    """Tests use fakes at the ports; they never patch code."""
    if not source.inside("tests"):
        return []
    mocks = [
        f"{source.path}: imports {module}"
        for module in _imports(source)
        if module.split(".")[0] in {"unittest", "mock", "pytest_mock"}
    ]
    patches = [f"{at}: patches code" for at, on, _ in _method_calls(source, {"setattr"}) if on == "monkeypatch"]
    return [f"{breach}; write a fake for the port" for breach in mocks + patches]


SOURCE_RULES = (
    commits_outside_the_session,
    transactions_outside_workflows,
    impure_imports,
    other_encoders,
    beat_imports,
    long_file,
    long_functions,
    missing_first_docstring,
    vague_names,
    other_clocks,
    sleeping_tests,
    patched_code,
)


def _functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(source.tree) if isinstance(node, _FUNCTION))


def _overrides(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(mark, ast.Name) and mark.id == "override" for mark in function.decorator_list)


def _imports(source: Source) -> list[str]:
    found: list[str] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or ".")
    return found


def _imported_names(source: Source) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _method_calls(source: Source, names: set[str]) -> list[tuple[str, str, str]]:
    """Where a method of one of *names* is called, on what, and which."""
    return [
        (f"{source.path}:{node.lineno}", ast.unparse(node.func.value), node.func.attr)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def _bare_calls(source: Source, name: str) -> list[str]:
    return [
        f"{source.path}:{node.lineno}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]
