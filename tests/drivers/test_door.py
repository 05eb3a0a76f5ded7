"""How drivers come in: by entry points of other packages, and from a folder where nobody else can write."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hawk.drivers import catalogue, door, folder
from hawk.drivers.api import History, Write
from hawk.drivers.catalogue import Catalogue
from hawk.drivers.guard import FAILED, guarded
from hawk.errors import DriverFailed, Invalid, ProtocolError
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from tests.doubles import TOY, address

SUNNY = """
from hawk.drivers.api import Driver, Gatt, Heard, Write
from hawk.model.reading import Sample

class Codec:
    def begin(self):
        return (Write(b"?"),)

    def receive_data(self, data):
        return Sample(voltage=data[0] / 10)

    def wants(self):
        return ()

DRIVER = Driver(
    device_type="SUNNY",
    description="a toy",
    names=frozenset({"sunny"}),
    gatt=Gatt("service", "write", "notify"),
    codec=Codec,
    measures=("voltage",),
    hear=lambda advertisement: Heard(Sample(voltage=advertisement.manufacturer_data[1][0] / 10), False, True),
    decode={"live": lambda data, address: Sample(voltage=data[0] / 10)},
)
"""
OURS = [driver.device_type for driver in catalogue.load().drivers]


@pytest.fixture
def drivers(tmp_path: Path) -> Path:
    made = tmp_path / "data" / "drivers"
    made.mkdir(parents=True)
    return made


def loaded(drivers: Path) -> Catalogue:
    admitted = door.admit(drivers)
    return Catalogue(admitted.drivers, admitted.problems)


def added(found: Catalogue) -> list[str]:
    """Types beyond our own, which are always there."""
    types = [driver.device_type for driver in found.drivers]
    assert types[: len(OURS)] == OURS
    return types[len(OURS) :]


# -- the folder ----------------------------------------------------------------------------------


def test_a_file_in_the_folder_is_a_driver(drivers: Path) -> None:
    (drivers / "sunny.py").write_text(SUNNY)
    (drivers / "_shared.py").write_text("raise SystemExit")
    (drivers / "notes.txt").write_text("no driver")
    found = loaded(drivers)
    assert (added(found), found.problems) == (["SUNNY"], ())
    assert found.driver("sunny").codec().receive_data(b"~") == Sample(voltage=12.6)
    assert not (drivers / "__pycache__").exists()


def test_without_the_setting_nothing_in_it_is_run() -> None:
    assert added(catalogue.load()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("\n\nx = 1 / 0", "line 3"),
        ("def (", "line 1"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("assert False, 'no'", "AssertionError: no"),
        ("x = 1", "there is no DRIVER in it"),
        ("DRIVER = 'sunny'", "it is a str, no hawk.drivers.api.Driver"),
        ("DRIVER = None", "it is a NoneType"),
        (SUNNY.replace('"SUNNY"', '"bm6"'), "'bm6' is already the name of a type, from hawk.drivers."),
        (SUNNY.replace('"SUNNY"', '"RENOGYCONTROLLER"'), "'renogycontroller' is already the name"),
        (SUNNY.replace('"SUNNY"', "7"), "not all words"),
        (SUNNY.replace('"SUNNY"', '" "'), "not all words"),
        (SUNNY.replace("description=", "descriptoin="), "unexpected keyword argument 'descriptoin'"),
    ],
)
def test_one_that_does_not_load_is_left_out_and_said_with_its_file(
    drivers: Path, text: str, says: str
) -> None:
    (drivers / "bad.py").write_text(text)
    (drivers / "sunny.py").write_text(SUNNY)
    found = loaded(drivers)
    assert added(found) == ["SUNNY"]
    (problem,) = found.problems
    assert problem.startswith(f"The driver from {drivers / 'bad.py'} is left out: ")
    assert says in problem
    assert problem.endswith("Mend the file, or remove it.")


def test_of_two_files_with_the_same_type_the_first_by_name_counts(drivers: Path) -> None:
    for name in ("b.py", "a.py"):
        (drivers / name).write_text(SUNNY)
    found = loaded(drivers)
    assert added(found) == ["SUNNY"]
    (problem,) = found.problems
    assert f"The driver from {drivers / 'b.py'}" in problem
    assert f"from {drivers / 'a.py'}" in problem


def test_a_file_that_is_no_text_or_no_file_is_left_out(drivers: Path) -> None:
    (drivers / "noise.py").write_bytes(bytes(range(256)))
    (drivers / "folder.py").mkdir()
    (drivers / "gone.py").symlink_to(drivers / "nowhere")
    os.mkfifo(drivers / "pipe.py")
    found = loaded(drivers)
    assert added(found) == []
    assert len(found.problems) == 4


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path / "drivers").problems
    assert problem.startswith(f"No driver is loaded from {tmp_path / 'drivers'}: ")
    assert "make that folder" in problem


def _write_for_all(path: Path) -> None:
    path.chmod(0o777)


def _write_for_the_group(path: Path) -> None:
    path.chmod(0o770)


def _somebody_elses(path: Path) -> None:
    os.chown(path, 1234, -1)


@pytest.mark.parametrize("opened", [_write_for_all, _write_for_the_group, _somebody_elses])
@pytest.mark.parametrize("which", ["data", "data/drivers", "data/drivers/sunny.py"])
def test_what_others_can_write_is_not_run(
    drivers: Path, which: str, opened: Callable[[Path], None], tmp_path: Path
) -> None:
    if opened is _somebody_elses and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    ran = tmp_path / "ran"
    (drivers / "sunny.py").write_text(f"open({str(ran)!r}, 'w').close()" + SUNNY)
    opened(tmp_path / which)
    found = loaded(drivers)
    assert added(found) == []
    assert not ran.exists()
    (problem,) = found.problems
    remedy = "sudo chown" if opened is _somebody_elses else "chmod go-w"
    assert f"{remedy} " in problem
    assert str(tmp_path / which) in problem


def test_a_link_is_judged_by_what_it_leads_to(drivers: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text(SUNNY)
    (drivers / "sunny.py").symlink_to(real)
    assert added(loaded(drivers)) == ["SUNNY"]
    real.chmod(0o666)
    assert added(loaded(drivers)) == []


def test_dataclasses_with_names_for_types_work_in_a_file(drivers: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    (drivers / "sunny.py").write_text(text + SUNNY)
    assert added(loaded(drivers)) == ["SUNNY"]
    assert folder.files(drivers) == [drivers / "sunny.py"]


# -- packages ------------------------------------------------------------------------------------


def package(site: Path, name: str, entry: str, text: str) -> None:
    """As pip leaves it."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[hawk.drivers]\n{entry}\n")
    (site / f"{name}.py").write_text(text)


def test_a_package_adds_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "sunny_a", "SUNNY = sunny_a:DRIVER", SUNNY)
    monkeypatch.syspath_prepend(tmp_path)
    admitted = door.admit(None)
    assert [driver.device_type for driver in admitted.drivers] == [*OURS, "SUNNY"]
    assert admitted.problems == ()


@pytest.mark.parametrize(
    ("name", "entry", "text", "says"),
    [
        ("sunny_b", "SUNNY = sunny_b:MISSING", SUNNY, "AttributeError"),
        ("sunny_c", "SUNNY = sunny_c:DRIVER", "import nothing_of_that_name", "ModuleNotFoundError"),
        ("sunny_d", "SUNNY = sunny_d:DRIVER", "exit(1)", "SystemExit"),
        ("sunny_e", "AAA = sunny_e:DRIVER", SUNNY.replace('"SUNNY"', '"BM2"'), "'bm2' is already the name"),
        ("sunny_f", "SUNNY = nowhere.at.all", SUNNY, "No module named 'nowhere'"),
    ],
)
def test_a_package_that_does_not_load_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, entry: str, text: str, says: str
) -> None:
    package(tmp_path, name, entry, text)
    monkeypatch.syspath_prepend(tmp_path)
    admitted = door.admit(None)
    assert [driver.device_type for driver in admitted.drivers] == OURS
    (problem,) = admitted.problems
    assert says in problem
    assert f"of the package {name}" in problem
    assert f"'pip uninstall {name}'" in problem


# -- once it is in -------------------------------------------------------------------------------


LINES = {"begin": 'return (Write(b"?"),)', "receive": "return Sample(voltage=data[0] / 10)"}


def sunny(drivers: Path, **changed: str) -> Catalogue:
    """With these lines in it instead of the right ones."""
    text = SUNNY
    for name, line in changed.items():
        text = text.replace(LINES[name], line)
    (drivers / "sunny.py").write_text(text)
    return loaded(drivers)


def test_its_mistake_with_a_neighbours_advertisement_is_no_crash(drivers: Path) -> None:
    found = sunny(drivers)
    neighbour = Advertisement(address(1), "Headphones", -60, "hci0", {76: b"x"})
    assert found.hear(neighbour) is None
    with pytest.raises(ProtocolError, match=r"sunny\.py made a mistake, KeyError") as refused:
        found.driver("SUNNY").hear(neighbour)
    assert refused.value.reason == FAILED


@pytest.mark.parametrize(
    ("changed", "does"),
    [
        ({"begin": "raise KeyError('x')"}, "begin"),
        ({"begin": 'return b"?"'}, "begin"),
        ({"begin": 'return (Write("?"),)'}, "begin"),
        ({"begin": "return None"}, "begin"),
        ({"receive": "return data[99]"}, "receive"),
        ({"receive": "return 12.6"}, "receive"),
        ({"receive": "return Sample(voltage='12.6')"}, "receive"),
        ({"receive": "return Sample(voltage=float('inf'))"}, "receive"),
        ({"receive": "return Sample(voltage=12.6, state_of_charge=101)"}, "receive"),
        ({"receive": "return Sample(voltage=12.6, status=1)"}, "receive"),
        ({"receive": "return Sample(voltage=12.6, extra={'cells': [1, 2]})"}, "receive"),
        ({"receive": "return Sample(voltage=12.6, extra=None)"}, "receive"),
        ({"receive": "return Sample(voltage=12.6, extra={1: 2})"}, "receive"),
    ],
)
def test_its_mistake_in_a_session_fails_that_session_alone(
    drivers: Path, changed: dict[str, str], does: str
) -> None:
    codec = sunny(drivers, **changed).driver("SUNNY").codec()
    with pytest.raises(DriverFailed, match=r"sunny\.py made a mistake") as failed:
        _ = codec.begin() if does == "begin" else codec.receive_data(b"~")
    assert failed.value.outcome == "driver_failed"
    assert str(failed.value).endswith("Tell its author.")


def test_its_config_is_refused_with_a_sentence(drivers: Path) -> None:
    driver = sunny(drivers).driver("SUNNY")
    with pytest.raises(Invalid, match="nothing to configure"):
        driver.configured({"x": 1})
    (drivers / "sunny.py").write_text(
        SUNNY.replace("codec=Codec", "codec=Codec, configure=lambda d, c: c['key']")
    )
    with pytest.raises(Invalid, match="made a mistake, KeyError"):
        loaded(drivers).driver("SUNNY").configured({})


class Clumsy:
    """A probe or a download that is broken."""

    quiet = 1.0
    found = None

    @property
    def done(self) -> bool:
        raise AttributeError("done")

    def begin(self) -> tuple[bytes, ...]:
        raise KeyError("begin")

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        raise IndexError(frame)

    def silent(self) -> tuple[bytes, ...]:
        raise ZeroDivisionError


def broken(*_: object) -> Any:
    raise LookupError("broken")


@pytest.mark.parametrize(
    "step", [lambda c: c.begin(), lambda c: c.receive(b"x"), lambda c: c.silent(), lambda c: c.done]
)
def test_its_mistake_while_it_probes_or_downloads_fails_that_session_alone(
    step: Callable[[Any], object],
) -> None:
    driver = guarded(
        replace(
            TOY,
            probe=Clumsy,  # type: ignore[arg-type]  # wrong on purpose
            history=History(download=lambda _: Clumsy(), sample=broken, cranking=broken),  # type: ignore[arg-type, return-value]  # wrong on purpose
            cranking=Clumsy,  # type: ignore[arg-type]  # wrong on purpose
        ),
        "sunny.py",
    )
    assert driver.probe is not None
    assert driver.history is not None
    assert driver.cranking is not None
    for conversation in (driver.probe(), driver.history.download(10), driver.cranking()):
        assert conversation.quiet == 1.0
        with pytest.raises(DriverFailed, match=r"sunny\.py made a mistake"):
            step(conversation)
    with pytest.raises(DriverFailed):
        driver.history.sample(b"x")
    with pytest.raises(DriverFailed):
        driver.history.cranking(b"x")
    with pytest.raises(DriverFailed):
        driver.cranking().event  # noqa: B018  # it raises


def test_its_mistake_about_a_name_fails_that_session_alone() -> None:
    with pytest.raises(DriverFailed):
        guarded(replace(TOY, by_name=broken), "sunny.py").named("Sunny")
    assert guarded(TOY, "sunny.py").named("Sunny").codec().begin() == (Write(b"?"),)


def test_its_mistake_about_what_fits_it_recognises_nothing() -> None:
    advertisement = Advertisement(address(1), None, -60, "hci0")
    wrong = guarded(replace(TOY, matches=broken), "sunny.py")
    assert Catalogue([wrong]).hear(advertisement) is None
    right = guarded(replace(TOY, matches=lambda _: True), "sunny.py")
    found = Catalogue([right]).hear(advertisement)
    assert found is not None
    assert found.driver is right
