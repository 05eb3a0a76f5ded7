"""People and the API change devices.json in any order: neither loses what the other did."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hawk.errors import ChangedMeanwhile
from hawk.registry import changes
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import DeviceChanges
from tests.cast import A, B

NAMES = st.text("abc", min_size=1, max_size=4)


class BothSides(RuleBasedStateMachine):
    """A person names device B and marks the file, the API names device A."""

    @initialize()
    def begin(self) -> None:
        self.made = tempfile.TemporaryDirectory()
        self.folder = Path(self.made.name)
        self.path = self.folder / "devices.json"
        self.start()
        for address in (A, B):
            self.change(address, "first")
        self.unseen: bytes | None = None  # what the person wrote, until it is taken in
        self.wanted = {A: "first", B: "first"}
        self.mark: int | None = None

    def start(self) -> None:
        self.files = RegistryFiles(self.path, self.folder / "vehicles.json")

    def change(self, address: Any, name: str) -> None:
        wanted = DeviceChanges(device_type="BM6", friendly_name=name)
        self.files.write(changes.configure(self.files.snapshot, address, wanted, None, lambda name, _: name))

    @rule(name=NAMES)
    def the_api_names_a_device(self, name: str) -> None:
        before = self.path.read_bytes()
        try:
            self.change(A, name)
        except ChangedMeanwhile:
            assert self.unseen is not None
            assert self.path.read_bytes() == before
        else:
            assert self.unseen is None
            self.wanted[A] = name

    @precondition(lambda self: self.unseen is None)
    @rule(name=NAMES, mark=st.integers())
    def a_person_edits(self, name: str, mark: int) -> None:
        document = json.loads(self.path.read_bytes())
        document["mark"], document["devices"][B]["friendly_name"] = mark, name
        self.wanted[B], self.mark = name, mark
        self.write_by_hand(json.dumps(document).encode())

    @precondition(lambda self: self.unseen is None)
    @rule(damage=st.sampled_from([b"", b"{", b'{"devices": {"x": 1}}', b'{"version": "2.0"}']))
    def a_person_makes_a_mistake_and_mends_it(self, damage: bytes) -> None:
        right = self.path.read_bytes()
        self.write_by_hand(damage)
        for _ in range(2):
            self.files.look()
        assert self.files.problems
        self.the_api_names_a_device("refused")
        assert self.path.read_bytes() == damage
        self.path.write_bytes(right)
        self.unseen = None
        self.files.look()
        assert not self.files.problems

    def write_by_hand(self, content: bytes) -> None:
        self.path.write_bytes(content)
        if content != self.files._devices._ours:
            self.unseen = content

    @rule()
    def the_service_looks(self) -> None:
        self.files.look()
        self.unseen = None

    @rule()
    def the_service_starts_anew(self) -> None:
        self.start()
        self.unseen = None

    @invariant()
    def nothing_is_lost(self) -> None:
        there = self.path.read_bytes()
        if self.unseen is not None:
            assert there == self.unseen
            return
        document = json.loads(there)
        assert document.get("mark") == self.mark
        assert {address: document["devices"][address]["friendly_name"] for address in (A, B)} == self.wanted
        assert {a: device.friendly_name for a, device in self.files.snapshot.devices.items()} == self.wanted

    def teardown(self) -> None:
        self.made.cleanup()


TestBothSides = BothSides.TestCase
TestBothSides.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
