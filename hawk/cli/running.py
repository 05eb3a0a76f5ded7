"""The service that runs on this data folder, asked over HTTP."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hawk.config.load import load
from hawk.errors import ConfigurationError, HawkError

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
    def __init__(self, data: Path, url: str, token: str) -> None:
        self._data, self._url, self._token = data, url, token

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
        request = urllib.request.Request(  # noqa: S310  # http, from run.json
            self._url + path,
            data=body,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/vnd.api+json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  # the same
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
        chosen = load(data / "system.json", os.environ).settings.api.token.get_secret_value()
        token = chosen or (data / "api-token").read_text().strip()
    except PermissionError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be read: run this as the user that the service runs as, or with sudo."
        ) from None
    except (OSError, ValueError):
        raise NoService(f"No service runs on {data}: start it with 'hawk serve --data {data}'.") from None
    return Running(data, run["url"].replace("//0.0.0.0:", "//127.0.0.1:"), token)


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        first = json.loads(error.read())["errors"][0]
        return Refused(first["code"], first["detail"], first.get("source", {}).get("pointer", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return Refused("failed", f"the service answered {error.code}")
