"""Where the API is entered: its socket, and its certificate. Both follow the settings, and what does not work changes
nothing.
"""

import logging
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hawk.config.schema import Api
from hawk.errors import ConfigurationError, PortTaken
from hawk.listening import open_socket
from hawk.web.certificate import Certificate, WrongCertificate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """As the settings say it."""

    host: str
    port: int
    cert_file: str
    key_file: str

    @classmethod
    def of(cls, api: Api) -> Self:
        return cls(api.host, api.port, api.cert_file, api.key_file)

    def certificate(self) -> Certificate | None:
        """Raises WrongCertificate."""
        if self.key_file and not self.cert_file:
            raise WrongCertificate("key_file", self.key_file, "is of no use without api.cert_file")
        return Certificate(self.cert_file, self.key_file) if self.cert_file else None


@dataclass(frozen=True, slots=True)
class EntranceMoved:
    """On the bus: the API is reached somewhere else."""


class Entrance:
    """It belongs to the process: a restarted actor finds it as it was."""

    def __init__(self, api: Api) -> None:
        """Raises PortTaken and ConfigurationError."""
        self.place = Place.of(api)
        self.certificate = self.place.certificate()
        self.listener = open_socket(api.host, api.port)
        self._at_work = threading.Lock()  # one who asked may have gone meanwhile
        self.problem: str | None = None  # why it is not as the settings want it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.close()

    def look(self, api: Api) -> None:
        """Follows the settings, to another `place`, and the files of the certificate. Blocks. To be called again
        and again: what does not work now may do so later.
        """
        wanted = Place.of(api)
        try:
            with self._at_work:
                if wanted != self.place:
                    self._move(wanted)
                elif self.certificate is not None:
                    self.certificate.look()
        except (PortTaken, ConfigurationError) as error:
            self._complain(str(error))
        else:
            self.problem = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def address(self) -> str:
        host, port = self.listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def url(self) -> str:
        """How the service is reached from this machine."""
        host, port = self.listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # all of them
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def _move(self, wanted: Place) -> None:
        """What is new is there before what was is given up. Raises PortTaken and ConfigurationError."""
        certificate, before = wanted.certificate(), self.listener
        if (wanted.host, wanted.port) != (self.place.host, self.place.port):
            self.listener = open_socket(wanted.host, wanted.port, beside=before)
            before.close()
        self.certificate, self.place = certificate, wanted
        log.info("the API is at %s from now on", self.url)

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.error("the API stays at %s until this is mended: %s", self.url, problem)
        self.problem = problem
