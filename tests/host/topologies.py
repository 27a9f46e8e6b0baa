"""The ways of living behind nginx and without it, as settings."""

from typing import Any

NAME, API, OTHER = "w-web.harvest.test", "api.w-web.test", "research.w-web.test"
PLAIN: dict[str, Any] = {
    "mode": "nginx",
    "base_path": "/",
    "tls": "files",
    "site": "own",
    "api_domain": None,
    "instances": {},
    "backend_ports": [5001],
    "max_upload_mb": 100,
}
SECOND = {"frontend_port": 8051, "backend_ports": [5011]}
TOPOLOGIES: dict[str, dict[str, Any]] = {
    "root": {},
    "subpath": {"base_path": "/harvest/"},
    "several": {"backend_ports": [5001, 5002, 5003]},
    "api": {"api_domain": API},
    "instances": {
        "instances": {
            "harvest": {"base_path": "/harvest/"},
            "research": {"base_path": "/research/", **SECOND},
        }
    },
    "domains": {"instances": {"harvest": {}, "research": {"domain": OTHER, **SECOND}}},
    "beside": {"site": "beside", "base_path": "/harvest/"},
    "internal": {"mode": "internal"},
    "internal-subpath": {"mode": "internal", "base_path": "/harvest/"},
    "root-again": {},
}
