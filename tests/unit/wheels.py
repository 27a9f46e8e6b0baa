"""Small wheels in a folder, which uv and pip install from without any package index."""

import hashlib
import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, version: str = "1.0", python: str = ">=3.8") -> str:
    """Make a wheel with one empty module; gives its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(each, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def line(name: str, digest: str, version: str = "1.0") -> str:
    """A line of a lock file."""
    return f"{name}=={version} --hash=sha256:{digest}\n"


def without_index(folder: Path) -> dict[str, str]:
    """Environment variables with which uv knows the wheels in `folder` and nothing else."""
    empty = folder.parent / "empty"
    empty.mkdir(exist_ok=True)
    return {
        "UV_DEFAULT_INDEX": str(empty),
        "UV_FIND_LINKS": str(folder),
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
    }
