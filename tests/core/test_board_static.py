from streamcell.core import board_static
from streamcell.core.board import Bin, Board, BoardRun, Spread
from streamcell.core.protocol import Figures

FIGURES = Figures(2.5, tokens=120, tokens_per_second=60.0, time_to_first_token=0.5, cost=0.002)
BOARD = Board(
    [
        BoardRun("2", "openai:held", "streaming", Figures(1.0, tokens=7, tokens_estimated=True)),
        BoardRun("1", "demo:markdown", "done", FIGURES, scripted=True),
    ],
    more=3,
    running=1,
    done=4,
    tokens=1127,
    cost=0.5,
    rates=[0.0, 30.0, 60.0],
    seconds=3.0,
    first=Spread([Bin(0.5, 1)], 0.5, 0.5),
    gaps=Spread([Bin(0.01, 3), Bin(0.02, 0), Bin(0.05, 1)], 0.008, 0.04),
)


def test_the_text_holds_totals_charts_and_runs():
    assert board_static.bundle(BOARD)["text/plain"].splitlines() == [
        "1 running, 4 done; 1,127 tokens, $0.50",
        "Tokens per second of all streams over 3.0 s: at most 60",
        "▁▅█",
        "Time to first token: half within 0.50 s, 95 % within 0.50 s; columns up to 0.50 s … 0.50 s",
        "█",
        "Gaps between pieces: half within 8 ms, 95 % within 0.04 s; columns up to 0.01 s … 0.05 s",
        "█▁▃",
        "model                     state      first token  tokens/s  tokens  total     cost",
        "openai:held               streaming            —         —      ~7  1.0 s        —",
        "demo:markdown (scripted)  done            0.50 s        60     120  2.5 s  $0.0020",
        "and 3 older",
    ]


def test_the_html_holds_the_same_with_three_pictures():
    html = board_static.bundle(BOARD)["text/html"]
    assert html.count("<img src=") == 3
    assert html.count("<tr>") == 3
    assert "1 running, 4 done; 1,127 tokens" in html


def test_before_any_stream_it_says_so():
    assert board_static.bundle(Board()) == {
        "text/html": "<p><strong>Streams: No stream has run yet.</strong></p>\n",
        "text/plain": "No stream has run yet.",
    }


def test_the_name_of_a_model_does_nothing_to_the_page():
    run = BoardRun("1", "<script>x</script>\n$a$ \u202e", "done", FIGURES)
    made = board_static.bundle(Board([run], done=1))
    assert "<script" not in made["text/html"]
    assert "\u202e" not in made["text/plain"]
    assert "$a$" not in made["text/html"]
