"""The running system, as one list.

Refs are reserved before anything runs: an actor gets the refs it talks to as arguments, they
stay valid over every restart, and a message to an actor that is just being restarted waits.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import trio

from actors import Actor, ActorRef, ActorSystem, ChildSpec, RestartChild, Strategy, Supervisor
from hawk import __version__, logs
from hawk.ble.actor import RadioActor
from hawk.ble.arbiter import ArbiterActor
from hawk.ble.leftovers import Leftovers
from hawk.ble.radio import Limits, Radio
from hawk.ble.recovery import Patience, Recovery
from hawk.ble.scanner import Discovery, ScannerActor
from hawk.ble.tape import Tape
from hawk.clock import Clock
from hawk.config.actor import Follower, SettingsActor
from hawk.config.file import SettingsFile
from hawk.config.messages import Follow
from hawk.config.schema import Settings
from hawk.devices.policy import BetweenPolls, Freshness, InsidePoll
from hawk.devices.station import Station
from hawk.devices.supervisor import DevicesGroup
from hawk.devices.trial import TrialActor
from hawk.directory.actor import DirectoryActor
from hawk.drivers.catalogue import Catalogue
from hawk.jobs.actor import JobsActor
from hawk.jobs.discovery import Discoverer
from hawk.mqtt.doorway import Doorway
from hawk.registry.actor import RegistryActor
from hawk.registry.files import RegistryFiles
from hawk.sinks.catalogue import Catalogue as SinkCatalogue
from hawk.sinks.supervisor import SinksGroup
from hawk.store.actor import StoreActor
from hawk.store.messages import Durability
from hawk.store.readings import Log
from hawk.store.retention import Retention
from hawk.vehicles.supervisor import VehiclesGroup
from hawk.web.announce import AnnouncerActor, wanted_now
from hawk.web.entrance import Entrance
from hawk.web.server import WebServerActor
from hawk.web.services import Services
from hawk.web.tokens import Tokens

WEB_GRACE = 3.5  # [s] a client that does not read cannot hold up the end
RADIO_GRACE = 25.0  # [s] BlueZ may take this long to let its links go


@dataclass(frozen=True, slots=True)
class Policies:
    """How patient the system is, as far as no setting says it."""

    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)
    inside_poll: InsidePoll = field(default_factory=InsidePoll)
    between_polls: BetweenPolls = field(default_factory=BetweenPolls)
    freshness: Freshness = field(default_factory=Freshness)


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives every actor: opened by the process before the tree starts."""

    settings: SettingsFile
    gateway_id: str
    tokens: Tokens
    clock: Clock
    files: RegistryFiles
    log: Log
    durability: Durability
    radio: Radio
    tape: Tape
    catalogue: Catalogue
    sinks: SinkCatalogue
    entrance: Entrance
    give_up: Callable[[str], None]  # ends the process, for a reason
    tell_url: Callable[[str], None]  # to other programs on this machine
    restart: Callable[[], None]  # ends the process, to be started anew
    log_as: Callable[[Settings], None]
    after_kill: bool = False  # the former process on this data folder did not end by itself
    policies: Policies = field(default_factory=Policies)
    warnings: tuple[str, ...] = ()
    doorway: Doorway | None = None  # of the broker inside, if there is to be one
    past_of_new: bool = (
        False  # what new devices remember is read by itself: the demo has a past from the start
    )


def tree(parts: Parts, system: ActorSystem, root: ActorRef[Any]) -> Sequence[ChildSpec]:
    """`root` is whose children they become."""
    settings, clock, policies = parts.settings.settings, parts.clock, parts.policies

    configuration = SettingsActor.reserve("settings")
    registry = RegistryActor.reserve("registry")
    directory = DirectoryActor.reserve("directory")
    store = StoreActor.reserve("store")
    sinks = SinksGroup.reserve("sinks")
    radio = RadioActor.reserve("radio")
    arbiter = ArbiterActor.reserve("arbiter")
    scanner = ScannerActor.reserve("scanner")
    devices = DevicesGroup.reserve("devices")
    jobs = JobsActor.reserve("jobs")
    trials = TrialActor.reserve("trials")
    publisher = Actor.reserve("publisher")
    web = WebServerActor.reserve("web")
    announcer = AnnouncerActor.reserve("announcer")
    broker = Actor.reserve("broker") if parts.doorway is not None else None

    services = Services(
        registry=registry,
        directory=directory,
        devices=devices,
        trials=trials,
        store=store,
        sinks=sinks,
        scanner=scanner,
        arbiter=arbiter,
        jobs=jobs,
        mqtt=publisher,
        broker=broker,
        system=system,
        clock=clock,
        gateway_id=parts.gateway_id,
        tokens=parts.tokens,
        entrance=parts.entrance,
        configuration=configuration,
        current=lambda: parts.settings.settings,
        catalogue=parts.catalogue,
        warnings=parts.warnings,
        tape=parts.tape,
        simulated=parts.radio.simulated,
    )

    station = Station(
        gateway_id=parts.gateway_id,
        radio=parts.radio,
        arbiter=arbiter,
        scanner=scanner,
        store=store,
        clock=clock,
        past_of_new=parts.past_of_new,
        limits=replace(
            policies.limits,
            connect=max(policies.limits.connect, settings.bluetooth.connection_timeout),
            session=settings.bluetooth.session_timeout,
        ),
        between_polls=policies.between_polls,
        inside_poll=policies.inside_poll,
        freshness=policies.freshness,
        tape=parts.tape,
    )
    recovery = Recovery(
        policies.patience,
        may_reset=settings.bluetooth.may_reset,
        exit_after=settings.bluetooth.exit_after,
    )
    leftovers = Leftovers(
        killed=parts.after_kill,
        released=lambda address: station.releases.until(address, trio.current_time()) is not None,
    )
    discovery = Discovery(
        settings.discovery.initial_scan,
        settings.discovery.periodic_interval,
        settings.discovery.scan_duration,
    )
    hear = partial(
        ScannerActor.start, parts.radio, parts.catalogue, registry, clock,
        discovery=discovery, listen=settings.bluetooth.listen, recovery=recovery,
        leftovers=leftovers, give_up=parts.give_up,
    )  # fmt: skip
    know = partial(
        RegistryActor.start, parts.files, clock,
        parts.catalogue.canonical_type, settings.discovery.auto_configure,
    )  # fmt: skip
    know_all = partial(DirectoryActor.start, registry, clock, policies.freshness.longest_age)

    serve = partial(WebServerActor.start, services, parts.entrance, parts.tell_url)

    # What follows the settings begins with those of now, also after a crash.
    def keep() -> ActorRef[Any]:
        now = parts.settings.settings.store
        return StoreActor.start(
            parts.log, clock, parts.durability, settings.store.commit_interval, Retention.of(now)
        )

    def deliver() -> ActorRef[Any]:
        return SinksGroup.start(parts.settings.settings, parts.sinks, store)

    def read() -> ActorRef[Any]:
        return DevicesGroup.start(registry, parts.catalogue, station.under(parts.settings.settings))

    def announce() -> ActorRef[Any]:
        return AnnouncerActor.start(
            lambda: wanted_now(parts.settings.settings, parts.gateway_id, parts.entrance.listener)
        )

    following = followers(parts, root, store, sinks, devices, web, announcer)
    work = [
        ChildSpec("scanner", hear, scanner),
        ChildSpec("devices", read, devices),
        ChildSpec(
            "trials", partial(TrialActor.start, parts.catalogue, station), trials, shutdown=RADIO_GRACE
        ),
    ]
    discoverer = Discoverer(scanner, directory, trials, clock, settings.discovery.scan_duration)
    links = settings.bluetooth.max_concurrent_connections
    bluetooth = [
        ChildSpec("radio", partial(RadioActor.start, parts.radio), radio, shutdown=RADIO_GRACE, vital=True),
        ChildSpec("arbiter", partial(ArbiterActor.start, parts.radio, links), arbiter),
        ChildSpec("work", partial(Supervisor.start, work), shutdown=RADIO_GRACE),
    ]
    return [
        ChildSpec("settings", partial(SettingsActor.start, parts.settings, following), configuration),
        ChildSpec("registry", know, registry),
        ChildSpec("directory", know_all, directory),
        ChildSpec("store", keep, store, vital=True),
        *_broker(parts, services),
        ChildSpec("mqtt", lambda: Supervisor.start(_mqtt(parts, services))),
        ChildSpec("sinks", deliver, sinks),
        ChildSpec("vehicles", partial(VehiclesGroup.start, registry, directory, clock)),
        ChildSpec("bluetooth", partial(Supervisor.start, bluetooth, Strategy.REST_FOR_ONE)),
        ChildSpec("jobs", partial(JobsActor.start, devices, discoverer), jobs),
        ChildSpec("web", serve, web, shutdown=WEB_GRACE),
        ChildSpec("announcer", announce, announcer),
    ]


def followers(
    parts: Parts,
    root: ActorRef[Any],
    store: ActorRef[Any],
    sinks: ActorRef[Any],
    devices: ActorRef[Any],
    web: ActorRef[Any],
    announcer: ActorRef[Any],
) -> Sequence[Follower]:
    """Who follows which settings while it runs. What is not here holds after a restart of the process."""

    async def log_as(settings: Settings) -> None:
        parts.log_as(settings)

    async def read_at_each_request(_: Settings) -> None:
        """By `Services.settings`."""

    async def begin_mqtt_anew(_: Settings) -> None:
        await root.send(RestartChild("mqtt"))

    def tell(ref: ActorRef[Any]) -> Callable[[Settings], Awaitable[object]]:
        return lambda settings: ref.send(Follow(settings))

    return (
        Follower(frozenset({"logging"}), log_as),
        Follower(frozenset({"influxdb", "postgresql", "store.on_outage"}), tell(sinks)),
        Follower(frozenset(f"store.{each.name}" for each in fields(Retention)), tell(store)),
        Follower(
            frozenset(
                {
                    "polling.interval",
                    "history.auto",
                    "bluetooth.record_interval",
                    "bluetooth.record_delta",
                }
            ),
            tell(devices),
        ),
        Follower(frozenset({"zeroconf", "gateway.name", "api.auth"}), tell(announcer)),
        Follower(frozenset({"mqtt", "homeassistant", "gateway.name"}), begin_mqtt_anew),
        Follower(
            frozenset(
                {
                    "api.trusted_hosts",
                    "api.trusted_proxies",
                    "api.base_path",
                    "api.health_endpoint",
                    "api.max_streams",
                }
            ),
            read_at_each_request,
        ),
        Follower(
            frozenset({"api.auth", "api.token", "api.host", "api.port", "api.cert_file", "api.key_file"}),
            tell(web),
        ),
    )


def _broker(parts: Parts, services: Services) -> Sequence[ChildSpec]:
    if parts.doorway is None or services.broker is None:
        return []
    from hawk.mqtt.broker import BrokerActor

    return [ChildSpec("broker", partial(BrokerActor.start, parts.doorway), services.broker)]


def _mqtt(parts: Parts, services: Services) -> Sequence[ChildSpec]:
    """As the settings of now have it. Nothing of it is imported where nobody wants it."""
    everything, publisher = parts.settings.settings, services.publisher
    settings = everything.mqtt
    if publisher is None:
        return []
    from hawk.mqtt.alias import Alias
    from hawk.mqtt.condition import Informants
    from hawk.mqtt.desk import Colleagues, DeskActor
    from hawk.mqtt.discovery import Announcer
    from hawk.mqtt.line import Server
    from hawk.mqtt.publisher import PublisherActor
    from hawk.mqtt.terms import HomeAssistant, Terms
    from hawk.mqtt.topics import Topics

    desk = DeskActor.reserve("desk")
    topics = Topics(settings.topic_prefix, settings.qos, settings.legacy_plural_topics)
    server = Server(
        host=settings.broker,
        port=settings.port,
        client_id=f"battery_hawk_{parts.gateway_id}",
        username=settings.username,
        password=settings.password.get_secret_value(),
        tls=settings.tls,
        ca_file=settings.ca_file,
        version=settings.version,
        keepalive=settings.keepalive,
        timeout=settings.timeout,
    )
    if (inside := parts.doorway) is not None:
        server = replace(
            server, host=inside.host, port=inside.port, username=inside.our_name,
            password=inside.our_password, tls=False, version="3.1.1",
        )  # fmt: skip
    home_assistant = None
    if everything.homeassistant.discovery_enabled:
        prefix = everything.homeassistant.discovery_prefix
        home_assistant = HomeAssistant(
            Announcer(topics, prefix, parts.gateway_id, __version__),
            everything.gateway.name or "Battery Hawk",
            parts.catalogue,
            parts.policies.freshness.longest_age,
        )
    alias = Alias(Topics(settings.alias_prefix, settings.qos)) if settings.alias_prefix else None
    listen_to = (*topics.listened_to, *(alias.filters if alias else ())) if settings.commands else ()
    terms = Terms(
        server,
        topics,
        parts.gateway_id,
        replay_max_age=settings.replay_max_age,
        listen_to=listen_to,
        home_assistant=home_assistant,
        alias=alias,
        retries=settings.retries,
    )
    informants = Informants(
        services.directory, services.scanner, services.sinks, parts.log.path.parent, services.started
    )
    colleagues = Colleagues(
        registry=services.registry,
        directory=services.directory,
        devices=services.devices,
        trials=services.trials,
        scanner=services.scanner,
        catalogue=parts.catalogue,
        polling_interval=lambda: parts.settings.settings.polling.interval,
        log_level=logs.level,
        set_log_level=logs.set_level,
        restart=parts.restart,
    )
    publish = partial(
        PublisherActor.start, terms, services.directory, services.store, desk, parts.clock,
        informants.condition,
    )  # fmt: skip
    serve = partial(DeskActor.start, topics, parts.gateway_id, publisher, colleagues, parts.clock, alias)
    return [ChildSpec("publisher", publish, publisher), ChildSpec("desk", serve, desk)]
