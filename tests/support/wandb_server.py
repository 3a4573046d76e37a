"""What `wandb sync` needs of W&B's server: runs are made and resumed, rows and summaries arrive.

As there, rows go where the client says, and a summary replaces the one before. Files and artifacts
are refused, which costs the client nothing.
"""

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """Its runs by their ids: group, configuration, history and summary."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs: dict[str, dict[str, Any]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def resume(self, name: str) -> dict[str, Any]:
        """RunResumeStatus: where to go on."""
        run = self.runs.get(name)
        bucket = run and {
            "id": name,
            "name": name,
            "displayName": name,
            "summaryMetrics": json.dumps(run["summary"]),
            "config": json.dumps(run["config"]),
            "historyLineCount": len(run["history"]),
            "historyTail": json.dumps([json.dumps(row) for row in run["history"][-1:]]),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "eventsTail": "[]",
            "tags": [],
            "wandbConfig": json.dumps({"t": 1}),  # it has begun
        }
        return {"model": {"id": "p", "name": "p", "bucket": bucket}}

    def upsert(self, given: dict[str, Any]) -> dict[str, Any]:
        """UpsertBucket: make the run, or change what is known of it."""
        name = given["name"]
        run = self.runs.setdefault(
            name, {"history": [], "summary": {}, "config": {}, "group": None}
        )
        run["config"] = json.loads(given["config"] or "{}") or run["config"]
        run["group"] = given["groupName"] or run["group"]
        project = {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}}
        bucket = {"id": name, "name": name, "displayName": name, "project": project}
        return {"upsertBucket": {"bucket": bucket, "inserted": False}}

    def receive(self, name: str, files: dict[str, Any]) -> None:
        """Take rows and summaries of a run."""
        run = self.runs[name]
        if rows := files.get("wandb-history.jsonl"):
            new = [json.loads(row) for row in rows["content"]]
            run["history"][rows["offset"] : rows["offset"] + len(new)] = new
        if summary := files.get("wandb-summary.json"):
            run["summary"] = json.loads(summary["content"][-1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        if self.path == "/graphql":
            self.reply(self.answer(json.loads(body)))
        elif stream := re.fullmatch(r"/files/\w+/\w+/(\w+)/file_stream", self.path):
            self.server.receive(stream[1], json.loads(body).get("files") or {})
            self.reply({})
        else:
            self.reply({})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        given = request.get("variables") or {}
        if "RunResumeStatus" in request["query"]:
            return {"data": self.server.resume(given["name"])}
        if "UpsertBucket" in request["query"]:
            return {"data": self.server.upsert(given)}
        return {"errors": [{"message": "not in this server"}]}

    def reply(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
