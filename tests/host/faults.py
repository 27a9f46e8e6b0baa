"""Releases that fail, each in a way of its own, and a program that kills a switch at a moment."""

BROKEN = {
    "raises on import": ({"wsgi_be.py": 'raise SystemExit("no such luck")'}, "| no such luck"),
    "answers 500": (
        {
            "wsgi_be.py": "app.view_functions = {k: ((lambda **_: ({'ok': True}, 500)) if 'ready' in k else v) "
            "for k, v in app.view_functions.items()}"
        },
        "/api/ready answered 500",
    ),
    "hangs": ({"wsgi_be.py": "import time; time.sleep(3600)"}, "not ready after 30 s"),
    "eats memory": (
        {"wsgi_be.py": "hog = [bytearray(1 << 20) for _ in range(8000)]"},
        "MiB of memory; a service may",
    ),
    "forks": (
        {
            "wsgi_be.py": "import os, time\nwhile True:\n    time.sleep(0.005)\n    os.fork() or time.sleep(60)"
        },
        "processes and threads; a service may have 128",
    ),
    "fills the disk": (
        {
            "wsgi_fe.py": "import os\nfor n in range(400):\n"
            "    open(f\"{os.environ['HARVEST_STATE_DIR']}/fill{n}\", 'wb').write(bytes(10 << 20))"
        },
        "it filled the disk of /var/lib/harvest",
    ),
}
ONLY_LIVE = {
    "wsgi_be.py": 'import os\nif os.environ["HARVEST_PORT"] == "5001":\n    raise SystemExit("only live")'
}

# Runs on the host: ends the switch when it has come so far.
KILL = """
import glob, os, signal, time
def switch():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(path, "rb").read().split(bytes(1))
        except OSError:
            continue
        if words[0].endswith(b"python3") and b'"frontend_port"' in words[-2]:
            return int(path.split("/")[2])
def moment():
    return {moment}
was = os.readlink("/opt/harvest/harvest")
end = time.monotonic() + 120
while time.monotonic() < end:
    if moment() and (pid := switch()):
        os.kill(pid, signal.SIGKILL)
        break
"""
MOMENTS = {
    "during the check": "os.path.exists('/run/harvest-candidate/frontend')",
    "after the links turned": "os.readlink('/opt/harvest/harvest') != was",
    "during the restart": "os.path.exists('/run/harvest-stamps/harvest-frontend.service.new')",
}
