"""What stands in two files says the same in both: versions, targets, dependencies."""

import re
import tomllib

import yaml
from tests.support.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
PINNED = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text()))


def plain(name):
    """The name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


def test_every_dependency_is_pinned():
    """Fault: a dependency without a tested version, so that CI tests another one each day."""
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    required = {plain(name) for group in groups for name in group}
    assert required <= {plain(name) for name in PINNED}


def test_commits_are_checked_by_the_tested_ruff():
    """Fault: a commit that pre-commit passes and `make lint` does not."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {hook["repo"].rpartition("/")[2]: hook["rev"] for hook in hooks["repos"]}
    assert revisions["ruff-pre-commit"] == f"v{PINNED['ruff']}"


def test_hosted_ci_calls_the_makefile():
    """Fault: a renamed target, which nobody here would notice."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    called = {step["run"].split()[-1] for step in steps}
    assert {"lint", "test", "demo"} <= called
    assert called <= set(re.findall(r"(?m)^([\w-]+):", MAKEFILE))


def test_every_target_is_explained():
    """Fault: a target that `make` alone doesn't list."""
    targets = set(re.search(r"\.PHONY: (.*)", MAKEFILE)[1].split()) - {"help", "embedded-data"}
    assert targets == set(re.findall(r'@echo "make ([\w-]+) ', MAKEFILE))


def test_the_citation_is_of_this_version():
    """Fault: a release whose citation names the one before."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["project"]["version"]
    assert [author["name"] for author in PROJECT["project"]["authors"]] == [
        author["name"] for author in citation["authors"]
    ]
