"""No test of the data reaches out to the network."""

import urllib.request
from urllib.error import URLError

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def urlopen(request, **options):
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
