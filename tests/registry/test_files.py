"""devices.json and vehicles.json together."""

import json
from pathlib import Path

import pytest

from hawk.errors import CannotWrite, ChangedMeanwhile, ConfigurationError
from hawk.model.address import Address
from hawk.registry import changes
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import DeviceChanges, Snapshot
from tests.cast import NOW, A


def files_in(folder: Path) -> RegistryFiles:
    return RegistryFiles(folder / "devices.json", folder / "vehicles.json")


def known(device_type: str, config: object) -> str:  # the shape of a CanonicalType
    return device_type


def added(snapshot: Snapshot, address: Address, config: dict[str, object] | None = None) -> Snapshot:
    wanted = DeviceChanges(device_type="BM6", config=config)
    return changes.configure(snapshot, address, wanted, NOW, known)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def written_thrice(folder: Path) -> Snapshot:
    files = files_in(folder)
    for i in range(3):
        files.write(added(files.snapshot, Address(f"50:54:7B:00:00:1{i}")))
    return files.snapshot


@pytest.mark.parametrize("name", ["devices.json", "vehicles.json"])
@pytest.mark.parametrize("damaged", ["devices.json", "vehicles.json", None])
def test_a_file_of_another_version_stops_the_start_and_nothing_is_rewritten(
    tmp_path: Path, name: str, damaged: str | None
) -> None:
    written_thrice(tmp_path)
    if damaged is not None:
        (tmp_path / damaged).write_text("{")
    (tmp_path / name).write_text(json.dumps({"version": "2.0"}))
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match=f"{name} has version '2.0'"):
        files_in(tmp_path)
    assert contents(tmp_path) == before


def test_an_older_copy_of_the_vehicles_gives_no_id_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = written_thrice(tmp_path)
    (tmp_path / "vehicles.json").write_text("{")
    files = files_in(tmp_path)  # whose last good copy lacks vehicle_3
    assert files.snapshot.devices == before.devices
    assert files.snapshot.vehicles.keys() == before.vehicles.keys()
    assert "lacks vehicle_3" in caplog.text
    assert added(files.snapshot, A).devices[A].vehicle_id == "vehicle_4"
    assert any("vehicles.json" in notice for notice in files.notices)


def test_what_cannot_be_written_as_json_changes_neither_file(tmp_path: Path) -> None:
    before, files = written_thrice(tmp_path), files_in(tmp_path)
    on_disk = contents(tmp_path)
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(CannotWrite, match="nested too deeply"):
        files.write(added(files.snapshot, A, {"deep": deep}))
    assert contents(tmp_path) == on_disk
    assert files.snapshot == before


def test_half_a_character_in_what_is_not_ours_is_written_again(tmp_path: Path) -> None:
    written_thrice(tmp_path)
    document = json.loads((tmp_path / "devices.json").read_text())
    (tmp_path / "devices.json").write_text(json.dumps({**document, "note": "a\ud83d"}))
    files = files_in(tmp_path)
    files.write(added(files.snapshot, A, {"key": "\udc80"}))
    assert json.loads((tmp_path / "devices.json").read_text())["note"] == "a\ud83d"
    assert files_in(tmp_path).snapshot.devices[A].config == {"key": "\udc80"}


def edit(folder: Path, name: str, **changed: object) -> None:
    document = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(document | changed))


def test_an_edit_of_both_files_is_taken_in_at_one_look(tmp_path: Path) -> None:
    written_thrice(tmp_path)
    files = files_in(tmp_path)
    edit(tmp_path, "vehicles.json", vehicles={"boat": {"name": "Boat"}}, last_vehicle=0)
    edit(tmp_path, "devices.json", devices={A: {"device_type": "BM6", "vehicle_id": "boat"}}, last_vehicle=0)
    files.look()
    assert files.problems == ()
    assert [device.vehicle_id for device in files.snapshot.devices.values()] == ["boat"]
    assert {vehicle.name for vehicle in files.snapshot.vehicles.values()} == {"Boat"}
    assert files.snapshot.last_vehicle == 3  # what was used once is not used again


def test_a_wrong_edit_of_one_file_keeps_both_back_and_is_said_at_the_second_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, files = written_thrice(tmp_path), files_in(tmp_path)
    edit(tmp_path, "vehicles.json", vehicles={"boat": {"name": 7}, "car": []})
    edit(tmp_path, "devices.json", devices={A: {"device_type": "BM6"}, "x": {}})
    files.look()
    assert files.problems == ()
    for _ in range(3):
        files.look()
    said: tuple[str, ...] = files.problems
    assert [each.split(": ")[:2] for each in said] == [
        ["devices.json", "/devices/x"],
        ["vehicles.json", "/vehicles/boat/name"],
        ["vehicles.json", "/vehicles/car"],
    ]
    assert files.snapshot.devices == before.devices
    assert len(caplog.records) == 1
    on_disk = contents(tmp_path)
    with pytest.raises(ChangedMeanwhile, match=r"/vehicles/boat/name"):
        files.write(added(files.snapshot, A))
    assert contents(tmp_path) == on_disk
    edit(tmp_path, "vehicles.json", vehicles={})
    edit(tmp_path, "devices.json", devices={})
    files.look()
    assert (files.problems, files.snapshot.devices) == ((), {})


def test_a_wrong_edit_that_is_taken_back_is_forgotten(tmp_path: Path) -> None:
    written_thrice(tmp_path)
    files, right = files_in(tmp_path), (tmp_path / "devices.json").read_bytes()
    (tmp_path / "devices.json").write_text("{")
    files.look()
    files.look()
    assert files.problems
    (tmp_path / "devices.json").write_bytes(right)
    files.look()
    assert files.problems == ()
    files.write(added(files.snapshot, A))


@pytest.mark.parametrize("name", ["devices.json", "vehicles.json"])
def test_a_file_that_is_gone_is_no_edit_and_comes_back_with_the_next_change(
    tmp_path: Path, name: str
) -> None:
    before, files = written_thrice(tmp_path), files_in(tmp_path)
    (tmp_path / name).unlink()
    files.look()
    assert (files.problems, files.snapshot) == ((), before)
    files.write(added(files.snapshot, A))
    assert files_in(tmp_path).snapshot == files.snapshot


def test_a_file_that_may_not_be_read_is_no_edit_and_is_said(tmp_path: Path) -> None:
    before, files = written_thrice(tmp_path), files_in(tmp_path)
    (tmp_path / "devices.json").unlink()
    (tmp_path / "devices.json").mkdir()
    files.look()
    files.look()
    (said,) = files.problems
    assert "devices.json cannot be read" in said
    assert files.snapshot == before


def test_a_change_of_which_only_the_first_file_can_be_written_is_taken_back(tmp_path: Path) -> None:
    before, files = written_thrice(tmp_path), files_in(tmp_path)
    on_disk = contents(tmp_path)
    (tmp_path / ".devices.json.new").mkdir()  # so that it cannot be made
    with pytest.raises(CannotWrite, match=r"devices\.json"):
        files.write(added(files.snapshot, A))
    (tmp_path / ".devices.json.new").rmdir()
    for name in ("devices.json", "vehicles.json"):
        assert (tmp_path / name).read_bytes() == on_disk[name]
    assert (files.snapshot, files_in(tmp_path).snapshot) == (before, before)
