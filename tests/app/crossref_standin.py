"""A small CrossRef of our own: what it answers depends on the DOI's last word."""

import contextlib
import http.server
import json
import threading
import time
from urllib.parse import unquote

FOUND = {
    "title": ["A <i>known</i> paper &amp; its title"],
    "author": [{"given": "Ada", "family": "Lovelace"}, {"name": "A consortium"}, {"family": "Weiss"}],
    "container-title": ["Journal of Tests"],
    "issued": {"date-parts": [[2021, 5]]},
}
SLOW_SECONDS = 2
GIVEN = {
    "known": json.dumps({"message": FOUND}),
    "empty": '{"message": {}}',
    "garbage": "<html>no JSON \x00",
    "odd": '{"message": {"title": "not a list"}}',
    "dateless": '{"message": {"issued": {"date-parts": [[]]}}}',
    "deep": "[" * 100_000,
}


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        doi = unquote(self.path.removeprefix("/works/"))
        self.server.asked.append((doi, self.headers["User-Agent"]))
        word = self.server.moods.get(doi, doi.rsplit("/", 1)[-1])
        if word == "slow":
            time.sleep(SLOW_SECONDS)
        status = 200 if word in GIVEN else {"broken": 503, "busy": 429}.get(word, 404)
        data = GIVEN.get(word, "<html>no JSON").encode()
        with contextlib.suppress(OSError):  # who asked may be gone
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def crossref():
    """Gives the server: its `url`, the DOIs and agents it was `asked`, and `moods` to change an answer."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.url, server.asked, server.moods = f"http://127.0.0.1:{server.server_port}", [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
