from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tests.reports.weekly.folders import write_empty_week
from trendcli.core.files import exclusive_lock
from trendcli.reports.weekly.folder import lock_folder
from trendcli.reports.weekly.notification import change_pending_weeks, read_pending_weeks, send_digests


def write_digests(out: Path, *labels: str) -> None:
    for label in labels:
        (out / label).mkdir(parents=True)
        (out / label / "digest.md").write_text(f"{label}\n")


def test_pending_weeks_are_read_back(tmp_path: Path) -> None:
    assert read_pending_weeks(tmp_path) == []
    change_pending_weeks(tmp_path, add=["2019-W19", "2019-W20"])
    change_pending_weeks(tmp_path, add=["2019-W20", "2019-W21"], remove=["2019-W19"])
    assert read_pending_weeks(tmp_path) == ["2019-W20", "2019-W21"]
    change_pending_weeks(tmp_path, remove=["2019-W20", "2019-W21", "2019-W22"])
    assert read_pending_weeks(tmp_path) == []


def test_changes_of_several_jobs_at_once_are_all_kept(tmp_path: Path) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 10):
            change_pending_weeks(tmp_path, add=[f"2019-W{number}"])

    threads = [threading.Thread(target=add, args=(first,)) for first in (10, 20, 30, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_pending_weeks(tmp_path)) == [f"2019-W{number}" for number in range(10, 50)]


def test_a_week_for_which_the_command_fails_stays_pending(tmp_path: Path) -> None:
    write_digests(tmp_path, "2019-W20", "2019-W21")
    change_pending_weeks(tmp_path, add=["2019-W19", "2019-W20", "2019-W21"])
    failure = send_digests(tmp_path, "grep -q W21", 60)
    assert failure == (
        "The notify command failed with exit code 1 for 2019-W20. Pending until the next run: 2019-W19, 2019-W20."
    )
    # a week that is not drawn yet is sent when it is
    assert read_pending_weeks(tmp_path) == ["2019-W19", "2019-W20"]
    assert send_digests(tmp_path, f"cat >> '{tmp_path}/mail'", 60) == ""
    assert read_pending_weeks(tmp_path) == ["2019-W19"] and (tmp_path / "mail").read_text() == "2019-W20\n"


@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_a_command_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    write_digests(tmp_path, "2019-W20", "2019-W21")
    change_pending_weeks(tmp_path, add=["2019-W20", "2019-W21"])
    pid_file = tmp_path / "pid"
    started_at = time.monotonic()
    failure = send_digests(tmp_path, f"sh -c 'trap \"\" TERM; echo $$ > {pid_file}; sleep 600; true' | cat", 1)
    assert time.monotonic() - started_at < 30
    assert failure == (
        "The notify command was stopped after 1 seconds (setting `notify_timeout_s`). Pending until the next run: "
        "2019-W20, 2019-W21."
    )
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and is_running(pid):
        time.sleep(0.05)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_of_two_jobs_only_one_sends_and_the_folder_is_free_meanwhile(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with lock_folder(out):
        for label in ("2019-W20", "2019-W21"):
            write_empty_week(out, label)
            (out / label / "digest.md").write_text(f"{label}\n")
    change_pending_weeks(out, add=["2019-W20"])
    gate, mail = tmp_path / "gate", tmp_path / "mail"
    command = f"cat >> '{mail}'; touch '{gate}.reached'; until [ -e '{gate}' ]; do sleep 0.02; done"
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(send_digests(out, command, 60))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not Path(f"{gate}.reached").exists():
        time.sleep(0.01)
    with lock_folder(out):  # as another job, which adds a week
        change_pending_weeks(out, add=["2019-W21"])
    gate.touch()
    for thread in threads:
        thread.join()
    assert results == ["", ""] and read_pending_weeks(out) == []
    assert mail.read_text() == "2019-W20\n2019-W21\n"


def test_a_job_does_not_wait_for_ever_for_another_that_is_sending(tmp_path: Path) -> None:
    change_pending_weeks(tmp_path, add=["2019-W20"])
    with exclusive_lock(tmp_path / ".notify.lock"):
        failure = send_digests(tmp_path, "true", 0.1)
    assert failure == "Another weekly job is still sending digests; the next run sends the rest."
