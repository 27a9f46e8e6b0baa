"""Every setting with its default. Environment variables beat this file; `/etc/harvest/config.py` beats it too.

The environment name stands beside each setting. An overlay may set only the names that it changes.
"""

# "internal": browsers talk to the frontend alone, which passes PDFs and highlights on under /proxy/.
# "nginx": browsers fetch from BACKEND_PUBLIC_URL; the proxy routes are off.
DEPLOYMENT_MODE = "internal"  # HARVEST_DEPLOYMENT_MODE
BACKEND_PUBLIC_URL = ""  # HARVEST_BACKEND_PUBLIC_URL, needed in nginx mode: "https://example.org/harvest"
URL_BASE_PATHNAME = "/"  # HARVEST_URL_BASE_PATHNAME, begins and ends with "/"

HOST = "127.0.0.1"  # HARVEST_HOST: the backend's address
FRONTEND_HOST = "127.0.0.1"  # HARVEST_FRONTEND_HOST: the frontend's address, for launch_harvest.py only
BE_PORT = 5001  # HARVEST_PORT
PORT = 8050  # PORT: the frontend's port
API_BASE = ""  # HARVEST_API_BASE: how the frontend reaches the backend; "" is http://127.0.0.1:<BE_PORT>

STATE_DIR = "."  # HARVEST_STATE_DIR: where the database, PDFs and the generated secret live
DB_PATH = ""  # HARVEST_DB; "" is <STATE_DIR>/harvest.db
DATABASE_URL = ""  # DATABASE_URL: "postgresql://user@host/name"; beats DB_PATH
PDF_DIR = ""  # HARVEST_PDF_DIR; "" is <STATE_DIR>/project_pdfs
MAX_UPLOAD_MB = 100  # HARVEST_MAX_UPLOAD_MB: the largest PDF accepted, in MiB
REQUEST_TIMEOUT_S = 300  # HARVEST_REQUEST_TIMEOUT_S: how long the frontend waits for the backend, in seconds
MIN_FREE_MB = 100  # HARVEST_MIN_FREE_MB: below it /api/ready says no

SECRET_KEY = ""  # HARVEST_SECRET_KEY: signs sessions; the same for all workers and instances of one HARVEST
SECRET_KEY_FILE = ""  # HARVEST_SECRET_KEY_FILE: read it from there; "" makes <STATE_DIR>/secret_key once
SESSION_HOURS = 12  # HARVEST_SESSION_HOURS
TRUSTED_PROXIES = (
    0  # HARVEST_TRUSTED_PROXIES: reverse proxies in front whose X-Forwarded-* headers are believed
)
PUBLIC_URL = (
    ""  # HARVEST_PUBLIC_URL: what browsers call HARVEST where a proxy gives it another scheme, name or port
)
PROXY_ADDRESSES = (
    ""  # HARVEST_PROXY_ADDRESSES: internal mode: addresses or networks whose X-Forwarded-* are believed
)
ALLOWED_ORIGINS = ""  # HARVEST_ALLOWED_ORIGINS: more origins that may call the API, comma-separated

CROSSREF_URL = "https://api.crossref.org"  # HARVEST_CROSSREF_URL: "" never asks for metadata
CONTACT_EMAIL = ""  # HARVEST_CONTACT_EMAIL: told to CrossRef, as it asks of polite clients
