"""What a radio without a Bluetooth stack below it has to say of one: nothing hangs, nothing is left over."""

from collections.abc import Callable, Collection
from typing import Any

from hawk.ble.radio import Limits
from hawk.drivers.api import Library
from hawk.errors import Undecodable
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample


class Stackless:
    async def read_by_library(
        self,
        address: Address,
        library: Callable[[Any, Any], Library],  # noqa: ARG002  # the signature of Radio
        limits: Limits,  # noqa: ARG002  # the signature of Radio
        on_link: Callable[[LinkState], None],  # noqa: ARG002  # the signature of Radio
        on_sample: Callable[[Sample], None],  # noqa: ARG002  # the signature of Radio
        adapter: str = "",  # noqa: ARG002  # the signature of Radio
    ) -> None:
        raise Undecodable(f"{address} is simulated, and a library needs real Bluetooth.")

    async def drop(self, address: Address) -> None:
        """A link here ends with its session, whatever happens; there is none to drop."""

    async def clear(self, addresses: Collection[Address]) -> tuple[Address, ...]:  # noqa: ARG002  # the signature of Radio
        return ()

    async def renew(self) -> None:
        """There is no stack that could hang."""

    def rescan(self, adapter: str) -> None:
        """There is no scan that could fall silent."""

    async def power_cycle(self, adapters: Collection[str] = ()) -> None:
        """There is no adapter that could hang."""
