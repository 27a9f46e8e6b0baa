"""Certificates, certbot's and nginx's state. Runs ON the host, within the one look: standard library, Python 3.9."""

import glob
import os
import ssl
import subprocess
import time
from typing import Any

from provision.remote.host_files import read

Found = dict[str, Any]


def certificate(path: str) -> Found:
    """A PEM certificate's names and the seconds that it has left; {} where there is none."""
    command = [
        "openssl",
        "x509",
        "-in",
        path,
        "-noout",
        "-dates",
        "-issuer",
        "-subject",
        "-ext",
        "subjectAltName",
    ]
    try:
        shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    except OSError:
        return {}
    said = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("not"))
    if "notAfter" not in said:
        return {}
    begin, end = (ssl.cert_time_to_seconds(said[key]) for key in ("notBefore", "notAfter"))
    names = [word.strip(" ,")[4:] for word in shown.replace(",", "\n").splitlines() if "DNS:" in word]
    signers = [
        line.partition("=")[2] for line in shown.splitlines() if line.startswith(("issuer", "subject="))
    ]
    answer = {"names": sorted(names), "left": end - time.time(), "life": end - begin}
    return {**answer, "fits": pair_fits(path), "self_signed": len(set(signers)) == 1}


def pair_fits(path: str) -> bool:
    """Whether the key that lies next to a certificate is there and is the certificate's."""
    key = path.replace("fullchain.pem", "privkey.pem").replace("cert.pem", "key.pem")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key, password=lambda: "")
    except (OSError, ValueError):
        return False
    return True


LETSENCRYPT = "/etc/letsencrypt"


def lineages() -> Found:
    """What certbot keeps, by name: whether each is whole, and how it is renewed."""
    if not os.path.isdir(LETSENCRYPT + "/renewal"):
        return {}
    confs = {name[:-5] for name in os.listdir(LETSENCRYPT + "/renewal") if name.endswith(".conf")}
    folders = {
        name
        for place in ("live", "archive")
        if os.path.isdir(LETSENCRYPT + "/" + place)
        for name in os.listdir(LETSENCRYPT + "/" + place)
        if os.path.isdir(LETSENCRYPT + "/" + place + "/" + name)
    }
    return {name: lineage(name) for name in sorted(confs | folders)}


def lineage(name: str) -> Found:
    """One of certbot's certificates. Its renewal file is configobj's: `key = value`, sections in brackets."""
    live = LETSENCRYPT + "/live/" + name
    section, words, roots = "", {}, []
    for line in read(LETSENCRYPT + "/renewal/" + name + ".conf").splitlines():
        key, equal, value = (part.strip() for part in line.partition("="))
        if key.startswith("["):
            section = key.strip("[]")
        elif equal and not key.startswith("#") and section == "webroot_map":
            roots.append(value)
        elif equal and not key.startswith("#"):
            words[key] = value
    roots += [root for root in words.get("webroot_path", "").split(",") if root and not roots]
    pems = [live + "/" + pem + ".pem" for pem in ("cert", "privkey", "chain", "fullchain")]
    account = words.get("account", "")
    whole = (
        all(os.path.islink(pem) and os.path.isfile(pem) for pem in pems)
        and pair_fits(live + "/fullchain.pem")
        and [words.get(key) for key in ("cert", "privkey", "chain", "fullchain")] == pems
    )
    return {
        "renewed": bool(words),
        "whole": whole,
        "authenticator": words.get("authenticator", ""),
        "server": words.get("server", ""),
        "roots": sorted({root.strip() for root in roots}),
        "hooks": [words[key] for key in ("pre_hook", "post_hook") if words.get(key)],
        "account": bool(account and glob.glob(LETSENCRYPT + "/accounts/*/**/" + account, recursive=True)),
        "names": certificate(live + "/cert.pem").get("names", []),
    }


def nginx() -> Found:
    """What nginx says of its configuration as it lies there now, and what that includes; {} where there is none."""
    try:
        done = subprocess.run(["nginx", "-T"], capture_output=True, text=True, errors="replace")
    except OSError:
        return {}
    includes = [
        os.path.join("/etc/nginx", word.strip("\"'"))
        for line in (done.stdout or read("/etc/nginx/nginx.conf")).splitlines()
        for word in line.strip().split(";")[0].split()[1:2]
        if line.strip().startswith("include")
    ]
    return {"accepted": done.returncode == 0, "said": done.stderr[-4000:], "includes": sorted(set(includes))}
