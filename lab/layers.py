"""A host's file system: a layer of its own over its image, which no host can change.

Copying an image would write a quarter of a gigabyte per host. Where the kernel has no overlay file system, or the
path has characters that its options cannot hold, the image is copied all the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.run import run, succeeds


def mount_command(image: Path, directory: Path, label: str) -> list[str]:
    """Return the command that mounts the layers of the host in `directory` at `directory/root`.

    Args:
        image: the image's root directory.
        label: what the mount table shows as the device.
    """
    layers = f"lowerdir={image},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    # Without redirect_dir a directory of the image could not be renamed inside the host.
    return ["mount", "-t", "overlay", label, "-o", f"{layers},redirect_dir=on", str(directory / "root")]


def create(image: Path, directory: Path, label: str) -> None:
    """Give the host in `directory` a fresh file system, mounted at `directory/root`."""
    made = [directory / name for name in ("upper", "work", "root")]
    for part in made:
        part.mkdir(mode=0o755)
    (directory / "image").write_text(str(image))
    if set(",:\\") & set(f"{image}{directory}") or not succeeds(mount_command(image, directory, label)):
        for part in [*made, directory / "image"]:
            part.unlink() if part.is_file() else shutil.rmtree(part)
        run(["cp", "-a", "--reflink=auto", str(image), str(directory / "root")])


def attach(directory: Path, label: str) -> None:
    """Mount the layers of a host again, if it has any and they are not mounted."""
    image = directory / "image"
    if image.exists() and not (directory / "root").is_mount():
        run(mount_command(Path(image.read_text()), directory, label))


def detach(directory: Path) -> None:
    """Unmount a host's layers; they are kept."""
    root = directory / "root"
    if root.is_mount() and not succeeds(["umount", str(root)]):
        run(["umount", "--lazy", str(root)])  # somebody stands in it


def discard(directory: Path) -> None:
    """Unmount and delete everything of a host."""
    if directory.exists():
        detach(directory)
        shutil.rmtree(directory)
