"""A web server on loopback that takes alerts, or does not: it remembers what was posted, and answers as it is told."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebRig:
    """``status`` of each answer, in turn, the last one for ever; ``hold``: an event each answer waits for."""

    def __init__(self, *status: int, hold: threading.Event | None = None, location: str = "") -> None:
        rig = self
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.came = threading.Semaphore(0)
        self._status = list(status) or [200]

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                rig.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                rig.paths.append(self.path)
                rig.came.release()
                if hold is not None:
                    hold.wait(20)
                code = rig._status.pop(0) if len(rig._status) > 1 else rig._status[0]
                self.send_response(code)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=s3cret"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, limit_s: float) -> bool:
        """Whether one more came in time."""
        return self.came.acquire(timeout=limit_s)

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
