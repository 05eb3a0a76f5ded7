"""Where on the command line, or in which file, stands what is wrong."""

from pathlib import Path

from hawk.errors import HawkError, Invalid

IN_CONFIG = "/data/attributes/config"
_OPTIONS = {
    "/data/attributes/device_type": "--type",
    "/data/attributes/friendly_name": "--name",
    "/data/attributes/vehicle_id": "--vehicle",
    "/data/attributes/polling_interval": "--interval",
}


def placed(error: HawkError, pointer: str, file: Path | None) -> HawkError:
    """`pointer` is the place in what was sent, `file` the one of --config."""
    from hawk.cli.config_file import WrongFile

    if pointer.startswith(IN_CONFIG) and file is not None:
        return WrongFile(str(error), file, pointer.removeprefix(IN_CONFIG) or "/")
    place = "--config" if pointer.startswith(IN_CONFIG) else _OPTIONS.get(pointer)
    return Invalid(f"{place}: {error}" if place else str(error), pointer)
