from datetime import UTC, datetime

import pytest

from billocr_ui.services import wording

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "said"),
    [
        (datetime(2026, 3, 2, 9, 5, tzinfo=UTC), "UTC", "today 09:05"),
        (datetime(2026, 3, 2, 9, 5, tzinfo=UTC), "Europe/Berlin", "yesterday 10:05"),
        (datetime(2026, 2, 3, 9, 5, tzinfo=UTC), "UTC", "3 Feb 2026"),
    ],
)
def test_times_are_said_in_the_readers_own_day(moment, zone, said):
    assert wording.when(moment, NOW, wording.time_zone(zone)) == said


def test_a_time_zone_that_nobody_knows_is_the_servers():
    assert wording.time_zone("../../etc/passwd") is None
    assert wording.time_zone("Mars/Olympus") is None


def test_text_from_outside_means_nothing_in_markdown_or_html():
    assert wording.literal("[x](http://y) **b** :red[z]\n# t") == (r"\[x\]\(http\://y\) \*\*b\*\* \:red\[z\] \# t")
    assert "<script>" not in wording.facts([("<script>", "<script>")])


def test_progress_grows_from_stage_to_stage_and_ends_only_when_read():
    steps = [wording.progress("reading", stage)[0] for stage in (None, *wording.STAGES)]
    assert steps == sorted(set(steps))
    assert steps[-1] <= 1
    assert wording.progress("read", None) == (1.0, "")
