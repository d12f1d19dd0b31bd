"""The editor's scripts that need no page, under the Node that comes with Playwright."""

import subprocess
from pathlib import Path

import playwright

NODE = Path(playwright.__file__).parent / "driver" / "node"


def test_edits_boxes_amounts_and_dates_are_what_a_person_means():
    command = [NODE, "--test", "--test-reporter=spec", Path(__file__).with_name("bill_editor.test.mjs")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "fail 0" in told.stdout
