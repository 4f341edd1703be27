"""What only a kernel can show: completion requests, its running loop, and figures that it closes."""

import pytest
from jupyter_client.manager import start_new_kernel

SECONDS = 120


class Kernel:
    """A kernel with the extension loaded, and what its cells print or fail with."""

    def __init__(self, client):
        self.client = client
        self.run("%load_ext streamcell")

    def run(self, source):
        printed = []

        def keep(message):
            content = message["content"]
            printed.extend(content[key] for key in ("text", "evalue") if key in content)
            printed.extend([content["data"]["text/plain"]] if "data" in content else [])

        self.client.execute_interactive(source, timeout=SECONDS, output_hook=keep)
        return "\n".join(printed)

    def tab(self, source, cursor):
        content = self.client.complete(source, cursor, reply=True, timeout=SECONDS)["content"]
        start, end = content["cursor_start"], content["cursor_end"]
        return [source[:start] + match + source[end:] for match in content["matches"]]


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield Kernel(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_first_line_of_a_cell_is_completed(kernel):
    assert kernel.tab("%%stream -m demo:mar\nSay hello", 20) == ["%%stream -m demo:markdown\nSay hello"]
    assert kernel.tab("%%stream --dry\nSay hello", 14) == ["%%stream --dry-run\nSay hello"]
    assert "import json\n1" in kernel.tab("import jso\n1", 10)


def test_a_figure_that_the_kernel_drew_and_closed_is_the_last_image(kernel):
    ask = "%%stream openai:m --image last --dry-run\nWhat is this?"
    assert "no cell has shown an image yet" in kernel.run(ask)
    kernel.run("%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert kernel.run("plt.get_fignums()") == "[]"
    assert '"url": "<image/png, ' in kernel.run(ask)


def test_loops_nest_once_it_is_asked_for_and_cells_stream_as_before(kernel):
    script = "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 6 * 7\n"
    nested = f"{script}print(asyncio.run(main()))"
    assert "cannot be called from a running event loop" in kernel.run(nested)
    assert "streamcell itself needs no such thing" in kernel.run("%stream asyncio")
    assert kernel.run(nested) == "42\n"
    kernel.run("%%stream demo -o r --param pace=0 --display static\nHi")
    assert kernel.run("r.stop_reason") == "'stop'"
    assert kernel.run(f"{script}asyncio.get_event_loop().run_until_complete(main())") == "42"
