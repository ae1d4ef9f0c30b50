"""What would stop the system from working, found before anything is started."""

from __future__ import annotations

import ipaddress
import socket

import psutil

from pregao.domain.errors import InvalidInput
from pregao.settings import Settings


def check_api_port(settings: Settings) -> None:
    """Raise InvalidInput when API_HOST:API_PORT cannot be listened on, with who has it and what to do.

    Also when it would be open to other machines: without keys, whoever reaches the API may run jobs.
    """
    host, port = settings.api_host, settings.api_port
    if not (_is_loopback(host) or settings.allow_open_api):
        raise InvalidInput(
            "API_HOST", host, "would open the API to other machines, and it has no keys",
            "use 127.0.0.1 behind a proxy that asks who is there, or set PREGAO_ALLOW_OPEN_API=1",
        )  # fmt: skip
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise InvalidInput("API_HOST", host, f"is no address here ({error.strerror})", "use 127.0.0.1") from None
    except PermissionError:
        raise InvalidInput("API_PORT", port, "is reserved for root", "use a port above 1023") from None
    except OSError:
        raise InvalidInput(
            "API_PORT", port, f"is taken{_holder(port)}", f"stop that program, or choose another: API_PORT={port + 1}"
        ) from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _holder(port: int) -> str:
    """` by NAME (process PID)` when the system tells us who listens on `port`."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return (
                    f" by {psutil.Process(connection.pid).name()} (process {connection.pid})" if connection.pid else ""
                )
    except psutil.Error:
        pass  # not ours to see: the message does without
    return ""
