"""cron and at: only root schedules jobs, and only root reads them."""

from provision.operations.files import Directory, File, Item, Mode

# root's jobs may contain passwords; and an intruder in another account must not be able to leave jobs there.
ITEMS: tuple[Item, ...] = (
    *(Directory(f"/etc/cron.{when}", 0o700) for when in ("d", "hourly", "daily", "weekly", "monthly")),
    Mode("/etc/cron.yearly", 0o700),
    Mode("/etc/crontab", 0o600),
    File("/etc/cron.allow", "root\n", 0o640),
    # at reads it as daemon; if it cannot, every user may use at.
    File("/etc/at.allow", "root\n", 0o640, group="daemon"),
)
