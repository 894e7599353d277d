"""A TCP server in front of a unix socket that cuts every connection once so many bytes have come back through it."""

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self


class CuttingProxy:
    """Listens on a free port of 127.0.0.1 while the block runs.

    Args:
        target: the unix socket; it need not exist before the first connection.
        cut_after: bytes from the target, over all connections, after which everything is cut.
    """

    def __init__(self, target: Path, *, cut_after: int) -> None:
        self.cut_after = cut_after
        self.passed = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []

    @property
    def has_cut(self) -> bool:
        return self.passed >= self.cut_after

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._target))
                self._open += [client, server]
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(8192):
                if counts:
                    self.passed += len(data)
                if self.has_cut:
                    break
                sink.sendall(data)
        if self.has_cut:
            self._cut()

    def _cut(self) -> None:
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
