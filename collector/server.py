"""Listen: for `serve` until it is stopped, for `inspect-here` beside its own work."""

import logging
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from checks.api import Text
from collector.errors import CannotServe, Unusable

_START_SECONDS = 15.0
_OTHER_FILES = 200


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raise CannotServe if the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CannotServe(
            Text(
                f"无法监听 {host}:{port}：{error.strerror}。请用 --port 换一个端口，"
                "或停止占用它的程序。",
                f"Can't listen on {host}:{port}: {error.strerror}. Choose another port with "
                "--port, or stop what uses this one.",
            )
        ) from error
    return listener


@dataclass(frozen=True)
class Encryption:
    """Certificate chain and private key of the server, PEM files."""

    certificate: Path
    key: Path


def usable_encryption(certificate: Path, key: Path) -> Encryption:
    """Return the two files for TLS. Raise Unusable if they can't be used together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:  # SSLError is one, too
        what = error.strerror or str(error)
        raise Unusable(
            Text(
                f"证书 {certificate} 与私钥 {key} 无法使用：{what}。",
                f"The certificate {certificate} and the key {key} can't be used: {what}.",
            )
        ) from error
    return Encryption(certificate, key)


def serve(app: FastAPI, listener: socket.socket, encryption: Encryption | None = None) -> None:
    """Serve until the process is told to stop."""
    _allow_connections()
    uvicorn.Server(configuration(app, encryption)).run(sockets=[listener])


def _allow_connections() -> None:
    """Ask for as many open files as there may be connections; the usual limit is 1,024."""
    if sys.platform != "win32":
        import resource

        from collector.protocol import HARD_MOST_CONNECTIONS

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = HARD_MOST_CONNECTIONS + _OTHER_FILES
        if soft != resource.RLIM_INFINITY and soft < wanted:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve on a free loopback port while the block runs; give the URL.

    Raise CannotServe if the server does not come up.
    """
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(configuration(app))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="collector", daemon=True
    )
    thread.start()
    waited = threading.Event()
    seconds = 0.0
    while not server.started:
        if not thread.is_alive() or seconds > _START_SECONDS:
            raise CannotServe(
                Text(
                    "采集端未能在回环地址上启动。",
                    "The collector did not start on the loopback address.",
                )
            )
        waited.wait(0.02)
        seconds += 0.02
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def configuration(app: FastAPI, encryption: Encryption | None = None) -> uvicorn.Config:
    """Return how uvicorn runs here: nothing told about itself, no proxy trusted, no access log."""
    return uvicorn.Config(
        app,
        http=_protocol(),
        ws="none",
        # Nothing that a stranger sends is worth a line: only defects are.
        log_level=logging.ERROR,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        ssl_certfile=encryption.certificate if encryption else None,
        ssl_keyfile=encryption.key if encryption else None,
    )


def _protocol() -> Any:  # noqa: ANN401 - uvicorn takes a name or a class
    """Return what speaks HTTP; without httptools it is uvicorn's own, without our bounds."""
    if sys.platform == "win32":
        return "h11"
    from collector.protocol import BoundedProtocol

    return BoundedProtocol
