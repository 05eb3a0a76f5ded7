"""What the words and codes of PostgreSQL come to."""

import pytest

from hawk.errors import BatchRefused, BatchTooLarge, SinkBusy, SinkDenied, SinkError, SinkUnreachable
from hawk.sinks.postgresql.refusals import of_connecting, of_statement


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (None, SinkUnreachable),  # the connection broke
        ("08006", SinkUnreachable), ("57P01", SinkUnreachable), ("57P02", SinkUnreachable),
        ("57P03", SinkUnreachable), ("58030", SinkUnreachable), ("XX000", SinkUnreachable),
        ("25P03", SinkUnreachable), ("42P01", SinkUnreachable),
        ("40P01", SinkBusy), ("40001", SinkBusy), ("55P03", SinkBusy), ("53300", SinkBusy), ("53100", SinkBusy),
        ("57014", SinkBusy),
        ("54000", BatchTooLarge),
        ("22021", BatchRefused), ("22P02", BatchRefused), ("22003", BatchRefused), ("23514", BatchRefused),
        ("P0001", BatchRefused),
        ("25006", SinkDenied), ("42501", SinkDenied), ("42703", SinkDenied), ("42P07", SinkDenied),
        ("3F000", SinkDenied), ("0A000", SinkDenied), ("99999", SinkDenied),
    ],
)  # fmt: skip
def test_a_code_says_what_follows(code: str | None, kind: type[SinkError]) -> None:
    error = of_statement(code, "it said so\nLINE 1: ...", "db/bh", rows=500)
    assert type(error) is kind
    assert str(error).startswith("PostgreSQL at db/bh: it said so")
    assert "LINE" not in str(error)


def test_many_rows_that_take_too_long_are_tried_in_smaller_parts() -> None:
    assert type(of_statement("57014", "canceling statement", "db/bh", rows=5000)) is BatchTooLarge


def test_missing_rights_come_with_what_to_do() -> None:
    error = of_statement("42501", "permission denied", "db/bh", remedy="run: GRANT x")
    assert str(error) == "PostgreSQL at db/bh: permission denied; run: GRANT x"


SERVER = 'connection failed: connection to server at "192.0.2.1", port 5432 failed: '


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Connection refused\n\tIs the server running on that host?", SinkUnreachable),
        ("FATAL:  the database system is starting up", SinkUnreachable),
        ("FATAL:  the database system is shutting down", SinkUnreachable),
        ("FATAL:  the database system is in recovery mode", SinkUnreachable),
        ("FATAL:  the database system is not yet accepting connections", SinkUnreachable),
        ("server closed the connection unexpectedly", SinkUnreachable),
        ("received invalid response to SSL negotiation: H", SinkUnreachable),
        ("FATAL:  sorry, too many clients already", SinkBusy),
        ('FATAL:  too many connections for role "hawk"', SinkBusy),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", SinkBusy),
        ('FATAL:  password authentication failed for user "hawk"', SinkDenied),
        ("fe_sendauth: no password supplied", SinkDenied),
        ('FATAL:  database "bh" does not exist', SinkDenied),
        ('FATAL:  role "hawk" does not exist', SinkDenied),
        ('FATAL:  role "hawk" is not permitted to log in', SinkDenied),
        ('FATAL:  permission denied for database "bh"', SinkDenied),
        ('FATAL:  no pg_hba.conf entry for host "192.0.2.7", user "hawk", database "bh", no encryption', SinkDenied),
        ("server does not support SSL, but SSL was required", SinkDenied),
        ("SSL error: certificate verify failed", SinkDenied),
        ('server certificate for "db" does not match host name "192.0.2.1"', SinkDenied),
    ],
)  # fmt: skip
def test_words_at_the_door_say_what_follows(words: str, kind: type[SinkError]) -> None:
    error = of_connecting(SERVER + words, "db/bh", password_asked="certificate" in words)
    assert type(error) is kind
    said = words.split("\n", maxsplit=1)[0].removeprefix("FATAL:  ")
    assert str(error).startswith(f"PostgreSQL at db/bh: {said}")


def test_in_another_language_having_asked_for_the_password_decides() -> None:
    words = SERVER + "FATAL:  Passwort-Authentifizierung für Benutzer »hawk« fehlgeschlagen"
    assert type(of_connecting(words, "db/bh", password_asked=True)) is SinkDenied
    assert type(
        of_connecting(SERVER + "FATAL:  das Datenbanksystem startet", "db/bh", password_asked=False)
    ) is (SinkUnreachable)
