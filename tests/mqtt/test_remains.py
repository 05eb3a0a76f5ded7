"""What a broker keeps when we come: whether somebody else speaks under our prefix."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.mqtt.remains import other_gateway
from hawk.mqtt.topics import Topics

OURS, THEIRS = "0123456789ab", "ba9876543210"


def kept(availability: str, status: str) -> dict[str, str]:
    return {"battery_hawk/system/availability": availability, "battery_hawk/system/status": status}


@pytest.mark.parametrize(
    ("availability", "gateway_id", "found"),
    [("online", THEIRS, THEIRS), ("offline", THEIRS, None), ("online", OURS, None), ("online", None, None)],
)
def test_another_gateway_is_one_that_lives_and_has_another_name(
    availability: str, gateway_id: str | None, found: str | None
) -> None:
    status = json.dumps({"gateway_id": gateway_id})
    assert other_gateway(kept(availability, status), Topics(), OURS) == found
    assert other_gateway({}, Topics(), OURS) is None


@given(st.one_of(st.text(), st.from_regex(r"[\[{].*[\]}]")))
def test_a_status_that_nobody_can_read_names_nobody(status: str) -> None:
    assert other_gateway(kept("online", status), Topics(), OURS) is None


def test_a_status_without_end_names_nobody() -> None:
    assert other_gateway(kept("online", "[" * 200_000), Topics(), OURS) is None


@given(st.recursive(st.one_of(st.none(), st.integers(), st.text()), st.lists))
def test_a_gateway_is_named_by_a_text(name: object) -> None:
    found = other_gateway(kept("online", json.dumps({"gateway_id": name})), Topics(), OURS)
    assert found == (name if isinstance(name, str) and name != OURS else None)
