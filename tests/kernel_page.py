"""A real kernel for tests of what a notebook shows: beside a page that speaks as widgets do, or alone."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

SECONDS = 120


class Page:
    """What a page hears of a kernel, and says to its widgets."""

    def __init__(self, client):
        self.client = client
        self.heard = []

    def run(self, source):
        """A cell, waited for; the messages that came of it."""
        before = len(self.heard)
        reply = self.client.execute_interactive(source, timeout=SECONDS, output_hook=self.heard.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        return self.heard[before:]

    def say(self, widget, content):
        data = {"method": "custom", "content": content}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": widget, "data": data}))

    def wait_for(self, kind, fits):
        """The next message of the kernel's of this kind that fits."""
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            self.heard.append(message)
            if message["msg_type"] == kind and fits(message["content"]):
                return message["content"]


def displays(messages):
    return [message["content"] for message in messages if message["msg_type"] == "display_data"]


def executed(*cells):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3").execute()
    return notebook
