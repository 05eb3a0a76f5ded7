"""Imports run one way. Reads the source, so it also sees imports inside functions."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("actors", "hawk")
    for path in sorted((ROOT / package).rglob("*.py"))
}

# The layers, lowest first; a module is in the first layer one of whose prefixes fits.
# It may import from lower layers, and from its own feature.
LAYERS = [
    ["actors"],
    ["hawk.errors", "hawk.model", "hawk.wire"],
    ["hawk.drivers.api", "hawk.clock", "hawk.installed", "hawk.listening", "hawk.ownership", "hawk.replacing",
     "hawk.durable", "hawk.strict_json", "hawk.mistakes"],
    ["hawk.events", "hawk.config.schema", "hawk.ble.radio", "hawk.ble.recording", "hawk.ble.tape", "messages"],
    ["hawk.drivers"],
    ["pure"],
    ["hawk.registry", "hawk.directory", "hawk.store", "hawk.vehicles", "hawk.ble", "hawk.devices", "hawk.jobs",
     "hawk.mqtt", "hawk.sinks", "hawk.archive", "hawk.config", "hawk.datafolder", "hawk.tokens", "hawk.logs"],
    ["hawk.doctor", "hawk.backup"],
    ["hawk.web"],
    ["hawk.tree"],
    ["hawk.app"],
    ["hawk.cli"],
]  # fmt: skip

# Which foreign library may be imported by whom.
ONLY = {
    "bleak": ["hawk.ble.bleak_radio"],
    "aiomqtt": ["hawk.mqtt.line"],
    "amqtt": ["hawk.mqtt.embedded"],
    "trio_asyncio": ["actors.bridge"],
    "hypercorn": ["hawk.web.server"],
    "zeroconf": ["hawk.web.announce"],
    "ifaddr": ["hawk.web.announce"],
    "influxdb_client": ["hawk.sinks.influx"],
    "urllib3": ["hawk.sinks.influx"],
    "sqlite3": ["hawk.store", "hawk.archive.bmgateway"],
    "click": ["hawk.cli"],
    "rich": ["hawk.cli"],
    "quart": ["hawk.web"],
    "quart_trio": ["hawk.web"],
    "cryptography": ["hawk.wire.aes"],
    "pydantic": ["hawk.config", "hawk.web", "hawk.model.shapes"],
    "pykka": ["actors"],
    "prometheus_client": ["hawk.web.metrics"],
    "jinja2": ["hawk.web.openapi.page"],
    "aiobmsble": ["hawk.drivers.bms"],
    "victron_ble": ["hawk.drivers.victron"],
    "psycopg": ["hawk.sinks.postgresql.session"],
}

PURE = ["hawk.model", "hawk.wire", "hawk.drivers"]
FORBIDDEN_IN_PURE = {"trio", "asyncio", "logging", "time", "threading", "socket"}


def imports_of(path: Path) -> set[str]:
    """Not those for the type checker alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found.update(
                name if (name := f"{node.module}.{alias.name}") in MODULES else node.module
                for alias in node.names
            )
    return found


IMPORTS = {module: imports_of(path) for module, path in MODULES.items()}


def within(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def layer(module: str) -> int:
    if module.startswith("hawk.") and module.endswith(".messages"):
        return next(i for i, prefixes in enumerate(LAYERS) if "messages" in prefixes)
    return next(i for i, prefixes in enumerate(LAYERS) for prefix in prefixes if within(module, prefix))


def feature(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ("hawk", "hawk.__main__")])
def test_a_module_imports_only_from_below_and_from_its_own_feature(module: str) -> None:
    for imported in IMPORTS[module] & MODULES.keys() - {"hawk", "actors"}:
        assert layer(imported) <= layer(module), f"{module} imports {imported}, which is above it"
        if layer(imported) == layer(module) and layer(module) == layer("hawk.store"):
            assert feature(imported) == feature(module), (
                f"{module} imports {imported}: features meet only in events and messages"
            )


def test_actors_know_nothing_of_hawk() -> None:
    for module, imported in IMPORTS.items():
        if within(module, "actors"):
            assert not [name for name in imported if within(name, "hawk")], module


@pytest.mark.parametrize("library", ONLY)
def test_a_foreign_library_has_one_place(library: str) -> None:
    users = [m for m, imported in IMPORTS.items() if any(within(name, library) for name in imported)]
    assert users, f"nobody imports {library} any more: take it out of the list"
    assert [user for user in users if not any(within(user, place) for place in ONLY[library])] == []


@pytest.mark.parametrize("module", [m for m in MODULES if any(within(m, pure) for pure in PURE)])
def test_the_pure_packages_stay_pure(module: str) -> None:
    assert {name.split(".")[0] for name in IMPORTS[module]} & FORBIDDEN_IN_PURE == set()


def test_there_is_no_circle() -> None:
    seen: dict[str, int] = {}  # 1: being visited, 2: done

    def visit(module: str, path: tuple[str, ...]) -> None:
        if seen.get(module) == 2:
            return
        assert seen.get(module) != 1, " -> ".join((*path, module))
        seen[module] = 1
        for imported in sorted(IMPORTS[module] & MODULES.keys() - {"hawk", "actors"}):
            visit(imported, (*path, module))
        seen[module] = 2

    for module in MODULES:
        visit(module, ())


MAY_CATCH_EVERYTHING = {
    "hawk.installed": "loads code of other people",
    "hawk.drivers.guard": "calls code of other people",
    "hawk.drivers.contract": "looks for what code of other people raises",
    "hawk.cli.main": "the last one to catch anything",
    "hawk.mqtt.embedded": "calls code of other people with bytes of anybody",
}


def test_nothing_in_hawk_catches_everything() -> None:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if within(module, "hawk") and isinstance(node, ast.ExceptHandler):
                names = ast.unparse(node.type) if node.type else "everything"
                caught = {name.strip("() ") for name in names.split(",")}
                broad = caught & {"everything", "Exception", "BaseException"}
                assert not broad or module in MAY_CATCH_EVERYTHING, f"{module}:{node.lineno}"


EXEMPTION = re.compile(r"# (?:noqa|type: ignore)\S*(?: [A-Z]+[0-9]+,?| [a-z-]+\],?)*")
SOURCES = [
    path
    for folder in ("actors", "deploy", "docs", "hawk", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__)
]


def test_every_exemption_from_a_rule_says_why() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (found := EXEMPTION.search(line)) and not line[found.end() :].strip(" #")
    ]
    assert bare == []
