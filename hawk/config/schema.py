"""Every setting: its name, default, bounds and what it means. One field each.

The file system.json, the environment, the API and the reference page all derive from this.
"""

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)

TOKEN = r"[!-~]{16,}"  # noqa: S105  # what a token of the API looks like

# Numbers and truth values are strict: `true` is no 1, and "3" no 3. The environment's text is parsed before.
Seconds = Annotated[float, Field(strict=True, ge=1, le=1e9)]
SecondsOrNever = Annotated[float, Field(strict=True, ge=0, le=1e9)]
Days = Annotated[int, Field(strict=True, ge=0, le=36500)]
Port = Annotated[int, Field(strict=True, ge=0, le=65535)]
Count = Annotated[int, Field(strict=True, ge=1, le=100_000)]


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


# What the simulated radio has; a test keeps these lists equal to its own.
Model = Annotated[Literal["BM2", "BM6", "BM7"], BeforeValidator(_upper)]
Fault = Annotated[Literal["silent", "slow", "drop", "garbage"], BeforeValidator(_lower)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gateway(Section):
    name: str = Field("", description="How this gateway calls itself; empty is the host's name.")


class Discovery(Section):
    initial_scan: StrictBool = Field(
        True, description="Look for devices at start, also without bluetooth.listen."
    )
    periodic_interval: SecondsOrNever = Field(43200, description="[s] Look again so often; 0 is never.")
    scan_duration: Seconds = Field(10, description="[s] How long to look.")
    auto_configure: StrictBool = Field(
        False, description="Configure at once what decryption proved to be a monitor."
    )


class Bluetooth(Section):
    backend: Literal["bluez", "simulated"] = Field("bluez", description="The radio, or batteries made up.")
    adapters: tuple[str, ...] = Field((), description="Such as hci0, or all; empty is the first that works.")
    listen: StrictBool = Field(True, description="Listen to advertisements all the time.")
    max_concurrent_connections: Annotated[int, Field(strict=True, ge=1, le=32)] = Field(
        1, description="Links held at a time on one adapter."
    )
    connection_timeout: Seconds = Field(
        30, description="[s] To a link; what BlueZ needs to end an attempt cleanly comes on top."
    )
    session_timeout: Seconds = Field(60, description="[s] From the link to the last frame.")
    record_interval: Seconds = Field(60, description="[s] Between recorded advertisements of a device.")
    record_delta: Annotated[float, Field(strict=True, ge=0, le=100)] = Field(
        0.05, description="[V] A change that is recorded sooner."
    )
    may_reset: StrictBool = Field(True, description="An adapter that hangs may be switched off and on.")
    exit_after: SecondsOrNever = Field(
        0,
        description="[s] End the process (exit code 69) after so long without Bluetooth; 0 is never."
        " Silence counts too: nothing heard after a power cycle, though something was before.",
    )


class Drivers(Section):
    folder: StrictBool = Field(
        False, description="Also load DATA/drivers/*.py. That code runs with the rights of the service."
    )


class Polling(Section):
    interval: Seconds = Field(
        3600, description="[s] Between polls of a device that has no interval of its own."
    )


class History(Section):
    auto: StrictBool = Field(
        True,
        description="Fetch what a device recorded while nobody listened, and the last start of an engine.",
    )


class Store(Section):
    durability: Literal["auto", "prompt", "sd"] = Field(
        "auto", description="Commit at once, or gather to spare an SD card; auto looks at the disk."
    )
    commit_interval: Seconds = Field(30, description="[s] How long sd gathers.")
    raw_days: Days = Field(56, description="[d] Keep single readings; 0 is for ever.")
    hourly_days: Days = Field(
        730, description="[d] Keep hourly summaries, never shorter than readings; 0 is for ever."
    )
    daily_days: Days = Field(
        0, description="[d] Keep daily summaries, never shorter than hourly ones; 0 is for ever."
    )
    max_unsent_days: Days = Field(
        90, description="[d] Keep what a sink has not got yet, if that is longer; 0 is for ever."
    )
    max_mb: Count = Field(1024, description="[MB] The log grows no larger: the oldest readings go first.")
    on_outage: Literal["spool", "drop"] = Field("spool", description="What is kept for a sink that is down.")


class Influxdb(Section):
    enabled: StrictBool = Field(
        True, description="Deliver to InfluxDB; while nothing is set here, only if it is there."
    )
    host: str = Field("localhost", description="Its host.")
    port: Port = Field(8086, description="Its port.")
    database: str = Field("battery_hawk", description="Its database (1.x).")
    username: str = Field("", description="Its user (1.x).")
    password: SecretStr = Field(SecretStr(""), description="Its password (1.x).")
    url: str = Field("", description="Instead of host and port, as https://host:8086.")
    token: SecretStr = Field(SecretStr(""), description="Its token (2.x, 3).")
    org: str = Field("", description="Its organisation (2.x).")
    bucket: str = Field("", description="Its bucket (2.x), or database (3).")
    flavour: Literal["auto", "v1", "v2"] = Field(
        "auto", description="Which write call; auto asks the server."
    )
    retention_policy: str = Field("", description="The retention policy to write to (1.x).")
    verify_tls: StrictBool = Field(True, description="Check its certificate.")
    ca_file: str = Field("", description="The authority that signed it, a PEM file.")


class Mqtt(Section):
    enabled: StrictBool = Field(False, description="Publish to a broker.")
    broker: str = Field("localhost", description="Its host.")
    port: Port = Field(1883, description="Its port.")
    topic_prefix: str = Field("battery_hawk", description="The first part of all topics.")
    username: str = Field("", description="Its user.")
    password: SecretStr = Field(SecretStr(""), description="Its password.")
    tls: StrictBool = Field(False, description="Encrypt.")
    ca_file: str = Field("", description="The authority that signed its certificate.")
    version: Literal["3.1.1", "5"] = Field("3.1.1", description="Of MQTT; every broker speaks 3.1.1.")
    qos: Annotated[int, Field(strict=True, ge=0, le=2)] = Field(
        2, description="The highest quality of service to use."
    )
    keepalive: Seconds = Field(60, description="[s] Between signs of life.")
    timeout: Seconds = Field(10, description="[s] For an answer of the broker.")
    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = Field(
        3,
        description="Further tries for an answer at which the connection is lost; readings are tried for ever.",
    )
    commands: StrictBool = Field(True, description="Listen to commands.")
    replay_max_age: SecondsOrNever = Field(
        3600, description="[s] Older readings are not published after an outage."
    )
    alias_prefix: str = Field(
        "", description="Also speak as BluPow does, below this prefix, such as blupow (docs/mqtt.md)."
    )
    legacy_plural_topics: StrictBool = Field(False, description="Also publish devices/... and vehicles/... .")


# A filter of topics: + is a whole level, # the end.
TopicFilter = Annotated[str, Field(min_length=1, pattern=r"^(#|([^+#/]*|\+)(/([^+#/]*|\+))*(/#)?)$")]


class BrokerUser(Section):
    password: SecretStr
    subscribe: tuple[TopicFilter, ...] = ()
    publish: tuple[TopicFilter, ...] = ()


class Broker(Section):
    enabled: StrictBool = Field(
        False, description="Run a broker inside (docs/mqtt.md); mqtt.enabled is implied, and points to it."
    )
    host: str = Field("127.0.0.1", description="Where it listens.")
    port: Port = Field(1883, description="Where it listens; 0 is any free port.")
    username: str = Field("", description="May do everything; needed where others can reach the broker.")
    password: SecretStr = Field(
        SecretStr(""), validate_default=True, description="Needed where others can reach the broker."
    )
    users: dict[str, BrokerUser] = Field({}, description="Further users and what they may do.")

    @field_validator("password")
    @classmethod
    def _nobody_unknown_from_afar(cls, password: SecretStr, info: ValidationInfo) -> SecretStr:
        given = info.data
        if not given.get("enabled"):
            return password
        if bool(given.get("username")) != bool(password.get_secret_value()):
            raise ValueError("broker.username and broker.password go together: set both, or none")
        if not password.get_secret_value() and not is_loopback(given.get("host", "")):
            raise ValueError(
                f"a broker that others can reach (broker.host is {given.get('host')!r}) needs broker.username"
                " and broker.password"
            )
        return password


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Postgresql(Section):
    enabled: StrictBool = Field(False, description="Deliver to PostgreSQL.")
    url: SecretStr = Field(
        SecretStr(""),
        description="postgresql://user:password@host:5432/database; special characters in it are written with %.",
    )
    verify_tls: StrictBool = Field(
        True, description="Encrypt, and check its certificate, when it is not this machine."
    )
    ca_file: str = Field("", description="The authority that signed it.")


class Homeassistant(Section):
    discovery_enabled: StrictBool = Field(True, description="Announce entities over MQTT.")
    discovery_prefix: str = Field("homeassistant", description="The prefix that Home Assistant listens to.")


class Zeroconf(Section):
    enabled: StrictBool = Field(True, description="Announce the service in the local network.")


def _is_network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError("an address such as 192.168.1.2, or a network such as 172.16.0.0/12") from None
    return text


def _is_base(text: str) -> str:
    base = text.removesuffix("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", base) or base.split("/")[1:2] in _OWN_PATHS:
        raise ValueError("a path such as /hawk, and none of our own, such as /api")
    return base


_OWN_PATHS = (["api"], ["healthz"], ["metrics"])

Network = Annotated[str, AfterValidator(_is_network)]
BasePath = Annotated[str, AfterValidator(_is_base)]


class Api(Section):
    host: str = Field("0.0.0.0", description="Where it listens.")  # noqa: S104  # the specification's default
    port: Port = Field(5000, description="Where it listens; 0 is any free port.")
    auth: Literal["token", "none"] = Field("token", description="none lets everybody in.")
    token: SecretStr = Field(
        SecretStr(""),
        description="Instead of the one in DATA/api-token; at least 16 characters, ASCII without blanks.",
    )
    trusted_hosts: tuple[str, ...] = Field((), description="Further names by which the service is called.")
    cert_file: str = Field(
        "",
        description="Its certificate, a PEM file, perhaps with others up to the authority: it speaks https then.",
    )
    key_file: str = Field("", description="The key of that, a PEM file, unless it is in the same one.")
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        description="Addresses and networks of proxies whose X-Forwarded-For, -Proto and -Host are believed.",
    )
    base_path: BasePath = Field("", description="The path under which a proxy shows it, such as /hawk.")
    health_endpoint: StrictBool = Field(True, description="Answer on /healthz.")
    max_streams: Count = Field(32, description="Event streams at a time.")

    @field_validator("token")
    @classmethod
    def _no_easy_one(cls, token: SecretStr) -> SecretStr:
        """As long as the one in the file must be, and such as a header can carry."""
        if token.get_secret_value() and not re.fullmatch(TOKEN, token.get_secret_value()):
            raise ValueError("a token has at least 16 characters, ASCII and without blanks")
        return token


class Simulation(Section):
    devices: Annotated[int, Field(strict=True, ge=1, le=5000)] = Field(8, description="How many monitors.")
    models: tuple[Model, ...] = Field(
        ("BM6", "BM2", "BM7"),
        description="Their families in turn: BM2, BM6, BM7.",
        json_schema_extra={"minItems": 1},
    )
    seed: StrictInt = Field(1, description="The same seed gives the same batteries.")
    speed: Annotated[float, Field(strict=True, ge=0.1, le=10_000)] = Field(
        1.0, description="How fast their time goes by."
    )
    history_days: Days = Field(30, description="[d] What they recorded before the start.")
    faults: tuple[Fault, ...] = Field(
        (), description="What some of them do wrong: silent, slow, drop, garbage."
    )
    replay: str = Field(
        "", description="A recording (docs/recording.md) to play instead of made-up batteries."
    )

    @field_validator("models")
    @classmethod
    def _at_least_one(cls, models: tuple[Model, ...]) -> tuple[Model, ...]:
        if not models:
            raise ValueError("at least one model")
        return models


class Clock(Section):
    trust: Literal["auto", "always"] = Field("auto", description="always switches the judgement off.")


class Logging(Section):
    level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = Field("INFO", description="From which level on.")
    file_logging: StrictBool = Field(False, description="Also to a file.")
    log_file: str = Field(
        "/data/battery_hawk.log",
        description="That file; while it is not set, battery_hawk.log in the data folder, wherever that is.",
    )
    max_mb: Count = Field(10, description="[MB] Then a new one is begun.")
    backups: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(
        3, description="Old ones that are kept."
    )
    format: Literal["text", "json"] = Field("text", description="For people or for programs.")


class Settings(Section):
    version: Literal["1.0"] = "1.0"
    gateway: Gateway = Gateway()
    discovery: Discovery = Discovery()
    bluetooth: Bluetooth = Bluetooth()
    drivers: Drivers = Drivers()
    polling: Polling = Polling()
    history: History = History()
    store: Store = Store()
    influxdb: Influxdb = Influxdb()
    mqtt: Mqtt = Mqtt()
    broker: Broker = Broker()
    postgresql: Postgresql = Postgresql()
    homeassistant: Homeassistant = Homeassistant()
    zeroconf: Zeroconf = Zeroconf()
    api: Api = Api()
    simulation: Simulation = Simulation()
    clock: Clock = Clock()
    logging: Logging = Logging()

    @property
    def speaks_mqtt(self) -> bool:
        """A broker inside is pointless without."""
        return self.mqtt.enabled or self.broker.enabled
