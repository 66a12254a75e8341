"""Cut the network off for any Python that has this folder on its PYTHONPATH.

Python imports `sitecustomize` when it starts. From then on an attempt to reach any
address but this machine's own raises `NetworkIsOff`, which names the address. Loopback
stays open, as Jupyter talks to its kernel over it. An audit hook cannot be removed, so
no code that runs later can switch the network on again.
"""

import ipaddress
import os
import socket
import sys

# The harness points the proxy variables here, so that child programs that are not
# Python (curl, git) find no way out either.
DEAD_PORT = 9


class NetworkIsOff(OSError):
    """A notebook tried to reach the network while the tests had cut it off."""


def _is_local(host):
    """Whether `host` (a name, an address, bytes or None) is this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(host, port):
    raise NetworkIsOff(
        f"the network is off in this test, and the code asked for {host}:{port}; "
        "a chapter must run without it"
    )


def _guard(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = args[0], args[1]
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not address:
            return
        if not _is_local(address[0]) or address[1] == DEAD_PORT:
            _refuse(*address[:2])
    elif event == "socket.getaddrinfo":
        if not _is_local(args[0]):
            _refuse(*args[:2])
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr") and not _is_local(
        args[0]
    ):
        _refuse(args[0], "?")


sys.addaudithook(_guard)
os.environ["DLBOOK_NETWORK"] = "off"
