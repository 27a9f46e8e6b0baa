"""The lab's network: a bridge of its own, NAT to the outside, and everything undone with the last host."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import locks, paths
from lab.errors import LabError
from lab.run import run, succeeds

IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
SAVED_FORWARD = Path("/run/harvest-lab.ip_forward")
BRIDGE_PREFIX = "lab-"
FIRST_HOST, LAST_HOST = 11, 254


@dataclass(frozen=True)
class Network:
    """Addresses of one lab."""

    lab_id: str
    subnet: str
    """IPv4, always a /24."""

    @property
    def bridge(self) -> str:
        """Interface name (the kernel allows 15 characters)."""
        return BRIDGE_PREFIX + self.lab_id

    @property
    def mac(self) -> str:
        """The bridge's own address: without one it would change whenever a host comes or goes."""
        octets = [f"{byte:02x}" for byte in bytes.fromhex(self.lab_id)]
        return ":".join(["02", "1a", *octets])

    def address(self, number: int) -> str:
        """IPv4 address of a host (1 is the controller, 2 its other address)."""
        return str(ipaddress.ip_network(self.subnet)[number])

    def address6(self, number: int) -> str:
        """IPv6 address of a host; unique local, it leads nowhere outside."""
        return str(
            ipaddress.ip_address(f"fd{self.lab_id[:2]}:{self.lab_id[2:6]}:{self.lab_id[6:]}::{number:x}")
        )


def candidates(lab_id: str) -> Iterable[str]:
    """Yield subnets for a lab, always the same ones in the same order."""
    for attempt in range(256):
        digest = hashlib.sha256(f"{lab_id}/{attempt}".encode()).digest()
        yield f"10.{64 + digest[0] % 128}.{digest[1]}.0/24"


def choose_subnet(lab_id: str, taken: Iterable[str]) -> str:
    """Return the first candidate that overlaps nothing taken.

    Very wide routes (a VPN's 10.0.0.0/8) do not count: they would leave nothing, and a /24 is the nearer route.

    Raises:
        LabError: everything is taken.
    """
    others = [ipaddress.ip_network(item, strict=False) for item in taken]
    narrow = [other for other in others if other.prefixlen >= 12]
    for subnet in candidates(lab_id):
        if not any(ipaddress.ip_network(subnet).overlaps(other) for other in narrow):
            return subnet
    raise LabError("No free subnet between 10.64.0.0 and 10.191.255.0 is left for the lab.")


def rules(net: Network) -> list[tuple[str, str, list[str]]]:
    """Return the packet filter rules as (program, chain with table, match and target)."""
    own = ["-m", "comment", "--comment", f"harvest lab {net.lab_id}"]
    back = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    to_outside = ["-s", net.subnet, "!", "-d", net.subnet]
    return [
        ("iptables", "nat POSTROUTING", [*to_outside, *own, "-j", "MASQUERADE"]),
        ("iptables", "filter FORWARD", ["-i", net.bridge, *own, "-j", "ACCEPT"]),
        ("iptables", "filter FORWARD", ["-o", net.bridge, *back, *own, "-j", "ACCEPT"]),
        # Where bridged packets pass the filter too (br_netfilter) and its policy drops, hosts still reach each other.
        ("ip6tables", "filter FORWARD", ["-i", net.bridge, "-o", net.bridge, *own, "-j", "ACCEPT"]),
    ]


def rule_command(action: str, rule: tuple[str, str, list[str]]) -> list[str]:
    """Return the command that checks (-C), inserts (-I) or deletes (-D) a rule."""
    program, place, match = rule
    table, chain = place.split()
    return [program, "-w", "10", "-t", table, action, chain, *match]


def bridge_commands(net: Network) -> list[list[str]]:
    """Return the commands that make the bridge."""
    link = ["ip", "link", "add", net.bridge, "address", net.mac, "type", "bridge"]
    return [
        [*link, "stp_state", "0", "forward_delay", "0"],
        *(["ip", "address", "add", f"{net.address(number)}/24", "dev", net.bridge] for number in (1, 2)),
        ["ip", "-6", "address", "add", f"{net.address6(1)}/64", "dev", net.bridge, "nodad"],
        ["ip", "link", "set", net.bridge, "up"],
    ]


def _exists(bridge: str) -> bool:
    return Path(f"/sys/class/net/{bridge}").exists()


def _is_up(bridge: str) -> bool:
    flags = Path(f"/sys/class/net/{bridge}/flags")
    return flags.exists() and bool(int(flags.read_text(), 16) & 1)


def _others(net: Network) -> list[str]:
    """Bridges of other labs on this machine, which still need forwarding."""
    return [link.name for link in Path("/sys/class/net").glob(f"{BRIDGE_PREFIX}*") if link.name != net.bridge]


def _taken() -> list[str]:
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    return [route["dst"] for route in routes if route["dst"] != "default"]


def _saved() -> Path:
    return paths.lab_dir() / "network.json"


def load() -> Network | None:
    """Return the lab's network if it has one."""
    try:
        return Network(**json.loads(_saved().read_text()))
    except FileNotFoundError:
        return None


def ensure() -> Network:
    """Bring the network up if it is not. Call with the lab locked."""
    net = load()
    with locks.machine_lock():
        if net is None:
            net = Network(paths.lab_id(), choose_subnet(paths.lab_id(), _taken()))
            locks.write_atomic(_saved(), json.dumps({"lab_id": net.lab_id, "subnet": net.subnet}) + "\n")
        if not _is_up(net.bridge):
            if _exists(net.bridge):  # bringing it up was interrupted: that is the last of the commands
                run(["ip", "link", "delete", net.bridge])
            # The state before the first lab is the one to go back to after the last.
            if not _others(net):
                SAVED_FORWARD.write_text(IP_FORWARD.read_text())
            for command in bridge_commands(net):
                run(command)
        if IP_FORWARD.read_text().strip() != "1":
            IP_FORWARD.write_text("1\n")
        for rule in rules(net):
            if not succeeds(rule_command("-C", rule)):
                run(rule_command("-I", rule))
    return net


def remove(*, forget: bool) -> None:
    """Take the network down. Call with the lab locked and no host running.

    Args:
        forget: no host will come back to its address either.
    """
    net = load()
    if net is None:
        return
    with locks.machine_lock():
        for rule in rules(net):
            while succeeds(rule_command("-C", rule)):
                run(rule_command("-D", rule))
        if _exists(net.bridge):
            run(["ip", "link", "delete", net.bridge])
        if not _others(net) and SAVED_FORWARD.exists():
            IP_FORWARD.write_text(SAVED_FORWARD.read_text())
            SAVED_FORWARD.unlink()
    if forget:
        _saved().unlink()


def free_number(net: Network, used: Sequence[str]) -> int:
    """Return the lowest host number whose address nobody has.

    Raises:
        LabError: the subnet is full.
    """
    for number in range(FIRST_HOST, LAST_HOST + 1):
        if net.address(number) not in used:
            return number
    raise LabError("The lab is full: take some hosts down first.")


def other_address() -> str:
    """Return a second address of the controller on the bridge, for clients that must not look like the first."""
    net = load()
    if net is None:
        raise LabError("The lab has no network while it has no host.")
    return net.address(2)
