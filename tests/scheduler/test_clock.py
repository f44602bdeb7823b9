"""A scheduler whose machine's clock is set: it notices, and does at once what it would have slept through."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from scheduler.__main__ import ClockWatch, metronome_of, wake
from scheduler.jobs import Job


class _Hands:
    """A clock somebody sets, and one nobody can."""

    def __init__(self) -> None:
        self.day, self.steady = 1_800_000_000.0, 5_000.0

    def pass_by(self, seconds: float, *, set_by: float = 0.0) -> None:
        self.steady += seconds
        self.day += seconds + set_by


@pytest.mark.parametrize("set_by", [3600.0, -3600.0, 86400.0 * 400, -5.0])
def test_a_clock_that_is_set_forward_or_back_is_noticed_once(set_by: float) -> None:
    hands = _Hands()
    watch = ClockWatch(lambda: hands.day, lambda: hands.steady)
    hands.pass_by(1)
    assert watch.jump() is None
    hands.pass_by(1, set_by=set_by)
    assert watch.jump() == pytest.approx(set_by)
    hands.pass_by(1)
    assert watch.jump() is None


def test_a_clock_that_is_kept_right_little_by_little_is_no_jump() -> None:
    hands = _Hands()
    watch = ClockWatch(lambda: hands.day, lambda: hands.steady)
    for _ in range(3600):
        hands.pass_by(1, set_by=0.0005)
        assert watch.jump() is None


def test_the_real_clocks_of_this_machine_do_not_jump() -> None:
    watch = ClockWatch()
    assert watch.jump() is None


def test_every_job_that_would_sleep_for_an_hour_runs_when_it_is_woken_and_keeps_its_pace() -> None:
    ran: dict[str, threading.Semaphore] = {name: threading.Semaphore(0) for name in ("often", "daily")}
    metronome = metronome_of(
        (
            Job("often", dt.timedelta(seconds=0.2), ran["often"].release),
            Job("daily", dt.timedelta(hours=1), ran["daily"].release),
        )
    )
    metronome.start()
    try:
        assert all(one.acquire(timeout=5) for one in ran.values())
        for job in metronome.get_jobs():  # as after the clock was set back by an hour
            job.modify(next_run_time=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
        while ran["often"].acquire(timeout=0.5):
            pass
        wake(metronome)
        assert all(one.acquire(timeout=5) for one in ran.values())
        assert ran["often"].acquire(timeout=5)
        assert not ran["daily"].acquire(timeout=0.3)
    finally:
        metronome.shutdown(wait=True)
