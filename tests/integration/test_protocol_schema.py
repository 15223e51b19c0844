# SPDX-License-Identifier: Apache-2.0
"""The examples in doc/protocol.md are what doc/protocol.schema.json says, and none is missing."""
import copy
import json
import pathlib
import re

import jsonschema
import pytest

from v1_schema import SCHEMA, check, types

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "doc" / "protocol.md").read_text()
CODES = ROOT / "src" / "encode" / "v1_messages.h"


def examples():
    """(side, value) of each JSON value in the blocks that begin with ```json SIDE."""
    decoder = json.JSONDecoder()
    for side, block in re.findall(r"(?ms)^```json ?(\w*)\n(.*?)^```", TEXT):
        rest = block.strip()
        assert rest, "an empty block"
        while rest:
            value, end = decoder.raw_decode(rest)
            rest = rest[end:].strip()
            yield side, value


EXAMPLES = list(examples())
TYPED = [(side, value) for side, value in EXAMPLES if side != "plain"]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("side, value", EXAMPLES)
def test_each_example_holds(side, value):
    assert side in ("server", "client", "plain"), f"```json without a side: {value}"
    check(value, side)


@pytest.mark.parametrize("side", ["server", "client"])
def test_each_type_has_an_example(side):
    assert {value["type"] for its, value in TYPED if its == side} == set(types(side))


@pytest.mark.parametrize("side, value", TYPED)
def test_a_broken_example_is_seen(side, value):
    """So that the schema says something: a surplus member, and each needed one left out."""
    with pytest.raises(AssertionError):
        check({**value, "surplus": 1}, side)
    for name in SCHEMA["$defs"][value["type"]]["required"]:
        broken = copy.deepcopy(value)
        del broken[name]
        with pytest.raises(AssertionError):
            check(broken, side)


@pytest.mark.parametrize("message", [
    '{"type":"pong","type":"pong"}',
    '{"type":"change"}',
    '{"type":"subscribe","id":"s","query":"*:t"}',
    '[]',
    '"pong"',
])
def test_what_no_server_says_is_seen(message):
    with pytest.raises(AssertionError):
        check(message)


@pytest.mark.parametrize("prefix, name", [("V1_NOTICE_", "notice"), ("V1_", "error")])
def test_codes_are_those_of_the_program(prefix, name):
    defined = dict(re.findall(r'#define (V1_[A-Z_]+) "([a-z_]+)"', CODES.read_text()))
    others = ("V1_NOTICE_", "V1_WARN_") if name == "error" else ()
    codes = {code for key, code in defined.items()
             if key.startswith(prefix) and not key.startswith(others)}
    assert codes == set(SCHEMA["$defs"][name]["properties"]["code"]["enum"])


def test_every_code_is_explained():
    for code in re.findall(r'#define V1_[A-Z_]+ "([a-z_]+)"', CODES.read_text()):
        assert f"`{code}`" in TEXT, code
