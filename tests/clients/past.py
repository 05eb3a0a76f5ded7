"""Readings of another time, so that there are pages of them that nothing is added to."""

from datetime import UTC, datetime, timedelta

from tests.service import Service

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)  # raw, and hours


def remember(service: Service, address: str, count: int) -> None:
    """One a minute; the first has 12 V, each further one a millivolt more."""
    readings = [
        {
            "device_id": address,
            "timestamp": (BEGIN + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z"),
            "source": "history",
            "device_type": "BM6",
            "voltage": 12 + minute / 1000,
        }
        for minute in range(count)
    ]
    document = {"data": {"type": "reading-imports", "attributes": {"readings": readings}}}
    said = service.http.post("/api/readings", json=document)
    assert said.is_success, said.text
