"""Answers on port 80 in place of the site to come. Runs ON the host (`python3 -c`): standard library, Python 3.9.

argv: a path, the words that it is to answer with, and the seconds after which it ends by itself.
"""

import http.server
import socket
import sys
import threading


class Server(http.server.HTTPServer):
    """Both families on one socket, where the host has both."""

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Answer(http.server.BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self) -> None:
        known = self.path == sys.argv[1]
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode() if known else b"")


if __name__ == "__main__":
    server = Server(("", 80), Answer)
    threading.Timer(float(sys.argv[3]), server.shutdown).start()
    server.serve_forever()
