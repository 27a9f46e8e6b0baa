"""Confirm or revert: the scripts that save the access configuration, and restore it unless the change is confirmed.

Everything lies in FOLDER on the host: `snapshot/`, the script that restores it, and `armed` while a confirmation
is awaited. A timer runs the script after a while; a service runs it at boot: neither needs the controller.
All of it is pure text; operations/access.py runs it.
"""

import shlex
from collections.abc import Iterable

FOLDER = "/var/lib/harvest-guard"
ARMED = f"{FOLDER}/armed"
REVERTED = f"{FOLDER}/reverted"
UNIT = "harvest-guard"
LEAST_STEP_S = 20

HOOKS = """for end in input:INPUT forward:FORWARD output:OUTPUT; do
  for part in before-logging before after after-logging reject track; do
    for family in iptables:ufw ip6tables:ufw6; do
      tool=${family%:*} chain=${family#*:}-$part-${end%:*}
      $tool -w -S $chain >/dev/null 2>&1 || continue
      $tool -w -C ${end#*:} -j $chain 2>/dev/null || $tool -w -A ${end#*:} -j $chain
    done
  done
done"""
"""UFW's chains are read again if the kernel's rules were flushed by hand: `ufw reload` does not do that."""

SERVICE = f"""[Unit]
Description=Revert an unconfirmed access change
ConditionPathExists={ARMED}
After=ufw.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh {FOLDER}/revert
# Where there is no room for the old files, as soon as there is.
Restart=on-failure
RestartSec=10

# A host that reboots before the confirmation comes back as it was.
[Install]
WantedBy=multi-user.target
"""


def step_s(within_s: int) -> int:
    """How long the undoing waits for a step of the change that is just being taken: a sixth of the time in which the
    change must be confirmed, which grows with `timeout_factor` and with how slow the host's looks are."""
    return max(LEAST_STEP_S, within_s // 6)


def revert_program(within_s: int) -> str:
    """The script that puts everything back, for a change that is to be confirmed within so many seconds."""
    return f"""# Puts back byte for byte what {FOLDER}/snapshot holds. Safe to run again after an interruption.
exec 9>>{FOLDER}/mutex
# A step that hangs because its connection does must not hold this up.
flock -w {step_s(within_s)} 9 || true
[ -e {ARMED} ] || exit 0
set -x
cd {FOLDER}/snapshot || exit 1
# The space that the copies need was kept free for them: a full disk must not turn them into empty files.
rm -rf reserve
while read -r path; do
  rm -rf "$path.harvest-new"
  cp -aT "files$path" "$path.harvest-new" || short=1
done <saved
if [ -n "${{short-}}" ]; then
  while read -r path; do rm -rf "$path.harvest-new"; done <saved
  exit 1
fi
if [ ! -e ufw-live ] && command -v ufw >/dev/null; then
  ufw --force disable
  [ -e ufw-chains ] || for tool in iptables ip6tables; do
    for chain in INPUT FORWARD OUTPUT; do
      $tool -w -S $chain | grep -e '-j ufw' | sed 's/^-A/-D/' | while read -r rule; do $tool -w $rule; done
    done
    chains=$($tool -w -S | sed -n 's/^-N \\(ufw.*\\)/\\1/p')
    for chain in $chains; do $tool -w -F "$chain"; done
    for chain in $chains; do $tool -w -X "$chain"; done
  done
  while read -r tool policy; do $tool -w $policy; done <policies
fi
while read -r path; do
  rm -rf "$path.harvest-old"
  [ ! -d "$path" ] || mv -T "$path" "$path.harvest-old"
  mv -fT "$path.harvest-new" "$path"
  rm -rf "$path.harvest-old"
done <saved
while read -r path; do rm -rf --one-file-system "$path"; done <absent
if [ -e ufw-live ]; then
{HOOKS}
ufw reload
fi
systemctl daemon-reload
# A configuration that sshd refuses was there before: then the daemon that still runs is the way in.
mkdir -p /run/sshd
if ! sshd -t; then
  :
elif grep -qx ssh.socket active; then
  systemctl stop ssh.service
  systemctl restart ssh.socket
  ! grep -qx ssh.service active || systemctl start ssh.service
else
  ! systemctl -q is-active ssh.socket || systemctl stop ssh.socket
  systemctl reload-or-restart ssh.service
fi
reason=$(cat {FOLDER}/reason 2>/dev/null || echo 'it was not confirmed in time')
echo "$(date -u +'%Y-%m-%d %H:%M:%S UTC'): $reason" >{REVERTED}
cd /
rm -rf {ARMED} {FOLDER}/snapshot {FOLDER}/reason
# A timer whose units vanish while it waits counts as failed.
systemctl stop {UNIT}.timer
systemctl disable {UNIT}.service
rm -f /etc/systemd/system/{UNIT}.service /etc/systemd/system/{UNIT}.timer
sync
systemctl daemon-reload
"""


def timer(within_s: int) -> str:
    """The unit that fires `within_s` seconds after its start."""
    return f"""[Unit]
Description=Revert an access change unless it is confirmed in time
# Each of several interrupted runs sets it.
StartLimitIntervalSec=0

[Timer]
OnActiveSec={within_s}
AccuracySec=1s
"""


def _deadline(seconds: str) -> str:
    """Mark the change as unconfirmed, and when it will be reverted."""
    return f'date -u -d "+{seconds} seconds" +"%H:%M:%S UTC" >{ARMED}'


def arm_script(paths: Iterable[str], within_s: int) -> str:
    """Save `paths`, then set the timer. If it is set already (by an interrupted run), what was saved first stays."""
    here = " ".join(map(shlex.quote, paths))
    units = "/etc/systemd/system"
    return f"""umask 077
mkdir -p {FOLDER}/snapshot/files
exec 9>>{FOLDER}/mutex
flock 9
cd {FOLDER}/snapshot
[ -e {ARMED} ] || {{ rm -rf ./* ../reason; mkdir files; }}
touch saved absent
for path in {here}; do
  ! grep -qxF -e "$path" saved absent || continue
  if [ -e "$path" ] || [ -L "$path" ]; then
    mkdir -p "files${{path%/*}}"
    rm -rf "files$path"
    cp -aT "$path" "files$path"
    echo "$path" >>saved
  else
    echo "$path" >>absent
  fi
done
if [ ! -e {ARMED} ]; then
  for unit in ssh.service ssh.socket; do ! systemctl -q is-active $unit || echo $unit >>active; done
  touch active
  # Not if the kernel's rules were flushed by hand: enabling UFW again could shut out the user who did.
  ! {{ iptables -w -S ufw-user-input && iptables -w -C INPUT -j ufw-before-input; }} >/dev/null 2>&1 || touch ufw-live
  ! iptables -w -S ufw-before-input >/dev/null 2>&1 || touch ufw-chains
  for tool in iptables ip6tables; do $tool -w -S 2>/dev/null | sed -n "s/^-P/$tool -P/p"; done >policies
fi
rm -rf reserve
cp -aT files reserve
printf %s {shlex.quote(revert_program(within_s))} >{FOLDER}/revert
umask 022
printf %s {shlex.quote(SERVICE)} >{units}/{UNIT}.service
printf %s {shlex.quote(timer(within_s))} >{units}/{UNIT}.timer
sync
{_deadline(str(within_s))}
systemctl daemon-reload
systemctl enable --quiet {UNIT}.service
systemctl restart {UNIT}.timer
sync"""


STEP = f"""exec 9>>{FOLDER}/mutex
flock 9
if [ ! -e {ARMED} ]; then
  echo "the host has reverted the change in the meantime ($(cat {REVERTED}))" >&2
  exit 1
fi
exec "$@"
"""
"""Runs a step of the change, given as its arguments, unless the timer was faster: no step comes after the undoing."""


def disarm_script() -> str:
    """The change is confirmed; fails if it has been reverted in the meantime."""
    return f"""exec 9>>{FOLDER}/mutex
flock 9
if [ ! -e {ARMED} ]; then
  echo "the confirmation came too late: $(cat {REVERTED})" >&2
  exit 1
fi
rm -rf {ARMED} {REVERTED} {FOLDER}/snapshot {FOLDER}/reason {FOLDER}/revert
systemctl stop {UNIT}.timer {UNIT}.service
systemctl disable --quiet {UNIT}.service
rm -f /etc/systemd/system/{UNIT}.service /etc/systemd/system/{UNIT}.timer
systemctl daemon-reload"""


def revert_script(reason: str) -> str:
    """Undo now, because of `reason`."""
    return f"""[ -e {ARMED} ] || exit 0
printf '%s\\n' {shlex.quote(" ".join(reason.split()))} >{FOLDER}/reason
systemctl start {UNIT}.service"""


def postpone_script() -> str:
    """An interrupted run left the timer set: give this run the whole time.

    It may have been interrupted while it did so: systemd has then not read the units yet, nor would start them at boot.
    """
    return f"""if [ -e {ARMED} ]; then
  systemctl daemon-reload
  systemctl enable --quiet {UNIT}.service
  systemctl restart {UNIT}.timer
  within=$(sed -n "s/^OnActiveSec=//p" /etc/systemd/system/{UNIT}.timer)
  {_deadline("$within")}
fi"""
