"""How long the publisher waits before it tries a broker again. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    first: float = 1.0  # [s]
    longest: float = 60.0
    refused: float = 30.0  # at least, where somebody has to change a setting

    def wait(self, failures: int, chance: float, *, refused: bool) -> float:
        """[s] `failures` in a row, at least one; `chance` from 0 to 1 keeps many gateways from coming at once."""
        doubled = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        seconds = max(doubled, self.refused) if refused else doubled
        return seconds * (0.5 + chance / 2)
