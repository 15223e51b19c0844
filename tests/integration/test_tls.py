# SPDX-License-Identifier: Apache-2.0
"""TLS to clients (https, key_priv, key_cert) and to PostgreSQL (database_tls, sslmode)."""
import contextlib
import shutil
import signal
import socket as sockets
import ssl
import subprocess
import time

import pytest

from support.patience import PATIENCE, promised, wait_for
from support.pgcdc import Pgcdc, run
from support.tls import RSA_3072, context, make_certificate
from support.websocket import Stream, WebSocket


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(scratch, postgres, certificate):
    key, cert = certificate
    with Pgcdc(scratch, postgres.url(), tls=context(certificate), https="true",
               key_priv=str(key), key_cert=str(cert)) as made:
        yield made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_messages_over_tls(postgres, server, certificate, version):
    with WebSocket("127.0.0.1", server.port, "/ws?query=insert:marker",
                   tls=context(certificate, version, version)) as socket:
        assert socket.stream.socket.version() == version.name.replace("v1_", "v1.")
        number = 2000000 + version.value
        postgres.psql(f"INSERT INTO marker VALUES ({number})")
        assert socket.message()["columnvalues"] == [number]


def test_many_messages_over_tls(postgres, server):
    """Records that are cut and buffers that are full."""
    postgres.psql("DROP TABLE IF EXISTS wide; CREATE TABLE wide (id int PRIMARY KEY, body text)")
    with server.query("insert:wide") as socket:
        for first in range(1, 301, 30):
            postgres.psql("INSERT INTO wide SELECT n, repeat(n::text, 20000)"
                          f" FROM generate_series({first}, {first + 29}) n")
            for number in range(first, first + 30):
                assert socket.message()["columnvalues"] == [number, str(number) * 20000]
    postgres.psql("DROP TABLE wide")


def test_plain_http_on_the_tls_port_ends(server):
    raw = sockets.create_connection(("127.0.0.1", server.port), PATIENCE)
    raw.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
    try:
        assert b"zpour" not in raw.recv(1000)
    except ConnectionError:
        pass
    raw.close()
    assert server.get("/ping").body == "zpour"


def test_old_tls_is_refused(server):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_1",
                           "-cipher", "ALL:@SECLEVEL=0"], input=b"", capture_output=True, check=False)
    assert done.returncode != 0


def test_only_ciphers_with_authentication_are_offered(server):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2",
                           "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"],
                          input=b"", capture_output=True, check=False)
    assert done.returncode != 0


def test_half_a_handshake_harms_nobody(server):
    """F33, F41: a hello that never ends is closed within 10 s."""
    begin = time.monotonic()
    raw = [sockets.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(20)]
    for one in raw:
        one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert server.get("/ping").body == "zpour"
    for one in raw:
        one.settimeout(promised(14))
        try:
            while one.recv(100):
                pass
        except ConnectionError:
            pass
        one.close()
    assert time.monotonic() - begin < promised(14)


def test_the_kernel_encrypts_where_it_can(scratch, postgres, certificate):
    """ktls is a wish: the log says whether it came true, and every client is served."""
    with Pgcdc(scratch, postgres.url(), tls=context(certificate), https="true", ktls="true",
               key_priv=str(certificate[0]), key_cert=str(certificate[1])) as server:
        has_kernel = server.wait_log("ktls: the kernel('s module tls is not loaded)?")[1] is None
        with server.query("insert:marker") as socket:
            postgres.psql("INSERT INTO marker VALUES (3000000)")
            assert socket.message()["columnvalues"] == [3000000]
        assert (server.metric("pgcdc_tls_kernel_total") > 0) == has_kernel


def say_hello(context_of_all, port):
    """A connection whose ClientHello is sent, and which waits for the server."""
    raw = sockets.create_connection(("127.0.0.1", port), PATIENCE)
    talk = context_of_all.wrap_socket(raw, server_hostname="localhost",
                                      do_handshake_on_connect=False)
    talk.setblocking(False)
    with contextlib.suppress(ssl.SSLWantReadError):
        talk.do_handshake()
    return talk


def test_many_hellos_at_once_take_turns(scratch, postgres, tmp_path):
    """The server wakes up to 150 hellos, 50 of whose senders have gone: 0.2 s of signatures."""
    key, cert = make_certificate(tmp_path, key_type=RSA_3072)
    asking = context((key, cert))
    with Pgcdc(scratch, postgres.url(), tls=asking, https="true", key_priv=str(key),
               key_cert=str(cert), workers="1") as server:
        live = server.query("insert:marker")
        server.process.send_signal(signal.SIGSTOP)
        given_up = [say_hello(asking, server.port) for _ in range(50)]
        waiting = [say_hello(asking, server.port) for _ in range(100)]
        for one in given_up:
            one.close()
        server.process.send_signal(signal.SIGCONT)
        postgres.psql("INSERT INTO marker VALUES (4000000)")
        for one in waiting:  # all of them within the time that a handshake may take
            one.settimeout(PATIENCE)
            one.do_handshake()
            one.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert live.message()["columnvalues"] == [4000000]
        for one in waiting:
            assert Stream(one).reply().body == "zpour"
            one.close()
        live.drop()
        assert server.metric("pgcdc_tls_full_turns_total") > 5
        wait_for("them to be counted", lambda: server.metric("pgcdc_tls_failures_total") >= 50)


def test_a_missing_key_is_a_configuration_error(certificate, tmp_path):
    done = run("--check-config", "--set", "https=true", "--set", f'key_priv={tmp_path}/none',
               "--set", f'key_cert={certificate[1]}')
    assert done.returncode == 78 and "key_priv" in done.stderr


@pytest.fixture
def tls_postgres(own_postgres, certificate):
    cluster = own_postgres(ssl="on")
    for source, name in zip(certificate, ("server.key", "server.crt")):
        target = cluster.data / name
        shutil.copy(source, target)
        target.chmod(0o600)
        if cluster.user:
            shutil.chown(target, *cluster.user)
    (cluster.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all trust\n"
                                              "hostssl replication all all trust\n")
    return cluster.start()


def test_tls_to_postgresql(scratch, tls_postgres, certificate):
    url = tls_postgres.tcp_url()
    for server in (Pgcdc(scratch, f"{url}?sslmode=verify-full&sslrootcert={certificate[1]}"),
                   Pgcdc(scratch, None, database_host="127.0.0.1", database_tls="true",
                         database_port=str(tls_postgres.port), database_dbname="postgres",
                         database_user="postgres")):
        with server:
            rows = tls_postgres.psql("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity"
                                     " USING (pid) WHERE application_name LIKE 'pgcdc%'")
            assert rows.strip() == "t"


def test_without_tls_such_a_server_is_refused_clearly(scratch, tls_postgres):
    server = Pgcdc(scratch, tls_postgres.tcp_url() + "?sslmode=disable").start(is_ready=False)
    server.wait_log("no encryption|pg_hba.conf")
    assert server.ready()[0] == 503
    assert server.end() == 0
