# The reference: the same end state by one plain bash script over one SSH session, pip as everybody uses it.
# Placeholders in @AT@ signs are filled by converge.py. Run as root: bash -s < floor.sh
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
until python3 - <<'P'
import fcntl, sys
try:
    fcntl.lockf(open("/var/lib/dpkg/lock-frontend", "a"), fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(1)
P
do sleep 1; done
mkdir -p /usr/local/share/ca-certificates
base64 -d >/tmp/cas.tar <<'B64'
@CAS@
B64
tar -xf /tmp/cas.tar -C /usr/local/share/ca-certificates
update-ca-certificates >/dev/null 2>&1
apt-get -qq update
apt-get -qq -y install --no-install-recommends @PACKAGES@ python3-venv >/dev/null
useradd --create-home --shell /bin/bash --groups sudo @ADMIN@
install -d -m 700 -o @ADMIN@ -g @ADMIN@ /home/@ADMIN@/.ssh
echo '@KEY@' >/home/@ADMIN@/.ssh/authorized_keys
chown @ADMIN@: /home/@ADMIN@/.ssh/authorized_keys
echo '@ADMIN@ ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
base64 -d >/tmp/files.tar <<'B64'
@FILES@
B64
useradd --system --user-group --no-create-home --home-dir /var/lib/harvest --shell /usr/sbin/nologin harvest
tar -xpf /tmp/files.tar -C /
sshd -t
systemctl reload ssh
ufw allow 22/tcp >/dev/null
ufw allow 80/tcp >/dev/null
ufw --force enable >/dev/null
mkdir -p /opt/harvest/harvest /var/www
base64 -d >/tmp/app.tgz <<'B64'
@APP@
B64
tar -xzf /tmp/app.tgz -C /opt/harvest/harvest
python3 -m venv /opt/harvest/venv
PIP_CERT=/etc/ssl/certs/ca-certificates.crt /opt/harvest/venv/bin/pip install -q --disable-pip-version-check --require-hashes -r /opt/harvest/harvest/requirements.txt
python3 -c 'import secrets; print(secrets.token_hex(32))' >/etc/harvest/secret_key
chown root:harvest /etc/harvest/secret_key; chmod 640 /etc/harvest/secret_key
systemctl daemon-reload
systemctl enable -q --now harvest-backend@5001.socket harvest-frontend.socket
systemctl start harvest-migrate.service harvest-backend@5001.service harvest-frontend.service
rm -f /etc/nginx/sites-enabled/default
nginx -t 2>/dev/null
systemctl restart nginx
for i in $(seq 100); do
  python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:5001/api/choices"); u.urlopen("http://127.0.0.1:8050@BASE@_dash-layout")' 2>/dev/null && exit 0
  sleep 0.3
done
exit 1
