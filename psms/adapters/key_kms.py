"""A key-encryption key that never leaves AWS KMS; needs the extra `aws` (boto3). Local keys are in `keks`."""

from collections.abc import Mapping

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from psms.errors import DependencyUnavailable, Misconfigured, Undecryptable
from psms.guard import refuse_in_transaction

_PREFIX = "aws-kms:"
_REFUSED = {"InvalidCiphertextException", "IncorrectKeyException", "NotFoundException", "DisabledException"}


class KmsKek:
    """One KMS key that wraps; what earlier KMS keys wrapped is unwrapped by them, as long as KMS permits it.

    Region and credentials are found as every AWS client finds them: AWS_DEFAULT_REGION, a role, a profile.
    """

    def __init__(self, key_id: str, *, endpoint_url: str | None) -> None:
        """Take the key's id, ARN or alias, and where KMS is if it is not where it usually is."""
        self.primary = _PREFIX + key_id
        options = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
        try:
            self._client = boto3.client("kms", endpoint_url=endpoint_url, config=options)
        except BotoCoreError as problem:
            raise Misconfigured(f"AWS KMS cannot be used ({problem}): set AWS_DEFAULT_REGION") from problem

    def knows(self, kek_id: str, /) -> bool:
        """Tell whether this is a KMS key; whether it may be used is for KMS to say."""
        return kek_id.startswith(_PREFIX)

    def wrap(self, data_key: bytes, context: Mapping[str, str], /) -> bytes:
        """Have KMS encrypt *data_key* with *context* as its encryption context."""
        refuse_in_transaction("AWS KMS")
        key_id = self.primary.removeprefix(_PREFIX)
        try:
            answer = self._client.encrypt(KeyId=key_id, Plaintext=data_key, EncryptionContext=dict(context))
        except (BotoCoreError, ClientError) as problem:
            raise _unavailable(problem) from problem
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, kek_id: str, wrapped: bytes, context: Mapping[str, str], /) -> bytes:
        """Have KMS decrypt; raise Undecryptable where it says that key, bytes or context are others."""
        refuse_in_transaction("AWS KMS")
        key_id = kek_id.removeprefix(_PREFIX)
        try:
            answer = self._client.decrypt(KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=dict(context))
        except ClientError as problem:
            if problem.response["Error"]["Code"] in _REFUSED:
                raise Undecryptable(f"AWS KMS does not decrypt with {key_id}: {problem}") from problem
            raise _unavailable(problem) from problem
        except BotoCoreError as problem:
            raise _unavailable(problem) from problem
        return bytes(answer["Plaintext"])


def _unavailable(problem: Exception) -> DependencyUnavailable:
    return DependencyUnavailable(f"AWS KMS does not answer or refuses ({problem}): try again in a moment.")
