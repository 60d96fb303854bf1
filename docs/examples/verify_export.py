"""Checks an export of the log by a published key, without a server and without PSMS. An example, not a part of PSMS.

Run it with `python docs/examples/verify_export.py KEYS EXPORT`: the answer of GET /v1/logs/keys, and the export.
"""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

keys = {key["key_id"]: key for key in json.loads(Path(sys.argv[1]).read_bytes())["keys"]}
*entries, last = Path(sys.argv[2]).read_bytes().splitlines(keepends=True)
end = json.loads(last)
if "manifest" not in end:
    sys.exit("The manifest is missing: the export was cut short.")
manifest = end["manifest"]

key = load_pem_public_key(keys[manifest["key_id"]]["public_key"].encode())
assert isinstance(key, Ed25519PublicKey)  # noqa: S101  (an example)
text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
key.verify(bytes.fromhex(end["signature"]), b"psms.log.export.v1|" + text)  # raises InvalidSignature

if (manifest["entries"], manifest["sha256"]) != (len(entries), hashlib.sha256(b"".join(entries)).hexdigest()):
    sys.exit("The entries are not those that the manifest was signed for.")
print(f"The export is as it was made: {len(entries)} entries, signed by {keys[manifest['key_id']]['fingerprint']}.")
