"""No test of the data reaches out to the network."""

from urllib.error import URLError

import pytest

from pixelrnn.data.sources import download


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def urlopen(request, **options):
        if request.full_url.startswith("http://127.0.0.1"):
            return reached(request, **options)
        raise URLError("no network")

    reached = download.urlopen
    monkeypatch.setattr(download, "urlopen", urlopen)
