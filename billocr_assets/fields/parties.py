"""Who issued the bill: merchant, address and tax number, from the head of the bill."""

from __future__ import annotations

import re

from billocr_assets.fields.dates import find_dates
from billocr_assets.fields.lexicon import concepts, fold, mend_phrases, mend_word, mentions, without_accents
from billocr_assets.fields.model import Text
from billocr_assets.fields.money import CURRENCIES, find_amounts, find_money
from billocr_assets.fields.rows import Row, is_heading

_HEAD_ROWS = 16
# Words below this confidence are mended where a word of names and addresses is one letter away.
_UNSURE = 0.98
# Rows below this confidence are no part of a name that stands above or below them.
_ILLEGIBLE = 0.35
# Rows this much higher than the bill's usual one are large print, and of one size where they differ by less than this.
_LARGE, _ALIKE = 1.3, 0.15
# So many words show whether the language of a bill has accents.
_WORDS_OF_A_LANGUAGE = 12
_POSTCODE = re.compile(
    r"(?:(?<![\d(-])|(?<=\b[A-Z]-)|(?<=\b[A-Z]{2}-))"
    r"(?:\d{5}(?![\d-])|(?:\d{3} \d{2}|\d{2}-\d{3}|\d{4}) [^\W\d]{3})|\bPS[ČC] ?\d{3} ?\d{2}\b"
    r"|\b(?:(?:SK|CZ)[- ]\d{3} \d{2}|PL[- ]\d{2}-\d{3}|H-\d{4})$|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}$"
)
_ENDS_WITH_POSTCODE = re.compile(r"(?:\d{5}|\d{3} \d{2}|\d{2}-\d{3}|H-\d{4})$")
_REGISTRATION = re.compile(
    r"\(?\b(?:[A-Z]{0,3}(?:\d{6,12}[A-Z]?|\d{5}[A-Z]|\d{5}(?= ?- ?\w))(?: ?- ?[A-Z0-9]{1,2})?)\b\)?"
)
# The number of the company's registration behind its name, misread digits and what follows it included.
_TRAILING_NUMBER = re.compile(
    r"[\s,]*[(\[<]?(?:(?:CO|REG|ROC|NO)[ .:]*)*[A-Z]{0,2}\d{4,}[ \d]*(?: ?-? ?[A-Z])?[)\]>]?[\s.,]*$"
    r"|[\s,]*[(\[<]\d{2,}\W*$"
    r"|[\s,]*(?<!\w)[(\[]?(?=[A-Z]?\d)[\dOIZSBL]{5,8} ?- ?[A-Z](?!\w).*$",
    re.I,
)
_OWNER = re.compile(r"^\W*(?:OWN(?:ED|ER)?|OPERATED|MANAGED) BY\b\W*|^\W*DIMILIKI(?: OLEH)?\b\W*", re.I)
_CONTACT = re.compile(r"[\s,(]*\b(?:TEL|TELEPHONE|PHONE|FAX|H/?P)\b.*$", re.I)
_LEADING_NUMBER = re.compile(r"^#?\d{4,}\s+(?=[^\W\d])|^[^:]{4,14}:\s*")
_NUMBERED = re.compile(r"^\W*(?:NO\b|LOT\b|UNIT\b|\d{1,4}[A-Z]?\b|[A-Z]{1,2}\d?-[\dG]|[A-Z]{1,2}\d{1,4},)", re.I)
_STREET = re.compile(
    r"^(?=.*[^\W\d]{3})[^\W\d][^\d,]{2,40}\d{1,4}(?: ?[a-zA-Z])?(?: ?[/-] ?(?:\d{1,4}[a-zA-Z]?|[a-zA-Z]))?"
    r"(?:[. ]+(?:LOK|FSZ|EM)\b.{0,8})?[,.]?$",
    re.I,
)
# What ends an address wherever more follows, the word that begins one, and what is left of a scribble behind one.
_COUNTRY = re.compile(r"\b(?:MALAYSIA|SINGAPORE|DEUTSCHLAND|GERMANY|FRANCE|POLSKA|MAGYARORSZAG)\W*$", re.I)
_ADDRESS_LABEL = re.compile(r"^(?:HQ )?ADD(?:RESS)?\W*: ?", re.I)
_SCRAP = re.compile(r" \w{0,2}[)\]]$")
_HOUSE = re.compile(r"^\W*NO[ .,:]*(?:[A-Z]{1,2}-?)*\d|STRA(?:SS|ß|B)E\b|STR\.|\bUL\.", re.I)
_WEB = re.compile(r"WWW|HTTP|@|\.COM|\.MY\b|\.DE\b", re.I)

# Country prefixes of VAT numbers, and numbers that follow a word for them.
_VAT_NUMBERS = (
    re.compile(
        r"\b(ATU ?\d{8}|DE ?\d{3} ?\d{3} ?\d{3}|CZ ?\d{8,10}|SK ?\d{10}|PL ?\d{10}|HU ?\d{8}|FR ?[A-Z0-9]{2} ?\d{9})\b"
    ),
    re.compile(r"NIP[ .:]*(\d{3}-?\d{3}-?\d{2}-?\d{2})\b"),
    re.compile(r"(?<!\d)(\d{8}-[1-5]-\d{2})(?!\d)"),
    re.compile(r"(?:GST|SST|VAT|TAX|TVA|UST|MWST|DIC|DPH)[A-Z .:#()\-=]*?((?:[A-Z]\d{2}-\d{4}-)?\d[\d ]{7,13}\d)"),
)


def find_vat_id(rows: list[Row]) -> Text | None:
    """The issuer's VAT or GST number."""
    for pattern in _VAT_NUMBERS:
        for row in rows:
            text = row.text.upper()
            match = pattern.search(text)
            if match and len(text) == len(row.text) and sum(char.isdigit() for char in match[1]) >= 8:
                start, end = match.span(1)
                value = re.sub(r"[ ]", "", match[1])
                return Text(row.text[start:end], value, row.sources(start, end), row.confidence(start, end))
    return None


def find_company(rows: list[Row]) -> tuple[Text | None, int]:
    """The merchant, and the number of the row after it (0 where there is none)."""
    scores = _company_scores(rows)
    best = max(range(len(scores)), key=lambda i: scores[i], default=-1)
    if best < 0 or scores[best] <= 0:
        return None, 0
    first, last = best, best
    # A name on several rows: a legal form alone belongs to what stands above it, an open bracket goes on below.
    while (
        first > 0
        and _legible(rows[first - 1])
        and (_continues(rows[first - 1], rows[first]) or _is_wrapped(rows[first - 1], rows[first]))
    ):
        first -= 1
    while (
        last + 1 < len(scores)
        and (_legible(rows[last + 1]) or _closes(rows[last], rows[last + 1]) or _completes(rows[last], rows[last + 1]))
        and (_continues(rows[last], rows[last + 1]) or _is_wrapped(rows[last], rows[last + 1]))
    ):
        last += 1
    members = rows[first : last + 1]
    text = _mended(rows, members)
    name = _without_numbers(text) or text
    certainty = 0.9 if concepts(name) & {"legal_form", "trade", "name_tail"} else 0.8
    sources = tuple(source for row in members for source in row.sources())
    value = _OWNER.sub("", name) or name
    return Text(name, value, sources, certainty * min(row.confidence() for row in members)), last + 1


def _mended(rows: list[Row], members: list[Row]) -> str:
    """The text of some rows with their uncertain words mended.

    Where no word that the recogniser was sure of has an accent, the language of the bill has none, and accents are
    taken off.
    """
    sure = [word for row in rows for word in row.words(_UNSURE)]
    plain = len(sure) >= _WORDS_OF_A_LANGUAGE and all(map(str.isascii, sure))
    mend = (lambda word: mend_word(without_accents(word))) if plain else mend_word
    text = " ".join(row.mended(mend, _UNSURE) for row in members)
    return mend_phrases(text) if min(row.confidence() for row in members) < _UNSURE else text


def _legible(row: Row) -> bool:
    """Whether a row beside a name can be part of it: not a scribble or a logo that was taken for letters."""
    letters = re.search(r"[^\W\d_]{2}|^\W*[^\W\d_]\W*$", row.text)
    return letters is not None and row.confidence() >= _ILLEGIBLE and not _stops(row)


def _without_numbers(text: str) -> str:
    """A merchant's name without the numbers of its registration before and behind it."""
    name = _TRAILING_NUMBER.sub("", text)
    return (name if _OWNER.match(name) else _LEADING_NUMBER.sub("", name)).strip(" :*-=,")


def find_address(rows: list[Row], start: int) -> Text | None:
    """The address: the rows from the first that looks like one to the last before phone, tax number or document."""
    end = next((i for i in range(start, len(rows)) if is_heading(rows[i])), len(rows))
    end = min(end, start + _HEAD_ROWS)
    first = next((i for i in range(start, end) if _address_score(rows[i]) >= 1.5 and not _stops(rows[i])), None)
    if first is None:  # no word for a street, but a house number right below the merchant
        near = range(start, min(end, start + 2))
        first = next((i for i in near if _NUMBERED.match(rows[i].text) and not _stops(rows[i])), None)
    if first is None:
        return None
    # A quarter without any number is the branch's name where the street with its number follows.
    if (
        first + 1 < end
        and not re.search(r"\d|,$|\b(?:JALAN|JLN|MALL)\b", rows[first].text.rstrip().upper())
        and _NUMBERED.match(rows[first + 1].text)
        and _address_score(rows[first + 1]) >= 1.5
    ):
        first += 1
    # "Lipová 12" has no word for a street; above a post code it is one.
    above = rows[first - 1].text.rstrip() if first > start else ""
    numbered = _NUMBERED.match(above) and re.search(r"[^\W\d_]{3}", above)
    street = _STREET.match(above) or (numbered and ("," in above or _POSTCODE.search(rows[first].text)))
    if street and not _stops(rows[first - 1]):
        first -= 1
    last, complete = first, bool(_POSTCODE.search(rows[first].text))
    for i in range(first + 1, min(len(rows), first + 7)):
        follows = last == i - 1
        if _stops(rows[i]) or is_heading(rows[i]) or (complete and (":" in rows[i].text or not follows)):
            break
        if _COUNTRY.search(rows[last].text):
            break
        goes_on = (rows[last].text.endswith(",") and not complete) or _is_town_of(rows[last], rows[i])
        if _address_score(rows[i]) >= 0.5 or (follows and goes_on):
            last = i
        complete = complete or bool(_POSTCODE.search(rows[i].text))
    members = rows[first : last + 1]
    text = _ADDRESS_LABEL.sub("", _CONTACT.sub("", _mended(rows, members)))
    if text.count(")") > text.count("("):
        text = _SCRAP.sub("", text)
    certainty = 0.85 if _POSTCODE.search(text) else 0.6
    sources = tuple(source for row in members for source in row.sources())
    return Text(text, text, sources, certainty * min(row.confidence() for row in members))


def _is_town_of(row: Row, following: Row) -> bool:
    """Whether ``row`` ends with a post code and ``following`` can be the name of its town."""
    code = _ENDS_WITH_POSTCODE.search(row.text) and not re.search(r"\bPS[ČC]", row.text)  # which follows its town
    return bool(code and re.fullmatch(r"[^\W\d_]{3,}(?:[ -][^\W\d_]+){0,2}", following.text))


def _company_scores(rows: list[Row]) -> list[float]:
    """How much each row of the head looks like the merchant's name."""
    scores: list[float] = []
    past = 0.0
    for index, row in enumerate(rows[:_HEAD_ROWS]):
        if index > 2 and any(amount.decimals == 2 for amount in find_amounts(row.text)):
            break
        if index + 1 < len(rows) and _STREET.match(row.text) and _POSTCODE.match(rows[index + 1].text):
            past = 4.0  # also where the only name above is a logo
        scores.append(_company_score(row, index) - past)
        # Names below the address or below "bill to" are a customer's or a branch's. What stands above every name is the
        # foot of another bill.
        said = concepts(row.text)
        located = _address_score(row) >= 1.5 and re.search(r"\d|,", row.text)
        if max(scores) >= 1.0 and (located or said & {"phone", "recipient"}):
            past = 4.0
        elif max(scores) >= 1.0 and "document" in said:
            past = max(past, 0.5)
    return scores


def _company_score(row: Row, index: int) -> float:
    name = _without_numbers(row.text)
    found = concepts(name)
    letters = sum(char.isalpha() for char in name)
    if letters < 3 or name.upper() in CURRENCIES or _WEB.search(row.text) or find_dates(row.text) or is_heading(row):
        return -1.0
    score = 2.0 - 0.25 * index + min(max(row.height - 1.0, 0.0), 1.0) - 3.0 * name.startswith("(")
    score += 2.5 * ("legal_form" in found)
    # "Bistro & Cafe" alone says what kind of shop it is.
    score += 2.0 * (bool(found & {"trade", "name_tail"}) and any(not concepts(word) for word in fold(name).split()))
    score += 1.0 * bool(_OWNER.match(name))
    score -= 1.5 * (row.confidence() < _ILLEGIBLE / 2)
    score -= 4.0 * bool(found & {"phone", "registration", "document", "recipient", "thanks"})
    score -= 1.5 * max(_address_score(row) - 1.0, 0.0)
    score -= 4.0 * ("registration" in concepts(row.text) and len(fold(name).split()) < 2)
    return score - 2.0 * (sum(char.isdigit() for char in name) > letters)


def _continues(row: Row, following: Row) -> bool:
    """Whether ``following`` goes on with the name that ``row`` begins."""
    words = fold(following.text).split()
    if not words or _stops(following):
        return False
    name = _without_numbers(row.text)
    address = _address_score(following) >= 1.5
    if name.endswith("&") or (name.count("(") > name.count(")") and (")" in following.text or not address)):
        return True
    if address or len(words) > 6:
        return False
    if _completes(row, following) or following.text.startswith("&"):
        return True
    if "legal_form" in concepts(row.text):
        return False
    if _names_the_kind(row) and len(words) <= 4 and not re.search(r"\d", following.text):
        return True
    begins = {concept for concept, start in mentions(following.text) if start < 2}
    return "legal_form" in begins or "name_tail" in concepts(words[0])


def _completes(row: Row, following: Row) -> bool:
    """Whether ``following`` is a legal form, or the end of one that ``row`` begins: "Sp." and "z o.o."."""
    before, words = fold(row.text).split(), fold(following.text).split()
    if not 0 < len(words) <= 3 or before[-1:] == ["BHD"]:  # which nothing follows
        return False
    return any("legal_form" in concepts("".join(before[len(before) - n :] + words)) for n in range(3))


def _closes(row: Row, following: Row) -> bool:
    """Whether ``following`` ends a bracket that ``row`` opens, however badly it was read."""
    return "(" in row.text.rpartition(")")[2] and ")" in following.text.partition("(")[0]


def _names_the_kind(row: Row) -> bool:
    """Whether a row says no more than what kind of shop it is."""
    return all("trade" in concepts(word) for word in fold(row.text).split())


def _is_wrapped(row: Row, following: Row) -> bool:
    """Whether a name in large print goes on in the row below, in the same print."""
    if "legal_form" in concepts(row.text) or _stops(following) or _address_score(following) >= 0.5:
        return False
    large = min(row.height, following.height) >= _LARGE and abs(row.height / following.height - 1) < _ALIKE
    return large and len(fold(following.text).split()) <= 4


def _address_score(row: Row) -> float:
    found = concepts(row.text)
    # "Al" and "ut" are words for streets only where a number stands with them.
    named = any("address" in concepts(word) for word in fold(row.text).split() if len(word) > 2)
    street = named or ("address" in found and bool(re.search(r"\d", row.text)))
    score = 1.5 * (street or bool(_HOUSE.search(row.text))) + 1.0 * ("place" in found)
    score += 1.5 * bool(_POSTCODE.search(row.text))
    score += 0.5 * row.text.rstrip().endswith(",") + 0.5 * bool(re.search(r"\d", row.text))
    return score - 2.0 * ("legal_form" in found)


def _stops(row: Row) -> bool:
    """Whether a row ends the address: phone, tax number, the kind of document, a date, a web address."""
    letters, digits = (sum(map(kind, row.text)) for kind in (str.isalpha, str.isdigit))
    if _WEB.search(row.text) or (digits > 6 and letters < 5) or find_dates(row.text) or _only_registration(row):
        return True
    if any(pattern.search(row.text.upper()) for pattern in _VAT_NUMBERS):
        return True
    found = concepts(row.text)
    if "address" not in found and ("registration", 0) in mentions(row.text):
        return True
    if find_money(row.text) and not found & {"address", "place"} and not _HOUSE.search(row.text):
        return True
    if "phone" in found and digits > 6 and not found & {"address", "place"}:
        return True
    return bool(found & {"phone", "registration", "document", "recipient", "date"}) and _address_score(row) < 1.5


def _only_registration(row: Row) -> bool:
    """A row that has nothing but the number of the company's registration."""
    left = _REGISTRATION.sub("", row.text.upper())
    return left != row.text.upper() and not re.search(r"[^\W\d_]{3}", left) and "place" not in concepts(row.text)
