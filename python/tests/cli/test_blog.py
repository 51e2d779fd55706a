"""`gregaria blog`."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

from servers import TOOLS, clean_environment, free_port


def gregaria(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [TOOLS / "gregaria", *arguments],
        cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_blog_is_served_until_ctrl_c(tmp_path: Path):
    port = free_port()
    with gregaria("blog", "--port", str(port), cwd=tmp_path) as process:
        line = process.stdout.readline()
        assert re.fullmatch(rf"The sample blog is at http://127\.0\.0\.1:{port} \(Ctrl-C ends it\)\.\n", line)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as response:
            assert response.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_a_port_that_cannot_be_had_is_told_in_a_line(tmp_path: Path):
    for port, code in (("1000000", 2), ("x", 2)):
        with gregaria("blog", "--port", port, cwd=tmp_path) as process:
            assert process.wait(timeout=60) == code
    with gregaria("blog", "--host", "192.0.2.1", cwd=tmp_path) as process:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert (
            err.startswith("gregaria: error: cannot serve the blog at 192.0.2.1:5000: ")
            and "Traceback" not in err
        )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with gregaria("blog", "--port", str(port), cwd=tmp_path) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and err.count("\n") == 1
    assert f"cannot serve the blog at 127.0.0.1:{port}: Address already in use" in err and "--port" in err
