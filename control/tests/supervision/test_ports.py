"""Whether a port is free, and whose it is."""

import os
import socket

import pytest

from headgate_control.ports import PortError, check_port, find_free_port


def test_a_free_port_passes() -> None:
    check_port(find_free_port())


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_names_its_holder(address: str) -> None:
    with socket.socket() as server:
        server.bind((address, 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(PortError, match=f"port {port} is in use") as error:
            check_port(port)
    assert f"process {os.getpid()}" in error.value.where
    assert f"--port {port + 1}" in error.value.next_step


def test_localhost_by_ipv6_counts_too() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with server, pytest.raises(PortError, match="is in use"):
        check_port(server.getsockname()[1])


def test_a_port_that_just_closed_is_free() -> None:
    """Connections that linger in TIME_WAIT must not stop a restart."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()
    check_port(port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_numbers_that_are_no_port(port: int) -> None:
    with pytest.raises(PortError, match="is not a port"):
        check_port(port)
