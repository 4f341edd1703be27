"""`%stream scan`: secrets in notebook files, by cell. Needs no notebook itself; the command line uses it too.

It reads files and the environment; what a secret looks like is the business of `core.secret_scan`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamcell.core.secret_scan import Finding, scan_notebook
from streamcell.core.visible import visible
from streamcell.errors import UsageError
from streamcell.providers import registry


def scan(
    files: Sequence[str], *, environment: Mapping[str, str], current: Path | None = None
) -> dict[Path, list[Finding]]:
    """The secrets in each file; without any named: in `current`, else in every `.ipynb` of the folder.

    Shapes of keys are looked for, and the values that the providers' key variables hold in `environment`.
    Raises `UsageError` for a file that cannot be read.
    """
    paths = [Path(file).expanduser() for file in files] or _usual(current)
    known = _known(environment)
    return {path: scan_notebook(_read(path), known=known) for path in paths}


def report(found: Mapping[Path, Sequence[Finding]]) -> str:
    """A line for each secret, by its beginning alone; the last line counts them and says what to do."""
    if not found:
        return "no .ipynb file in this folder; name one: %stream scan FILE"
    lines = [visible(f"{path}: {finding}") for path, findings in found.items() for finding in findings]
    files = "1 file" if len(found) == 1 else f"{len(found)} files"
    if not lines:
        return f"no secret found in {files}, as last saved"
    count = "1 secret" if len(lines) == 1 else f"{len(lines)} secrets"
    advice = "withdraw each at its provider, then clear the cell or output and save"
    return "\n".join([*lines, f"{count} in {files}, as last saved; {advice}"])


def key_names() -> tuple[str, ...]:
    """The environment variables in which the providers' keys are looked for."""
    providers, names = registry.installed(), dict[str, None]()
    for provider in providers.names:
        with contextlib.suppress(UsageError):  # one of a broken plugin's; the others are looked for
            names |= dict.fromkeys(providers.provider(provider).facts.key_names)
    return tuple(names)


def _known(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name].strip() for name in key_names() if name in environment}


def _usual(current: Path | None) -> list[Path]:
    return [current] if current is not None else sorted(Path().glob("*.ipynb"))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"cannot read {visible(str(path))}: {error.strerror}") from None
