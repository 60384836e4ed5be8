"""Verse from a small grammar of our own, whose entropy a character is known exactly.

It needs no network, and it gives a language model's loss a floor that is computed, not guessed.
The title decides what follows, so there is something distant to learn: 秋江長歌 is four couplets
(長; 短 is two) of autumn's weather, plants and creatures (秋) and a river's places and people (江),
each of which rhymes with 歌. The first line fixes five or seven characters a line for the whole
poem, and the words that open a seven-character line fix those that open its answer.

The choice: a context-free grammar in which the next character alone decides each option. So a text
has one derivation, its probability is the product of its choices, and the entropy is a sum over
the tables. Trade-off: no sense runs from couplet to couplet, and a bird may fly past twice.

The floor is for a model that sees each poem from its first character. A window that begins in the
middle of a poem shows less, so there the expected loss can only be higher.
"""

from bisect import bisect
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, product
from math import log

import numpy as np

from seedbed.data.vocabulary import END

# Every list has the likelier first, and words that can stand in one place begin differently.
TITLE = ("春秋夏冬", "山江塞閨", "短長", "歌吟行詩")  # season, place, length, rhyme
LENGTH = {"短": 2, "長": 4}  # in couplets
WORDS = {  # of the title with this character; "*" is any title
    ("春", "weather"): "東風 細雨 朝霞 晴煙 流雲 暖日 薄霧 甘霖",
    ("春", "plant"): "桃花 楊柳 新草 杏蕊 幽蘭 嫩竹 古藤 野棠",
    ("春", "creature"): "黃鸝 雙燕 啼鶯 杜鵑 蝴蝶 鷓鴣 鴛鴦 百舌",
    ("秋", "weather"): "西風 明月 涼露 清霜 暮煙 冷雨 銀河 夕陽",
    ("秋", "plant"): "黃葉 梧桐 丹楓 殘菊 蘆花 桂子 枯荷 敗柳",
    ("秋", "creature"): "鴻雁 鳴蟬 蟋蟀 哀猿 宿鳥 孤鶴 飛螢 寒蛩",
    ("夏", "weather"): "南風 驟雨 炎日 輕雷 彤雲 晚虹 夜涼 曉星",
    ("夏", "plant"): "荷葉 榴花 青梅 修竹 浮萍 紅蓮 密槐 綠蒲",
    ("夏", "creature"): "白鷺 蜻蜓 游魚 乳鴨 鳴蛙 子規 飢蚊 沙鷗",
    ("冬", "weather"): "北風 飛雪 堅冰 凍雲 嚴霜 陰霧 落日 微陽",
    ("冬", "plant"): "寒梅 蒼松 翠柏 枯枝 衰草 瘦竹 水仙 敗葉",
    ("冬", "creature"): "棲鴉 饑鷹 羸馬 黃狐 孤狼 鳥雀 驚鹿 野鵝",
    ("山", "site"): "空谷 石門 深澗 危峰 松徑 斷崖 禪房 洞天",
    ("山", "figure"): "樵夫 老僧 隱者 道人 仙翁 獵戶 羽客 故友",
    ("江", "site"): "平沙 渡頭 滄洲 汀岸 長橋 灘聲 釣磯 帆影",
    ("江", "figure"): "漁父 舟子 客子 行人 估客 遷臣 棹女 故友",
    ("塞", "site"): "荒城 大漠 關河 烽臺 戍樓 磧路 轅門 邊牆",
    ("塞", "figure"): "征人 將軍 胡兒 戰士 使者 老卒 都護 故友",
    ("閨", "site"): "畫樓 珠簾 錦屏 玉階 庭院 窗紗 羅幃 鏡臺",
    ("閨", "figure"): "佳人 思婦 少女 宮娥 美姬 王孫 遊子 故友",
    ("歌", "rhyme"): "煙波 星河 女蘿 樵歌 庭柯 青荷 漁蓑 鳴珂",
    ("吟", "rhyme"): "深林 鳴琴 清音 輕陰 客心 衣襟 古今 浮沉",
    ("行", "rhyme"): "孤城 水聲 離情 浮生 歸程 微明 殘更 長庚",
    ("詩", "rhyme"): "花枝 相思 佳期 舊時 柳絲 清池 荒碑 旌旗",
    ("*", "blow"): "入 滿 動 過 隨 度 連 生",
    ("*", "lean"): "映 覆 傍 臨 倚 遮 依 滿",
    ("*", "pass"): "過 下 繞 宿 度 入 向 驚",
    ("*", "gaze"): "望 憶 尋 對 聽 別 問 愁",
    ("*", "fade"): "落 發 老 盡 亂 靜 冷 碎",
}
COUPLETS = (  # a line, and the answer that ends in the rhyme
    "weather blow plant ， creature pass rhyme 。",
    "site plant fade ， figure gaze rhyme 。",
    "creature pass site ， weather blow rhyme 。",
    "figure gaze weather ， plant lean rhyme 。",
    "plant lean site ， creature pass rhyme 。",
)
# The two characters that make a line of five one of seven, then the two that open its answer.
OPENINGS = "萬里千山 昨夜今朝 何處此時 一片數聲 日暮天寒 十年三月 忽見還聞 獨憐不覺"

Rules = dict[str, list[tuple[str, ...]]]  # each symbol's options; what has no rule is text


def _rules() -> Rules:
    """Write the tables out as a grammar, in which a list of words is the symbol for one of them."""
    rules: Rules = {words: [(word,) for word in words.split()] for words in WORDS.values()}
    for depth, characters in enumerate(TITLE):
        for known in map("".join, product(*TITLE[:depth])):
            rules[f"title {known}"] = [(c, f"title {known}{c}") for c in characters]
    for title in map("".join, product(*TITLE)):
        slots = {slot: words for (mark, slot), words in WORDS.items() if mark in f"{title}*"}
        five, seven, count = f"five {title}", f"seven {title}", LENGTH[title[2]]
        rules[f"title {title}"] = [("\n", f"body {title}")]
        rules[f"body {title}"] = [(five, "\n") * count, (seven, "\n") * count]
        rules[five] = [tuple(slots.get(part, part) for part in c.split()) for c in COUPLETS]
        rules[seven] = [(pair[:2], f"seven {title}{pair}") for pair in OPENINGS.split()]
        for pair in OPENINGS.split():
            answer = {"，": "，" + pair[2:]}
            options = [tuple(answer.get(part, part) for part in option) for option in rules[five]]
            rules[f"seven {title}{pair}"] = options
    return rules


RULES, START = _rules(), "title "
CHARACTERS = "".join(sorted({*"，。\n", *"".join([*TITLE, *WORDS.values(), OPENINGS])} - {" "}))
"""All characters of the verse, sorted; `END` is not one of them."""


@cache
def chances(count: int) -> tuple[float, ...]:
    """Return the probabilities of `count` options, in proportion to 1/2, 1/3, 1/4, …."""
    weights = [1 / rank for rank in range(2, count + 2)]
    return tuple(weight / sum(weights) for weight in weights)


def poems(count: int, seed: int) -> list[str]:
    """Draw poems: a title and two or four couplets, each ended by a newline, without `END`."""
    generator = np.random.default_rng(seed)

    def draw(symbol: str) -> str:
        if symbol not in RULES:
            return symbol
        options = RULES[symbol]
        bounds = tuple(accumulate(chances(len(options))))
        return "".join(map(draw, options[bisect(bounds[:-1], generator.random())]))

    return [draw(START) for _ in range(count)]


def derivations(text: str, *parts: str, rules: Rules = RULES) -> Iterator[float]:
    """Yield the log-probability of every derivation of `text` from a sequence of parts."""
    if not parts:
        if not text:
            yield 0.0
    elif (head := parts[0]) in rules:
        for option, chance in zip(rules[head], chances(len(rules[head])), strict=True):
            for rest in derivations(text, *option, *parts[1:], rules=rules):
                yield log(chance) + rest
    elif text.startswith(head):
        yield from derivations(text.removeprefix(head), *parts[1:], rules=rules)


def log_probability(poem: str) -> float:
    """Return a poem's log-probability in nats; `END` adds nothing, as the title makes it certain.

    Raises:
        ValueError: If the grammar cannot derive the poem.
    """
    for nats in derivations(poem, START):
        return nats
    raise ValueError(f"expected a poem of this grammar, got {poem!r}")


def expectation(start: str = START, *, rules: Rules = RULES) -> tuple[float, float]:
    """Return the exact entropy in nats, and the exact expected length, of a text from `start`."""

    @cache
    def of(symbol: str) -> tuple[float, float]:
        if symbol not in rules:
            return 0.0, len(symbol)
        nats = length = 0.0
        for option, chance in zip(rules[symbol], chances(len(rules[symbol])), strict=True):
            nats += chance * (sum(of(part)[0] for part in option) - log(chance))
            length += chance * sum(of(part)[1] for part in option)
        return nats, length

    return of(start)


def entropy_per_character() -> float:
    """Return the floor of a language model's loss: a poem's nats over its length with `END`."""
    nats, length = expectation()
    return nats / (length + len(END))
