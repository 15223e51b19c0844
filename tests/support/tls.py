# SPDX-License-Identifier: Apache-2.0
"""Certificates made for one run, and clients that trust them."""
import socket as sockets
import ssl
import subprocess

from support.patience import PATIENCE
from support.websocket import Stream


EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
RSA_3072 = ["-newkey", "rsa:3072"]  # whose signature costs a millisecond or two


def make_certificate(place, name="localhost", key_type=EC):
    """(key, certificate): PEM files of localhost, signed by itself."""
    key, cert = place / f"{name}.key.pem", place / f"{name}.cert.pem"
    subprocess.run(["openssl", "req", "-x509", *key_type, "-nodes", "-keyout", str(key), "-out", str(cert),
                    "-days", "2", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return key, cert


def context(certificate, newest=None, oldest=None):
    made = ssl.create_default_context(cafile=str(certificate[1]))
    if newest:
        made.maximum_version = newest
    if oldest:
        made.minimum_version = oldest
    return made


class Visitor:
    """One client who comes and goes, and keeps the latest session ticket."""

    def __init__(self, certificate, version):
        self.context, self.session = context(certificate, version, version), None

    def visit(self, port):
        """Asks /ping over a new connection; was the ticket taken?"""
        raw = sockets.create_connection(("127.0.0.1", port), PATIENCE)
        with self.context.wrap_socket(raw, server_hostname="localhost",
                                      session=self.session) as talk:
            talk.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert Stream(talk).reply().body == "zpour"
            self.session = talk.session
            return talk.session_reused
