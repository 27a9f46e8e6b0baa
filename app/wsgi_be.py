"""The backend for gunicorn: `gunicorn wsgi_be:app`."""

import gc

from harvest.api import create_app

app = create_app()
# Nothing made so far is garbage: the collector leaves it alone, so that forked workers keep sharing its memory.
gc.collect()
gc.freeze()
