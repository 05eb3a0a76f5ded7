"""Debian's real PostgreSQL server, on a free port of the loopback, with its data in a folder of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from tests.service import wait_until
from tests.sinks.servers import free_port

ADMIN = "admin"  # the superuser; its password is the same
USER, PASSWORD = "hawk", "s3cr3t"
_SETTINGS = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "16MB",
    "max_connections": "20", "fsync": "off",  # what is killed here are processes, not the machine
}  # fmt: skip


def binaries() -> Path:
    """Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    with_server = [path for path in found if (path / "postgres").exists()]
    if with_server:
        return with_server[-1]
    postgres = shutil.which("postgres")
    assert postgres, "the tests need PostgreSQL: apt-get install --no-install-recommends postgresql"
    return Path(postgres).parent


class Postgres:
    """Starts and ends it, as often as it is wanted; the data stays until `close`."""

    def __init__(self, certificate: str = "", key: str = "") -> None:
        """With a certificate (and its key, both as PEM) it encrypts for whoever wants it."""
        self._settings = dict(_SETTINGS)
        self._folder = Path(tempfile.mkdtemp(prefix="hawk-postgres-"))
        self._folder.chmod(0o755)
        self._as_other: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to run as root
            self._as_other = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self._folder, "postgres", "postgres")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._make()
        if certificate:
            self._settings |= {
                "ssl": "on",
                "ssl_cert_file": str(self.file("server.crt", certificate)),
                "ssl_key_file": str(self.file("server.key", key)),
            }

    def _make(self) -> None:
        password = self.file("password", ADMIN)
        command = [
            str(binaries() / "initdb"), "-D", str(self.data), "-U", ADMIN, f"--pwfile={password}", "--no-sync",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._as_other)

    @property
    def data(self) -> Path:
        return self._folder / "data"

    def file(self, name: str, content: str) -> Path:
        """One that the server may read, and nobody else."""
        path = self._folder / name
        path.write_text(content)
        path.chmod(0o600)
        if self._as_other:
            shutil.chown(path, "postgres", "postgres")
        return path

    def start(self) -> None:
        options = [f"-c{key}={value}" for key, value in self._settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", self.data, f"-p{self.port}", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._as_other,
            )  # fmt: skip
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        for _ in range(200):
            with contextlib.suppress(psycopg.OperationalError):
                self.admin().close()
                return
            assert self._process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(self.log())

    def log(self) -> str:
        return (self._folder / "log").read_text()

    # -- ending ------------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Ends all sessions (what `pg_ctl stop -m fast` does)."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Ends itself at once, without writing anything (`pg_ctl stop -m immediate`)."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """SIGKILL for each of its processes."""
        assert self._process is not None
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(30)
        wait_until(lambda: all(map(_is_over, family)))
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Connections stay open, and nothing answers."""
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            yield
        finally:
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.crash()
        shutil.rmtree(self._folder)

    # -- databases ---------------------------------------------------------------------------

    def url(self, name: str, user: str = USER, password: str = PASSWORD, host: str = "127.0.0.1") -> str:
        return f"postgresql://{user}:{password}@{host}:{self.port}/{name}"

    def admin(self, name: str = "postgres") -> "psycopg.Connection[Any]":
        return psycopg.connect(self.url(name, ADMIN, ADMIN), autocommit=True)

    def make_user(self) -> None:
        with self.admin() as admin:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(USER), PASSWORD))

    def make_database(self, name: str, owner: str = USER, encoding: str = "UTF8") -> None:
        command = "CREATE DATABASE {} OWNER {} ENCODING {} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        with self.admin() as admin:
            admin.execute(sql.SQL(command).format(sql.Identifier(name), sql.Identifier(owner), encoding))

    def query(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        with self.admin(name) as admin:
            found = admin.execute(statement.encode())
            return found.fetchall() if found.description else []


@contextlib.contextmanager
def running(certificate: str = "", key: str = "") -> Iterator[Postgres]:
    """With the user that the service is."""
    server = Postgres(certificate, key)
    try:
        server.start()
        server.make_user()
        yield server
    finally:
        server.close()


def _is_over(process: psutil.Process) -> bool:
    """A zombie is: whoever inherited it may take its time to notice."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
