"""Whatever stands in system.json: the settings, or all that is wrong in words for people."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.config.load import SettingsError, fields_of, load, sections
from hawk.config.schema import Settings
from tests.json_texts import check_said, contents, texts

PLACES = [(section, key) for section in sections() for key in fields_of(section)]
KEYS = [*Settings.model_fields, *{key for _, key in PLACES}, "subscribe", "publish"]
often = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal(folder: Path, content: bytes) -> SettingsError | None:
    file = folder / "system.json"
    file.write_bytes(content)
    try:
        load(file, {})
    except SettingsError as error:
        assert file.read_bytes() == content
        return error
    return None


@often
@given(content=contents(texts(KEYS)) | st.binary(max_size=60))
def test_any_content_is_taken_or_refused_in_words(tmp_path: Path, content: bytes) -> None:
    if (error := refusal(tmp_path, content)) is not None:
        check_said(str(error).splitlines())
        assert len(str(error).splitlines()) == len(error.problems)
        for each in error.problems:
            assert each.pointer == "" or each.pointer.startswith("/")
        json.dumps(error.as_json(), allow_nan=False)


ANY: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(), max_size=8) | st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)


@often
@given(found=st.dictionaries(st.sampled_from(PLACES), ANY, max_size=6))
def test_any_value_at_any_key_is_taken_or_named_with_its_place(
    tmp_path: Path, found: dict[tuple[str, str], Any]
) -> None:
    document: dict[str, Any] = {}
    for (section, key), value in found.items():
        document.setdefault(section, {})[key] = value
    if (error := refusal(tmp_path, json.dumps(document).encode())) is not None:
        check_said(str(error).splitlines())
        places = {f"/{section}/{key}" for section, key in found}
        assert {"/".join(each.pointer.split("/")[:3]) for each in error.problems} <= places


@pytest.mark.parametrize("wrong", [None, {"x": [None]}, [[{}]]], ids=str)
def test_every_key_is_named_when_all_are_wrong(tmp_path: Path, wrong: object) -> None:
    document: dict[str, Any] = {section: dict.fromkeys(fields_of(section), wrong) for section in sections()}
    error = refusal(tmp_path, json.dumps(document).encode())
    assert error is not None
    check_said(str(error).splitlines())
    assert {tuple(each.pointer.split("/")[1:3]) for each in error.problems} == set(PLACES)
    assert [each.expected for each in error.problems if each.expected == "another value"] == []
