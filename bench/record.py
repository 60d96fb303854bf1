"""Records the statements of creating, reading and listing, from the product in this process, into a file.

Arguments: the file, a bearer token. The settings are the product's, in the environment.
"""

import sys
from pathlib import Path
from uuid import uuid4

from api.app import create_app
from bench.recording import recorded, save
from bench.system import CREATE, LIST
from psms.settings import Settings
from workflows.boot import runtime_for


def _main() -> None:
    path, token = sys.argv[1:3]
    client = create_app(runtime_for(Settings.from_env())).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"

    def create() -> str:
        headers = {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
        answer = client.post(CREATE.path, data=CREATE.body, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"]) if answer.json else ""

    def read(address: str) -> None:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text

    one = f"{CREATE.path}/{create()}"
    statements = {
        "create": recorded(create),
        "read": recorded(lambda: read(one)),
        "list": recorded(lambda: read(LIST.path)),
    }
    save(Path(path), statements)


if __name__ == "__main__":
    _main()
