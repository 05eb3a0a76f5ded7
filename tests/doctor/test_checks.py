"""What checks amount to."""

import pytest

from hawk.doctor.checks import Check, exit_code, good, refused, untold
from hawk.errors import NoAdapter


def test_a_refusal_is_cut_into_what_happened_and_what_to_do() -> None:
    error = NoAdapter("The adapter is off: switch it on with 'bluetoothctl power on'.")
    assert refused("powered", error) == Check(
        "powered", False, "The adapter is off", "switch it on with 'bluetoothctl power on'."
    )
    assert refused("dbus", NoAdapter("Nothing works")).detail == "Nothing works"


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        ((), 0),
        (("disk",), 1),
        (("clock",), 1),
        (("wifi",), 1),
        (("scan",), 69),
        (("rfkill",), 69),
        (("disk", "dbus"), 69),
    ],
)
def test_the_exit_code_says_whether_it_is_bluetooth(failed: tuple[str, ...], code: int) -> None:
    fine = [good("data", ""), untold("connect", "")]
    assert exit_code([*fine, *(Check(name, False, "") for name in failed)]) == code
