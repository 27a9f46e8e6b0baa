"""The backend for gunicorn: `gunicorn wsgi_be:app`."""

from harvest import memory
from harvest.api import create_app

app = create_app()
memory.freeze_for_fork()
