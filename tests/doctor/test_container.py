"""What is mounted where."""

from pathlib import Path

import pytest

from hawk.doctor.container import Mount, inside, mount_of, mounts, mounts_in

MOUNTINFO = r"""600 590 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a
601 600 0:53 / /proc rw,nosuid - proc proc rw
612 600 8:1 /var/lib/docker/volumes/hawk/_data /data rw,relatime - ext4 /dev/sda1 rw
613 600 8:2 / /mnt/my\040disk rw shared:7 - vfat /dev/sdb1 rw
614 600 8:3 / /data rw - btrfs /dev/sdc1 rw
"""


def test_the_kernel_names_each_mount() -> None:
    assert mounts_in(MOUNTINFO)[0] == Mount(Path("/"), "overlay")
    assert mounts_in(MOUNTINFO)[3] == Mount(Path("/mnt/my disk"), "vfat")
    assert Path("/proc") in {mount.point for mount in mounts()}


@pytest.mark.parametrize(
    ("path", "point", "kind"),
    [
        ("/data", "/data", "btrfs"),
        ("/data/deep/er", "/data", "btrfs"),
        ("/database", "/", "overlay"),
        ("/mnt/my disk/hawk", "/mnt/my disk", "vfat"),
    ],
)
def test_a_folder_is_on_the_innermost_and_newest_mount(path: str, point: str, kind: str) -> None:
    assert mount_of(Path(path), mounts_in(MOUNTINFO)) == Mount(Path(point), kind)


def test_without_a_list_nothing_is_known() -> None:
    assert mount_of(Path("/data"), ()) is None


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_containers_have_a_mark(mark: str, tmp_path: Path) -> None:
    assert not inside(tmp_path)
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()
    assert inside(tmp_path)
