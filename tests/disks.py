"""Real file systems that become full, read-only or broken. Needs root, which alone may mount."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def needs_root() -> None:
    if os.getuid() != 0:
        pytest.skip("only root may mount a disk that becomes full")


class Disk:
    """Mounted at `path` until the end of the test."""

    def __init__(self, path: Path, device: str, options: str, kind: str) -> None:
        self.path = path
        self._mount = ["mount", "-t", kind, "-o", options, device, str(path)]
        path.mkdir(exist_ok=True)
        run(*self._mount)

    def fill(self, keep: int = 0) -> None:
        """To the last byte, or but for so many bytes."""
        with (self.path / "fill").open("ab", buffering=0) as file:
            while (room := shutil.disk_usage(self.path).free - keep) > 0:
                try:
                    file.write(bytes(min(room, 65536)))
                except OSError:
                    break

    def free(self) -> None:
        (self.path / "fill").unlink()

    def abort(self) -> None:
        """As ext4 does after an error of the disk: nothing can be written any more."""
        run("mount", "-o", "remount,abort", str(self.path))

    def remount(self, access: str) -> bool:
        """`ro` or `rw`, as a person would. False: Linux does not want to, as long as files are open for writing."""
        command = ["mount", "-o", f"remount,{access}", str(self.path)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def again(self) -> None:
        """Anew at the same place, though files are open: as after another card was put in."""
        self.unmount()
        copy = self.path.with_name("copy.img")
        shutil.copy(self._mount[-2], copy)
        subprocess.run(["e2fsck", "-fy", str(copy)], capture_output=True, check=False)  # 1: mended
        run(*self._mount[:-2], str(copy), str(self.path))

    def unmount(self) -> None:
        run("umount", "--lazy", str(self.path))


def tmpfs(path: Path, size: int) -> Disk:
    return Disk(path, "tmpfs", f"size={size}", "tmpfs")


def ext4(path: Path, image: Path, size: int, *features: str) -> Disk:
    """On a file of that size, which may have holes."""
    with image.open("wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", "-m", "0", *(each for feature in features for each in ("-O", feature)), str(image))
    return Disk(path, str(image), "loop", "ext4")


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
