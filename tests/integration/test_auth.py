# SPDX-License-Identifier: Apache-2.0
"""Who may ask: the original's admin header, its signed cookie and the owner checks."""
import base64
import hashlib
import hmac
import json
import urllib.parse

import pytest

from support.pgcdc import Pgcdc
from support.websocket import Refused

COOKIE_SECRET = "0123456789abcdef" * 4
ADMIN_SECRET = "an administrator's secret of forty bytes"
USER = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
OTHER = "b1eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
HOST, FOREIGN_HOST = "c0ffee00-0000-4000-8000-000000000001", "c0ffee00-0000-4000-8000-000000000002"
KNOWN_ANSWER = 'fwgDUpnOKxojztP+WeiTdmUm/MsuDCWi+SVno5qrcZg={"user_id":"' + USER + '"}'
DENIED = "protected resource, you are not authorized"


def sign(value, secret=COOKIE_SECRET):
    digest = hmac.new(secret.encode()[:32], value.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode() + value


def cookie(user=USER, **more):
    return [("Cookie", "theme=dark; SP-CKS=" + urllib.parse.quote(sign(json.dumps({"user_id": user}))))]


@pytest.fixture(scope="module")
def server(scratch, postgres):
    postgres.psql("CREATE DATABASE owners; CREATE DATABASE guarded")
    postgres.psql(f"""CREATE TABLE apikeys (id serial PRIMARY KEY, key varchar(60),
                        host_uuid uuid, customer_id uuid);
                      INSERT INTO apikeys (key, host_uuid, customer_id) VALUES
                        ('mine', '{HOST}', '{USER}'), ('mine2', NULL, '{USER}'),
                        ('theirs', '{FOREIGN_HOST}', '{OTHER}')""", "owners")
    postgres.psql("""CREATE TABLE alerts (id int PRIMARY KEY, host_uuid uuid, uuid uuid,
                       customer_id uuid, key text, note text)""", "guarded")
    with Pgcdc(scratch, postgres.url("guarded"), cookie_secret=COOKIE_SECRET,
               admin_secret=ADMIN_SECRET, auth_database_url=postgres.url("owners")) as made:
        yield made
        for secret in (COOKIE_SECRET, ADMIN_SECRET, COOKIE_SECRET[:32]):
            assert secret not in made.log()  # X8
    postgres.drop_database("owners")
    postgres.drop_database("guarded")


def status(server, query, headers):
    """101, or the status and words of the refusal."""
    try:
        server.query(query, headers=headers).drop()
        return 101, ""
    except Refused as refused:
        return refused.status, refused.body.strip()


def test_the_known_answer_is_what_we_sign():
    assert sign('{"user_id":"' + USER + '"}') == KNOWN_ANSWER


def test_the_admin_may_ask_anything(server):
    assert status(server, "*:alerts", [("SP-ADM", ADMIN_SECRET)])[0] == 101
    assert status(server, "*:alerts:key.eq.theirs", [("sp-adm", ADMIN_SECRET)])[0] == 101


@pytest.mark.parametrize("headers", [
    [], [("SP-ADM", "")], [("SP-ADM", ADMIN_SECRET[:-1])], [("SP-ADM", ADMIN_SECRET + "x")],
    [("SP-ADM", ADMIN_SECRET.upper())], [("Cookie", "")], [("Cookie", "SP-CKS=")],
    [("Cookie", "SP-CKS=" + KNOWN_ANSWER[:43])],
    [("Cookie", "SP-CKS=" + KNOWN_ANSWER.replace("+", "-").replace("/", "_"))],
    [("Cookie", "SP-CKS=" + KNOWN_ANSWER.replace("Zg=", "Zh="))],
    [("Cookie", "SP-CKS=" + KNOWN_ANSWER.replace(USER, OTHER))],
    [("Cookie", "OTHER=" + KNOWN_ANSWER)],
    [("Cookie", "SP-CKS=" + sign('{"user_id":"' + USER + '"}', "f" * 64))],
], ids=lambda headers: (headers[0][0] + " " + headers[0][1][:20]) if headers else "none")
def test_without_credentials_it_is_401(server, headers):
    assert status(server, f"*:alerts:customer_id.eq.{USER}", headers)[0] == 401


@pytest.mark.parametrize("query, expected", [
    (f"*:alerts:customer_id.eq.{USER}", 101),
    (f"*:alerts:customer_id.eq.{OTHER}", 401),
    (f"*:alerts:host_uuid.eq.{HOST}", 101),
    (f"*:alerts:uuid.eq.{HOST}", 101),
    (f"*:alerts:host_uuid.eq.{FOREIGN_HOST}", 401),
    (f"*:alerts:host_uuid.in.{HOST},{FOREIGN_HOST}", 401),
    (f"*:alerts:host_uuid.in.({HOST},{HOST})", 101),
    ("*:alerts:key.eq.mine", 101),
    ("*:alerts:key.in.mine,mine2", 101),
    ("*:alerts:key.in.mine,theirs", 401),
    ("*:alerts:key.eq.theirs", 401),
    ("*:alerts:key.eq.mine' OR '1'='1", 401),
    (f"*:alerts:and(host_uuid.eq.{HOST},note.eq.x)", 101),
    (f"*:alerts:or(host_uuid.eq.{HOST},note.eq.x)", 401),
    (f"*:alerts:not.host_uuid.eq.{HOST}", 401),
    (f"*:alerts:host_uuid.neq.{HOST}", 401),
])
def test_a_cookie_user_gets_only_what_is_his(server, query, expected):
    """Every value is checked; a condition that may be untrue of a row proves nothing."""
    got, words = status(server, query, cookie())
    if expected == 401 and got == 400:  # no condition that could prove anything
        assert words == "invalid request"
    else:
        assert got == expected, words
        if got == 401:
            assert words == DENIED


def test_a_cookie_user_must_give_a_filter(server):
    assert status(server, "*:alerts", cookie()) == (400, "invalid request")
    assert status(server, "*:*", cookie())[0] in (400, 401)


def test_every_query_of_a_socket_is_checked(server):
    try:
        server.query("*:alerts:key.eq.mine", "*:alerts:key.eq.theirs", headers=cookie()).drop()
        raise AssertionError("let in")
    except Refused as refused:
        assert refused.status == 401


def test_a_cookie_as_the_original_signed_it(server):
    query = f"*:alerts:customer_id.eq.{USER}"
    for text in (KNOWN_ANSWER, urllib.parse.quote(KNOWN_ANSWER),
                 urllib.parse.quote(sign('{\\"user_id\\":\\"' + USER + '\\"}'))):
        assert status(server, query, [("Cookie", "SP-CKS=" + text)])[0] == 101, text
    doubled = "SP-CKS=" + KNOWN_ANSWER + "; SP-CKS=broken"
    assert status(server, query, [("Cookie", doubled)])[0] == 101  # the last verified one wins


@pytest.mark.parametrize("value", ["", "{}", "[]", '{"user_id":1}', '{"user_id":""}', "nonsense",
                                   '{"user_id":"' + "a" * 200 + '"}'])
def test_a_signed_cookie_that_names_nobody(server, value):
    headers = [("Cookie", "SP-CKS=" + urllib.parse.quote(sign(value)))]
    assert status(server, f"*:alerts:customer_id.eq.{USER}", headers)[0] in (400, 401)


def test_a_page_of_another_site_may_not_use_the_cookie(server):
    """X7."""
    query = f"*:alerts:customer_id.eq.{USER}"
    own = f"http://127.0.0.1:{server.port}"
    assert status(server, query, cookie() + [("Origin", own)])[0] == 101
    for origin in ("http://evil.example", "null", own.replace("http", "https"), own + "0", ""):
        assert status(server, query, cookie() + [("Origin", origin)])[0] == 403, origin
    assert status(server, query, [("SP-ADM", ADMIN_SECRET), ("Origin", "http://evil.example")])[0] == 101


def test_allowed_origins_are_listed(scratch, postgres):
    query = f"*:marker:id.eq.1"
    with Pgcdc(scratch, postgres.url(), cookie_secret=COOKIE_SECRET,
               auth_database_url=postgres.url(),
               allowed_origins="https://app.example.com, http://localhost:3000") as made:
        for origin, expected in (("https://app.example.com", 401), ("http://localhost:3000", 401),
                                 ("https://evil.example.com", 403)):
            got, words = status(made, query, cookie() + [("Origin", origin)])
            assert got == expected or (expected == 401 and words == "invalid request")


def test_owner_answers_are_remembered(scratch, postgres, server):
    """Positive answers count for an hour, so that the auth database is asked once."""
    query = "*:alerts:key.eq.once"
    postgres.psql(f"INSERT INTO apikeys (key, customer_id) VALUES ('once', '{USER}')", "owners")
    with Pgcdc(scratch, postgres.url("guarded"), workers="1", cookie_secret=COOKIE_SECRET,
               auth_database_url=postgres.url("owners")) as made:
        assert status(made, query, cookie())[0] == 101
        postgres.psql("DELETE FROM apikeys WHERE key = 'once'", "owners")
        for _ in range(8):
            assert status(made, query, cookie())[0] == 101
    assert status(server, query, cookie())[0] == 401  # who has never asked is told the truth


def test_auth_none_switches_it_off(scratch, postgres):
    with Pgcdc(scratch, postgres.url(), auth="none", admin_secret=ADMIN_SECRET) as made:
        assert status(made, "*:marker", [])[0] == 101


def test_an_auth_database_that_is_away_is_503(scratch, postgres):
    """Nobody is let in because nobody could be asked."""
    with Pgcdc(scratch, postgres.url(),
               cookie_secret=COOKIE_SECRET,
               auth_database_url="postgres://nobody@127.0.0.1:1/none") as made:
        postgres.psql("CREATE TABLE IF NOT EXISTS keyed (id int PRIMARY KEY, key text)")
        got, _ = status(made, "*:keyed:key.eq.mine", cookie())
        assert got == 503
        postgres.psql("DROP TABLE keyed")
