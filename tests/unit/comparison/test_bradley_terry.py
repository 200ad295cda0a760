import numpy as np
import pytest

from realesr.comparison.bradley_terry import fit_bradley_terry, has_maximum
from realesr.comparison.opinion import mean_opinion_score, student_quantile
from realesr.comparison.ratings import Answers, Preference, Rating
from realesr.comparison.tally import tally

KNOWN = np.array([4.0, 2.0, 1.0, 0.5])


def expected_wins(strengths, games):
    """What a large number of comparisons would give."""
    wins = games * strengths[:, None] / (strengths[:, None] + strengths)
    np.fill_diagonal(wins, 0)
    return wins


def test_known_strengths_are_found():
    fit = fit_bradley_terry(expected_wins(KNOWN, 1000))
    logs = np.log(KNOWN)
    np.testing.assert_allclose(fit.logs, logs - logs.mean(), atol=1e-6)
    assert fit.chance(0, 2) == pytest.approx(0.8)


def test_drawn_games_lie_within_their_intervals():
    rng = np.random.default_rng(3)
    truth = np.log(KNOWN) - np.log(KNOWN).mean()
    inside = []
    for _ in range(200):
        wins = np.zeros((4, 4))
        for i in range(4):
            for j in range(i):
                wins[i, j] = rng.binomial(40, KNOWN[i] / (KNOWN[i] + KNOWN[j]))
                wins[j, i] = 40 - wins[i, j]
        fit = fit_bradley_terry(wins)
        inside += list(np.abs(fit.logs - truth) < fit.half_widths)
    assert 0.92 < np.mean(inside) < 0.98


def test_incomplete_comparisons_are_enough_if_they_connect():
    # a ring: 0-1, 1-2, 2-3, 3-0
    games = np.zeros((4, 4))
    for i in range(4):
        games[i, (i + 1) % 4] = games[(i + 1) % 4, i] = 500
    fit = fit_bradley_terry(expected_wins(KNOWN, games))
    np.testing.assert_allclose(fit.logs, np.log(KNOWN) - np.log(KNOWN).mean(), atol=1e-6)


def test_what_never_loses_has_no_strength():
    wins = np.array([[0, 3, 2], [0, 0, 1], [0, 1, 0]], float)
    assert not has_maximum(wins)
    with pytest.raises(ValueError, match="never lost"):
        fit_bradley_terry(wins)


@pytest.mark.parametrize(
    ("freedom", "tabulated"),  # Abramowitz and Stegun, table 26.10
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042), (120, 1.980)],
)
def test_quantiles_are_those_of_the_table(freedom, tabulated):
    assert student_quantile(freedom) == pytest.approx(tabulated, rel=0.005)


def test_a_mean_has_its_interval():
    score = mean_opinion_score([2, 4, 4, 5, 5])
    assert score.mean == 4
    # s = sqrt(6/4), t(4) = 2.776
    assert score.half_width == pytest.approx(2.776 * 1.5**0.5 / 5**0.5, rel=0.005)
    assert np.isnan(mean_opinion_score([3]).half_width)


def choices(*results, left="a", right="b"):
    return [
        Preference(rater="r", image=str(number), left=left, right=right, preferred=preferred)
        for number, preferred in enumerate(results)
    ]


def test_answers_are_counted():
    answers = Answers(
        entries=("a", "b"),
        ratings=tuple(
            Rating(rater="r", image=str(i), entry=entry, grade=grade)
            for i, (entry, grade) in enumerate([("a", 2), ("b", 5), ("a", 3), ("b", 4)])
        ),
        preferences=(
            *choices("left", "left", "none"),
            *choices("left", left="b", right="a"),
        ),
        raters=("r",),
    )
    result = tally(answers)
    assert [(name, score.mean) for name, score in result.scores] == [("b", 4.5), ("a", 2.5)]
    preferences = result.preferences
    assert preferences.wins.tolist() == [[0, 2.5], [1.5, 0]]
    assert preferences.ties == 1
    assert not preferences.has_prior
    assert preferences.strengths.chance(0, 1) == pytest.approx(2.5 / 4)


def test_half_wins_make_a_fit_where_one_entry_never_loses():
    answers = Answers(
        entries=("a", "b"), ratings=(), preferences=tuple(choices("left", "left")), raters=("r",)
    )
    preferences = tally(answers).preferences
    assert preferences.has_prior
    assert preferences.strengths.chance(0, 1) == pytest.approx(2.5 / 3)
    assert preferences.wins.tolist() == [[0, 2], [0, 0]]
