"""`python -m hawk.config.reference` writes docs/settings.md from the schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hawk.config.schema import Settings

PAGE = Path("docs/settings.md")

_HEAD = """# Settings

Written from the schema by `python -m hawk.config.reference`; do not edit by hand.

In `system.json` of the data folder, `{"version": "1.0", "api": {"port": 8080}}`, or in the environment as
`BATTERYHAWK_<SECTION>_<KEY>`, `BATTERYHAWK_API_PORT=8080`, which wins. There lists are comma separated or JSON, and an
empty variable counts as not set; in the file a number is a number (`"3"` and `true` are none). The file may be
[edited by hand](files.md) at any time.
A secret can come from a file: `BATTERYHAWK_API_TOKEN_FILE=/run/secrets/token`, which is read at the start and
whenever `system.json` changes.
All that is wrong is said at once, and nothing is overwritten. Sections for things that are not there yet (see
the changelog) are accepted and kept.

```
hawk config show [--defaults]             # all of them, secrets as ***
hawk config explain mqtt.qos              # what it means, what it may be, what it is and where that comes from
hawk config get polling                   # one, or a section
hawk config set polling.interval 600      # "" takes it out of the file; - reads it from stdin, for secrets
hawk config check [FILE]                  # whether system.json, devices.json and vehicles.json could be used
```

They ask the service that runs on the data folder, and where none runs the file; each has `--data DIR` and `--json`.
Programs use [the API](api.md#settings).

## What holds without a restart

A running service looks at the file every second. What is wrong changes nothing: the settings of before stay, the log and
`settings.problems` of the [status](api.md#status) say what is wrong, and as soon as it is mended it holds. At the start a
file that is wrong ends the service (exit code 78).

These follow at once:

| settings | how |
|---|---|
| `logging` | from the next line on |
| `polling.interval`, `history.auto` | every device plans anew; a link that is held stays |
| `bluetooth.record_interval`, `bluetooth.record_delta` | from the next advertisement on |
| `influxdb`, `postgresql`, `store.on_outage` | the deliveries that they are about begin anew, where they stopped |
| `store.raw_days`, `store.hourly_days`, `store.daily_days` | from the next purge on |
| `store.max_unsent_days`, `store.max_mb` | the same |
| `mqtt`, `homeassistant`, `gateway.name` | the connection to the broker is made anew, or ended |
| `zeroconf`, `gateway.name` | the service is [announced](api.md#in-the-local-network) anew, or no longer |
| `api.trusted_hosts`, `api.trusted_proxies`, `api.base_path` | from the next request on |
| `api.health_endpoint`, `api.max_streams` | the same |
| `api.host`, `api.port` | the API [moves](access.md#another-address); requests that run get their answer |
| `api.cert_file`, `api.key_file` | the same |
| `api.auth`, `api.token` | the same; event streams of whoever is let in no more end |

All others hold after a restart of the service; until then the status and the API name them as `restart_required`.
"""


def page() -> str:
    return _HEAD + "".join(
        _section(name, info) for name, info in Settings.model_fields.items() if name != "version"
    )


def _section(name: str, info: FieldInfo) -> str:
    model = info.annotation
    assert isinstance(model, type)  # noqa: S101  # the schema says so
    assert issubclass(model, BaseModel)  # noqa: S101  # the same
    rows = "".join(_row(name, key, field) for key, field in model.model_fields.items())
    return f"\n## {name}\n\n| key | default | meaning |\n|---|---|---|\n{rows}"


def _row(section: str, key: str, field: FieldInfo) -> str:
    return f"| `{section}.{key}` | {_default(field)} | {described(field)} |\n"


def described(field: FieldInfo) -> str:
    """What it means and what it may be."""
    return " ".join([field.description or "", *_bounds(field)])


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    if isinstance(value, SecretStr) or value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _bounds(field: FieldInfo) -> Iterator[str]:
    if str(get_origin(field.annotation)).endswith("Literal"):
        yield f"One of {', '.join(f'`{each}`' for each in get_args(field.annotation))}."
    low = next((each.ge for each in field.metadata if hasattr(each, "ge")), None)
    high = next((each.le for each in field.metadata if hasattr(each, "le")), None)
    if low is not None and high is not None:
        yield f"{low:g} to {high:g}."


def main() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
