from collections.abc import Iterator
from math import exp, fsum, log

import numpy as np
import pytest

from seedbed.data.vocabulary import END
from studies.poems import verse_grammar as verse
from studies.poems.verse_grammar import RULES, START, Rules

POEMS = verse.poems(1000, seed=0)
SEVENS = [poem for poem in POEMS if len(poem.split("\n")[1]) == 16]


def beginnings(symbol: str) -> list[str]:
    if symbol not in RULES:
        return [symbol[0]]
    return [character for option in RULES[symbol] for character in beginnings(option[0])]


def texts(*parts: str, rules: Rules) -> Iterator[str]:
    if not parts:
        yield ""
    else:
        for option in rules.get(parts[0], []):
            yield from texts(*option, *parts[1:], rules=rules)
        if parts[0] not in rules:
            yield from (parts[0] + rest for rest in texts(*parts[1:], rules=rules))


def pruned(count: int) -> Rules:
    """Cut each rule to its first `count` options, so that what it derives can be listed."""
    return {symbol: options[:count] for symbol, options in RULES.items()}


def words(mark: str, slot: str) -> set[str]:
    return set(verse.WORDS[mark, slot].split())


def test_same_seed_gives_same_poems() -> None:
    assert verse.poems(1000, seed=0) == POEMS


def test_another_seed_gives_other_poems() -> None:
    assert not set(verse.poems(1000, seed=1)) & set(POEMS)


def test_a_shorter_draw_is_the_beginning_of_a_longer_one() -> None:
    assert verse.poems(10, seed=0) == POEMS[:10]


def test_poem_is_a_title_and_couplets_of_five_or_seven_characters() -> None:
    for poem in POEMS:
        title, *couplets, last = poem.split("\n")
        assert (len(title), last) == (4, "")
        lines = [line for couplet in couplets for line in couplet.removesuffix("。").split("，")]
        assert {len(line) for line in lines} in ({5}, {7})
        assert len(lines) == 2 * len(couplets)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_chances_sum_to_one(count: int) -> None:
    assert fsum(verse.chances(count)) == pytest.approx(1)


def test_likelier_option_stands_first() -> None:
    assert verse.chances(3) == pytest.approx([6 / 13, 4 / 13, 3 / 13])


def test_log_probability_of_a_poem_is_the_product_of_its_choices() -> None:
    def rank(place: int, count: int) -> float:
        return (1 / (place + 1)) / sum(1 / (r + 1) for r in range(1, count + 1))

    title = rank(1, 4) * rank(2, 4) * rank(1, 2) * rank(1, 4)
    first = rank(1, 5) * rank(1, 8) ** 6
    second = rank(2, 5) * rank(2, 8) * rank(1, 8) * rank(4, 8) * rank(1, 8) ** 3
    poem = "春江短歌\n東風入桃花，黃鸝過煙波。\n渡頭桃花盡，漁父望煙波。\n"
    expected = title * rank(1, 2) * first * second
    assert verse.log_probability(poem) == pytest.approx(log(expected))


@pytest.mark.parametrize("symbol", ["five 秋江長吟", "seven 秋江長吟"])
def test_probabilities_of_all_couplets_of_a_smaller_grammar_sum_to_one(symbol: str) -> None:
    rules = pruned(2)
    total = 0.0
    for text in texts(symbol, rules=rules):
        [nats] = verse.derivations(text, symbol, rules=rules)
        total += exp(nats)
    assert total == pytest.approx(1)


@pytest.mark.parametrize("symbol", ["five 秋江長吟", "seven 秋江長吟"])
def test_expectation_equals_the_sum_over_all_couplets_of_a_smaller_grammar(symbol: str) -> None:
    rules = pruned(2)
    listed = list(texts(symbol, rules=rules))
    nats = np.array([next(verse.derivations(text, symbol, rules=rules)) for text in listed])
    lengths = np.array([len(text) for text in listed])
    expected = -(np.exp(nats) @ nats), np.exp(nats) @ lengths
    assert verse.expectation(symbol, rules=rules) == pytest.approx(expected)


def test_a_smaller_grammar_derives_each_couplet_once() -> None:
    listed = list(texts("five 秋江長吟", rules=pruned(3)))
    assert len(set(listed)) == len(listed) == 3 * 3**6


def test_next_character_decides_every_choice_so_that_no_text_has_two_derivations() -> None:
    for symbol in RULES:
        assert len(set(beginnings(symbol))) == len(beginnings(symbol)), symbol


def test_exact_entropy_lies_within_four_standard_errors_of_a_samples() -> None:
    poems = verse.poems(2_000, seed=1)
    nats = np.array([-verse.log_probability(poem) for poem in poems])
    lengths = np.array([len(poem + END) for poem in poems])
    ratio = nats.mean() / lengths.mean()
    error = (nats - ratio * lengths).std() / lengths.mean() / np.sqrt(len(poems))
    assert abs(ratio - verse.entropy_per_character()) < 4 * error


def test_exact_length_lies_within_four_standard_errors_of_a_samples() -> None:
    lengths = np.array([len(poem) for poem in POEMS])
    _, expected = verse.expectation()
    assert abs(lengths.mean() - expected) < 4 * lengths.std() / np.sqrt(len(POEMS))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "春山短歌\n",
        POEMS[0] + END,
        POEMS[0] + "\n",
        POEMS[0].removesuffix("\n"),
        POEMS[0].replace("，", "。"),
        POEMS[0][1:],
    ],
)
def test_log_probability_rejects_a_text_outside_the_grammar(text: str) -> None:
    with pytest.raises(ValueError, match="expected a poem of this grammar"):
        verse.log_probability(text)


@pytest.mark.parametrize("place", range(4))
def test_log_probability_rejects_a_poem_under_a_title_of_another_kind(place: int) -> None:
    poem = "秋江長歌\n" + 4 * "鴻雁過平沙，西風入煙波。\n"
    other = poem[:place] + "春山短吟"[place] + poem[place + 1 :]
    assert verse.log_probability(poem) < 0
    with pytest.raises(ValueError, match="expected a poem of this grammar"):
        verse.log_probability(other)


def test_characters_are_those_that_the_grammar_can_produce() -> None:
    terminals = {s for options in RULES.values() for option in options for s in option} - set(RULES)
    assert list(verse.CHARACTERS) == sorted(set("".join(terminals)))
    assert set("".join(POEMS)) <= set(verse.CHARACTERS)
    assert END not in verse.CHARACTERS


def test_every_symbol_can_be_reached() -> None:
    reached, waiting = set(), [START]
    while waiting:
        symbol = waiting.pop()
        if symbol in RULES and symbol not in reached:
            reached.add(symbol)
            waiting += [part for option in RULES[symbol] for part in option]
    assert reached == set(RULES)


def test_titles_season_and_place_choose_the_words_that_a_line_begins_with() -> None:
    for poem in POEMS:
        own = {word for mark, slot in verse.WORDS if mark in poem[:2] for word in words(mark, slot)}
        lines = poem.replace("。", "").replace("，", "\n").splitlines()[1:]
        assert {line[-5:-3] for line in lines} <= own


def test_seasons_share_no_words() -> None:
    for slot in ("weather", "plant", "creature"):
        assert len(set().union(*(words(season, slot) for season in verse.TITLE[0]))) == 4 * 8


def test_titles_last_character_chooses_every_rhyme() -> None:
    for poem in POEMS:
        ends = {couplet[-3:-1] for couplet in poem.splitlines()[1:]}
        assert ends <= words(poem[3], "rhyme")


def test_title_says_how_many_couplets_follow() -> None:
    for poem in POEMS:
        assert len(poem.splitlines()) - 1 == {"短": 2, "長": 4}[poem[2]]


def test_opening_of_a_seven_character_line_fixes_its_answers() -> None:
    answers = {pair[:2]: pair[2:] for pair in verse.OPENINGS.split()}
    for poem in SEVENS:
        for couplet in poem.splitlines()[1:]:
            line, answer = couplet.split("，")
            assert answer[:2] == answers[line[:2]]
