import json

import pytest

from server import kernel_python

# A kernel that holds its replies back, up to three seconds each, until a request has come during one:
# ipykernel 7.3 misses that request.
DEAF = """
from ipykernel.kernelapp import launch_new_instance
from ipykernel.subshell_manager import SubshellManager

send = SubshellManager._send_on_shell_channel

def send_late(self, message):
    SubshellManager.missed = SubshellManager.missed or self._shell_socket.poll(3000)
    send(self, message)

SubshellManager.missed = 0
SubshellManager._send_on_shell_channel = send_late
launch_new_instance()
"""


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_cell_runs_on_every_kernel_in_both_applications(lab, kernel, app):
    notebook = lab.open(["import ipykernel\nprint(6 * 7, ipykernel.__version__)"], kernel=kernel, app=app)
    notebook.run(0)
    notebook.wait_for_output(f"42 {kernel.removeprefix('ipykernel-')}")


def test_a_kernel_that_starts_deaf_is_woken(lab):
    command = [str(kernel_python("ipykernel-7.3")), "-c", DEAF, "-f", "{connection_file}"]
    spec = lab.server.folder / "data" / "kernels" / "deaf" / "kernel.json"
    spec.parent.mkdir()
    spec.write_text(json.dumps({"argv": command, "display_name": "deaf", "language": "python"}))
    cell = "from ipykernel.subshell_manager import SubshellManager\nprint('missed', SubshellManager.missed)"
    notebook = lab.open([cell], kernel="deaf")
    notebook.run(0)
    notebook.wait_for_output("missed 1")


def test_what_a_page_asks_of_another_host_is_noted(lab):
    notebook = lab.open(["0"])
    notebook.page.evaluate("fetch('http://other.example/').catch(() => null)")
    assert lab.strangers == ["http://other.example/"]
    lab.strangers.clear()


def test_a_running_cell_can_be_interrupted_and_the_file_says_so(lab):
    notebook = lab.open(["import time\nwhile True: time.sleep(0.01)", "1 + 1"])
    notebook.run_all()
    notebook.wait_for_kernel("busy")
    notebook.interrupt()
    notebook.wait_for_output("KeyboardInterrupt")
    notebook.wait_for_kernel("idle")
    assert notebook.save().cells[0].outputs[0].ename == "KeyboardInterrupt"


def test_a_reloaded_page_and_a_second_one_show_what_was_saved(lab):
    notebook = lab.open(["print('here')"])
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook.save()
    notebook.reload()
    notebook.wait_for_output("here")
    notebook.second_page().wait_for_output("here")


@pytest.mark.parametrize("app", ["lab", "notebook"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_takes_a_theme_and_a_width(lab, app, theme):
    notebook = lab.open(["print('picture')"], app=app)
    notebook.theme(theme)
    notebook.resize(700)
    notebook.run(0)
    notebook.wait_for_output("picture")
    assert notebook.screenshot(f"harness-{app}-{theme}").stat().st_size > 0
