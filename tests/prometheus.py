"""A real Prometheus."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.sinks.servers import Server, binary

Series = tuple[Mapping[str, str], float]  # labels and value


class Prometheus(Server):
    """With the `prometheus.yml` in this folder, and the files that it names."""

    def command(self) -> Sequence[str]:
        return [
            binary("prometheus"),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def answers(self) -> bool:
        try:
            return self.http.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **query: str) -> Any:
        answer = self.http.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """As of now, or of that instant [s since the epoch]."""
        when = {} if at is None else {"time": str(at)}
        found = self.ask("query", query=expression, **when)
        assert found["resultType"] == "vector", found
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]
