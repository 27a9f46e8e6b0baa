"""The frontend for gunicorn: `gunicorn wsgi_fe:server`."""

import gc

from harvest.web.app import create_app

server = create_app().server
# Nothing made so far is garbage: the collector leaves it alone, so that forked workers keep sharing its memory.
gc.collect()
gc.freeze()
