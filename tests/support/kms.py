"""An AWS KMS for the tests: moto as a process of its own that listens on a port, and the keys made in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from psms.embedded.addresses import is_free
from tests.support.ports import own_port
from tests.support.waiting import eventually

# What every AWS client asks for; moto believes anything.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kms:
    """A running KMS."""

    url: str
    client: Any

    def new_key(self) -> str:
        """Make a key and return its id."""
        return str(self.client.create_key()["KeyMetadata"]["KeyId"])


@contextmanager
def running_kms() -> Iterator[Kms]:
    """Run a KMS until the end of the block."""
    port = own_port()
    server = subprocess.Popen(
        (sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)),
        env=os.environ | CREDENTIALS,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: not is_free("127.0.0.1", port), within=30, what="the KMS")
        url = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "kms",
            endpoint_url=url,
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield Kms(url=url, client=client)
    finally:
        server.terminate()
        server.wait(10)
