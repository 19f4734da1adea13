from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.standins.arxiv import ArxivStandIn, recent_submission, run_stand_in
from tests.worlds import fill, papers_of_day
from trendcli.core.errors import UsageError
from trendcli.reports.weekly.workflow import (
    WHEEL_PATTERN,
    check_install_address,
    check_repository_root,
    find_install_address,
    relative_to_repository,
    render_github_workflow,
)
from trendcli.store.store import Store

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = f"git+https://github.com/somebody/trendcli@{COMMIT}"


def test_the_workflow_pins_what_it_runs_and_may_do_no_more_than_it_needs() -> None:
    text = render_github_workflow(ADDRESS, "configs/my weekly.yaml", None, {"TREND_CONTACT": 'me: "#1"'})
    workflow = yaml.safe_load(text)
    build, pages = workflow["jobs"]["weekly"], workflow["jobs"]["pages"]
    assert workflow[True]["schedule"] == [{"cron": "17 7 * * 1"}]  # YAML takes `on` for true
    steps = {step.get("name"): step for step in build["steps"]}
    run_step = steps["Run the weekly job"]
    assert run_step["run"] == "trend --store store weekly 'configs/my weekly.yaml' --out weeks\n"
    assert run_step["env"] == {"TREND_CONTACT": 'me: "#1"'}
    assert steps["Install trendcli"]["run"] == f"pip install {ADDRESS}"
    assert (workflow["permissions"], build["permissions"]) == ({}, {"contents": "write"})
    assert pages["permissions"] == {"pages": "write", "id-token": "write"}
    used = [step["uses"] for step in (*build["steps"], *pages["steps"]) if "uses" in step]
    assert len(used) == 4 and all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in used)
    assert all(re.search(rf"{re.escape(name)} # v\d+\.\d+\.\d+\n", text) for name in used)
    # the token is seen by what talks to GitHub alone, and no text of it is read as a command
    assert "env" not in build and "env" not in steps["Install trendcli"]
    assert not any("${{" in step.get("run", "") for step in build["steps"])
    assert not re.search(r"@[A-Z]+@", text)


def test_without_an_address_a_wheel_in_the_repository_is_installed() -> None:
    text = render_github_workflow(WHEEL_PATTERN, None, None, {})
    # not a name that somebody else could register
    assert "  pip install vendor/trendcli-*.whl\n" in text and "pip install trendcli" not in text
    assert "  trend --store store weekly --out weeks\n" in text


@pytest.mark.parametrize(
    "address",
    [ADDRESS, f"git+https://example.org/a/b.git@{COMMIT}", f"https://example.org/t-1.whl#sha256={'0' * 64}"],
)
def test_an_address_with_a_hash_is_taken(tmp_path: Path, address: str) -> None:
    assert check_install_address(address, tmp_path) == address


@pytest.mark.parametrize(
    "address",
    [
        "trendcli", "trendcli==0.2.0", "git+https://github.com/somebody/trendcli", "https://example.org/t-1.whl",
        f"git+http://example.org/a@{COMMIT}", f"git+https://example.org/a@{COMMIT[:12]}", "vendor/absent.whl",
        "git+https://example.org/a@main", f"{ADDRESS} ; curl", "",
    ],
)  # fmt: skip
def test_any_other_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="is not pinned to one version"):
        check_install_address(address, tmp_path)


def test_a_wheel_of_the_repository_is_taken(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "trendcli-1.whl").touch()
    assert check_install_address("vendor/trendcli-1.whl", tmp_path) == "vendor/trendcli-1.whl"
    assert "  pip install ./vendor/trendcli-1.whl\n" in render_github_workflow(
        "vendor/trendcli-1.whl", None, None, {}
    )
    (tmp_path.parent / "outside.whl").touch()
    with pytest.raises(UsageError, match="outside"):
        check_install_address("../outside.whl", tmp_path)


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        (
            {"url": "https://example.org/t.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"git+https://example.org/t.git@{COMMIT}",
        ),
        ({"url": "file:///home/me/trendcli", "dir_info": {"editable": True}}, None),
        ({"url": "ssh://git@example.org/t.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, None),
        (None, None),
    ],
)
def test_the_address_of_the_installation_is_used_if_it_is_pinned(
    monkeypatch: pytest.MonkeyPatch, origin: Mapping[str, Any] | None, address: str | None
) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            return json.dumps(origin) if origin and name == "direct_url.json" else None

    monkeypatch.setattr(metadata, "distribution", lambda _: Distribution())
    assert find_install_address() == address


def test_paths_are_those_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    check_repository_root(tmp_path)
    with pytest.raises(UsageError, match=f"cd {re.escape(str(tmp_path))}"):
        check_repository_root(tmp_path / "sub")
    assert relative_to_repository(tmp_path / "sub" / "a.yaml", tmp_path, "It") == "sub/a.yaml"
    assert relative_to_repository(Path("-x.yaml"), tmp_path, "It") == "./-x.yaml"
    for path in ("/etc/passwd", "../a.yaml", "sub/../../a.yaml", "~/a.yaml"):
        with pytest.raises(UsageError, match="outside"):
            relative_to_repository(Path(path), tmp_path, "It")


@pytest.mark.parametrize("name", ["a\nb.yaml", "${{ github.token }}.yaml"])
def test_a_name_that_would_become_part_of_the_workflow_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        render_github_workflow(ADDRESS, name, None, {})
    with pytest.raises(UsageError):
        render_github_workflow(ADDRESS, None, None, {"TREND_CONTACT": name})


class Repository:
    """A repository with the workflow, whose steps run here as a runner would run them, with a stand-in of `gh`."""

    def __init__(self, root: Path, command: str = "", **files: str) -> None:
        self.root, self.release, self.runs = root, root / "release", 0
        self.workflow = yaml.safe_load(render_github_workflow(ADDRESS, "job.yaml", "set.yaml", {}))
        self.command, self.files = command, files
        self.bin = root / "bin"
        self.bin.mkdir(parents=True)
        module = f"PYTHONPATH={ROOT} exec {sys.executable} -m"
        for name, script in {
            "gh": f'{module} tests.standins.github "$@"',
            "trend": f'{module} trendcli "$@"',
            "python": f'exec {sys.executable} "$@"',
            "sleep": "exit 0",
            # every run takes a second here, so that names differ
            "date": f"printf '20260720T07%04dZ' $(($(ls -d {root}/run-* | wc -l)))",
        }.items():
            (self.bin / name).write_text(f"#!/bin/bash\n{script}\n")
            (self.bin / name).chmod(0o755)

    def run(self, fault: str = "", times: int = 1_000_000) -> tuple[bool, str]:
        """Run the steps in a new checkout; return whether all succeeded, and what they said."""
        self.runs += 1
        folder = self.root / f"run-{self.runs}"
        folder.mkdir()
        for name, text in self.files.items():
            (folder / f"{name}.yaml").write_text(text)
        self.release.with_suffix(".faults").unlink(missing_ok=True)
        environment = {
            **os.environ, "PATH": f"{self.bin}:/usr/bin:/bin", "GH_RELEASE": str(self.release), "GH_FAULT": fault,
            "GH_FAULT_TIMES": str(times),
        }  # fmt: skip
        succeeded, said = True, ""
        for step in self.workflow["jobs"]["weekly"]["steps"]:
            command = self.command if self.command and step.get("name") == "Run the weekly job" else step.get("run")
            if not command or "pip install" in command or not (succeeded or step.get("if") == "always()"):
                continue
            result = subprocess.run(
                ["/bin/bash", "-e", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
            )
            said += result.stdout + result.stderr
            succeeded = succeeded and result.returncode == 0
        return succeeded, said

    def copies(self) -> list[str]:
        """The names of the complete copies in the release, newest first."""
        names = [path.name for path in self.release.iterdir() if not path.name.endswith(".starter")]
        return sorted(names, reverse=True)

    def count(self) -> int:
        """The submissions of the newest copy that can be read."""
        for name in self.copies():
            target = self.root / "look" / name
            try:
                with gzip.open(self.release / name) as whole:
                    whole.read()  # with its checksum
                with tarfile.open(self.release / name) as archive:
                    archive.extractall(target, filter="data")
                return Store.open(target / "store").manifest.submission_count
            except (OSError, EOFError, zlib.error, tarfile.TarError):
                continue
        return 0


def add_submissions(number: int) -> str:
    """The command of a job that adds ten submissions, of which no two runs have the same."""
    return f"""
    {sys.executable} -c "
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.worlds import fill, papers_of_day
fill(Path('store'), papers_of_day('2019-05-01', 10, 'Nothing', first_number=len(list(Path('..').glob('run-*'))) * 100))
Path('weeks').mkdir(exist_ok=True)
"
    exit {number}
    """


@pytest.fixture(scope="module")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release after a first run, which holds one copy with ten submissions."""
    repository = Repository(tmp_path_factory.mktemp("first"), add_submissions(0))
    succeeded, said = repository.run()
    assert succeeded and repository.count() == 10, said
    return repository.release


@pytest.fixture
def repository(tmp_path: Path, first_copy: Path) -> Repository:
    """A repository whose workflow has run once."""
    repository = Repository(tmp_path, add_submissions(0))
    shutil.copytree(first_copy, repository.release)
    repository.runs = 1
    (tmp_path / "run-1").mkdir()
    return repository


@pytest.mark.journey
def test_copies_are_added_and_the_newest_three_stay(repository: Repository) -> None:
    for number in range(2, 5):
        succeeded, said = repository.run()
        assert succeeded and repository.count() == 10 * number, said
    assert repository.copies() == [f"weekly-20260720T07000{number}Z.tar.gz" for number in (4, 3, 2)]


@pytest.mark.journey
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("list", "GitHub did not list the releases."),
        ("view", "GitHub did not list the copies."),
        ("download", "GitHub did not deliver weekly-20260720T070001Z.tar.gz."),
        ("half", "GitHub did not deliver weekly-20260720T070001Z.tar.gz."),
        ("torn", "No copy in the release can be used: weekly-20260720T070001Z.tar.gz."),
        ("upload", "GitHub did not take weekly-20260720T070002Z.tar.gz."),
        ("upload-half", "GitHub did not take weekly-20260720T070002Z.tar.gz."),
        ("upload-damaged", "The weekly-20260720T070002Z.tar.gz that GitHub delivers differs from the upload."),
    ],
)
def test_the_good_copy_survives_a_request_that_fails(repository: Repository, fault: str, message: str) -> None:
    good = (repository.release / "weekly-20260720T070001Z.tar.gz").read_bytes()
    succeeded, said = repository.run(fault)
    assert not succeeded and message in said
    assert (repository.release / "weekly-20260720T070001Z.tar.gz").read_bytes() == good and repository.count() == 10
    if fault.startswith("upload-"):  # the next run passes over what it left
        succeeded, said = repository.run()
        assert succeeded and repository.count() == 20, said


@pytest.mark.journey
def test_a_request_that_fails_twice_is_made_again(repository: Repository) -> None:
    succeeded, said = repository.run("list,view,half", times=2)
    assert succeeded and repository.count() == 20, said


@pytest.mark.journey
def test_an_empty_list_of_copies_is_not_a_first_run(repository: Repository) -> None:
    succeeded, said = repository.run("empty", times=1)
    assert not succeeded and "The release has changed since it was read." in said
    assert repository.count() == 10 and len(repository.copies()) == 1


@pytest.mark.journey
def test_a_damaged_copy_is_skipped(repository: Repository) -> None:
    repository.run()
    (repository.release / "weekly-20260720T070009Z.tar.gz").write_bytes(
        (repository.release / "weekly-20260720T070002Z.tar.gz").read_bytes()[:-200]
    )
    # a store from which a file is missing, as an interrupted copy once left it
    folder = repository.root / "run-2"
    next((folder / "store").rglob("months/*.parquet")).unlink()
    with tarfile.open(repository.release / "weekly-20260720T070008Z.tar.gz", "w:gz") as archive:
        archive.add(folder / "store", "store")
    succeeded, said = repository.run()
    assert succeeded and "Restored weekly-20260720T070002Z.tar.gz, with 20 submissions." in said, said
    assert said.count("cannot be used, so an earlier copy is tried.") == 2


@pytest.mark.journey
def test_a_copy_of_the_earlier_workflow_is_taken(tmp_path: Path) -> None:
    repository = Repository(tmp_path, add_submissions(0))
    repository.release.mkdir()
    store = fill(tmp_path / "store", papers_of_day("2019-05-01", 7, "Nothing", first_number=9000))
    with tarfile.open(repository.release / "trend.tar", "w") as archive:
        archive.add(store.root, "store")
    succeeded, said = repository.run()
    assert succeeded and "Restored trend.tar, with 7 submissions." in said and repository.count() == 17, said


@pytest.mark.journey
def test_a_store_with_fewer_submissions_or_none_is_not_saved(repository: Repository) -> None:
    repository.command = "rm -rf store; " + add_submissions(0).replace("10, 'Nothing'", "3, 'Nothing'")
    succeeded, said = repository.run()
    assert not succeeded and "The store holds 3 submissions, but 10 were restored." in said
    repository.command = "rm -rf store"
    succeeded, said = repository.run()
    assert not succeeded and "The store is missing or damaged." in said
    repository.command = "rm store/arxiv/months/*"
    succeeded, said = repository.run()
    assert not succeeded and "The store is missing or damaged." in said
    assert repository.count() == 10 and len(repository.copies()) == 1


@pytest.mark.journey
def test_what_an_incomplete_run_has_fetched_is_saved(repository: Repository) -> None:
    repository.command = add_submissions(3)
    succeeded, said = repository.run()
    assert not succeeded and "Saved weekly-20260720T070002Z.tar.gz with 20 submissions." in said
    assert repository.count() == 20


@pytest.mark.journey
def test_the_whole_job_runs_with_settings_and_topics_of_the_repository(tmp_path: Path) -> None:
    submissions = [recent_submission(number, number / 2) for number in range(1, 60)]
    with run_stand_in(ArxivStandIn(submissions)) as standin:
        environment = standin.build_environment()
        settings = f"arxiv_url: {environment['TREND_ARXIV_URL']}\nrequest_interval_s: 0\ntopics: mine.yaml\n"
        repository = Repository(
            tmp_path,
            set=settings + "scopes: {mine: [cs.LG]}\n",
            mine="topics:\n  mine:\n    name: Mine\n    phrases: [adversarial network]\n",
            job="watch: [mine]\npack: iclr\nscope: mine\n",
        )
        for number in (1, 2):
            succeeded, said = repository.run()
            assert succeeded, said
            assert f"Saved weekly-20260720T07000{number}Z.tar.gz with" in said
    with tarfile.open(repository.release / repository.copies()[0]) as archive:
        names = archive.getnames()
    assert {"weeks/trend-weekly.json", "weeks/feed.xml", "store/manifest.json"} <= {*names}
