"""What the last attempts say of the link to a device."""

import pytest

from hawk.devices.quality import ATTEMPTS, Attempts, verdict


@pytest.mark.parametrize(
    ("percent", "rssi", "words"),
    [
        (100, -90, "good"),
        (90, None, "good"),
        (89, -80, "fair: the signal is weak (-80 dBm), go nearer or use an adapter with an aerial"),
        (60, -75, "fair, though the signal is strong (-75 dBm)"),
        (59, -60, "poor, though the signal is strong"),
        (0, None, "poor: the device is hardly heard"),
        (0, -95, "poor: the signal is weak"),
    ],
)
def test_the_verdict_is_in_plain_words(percent: int, rssi: int | None, words: str) -> None:
    assert verdict(percent, rssi).startswith(words)


def test_a_few_attempts_say_nothing() -> None:
    attempts = Attempts()
    attempts.add(failed=3, ok=True)
    assert attempts.quality(-60).percent is None
    attempts.add(failed=0, ok=True)
    assert (attempts.quality(-60).attempts, attempts.quality(-60).ok, attempts.quality(-60).percent) == (
        5,
        2,
        40,
    )


def test_only_the_last_hundred_count() -> None:
    attempts = Attempts()
    for _ in range(ATTEMPTS):
        attempts.add(failed=1, ok=False)
    for _ in range(ATTEMPTS):
        attempts.add(failed=0, ok=True)
    assert (attempts.quality(None).attempts, attempts.quality(None).percent) == (ATTEMPTS, 100)
