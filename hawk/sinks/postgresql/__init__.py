"""PostgreSQL as a sink. What it is made of is imported by those who want it: 700 KiB."""

from hawk.config.schema import Settings
from hawk.sinks.api import SinkType, Wanted


def _wanted(settings: Settings) -> Wanted | None:
    if not settings.postgresql.enabled:
        return None
    from hawk.sinks.postgresql.sink import wanted

    return wanted(settings.postgresql)


POSTGRESQL = SinkType("postgresql", _wanted)
