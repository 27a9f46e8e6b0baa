"""HARVEST, nginx and TLS."""

from tests.host.mutations.kinds import Mutation, edited, moded, mutation, unit

SITE = "/etc/nginx/sites-available/{fqdn}"
PLACES = "/etc/nginx/harvest.d/{fqdn}/harvest.conf"
TLS = "/etc/nginx/snippets/harvest-tls.conf"
BARE = "/etc/nginx/sites-available/00-default"
CERTIFICATE = "/etc/harvest/tls/{fqdn}"
RELOAD = "systemctl reload nginx && sleep 1"
PAIR = f"ssl_certificate {CERTIFICATE}/cert.pem; ssl_certificate_key {CERTIFICATE}/key.pem;"
DATABASE = "/var/lib/harvest/harvest.db"
RESTART = "systemctl restart harvest-backend@5001.service"


def sql(text: str) -> str:
    return f'python3 -c \'import sqlite3; c = sqlite3.connect("{DATABASE}"); c.executescript("{text}")\''


SAME_TIME = "touch -r /opt/harvest/harvest/wsgi_fe.py /opt/harvest/harvest/wsgi_be.py"
WATCH = "/etc/systemd/system/harvest-watch.service"

MUTATIONS: dict[str, Mutation] = {
    "code changed, its time set back": edited(
        "/opt/harvest/harvest/wsgi_be.py",
        f"sed -i '1s/$/ /' /opt/harvest/harvest/wsgi_be.py && {SAME_TIME}",
        "integrity.release",
        named="/harvest",
    ),
    "a module slipped into the environment": mutation(
        "cd /opt/harvest/venv/lib/python3*/site-packages && touch -d @1 mine.pth",
        "rm /opt/harvest/venv/lib/python3*/site-packages/mine.pth",
        "integrity.release",
        named="/venvs/",
    ),
    "a table is gone": mutation(
        sql("alter table trash rename to gone"),
        sql("alter table gone rename to trash"),
        "harvest.ready",
        named="trash",
    ),
    "a row names what is not there": mutation(
        sql(
            "insert into highlight (id, paper_id, page, rects, color, text, created_at)"
            " values (999999, 999999, 1, 1, 1, 1, 1)"
        ),
        sql("delete from highlight where id = 999999"),
        "harvest.database",
        named="highlight",
    ),
    "the disk is full": mutation(
        "mount -t tmpfs -o size=9m tmpfs /var/log && mkdir /var/log/journal /var/log/nginx",
        "umount -l /var/log",
        "harvest.disk",
        named="MiB are left",
    ),
    "a unit's file is others'": moded(
        "/etc/systemd/system/harvest-watch.service", "666", "harvest.unit-owners"
    ),
    "the watchdog is stopped": unit(
        "stop", "harvest-watch", "start", "harvest.watchdog", "harvest.watchdog-backends", named="inactive"
    ),
    "the watchdog does not start at boot": unit(
        "disable -q", "harvest-watch", "enable -q", "harvest.watchdog", named="disabled"
    ),
    "the watchdog watches another": edited(
        WATCH,
        f"sed -i s/@5001/@5009/ {WATCH}",
        "harvest.watchdog-backends",
        then="systemctl daemon-reload && systemctl restart harvest-watch",
        named="5009",
    ),
    "the watchdog may do anything": edited(
        WATCH,
        f"sed -i '/Protect/d;/Private/d;/Restrict/d;/SystemCall/d;/Capab/d' {WATCH}",
        "harvest.watchdog-sandbox",
        then="systemctl daemon-reload",
    ),
    "the backend is stopped for good": mutation(
        "systemctl mask -q --runtime --now harvest-backend@5001.socket harvest-backend@5001.service",
        "systemctl unmask -q --runtime harvest-backend@5001.socket harvest-backend@5001.service;"
        " systemctl restart harvest-backend@5001.socket harvest-frontend.service",
        "harvest.units",
        "harvest.backends",
        "harvest.ready",
        "harvest.api",
        "harvest.user",
        "harvest.at-boot",
        "harvest.sandbox",
        "firewall.internal-ports",
        named="harvest-backend@5001",
    ),
    "a style of the page is gone": edited(
        PLACES,
        f"sed -i '1i location = /assets/harvest.css {{ return 404; }}' {PLACES}",
        "harvest.asset",
        then=RELOAD,
        named="harvest.css",
    ),
    "nginx does not start at boot": unit(
        "disable -q", "nginx", "enable -q", "nginx.running", named="disabled"
    ),
    "headers are missing": edited(
        "/etc/nginx/snippets/harvest-answer.conf",
        "sed -i /X-Frame-Options/d /etc/nginx/snippets/harvest-answer.conf",
        "nginx.headers",
        then=RELOAD,
        named="X-Frame-Options",
    ),
    "strangers get an answer": edited(
        BARE,
        f"sed -i -e 's/return 444/return 204/' -e 's#ssl_reject_handshake on;#{PAIR}#' {BARE}",
        "nginx.bare-address",
        "nginx.unknown-name",
        then=RELOAD,
        named="204",
    ),
    "HTTP stays HTTP": edited(
        SITE, f"sed -i 's/return 301.*/return 204;/' {SITE}", "tls.redirect", then=RELOAD, named="204"
    ),
    "TLS 1.1": edited(
        TLS,
        "sed -i -e 's/^ssl_protocols.*/ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;/'"
        f" -e '/^ssl_ciphers/d' {TLS}",
        "tls.versions",
        then=RELOAD,
        named="DID NOT RAISE",
    ),
    "a certificate of another name that ends soon": edited(
        f"{CERTIFICATE}/cert.pem",
        f"openssl req -x509 -key {CERTIFICATE}/key.pem -subj /CN=example.org -addext subjectAltName=DNS:example.org"
        f" -days 3 -out {CERTIFICATE}/cert.pem",
        "tls.certificates",
        then=RELOAD,
        named="not in its certificate",
    ),
    "a query in the access log": edited(
        "/var/log/nginx/harvest.access.log",
        'echo \'{"path":"/x?secret"}\' >>/var/log/nginx/harvest.access.log',
        "logs.query-strings",
    ),
    "the API is another's": edited(
        PLACES,
        f"sed -i s,//harvest_backend,//127.0.0.1:9, {PLACES}",
        "harvest.api",
        then=RELOAD,
        named="502",
    ),
    # The last one, since others reload nginx.
    "nginx was not reloaded": edited(
        "/etc/nginx/nginx.conf",
        "sleep 1.1 && echo '# mine' >>/etc/nginx/nginx.conf",
        "nginx.current",
        named="nginx.conf",
    ),
}
