"""The official JavaScript library of Standard Webhooks, run in QuickJS: a verifier that shares nothing with ours."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import quickjs

_LIBRARY = Path(__file__).parents[1] / "vendor" / "standardwebhooks"
_FILES = {
    "@stablelib/base64": "base64.js",
    "fast-sha256": "sha256.js",
    "./timing_safe_equal": "timing_safe_equal.js",
    "standardwebhooks": "index.js",
}
# What a browser or Node has, and a bare engine has not: modules, and UTF-8.
_HOST = """
globalThis.TextEncoder = class {
    encode(text) { return Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0)); }
};
const sources = {}, loaded = {};
function require(name) {
    if (!(name in loaded)) {
        const module = { exports: {} };
        loaded[name] = module;
        new Function("module", "exports", "require", sources[name]).call(globalThis, module, module.exports, require);
    }
    return loaded[name].exports;
}
function verify(secret, body, headers) {
    const { Webhook, WebhookVerificationError } = require("standardwebhooks");
    try {
        return JSON.stringify({ verified: new Webhook(secret).verify(body, JSON.parse(headers)) });
    } catch (problem) {
        if (!(problem instanceof WebhookVerificationError)) throw problem;
        return JSON.stringify({ refused: problem.message });
    }
}
"""


class RefusedByJavaScript(Exception):
    """The library does not accept a request."""


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> object:
    """Return the JSON value of a verified *body*; raises RefusedByJavaScript."""
    answer = json.loads(_engine().get("verify")(secret, body.decode(), json.dumps(dict(headers))))
    if "refused" in answer:
        raise RefusedByJavaScript(answer["refused"])
    return answer["verified"]


@cache
def _engine() -> quickjs.Context:
    engine = quickjs.Context()
    engine.eval(_HOST)
    for name, file in _FILES.items():
        source = (_LIBRARY / file).read_text(encoding="utf-8")
        engine.eval(f"sources[{json.dumps(name)}] = {json.dumps(source)}")
    return engine
