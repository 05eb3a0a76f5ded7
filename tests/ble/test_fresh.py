"""Which callbacks are advertisements: the table of the rule, and a model of what BlueZ remembers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.ble.fresh import UNKNOWN_RSSI, Fresh

Data = Mapping[int, bytes]
PATH = "/org/bluez/hci0/dev_50_54_7B_00_11_22"
BEACON = {0x004C: b"beacon"}
SEALED = {0x1234: b"sealed"}


def news(
    fresh: Fresh,
    data: Data,
    rssi: int = -60,
    connected: bool = False,
    resolved: bool = False,
    path: str = PATH,
) -> Data | None:
    return fresh.news(path, rssi, connected=connected, services_resolved=resolved, manufacturer_data=data)


def test_the_one_entry_of_an_advertisement_is_news_also_when_it_is_repeated() -> None:
    fresh = Fresh()
    assert [news(fresh, SEALED), news(fresh, SEALED), news(fresh, BEACON)] == [SEALED, SEALED, BEACON]


def test_a_voltage_that_returns_to_an_earlier_value_is_news() -> None:
    fresh = Fresh()
    a, b = {1: b"12.60"}, {2: b"12.61"}
    assert [news(fresh, data) for data in (a, b, a)] == [a, b, a]


@pytest.mark.parametrize(
    ("rssi", "connected", "resolved"),
    [
        (UNKNOWN_RSSI, False, False),  # the adapter was blocked or the scan stopped
        (-60, True, False),  # a link went up
        (-60, True, True),  # its services are known
    ],
)
def test_a_callback_that_is_no_advertisement_is_nothing(rssi: int, connected: bool, resolved: bool) -> None:
    fresh = Fresh()
    news(fresh, SEALED)
    assert news(fresh, SEALED, rssi, connected, resolved) is None


def test_the_echo_of_a_link_that_went_down_is_nothing_and_the_next_advertisement_counts() -> None:
    fresh = Fresh()
    news(fresh, SEALED, connected=True)
    assert news(fresh, SEALED) is None
    assert news(fresh, BEACON) == BEACON


def test_merged_data_right_after_the_start_are_heard_but_say_nothing() -> None:
    assert news(Fresh(), BEACON | SEALED) == {}


def test_of_merged_data_only_a_single_change_is_used() -> None:
    fresh = Fresh()
    news(fresh, BEACON | SEALED)
    assert news(fresh, BEACON | SEALED | {7: b"new"}) == {7: b"new"}
    assert news(fresh, BEACON | SEALED | {7: b"changed"}) == {7: b"changed"}
    assert news(fresh, BEACON | SEALED | {7: b"changed"}) == {}
    assert news(fresh, BEACON | SEALED | {7: b"again", 8: b"two"}) == {}


def test_an_advertisement_without_manufacturer_data_is_heard() -> None:
    assert news(Fresh(), {}) == {}


def test_devices_do_not_disturb_each_other() -> None:
    fresh = Fresh()
    news(fresh, SEALED, path="/org/bluez/hci0/dev_A", connected=True)
    assert news(fresh, SEALED, path="/org/bluez/hci0/dev_B") == SEALED


def test_memory_is_bounded_however_many_addresses_pass_by() -> None:
    fresh = Fresh()
    for number in range(10_000):
        news(fresh, SEALED, path=f"/org/bluez/hci0/dev_{number}")
    assert len(fresh._before) < 5_000


# -- a model of the daemon -----------------------------------------------------------------------


@dataclass
class Remembered:
    """What bluetoothd keeps of one device and hands over at every change."""

    merges: bool  # no client asked for DuplicateData
    data: dict[int, bytes] = field(default_factory=dict)
    connected: bool = False
    resolved: bool = False

    def advertise(self, advert: tuple[int, bytes]) -> None:
        self.data = (self.data if self.merges else {}) | dict([advert])


ADVERT = st.tuples(st.sampled_from([0x004C, 1, 2, 3]), st.binary(max_size=2))
STEPS = st.lists(st.one_of(ADVERT, st.sampled_from(["up", "resolved", "down", "blocked"])), max_size=40)


@given(STEPS, st.booleans(), st.lists(ADVERT, max_size=4))
def test_news_is_never_anything_but_the_advertisement_heard_just_now(
    steps: list[str | tuple[int, bytes]], merges: bool, earlier: list[tuple[int, bytes]]
) -> None:
    device, fresh = Remembered(merges), Fresh()
    for advert in earlier:
        device.advertise(advert)
    for step in steps:
        before = (device.connected, device.resolved)
        match step:
            case "up":
                device.connected = True
            case "resolved":
                device.resolved = device.connected
            case "down":
                device.connected = device.resolved = False
            case (company, data) if not device.connected:
                device.advertise((company, data))
        heard = None if isinstance(step, str) or device.connected else dict([step])
        if heard is None and step != "blocked" and before == (device.connected, device.resolved):
            continue  # nothing changed, so BlueZ says nothing
        got = news(
            fresh, device.data, UNKNOWN_RSSI if step == "blocked" else -70, device.connected, device.resolved
        )
        assert got == heard or (merges and heard is not None and got == {})


@given(
    st.dictionaries(st.integers(0, 0xFFFF), st.binary()), st.integers(-127, 20), st.booleans(), st.booleans()
)
def test_at_most_one_entry_ever_comes_out(data: Data, rssi: int, connected: bool, resolved: bool) -> None:
    fresh = Fresh()
    for _ in range(2):
        assert len(news(fresh, data, rssi, connected, resolved) or {}) <= 1
