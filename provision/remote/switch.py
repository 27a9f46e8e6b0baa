"""Switches a HARVEST to another release, or leaves it as it is. Runs ON the host; argv[1] is the order as JSON.

    check     a candidate runs on spare ports, in the same sandbox, with the real configuration and state
    migrate   the database is backed up, and the migration tried on a copy, before the real one is touched
    switch    the links turn, the units restart behind their open sockets, at which a standby answers meanwhile
    confirm   it answers on its own ports, and through nginx where it did so before
    return    where it does not: the former release again, at once and without the controller

The record (releases.py) is written before each step, so that a run that is killed anywhere is healed by the next one.
Sentences go to standard output; the exit code is 1 where the release is not live afterwards.
"""

import fcntl
import json
import os
import shutil
import sys
import time
from contextlib import suppress
from typing import Any

from provision.remote import answers, candidate, logs, releases, schema
from provision.remote.candidate import Failed
from provision.remote.host_files import MIGRATION_LOCK, STAMPS
from provision.remote.logs import say, tail


class Switch:
    """One order: see provision/operations/app/switch.py for its keys."""

    def __init__(self, order: "dict[str, Any]") -> None:
        self.order = order
        self.root, self.slug, self.id = order["root"], order["slug"], order["id"]
        self.services = [service["name"] for service in order["services"]]
        known = releases.read(self.root)
        self.live: str = known["live"]
        record = releases.record(self.root, self.id)
        self.was: str = record.get("outcome", "")
        # A run that was killed after the links turned left them on a release that nobody confirmed.
        self.former: str = record.get("previous", "") if self.live == self.id else self.live
        if self.former == self.id or not releases.whole(self.root, self.former):
            self.former = ""
        self.source = f"{self.root}/releases/{self.id}/harvest"
        self.migrations = schema.versions(self.source)
        self.revision = schema.current(order["database"])
        self.known = self.revision in self.migrations
        self.fits = self.known or schema.floor(order["database"]) in self.migrations
        self.pending = schema.above(self.migrations, self.revision) if self.known else []
        self.held: int | None = None
        self.put_back = ""
        """The copy of the database with which the former release works, where it does not with the present one."""
        self.began = time.monotonic()

    def note(self, outcome: str, **more: Any) -> None:
        """Write how far it is."""
        took = round(time.monotonic() - self.began, 1)
        releases.note(self.root, self.id, outcome=outcome, took_s=took, **more)

    def run(self) -> int:
        """0 where the release is live and answers; 1 where it is not, and all is as before."""
        candidate.stop(self.slug)
        candidate.stand_down(self.slug)
        if self.order.get("adopt"):
            releases.point(self.root, self.id, self.order["links"])
            self.note("live", at=releases.now(), origin=self.order["origin"])
            return 0
        if self.order.get("restart"):
            return self.restart_live()
        if not releases.whole(self.root, self.id):
            say(f"release {self.id} is not complete below {self.root}/releases; deploy it again")
            return 1
        older = ""
        if self.order.get("rollback") and self.revision and self.migrations and not self.fits:
            older = releases.backup_for(self.root, self.migrations)
            if not (older and self.order.get("restore")):
                say(self.schema_too_new(older))
                return 1
        holder = _holder()
        self.note(
            "trying",
            at=releases.now(),
            by=holder.get("who", ""),
            address=holder.get("address", ""),
            previous=self.former,
            size_mb=_size_mb(f"{self.root}/releases/{self.id}"),
            why="",
            stage="",
            **({"origin": self.order["origin"]} if self.order["origin"] else {}),
        )
        stage = "gate"
        through = [each for each in self.order["through"] if not answers.json_trouble(*each)]
        try:
            if self.former and self.order["gate"]:
                self.check()
            stage = "switch"
            if older:
                self.restore(older)
            self.migrate_and_switch()
            self.confirm(through)
        except (Failed, OSError) as why:
            return self.fail(stage, why)
        if self.former:
            releases.note(self.root, self.former, **self.verdict(holder))
        self.note("live")
        removed = releases.prune(self.root, self.order["keep"], self.order["shared"])
        if removed:
            say(f"removed old releases: {', '.join(removed)}")
        took = time.monotonic() - self.began
        say(
            f"release {self.id} is live" + (f", {self.former} was" if self.former else "") + f"; {took:.1f} s"
        )
        return 0

    def restart_live(self) -> int:
        """The live units again, behind their standby; 1 where they do not answer."""
        self.former = self.live
        try:
            self.restart()
            self.confirm([])
        except (Failed, OSError) as why:
            say(f"{self.slug} does not answer after its restart: {why}")
            tail(logs.since(getattr(why, "units", ()), self.began), getattr(why, "units", ()))
            return 1
        say(f"{self.slug} was restarted; {time.monotonic() - self.began:.1f} s")
        return 0

    def schema_too_new(self, older: str) -> str:
        """Why this release cannot be gone back to as things are, and how it can."""
        said = (
            f"release {self.id} does not work with the database, whose schema ({self.revision}) a later release made. "
            "Nothing was changed. "
        )
        if not older:
            return said + f"No copy from before that migration is left in {schema.BACKUPS}/{self.slug}"
        at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(os.stat(older).st_mtime))
        return said + (
            f"To go back with the database as it was on {at}: add --data restore=yes; what was saved since then is "
            "lost to users, and kept in a copy"
        )

    def verdict(self, holder: "dict[str, Any]") -> "dict[str, str]":
        """What the record of the release that was live until now says from now on."""
        if not self.order.get("rollback") or self.was != "good":
            return {"outcome": "good"}
        by = holder.get("who", "")
        return {"outcome": "bad", "stage": "rollback", "why": f"rolled back{' by ' + by if by else ''}"}

    # check

    def check(self) -> None:
        """Run the release where users do not meet it; raises `Failed`."""
        copy = ""
        try:
            if self.pending:
                copy = self.rehearse()
            self.ask(copy)
        finally:
            candidate.stop(self.slug)
            candidate.clear(self.root, self.slug)
            if copy:
                shutil.rmtree(os.path.dirname(copy), ignore_errors=True)

    def rehearse(self) -> str:
        """Migrate a copy of the database, as the service's user and in its sandbox; gives the copy's path."""
        copy = schema.copy(self.order["database"], f"{os.path.dirname(self.order['database'])}/.candidate")
        candidate.lay(
            self.root, self.slug, self.id, {"migrate": {"HARVEST_RUN": "harvest migrate", "HARVEST_DB": copy}}
        )
        unit = candidate.unit(self.slug, "migrate")
        candidate.start(self.slug, ["migrate"])
        limit = time.monotonic() + self.order["migrate_s"]
        while True:
            seen = candidate.shown(unit)
            if seen.get("ActiveState") in ("inactive", "failed") and not seen.get("Job"):
                break
            if time.monotonic() > limit:
                raise Failed(f"its migration took more than {self.order['migrate_s']:.0f} s", (unit,))
            time.sleep(0.05)
        found = schema.current(copy)
        if found != schema.head(self.migrations):
            raise Failed(
                f"its migration failed on a copy of the database, which is still at {found}", (unit,)
            )
        return copy

    def ask(self, copy: str) -> None:
        """Start its backend and frontend on spare ports, and ask them what users would."""
        backend, frontend = candidate.free_ports(2)
        ports = dict.fromkeys(self.order["backend_ports"], backend) | {self.order["frontend_port"]: frontend}
        common = {"HARVEST_DB": copy} if copy else {}
        candidate.lay(
            self.root,
            self.slug,
            self.id,
            {
                part: {
                    **common,
                    "HARVEST_RUN": f"gunicorn --bind 127.0.0.1:{port} {self.order['gunicorn']} {wsgi}",
                    "HARVEST_PORT": str(backend),
                    "PORT": str(frontend),
                    "HARVEST_API_BASE": f"http://127.0.0.1:{backend}",
                }
                for part, port, wsgi in (
                    ("backend", backend, "wsgi_be:app"),
                    ("frontend", frontend, "wsgi_fe:server"),
                )
            },
        )
        units = [candidate.unit(self.slug, part) for part in ("backend", "frontend")]
        watch = candidate.Watch(units, [os.path.dirname(self.order["database"]), "/"])
        candidate.start(self.slug, ["backend", "frontend"])
        watch.start()
        try:
            candidate.await_all(candidate.checks_of(self.order, ports), units, self.order["limit_s"], watch)
        finally:
            watch.over.set()

    # switch

    def migrate_and_switch(self) -> None:
        """Turn the links and restart; where former code would not stand the new schema, it is stopped before."""
        if self.pending:
            backup = schema.keep(self.order["database"], self.slug, self.id)
            self.note("trying", backup=backup, backup_revision=self.revision)
            if schema.bars_former(self.migrations, self.revision):
                self.put_back = self.put_back or backup
                self.hold()
        releases.point(self.root, self.id, self.order["links"])
        self.restart()

    def hold(self) -> None:
        """Stop the services, and let no request start them again: the open sockets would. Requests wait meanwhile.

        The backends take this lock, shared, before they start (harvest-backend@.service); it ends with this process.
        """
        if self.held is None:
            path = MIGRATION_LOCK.format(slug=self.slug)
            self.held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self.held, fcntl.LOCK_EX)
        candidate.systemctl("stop", *self.services)

    def let_go(self) -> None:
        if self.held is not None:
            os.close(self.held)
            self.held = None

    def restore(self, older: str) -> None:
        """The database from before a migration, in place of the present one, of which a copy is kept."""
        self.hold()
        self.put_back = schema.keep(self.order["database"], self.slug, f"{self.id}-before-restore")
        schema.restore(older, self.order["database"])
        say(f"the database is {older}; what it was until now is in {self.put_back}")
        self.revision = schema.current(self.order["database"])
        self.pending = schema.above(self.migrations, self.revision)

    def restart(self) -> None:
        """The units, each with the note of what it read, which systemd.running compares (operations/stamps.py)."""
        os.makedirs(STAMPS, exist_ok=True)
        migrate: dict[str, Any] | None = self.order["migrate"]
        units = [*([migrate] if migrate else []), *self.order["services"]]
        for unit in units:
            _stamp(unit["name"], unit["watches"])
        names = [unit["name"] for unit in units]
        candidate.systemctl("reset-failed", *names)
        # It is asked for by name where it has something to do; else nothing waits for it.
        if migrate and (self.pending or not self.fits or not self.former):
            said = candidate.systemctl("restart", migrate["name"])
            if said.returncode:
                raise Failed(f"{migrate['name']} failed", (migrate["name"],))
        if self.former and self.held is None:
            self.stand_by()
        self.let_go()
        candidate.systemctl("restart", "--no-block", *self.services)
        deadline = time.monotonic() + self.order["limit_s"]
        while waiting := [name for name in self.services if not _is_up(name)]:
            if time.monotonic() > deadline:
                raise Failed(f"{waiting[0]} did not start in {self.order['limit_s']:.0f} s", (waiting[0],))
            time.sleep(0.05)
        for name in names:
            os.rename(f"{STAMPS}/{name}.new", f"{STAMPS}/{name}")
        candidate.stand_down(self.slug)
        candidate.clear(self.root, self.slug)

    def stand_by(self) -> None:
        """Start the release that the links lead to at the live sockets, next to what is about to be restarted."""
        release = releases.read(self.root)["live"]
        run = f"gunicorn {self.order['gunicorn']} --workers {self.order['workers']}"
        values = {}
        for name in self.services:
            part = name[len(self.slug) + 1 : -len(".service")]
            port = part.partition("@")[2]
            values[part] = {"HARVEST_RUN": f"{run} {'wsgi_be:app' if port else 'wsgi_fe:server'}"}
            if port:
                values[part]["HARVEST_PORT"] = port
        candidate.lay(self.root, self.slug, release, values)
        failed = candidate.stand_by(self.slug, list(values))
        # What returns is wanted at any price: the live units may still do what their standby does not.
        if failed and release == self.id:
            raise Failed(f"{failed[0]} did not start", (failed[0],))

    def confirm(self, through: "list[Any]") -> None:
        """It answers on its own ports; and through nginx, where it did so before."""
        checks = candidate.checks_of({**self.order, "json": [*self.order["json"], *through]})
        candidate.await_all(checks, self.services, self.order["limit_s"])

    # return

    def fail(self, stage: str, why: Exception) -> int:
        """Say what failed; where links were turned, turn them back."""
        units = getattr(why, "units", ())
        words = logs.since(units, self.began)
        self.note("bad", stage=stage, why=str(why))
        if stage == "gate":
            say(f"release {self.id} failed its check, so it was not switched to: {why}")
            tail(words, units)
            say(f"{self.former} serves on")
            return 1
        say(f"release {self.id} failed after the switch: {why}")
        tail(words, units)
        if not self.former:
            say("there is no former release to return to")
            return 1
        return self.go_back()

    def go_back(self) -> int:
        """The former release again. Always 1: the order was another."""
        if self.put_back:
            self.hold()
            aside = schema.keep(self.order["database"], self.slug, f"{self.id}-failed")
            schema.restore(self.put_back, self.order["database"])
            say(f"the database is the one from before again; what it was until now is in {aside}")
        former, self.pending, self.fits = self.former, [], True
        releases.point(self.root, former, self.order["links"])
        try:
            self.restart()
            self.confirm([])
        except (Failed, OSError) as why:
            say(f"returned to {former}, which does not answer either: {why}")
            tail(logs.since(getattr(why, "units", ()), self.began), getattr(why, "units", ()))
            return 1
        releases.note(self.root, former, outcome="live")
        say(f"returned to {former}, which answers")
        return 1


def _is_up(name: str) -> bool:
    """Whether a restarted unit runs; raises `Failed` as soon as it cannot."""
    seen = candidate.shown(name)
    if seen.get("ActiveState") == "failed" or seen.get("SubState") == "auto-restart":
        raise Failed(candidate.ended(name) or f"{name} failed", (name,))
    return seen.get("ActiveState") == "active" and not seen.get("Job")


def _stamp(name: str, watches: "list[str]") -> None:
    """As stamps.write does: each file's change time."""
    with open(f"{STAMPS}/{name}.new", "w") as file:
        for path in watches:
            with suppress(OSError):
                changed = os.lstat(path).st_ctime_ns
                file.write(f"{changed // 10**9}.{changed % 10**9:09d} {path}\n")


def _holder() -> "dict[str, Any]":
    """The run that has the host's lock: whose order this is."""
    try:
        with open("/run/harvest-lock/holder") as file:
            found: dict[str, Any] = json.load(file)
        return found
    except (OSError, ValueError):
        return {}


def _size_mb(folder: str) -> int:
    """Disk that a release takes, without its environment."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{where}/{name}").st_blocks * 512
    return round(total / 2**20)


def main(order: "dict[str, Any]") -> int:
    with open(f"/run/{order['slug']}-switch.lock", "w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        try:
            return Switch(order).run()
        finally:
            candidate.stand_down(order["slug"])


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
