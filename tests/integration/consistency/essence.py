# SPDX-License-Identifier: Apache-2.0
"""Messages, and what they must say, as plain tuples that can be compared.

A row is a tuple of (column, text of its value), ordered by column.  Numbers are their digits.
"""
import collections
import json
import re

Place = collections.namedtuple("Place", "epoch commit index")
TOKEN = re.compile("([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{8})(?:-[0-9a-f]{8})?")
ALL = 0xFFFFFFFF

kept = {}


def shared(value):
    """The one copy of equal values: many subscribers get the same."""
    return kept.setdefault(value, value)


def parse_token(text):
    found = TOKEN.fullmatch(text)
    assert found, f"not a token: {text!r}"
    return shared(Place(shared(found[1]), int(found[2], 16), int(found[3], 16)))


def items(row):
    return None if row is None else tuple(sorted(row.items(), key=lambda item: item[0]))


def freeze(kind, table, row, old):
    return shared((kind, table, items(row), items(old)))


def freeze_rich(kind, table, new, old, key, unchanged, xid, at):
    return shared((kind, table, items(new), items(old), items(key), tuple(sorted(unchanged)), xid, at))


def show_time(text):
    """2026-01-02 03:04:05.67+00 as pgcdc.v1 writes it."""
    date, clock = text.removesuffix("+00").split(" ")
    whole, _, part = clock.partition(".")
    return f"{date}T{whole}.{part:0<6}Z"


def text_of(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def texts(row):
    return None if row is None else {name: text_of(value) for name, value in row.items()}


def parse(text):
    return json.loads(text, parse_int=str, parse_float=str)


def parse_message(text):
    """A message of the plain protocol as Change.shown has it, and its token's text or None."""
    message = parse(text)
    new = old = None
    if "columnnames" in message:
        new = texts(dict(zip(message["columnnames"], message["columnvalues"], strict=True)))
    if "oldkeys" in message:
        old = texts(dict(zip(message["oldkeys"]["keynames"], message["oldkeys"]["keyvalues"], strict=True)))
    return freeze(message["kind"], message["table"], new, old), message.get("pos")


def rich_essence(message):
    """A change or truncate of pgcdc.v1 as Change.rich() has it."""
    return freeze_rich(message.get("kind", "truncate"), message["table"], texts(message.get("new")),
                       texts(message.get("old")), texts(message.get("key")), message.get("unchanged", ()),
                       message["xid"], message["at"])
