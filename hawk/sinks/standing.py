"""How a sink does: what the status says, and what the log is told once for each change."""

import logging
from dataclasses import dataclass

from hawk.sinks.messages import SinkState

log = logging.getLogger(__name__)

COMPLAIN = 3600.0  # [s] between words about refused rows


@dataclass(slots=True)
class Standing:
    name: str
    place: str
    drops: bool  # what comes while it is down
    state: SinkState = SinkState.CONNECTING
    reason: str | None = None
    server: str | None = None
    delivered: int = 0
    refusal: str | None = None
    next_try: float = 0.0  # [s] of Trio's clock
    complained: float | None = None  # the same

    @property
    def waits(self) -> bool:
        """For its next try."""
        return self.state not in (SinkState.UP, SinkState.CONNECTING)

    def is_up(self) -> None:
        if self._change(SinkState.UP, None):
            log.info("%s: readings go to %s (%s)", self.name, self.place, self.server)

    def is_not(self, state: SinkState, reason: str, *, awaited: bool) -> None:
        """`awaited`: rows wait for it."""
        if not self._change(state, reason):
            return
        if state is SinkState.LOOKING:
            log.info("%s: %s; it is looked for again now and then, nothing waits for it", self.name, reason)
        elif state is SinkState.DENIED:
            log.warning(
                "%s: %s; until then %s", self.name, reason, "all is kept" if awaited else "it gets nothing"
            )
        else:
            kept = "given up" if self.drops else "kept for it"
            log.warning("%s: %s; it is tried again, what comes meanwhile is %s", self.name, reason, kept)

    def refused(self, rows: int, cause: str, now: float) -> None:
        self.refusal = cause
        if self.complained is None or now - self.complained >= COMPLAIN:
            self.complained = now
            log.warning("%s refuses %d rows, which stay in the log alone: %s", self.name, rows, cause)

    def _change(self, state: SinkState, reason: str | None) -> bool:
        """Whether it is news: only another state is, and of what a person has to mend another reason."""
        news = state is not self.state or (state is SinkState.DENIED and reason != self.reason)
        self.state, self.reason = state, reason
        return news
