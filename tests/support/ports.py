# SPDX-License-Identifier: Apache-2.0
"""Ports that nobody else takes between our choice and our server's bind.

A port that the kernel has given, and that was closed again, is anybody's: it gives it to the next
who asks, and as the near end to whoever connects somewhere.  So ours lie outside the range that it
gives from (ip_local_port_range), and a UDP socket bound to the same number, which hinders no TCP,
keeps the other processes of this suite away from it:

    self.kept = Port()        kept.number stays ours as long as the object lives
"""
import pathlib
import random
import socket

LOWEST, HIGHEST = 10000, 65535
GIVEN = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def choices():
    """The numbers to choose from: those that the kernel does not give, where there are enough."""
    try:
        first, last = map(int, GIVEN.read_text().split())
    except (OSError, ValueError):
        first, last = 32768, 60999
    outside = [*range(LOWEST, min(first, HIGHEST)), *range(max(last + 1, LOWEST), HIGHEST)]
    return outside if len(outside) >= 1000 else range(LOWEST, HIGHEST)


def is_unused(number):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", number))
        except OSError:
            return False
    return True


class Port:
    def __init__(self):
        numbers = choices()
        for _ in range(1000):
            number = random.SystemRandom().choice(numbers)
            token = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                token.bind(("127.0.0.1", number))
            except OSError:
                token.close()
                continue
            if is_unused(number):
                self.number, self.token = number, token
                return
            token.close()
        raise RuntimeError("no port is free")
