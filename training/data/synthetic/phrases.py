"""Text for single line crops: what stands on receipts, plus rare letters and codes so that every class is learnt."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from decimal import Decimal

from training.data.alphabet import ALPHABET, normalise
from training.data.synthetic import corpus
from training.data.synthetic.corpus import LOCALES, Locale

LONGEST = 48
# Small letters twice: a third of the lines are set in capitals.
_RARE = ALPHABET[95:] + "".join(c for c in ALPHABET[95:] if c.islower()) + ";<>[\\]^_`~{}|\"'=+?!#$&@XZJKxzjkwvyq…·µ•"
_ACCENTED: dict[str, str] = {}
for _letter in ALPHABET[95:]:
    _plain = unicodedata.normalize("NFD", _letter)[0]
    if _plain != _letter:
        _ACCENTED[_plain] = _ACCENTED.get(_plain, "") + _letter
_LABELS = [
    "total",
    "subtotal",
    "cash",
    "card",
    "change",
    "rounding",
    "discount",
    "service",
    "receipt_no",
    "cashier",
    "till",
    "table",
    "guests",
    "date_label",
    "time_label",
    "items_sold",
    "titles",
    "head_qty",
    "head_item",
    "head_price",
    "head_amount",
    "phone_label",
    "tax_line",
    "tax_heads",
]
_LOCALE_WEIGHTS = (5, 4, 3, 3, 3, 3, 3, 5)


def line_text(r: random.Random, longest: int = LONGEST) -> str:
    """A line of 1 to ``longest`` characters of the alphabet, single blanks inside, none at the ends."""
    while True:
        where = corpus.locale(r.choices(LOCALES, _LOCALE_WEIGHTS)[0])
        text = r.choices(_KINDS, _WEIGHTS)[0](where, r)
        if r.random() < 0.2:
            text = f"{text} {r.choices(_KINDS, _WEIGHTS)[0](where, r)}"
        case = r.random()
        text = (
            normalise(text.upper() if case < 0.33 and "ß" not in text else text.lower() if case > 0.97 else text) or ""
        )
        if len(text) > longest:
            cut = text.rfind(" ", 0, longest + 1)
            text = text[: cut if cut > 0 else longest].strip()
        if text:
            return text


def money(where: Locale, r: random.Random) -> str:
    """An amount as bills print it: bare, signed, with currency, with a tax letter."""
    amount = corpus.price(where, r) * r.choice((1, 1, 1, 2, 3, 10, 37))
    if r.random() < 0.15:
        amount = amount / 100 if where.decimals else amount
    places = where.decimals if r.random() < 0.95 else r.choice((0, 2, 3, 4))
    text = where.money(Decimal(amount), grouped=r.random() < 0.7, decimals=places)
    if r.random() < 0.07:
        text = r.choice((f"-{text}", f"{text}-", f"({text})", f"*{text}", f"#{text}"))
    if r.random() < 0.4:
        sign = (
            r.choice(where.lists["symbols"])
            if r.random() < 0.85
            else r.choice(("€", "£", "$", "¥", "EUR", "CHF", "Kč"))
        )
        glue = "" if r.random() < 0.45 else " "
        text = f"{text}{glue}{sign}" if where.symbol_after != (r.random() < 0.1) else f"{sign}{glue}{text}"
    if r.random() < 0.12:
        text += " " + r.choice(("A", "B", "C", "S", "Z", "SR", "T", "*", "ZRL", "A*", "1", "F", "V"))
    return text


def _labelled(where: Locale, r: random.Random) -> str:
    label = where.pick(r.choice(_LABELS), r)
    value = r.choice((money, money, _number, _date))(where, r)
    if r.random() < 0.15:
        label += r.choice((" ", "")) + r.choice(("(RM)", "(EUR)", "(€)", "(Kč)", "(%)", "(1)", "(A)", "(incl)"))
    colon = r.choice(("", "", ":", " :", ":", " : ", "#", ".")) if label[-1] not in ":.#" else ""
    return f"{label}{colon}{r.choice((' ', ' ', ' ', '')) if colon.strip() else ' '}{value}"


def _quantity(where: Locale, r: random.Random) -> str:
    count = r.choice((1, 1, 2, 3, 4, 6, 10, 12, 24))
    amount = r.choice((str(count), f"{count}{where.decimal}000", f"{count},00", f"{r.randrange(2000) / 1000:.3f}"))
    amount = amount.replace(".", where.decimal)
    shape = r.choice(("{q} {x} {p}", "{q}{x}{p}", "{q} {x}", "{q} {u} {x} {p}", "{q}{u}", "{q} {u}", "{q} {x} {p} {t}"))
    price = corpus.price(where, r)
    return shape.format(
        q=amount, x=where.pick("each", r), u=where.pick("unit", r), p=where.money(price), t=where.money(price * count)
    )


def _date(where: Locale, r: random.Random) -> str:
    when = corpus.moment(r)
    date = corpus.format_date(where, when, r.choice(where.lists["dates"]))
    time = when.strftime(r.choice(where.lists["times"]))
    return r.choice((date, date, time, f"{date} {time}", f"{date}, {time}", f"{date} - {time}", f"{time} {date}"))


def _number(where: Locale, r: random.Random) -> str:
    if r.random() < 0.3:
        return str(r.randrange(10 ** r.randint(1, 13)))
    return corpus.pattern(
        r.choice(("####-####", "@##-######", "##/##", "####.##", "@@#####", "#-##-###", "0000####", "@#")), r
    )


def _masked(where: Locale, r: random.Random) -> str:
    """A card's or an account's number of which only the end is printed."""
    sign = r.choice("###***XXx.-")
    shown = corpus.pattern("#" * r.choice((3, 4, 4, 4, 5)), r)
    hidden = sign * r.randint(4, 16) if r.random() < 0.7 else " ".join([sign * 4] * r.randint(2, 3)) + " "
    number = f"{hidden}{shown}" if r.random() < 0.8 else f"{shown}{hidden.strip()}{shown[::-1]}"
    label = r.random()
    if label < 0.3:
        return f"{r.choice(('PAN', 'Card', 'Karte', 'Card No.', 'Karten-Nr.', 'Acct', where.pick('card', r)))} {number}"
    return number if label < 0.8 else corpus.pattern(f"{number} {'#' * r.choice((1, 4))}", r) if sign != "#" else number


def _percent(where: Locale, r: random.Random) -> str:
    rate = str(r.choice(where.tax_rates)) + r.choice(("", "", where.decimal + "0", where.decimal + "00"))
    return r.choice(("{t} {r}%", "{r}%", "{r} %", "{t} {r} %", "-{r}%", "{c} {r}%", "{c}={r}%", "{c} = {r}%")).format(
        t=where.pick("tax_name", r), r=rate, c=r.choice("ABCDS")
    )


def _short(where: Locale, r: random.Random) -> str:
    return r.choice(
        (
            r.choice(ALPHABET[1:95]),
            str(r.randrange(10)),
            str(r.randrange(100)),
            where.pick("each", r),
            "x",
            "X",
            "-",
            ":",
        )
    )


def _rare(where: Locale, r: random.Random) -> str:
    words = [corpus.pseudo_word(where.code, r) for _ in range(r.randint(1, 3))]
    letters = list(" ".join(words))
    for _ in range(r.randint(3, 8)):
        letters.insert(r.randrange(len(letters) + 1), r.choice(_RARE))
    return "".join(letters)


def _accented(where: Locale, r: random.Random) -> str:
    """Words whose letters carry any language's accents, where letters without one would do as well."""
    letters = list(r.choice((corpus.item, corpus.merchant))(where, r))
    for i, letter in enumerate(letters):
        if letter in _ACCENTED and r.random() < 0.4:
            letters[i] = r.choice(_ACCENTED[letter])
    return "".join(letters)


def _punctuated(where: Locale, r: random.Random) -> str:
    """Two words or numbers with a sign between them and, or not, narrow blanks around it."""
    pair = [r.choice((_number, _words, money, lambda w, r: w.pick(r.choice(_LABELS), r)))(where, r) for _ in "ab"]
    sign = r.choice((":", ":", ":", ".", ",", "/", "-", "(", ")", "%", "&", "*", "@", "#", "="))
    return f"{pair[0]}{r.choice(('', ' '))}{sign}{r.choice(('', ' '))}{pair[1]}"


def _random_string(where: Locale, r: random.Random) -> str:
    pool = r.choice((ALPHABET, ALPHABET[:95], ALPHABET[16:26] + ".,:/- ", ALPHABET[33:59] + ALPHABET[16:26]))
    return "".join(r.choices(pool, k=r.randint(1, 16)))


def _web(where: Locale, r: random.Random) -> str:
    word = corpus.pseudo_word(where.code, r).lower()
    end = r.choice(("com", "de", "cz", "sk", "pl", "hu", "fr", "co.uk", "com.my", "eu", "org"))
    return r.choice(
        (f"www.{word}.{end}", f"{word}@{word[::-1]}.{end}", f"http://{word}.{end}/{word[:3]}", f"{word}.{end}")
    )


def _framed(where: Locale, r: random.Random) -> str:
    text = where.pick(r.choice(("thanks", "titles")), r)
    frame = r.choice(("*", "**", "***", "-", "--", "=", "* * *", "<<", "#", "~", "+", "_", "»"))
    glue = r.choice(("", " "))
    return f"{frame}{glue}{text}{glue}{frame.replace('<', '>').replace('»', '«')}"


def _words(where: Locale, r: random.Random) -> str:
    return " ".join(corpus.pseudo_word(where.code, r) for _ in range(r.randint(1, 5)))


_TABLE: dict[Callable[[Locale, random.Random], str], float] = {
    lambda w, r: corpus.item(w, r): 15,
    lambda w, r: f"{_number(w, r)} {corpus.item(w, r)}": 3,
    lambda w, r: f"{corpus.item(w, r)} {money(w, r)}": 4,
    money: 15,
    _labelled: 8,
    lambda w, r: w.pick(r.choice(_LABELS), r): 9,
    lambda w, r: corpus.merchant(w, r): 6,
    lambda w, r: r.choice(corpus.address(w, r)): 6,
    lambda w, r: " ".join(corpus.address(w, r)): 2,
    _date: 6,
    _quantity: 6,
    _number: 3,
    lambda w, r: corpus.phone(w, r): 3,
    lambda w, r: corpus.tax_id(w, r): 3,
    lambda w, r: w.pick("footer", r): 6,
    lambda w, r: w.pick("thanks", r): 2,
    lambda w, r: f"{w.pick('first_names', r)} {w.pick('surnames', r)}": 2,
    _percent: 2,
    _masked: 3,
    _short: 4,
    _rare: 12,
    _accented: 9,
    _punctuated: 8,
    _random_string: 4,
    lambda w, r: corpus.code(r): 3,
    _web: 2,
    _framed: 2,
    _words: 6,
}
_KINDS, _WEIGHTS = tuple(_TABLE), tuple(_TABLE.values())
