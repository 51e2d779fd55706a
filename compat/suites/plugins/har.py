"""har2locust: makes a locustfile out of a browser's recording, and becomes it."""

import json
import os
import pathlib
import subprocess
import sys

from locust import events  # noqa: F401  (so that everything is patched before the generator runs)

TARGET = os.environ["TARGET"]


def entry(method, path, mime="text/html", body=None, headers=()):
    request = {
        "method": method,
        "url": TARGET + path,
        "headers": [{"name": n, "value": v} for n, v in headers],
    }
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    answer = {
        "status": 200,
        "headers": [{"name": "content-type", "value": mime}],
        "content": {"mimeType": mime},
    }
    return {"request": request, "response": answer, "_resourceType": "xhr" if body else "document"}


recording = {
    "log": {
        "version": "1.2",
        "entries": [
            entry("GET", "/", headers=[("accept-language", "en"), ("cookie", "secret=1")]),
            entry("POST", "/post", "application/json", {"a": 1}, [("accept-language", "en")]),
            entry("OPTIONS", "/", headers=[("accept-language", "en")]),
        ],
    }
}
pathlib.Path("my recording.har").write_text(json.dumps(recording))
made = subprocess.run(
    [sys.executable, "-m", "har2locust", "my recording.har"], capture_output=True, text=True
)
print(made.stdout, made.stderr[-2000:])
pathlib.Path("made.py").write_text(made.stdout)
exec(compile(made.stdout, "made.py", "exec"))
