"""What is known of the hearing of each adapter, and which of them needs help alone.

Pure: the caller brings the time, in seconds, and takes the steps.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from hawk.ble.messages import AdapterStatus
from hawk.ble.recovery import Patience
from hawk.errors import BluetoothError, BluetoothStuck, ScannedByAnother
from hawk.model.rung import Rung

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Deaf:
    """An adapter to be helped alone: others work."""

    adapter: str
    times: int  # in a row, with this one


@dataclass(slots=True)
class _Pace:
    """How many came within a minute, from two counts: that of this minute and that of the last."""

    began: float
    count: int = 0
    before: int = 0

    def add(self, now: float) -> None:
        self._turn(now)
        self.count += 1

    def per_minute(self, now: float) -> int:
        self._turn(now)
        return round(self.count + self.before * (1.0 - (now - self.began) / _MINUTE))

    def _turn(self, now: float) -> None:
        minutes = (now - self.began) // _MINUTE
        if minutes >= 1.0:
            self.before, self.count = (self.count if minutes < 2.0 else 0), 0
            self.began += minutes * _MINUTE


@dataclass(slots=True)
class _Adapter:
    pace: _Pace
    trouble: BluetoothError | None = None  # why it does not listen
    said: str | None = None  # of that, when it was told last
    listening: bool = False
    last: float | None = None  # when its last advert came
    since: float = 0.0  # from when on silence counts: that advert, or the last step against silence
    times: int = 0  # such steps in a row
    refusals: int = 0  # of scans, in a row, that a new beginning may cure
    adverts: int = 0
    taken: Counter[Rung] = field(default_factory=Counter)


class Adapters:
    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._known: dict[str, _Adapter] = {}

    def told(self, name: str, trouble: BluetoothError | None, now: float) -> bool:
        """It listens from now on, or does not because of that `trouble`. Whether this is news."""
        adapter = self._adapter(name, now)
        before, adapter.said = adapter.said, None if trouble is None else str(trouble)
        adapter.trouble = trouble
        adapter.listening, adapter.since = trouble is None, now
        if trouble is None:
            adapter.refusals = 0
        elif isinstance(trouble, BluetoothStuck) and not isinstance(trouble, ScannedByAnother):
            adapter.refusals += 1
        return adapter.said != before

    def heard(self, name: str, now: float) -> None:
        adapter = self._adapter(name, now)
        adapter.pace.add(now)
        adapter.adverts += 1
        adapter.last = adapter.since = now
        adapter.times = 0

    def climbed(self, rung: Rung, names: Collection[str]) -> None:
        """It was taken for these."""
        for name in names:
            if name in self._known:
                self._known[name].taken[rung] += 1

    def ended(self, trouble: BluetoothError | None) -> None:
        """No adapter listens any more; None: because nobody wants it."""
        for adapter in self._known.values():
            if adapter.listening or trouble is None:
                adapter.listening, adapter.trouble = False, trouble

    def deaf(self, now: float) -> tuple[Deaf, ...]:
        """Those to be helped now: silent for too long though they heard before, or refused again
        and again, while another one hears. Each counts as helped with this answer."""
        found = []
        for name, adapter in self._known.items():
            if self._due(adapter, now) and self._another_hears(name, now):
                adapter.times = adapter.times + 1 if adapter.listening else max(adapter.times + 1, 2)
                adapter.since, adapter.refusals = now, 0
                found.append(Deaf(name, adapter.times))
        return tuple(found)

    @property
    def several(self) -> bool:
        return len(self._known) > 1

    def listening(self) -> tuple[str, ...]:
        return tuple(name for name, adapter in self._known.items() if adapter.listening)

    def stuck(self) -> tuple[str, ...]:
        """Those that a power cycle may cure."""
        return tuple(
            name
            for name, adapter in self._known.items()
            if isinstance(adapter.trouble, BluetoothStuck)
            and not isinstance(adapter.trouble, ScannedByAnother)
        )

    def trouble_of(self, names: Collection[str]) -> BluetoothError | None:
        """Why none of these can hear; None when one can, or none is known."""
        troubles = [self._known[name].trouble for name in names if name in self._known]
        return None if None in troubles or not troubles else troubles[0]

    def status(self, now: float) -> tuple[AdapterStatus, ...]:
        return tuple(
            AdapterStatus(
                name=name,
                listening=adapter.listening,
                reason=None if adapter.trouble is None else str(adapter.trouble),
                adverts_per_minute=adapter.pace.per_minute(now),
                last_advert=None if adapter.last is None else now - adapter.last,
                adverts=adapter.adverts,
                recovery=dict(adapter.taken),
            )
            for name, adapter in sorted(self._known.items())
        )

    def _adapter(self, name: str, now: float) -> _Adapter:
        if name not in self._known:
            self._known[name] = _Adapter(_Pace(now))
        return self._known[name]

    def _due(self, adapter: _Adapter, now: float) -> bool:
        if not adapter.listening:
            return adapter.refusals >= 2 * self._patience.stuck_scans
        return adapter.last is not None and now - adapter.since >= self._patience.silence_after(adapter.times)

    def _another_hears(self, name: str, now: float) -> bool:
        return any(
            other.listening and other.last is not None and now - other.last < self._patience.silence
            for each, other in self._known.items()
            if each != name
        )
