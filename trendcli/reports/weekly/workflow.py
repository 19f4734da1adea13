"""A GitHub workflow that runs `trend weekly`: what it installs, and the files of the repository that it refers to."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from trendcli.core.errors import UsageError
from trendcli.reports.weekly.schedule import START_HOUR, START_MINUTE, START_WEEKDAY, check_schedule_texts

_TEMPLATE = Path(__file__).with_name("workflow.yml")
# where the workflow finds the program if no address of it is known; a bare name could be registered by anybody
WHEEL_PATTERN = "vendor/trendcli-*.whl"
_PINNED_ADDRESS = re.compile(
    r"git\+https://[^\s'\"@]+(?:@[^\s'\"@/]+/[^\s'\"@]+)?@[0-9a-f]{40}(?:#\S+)?|https://\S+#sha256=[0-9a-f]{64}"
)


def find_install_address() -> str | None:
    """Return the address and commit from which this program was installed; None if that is not known."""
    try:
        text = metadata.distribution("trendcli").read_text("direct_url.json")
        origin = json.loads(text or "{}")
        address = f"git+{origin['url']}@{origin['vcs_info']['commit_id']}"
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
    return address if _PINNED_ADDRESS.fullmatch(address) else None


def check_install_address(address: str, root: Path) -> str:
    """Return what the workflow installs, checked: an address with a hash, or a file or folder of the repository.

    Raise UsageError for anything else, since nobody knows what it will be in a year.
    """
    if _PINNED_ADDRESS.fullmatch(address):
        return address
    if "/" in address and "://" not in address and (root / address).exists():
        return relative_to_repository(Path(address), root, "--install")
    raise UsageError(
        f"--install {address} is not pinned to one version. Use an address with the hash of a commit, e.g. "
        "git+https://github.com/OWNER/trendcli@<40 digits>, or with #sha256=…, or the path of a wheel here."
    )


def relative_to_repository(path: Path, root: Path, what: str) -> str:
    """Return a path as the workflow names it, which runs in the root of the repository; `what` is what it is.

    Raise UsageError for a path outside of it, which the workflow would not find.
    """
    target = root / path.expanduser()
    if not target.resolve().is_relative_to(root.resolve()) or not target.absolute().is_relative_to(root.absolute()):
        raise UsageError(
            f"{what} is {path}, outside {root}, where a GitHub workflow cannot read it. Copy it into the "
            "repository and use the copy."
        )
    name = target.absolute().relative_to(root.absolute()).as_posix()
    return f"./{name}" if name.startswith("-") else name  # it would be taken for an option


def check_repository_root(root: Path) -> None:
    """Raise UsageError in a subfolder of a repository, since the workflow runs in its root."""
    for parent in root.absolute().parents:
        if (parent / ".git").exists() and not (root / ".git").exists():
            raise UsageError(f"The workflow runs in the root of the repository. Run this command there: cd {parent}")


def render_github_workflow(
    install: str,
    config: str | None,
    settings: str | None,
    environment: Mapping[str, str],
    other_files: tuple[str, ...] = (),
) -> str:
    """Render a GitHub workflow that keeps the store in a release between runs, and publishes the weeks as pages.

    All paths are relative to the root of the repository; `other_files` are those that the settings name. Raise
    UsageError for a text that the workflow cannot hold.
    """
    files = [name for name in (config, settings, *other_files) if name]
    texts = [install, *files, *environment.values()]
    check_schedule_texts(texts)
    if expressions := [text for text in texts if "${{" in text]:
        raise UsageError(f"GitHub would evaluate {expressions[0]!r} as an expression. Rename the file.")
    variables = "".join(f"\n          {name}: {json.dumps(value)}" for name, value in environment.items())
    is_path = not _PINNED_ADDRESS.fullmatch(install)
    values = {
        "FILES": ", ".join([*([install] if is_path else []), *files]) or "no other file is needed",
        "INSTALL": install if install == WHEEL_PATTERN else shlex.quote(f"./{install}" if is_path else install),
        "MINUTE": START_MINUTE,
        "HOUR": START_HOUR,
        "WEEKDAY": START_WEEKDAY,
        "SETTINGS": f" --settings {shlex.quote(settings)}" if settings else "",
        "CONFIG": f" {shlex.quote(config)}" if config else "",
        "ENVIRONMENT": f"\n        env:{variables}" if environment else "",
    }
    template = _TEMPLATE.read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda match: str(values[match[1]]), template)
