"""How good the link to a device is, from its last attempts to connect. Pure."""

from collections import deque

from hawk.model.device import Quality

ATTEMPTS = 100  # that count
ENOUGH = 5  # to say anything
GOOD, FAIR = 90, 60  # [%]
STRONG = -75  # [dBm] a signal that is no reason to fail


class Attempts:
    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=ATTEMPTS)

    def add(self, *, failed: int, ok: bool) -> None:
        """One poll: so many attempts in vain, and perhaps one that worked."""
        self._last.extend([False] * failed + [True] * ok)

    def quality(self, rssi: int | None) -> Quality:
        attempts, ok = len(self._last), sum(self._last)
        if attempts < ENOUGH:
            return Quality(attempts, ok, None, "unknown: too few attempts yet")
        percent = round(100 * ok / attempts)
        return Quality(attempts, ok, percent, verdict(percent, rssi))


def verdict(percent: int, rssi: int | None) -> str:
    if percent >= GOOD:
        return "good"
    word = "fair" if percent >= FAIR else "poor"
    if rssi is None:
        return f"{word}: the device is hardly heard"
    if rssi < STRONG:
        return f"{word}: the signal is weak ({rssi} dBm), go nearer or use an adapter with an aerial"
    return (
        f"{word}, though the signal is strong ({rssi} dBm): an app on a phone may hold the device,"
        " or 2.4 GHz Wi-Fi is close"
    )
