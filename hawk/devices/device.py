"""One configured device: follows what is heard of it, polls it, and makes readings of both."""

import math
from dataclasses import dataclass, replace
from typing import Any

import trio

from actors import Actor, Later
from hawk.config.messages import Follow
from hawk.devices.doubts import Doubts
from hawk.devices.historian import Historian
from hawk.devices.identity import Identity
from hawk.devices.judgement import rules_of
from hawk.devices.logbook import Logbook, link_after
from hawk.devices.messages import (
    Configure,
    Connection,
    DownloadHistory,
    EndRelease,
    GetConnection,
    GetView,
    PollNow,
    ReadCranking,
    Release,
    ReleasesChanged,
)
from hawk.devices.outbox import Outbox
from hawk.devices.policy import Recorded, polling_interval
from hawk.devices.poll import Polled, Poller
from hawk.devices.recollection import recall, recalled
from hawk.devices.schedule import Schedule
from hawk.devices.session import nothing_else
from hawk.devices.station import Station
from hawk.devices.visit import Visitor
from hawk.devices.witness import Witness
from hawk.drivers.api import Driver, Heard, Probe
from hawk.errors import HeardOnly, Implausible, Paused
from hawk.events import DeviceSeen, DeviceUpdated, ReadingTaken
from hawk.model.device import Device, DeviceView, LinkState, Outcome
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.store.messages import Imported, LastStart

_IN_SESSION = {LinkState.CONNECTING, LinkState.CONNECTED, LinkState.DISCONNECTING}


@dataclass(frozen=True, slots=True)
class _PollDue:
    pass


@dataclass(frozen=True, slots=True)
class _Recalled:
    readings: tuple[Reading, ...]  # the oldest first


@dataclass(frozen=True, slots=True)
class _LinkMoved:
    state: LinkState
    moment: Moment


@dataclass(frozen=True, slots=True)
class _Sampled:
    sample: Sample
    moment: Moment


@dataclass(frozen=True, slots=True)
class _PollEnded:
    poller: Poller  # a former incarnation's may still have ended
    polled: Polled


@dataclass(frozen=True, slots=True)
class _Identified:
    device_type: str  # by what it answers


@dataclass(frozen=True, slots=True)
class _ReleaseOver:
    pass


@dataclass(frozen=True, slots=True)
class _DataMayBeOld:
    pass


class DeviceActor(Actor):
    def __init__(self, record: Configure, driver: Driver, station: Station) -> None:
        super().__init__()
        self._driver, self._station, self._clock = driver, station, station.clock
        self._view = DeviceView(
            record.device,
            record.vehicle_name,
            simulated=station.radio.simulated,
            heard_only=driver.heard_only,
        )
        self._outbox = Outbox(station.store)
        self._schedule = Schedule(station.between_polls)
        self._poller: Poller | None = None  # of the last poll
        self._poll_task = trio.CancelScope()
        self._logbook = Logbook()
        self._doubts = Doubts(rules_of(record.device, driver))
        self._recorded: Recorded | None = None
        self._began = station.clock.moment()
        self._known = False  # what the log had at the start
        self._identity = Identity(driver)
        self._taken: Reading | None = None  # by the poll that runs
        self._refused: Implausible | None = None  # of the poll that runs: nothing it said was believed
        self._askers: list[Later[Reading]] = []
        self._historian = Historian(
            driver, self._visitor, self._of_history, self.publish, self.spawn,
            rules=lambda: self._doubts.rules,
            on_rejected=lambda rejected: self._doubts.remembered(
                self._device, rejected, self._clock.moment()
            ),
            past_of_new=station.past_of_new,
        )  # fmt: skip
        self._witness = Witness(driver, self._visitor, self._of_history, self.spawn, station.clock)
        self._poll_timer = trio.CancelScope()
        self._release_timer = trio.CancelScope()
        self._age_timer: trio.CancelScope | None = None

    async def setup(self) -> None:
        self.subscribe(DeviceSeen, key=self._device.address)
        self.spawn(self._outbox.run)
        self.spawn(self._recall)
        self._look_at_release()
        self._plan()

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # readings are kept either way
        await self._outbox.flush()

    def on_receive(self, message: Any) -> Any:
        match message:
            case DeviceSeen():
                self._seen(message)
            case PollNow() | DownloadHistory() | ReadCranking():
                return self._wanted(message)
            case Release() | EndRelease() | ReleasesChanged() | _ReleaseOver():
                return self._release(message)
            case GetView() | GetConnection():
                return self._view if isinstance(message, GetView) else self._connection()
            case Configure() | Follow():
                self._configure(message)
            case _PollDue():
                if not self._schedule.running and self._due <= trio.current_time():
                    self._poll(urgent=False)
            case _Recalled(readings):
                self._recalled(readings)
            case _LinkMoved(state, moment):
                self._link_moved(state, moment)
            case _Sampled(sample, moment):
                self._sampled(sample, moment)
            case _PollEnded(poller, polled):
                if poller is self._poller:
                    self._poll_ended(polled)
            case _Identified(device_type):
                self._update(replace(self._view, proven_type=self._identity.proven(self._view, device_type)))
            case _DataMayBeOld():
                self._age_timer = None
                self._update(self._view)
            case _:
                return super().on_receive(message)
        return None

    @property
    def _device(self) -> Device:
        return self._view.device

    def _interval(self, device: Device) -> float | None:
        """[s]; None for one that is only heard."""
        if self._driver.heard_only:
            return None
        return polling_interval(device, self._driver, self._station.polling_interval)

    def _configure(self, record: Configure | Follow) -> None:
        if isinstance(record, Follow):
            self._station = self._station.under(record.settings)
            record = Configure(self._device, self._view.vehicle_name)
        if self._age_timer is not None:
            self._age_timer.cancel()  # another interval, another age
            self._age_timer = None
        self._doubts.follow(rules_of(record.device, self._driver))
        self._update(replace(self._view, device=record.device, vehicle_name=record.vehicle_name))
        self._plan()

    async def _recall(self) -> None:
        readings = await recall(self._station.store, self._device.address)
        if readings is not None:
            self.ref.tell(_Recalled(readings))

    def _recalled(self, readings: tuple[Reading, ...]) -> None:
        self._known = True
        self._historian.begin_after(readings[-1].moment if readings else None)
        self._update(recalled(self._view, readings, self._driver.device_type, self._clock.moment()))

    # -- hearing -----------------------------------------------------------------------------

    def _seen(self, event: DeviceSeen) -> None:
        advertisement, moment, view = event.advertisement, event.moment, self._view
        heard = self._heard(event)
        self._update(
            replace(
                view,
                live=view.live if heard is None else view.live.with_sample(heard.sample, moment),
                name=advertisement.name or view.name,
                rssi=advertisement.rssi,
                adapter=advertisement.adapter,
                last_seen=moment,
                outcome=self._outcome_of(event),
                simulated=advertisement.simulated,
                proven_type=None if heard is not None else self._identity.proven(view, event.proven_type),
            )
        )
        if heard is not None:
            self._record(heard, moment)
            self._follow(moment)
        self._witness.note(None if heard is None else heard.sample, moment)
        if self._schedule.heard(moment.boot_time - (view.last_seen or self._began).boot_time):
            self._plan()

    def _heard(self, event: DeviceSeen) -> Heard | None:
        """What is believed of it. The scanner may not know yet that the type was changed."""
        if event.heard is None or event.device_type != self._driver.device_type:
            return None
        return self._believed(event.heard, event.moment)

    def _outcome_of(self, event: DeviceSeen) -> Outcome | None:
        """The advertisements of one that is only heard are its polls."""
        opened = event.heard is not None and event.heard.sample != Sample()
        if self._driver.heard_only and (opened or event.damage):
            self._logbook.heard(self._device, event.damage, event.moment)
        return self._logbook.outcome

    def _record(self, heard: Heard, moment: Moment) -> None:
        at, rule = moment.boot_time, self._station.recording
        if heard.recordable and rule.worth(heard.sample, at, self._recorded):
            self._recorded = Recorded(heard.sample, at)
            self._take(heard.sample, moment, Source.ADVERTISEMENT)

    def _believed(self, heard: Heard, moment: Moment) -> Heard:
        """Without a voltage it is no measurement any more, as a beacon is none."""
        judged = self._doubts.judge(self._device, heard.sample, moment)
        lost = any(each.quantity == "voltage" for each in judged.rejected)
        recordable = heard.recordable and not lost and not judged.nothing_left
        return replace(heard, sample=judged.sample, recordable=recordable)

    # -- readings ----------------------------------------------------------------------------

    def _take(self, sample: Sample, moment: Moment, source: Source) -> Reading:
        reading = self._reading(sample, moment, source)
        self.publish(ReadingTaken(reading))
        self._outbox.put(reading)
        return reading

    def _of_history(self, moment: Moment) -> Reading:
        return replace(self._reading(Sample(), moment, Source.HISTORY), rssi=None, adapter=None)

    def _reading(self, sample: Sample, moment: Moment, source: Source) -> Reading:
        view, device = self._view, self._device
        return Reading(
            device_id=device.address,
            moment=moment,
            sample=sample,
            source=source,
            device_type=device.device_type,
            device_name=device.friendly_name,
            vehicle_id=device.vehicle_id,
            vehicle_name=view.vehicle_name,
            gateway_id=self._station.gateway_id,
            rssi=view.rssi,
            adapter=view.adapter,
            simulated=view.simulated,
        )

    def _follow(self, moment: Moment) -> None:
        interval = self._interval(self._device)
        if self._station.history_auto and self._known and interval and self._released_until() is None:
            self._historian.follow(moment, interval)

    # -- polling -----------------------------------------------------------------------------

    @property
    def _due(self) -> float:
        interval = self._interval(self._device)
        if interval is None:
            return math.inf
        due = self._schedule.due(interval, self._device.retry)
        return max(due, self._released_until() or due)

    def _released_until(self) -> float | None:
        return self._station.releases.until(self._device.address, trio.current_time())

    def _plan(self) -> None:
        """Sets the timer anew, unless a poll is running: its end does that."""
        if self._schedule.running:
            return
        self._poll_timer.cancel()
        if self._due < math.inf:
            self._poll_timer = self.after(max(0.0, self._due - trio.current_time()), _PollDue())

    def _wanted(
        self, message: PollNow | DownloadHistory | ReadCranking
    ) -> Later[Reading] | Later[Imported] | Later[LastStart]:
        if self._driver.heard_only:
            raise HeardOnly(self._driver.device_type)
        if (until := self._released_until()) is not None:
            raise self._paused(until)
        match message:
            case PollNow():
                return self._poll_now()
            case DownloadHistory(days):
                return self._historian.want(days)
            case ReadCranking():
                return self._witness.want()

    def _poll_now(self) -> Later[Reading]:
        later: Later[Reading] = Later()
        self._askers.append(later)
        if not self._schedule.running or self._only_waits():
            self._poll_task.cancel()
            self._poll(urgent=True)
        return later

    def _only_waits(self) -> bool:
        """The poll that runs stands in the queue, and not as one for whom a person waits."""
        urgent = self._poller is not None and self._poller.visitor.urgent
        return not urgent and self._view.link not in _IN_SESSION

    def _poll(self, *, urgent: bool) -> None:
        self._poll_timer.cancel()
        self._taken = self._refused = None
        self._schedule.begin(trio.current_time())
        self._poller = Poller(
            self._visitor(urgent=urgent),
            self._driver,
            on_sample=lambda sample: self._tell_self(_Sampled(sample, self._clock.moment())),
            afterwards=nothing_else
            if urgent or not self._station.history_auto
            else self._witness.beside_poll,
        )
        self._poll_task = self.spawn(self._run_poll, self._poller)

    def _visitor(self, *, urgent: bool) -> Visitor:
        return Visitor(
            address=self._device.address,
            station=self._station,
            holder=self.ref,
            urgent=urgent,
            on_link=lambda state: self._tell_self(_LinkMoved(state, self._clock.moment())),
        )

    async def _run_poll(self, poller: Poller) -> None:
        self.ref.tell(_PollEnded(poller, await poller.poll()))

    def _tell_self(self, message: Any) -> None:
        """The radio may have a last word when nobody is left to hear it."""
        if self.ref.is_alive():
            self.ref.tell(message)

    def _link_moved(self, state: LinkState, moment: Moment, reason: str | None = None) -> None:
        if state is LinkState.DISCONNECTED and self._view.released_until is not None:
            state = LinkState.IDLE  # let go on purpose
        if state is not self._view.link:
            self._logbook.moved(state, moment, reason)
            self._update(replace(self._view, link=state))

    def _sampled(self, sample: Sample, moment: Moment) -> None:
        judged = self._doubts.judge(self._device, sample, moment)
        if judged.nothing_left:
            self._refused = Implausible(
                f"What it said cannot be: {'; '.join(map(str, judged.rejected))}. If it is true, widen the limits"
                " in the device's plausibility."
            )
            return
        live = self._view.live.with_sample(judged.sample, moment)
        self._update(replace(self._view, live=live, last_seen=moment))
        self._taken = self._take(judged.sample, moment, Source.GATT)
        self._follow(moment)

    def _poll_ended(self, polled: Polled) -> None:
        moment = self._clock.moment()
        if (probe := self._identity.polled(polled.error)) is not None:
            self.spawn(self._identify, probe)
        self._witness.poll_ended()
        if polled.error is None and self._refused is not None:
            polled = replace(polled, error=self._refused)
        self._schedule.end(trio.current_time(), ok=polled.error is None, heard=polled.heard)
        self._logbook.polled(self._device, polled, moment)
        self._link_moved(link_after(polled), moment, polled.error.outcome if polled.error else None)
        self._update(replace(self._view, outcome=self._logbook.outcome))
        askers, self._askers = self._askers, []
        for later in askers:
            if polled.error is not None:
                later.fail(polled.error)
            elif self._taken is not None:
                later.resolve(self._taken)
        self._plan()

    async def _identify(self, probe: Probe) -> None:
        found = await self._identity.ask(self._visitor(urgent=False), probe)
        if found is not None:
            self._tell_self(_Identified(found))

    # -- releasing ---------------------------------------------------------------------------

    def _release(self, message: Release | EndRelease | ReleasesChanged | _ReleaseOver) -> Moment | None:
        match message:
            case Release(seconds):
                self._station.releases.release(self._device.address, trio.current_time() + seconds)
            case EndRelease():
                self._station.releases.end(self._device.address)
        self._look_at_release()
        return self._view.released_until

    def _look_at_release(self) -> None:
        """It began, changed or ended."""
        self._release_timer.cancel()
        until, now = self._released_until(), self._clock.moment()
        if until is None:
            self._update(replace(self._view, released_until=None))
        else:
            seconds = until - trio.current_time()
            end = Moment(
                None if now.utc is None else now.utc + round(seconds * 1000), now.boot_time + seconds
            )
            self._release_timer = self.after(seconds, _ReleaseOver())
            self._update(replace(self._view, released_until=end))
            self._give_up_poll(until)
        self._plan()

    def _give_up_poll(self, until: float) -> None:
        """Its link goes; what it would have said of the device nobody knows."""
        self._historian.give_up()
        self._witness.give_up()
        if self._schedule.running:
            self._witness.poll_given_up()
            self._poll_task.cancel()
            self._poller = None
            self._schedule.abandon()
        askers, self._askers = self._askers, []
        for later in askers:
            later.fail(self._paused(until))

    def _paused(self, until: float) -> Paused:
        minutes = math.ceil((until - trio.current_time()) / 60)
        return Paused(
            f"{self._device.friendly_name} is left to others for {minutes} more min: 'hawk devices release"
            f" {self._device.address} --end' ends that."
        )

    # -- the view ----------------------------------------------------------------------------

    def _update(self, view: DeviceView) -> None:
        interval, now = self._interval(view.device), self._clock.moment().boot_time
        longest = self._station.freshness.longest_age(interval)
        view = replace(
            view.at(now, longest),
            interval=interval,
            counters=self._logbook.counters,
            quality=self._logbook.attempts.quality(view.rssi),
            rejections=self._doubts.rejections,
        )
        if view.available and self._age_timer is None and (newest := view.live.newest) is not None:
            self._age_timer = self.after(newest.boot_time + longest - now + 0.001, _DataMayBeOld())
        if view != self._view:
            self._view = view
            self.publish(DeviceUpdated(view))

    def _connection(self) -> Connection:
        running, now = self._schedule.running, trio.current_time()
        return Connection(
            view=self._view,
            transitions=self._logbook.transitions,
            next_poll=None if running or self._driver.heard_only else max(0.0, self._due - now),
            limits=self._doubts.rules.plausibility,
        )
