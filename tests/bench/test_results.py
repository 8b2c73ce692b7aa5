"""What the figures of a run are computed from."""

import pytest

from bench.batch import Batch
from bench.burst import Burst
from bench.events import Events
from bench.figures import Figures
from bench.form_latency import FormLatency
from bench.results import Results, Round
from bench.storage import Storage
from bench.with_and_without import CostRound


def batch(notified: float, cpu: dict[str, float], applications: int = 10) -> Batch:
    return Batch(tuple(map(str, range(applications))), 0.5, notified, cpu)


OURS = {"worker": 4.0, "temporal": 3.0, "postgres": 2.0, "web": 0.5, "sender": 0.5, "inbox": 7.0}
BARE = {"worker": 2.0, "temporal": 6.0, "sender": 0.5}


def test_rates_are_ours_by_the_others_and_cpu_is_ours_by_the_bare_sides() -> None:
    one = Round(batch(5.0, OURS), bare=batch(10.0, BARE), dbos=batch(2.5, {"worker": 1.0}))
    figures = Results(rounds=[one]).figures
    assert (figures.notice_per_s, figures.bare_ratio, figures.dbos_ratio) == (2.0, 2.0, 0.5)
    assert (figures.worker_cpu_ratio, figures.temporal_cpu_ratio) == (2.0, 0.5)


def test_the_inbox_is_none_of_ours() -> None:
    assert Results(rounds=[Round(batch(5.0, OURS))]).figures.cpu_s_per_application == pytest.approx(1.0)


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_a_ratio_of_medians() -> None:
    # The machine is ten times as fast in the second round, for both.
    seconds = ((10.0, 20.0), (1.0, 3.0), (10.0, 10.0))
    rounds = [Round(batch(ours, OURS), bare=batch(bare, BARE)) for ours, bare in seconds]
    assert Results(rounds=rounds).figures.bare_ratio == 2.0


def test_storage_is_in_kilobytes_of_temporals_files_alone() -> None:
    assert Results(storage=Storage(temporal=68_000.0, postgres=9_000.0)).figures.storage_kb_per_open_case == 68.0


def test_a_burst_is_compared_by_the_cpu_of_one_application() -> None:
    burst = Burst(batch(3.0, {"worker": 10.0}, 10), batch(40.0, {"worker": 110.0}, 100), late=0)
    assert Results(burst=burst).figures.burst_cpu_ratio == pytest.approx(1.1)


def test_events_and_the_forms_answer_go_in_as_they_are() -> None:
    figures = Results(events=Events(96.0, 238.0), forms=[FormLatency(form=0.3, insert=0.1)]).figures
    assert (figures.events_to_notice, figures.events_to_closed) == (96.0, 238.0)
    assert figures.form_p99_ratio == pytest.approx(3.0)


def test_a_run_without_parts_has_no_figures() -> None:
    assert Results().figures == Figures()


def test_what_something_costs_is_compared_within_each_round() -> None:
    rounds = [
        CostRound(batch(4.0, {"worker": 21.0}, 10), batch(3.8, {"worker": 20.0}, 10)),
        CostRound(batch(8.0, {"worker": 22.0}, 10), batch(8.0, {"worker": 20.0}, 10)),
    ]
    for figures in (Results(encryption=rounds).figures, Results(telemetry=rounds).figures):
        [ratio] = [each for each in (figures.encryption_ratio, figures.telemetry_ratio) if each is not None]
        assert ratio == pytest.approx((0.95 + 1) / 2)
    assert rounds[0].cpu_ratio == pytest.approx(1.05)
