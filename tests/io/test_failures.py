"""What the operating system says becomes advice."""

from __future__ import annotations

import errno

from streamcell.io.failures import before_answer


def test_too_many_open_files_is_told_with_what_to_do():
    said = OSError(errno.EMFILE, "Too many open files")
    error = before_answer(said, "127.0.0.1:9")
    assert (error.kind, error.retryable) == ("connect", True)
    assert "127.0.0.1:9: Too many open files; allow more (ulimit -n) or run fewer streams" in str(error)
