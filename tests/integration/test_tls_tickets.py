# SPDX-License-Identifier: Apache-2.0
"""Clients who return (session tickets), and files that are read again (SIGHUP)."""
import os
import re
import shutil
import signal
import ssl
import subprocess

import pytest

from support.pgcdc import Pgcdc, run
from support.tls import Visitor, context, make_certificate

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path)


@pytest.fixture
def start(pgcdc, certificate):
    """Starts servers with TLS."""
    def start_one(**settings):
        return pgcdc(tls=context(certificate), https="true", key_priv=str(certificate[0]),
                     key_cert=str(certificate[1]), **settings)
    return start_one


def reload(server, expected):
    """SIGHUP, and what it logs; the lines of earlier ones do not count."""
    seen = len(server.log())
    server.process.send_signal(signal.SIGHUP)
    server.wait_log(r"(?s)\A.{%d}.*?SIGHUP: %s" % (seen, expected), 60)


def test_a_ticket_is_good_at_every_worker(start, certificate):
    server = start(workers="4")
    resumed = server.metric("pgcdc_tls_resumed_total")
    for version in VERSIONS:
        visitor = Visitor(certificate, version)
        assert not visitor.visit(server.port)
        assert all([visitor.visit(server.port) for _ in range(16)])
    assert server.metric("pgcdc_tls_resumed_total") == resumed + 32
    assert server.metric("pgcdc_tls_handshakes_total") >= resumed + 34


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_file_tickets_end_with_the_process(start, certificate, version):
    first, second = start(), start()
    visitor = Visitor(certificate, version)
    visitor.visit(first.port)
    assert visitor.visit(first.port)
    assert not visitor.visit(second.port)


@pytest.mark.parametrize("version", VERSIONS)
def test_servers_with_the_same_file_share_tickets(start, certificate, tmp_path, version):
    """So they outlive a restart, and a stand-by takes them; an old secret opens until it is gone."""
    path = tmp_path / "ticket.key"
    path.write_text("the first secret, long enough to be one\n")
    server = start(ticket_key=str(path))
    visitor = Visitor(certificate, version)
    visitor.visit(server.port)
    server.end()
    other = start(ticket_key=str(path))
    assert visitor.visit(other.port)

    path.write_text("the second secret, also long enough\nthe first secret, long enough to be one\n")
    reload(other, str(certificate[1]))
    kept = visitor.session
    assert visitor.visit(other.port)

    path.write_text("the second secret, also long enough\n")
    reload(other, str(certificate[1]))
    assert visitor.visit(other.port)
    visitor.session = kept
    assert not visitor.visit(other.port)


def test_a_new_certificate_without_a_lost_connection(start, certificate, database, tmp_path):
    server = start()
    visitor = Visitor(certificate, ssl.TLSVersion.TLSv1_3)
    visitor.visit(server.port)
    with server.query("insert:marker") as socket:
        before = socket.stream.socket.getpeercert()
        renewed = make_certificate(tmp_path, "renewed")
        for source, target in zip(renewed, certificate):
            shutil.copy(source, target)
        reload(server, f"{certificate[1]} is in use")
        database.mark(socket)
        assert socket.stream.socket.getpeercert() == before
    assert visitor.visit(server.port)  # a ticket outlives the certificate
    server.tls = context(renewed)
    with server.query("insert:marker") as socket:
        assert dict(entry[0] for entry in socket.stream.socket.getpeercert()["subject"]) == {
            "commonName": "renewed"}
        database.mark(socket)

    for broken, reason in (("nothing of the kind", "no start line"), (None, "No such file")):
        certificate[1].write_text(broken) if broken else certificate[1].unlink()
        reload(server, f"nothing has changed: the certificate {certificate[1]} .*{reason}")
        with server.query("insert:marker") as socket:
            database.mark(socket)


def test_a_reload_without_tls_is_harmless(pgcdc):
    server = pgcdc()
    reload(server, "nothing to read again")
    assert server.get("/ping").body == "zpour"


def test_a_missing_ticket_key_is_a_configuration_error(certificate, tmp_path):
    done = run("--check-config", "--set", "https=true", "--set", f"key_priv={certificate[0]}",
               "--set", f"key_cert={certificate[1]}", "--set", f"ticket_key={tmp_path}/none")
    assert done.returncode == 78 and "ticket_key" in done.stderr


class Talk:
    """`openssl s_client`, which takes a line of one letter as a command.  What it says of the
    connection comes when it ends, what the server says at once."""

    def __init__(self, server, *arguments):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-crlf", "-servername",
             "unknown.example", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def say(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def hears(self, pattern):
        """Reads until the pattern has come (True), or the connection has ended."""
        while not re.search(pattern, self.said):
            got = os.read(self.process.stdout.fileno(), 1 << 16)
            if not got:
                return False
            self.said += got
        return True


PING = b"GET /ping HTTP/1.1\nHost: localhost\n\n"


def test_new_keys_yes_renegotiation_no(start):
    """F41, with a server name that nobody has."""
    server = start()
    with Talk(server, "-tls1_3") as client:
        for _ in range(3):
            client.said = b""
            client.say(b"K\n")
            assert client.hears(b"KEYUPDATE")
            client.say(PING)
            assert client.hears(b"zpour"), client.said
    with Talk(server, "-tls1_2") as client:
        client.say(b"R\n")
        assert not client.hears(b"zpour"), client.said
        assert b"no renegotiation" in client.said
    assert server.get("/ping").body == "zpour"
