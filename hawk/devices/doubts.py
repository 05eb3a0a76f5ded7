"""What is not believed of one device: judged, counted, and said in the log when it begins and ends."""

import logging
from collections.abc import Sequence

from hawk.devices.judgement import Judged, Known, judge
from hawk.model.device import Device
from hawk.model.reading import Moment, Sample
from hawk.model.rules import Reason, Rejected, Rejection, Rules

log = logging.getLogger(__name__)


class Doubts:
    def __init__(self, rules: Rules) -> None:
        self._rules, self._known = rules, Known()
        self._found: dict[tuple[str, Reason], Rejection] = {}
        self._said: dict[str, Reason] = {}  # of quantities whose last value was rejected

    @property
    def rules(self) -> Rules:
        return self._rules

    @property
    def rejections(self) -> tuple[Rejection, ...]:
        return tuple(self._found[key] for key in sorted(self._found))

    def follow(self, rules: Rules) -> None:
        """By another measure the next value may seem a jump: what is known is forgotten with the old rules."""
        if rules != self._rules:
            self._rules, self._known = rules, Known()

    def judge(self, device: Device, sample: Sample, moment: Moment) -> Judged:
        judged = judge(sample, moment.boot_time, self._known, self._rules)
        self._known = judged.known
        for rejected in judged.rejected:
            self._reject(device, rejected, moment)
        for quantity in tuple(self._said):
            if (value := getattr(judged.sample, quantity)) is not None:
                del self._said[quantity]
                log.info(
                    "%s (%s): %s %g is believed again", device.friendly_name, device.address, quantity, value
                )
        return judged

    def remembered(self, device: Device, rejected: Sequence[Rejected], moment: Moment) -> None:
        """What is not believed of the records that a device remembered; there may be thousands."""
        for each in rejected:
            self._count(each, moment)
        if rejected:
            log.warning(
                "%s (%s): %d values of its history are not believed, the last: %s",
                device.friendly_name, device.address, len(rejected), rejected[-1],
            )  # fmt: skip

    def _count(self, rejected: Rejected, moment: Moment) -> None:
        key = (rejected.quantity, rejected.reason)
        before = self._found.get(key)
        self._found[key] = Rejection(rejected, before.count + 1 if before else 1, moment)

    def _reject(self, device: Device, rejected: Rejected, moment: Moment) -> None:
        self._count(rejected, moment)
        if self._said.get(rejected.quantity) is not rejected.reason:
            self._said[rejected.quantity] = rejected.reason
            log.warning("%s (%s): %s: not believed", device.friendly_name, device.address, rejected)
