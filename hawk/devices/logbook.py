"""How the link to one device did: what happened, how often, how long it took."""

import logging
from collections import deque
from dataclasses import replace

from hawk.devices.poll import Polled
from hawk.devices.quality import Attempts
from hawk.errors import Busy, NoAdapter, Undecodable
from hawk.model.device import Counters, Device, LinkState, Outcome, Transition
from hawk.model.reading import Moment

KEPT = 50  # transitions

log = logging.getLogger(__name__)


class Logbook:
    def __init__(self) -> None:
        self._transitions: deque[Transition] = deque(maxlen=KEPT)
        self.counters = Counters()
        self.attempts = Attempts()
        self.outcome: Outcome | None = None

    @property
    def transitions(self) -> tuple[Transition, ...]:
        return tuple(self._transitions)

    def moved(self, state: LinkState, moment: Moment, reason: str | None = None) -> None:
        self._transitions.append(Transition(state, moment, reason))

    def polled(self, device: Device, polled: Polled, moment: Moment) -> None:
        """Logs it when it ended otherwise than the poll before."""
        before, self.outcome = self.outcome, _outcome(polled, moment)
        self.counters = counted(self.counters, polled, moment)
        if not isinstance(polled.error, NoAdapter | Busy):  # neither is about this device
            self.attempts.add(failed=polled.failed, ok=polled.error is None)
        _log_change(device, before, self.outcome, "was read", "could not be read")

    def heard(self, device: Device, damage: str | None, moment: Moment) -> None:
        """An advertisement of one that is only heard; `damage` says why it was not understood."""
        code = "ok" if damage is None else Undecodable.code
        before, self.outcome = self.outcome, Outcome(code, damage or "", moment)
        _log_change(device, before, self.outcome, "is heard", "is heard, but not understood")


def _log_change(device: Device, before: Outcome | None, after: Outcome, good: str, bad: str) -> None:
    if before is None or after.code != before.code:
        said = f"{bad}: {after.detail}" if after.detail else good
        log.info("%s (%s) %s", device.friendly_name, device.address, said)


def _outcome(polled: Polled, moment: Moment) -> Outcome:
    if polled.error is None:
        return Outcome("ok", "", moment)
    return Outcome(polled.error.outcome, str(polled.error), moment)


def counted(old: Counters, polled: Polled, moment: Moment) -> Counters:
    """One poll more. The mean follows slowly: one bad day does not hide in years."""
    if isinstance(polled.error, Busy):
        return replace(old, skipped=old.skipped + 1)
    counters = replace(old, polls=old.polls + 1, last_duration=polled.duration)
    if polled.error is not None:
        kind = polled.error.outcome
        return replace(
            counters, failed=old.failed + 1, failed_by={**old.failed_by, kind: old.failed_by.get(kind, 0) + 1}
        )
    mean = polled.duration if old.mean_duration is None else 0.9 * old.mean_duration + 0.1 * polled.duration
    return replace(counters, ok=old.ok + 1, mean_duration=mean, last_success=moment)


def link_after(polled: Polled) -> LinkState:
    """Between polls no link is held; the state says how the last one went."""
    if polled.error is None or isinstance(polled.error, Busy):
        return LinkState.IDLE
    return LinkState.ERROR if polled.heard else LinkState.DISCONNECTED
