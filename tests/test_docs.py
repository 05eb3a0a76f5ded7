"""The documentation names things that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_it_names_is_there(page: Path) -> None:
    for path in re.findall(r"(?<![\w.-])((?:hawk|actors|tests|docs|deploy)/[\w/.-]*\w)", page.read_text()):
        if "://" not in path:
            found = ROOT / path.rstrip(".")
            assert found.exists() or found.with_suffix(".py").exists(), f"{page.name} names {path}"


def test_the_specification_is_complete() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "specification.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 177))


def test_the_readme_has_its_two_commands_in_the_first_screen() -> None:
    head = (ROOT / "README.md").read_text().splitlines()[:30]
    commands = [
        head[i + 1] for i, line in enumerate(head) if line == "```" and head[i + 2 : i + 3] == ["```"]
    ]
    assert commands == ["deploy/demo", "deploy/test"]
    for command in commands:
        assert (ROOT / command).stat().st_mode & 0o111


def test_every_driver_has_a_page() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs" / "devices").glob("*.md"))
    drivers = re.findall(r"^(\w+) = \"hawk\.drivers", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert drivers
    assert [driver for driver in drivers if driver not in pages] == []
