"""From `-f` to classes: files, directories, lists, URLs, broken scripts, namesakes."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from locust import runners
from locust.argument_parser import (
    download_locustfile_from_url,
    get_locustfiles_locally,
    parse_locustfile_option,
    parse_locustfile_paths,
)
from locust.cli import locustfiles
from locust.main import merge_locustfiles_content
from locust.util.load_locustfile import is_shape_class, is_user_class, load_locustfile

USER = "from locust import User, task\nclass {name}(User):\n    @task\n    def t(self): pass\n"
SHAPE = "from locust import LoadTestShape\nclass {name}(LoadTestShape):\n    def tick(self): return None\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("HOME", str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: str, text: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return os.path.abspath(path)


# ------------------------------------------------------------------------------------------------- finding


def test_files_and_directories_may_be_mixed_in_a_list(place: Path):
    for name in ("a.py", "d/c.py", "d/b.py", "d/_no.py", "d/_in/e.py", "d/x.txt", "d/__init__.py"):
        write(name, "")
    found = get_locustfiles_locally(parse_locustfile_option(["-f", "a.py, d"]))
    assert found == [str(place / name) for name in ("a.py", "d/b.py", "d/c.py", "d/_in/e.py")]


@pytest.mark.parametrize("missing", ["nope.py", "nope", "", "package.module", "text.txt"])
def test_what_is_not_there_is_named(missing: str, capsys: pytest.CaptureFixture[str]):
    write("text.txt", "")
    with pytest.raises(SystemExit) as stopped:
        parse_locustfile_paths([missing])
    assert stopped.value.code == 1
    assert capsys.readouterr().err == (
        f"Could not find '{missing}'. Ensure your locustfile ends with '.py' or is a directory with locustfiles. "
        "See --help for available options.\n"
    )


def test_an_empty_directory_is_named(place: Path, capsys: pytest.CaptureFixture[str]):
    (place / "empty").mkdir()
    with pytest.raises(SystemExit) as stopped:
        parse_locustfile_paths(["empty"])
    assert stopped.value.code == 1
    assert "Could not find any locustfiles in directory 'empty'" in capsys.readouterr().err


def test_only_a_worker_can_get_its_script_from_a_master(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        get_locustfiles_locally(parse_locustfile_option(["-f", "-"]))
    assert stopped.value.code == 1
    assert "--worker" in capsys.readouterr().err


def test_a_worker_gives_up_asking_for_its_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(runners, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(runners, "CONNECT_RETRY_COUNT", 2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    # Nobody listens there any more.
    arguments = ["-f", "-", "--worker", "--master-port", str(port)]
    with pytest.raises(SystemExit) as stopped:
        get_locustfiles_locally(parse_locustfile_option(arguments))
    assert stopped.value.code == 1
    assert "Got no locustfile response from master, gave up after 0.4s" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- URLs


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = {
            "/dir/my%20test.py": USER.format(name="Fetched").encode(),
            "/": b"x = 1\n",
            "/page.py": b"<html>",
        }
        if self.path == "/endless.py":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"# " + b"x" * 65536 + b"\n")
            except OSError:
                return
        if self.path == "/drip.py":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(2000):
                    self.wfile.write(b"#\n")
                    time.sleep(0.05)
            except OSError:
                return
        body = pages.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"x = 'a valid script, but an error page'")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_script_is_fetched_from_a_url(site: str):
    [path] = parse_locustfile_paths([f"{site}/dir/my%20test.py"])
    assert os.path.basename(path) == "my test.py"
    assert list(load_locustfile(path)[0]) == ["Fetched"]
    assert os.path.basename(download_locustfile_from_url(f"{site}/")) == "locustfile.py"


def test_a_url_without_a_script_is_refused(site: str, capsys: pytest.CaptureFixture[str]):
    for path, why in (
        ("/page.py", "Response was not valid python code: '<html>'"),
        ("/gone.py", "404 Client Error"),
    ):
        with pytest.raises(SystemExit) as stopped:
            download_locustfile_from_url(site + path)
        assert stopped.value.code == 1
        message = capsys.readouterr().err
        assert message.startswith(f"Failed to get locustfile from: {site}{path}. ") and why in message


def test_a_download_is_bounded_in_size_and_time(
    site: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(locustfiles, "DOWNLOAD_LIMIT_BYTES", 200_000)
    for path, seconds, why in (
        ("/endless.py", 60, "more than 200000 bytes"),
        ("/drip.py", 0.3, "not finished after 0.3 seconds"),
    ):
        monkeypatch.setattr(locustfiles, "DOWNLOAD_TOTAL_SECONDS", seconds)
        with pytest.raises(SystemExit):
            download_locustfile_from_url(site + path)
        assert why in capsys.readouterr().err


def redirect(url: str, target: str) -> requests.Response:
    answer = requests.Response()
    answer.url, answer.status_code = url, 302
    answer.headers["location"] = target
    return answer


def test_a_script_does_not_step_down_from_https():
    session = locustfiles._Downloads()
    for url, target in (
        ("https://site/x.py", "https://other/x.py"),
        ("http://site/x.py", "http://other/x.py"),
        ("https://site/x.py", "//other/x.py"),
        ("https://site/x.py", "y.py"),
        ("http://site/x.py", "https://site/x.py"),
    ):
        assert session.get_redirect_target(redirect(url, target)) == target
    with pytest.raises(locustfiles._DownloadError, match="from https to http://u:\\*\\*\\*@other"):
        session.get_redirect_target(redirect("https://site/x.py", "http://u:p@other/x.py"))


def test_a_password_in_the_url_of_a_script_is_not_shown(site: str, capsys: pytest.CaptureFixture[str]):
    for path in ("/page.py", "/gone.py"):
        with pytest.raises(SystemExit):
            download_locustfile_from_url(site.replace("://", "://me:hunter2@") + path)
        message = capsys.readouterr().err
        assert "hunter2" not in message and "me:***@" in message


# ------------------------------------------------------------------------------------------------- loading


def test_classes_are_collected_under_the_names_of_the_file():
    from locust import LoadTestShape, User

    write("other.py", USER.format(name="Imported"))
    path = write(
        "main_script.py",
        "from other import Imported\n"
        + USER.format(name="Own")
        + SHAPE.format(name="Wave")
        + "class Base(User):\n    abstract = True\n",
    )
    users, shapes = load_locustfile(path)
    assert list(users) == ["Imported", "Own"]
    assert [type(shape).__name__ for shape in shapes] == ["Wave"]
    assert is_user_class(users["Own"]) and not is_user_class(User) and not is_user_class("Own")
    assert is_shape_class(type(shapes[0])) and not is_shape_class(LoadTestShape)


def test_the_directory_of_a_script_is_on_the_path_only_while_it_is_imported(place: Path):
    write("sub/neighbour.py", "VALUE = 1\n")
    before = sys.path[:]
    load_locustfile(write("sub/script.py", "import neighbour\n"))
    assert sys.path == [str(place), *before]
    with pytest.raises(ZeroDivisionError):
        load_locustfile(write("sub/broken.py", "1/0\n"))
    assert sys.path == [str(place), str(place), *before]


def test_a_script_may_have_the_name_of_the_package_and_dots_in_its_name():
    import locust

    assert list(load_locustfile(write("locust.py", USER.format(name="A")))[0]) == ["A"]
    assert sys.modules["locust"] is locust and "locustfile" in sys.modules
    assert list(load_locustfile(write("my.load.test.py", USER.format(name="B")))[0]) == ["B"]


def test_a_broken_script_shows_its_own_part_of_the_traceback(capsys: pytest.CaptureFixture[str]):
    write("helper.py", "def fails():\n    return 1 / 0\n")
    path = write("script.py", "import helper\ndef go():\n    helper.fails()\ngo()\n")
    with pytest.raises(SystemExit) as stopped:
        merge_locustfiles_content([path])
    assert stopped.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{path}", line 4, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert not any("locust/" in line or "importlib" in line for line in lines)


def test_a_script_that_does_not_compile_shows_the_line(capsys: pytest.CaptureFixture[str]):
    path = write("script.py", "class A(:\n")
    with pytest.raises(SystemExit):
        merge_locustfiles_content([path])
    shown = capsys.readouterr().err
    assert f'File "{path}", line 1' in shown and "SyntaxError" in shown
    assert "importlib" not in shown and "load_locustfile" not in shown


def test_a_script_that_exits_ends_the_program_with_its_code():
    with pytest.raises(SystemExit) as stopped:
        merge_locustfiles_content([write("script.py", "import sys\nsys.exit(9)\n")])
    assert stopped.value.code == 9


def test_namesakes_in_two_files_are_refused_unless_one_imported_the_other(capsys: pytest.CaptureFixture[str]):
    one, two = write("one.py", USER.format(name="A")), write("two.py", USER.format(name="A"))
    with pytest.raises(SystemExit) as stopped:
        merge_locustfiles_content([one, two])
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"Duplicate user class names: A is defined in both {one} and {two}\n"
    write("three.py", "from one import A\n")
    assert list(merge_locustfiles_content([one, os.path.abspath("three.py")])[0]) == ["A"]


def test_shapes_of_several_files_are_merged_and_the_first_is_followed(capsys: pytest.CaptureFixture[str]):
    one = write("one.py", USER.format(name="A") + SHAPE.format(name="First"))
    two = write("two.py", SHAPE.format(name="Second"))
    users, shapes, tasks, shape = merge_locustfiles_content([one, two])
    assert list(shapes) == ["First", "Second"] and type(shape).__name__ == "First"
    assert [task.__name__ for task in tasks["A"]] == ["t"] and tasks["A"] is users["A"].tasks
    with pytest.raises(SystemExit):
        merge_locustfiles_content([one, write("four.py", SHAPE.format(name="First"))])
    assert capsys.readouterr().err == "Duplicate shape classes: First\n"
