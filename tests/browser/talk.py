"""A chat in a notebook, opened, spoken to and listened to as its user does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views import view

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from faucet import Faucet, Flow
    from lab import Lab, Notebook

CHAT = """
from streamcell import Agent, ChatWidget, Timeouts

held = Agent("openai:held", base_url="{base_url}", timeouts=Timeouts(first=600, idle=600))
chat = ChatWidget(held, title={title!r}{options})
chat
"""
SAID = "print([message.content for message in chat.messages])"


def open_chat(
    lab: Lab, faucet: Faucet, *cells: str, title: str = "Held", options: str = "", **where: str
) -> Notebook:
    """A notebook whose first cell shows a chat with the faucet; `options` go to the widget, with a comma."""
    source = CHAT.format(base_url=faucet.base_url, title=title, options=options)
    notebook = lab.open([source, *cells], **where)
    notebook.run(0)
    box(notebook).wait_for()
    return notebook


# -- the parts of a chat, by the index of their cell ---------------------------------------------


def button(notebook: Notebook, name: str, index: int = 0) -> Locator:
    return view(notebook, index).get_by_role("button", name=name, exact=True)


def box(notebook: Notebook, index: int = 0) -> Locator:
    return view(notebook, index).get_by_role("textbox", name="Message", exact=True)


def questions(notebook: Notebook, index: int = 0) -> Locator:
    return view(notebook, index).get_by_role("article", name="User message", exact=True)


def answers(notebook: Notebook, index: int = 0) -> Locator:
    return view(notebook, index).get_by_role("article", name="Assistant message", exact=True)


def last_answer(notebook: Notebook, index: int = 0) -> Locator:
    return answers(notebook, index).last


def place(notebook: Notebook, text: str) -> Locator:
    """Which version of how many is shown."""
    return view(notebook, 0).locator(".sc-place").filter(has_text=text)


# -- talking -------------------------------------------------------------------------------------


def write(notebook: Notebook, text: str, index: int = 0) -> None:
    message = box(notebook, index)
    message.fill(text)
    message.press("Enter")


def ask(notebook: Notebook, faucet: Faucet, text: str) -> Flow:
    write(notebook, text)
    return faucet.next()


def say(notebook: Notebook, flow: Flow, text: str) -> None:
    """Says it, and waits until the page shows its last word."""
    flow.say(text)
    last_answer(notebook).filter(has_text=text.rsplit(maxsplit=1)[-1]).wait_for()


def answer(faucet: Faucet, text: str) -> None:
    flow = faucet.next()
    flow.say(text)
    flow.end()


def answer_to(notebook: Notebook, faucet: Faucet, question: str, text: str) -> None:
    write(notebook, question)
    answer(faucet, text)
    button(notebook, "Stop").wait_for(state="hidden")
    wait_until_done(notebook)


def wait_until_done(notebook: Notebook, index: int = 0) -> None:
    button(notebook, "Send", index).wait_for()


def wait_for_twin(notebook: Notebook, text: str) -> None:
    """Waits until what lasts of the chat, hidden behind the live view, says this."""
    twin = notebook.output(0).locator(".jp-RenderedHTML")
    twin.filter(has_text=text).wait_for(state="attached")


def check_said(notebook: Notebook, texts: list[str], index: int = 1) -> None:
    """Whether the kernel's conversation is this; `index` is the cell that prints it."""
    notebook.run(index)
    notebook.wait_for_output(str(texts), index)
