"""Versions on S3-compatible storage: a server of moto's on this machine takes and gives them, through DVC."""

import hashlib
import shutil
from pathlib import Path

import pytest
from tests.support.clones import clone_working_tree, run

pytestmark = pytest.mark.slow


@pytest.fixture
def server(monkeypatch):
    """The address of a server with an empty bucket, `models`."""
    pytest.importorskip("dvc_s3", reason="the extra `s3` isn't installed")
    moto = pytest.importorskip("moto.server", reason="the extra `s3` isn't installed")
    boto3 = pytest.importorskip("boto3", reason="the extra `s3` isn't installed")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_PROFILE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    started = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="models")
    yield address
    started.stop()


def md5s(folder):
    return {
        file.relative_to(folder): hashlib.md5(file.read_bytes()).hexdigest()
        for file in Path(folder).rglob("*")
        if file.is_file()
    }


def test_versions_are_pushed_to_s3_and_pulled(server, tmp_path):
    """Pulled where neither the cache nor the data is; a second push has nothing to do. Faults: an
    entry that names the remote inside the repository; a file that is not in the bucket.
    """
    clone = clone_working_tree(tmp_path / "clone")
    run(["dvc", "pull", "--quiet", "data.dvc"], clone)
    before = md5s(clone / "data")
    assert before
    for name in ("digits", "patches"):
        run(["dvc", "remote", "modify", name, "url", f"s3://models/{name}"], clone)
        run(["dvc", "remote", "modify", "--local", name, "endpointurl", server], clone)
    assert "pushed" in run(["dvc", "push", "data.dvc"], clone)
    assert "up to date" in run(["dvc", "push", "data.dvc"], clone)
    for gone in ("data/digits", "data/patches", ".dvc/cache", "store"):
        shutil.rmtree(clone / gone)
    run(["dvc", "pull", "data.dvc"], clone)
    assert md5s(clone / "data") == before
    assert "endpointurl" not in (clone / ".dvc/config").read_text()
