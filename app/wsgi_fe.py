"""The frontend for gunicorn: `gunicorn wsgi_fe:server`."""

from harvest import memory
from harvest.web.app import create_app

server = create_app().server
memory.freeze_for_fork()
