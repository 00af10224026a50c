"""A service as small as can be: `python stub_service.py PORT BEHAVIOUR`."""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

port, behaviour = int(sys.argv[1]), sys.argv[2]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/crash":
            sys.stderr.write('{"level": "error", "event": "told_to_crash"}\n')
            sys.stderr.flush()
            os._exit(7)
        told = {"problem": "The disk is full."} if behaviour == "unready" else dict(os.environ)
        self.send_response(503 if behaviour == "unready" else 200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *args: object) -> None:
        pass


if behaviour == "fail":
    sys.exit("RuntimeError: there is no hope")
if behaviour == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "parent":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if behaviour == "slow":
    time.sleep(600)
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
