"""postgresql.url: what is understood, what is said of it, and that no secret leaves it."""

import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from hawk.config.schema import Postgresql
from hawk.errors import ConfigurationError
from hawk.sinks.postgresql.database import Database, database

CONTROL = "".join(map(chr, (*range(32), 127)))


def of(url: str, **settings: object) -> Database:
    return database(Postgresql(enabled=True, url=SecretStr(url), **settings))


@pytest.mark.parametrize(
    ("url", "place", "asked"),
    [
        ("postgresql://hawk:pw@db/bh", "db/bh", {"user": "hawk", "host": "db", "dbname": "bh"}),
        ("postgres://hawk@db:5432/bh", "db/bh", {"host": "db", "port": "5432"}),
        ("postgresql://hawk@db:5433/bh", "db:5433/bh", {"port": "5433"}),
        ("postgresql://hawk:p%40s%2Fs@db/bh", "db/bh", {"password": "p@s/s"}),
        ("postgresql://hawk:p@s@db/bh", "db/bh", {"password": "p@s", "host": "db"}),
        ("postgresql://hawk@db", "db/hawk", {"user": "hawk"}),
        ("postgresql://hawk@[fe80::1]:5433/bh", "[fe80::1]:5433/bh", {"host": "fe80::1", "port": "5433"}),
        ("postgresql://hawk@a,b:5433/bh", "a,b:5433/bh", {"host": "a,b", "port": "5432,5433"}),
        ("postgresql:///bh?host=/run/postgresql", "/run/postgresql/bh", {"host": "/run/postgresql"}),
        ("postgresql://hawk@%2Frun%2Fpostgresql/bh", "/run/postgresql/bh", {"host": "/run/postgresql"}),
        ("postgresql://hawk@db/bh?options=-csearch_path%3Dhawk", "db/bh?options=-csearch_path=hawk", {}),
        ("postgresql://hawk@db/bh?connect_timeout=2", "db/bh", {"connect_timeout": "2"}),
    ],
)  # fmt: skip
def test_an_url_is_taken_apart(url: str, place: str, asked: dict[str, str]) -> None:
    found = of(url)
    assert found.place == place
    assert asked.items() <= dict(found.parameters).items()


@pytest.mark.parametrize(
    "url",
    [
        "", "db", "http://hawk:pw@db/bh", "postgresql://hawk:secr/et@db/bh", "postgresql://hawk:secr#et@db/bh",
        "postgresql://hawk:12#34@db/bh", "postgresql://hawk:secr?et@db/bh", "postgresql://hawk:secret@db:port/bh",
        "postgresql://hawk:secret@[fe80/bh", "postgresql://hawk:secret@db/bh?secret", "postgresql://hawk:secret@d b/bh",
        "postgresql://hawk:secret@db:543210/bh", "postgresql://hawk:secr%00et@db/bh",
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_without_repeating_it(url: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"postgresql\.url .* postgresql://user:password@host"
    ) as refused:
        of(url)
    said = str(refused.value)
    assert "secr" not in said
    assert "34" not in said.replace("5432", "")
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@given(st.text(st.characters(codec="utf-8", exclude_characters=CONTROL), min_size=1))
def test_a_password_with_percent_signs_arrives_as_it_is_and_is_in_nothing_that_people_see(
    password: str,
) -> None:
    marked = f"<{password}>"
    found = of(f"postgresql://hawk:{quote(marked, safe='')}@db/bh")
    assert found.parameters["password"] == marked
    assert marked not in repr(found) + str(found) + found.place


@given(st.text())
def test_no_text_does_more_harm_than_an_error_of_the_configuration(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        of("postgresql://hawk:" + text)


CA = "/etc/hawk/ca.pem"


@pytest.mark.parametrize(
    ("host", "settings", "mode"),
    [
        ("db", {}, "verify-full"),
        ("db", {"ca_file": CA}, "verify-full"),
        ("db", {"verify_tls": False}, "prefer"),
        ("localhost", {}, "prefer"),
        ("127.0.0.1", {}, "prefer"),
        ("[::1]", {}, "prefer"),
        ("localhost,db", {}, "verify-full"),
        ("localhost", {"ca_file": CA}, "verify-full"),
    ],
)
def test_who_is_on_another_machine_has_to_prove_who_it_is(
    host: str, settings: dict[str, object], mode: str
) -> None:
    found = of(f"postgresql://hawk:pw@{host}/bh", **settings)
    assert found.parameters["sslmode"] == mode
    if "ca_file" in settings:
        assert found.parameters["sslrootcert"] == CA


def test_what_the_url_says_of_encryption_is_obeyed() -> None:
    assert of("postgresql://hawk@db/bh?sslmode=disable").parameters["sslmode"] == "disable"
    assert of("postgresql://hawk@db/bh?sslmode=require", verify_tls=False).parameters["sslmode"] == "require"


@pytest.mark.parametrize("hosts", [1, 2, 3, 9])
def test_connecting_to_any_number_of_hosts_is_over_in_time(hosts: int) -> None:
    found = of(f"postgresql://hawk@{','.join(['db'] * hosts)}/bh")
    assert int(found.parameters["connect_timeout"]) >= 2
