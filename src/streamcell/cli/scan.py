"""`streamcell scan`: secrets in notebook files, by cell.

What a secret looks like is the business of `core.secret_scan`.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamcell.cli import FAILED, WELL
from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.notebook import scan
from streamcell.notebook.call_options import OptionParser


def run(words: Sequence[str]) -> int:
    """Report the secrets in the files; 1 when there are any, so that a commit hook stops."""
    files = _parser().parse_args(words).files
    found = scan.scan(files, environment=environment)
    if not found:
        raise UsageError("there is no .ipynb file in this folder; name one: streamcell scan NOTEBOOK")
    print(scan.report(found))  # noqa: T201 - the answer
    return FAILED if any(found.values()) else WELL


def _parser() -> OptionParser:
    parser = OptionParser(
        "streamcell scan",
        where="`streamcell scan --help` shows what it takes",
        description="Looks for secrets in notebooks: the shapes of keys, and the values of the keys in the"
        " environment. Exit code 1 when there are any.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="NOTEBOOK", help="notebook files; without one, all of this folder"
    )
    return parser
