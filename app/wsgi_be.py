"""The backend for gunicorn: `gunicorn wsgi_be:app`."""

from harvest.api import create_app

app = create_app()
