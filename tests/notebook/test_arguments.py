"""The line of a `%%stream` cell."""

import pytest

from streamcell.errors import UsageError
from streamcell.notebook.arguments import help_text, parse
from streamcell.run import Timeouts


def test_a_bare_first_word_and_m_name_the_model():
    assert parse("openai:gpt-5-mini").models == ("openai:gpt-5-mini",)
    assert parse("-m demo").models == ("demo",)
    assert parse("").models == ()


def test_several_models_are_compared():
    assert parse("demo -m openai:a -m openai:a").models == ("demo", "openai:a", "openai:a")
    assert parse("demo --compare-blocking").compare_blocking


def test_tools_and_a_schema_come_as_names():
    said = parse("--tool add --tool look --schema list[Row]")
    assert (said.tools, said.schema) == (("add", "look"), "list[Row]")


def test_every_option_arrives_where_it_belongs():
    said = parse(
        "demo -o r -s 'be brief' -t 0.2 --max-tokens 9 --top-p 0.5 --stop a --stop b --chunk-size 3"
        " --stop-after 7 --retries 1 --fallback blocking --on-error keep --base-url http://127.0.0.1:1/v1"
        " --timeout 4 --first-timeout 3 --idle-timeout 2 --connect-timeout 1 --key-env K --display static"
        " --record a.jsonl --replay b.jsonl --speed 2"
        " --max-cost 0.5 --format json --image a.png --image last"
        " --param seed=7 --param user=me --bg --raw --no-stream --dry-run"
    )
    assert said.options == {
        "system": "be brief",
        "temperature": 0.2,
        "max_tokens": 9,
        "top_p": 0.5,
        "stop": ["a", "b"],
        "chunk_size": 3,
        "max_output_chunks": 7,
        "retries": 1,
        "fallback": "blocking",
        "on_error": "keep",
        "record": "a.jsonl",
        "replay": "b.jsonl",
        "speed": 2.0,
        "base_url": "http://127.0.0.1:1/v1",
        "max_cost": 0.5,
        "timeouts": Timeouts(connect=1, first=3, idle=2, total=4),
        "extra": {"seed": 7, "user": "me"},
    }
    assert (said.out, said.key_env, said.display) == ("r", "K", "static")
    assert (said.format, said.images) == ("json", ("a.png", "last"))
    assert (said.background, said.interpolate, said.streamed, said.dry_run) == (True, False, False, True)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("demo --nope", "--nope"),
        ("demo -t warm", "temperature"),
        ("demo --display hologram", "hologram"),
        ("-o 9lives", "9lives"),
        ("demo 'open", "quot"),
        ("-m a -m b --bg", "--bg shows one answer"),
        ("-m '{\"temperature\": 1}'", "--param"),
        ("--param nothing", "name=value"),
        ("--compare-blocking --no-stream", "leave out --no-stream"),
        ("--speed fast --replay run.jsonl", "speed"),
        ("demo --new", "-c NAME"),
    ],
)
def test_a_wrong_line_is_one_clear_sentence(line, says):
    with pytest.raises(UsageError) as raised:
        parse(line)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("line", ["--api-key X", "--key=X", "--token X", "--param api_key=X"])
def test_a_key_on_the_line_is_refused_and_not_repeated(line):
    with pytest.raises(UsageError, match="--key-env") as raised:
        parse(line)
    assert "X" not in str(raised.value)


def test_help_names_every_option_with_its_meaning():
    for option in ("--max-tokens", "--key-env", "--display", "--bg", "--fallback"):
        assert option in help_text()
