"""The examples of docs/catalogue.md, sent to the API as they stand there, one after the other."""

import re
import shlex
from pathlib import Path

TEXT = (Path(__file__).resolve().parents[2] / "docs/catalogue.md").read_text(encoding="utf-8")
_COMMAND = re.compile(r"(?:(?P<name>\w+)=\$\()?call (?P<words>.+)", re.DOTALL)


def commands():
    """Return each command of the shell blocks, with the lines that its quotes go over."""
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL):
        so_far = ""
        for line in block.splitlines(keepends=True):
            so_far += line
            if so_far.count("'") % 2 == 0:
                yield so_far
                so_far = ""


def request_of(words):
    """Return method, path and options of what curl would send."""
    method, path = "", ""
    bodies: list[str] = []
    query: list[str] = []
    while words:
        word = words.pop(0)
        if word in {"-X", "-d", "--data-urlencode"}:
            value = words.pop(0)
            method = value if word == "-X" else method
            bodies += [value] if word == "-d" else []
            query += [value] if word == "--data-urlencode" else []
        elif word == "-G":
            method = "GET"
        else:
            path = word
    if method == "GET":
        return "GET", path, {"query_string": dict_of(query + bodies)}
    body = {"data": bodies[0], "content_type": "application/json"} if bodies else {}
    return method or ("POST" if bodies else "GET"), path, body


def dict_of(pairs):
    """Return name=value pairs as the client takes them, several values of a name in a list."""
    values: dict[str, list[str]] = {}
    for name, value in (pair.split("=", 1) for pair in pairs):
        values.setdefault(name, []).append(value)
    return values


def test_the_examples_work_as_pasted(client):
    known, statuses, refused = {"api": ""}, [], []
    for command in commands():
        found = _COMMAND.fullmatch(command.strip())
        assert found, command
        text = found["words"].removesuffix(" | field id)")
        for name, value in known.items():
            text = text.replace(f"${name}", value)
        method, path, options = request_of(shlex.split(text))
        answer = client.call(method, path, **options)
        statuses.append((method, answer.status_code))
        if found["name"]:
            known[found["name"]] = answer.json["id"]
        if answer.status_code == 422:
            refused = [error["field"] for error in answer.json["errors"]]
    (ticket,) = client.get(f"/v1/tickets?field=site:north&field=seats:1..10&service_id={known['service']}").json[
        "items"
    ]

    assert statuses == [
        ("POST", 201),
        ("POST", 201),
        ("GET", 200),
        ("PUT", 200),
        ("GET", 200),
        ("DELETE", 204),
        ("PUT", 200),
        ("POST", 201),
        ("POST", 422),
        ("GET", 200),
        ("GET", 200),
    ]
    assert refused == ["custom_fields.site", "custom_fields.seats"]
    assert (ticket["id"], ticket["custom_fields"]["room"]) == (known["ticket"], "B-12")
