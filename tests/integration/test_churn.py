# SPDX-License-Identifier: Apache-2.0
"""Storms of clients that connect, each with filters of its own, and leave again.

Nothing of them may stay: no connection, no subscription, no filter, no memory.  `make soak` plays
this for longer and prints how many a second came and went.
"""
import json
import os
import socket
import struct
import time

from support.patience import wait_for
from support.pgcdc import MEMORY_FACTOR
from support.websocket import TEXT, encode_frame

CLIENTS = 2000 if MEMORY_FACTOR == 1 else 400  # a sanitizer keeps what is freed, and is slow
SECONDS = float(os.environ.get("PGCDC_SOAK_SECONDS", "0")) / 10
ABRUPT = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset
UPGRADE = ("Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
# What stays on purpose: PostgreSQL's readings of values, for a minute (10,000 of some 200 bytes at
# most), and what the C library cannot give back since something small still lives beside it.
STAYS_KIB = 4096


def request_of(number):
    """Most have one query; of each ten one has two, one reads events, one speaks pgcdc.v1, and one
    leaves before its request is whole."""
    kind, rest = number % 10, f" HTTP/1.1\r\n{UPGRADE}"
    query = f"query=insert:orders:id.eq.{number}"
    if kind == 0:
        query += f"&query=insert:orders:and(note.eq.n{number},id.gt.{number})"
    if kind == 1:
        return f"GET /sse?{query} HTTP/1.1\r\nHost: a\r\n\r\n"
    if kind == 2:
        return f"GET /ws{rest}Sec-WebSocket-Protocol: pgcdc.v1\r\n\r\n"
    return f"GET /ws?{query}{rest}" + ("" if kind == 3 else "\r\n")


def subscribe_v1(client, number):
    message = {"type": "subscribe", "id": "s", "query": f"insert:orders:id.eq.{number}"}
    client.sendall(encode_frame(TEXT, json.dumps(message).encode()))


def await_words(client, *words):
    got = b""
    while not any(word in got for word in words):
        more = client.recv(4096)
        assert more, got
        got += more


def come(port, first):
    """All connect, then all are live."""
    clients = []
    for number in range(first, first + CLIENTS):
        client = socket.create_connection(("127.0.0.1", port), timeout=60)
        client.sendall(request_of(number).encode())
        clients.append(client)
    for number, client in enumerate(clients, first):
        if number % 10 == 3:
            continue
        await_words(client, b"event: ready" if number % 10 == 1 else b"\r\n\r\n")
        if number % 10 == 2:
            subscribe_v1(client, number)
    for number, client in enumerate(clients, first):
        if number % 10 == 2:
            await_words(client, b'"subscribed"')
    return clients


def leave(clients):
    """Some with goodbye, some without a word, some so that their packets are refused."""
    for number, client in enumerate(clients):
        if number % 3 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
        elif number % 3 == 1:
            client.sendall(encode_frame(8))
        client.close()


def counts(server):
    names = ("connections", "subscriptions", "filters", "clients_behind")
    return [server.metric(f"pgcdc_{name}") for name in names]


def storm(server, first):
    """Connects a second."""
    began = time.monotonic()
    clients = come(server.port, first)
    rate = CLIENTS / (time.monotonic() - began)
    live = CLIENTS // 10 * 10  # one in ten is not, one has two
    wait_for("all filters", lambda: counts(server)[1:3] == [live, live])
    peak = server.rss_kib()
    leave(clients)
    wait_for("all to have left", lambda: counts(server) == [1, 0, 0, 0])
    return rate, peak


def test_who_came_and_left_leaves_nothing_behind(database, pgcdc):
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY, note text)")
    server = pgcdc(journal_size="1MiB")
    with server.query("insert:orders:id.eq.1", "insert:marker") as client:
        assert database.mark(client) == []
    before, number, rates = server.rss_kib(), 0, []
    deadline = time.monotonic() + SECONDS
    while number < 2 or time.monotonic() < deadline:
        rate, peak = storm(server, number * CLIENTS)
        rates.append(rate)
        number += 1
    if SECONDS:
        print(f"{number} storms of {CLIENTS}: {min(rates):.0f} to {max(rates):.0f} connects a"
              f" second, {before} KiB before, {peak} at the peak, {server.rss_kib()} after")
    if MEMORY_FACTOR == 1:
        assert peak > before + STAYS_KIB, "this storm is too small to show anything"
        wait_for(f"memory to be given back: {before} KiB before, {peak} at the peak",
                 lambda: server.rss_kib() < before + STAYS_KIB)
    with server.query("insert:orders:id.eq.5", "insert:marker") as client:
        database.run("INSERT INTO orders VALUES (5), (6)")
        assert len(database.mark(client)) == 1
