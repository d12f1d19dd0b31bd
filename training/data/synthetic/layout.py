"""From a bill's content to printed rows: which words stand where, in which size, and which field they are."""

from __future__ import annotations

import random
import textwrap
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from training.data.synthetic import corpus
from training.data.synthetic.bill import Bill, Item
from training.data.synthetic.rows import Align, Cell, Element, Picture, Row, Rule, Size


@dataclass(frozen=True, slots=True)
class Printed:
    """What of the fields is on paper, as printed; None where it is not."""

    company: str
    date: str | None
    address: str
    total: str


class Layout:
    """Sets one bill; habits such as date form, rules and column order are drawn once and kept for the whole bill."""

    def __init__(self, bill: Bill, columns: int, r: random.Random, invoice: bool = False) -> None:
        self.bill, self.columns, self.r, self.where = bill, columns, r, bill.locale
        self.rows: list[Element] = []  # from top to bottom
        self.grouped = r.random() < 0.8
        self.symbol = r.choice(self.where.lists["symbols"]).replace(",- ", "")
        self.signed = r.choices(("none", "total", "all"), (5, 4, 2))[0]
        self.glue = r.choice(("", " ", " "))
        self.colon = r.choice(("", ":", ":", " :"))
        self.upper = r.random() < 0.35
        self.rule = r.choice(("solid", "double", "dashed", "-", "-", "-", "=", "*", "_", "- ", ".", "~", "none"))
        self.invoice = invoice
        self.centred = r.random() < (0.2 if invoice else 0.75)
        self.company_face = int(r.random() < 0.25)
        self.date_form = r.choice(self.where.lists["dates"])
        self.time_form = r.choice(self.where.lists["times"])
        self.date_place = r.choices(("meta", "end", "nowhere"), (88, 9, 3))[0]
        self.whole = r.choice(("", "", "", self.where.decimal + "00")) if columns > 40 else ""
        self.indent = r.choice((0.05, 0.1, 0.3))
        self.loud: Size = r.choice(("normal", "wide", "tall", "big", "big"))

    def build(self) -> tuple[list[Element], Printed]:
        """All rows from top to bottom, and the fields as printed."""
        r = self.r
        company, address = self._head()
        date = self._meta()
        self._rule()
        self._items()
        self._rule()
        total = self._sums()
        for block in r.sample((self._tax_table, self._payment_slip, self._thanks), k=3):
            block()
        if self.date_place == "end":
            self._text(f"{date} {self.bill.when.strftime(self.time_form)}", field="date")
        return self.rows, Printed(company, date if self.date_place != "nowhere" else None, address, total)

    # -- parts

    def _head(self) -> tuple[str, str]:
        r, where, bill = self.r, self.where, self.bill
        if r.random() < 0.25:
            self.rows.append(Picture("logo", r.uniform(2, 6)))
        if r.random() < 0.12:
            self._text(where.pick("titles", r), field="title")
        size: Size = r.choice(("normal", "wide", "tall", "big", "big"))
        bold = r.random() < 0.5
        company = self._case(bill.company, 0.5)
        parts = [
            self._text(part, size, bold=bold, field="company", face=self.company_face)
            for part in self._wrap(company, size)
        ]
        if r.random() < 0.3:
            self._text(self._case(where.pick("thanks", r)))
        ids = [corpus.tax_id(where, r) for _ in range(r.choice((0, 1, 1, 2)))]
        phones = [corpus.phone(where, r) for _ in range(r.choice((0, 1, 1, 2)))]
        if ids and r.random() < 0.5:
            self._text(ids.pop(0), field="tax_id")
        small: Size = "small" if r.random() < 0.15 else "normal"
        lines = [self._case(line) for line in bill.address]
        if r.random() < 0.25:
            lines = [" ".join(lines)]
        printed = [self._text(part, small, field="address") for line in lines for part in self._wrap(line, small)]
        for text, name in [(t, "phone") for t in phones] + [(t, "tax_id") for t in ids]:
            self._text(text, small, field=name)
        if r.random() < 0.15:
            self._text(f"www.{corpus.pseudo_word(where.code, r).lower()}.{r.choice(('com', where.code, 'eu'))}", small)
        if r.random() < 0.6:
            self._gap()
            self._text(where.pick("titles", r), r.choice(("normal", "normal", self.loud)), field="title")
        return " ".join(parts), " ".join(printed)

    def _meta(self) -> str:
        """Number, date, cashier, ...; returns the date in its form."""
        r, where, when = self.r, self.where, self.bill.when
        date = corpus.format_date(where, when, self.date_form)
        time = when.strftime(self.time_form)
        number = corpus.pattern(
            r.choice(("######", "@@######", "####/####", "@##-#####", "########", "###-###-####")), r
        )
        pairs: list[list[Cell]] = [self._pair("receipt_no", number, "number")]
        if self.date_place == "meta":
            if r.random() < 0.5:
                pairs.append(self._pair("date_label", f"{date} {time}" if r.random() < 0.6 else date, "date"))
            else:
                gap = "  " if r.random() < 0.4 else " "
                pairs.append([Cell(f"{date}{gap}{time}" if r.random() < 0.8 else date, field="date")])
            if r.random() < 0.25:
                pairs.append(self._pair("time_label", time, "time"))
        for key, share in (("cashier", 0.6), ("till", 0.5)):
            if r.random() < share:
                name = (
                    where.pick("first_names", r) if key == "cashier" and r.random() < 0.6 else str(r.randrange(1, 99))
                )
                pairs.append(self._pair(key, name, None))
        if self.bill.category == "restaurant":
            pairs.append(self._pair("table", str(r.randrange(1, 60)), None))
            if r.random() < 0.5:
                pairs.append(self._pair("guests", str(r.randrange(1, 9)), None))
        r.shuffle(pairs)
        self._gap()
        arrangement = "aligned" if self.invoice else r.choice(("single", "single", "aligned", "columns", "columns"))
        self._place(pairs, arrangement)
        return date

    def _place(self, pairs: list[list[Cell]], arrangement: str) -> None:
        stop = self.r.uniform(0.28, 0.4)
        while pairs:
            cells = pairs.pop(0)
            if arrangement == "aligned" and len(cells) == 2:
                label, value = cells
                value = Cell(
                    ": " + value.text if not label.text.endswith(":") else value.text, stop, "left", value.field
                )
                self.rows.append(Row((label, value)))
                continue
            left = self._joined(cells)
            if arrangement == "columns" and pairs:
                right = self._joined(pairs[0])
                if len(left.text) + len(right.text) + 3 <= self.columns:
                    pairs.pop(0)
                    self.rows.append(Row((left, Cell(right.text, 1.0, "right", right.field))))
                    continue
            for part in self._wrap(left.text, "normal"):
                self.rows.append(Row((Cell(part, 0.0, "left", left.field),)))

    def _items(self) -> None:
        r, where, items = self.r, self.where, self.bill.items
        style = (
            "table"
            if self.invoice
            else r.choice(("line", "line", "quantity first", "below", "below", "table", "table", "code below"))
        )
        code_first = style != "code below" and r.random() < 0.2
        mark = dict(zip((t.rate for t in self.bill.taxes), r.choice(("AB", "BA", "SZ", "12")), strict=False))
        marked = r.random() < 0.45
        money = self._columns_of_money(marked)
        anchors = (r.uniform(0.42, 0.52), r.uniform(0.68, 0.78), money)
        if style == "table" or r.random() < 0.3:
            heads = [where.pick(key, r) for key in ("head_item", "head_qty", "head_price", "head_amount")]
            if style == "table":
                self._header(heads, anchors)
            elif len("".join(heads[::3])) + 4 < self.columns:
                self.rows.append(Row((Cell(heads[0]), Cell(heads[3], 1.0, "right")), bold=r.random() < 0.3))
                self._rule()
        loose = r.choice((0.0, 0.0, 0.0, 0.3))
        each = where.pick("each", r)
        for i, item in enumerate(items):
            name = self._case(item.name)
            if code_first:
                name = f"{item.code[:8]} {name}"
            elif r.random() < 0.06:
                name = f"{i + 1}. {name}"
            letter = mark.get(item.rate, "A") if marked else ""
            getattr(self, "_item_" + style.replace(" ", "_"))(item, name, letter, money, anchors, each, loose)
        if r.random() < 0.2:
            count = sum(int(item.quantity) if item.quantity == int(item.quantity) else 1 for item in items)
            self._rule()
            self.rows.append(Row((self._joined(self._pair("items_sold", str(count), None)),)))

    def _item_line(
        self,
        item: Item,
        name: str,
        letter: str,
        money: float,
        anchors: tuple[float, float, float],
        each: str,
        loose: float,
    ) -> None:
        if item.quantity != 1:
            detail = f"{self._quantity(item, each)} {self._money(item.unit_price)}"
            if self.r.random() < 0.5:
                self._named(name, (), loose)
                self.rows.append(Row((Cell(detail, 0.08), *self._amount(item, letter, money))))
                return
            self.rows.append(Row((Cell(detail, 0.04),), before=loose))
        self._named(name, self._amount(item, letter, money), loose)

    def _item_quantity_first(
        self,
        item: Item,
        name: str,
        letter: str,
        money: float,
        anchors: tuple[float, float, float],
        each: str,
        loose: float,
    ) -> None:
        self._named(name, self._amount(item, letter, money), loose, Cell(self._quantity(item)), 0.13)

    def _item_below(
        self,
        item: Item,
        name: str,
        letter: str,
        money: float,
        anchors: tuple[float, float, float],
        each: str,
        loose: float,
    ) -> None:
        self._named(name, (), loose)
        detail = f"{self._quantity(item, each)} {self._money(item.unit_price)}"
        self.rows.append(Row((Cell(detail, self.indent), *self._amount(item, letter, money))))

    def _item_code_below(
        self,
        item: Item,
        name: str,
        letter: str,
        money: float,
        anchors: tuple[float, float, float],
        each: str,
        loose: float,
    ) -> None:
        self._named(name, (Cell(letter, 1.0, "right"),) if letter else (), loose)
        detail = self._quantity(item, each)
        price = Cell(self._money(item.unit_price), anchors[1], "right")
        self.rows.append(
            Row((Cell(item.code), Cell(detail, anchors[0], "right"), price, *self._amount(item, "", money)))
        )

    def _item_table(
        self,
        item: Item,
        name: str,
        letter: str,
        money: float,
        anchors: tuple[float, float, float],
        each: str,
        loose: float,
    ) -> None:
        numbers = (
            Cell(self._quantity(item), anchors[0], "right"),
            Cell(self._money(item.unit_price), anchors[1], "right"),
            *self._amount(item, letter, money),
        )
        if len(name) <= self.columns * (anchors[0] - 0.1):
            self.rows.append(Row((Cell(name, field="item"), *numbers), before=loose))
        else:
            self._named(name, (), loose)
            self.rows.append(Row(numbers))

    def _sums(self) -> str:
        r, where, bill = self.r, self.where, self.bill
        at = r.choice((0.0, 0.0, 0.0, 0.3, 0.45))
        label: Align = "right" if at == 0.45 else "left"
        at = 0.62 if label == "right" else at

        def line(key: str, amount: Decimal, field: str, **style: object) -> str:
            text = self._case(where.pick(key, r))
            text += self.colon if text[-1] not in ".:#" else ""
            value = self._money(amount, field == "total")
            self.rows.append(Row((Cell(text, at, label, field + "_label"), Cell(value, 1.0, "right", field)), **style))  # type: ignore[arg-type]
            return value

        if len(bill.items) > 1 or r.random() < 0.4 or bill.discount or bill.service:
            line("subtotal", bill.subtotal, "subtotal")
        if bill.discount:
            line("discount", -bill.discount, "discount")
        if bill.service:
            text = r.choice(where.lists["service"]).replace("{r}", str(bill.service_rate))
            self.rows.append(Row((Cell(text, at, label), Cell(self._money(bill.service), 1.0, "right", "service"))))
        if not bill.tax_included or r.random() < 0.25:
            for tax in bill.taxes:
                text = r.choice(where.lists["tax_line"]).replace(
                    "{r}", f"{tax.rate.normalize():f}".replace(".", where.decimal)
                )
                self.rows.append(
                    Row((Cell(text, at, label, "tax_label"), Cell(self._money(tax.tax), 1.0, "right", "tax")))
                )
        if bill.rounding or r.random() < 0.08:
            line("rounding", bill.rounding, "rounding")
        if r.random() < 0.4:
            self._rule(0.5 if at else 0.0)
        printed = line("total", bill.total, "total", size=self.loud, bold=r.random() < 0.5, inverse=r.random() < 0.03)
        if r.random() < 0.3:
            self._rule(0.5 if at else 0.0)
        if bill.cash:
            line("cash", bill.tendered, "paid")
            if bill.change or r.random() < 0.5:
                line("change", bill.change, "change")
        elif r.random() < 0.9:
            line("card", bill.total, "paid")
        return printed

    def _tax_table(self) -> None:
        r, where = self.r, self.where
        if r.random() < 0.45:
            return
        heads = list(where.lists["tax_heads"])
        self._gap()
        if r.random() < 0.4:
            self._rule()
        columns = (0.0, r.uniform(0.45, 0.55), r.uniform(0.72, 0.8), 1.0)
        order = r.choice(("net tax gross", "gross net tax", "net tax"))
        keys = order.split()
        stops = (*columns[1 : len(keys)], 1.0)
        named = {"net": heads[1], "tax": heads[2], "gross": heads[3]}
        self.rows.append(
            Row(
                (Cell(heads[0]), *(Cell(named[k], s, "right") for k, s in zip(keys, stops, strict=True))),
                underline=r.random() < 0.15,
            )
        )
        for i, tax in enumerate(self.bill.taxes):
            rate = f"{tax.rate.normalize():f}".replace(".", where.decimal) + r.choice(
                ("%", " %", "%", f"{where.decimal}00%")
            )
            head = rate if r.random() < 0.5 else f"{'AB'[i % 2]}{r.choice((' ', '=', ' = ', ': '))}{rate}"
            if "tax_codes" in where.lists and r.random() < 0.5:
                head = r.choice(where.lists["tax_codes"]).replace("{r}", f"{tax.rate:f}")
            cells = [Cell(self._money(getattr(tax, k)), s, "right", k) for k, s in zip(keys, stops, strict=True)]
            self.rows.append(Row((Cell(head), *cells)))

    def _payment_slip(self) -> None:
        r, where = self.r, self.where
        if self.bill.cash or r.random() < 0.4:
            return
        self._rule()
        self._text(where.pick("card", r))
        for label in r.sample(
            ("Terminal-ID", "TID", "MID", "AID", "Trace", "Auth", "Approval", "Ref", "PAN", "Batch"), k=r.randint(2, 5)
        ):
            value = corpus.pattern(
                r.choice(("########", "######", "A0000000##1010", "************####", "XXXX XXXX XXXX ####")), r
            )
            if r.random() < 0.5:
                self.rows.append(Row((Cell(f"{label}{self.colon}"), Cell(value, 1.0, "right"))))
            else:
                self.rows.append(Row((Cell(f"{label}: {value}"),)))

    def _thanks(self) -> None:
        r, where = self.r, self.where
        self._gap(r.uniform(0.5, 2))
        for _ in range(r.choice((0, 1, 1, 2))):
            self._text(self._case(where.pick("thanks", r)), face=int(r.random() < 0.15))
        for _ in range(r.choice((0, 1, 2, 2, 3, 5))):
            for part in self._wrap(self._case(where.pick("footer", r)), "normal"):
                self._text(part)
        if r.random() < 0.3:
            self._gap()
            kind: Literal["barcode", "qr"] = r.choice(("barcode", "barcode", "qr"))
            self.rows.append(Picture(kind, r.uniform(2, 3.5) if kind == "barcode" else r.uniform(5, 8)))
            if kind == "barcode" and r.random() < 0.7:
                self._text(
                    " ".join("".join(r.choices("0123456789", k=4)) for _ in range(r.randint(2, 4))).replace(
                        " ", r.choice(("", " "))
                    )
                )

    # -- pieces

    def _header(self, heads: list[str], anchors: tuple[float, float, float]) -> None:
        r = self.r
        stops = zip(heads[1:], (anchors[0], anchors[1], 1.0), strict=True)
        cells = (Cell(heads[0]), *(Cell(text, stop, "right") for text, stop in stops))
        self.rows.append(Row(cells, bold=r.random() < 0.3, underline=r.random() < 0.15, inverse=r.random() < 0.03))
        self._rule()

    def _named(
        self, name: str, rest: tuple[Cell, ...], loose: float, first: Cell | None = None, at: float = 0.0
    ) -> None:
        """The item's name, wrapped so that it ends before ``rest``; ``first`` stands at the left."""
        room = self.columns * (1 - at) - (max((len(c.text) for c in rest), default=0) + 3 if rest else 0)
        if rest and min(c.at for c in rest) < 1:
            room -= 4
        parts = textwrap.wrap(name, max(8, int(room))) or ["-"]
        if len(parts) > 1 and self.r.random() < 0.4:
            parts = parts[:1]  # tills cut long names off
        for i, part in enumerate(parts):
            cells = [Cell(part, at, "left", "item")]
            if i == 0:
                cells = [*([first] if first else []), *cells, *rest]
            self.rows.append(Row(tuple(cells), before=loose if i == 0 else 0.0))

    def _amount(self, item: Item, letter: str, money: float) -> tuple[Cell, ...]:
        amount = Cell(self._money(item.amount), money, "right", "amount")
        if not letter:
            return (amount,)
        if money == 1.0:
            return (Cell(f"{amount.text} {letter}", 1.0, "right", "amount"),)
        return amount, Cell(letter, 1.0, "right")

    def _columns_of_money(self, marked: bool) -> float:
        return self.r.choice((1.0, 0.92)) if marked else 1.0

    def _pair(self, key: str, value: str, field: str | None) -> list[Cell]:
        label = self._case(self.where.pick(key, self.r))
        if label[-1] not in ".:#":
            label += self.colon
        return [Cell(label), Cell(value, field=field)]

    def _joined(self, cells: list[Cell]) -> Cell:
        return Cell(" ".join(cell.text for cell in cells), field=cells[-1].field)

    def _quantity(self, item: Item, each: str = "") -> str:
        if item.quantity == int(item.quantity):
            return f"{int(item.quantity)}{self.whole} {each}".rstrip()
        weight = f"{item.quantity:.3f}".replace(".", self.where.decimal)
        return f"{weight} kg x" if each else weight + self.r.choice(("", " kg", "kg"))

    def _money(self, amount: Decimal, total: bool = False) -> str:
        text = self.where.money(amount, self.grouped)
        if self.signed == "all" or (self.signed == "total" and total):
            if self.where.symbol_after:
                return f"{text}{self.glue}{self.symbol}"
            return f"-{self.symbol}{self.glue}{text[1:]}" if text.startswith("-") else f"{self.symbol}{self.glue}{text}"
        return text

    def _case(self, text: str, share: float = 0.0) -> str:
        return text.upper() if (self.upper or self.r.random() < share) and "ß" not in text else text

    def _wrap(self, text: str, size: Size) -> list[str]:
        return textwrap.wrap(text, self.columns // 2 if size in ("wide", "big") else self.columns) or ["-"]

    def _text(
        self, text: str, size: Size = "normal", bold: bool = False, field: str | None = None, face: int = 0
    ) -> str:
        at, align = (0.5, "centre") if self.centred else (0.0, "left")
        for part in self._wrap(text, size):
            self.rows.append(Row((Cell(part, at, align, field),), size, bold, face=face))  # type: ignore[arg-type]
        return text

    def _rule(self, start: float = 0.0) -> None:
        if self.rule != "none" and not (self.rows and isinstance(self.rows[-1], Rule)):
            self.rows.append(Rule(self.rule, start))

    def _gap(self, lines: float | None = None) -> None:
        self.rows.append(Row((), before=self.r.choice((0.0, 0.4, 1.0)) if lines is None else lines))
