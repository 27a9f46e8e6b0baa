"""A rollout's course: look; deploy and check each batch; at the first failure go back, and say what to type."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.rollout import commands
from provision.rollout.commands import Answer, Words
from provision.rollout.record import UNTOUCHED, HostRecord, Record, Stage, State, write
from provision.rollout.shell import Shell

WORDS: dict[Stage, str] = {
    "waiting": "not begun",
    "deploying": "was being deployed",
    "checking": "was being checked",
    "done": "done",
    "failed": "failed",
    "returning": "was being returned",
    "returned": "returned",
}


def named(release: dict[str, str]) -> str:
    """A host's releases: the id, with several instances each with its name."""
    if len(release) < 2:
        return next(iter(release.values()), "no release")
    return ", ".join(f"{instance} {id}" for instance, id in sorted(release.items()))


@dataclass
class Rollout:
    """One rollout at work. `command` is what the operator types for it; `say` takes lines for the screen."""

    record: Record
    folder: Path
    words: Words
    shell: Shell
    command: str
    say: Callable[[str], None]

    # what is noted

    def mark(self, hosts: Iterable[str], stage: Stage, why: str = "") -> None:
        for name in hosts:
            host = self.record.hosts[name]
            host.stage, host.why = stage, why
        write(self.folder, self.record)

    def turn(self, state: State) -> None:
        self.record.state = state
        write(self.folder, self.record)

    # what is done

    def ask(self, hosts: Sequence[str]) -> Answer:
        """Which releases hosts have."""
        done = self.shell.run(self.words.releases(hosts))
        answer = commands.answer_of(hosts, done.code, done.printed, done.said)
        for name in answer.messages:
            self.record.hosts[name].release = answer.live(name)
        return answer

    def look(self) -> bool:
        """See what each host runs before the first change; False where one cannot be asked."""
        answer = self.ask(list(self.record.hosts))
        for name, why in answer.failed.items():
            self.say(f"{name}: cannot be asked which release it has: {why}")
        if answer.failed:
            self.say("Nothing was changed. To go on without a host: --exclude NAME")
            return False
        for host in self.record.hosts.values():
            if self.record.state == "returned":  # all are as they were: it begins again
                host.stage, host.why = "waiting", ""
            if host.stage in UNTOUCHED:
                host.before = host.release
        return True

    def go(self) -> int:
        """From the first batch to the last. A host that is done already costs a run that changes nothing, and a
        check: so a resumed rollout proves that all hosts have the same."""
        if not self.look():
            return 1
        self.turn("running")
        total = len(self.record.batches)
        for number, batch in enumerate(self.record.batches, 1):
            if not (self.deploy(f"{number}/{total}", batch) and self.check(f"{number}/{total}", batch)):
                self.say("Stopped. Returning the hosts that were switched")
                self.go_back()
                self.end()
                return 1
            self.mark(batch, "done")
        self.turn("done")
        self.end()
        if len({named(host.release) for host in self.record.hosts.values()}) > 1:
            self.say("These hosts do not all have the same release: did a branch move meanwhile?")
        return 0

    def deploy(self, step: str, batch: list[str]) -> bool:
        self.say(f"{step}  {', '.join(batch)}: deploying")
        self.mark(batch, "deploying")
        done = self.shell.run(self.words.deploy(batch))
        failed = commands.answer_of(batch, done.code, done.printed, done.said).failed
        live = self.ask(batch)
        failed = {**live.failed, **failed}
        for name in batch:
            host = self.record.hosts[name]
            if name in failed:
                self.fail(step, name, failed[name], commands.tail(name, done.said))
            else:
                was = "as before" if host.release == host.before else f"was {named(host.before)}"
                self.say(f"{step}  {name}: deployed in {done.took_s:.0f} s: {named(host.release)} ({was})")
        return not failed

    def check(self, step: str, batch: list[str]) -> bool:
        self.mark(batch, "checking")
        report = self.folder / "audit" / step.partition("/")[0]
        (report / "audit.json").unlink(missing_ok=True)  # a former rollout's
        done = self.shell.run(self.words.audit(batch, self.record.gate, report))
        results = commands.checks_of(batch, report)
        good = True
        for name in batch:
            passed, wrong = results.get(name, (0, []))
            if wrong:
                self.fail(step, name, wrong[0], [*wrong[1:], f"{report}/audit.html"])
            elif passed:
                self.say(f"{step}  {name}: {passed} checks passed in {done.took_s:.0f} s")
            else:
                last = commands.tail(name, done.said + done.printed)
                self.fail(step, name, f"the audit did not run (exit code {done.code})", last)
            good = good and bool(passed and not wrong)
        return good

    def fail(self, step: str, name: str, why: str, last: Iterable[str]) -> None:
        self.mark([name], "failed", why)
        self.say(f"{step}  {name}: failed: {why}")
        for line in last:
            self.say(f"  | {line}")

    def go_back(self) -> None:
        """Return each host that the rollout reached to the releases that it had before, and note how that went."""
        reached = self.record.touched
        answer = self.ask(reached) if reached else Answer()
        lost = dict(answer.failed)
        now = {name: answer.live(name) for name in answer.messages}
        for (instance, release), hosts in commands.ways_back(self.before(), now).items():
            for name in hosts:
                if self.record.hosts[name].stage != "failed":
                    self.mark([name], "returning")
            lost |= self.roll_back(hosts, instance, release)
        for name in reached:
            host = self.record.hosts[name]
            if name in lost:
                self.say(f"{name}: not returned: {lost[name]}")
                self.mark(
                    [name], "failed", "; ".join(filter(None, (host.why, f"not returned: {lost[name]}")))
                )
            elif host.stage != "failed" and host.before:  # a first release stays: there is none to return to
                self.mark([name], "returned")
        self.turn("failed" if lost else "returned")

    def before(self) -> dict[str, dict[str, str]]:
        return {name: host.before for name, host in self.record.hosts.items()}

    def roll_back(self, hosts: list[str], instance: str, release: str) -> dict[str, str]:
        """Side by side; gives who could not be returned, and why. One that cannot be reached stops pyinfra before it
        begins: then each alone."""
        done = self.shell.run(self.words.rollback(hosts, instance, release))
        if not done.printed.strip() and len(hosts) > 1:
            lost: dict[str, str] = {}
            for name in hosts:
                lost |= self.roll_back([name], instance, release)
            return lost
        answer = commands.answer_of(hosts, done.code, done.printed, done.said)
        for name in answer.messages:
            self.record.hosts[name].release |= {instance: release}
            self.say(f"{name}: returned to {release} in {done.took_s:.0f} s")
        return answer.failed

    # what is said

    def interrupted(self) -> int:
        """The operator stopped it."""
        if not self.record.touched:
            self.say("Stopped; nothing was changed.")
            return 130
        self.turn("interrupted")
        self.say("Stopped. A command that had begun on a host goes on to its end there.")
        self.end()
        return 130

    def end(self) -> None:
        for line in [*where(self.record), *self.what_next()]:
            self.say(line)

    def what_next(self) -> list[str]:
        resume, back = f"{self.command} resume", f"{self.command} return"
        said = {
            "done": [],
            "running": [],
            "returned": ["To roll out again, once what stopped it is mended:", f"  {resume}"],
            "failed": [
                "Once these hosts can be reached and mended, back:",
                f"  {back}",
                "or on:",
                f"  {resume}",
            ],
            "interrupted": ["To go on:", f"  {resume}", "To go back:", f"  {back}"],
        }[self.record.state]
        return [*said, f"Log: {self.shell.log}"]


def where(record: Record) -> list[str]:
    """Where each host stands, a line each."""
    width = max(map(len, record.hosts), default=0)
    kind = max(len(WORDS[host.stage]) for host in record.hosts.values()) if record.hosts else 0
    lines = [f"Rollout of {record.inventory}, begun {record.began}: {record.state}"]
    for name in (name for batch in record.batches for name in batch):
        host = record.hosts[name]
        lines.append(f"  {name:<{width}}  {WORDS[host.stage]:<{kind}}  {_runs(host)}".rstrip())
        lines += [f"  {'':<{width}}  {host.why}"] if host.why else []
    return lines


def _runs(host: HostRecord) -> str:
    if host.release == host.before:
        return f"runs {named(host.release)}, as before"
    return f"runs {named(host.release)}; before: {named(host.before)}"


def now() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
