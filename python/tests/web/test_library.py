"""The web interface in programs that use Locust as a library, with gevent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from servers import clean_environment

HEAD = """
import gevent, requests
from locust import User, constant, task
from locust.env import Environment

class Talker(User):
    wait_time = constant(0.05)
    @task
    def talk(self):
        self.environment.events.request.fire(
            request_type="TALK", name="talk", response_time=5, response_length=0, exception=None, context={}
        )

environment = Environment(user_classes=[Talker], events=None)
"""


def run_program(folder: Path, text: str) -> str:
    (folder / "program.py").write_text(HEAD + text)
    result = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env=clean_environment(HOME=str(folder)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_example_of_the_manual(tmp_path: Path):
    out = run_program(
        tmp_path,
        """
runner = environment.create_local_runner()
web_ui = environment.create_web_ui("127.0.0.1", 0)
assert environment.web_ui is web_ui
url = f"http://127.0.0.1:{web_ui.server.server_port}"
runner.start(2, spawn_rate=10)
answer = {"state": "ready"}
while answer["state"] != "running" or len(answer["stats"]) < 2:
    gevent.sleep(0.1)
    answer = requests.get(url + "/stats/requests").json()
print(answer["state"], answer["user_count"], answer["stats"][0]["name"])
gevent.spawn_later(0.1, runner.quit)
runner.greenlet.join()
print(requests.get(url + "/stats/requests").json()["state"], web_ui.greenlet.dead)
web_ui.stop()
web_ui.greenlet.join(30)
print(web_ui.greenlet.dead)
try:
    requests.get(url, timeout=30)
except requests.ConnectionError:
    print("gone")
""",
    )
    assert out.split("\n") == ["running 2 talk", "stopped False", "True", "gone", ""]
    # A library leaves no files behind.
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["program.py"]


def test_a_start_can_be_delayed_for_routes_and_without_a_runner(tmp_path: Path):
    out = run_program(
        tmp_path,
        """
web_ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
print(web_ui.server, web_ui.greenlet)

@web_ui.app.route("/added")
def added():
    return "added"

client = web_ui.app.test_client()
print(client.get("/").status_code, client.get("/").text)
web_ui.start()
url = f"http://127.0.0.1:{web_ui.server.server_port}"
print(requests.get(url + "/added").text, requests.get(url + "/stats/requests").json()["state"])
print(requests.get(url + "/").status_code, requests.post(url + "/swarm", {"user_count": 1, "spawn_rate": 1}).json()["message"])
runner = environment.create_local_runner()
print(requests.post(url + "/swarm", {"user_count": 1, "spawn_rate": 1}).json()["message"])
print(requests.post(url + "/stop").json()["message"])
try:
    web_ui.login_manager
except AttributeError as e:
    print(e)
web_ui.stop()
web_ui.stop()
""",
    )
    assert out.splitlines() == [
        "None None",
        "500 Error: Locust Environment does not have any runner",
        "added missing",
        "500 No runner",
        "Swarming started",
        "Test stopped",
        "The login_manager is only available with --web-login.",
        "",
    ]


def test_two_programs_cannot_have_one_port(tmp_path: Path):
    out = run_program(
        tmp_path,
        """
first = environment.create_web_ui("127.0.0.1", 0)
try:
    Environment(user_classes=[Talker]).create_web_ui("127.0.0.1", first.server.server_port)
except OSError as e:
    print("OSError", e.errno)
try:
    Environment(user_classes=[Talker]).create_web_ui("127.0.0.1", 0, web_base_path="no-slash")
except ValueError as e:
    print("ValueError")
first.stop()
""",
    )
    assert out.split() == ["OSError", "98", "ValueError"]


def test_a_csv_writer_of_ones_own_is_asked(tmp_path: Path):
    out = run_program(
        tmp_path,
        """
from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

class Own(StatsCSV):
    def requests_csv(self, csv_writer):
        csv_writer.writerow(["mine"])

environment.create_local_runner()
web_ui = environment.create_web_ui("127.0.0.1", 0, stats_csv_writer=Own(environment, PERCENTILES_TO_REPORT))
print(repr(requests.get(f"http://127.0.0.1:{web_ui.server.server_port}/stats/requests/csv").text))
web_ui.stop()
environment.runner.quit()
""",
    )
    assert out.strip() == repr("mine\r\n")


def test_a_library_says_who_needs_the_token(tmp_path: Path):
    out = run_program(
        tmp_path,
        """
import logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
sys.stderr = sys.stdout
os.environ["LOCUST_WEB_TOKEN"] = "open-sesame"
environment.create_local_runner()
web_ui = environment.create_web_ui("0.0.0.0", 0)
print(web_ui.engine.token)
web_ui.stop()
os.environ["LOCUST_WEB_OPEN"] = "1"
web_ui = environment.create_web_ui("0.0.0.0", 0)
print(web_ui.engine.token)
web_ui.stop()
environment.runner.quit()
""",
    )
    # On the terminal, once: no handler of the log gets it.
    said, token, none = out.splitlines()
    assert "/WARNING/locust.web: Other machines need the access token of this start: http://" in said
    assert said.endswith("/?token=open-sesame") and token == "open-sesame" and none == "None"
