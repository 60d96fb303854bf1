"""Checkpoints as objects of S3, one for each, below a prefix; needs boto3, the extra `aws`. Directories: `anchors`."""

from collections import defaultdict

from psms.domain.log_chain import Anchored, Checkpoint, checkpoint_from, checkpoint_text
from psms.errors import DependencyUnavailable, Misconfigured

try:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    raise Misconfigured(
        "PSMS_LOG_ANCHOR names an S3 bucket, for which boto3 is needed: install it with `pip install psms[aws]`"
    ) from None


class S3Anchor:
    """A bucket. With Object Lock and a default retention nobody can take back what it holds.

    Address, region and credentials come from the environment, as boto3 reads it (AWS_ENDPOINT_URL_S3, AWS_REGION …).
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        """Use the objects of *bucket* whose names begin with *prefix*."""
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._s3 = boto3.client("s3")

    def write(self, checkpoint: Checkpoint, /) -> None:
        """Put one object, named after the place in the chain."""
        name = f"{self._prefix}{checkpoint.organization_id}/{checkpoint.seq:020d}.json"
        body = checkpoint_text(checkpoint).encode()
        try:
            # A checksum, which a bucket with Object Lock demands.
            self._s3.put_object(Bucket=self._bucket, Key=name, Body=body, ChecksumAlgorithm="SHA256")
        except (BotoCoreError, ClientError) as problem:
            raise self._unusable(problem) from problem

    def read(self) -> Anchored:
        """Return what every object below the prefix holds."""
        found: Anchored = defaultdict(list)
        try:
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
                for listed in page.get("Contents", ()):
                    kept = self._s3.get_object(Bucket=self._bucket, Key=listed["Key"])["Body"].read()
                    checkpoint = checkpoint_from(kept.decode())
                    found[checkpoint.organization_id].append(checkpoint)
        except (BotoCoreError, ClientError) as problem:
            raise self._unusable(problem) from problem
        except ValueError as problem:
            raise DependencyUnavailable(
                f"the anchor s3://{self._bucket}/{self._prefix} holds something that is no checkpoint ({problem}): "
                "keep other objects elsewhere"
            ) from None
        return found

    def _unusable(self, problem: Exception) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"the anchor of the log, s3://{self._bucket}/{self._prefix}, cannot be used ({problem}): "
            "correct PSMS_LOG_ANCHOR, the AWS credentials or the bucket"
        )
