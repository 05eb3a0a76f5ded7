"""`hawk export`."""

import csv
import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from hawk.archive.columns import SUMMARY_NAMES
from hawk.model.reading import Moment, Reading
from hawk.store.readings import Log
from hawk.web.resources import reading_summary_attributes
from tests.archive.test_comma import entries as entries_of_csv
from tests.archive.test_json_lines import entries as entries_of_json
from tests.store.samples import ADDRESS, NOW, OTHER, reading, undated

COUNT = 3000


def hawk(*arguments: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # type: ignore[call-overload]  # mypy does not look into **
        [sys.executable, "-m", "hawk", *arguments], capture_output=True, check=False, **options
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    with Log.open(folder / "readings.db") as log:
        for start in range(0, COUNT, 1000):
            log.append([reading(-COUNT + n, 12.0, extra={"n": n}) for n in range(start, start + 1000)], NOW)
        log.append([reading(-1, 13.0, address=OTHER, name='The "big" one,\nold')], NOW)
    return folder


def test_all_readings_come_by_device_and_time(data: Path) -> None:
    done = hawk("export", "--data", str(data))
    assert (done.returncode, done.stderr) == (0, b"")
    found = [each for each in entries_of_csv(done.stdout) if isinstance(each, Reading)]
    assert [each.sample.extra.get("n") for each in found] == [*range(COUNT), None]
    assert [each.device_id for each in found] == [ADDRESS] * COUNT + [OTHER]
    assert found[-1].device_name == 'The "big" one,\nold'


def test_json_lines_say_the_same(data: Path) -> None:
    csv, json_lines = (
        hawk("export", "--data", str(data)),
        hawk("export", "--format", "jsonl", "--data", str(data)),
    )
    assert entries_of_json(json_lines.stdout) == entries_of_csv(csv.stdout)


def test_a_span_and_a_device_can_be_asked_for(data: Path) -> None:
    span = ("--from", "2026-11-22T23:59:50Z", "--to", "2026-11-22")
    done = hawk("export", *span, "--device", ADDRESS.lower(), "--data", str(data))
    assert len(entries_of_csv(done.stdout)) == 10
    assert (
        entries_of_csv(hawk("export", *span, "--device", "AA:BB:CC:DD:EE:FF", "--data", str(data)).stdout)
        == []
    )


@pytest.mark.parametrize("resolution", ["hour", "day"])
def test_hours_and_days_come_as_the_api_says_them(data: Path, resolution: str) -> None:
    with Log.open(data / "readings.db") as log:
        while log.summarise(None).more:
            pass
        made = log.summaries_after(0, 1000)
    asked = ("export", "--resolution", resolution, "--data", str(data))
    said = [json.loads(line) for line in hawk(*asked, "--format", "jsonl").stdout.splitlines()]
    expected = [
        dict(reading_summary_attributes(each)) for each in made if each.resolution.value == resolution
    ]
    assert said == sorted(expected, key=lambda each: (each["device_id"], each["timestamp"]))
    assert said
    heading, *rows = csv.reader(io.StringIO(hawk(*asked).stdout.decode(), newline=""), strict=True)
    assert heading == list(SUMMARY_NAMES) == list(said[0])
    assert [row[heading.index("count")] for row in rows] == [str(each["count"]) for each in said]
    assert ",".join(heading) in (Path(__file__).parents[2] / "docs" / "export.md").read_text()


def test_auto_is_what_suits_the_span(data: Path) -> None:
    def chosen(*span: str) -> str:
        asked = ("export", "--resolution", "auto", "--output", "/dev/null", "--json", "--data", str(data))
        resolution: str = json.loads(hawk(*asked, *span).stdout)["resolution"]
        return resolution

    assert chosen("--from", "2026-11-20", "--to", "2026-11-23") == "raw"
    assert chosen("--from", "2026-10-20", "--to", "2026-11-23") == "hour"
    assert chosen("--from", "2024-10-20", "--to", "2026-11-23") == "day"


def test_a_span_of_hours_has_those_that_reach_into_it(data: Path) -> None:
    span = ("--from", "2026-11-22T23:59:00Z", "--to", "2026-11-23T12:00:00Z", "--device", ADDRESS)
    done = hawk("export", "--resolution", "hour", *span, "--format", "jsonl", "--data", str(data))
    assert [json.loads(line)["timestamp"] for line in done.stdout.splitlines()] == [
        "2026-11-22T23:00:00.000Z"
    ]


def test_a_file_is_there_when_it_is_complete_and_is_not_replaced_unasked(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "all.jsonl"
    done = hawk("export", "--output", str(target), "--json", "--data", str(data))
    said = json.loads(done.stdout)
    assert said == {
        "path": str(target), "format": "jsonl", "resolution": "raw", "readings": COUNT + 1,
        "bytes": target.stat().st_size,
    }  # fmt: skip
    assert len(entries_of_json(target.read_bytes())) == COUNT + 1
    target.write_text("mine")
    done = hawk("export", "--output", str(target), "--json", "--data", str(data))
    assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (1, "conflict")
    assert target.read_text() == "mine"
    assert hawk("export", "--output", str(target), "--force", "--data", str(data)).returncode == 0
    assert [each.name for each in tmp_path.iterdir()] == ["all.jsonl"]


def test_a_disk_that_is_full_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = hawk(
        "export", "--output", str(tmp_path / "all.csv"), "--json", "--data", str(data), preexec_fn=little_room
    )
    assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (73, "cannot_write")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_behind_stdout_is_said(data: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hawk", "export", "--data", str(data)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        73,
        "hawk: The output cannot be written: No space left on device.\n",
    )


def test_whoever_reads_may_have_enough(data: Path) -> None:
    command = f"{sys.executable} -m hawk export --data {data} | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines()[2], done.stderr) == ("0", "")


def test_a_device_file_is_written_to_and_not_replaced(data: Path) -> None:
    assert hawk("export", "--output", "/dev/null", "--data", str(data)).returncode == 0
    assert not Path("/dev/null").is_file()


def test_readings_without_a_date_are_said_to_be_left_out(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(when=undated(1))], Moment(None, 1000.0))
    done = hawk("export", "--data", str(tmp_path))
    assert (done.returncode, len(entries_of_csv(done.stdout))) == (0, 0)
    assert b"1 readings wait for their date" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--json"], 2),
        (["--from", "soon"], 1),
        (["--device", "x"], 1),
        (["--output", "."], 73),
        (["--data", "no"], 1),
    ],
)
def test_what_cannot_be_is_said(data: Path, tmp_path: Path, arguments: list[str], code: int) -> None:
    done = hawk("export", "--data", str(data), *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
