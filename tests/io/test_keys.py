"""Keys are sent and never shown."""

import copy
import json
import logging
import pickle
import traceback
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.errors import ProviderError, UsageError
from streamcell.io.keys import REDACTED, Key, ask, find, redact, redact_error

SECRET = "canary-" + "secret/with+marks"


def test_no_way_of_printing_shows_the_secret():
    key = Key(SECRET, source="SAMPLE_API_KEY")
    shown = [str(key), repr(key), f"{key}", f"{key:>40}", "%s" % key, repr([key]), repr({"k": key})]  # noqa: UP031
    assert not [text for text in shown if SECRET in text]
    assert "SAMPLE_API_KEY" in repr(key)


def test_a_key_is_refused_by_pickle_and_json():
    with pytest.raises(UsageError):
        pickle.dumps(Key(SECRET))
    with pytest.raises(TypeError):
        json.dumps(Key(SECRET))


def test_a_copy_is_the_key_itself():
    key = Key(SECRET)
    assert copy.copy(key) is key
    assert copy.deepcopy({"key": key})["key"] is key


def test_a_traceback_with_local_variables_does_not_show_the_secret():
    key = Key(SECRET, host="one.test")
    try:
        key.reveal("two.test")
    except UsageError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "two.test" in text
    assert SECRET not in text


def test_a_key_no_header_can_take_is_refused_without_being_shown():
    for broken in ("", "  ", "two\nlines-of-secret", "typographic-\u2013-dash"):
        with pytest.raises(UsageError, match="copy it again") as caught:
            Key(broken)
        assert "secret" not in str(caught.value)


def test_a_bound_key_is_revealed_to_its_host_alone():
    key = Key(SECRET).bound("one.test")
    assert key.reveal("one.test") == SECRET
    with pytest.raises(UsageError, match=r"belongs to one\.test"):
        key.reveal("two.test")


def test_the_first_name_with_a_value_wins():
    key = find(["A_KEY", "B_KEY", "C_KEY"], {"A_KEY": " ", "B_KEY": f"{SECRET}\n", "C_KEY": "other-secret"})
    assert key.source == "B_KEY"
    assert key.reveal(None) == SECRET


def test_no_name_no_key():
    assert find(["A_KEY"], {"B_KEY": SECRET}) is None


def test_equal_secrets_for_the_same_host_are_equal_keys():
    assert Key(SECRET, host="h") == Key(SECRET, host="h", source="elsewhere")
    assert Key(SECRET, host="h") != Key(SECRET, host="other")
    assert Key(SECRET) != SECRET


def test_a_key_typed_into_the_hidden_prompt_is_taken(monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: SECRET if "SAMPLE" in prompt else "")
    assert ask("SAMPLE_API_KEY").reveal(None) == SECRET


def test_nobody_to_ask_is_a_usage_error(monkeypatch):
    def refuse(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", refuse)
    with pytest.raises(UsageError, match="nobody can be asked"):
        ask()


def test_redaction_finds_the_key_escaped_for_json_and_for_a_url():
    Key(SECRET)
    text = f"plain {SECRET}, url {quote(SECRET, safe='')}"
    assert redact(text) == f"plain {REDACTED}, url {REDACTED}"


def test_a_key_that_holds_another_is_removed_whole():
    Key("short-secret")
    Key("short-secret-and-more")
    assert redact("x short-secret-and-more y") == f"x {REDACTED} y"


def test_a_placeholder_is_no_secret():
    Key("EMPTY")
    assert redact("EMPTY answer") == "EMPTY answer"


@given(before=st.text(), after=st.text(), tail=st.from_regex(r"[!-~]{4,40}", fullmatch=True))
def test_no_text_keeps_a_known_key(before, after, tail):
    secret = f"canary-{tail}"
    Key(secret)
    assert secret not in redact(f"{before}{secret}{after}")


def test_a_key_in_a_log_record_is_its_name_only(caplog):
    logging.getLogger("sample").warning("using %s", Key(SECRET))
    assert SECRET not in caplog.text


@pytest.mark.parametrize("length", [12, 20, len(SECRET)])
def test_the_beginning_of_a_key_is_removed_too(length):
    Key(SECRET)
    assert redact(f"cut here: {SECRET[:length]}") == f"cut here: {REDACTED}"


def test_the_case_of_a_key_does_not_count():
    Key(SECRET)
    assert redact(f"points to {SECRET.lower()}.example") == f"points to {REDACTED}.example"


def test_an_error_tells_no_key_wherever_it_stands(monkeypatch):
    monkeypatch.setenv("SOMEBODYS_API_KEY", "correct-horse-battery")
    error = ProviderError("refused: correct-horse-battery", code=f"bad {SECRET}", request_id=f"r-{SECRET}")
    Key(SECRET)
    redact_error(error)
    assert (str(error), error.code, error.request_id) == (
        f"refused: {REDACTED}",
        f"bad {REDACTED}",
        f"r-{REDACTED}",
    )
