"""The service that runs on this data folder, asked over HTTP."""

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hawk.config.load import load
from hawk.errors import ConfigurationError, HawkError

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for
PATIENCE = 350.0  # [s] a device may have to be waited for


class NoService(HawkError):
    code = "no_service"


class Refused(HawkError):
    """What the service said; its code and words, and the place in what was sent, if it is about one."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.said, self.pointer = code, pointer

    @property
    def outcome(self) -> str:
        return self.said


class Running:
    def __init__(self, data: Path, url: str, token: str, context: ssl.SSLContext | None = None) -> None:
        self._data, self._url, self._token, self._context = data, url, token, context

    def ask(self, method: str, path: str, document: object = None) -> Any:
        """The document of the answer; None if it has none. Raises Refused or NoService."""
        body = None if document is None else json.dumps(document).encode()
        with self._answer(method, path, body) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def lines(self, path: str) -> Iterator[bytes]:
        """As they come. Raises Refused or NoService, this also when the service stops meanwhile."""
        with self._answer("GET", path, None) as answer:
            yield from answer

    @contextmanager
    def _answer(self, method: str, path: str, body: bytes | None) -> Iterator[Any]:
        request = urllib.request.Request(  # noqa: S310  # http or https, from run.json
            self._url + path,
            data=body,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/vnd.api+json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(  # noqa: S310  # the same
                request, timeout=PATIENCE, context=self._context
            ) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise NoService(
                f"The service on {self._data} does not answer at {self._url} ({error}): is it still running?"
            ) from None


def find(data: Path) -> Running:
    """Raises NoService, and ConfigurationError for settings that are wrong or files that cannot be read."""
    try:
        run = json.loads((data / "run.json").read_text())
        api = load(data / "system.json", os.environ).settings.api
        token = api.token.get_secret_value() or (data / "api-token").read_text().strip()
        context = _only_with(api.cert_file) if run["url"].startswith("https:") else None
    except PermissionError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be read: run this as the user that the service runs as, or with sudo."
        ) from None
    except (OSError, ValueError):
        raise NoService(f"No service runs on {data}: start it with 'hawk serve --data {data}'.") from None
    return Running(data, run["url"], token, context)


def _only_with(cert_file: str) -> ssl.SSLContext:
    """The token is shown to whoever has this very certificate, by whatever name and however old it is.

    Raises ConfigurationError and OSError.
    """
    if not cert_file:
        raise ConfigurationError(
            "The service speaks https, and api.cert_file is not set here: set BATTERYHAWK_API_CERT_FILE as it has it."
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    context.load_verify_locations(cert_file)
    return context


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        first = json.loads(error.read())["errors"][0]
        return Refused(first["code"], first["detail"], first.get("source", {}).get("pointer", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return Refused("failed", f"the service answered {error.code}")
