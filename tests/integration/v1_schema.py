# SPDX-License-Identifier: Apache-2.0
"""Is a message what doc/protocol.schema.json says?

    check(message)                        of the server
    check(message, "client")
    check(message, "plain")               of the plain stream, with or without "pos"

A message is a parsed JSON value, or its text.
"""
import functools
import json
import pathlib

import jsonschema

SCHEMA = json.loads(
    (pathlib.Path(__file__).resolve().parents[2] / "doc" / "protocol.schema.json").read_text())
TYPED = ("server", "client")


def _no_repeats(pairs):
    members = dict(pairs)
    assert len(members) == len(pairs), f"a member stands twice: {[name for name, _ in pairs]}"
    return members


def parse(text):
    """JSON of which no member stands twice."""
    return json.loads(text, object_pairs_hook=_no_repeats)


@functools.cache
def validator(name):
    """Of one definition; made once, since a test may check thousands of messages."""
    return jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"],
                                            "$ref": f"#/$defs/{name}"})


def types(side):
    return [choice["$ref"].rsplit("/", 1)[1] for choice in SCHEMA["$defs"][side]["oneOf"]]


def check(message, side="server"):
    """Fails with words where the message is not of that side; returns it parsed."""
    if isinstance(message, (str, bytes)):
        message = parse(message)
    name = side
    if side in TYPED:
        assert isinstance(message, dict), f"no object: {message!r}"
        name = message.get("type")
        assert name in types(side), f"unknown type {name!r} of the {side}: {message!r}"
    errors = sorted(error.message for error in validator(name).iter_errors(message))
    assert not errors, f"{message!r} is no {name}: " + "; ".join(errors)
    return message
