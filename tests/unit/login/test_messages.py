"""The sentences that an operator reads when a login fails, letter by letter."""

from pathlib import Path

from provision.login import messages as words
from provision.login.known_hosts import HostKey

OLD = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIOabWvZGLaN/EB1qEj0KgJFyJ5SZcKX3mYbGgyilqEKK")
NEW = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIGkrW7CBI3nU0UIouxpRTNhdeHNL+NeqKyyeoQE2A/ec")
OLD_PRINT, NEW_PRINT = OLD.fingerprint, NEW.fingerprint
KNOWN = Path("/home/me/.ssh/known_hosts")


def test_first_sight() -> None:
    assert words.first_sight("web1", 2222, NEW, KNOWN) == (
        f"seen for the first time: pinned ed25519 key {NEW_PRINT} for [web1]:2222 in {KNOWN}; "
        "compare it on the host's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
    )


def test_changed_key() -> None:
    assert words.changed("web1", 22, NEW, [(OLD, KNOWN), (OLD, KNOWN)]) == (
        f"host key has changed: expected ssh-ed25519 {OLD_PRINT}, got ssh-ed25519 {NEW_PRINT}; "
        "either it was rebuilt or someone intercepts the connection. If you know that it was rebuilt, type: "
        f"ssh-keygen -R web1 -f {KNOWN}"
    )


def test_changed_key_on_another_port_in_a_file_with_a_space() -> None:
    assert words.changed("web1", 2222, NEW, [(OLD, Path("/my hosts"))]).endswith(
        "type: ssh-keygen -R '[web1]:2222' -f '/my hosts'"
    )


def test_another_key_on_the_wanted_port() -> None:
    assert words.other_port("web1", 2222, NEW, [(OLD, KNOWN)]) == (
        f"shows another host key on port 2222 than on the port it was pinned on: expected "
        f"ssh-ed25519 {OLD_PRINT}, got ssh-ed25519 {NEW_PRINT}; if port 2222 is another machine's, set ssh_hostname "
        f"or sshd_port. If both are this host, type: ssh-keyscan -p 2222 web1 >> {KNOWN}"
    )


def test_name_that_does_not_resolve() -> None:
    assert words.no_such_name("wbe1", "Name or service not known") == (
        '"wbe1" does not resolve (Name or service not known); correct the name, or set ssh_hostname to its address. '
        "Try: getent hosts wbe1"
    )


def test_unreachable() -> None:
    assert words.unreachable("10.0.0.9", [(2222, "is closed"), (22, "did not answer within 5 s")]) == (
        "is not reachable at 10.0.0.9: port 2222 is closed, port 22 did not answer within 5 s; is it up, and does a "
        "firewall let you through? Try: ssh -v -p 22 10.0.0.9"
    )


def test_unreachable_through_a_jump_host() -> None:
    assert words.unreachable("10.0.0.9", [(22, "is closed to the jump host (refused)")], "me@gate") == (
        "is not reachable at 10.0.0.9 through me@gate: port 22 is closed to the jump host (refused); is it up, and "
        "does a firewall let you through? Try: ssh -v -J me@gate -p 22 10.0.0.9"
    )


def test_nobody_is_let_in() -> None:
    attempts = [
        words.Attempt("sysop", words.REFUSED, ("/k/id", "agent key me@home")),
        words.Attempt("root", words.login_as_instead("ubuntu")),
    ]
    assert words.no_login("web1", 22, attempts, [words.encrypted("/k/id 2")]) == (
        "no login with root rights succeeded: sysop is refused (offered /k/id, agent key me@home); root logs in but "
        'may not run commands (the host says: log in as "ubuntu"; set bootstrap_user = "ubuntu"); /k/id 2 is encrypted '
        "and no agent holds it: ssh-add '/k/id 2'. Try: ssh -v -p 22 root@web1"
    )
