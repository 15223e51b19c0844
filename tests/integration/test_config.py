# SPDX-License-Identifier: Apache-2.0
"""Flags, environment, file: what wins, what is refused, and in which words."""
import os
import re
import signal
import socket

import pytest

from support.pgcdc import Pgcdc, run
from support.ports import Port

ORIGINAL = """# The original's example file, as it is.
database_host = "localhost"
database_dbname = "speculare"
database_user = "speculare"
database_password = "pa55word"
database_tls = false
binding = "0.0.0.0:8080"
https = false
key_priv = "/etc/speculare/key.pem"
key_cert = "/etc/speculare/cert.pem"
cookie_secret = "64_CHARS_LONG_SECRET"
admin_secret = "64_CHARS_LONG_SECRET"
auth_database_url = "postgres://localhost/auth"
auth_database_max_connection = 10
"""


@pytest.fixture
def file(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "pgcdc.config"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return str(path)
    return write


def printed(*arguments, **environment):
    done = run(*arguments, "--print-config", **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_version_and_help():
    assert re.fullmatch(r"pgcdc \d+\.\d+\.\d+.*\n", run("--version").stdout)
    done = run("--help")
    assert done.returncode == 0 and "--check-config" in done.stdout


@pytest.mark.parametrize("arguments", [["--nonsense"], ["a", "b"], ["--set"], ["-c"],
                                       ["--set", "nokey"]])
def test_wrong_usage_is_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_the_originals_file_loads_as_it_is(file):
    done = run("-c", file(ORIGINAL), "--check-config")
    assert done.returncode == 0, done.stderr
    assert "64_CHARS_LONG_SECRET" not in done.stdout
    assert "cookie_secret" in done.stderr + done.stdout  # the warning: counts as not set


def test_flags_win_over_environment_over_file_over_defaults(file):
    path = file('workers = 3\npublication = "from_file"\nslot_name = "from_file"\n')
    text = printed("-c", path, "--set", 'publication=from_flag', PGCDC_SLOT_NAME="from_env",
                   PGCDC_PUBLICATION="from_env")
    assert re.search(r"workers = 3\b", text)
    assert 'publication = "from_flag"' in text and 'slot_name = "from_env"' in text
    assert re.search(r'plugin = "auto"', text)


def test_sizes_are_read(file):
    text = printed("--set", 'journal_size=64MiB')
    assert "67108864" in text or "64MiB" in text
    assert run("--set", 'journal_size=64 parsecs', "--check-config").returncode == 78


def test_times_are_read(file):
    assert 'batch_delay = "500us"' in printed("--set", "batch_delay=0.5ms")
    assert 'batch_delay = "0ms"' in printed("-c", file("batch_delay = 0\n"))
    done = run("--set", "batch_delay=1s", "--check-config")
    assert done.returncode == 78 and "0ms to 5ms" in done.stderr


def test_secrets_are_never_printed(file, tmp_path):
    secret = "s3cr3t" * 12
    path = tmp_path / "secret"
    path.write_text(secret + "\n")
    path.chmod(0o600)
    outputs = [run("--print-config", "--set", f'cookie_secret={secret}', "--set",
                   f'database_password="{secret}"'),
               run("--print-config", PGCDC_ADMIN_SECRET_FILE=str(path)),
               run("--print-config", f"postgres://user:{secret}@localhost/db"),
               run("--check-config", "--set", f'admin_secret={secret}', "--set", "x=1")]
    for done in outputs:
        assert secret not in done.stdout + done.stderr


def test_all_mistakes_are_listed_each_with_its_place(file):
    path = file('binding = "0.0.0.0:99999"\nworkers = -1\nhttps = "maybe"\nplugin = "nonsense"\n'
                'wal2json_format = 3\nno_such_key = 1\nadmin_secret = "short"\n')
    done = run("-c", path, "--check-config")
    assert done.returncode == 78
    for line, key in enumerate(("binding", "workers", "https", "plugin", "wal2json_format",
                                "no_such_key", "admin_secret"), 1):
        assert re.search(rf"pgcdc\.config:{line}\b.*{key}", done.stderr), (key, done.stderr)
    for words in ("99999", "-1", "nonsense", "pgoutput", "32"):
        assert words in done.stderr


@pytest.mark.parametrize("text", [
    "workers = ", "workers = 1\nworkers = 2\n", "= 3\n", "{", 'binding = "a\n', "workers = 1e400",
    "workers = 99999999999999999999", "journal_size = 0", "journal_size = -5", b"\xff\xfe\x00",
    'binding = ""', "x" * 100, 'cookie_secret = "too short"', 'allowed_origins = "nonsense"',
    "https = true",
], ids=lambda text: repr(text)[:30])
def test_a_bad_file_is_78(file, text):
    done = run("-c", file(text), "--check-config")
    assert done.returncode == 78 and "pgcdc.config" in done.stderr, done


@pytest.mark.parametrize("text", ["\ufeffworkers = 2\n", "workers = 2\r\nhttps = false\r\n", "", "# x"],
                         ids=["BOM", "CRLF", "empty", "comment"])
def test_an_odd_file_is_taken_or_refused_clearly(file, text):
    done = run("-c", file(text), "--check-config")
    assert done.returncode == 0 or (done.returncode == 78 and "pgcdc.config" in done.stderr)


def test_a_missing_file_is_78(tmp_path):
    done = run("-c", str(tmp_path / "none"), "--check-config")
    assert done.returncode == 78 and "none" in done.stderr


def test_secrets_that_others_may_read_are_refused(file):
    done = run("-c", file('admin_secret = "' + "a" * 40 + '"\n', mode=0o644), "--check-config")
    if done.returncode == 0:  # a warning is enough where the original's files are 0644
        assert "read" in done.stderr


def test_an_unknown_key_is_a_warning_at_start(scratch, postgres, file):
    with Pgcdc(scratch, postgres.url(), ["-c", file("no_such_key = 1\n")]) as server:
        assert "no_such_key" in server.log()


def test_without_a_binding_it_listens_on_loopback_only(file):
    text = printed("postgres://localhost/x")
    assert "127.0.0.1:8080" in text
    assert "0.0.0.0:8080" in printed("--set", 'admin_secret="' + "a" * 40 + '"')


def test_an_open_server_without_authentication_warns(scratch, postgres):
    kept = Port()
    server = Pgcdc(scratch, postgres.url(), binding=f'0.0.0.0:{kept.number}')
    server.port = kept.number
    with server:
        assert re.search(r"warning.*auth", server.log())


def test_libpqs_own_settings_are_used(scratch, postgres):
    """PG* variables stand in for what is not configured."""
    with Pgcdc(scratch, None, environment={"PGHOST": str(postgres.home), "PGPORT": str(postgres.port),
                                           "PGUSER": "postgres", "PGDATABASE": "postgres"}) as server:
        assert server.metric("pgcdc_capture_up") == 1


def test_the_originals_keys_connect(scratch, postgres):
    with Pgcdc(scratch, None, database_host=str(postgres.home), database_port=str(postgres.port),
               database_dbname="postgres", database_user="postgres") as server:
        assert server.metric("pgcdc_capture_up") == 1


def test_a_closed_stderr_does_not_stop_it(scratch, postgres):
    """F42."""
    import subprocess
    from support.pgcdc import clean_environment, wait_for
    server = Pgcdc(scratch, postgres.url(), ["-v"])
    server.log_path.touch()
    server.process = subprocess.Popen(["sh", "-c", 'exec 2>&- >&-; exec "$@"', "sh", *server.command],
                                      env=clean_environment())
    scratch.note(server.process.pid)
    server.wait_ready()
    assert server.get("/ping").body == "zpour"
    assert server.end(signal.SIGTERM) == 0


def test_an_address_in_use_is_told_while_the_database_is_dialled():
    """The process ends in the middle of libpq's first attempt, in another thread: no abort."""
    with socket.socket() as taken, socket.socket() as database:
        for each in (taken, database):
            each.bind(("127.0.0.1", 0))
            each.listen(64)
        address = "127.0.0.1:{}".format(taken.getsockname()[1])
        for _ in range(20):
            done = run("--set", f"binding={address}", "--set", "workers=2",
                       "postgres://u@127.0.0.1:{}/d".format(database.getsockname()[1]))
            assert done.returncode == 1, done.stderr
            assert done.stderr.splitlines()[-1].endswith(
                f"cannot start: cannot listen on {address}: address already in use"), done.stderr
