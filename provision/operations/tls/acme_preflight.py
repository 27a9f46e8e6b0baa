"""What an ACME authority will do, done first from the controller: find each name, fetch a file from its port 80.

A failed attempt counts against the authority's rate limits; this one costs nothing.
"""

import errno
import http.client
import socket
from collections.abc import Container

TIMEOUT_S = 10
NO_WAY = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EHOSTUNREACH, errno.EAFNOSUPPORT)


def addresses(name: str) -> list[str]:
    """All addresses that DNS gives for `name`, IPv6 ones too."""
    try:
        found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(each[4][0]) for each in found})


def fetch(name: str, address: str, path: str) -> tuple[int, str]:
    """Status and the start of the body of http://name/path, asked of `address`. Raises OSError, HTTPException."""
    connection = http.client.HTTPConnection(address, 80, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": name, "User-Agent": "harvest-preflight"})
        answer = connection.getresponse()
        return answer.status, answer.read(4096).decode(errors="replace").strip()
    finally:
        connection.close()


def trouble(name: str, path: str, token: str, own: Container[str] = ()) -> str:
    """Why an authority could not prove that `name` is this host, in one sentence; "" if it could.

    An address family that this machine has no way to is skipped, as long as another one answers. What is known to be
    the host's `own` address need not answer yet.
    """
    found = addresses(name)
    if not found:
        return f"{name} does not resolve: make a DNS record for it that points to this host."
    reached, no_way = False, ""
    for address in found:
        try:
            status, body = fetch(name, address, path)
        except OSError as error:
            if error.errno in NO_WAY and ":" in address:
                no_way = (
                    f"{name} resolves to {address}, which cannot be reached from here ({error.strerror})."
                )
                continue
            if address in own:
                reached = True
                continue
            return (
                f"{name} resolves to {address}, whose port 80 cannot be reached ({error}): "
                "open it in every firewall in between."
            )
        except http.client.HTTPException as error:
            return (
                f"{name} resolves to {address}, whose port 80 does not speak HTTP ({type(error).__name__})."
            )
        if (status, body) != (200, token):
            return (
                f"{name} resolves to {address}, which is another host or another site (it answered {status}): "
                "correct the DNS record."
            )
        reached = True
    return "" if reached else no_way
