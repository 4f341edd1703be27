"""One answer from several models: the one that most of them give, or the one that a judge makes of theirs.

How answers are counted and a judge is asked is `core.ballot`'s business; the members are asked by
`comparison`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Unpack, cast, get_args

import msgspec

from streamcell.agent import ask
from streamcell.core import ballot
from streamcell.core.prompt import Prompt, to_messages
from streamcell.core.response import StreamingResponse
from streamcell.errors import ProviderError, UsageError
from streamcell.events import StopReason
from streamcell.many.comparison import Comparison, ask_each, failure_of, label, read_all, together
from streamcell.options import Options, check_options

Method = Literal["vote", "judge"]
_WHOLE: tuple[StopReason, ...] = ("stop", "unknown")


class Ensemble(msgspec.Struct, frozen=True):
    """What several models came to: `members` are their answers, `verdict` is the one to take.

    `agreeing` names those whose answer is the verdict, `judge` the model that made it; of the two the one
    that the method has. ``str()`` is the verdict's text.
    """

    members: Comparison
    verdict: StreamingResponse
    agreeing: tuple[str, ...] = ()
    judge: str | None = None

    @property
    def text(self) -> str:
        return self.verdict.text

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        name = f"verdict ({self.judge or f'{len(self.agreeing)} of {len(self.members)} agree'})"
        return Comparison({**self.members, name: self.verdict})._repr_mimebundle_()


async def ensemble(
    prompt: Prompt,
    models: Iterable[str],
    method: Method = "vote",
    *,
    judge: str | None = None,
    **options: Unpack[Options],
) -> Ensemble:
    """One answer from all `models`, which are asked at the same time as by `compare`.

    `method` "vote" takes the most common answer, case, Markdown and punctuation at its ends aside (of as many
    the first): for questions with short answers. "judge" has `judge`, else the first model, pick or merge; it
    sees the question and the answers, not who gave them, and is offered no tools. Only whole answers count.
    Raises `UsageError` for a wrong call before anything is sent, the first member's error when there is no
    whole answer, and the judge's unless ``on_error="keep"``.
    """
    if method not in get_args(Method):
        raise UsageError(f'method is "vote" or "judge", not {method!r}')
    if judge is not None and method == "vote":
        raise UsageError('a judge needs method="judge"; a vote has none')
    check_options(options)
    labels = label(models)
    asked = to_messages(prompt)
    judging = cast("Options", {name: value for name, value in options.items() if name != "tools"})
    judge = judge or next(iter(labels.values()))
    if method == "judge":
        ask(asked, judge, judging, streamed=True)  # never read: only so that a wrong call is told now
    questions = ask_each(asked, labels, options)
    await read_all(questions)
    members = together(questions)
    answers = {name: member.text for name, member in members.items() if _counts(member)}
    if not answers:
        raise _nothing_to_count(members)
    if method == "vote":
        agreeing = ballot.count(answers)[0]
        return Ensemble(members, members[agreeing[0]], agreeing=tuple(agreeing))
    question = ballot.question(asked, list(answers.values()))
    return Ensemble(members, await ask(question, judge, judging, streamed=True).stream, judge=judge)


def _counts(member: StreamingResponse) -> bool:
    return member.error is None and member.stop_reason in _WHOLE and bool(member.text.strip())


def _nothing_to_count(members: Comparison) -> Exception:
    for member in members.values():
        failure = failure_of(member)
        if failure is not None:
            return failure
    ends = ", ".join(f"{name}: {member.stop_reason}" for name, member in members.items())
    return ProviderError(f"no model gave a whole answer ({ends}); look at the answers with compare()")
