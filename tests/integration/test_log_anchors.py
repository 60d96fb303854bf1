"""The key of the log and its anchors: a directory, and a bucket on a real HTTP server that speaks S3."""

import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from psms.adapters.anchors import Anchor, DirectoryAnchor, anchor_of
from psms.adapters.log_keys import signer_of, trusted_keys
from psms.domain.log_chain import Checkpoint, checkpoint_message
from psms.errors import DependencyUnavailable, Misconfigured
from psms.settings import Environment, Settings
from psms.settings_groups import LogProof

ORGANIZATION = UUID("0192f0c1-0000-7000-8000-000000000001")
AT = datetime(2026, 11, 22, 9, 5, 7, tzinfo=UTC)


def checkpoint(seq: int, settings: Settings) -> Checkpoint:
    """Return a signed checkpoint."""
    signer = signer_of(settings)
    message = checkpoint_message(ORGANIZATION, seq, bytes(32))
    return Checkpoint(
        organization_id=ORGANIZATION,
        seq=seq,
        hash=bytes(32),
        at=AT,
        key_id=signer.key_id,
        signature=signer.sign(message),
    )


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    """The settings of a development installation without servers."""
    return Settings.from_env({"PSMS_HOME": str(tmp_path)})


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for variable, value in {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test-only",
        "AWS_SECRET_ACCESS_KEY": "test-only",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(variable, value)
    # All of moto's servers in one process share what they hold.
    name = f"anchors-{uuid4()}"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield name
    server.stop()


def assert_keeps(anchor: Anchor, settings: Settings) -> None:
    """Write to an anchor and read what it holds."""
    assert anchor.read() == {}
    written = [checkpoint(seq, settings) for seq in (9, 10, 1000)]
    for one in written:
        anchor.write(one)
    assert anchor.read() == {ORGANIZATION: written}


def test_a_directory_keeps_checkpoints(alone: Settings) -> None:
    assert_keeps(anchor_of(alone), alone)


def test_a_bucket_keeps_checkpoints(alone: Settings, bucket: str) -> None:
    assert_keeps(anchor_of(alone, f"s3://{bucket}/psms/log"), alone)


def test_a_bucket_that_is_not_there_is_told_of_in_a_sentence(alone: Settings, bucket: str) -> None:
    with pytest.raises(DependencyUnavailable, match=r"s3://nowhere/, cannot be used .* correct PSMS_LOG_ANCHOR"):
        anchor_of(alone, "s3://nowhere").write(checkpoint(1, alone))


def test_a_line_that_a_crash_cut_short_spoils_no_other(alone: Settings, tmp_path: Path) -> None:
    anchor = DirectoryAnchor(tmp_path / "anchors")
    anchor.write(checkpoint(1, alone))
    file = tmp_path / "anchors" / f"{ORGANIZATION}.jsonl"
    file.write_bytes(file.read_bytes() + b'{"organization_id": "01')

    anchor.write(checkpoint(2, alone))

    assert [one.seq for one in anchor.read()[ORGANIZATION]] == [1, 2]


def test_a_directory_that_cannot_be_written_is_told_of_in_a_sentence(alone: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DependencyUnavailable, match=r"the anchor of the log, .* cannot be used"):
        anchor_of(alone, str(tmp_path / "file" / "anchors")).write(checkpoint(1, alone))


def test_a_key_is_made_once_and_is_for_its_owner_alone(alone: Settings, tmp_path: Path) -> None:
    first, second = signer_of(alone), signer_of(alone)

    key = tmp_path / "keys" / "log-signing.pem"
    assert first.key_id == second.key_id
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(path.name for path in key.parent.iterdir()) == ["log-signing.pem", "log-signing.pub"]


def test_only_a_trusted_key_s_signature_counts(alone: Settings, tmp_path: Path) -> None:
    other = replace(alone, home=tmp_path / "other")
    message = checkpoint_message(ORGANIZATION, 1, bytes(32))
    forged = checkpoint(1, other)

    assert not trusted_keys(alone, []).signed_checkpoint(forged, message)
    assert not trusted_keys(alone, []).signed_checkpoint(replace(forged, key_id=signer_of(alone).key_id), message)
    public = tmp_path / "other" / "keys" / "log-signing.pub"
    assert trusted_keys(alone, [public]).signed_checkpoint(forged, message)
    assert not trusted_keys(alone, [public]).signed_checkpoint(forged, message + b"0")


def test_production_takes_neither_a_key_nor_an_anchor_of_its_own_making(alone: Settings, tmp_path: Path) -> None:
    production = replace(alone, environment=Environment.PRODUCTION)

    with pytest.raises(Misconfigured, match="set PSMS_LOG_SIGNING_KEY_FILE: in production"):
        signer_of(production)
    with pytest.raises(Misconfigured, match="set PSMS_LOG_ANCHOR to a directory"):
        anchor_of(production)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "content", [None, b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"]
)
def test_a_file_that_holds_no_key_is_told_of_in_a_sentence(
    alone: Settings, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    settings = replace(alone, log_proof=LogProof(signing_key_file=str(file), anchor=""))

    with pytest.raises(Misconfigured, match=r"openssl genpkey -algorithm ed25519"):
        signer_of(settings)


def test_a_key_that_many_threads_need_at_once_is_one_key(alone: Settings) -> None:
    everybody = threading.Barrier(16)

    def key_id(_: int) -> str:
        everybody.wait()
        return signer_of(alone).key_id

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(key_id, range(16)))) == 1
    assert sorted(path.name for path in (alone.home / "keys").iterdir()) == ["log-signing.pem", "log-signing.pub"]
