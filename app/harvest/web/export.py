"""Write what the frontend serves as files, for a web server to serve from disk, with gzipped twins."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

from harvest.settings import Settings
from harvest.web.app import create_app

ZIPPED = {".js", ".css", ".svg", ".json", ".mjs", ".map"}


def export(settings: Settings, dest: Path) -> str:
    """Fill `dest` as the URLs below the base path are: `_dash-component-suites/...` and `assets/...`.

    The names of the suites carry the version and time of the installed packages, so run it where HARVEST runs.
    """
    app = create_app(settings)
    base = settings.URL_BASE_PATHNAME
    client = app.server.test_client()
    index = client.get(base).text
    wanted = set(re.findall(rf'(?:src|href)="{re.escape(base)}(_dash-component-suites/[^"?]+)', index))
    wanted |= lazy_suites(app)
    dest.mkdir(parents=True, exist_ok=True)
    for name in sorted(wanted):
        answer = client.get(base + name)
        if answer.status_code == 200:
            write(dest / name, answer.data)
    assets = Path(app.config.assets_folder)
    for source in sorted(path for path in assets.rglob("*") if path.is_file()):
        write(dest / "assets" / source.relative_to(assets), source.read_bytes())
    return f"{sum(1 for path in dest.rglob('*') if path.is_file())} files are in {dest}."


def lazy_suites(app: object) -> set[str]:
    """Component files that pages load when they need them: `async-dropdown.js` and the like."""
    from dash.fingerprint import build_fingerprint

    names = set()
    for package, paths in app.registered_paths.items():  # type: ignore[attr-defined]
        module = __import__(package, fromlist=["__version__"])
        folder = Path(module.__file__ or "").parent
        for path in paths:
            file = folder / path
            if file.exists() and not path.endswith(".map"):
                names.add(f"_dash-component-suites/{package}/{path}")
                stamp = int(file.stat().st_mtime)
                version = getattr(module, "__version__", "")
                hashed = build_fingerprint(path, version, stamp)  # type: ignore[no-untyped-call]
                names.add(f"_dash-component-suites/{package}/{hashed}")
    return names


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if path.suffix in ZIPPED and len(data) > 500:
        twin = path.with_name(path.name + ".gz")
        twin.write_bytes(gzip.compress(data, 9, mtime=0))
        shutil.copystat(
            path, twin
        )  # nginx's gzip_static wants no particular time, but equal times are kind to rsync
