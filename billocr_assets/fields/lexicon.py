"""The words that bills use, by what they mean, in English, Malay, German, Czech, Slovak, Polish, Hungarian and French.

Phrases are folded: upper case, no accents, no blanks (so that lost and added blanks do not matter). A phrase of five
letters or more is also found with one letter wrong, missing or added.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

_PHRASES: dict[str, str] = {
    # The amount to pay, said in a way that leaves nothing open.
    "grand_total": """
        grand total, net total, nett total, total nett, net amount, nett amount, final total, total rounded,
        rounded total, total after rounding, total payable, amount payable, total amount payable, total due,
        amount due, total amount due, balance due, total to pay, total inclusive rounding, jumlah besar, jumlah
        perlu dibayar, jumlah keseluruhan, zu zahlen, gesamtbetrag, gesamtsumme, endbetrag, endsumme,
        zahlbetrag, rechnungsbetrag, total eur, summe eur, celkem k uhrade, k uhrade, celkem k platbe, k
        platbe, castka k uhrade, celkova castka, celkem kc, celkem czk, na uhradu, spolu na uhradu, k uhrade
        spolu, celkom na uhradu, spolu eur, do zaplaty, suma pln, razem do zaplaty, suma do zaplaty, razem pln,
        fizetendo, fizetendo osszeg, vegosszeg, fizetendo vegosszeg, net a payer, total ttc, total a payer,
        montant ttc, montant du, a payer, total general, k zaplaceni, mindosszesen, wartosc brutto""",
    "total": """
        total, totals, total amount, total sales, total bill, bill total, invoice total, total rm, amount, bill
        amount, due, jumlah, jumlah bil, summe, gesamt, betrag, total betrag, celkem, soucet, spolu, celkom, suma,
        sucet, razem, naleznosc, osszesen, osszeg, total facture, montant, montant total, somme""",
    "subtotal": """
        subtotal, sub ttl, subtotal amount, jumlah kecil, subjumlah, zwischensumme, zwisumme, netto,
        nettobetrag, nettosumme, mezisoucet, zaklad, zaklad dane, medzisucet, suma czesciowa, podsuma,
        reszosszeg, reszosszesen, sous total, total ht, montant ht, gross amount, gross total, total before,
        taxable amount, taxable amt, celkem bez dph, cena bez dph, cena bez dane, warenwert, net total before
        tax, item total, summe netto, netto ertek, nettoertek, adoalap, wartosc netto, prix ht""",
    "exclusive": "excluding, exclude, excl, exclusive, exc, before, without, zzgl, bez dph, hors taxe, ht, netto",
    "inclusive": """
        inclusive, including, incl, inc, include, included, includes, after, inkl, vcetne, vratane, brutto, ttc""",
    "tax": """
        gst, vat, sst, tax, taxes, service tax, sales tax, cukai, gst payable, gst amount, total gst, total
        tax, mwst, mehrwertsteuer, ust, umsatzsteuer, steuer, dph, dan, ptu, podatek, vat ptu, kwota ptu, afa,
        tva, taxe, zakl sazba, sadzba, sazba, supplies, sprzedaz opodatkowana, kwota a""",
    "tax_summary": """
        gst summary, tax summary, gst analysis, gst summany, vat summary, sst summary, mwst netto, rekapitulace
        dph, rekapitulacia dph, gst rate, tax code, tax amount, gst detail, gst details""",
    "service": """
        service charge, svc charge, serv charge, svr charge, service chg, bedienung, servis, obsluha,
        szervizdij, spropitne, dysko, trinkgeld, optional service, tip, pourboire, borravalo, felszolgalasi
        dij, napiwek, oplata serwisowa, prepitne, sprepitne, svc chg""",
    "rounding": """
        rounding, round, rounding adj, round adj, rounding adjustment, rounding amt, rounding adjusment, rnd
        adj, bill rounding, cash rounding, pelarasan, pembundaran, pelarasan bundaran, pelarasan penggenapan,
        rundung, rundungsdifferenz, zaokrouhleni, zaokruhlenie, zaokraglenie, kerekites, arrondi, haler
        vyrovnani, halerove vyrovnani, kerek kulonb, zaokragl, zaokruhlovanie""",
    "discount": """
        discount, disc, total discount, discounts, diskaun, less, voucher, rabatt, nachlass, sleva, zlava,
        rabat, upust, kedvezmeny, remise, reduction, item discount, bill discount, kupon, slevovy kupon,
        coupon, preisvorteil, skonto, gutschein, multi buy saving, promo, meal deal, bon d achat, avantage
        carte, arengedmeny, engedmeny, torzsvasarloi kedv, akcio, promocja, znizka, zlavovy kupon""",
    "savings": "saving, savings, you saved, you save, total savings, ersparnis, gespart, usetrili jste, oszczedzasz",
    "quantity": """
        qty, quantity, qtys, total qty, total quantity, items, item, item count, total item, total items, no of
        items, pcs, unit, units, kuantiti, menge, anzahl, posten, artikel, pocet, pocet polozek, ilosc, darab,
        db, quantite, article, articles, nombre, polozek, kusu celkem, nb d art, tetelek szama, tetelszam,
        liczba pozycji, pozycji, poloziek""",
    "cash": """
        cash, cash tendered, tendered, cash received, cash paid, amount tendered, received, paid, payment, paid
        amount, total paid, amount paid, cash amount, tender, tunai, bayaran, dibayar, bar, bargeld, gegeben,
        barzahlung, hotovost, hotove, zaplaceno, platba, prijato, hotovosti, gotowka, zaplacono, keszpenz,
        especes, espece, recu, regle, paiement, total tendered, accepted total, cash payment, kapott, wplata,
        otrzymano""",
    "card": """
        card, credit card, debit card, visa, visa card, mastercard, master card, master, amex, american
        express, maestro, mydebit, bank card, credit, debit, kad, kad kredit, girocard, ec karte, ec cash,
        kreditkarte, kartenzahlung, karte, karta, kartou, platba kartou, karta platnicza, kartya, bankkartya,
        carte, carte bancaire, cb, vpay, paypass, contactless, apple pay, google pay, grabpay, e wallet, touch
        n go, bezhotovostne, stravenky, stravenkova karta, debitkarte, ec lastschrift, titre restaurant,
        cheque, cheque dejeuner, erzsebet utalvany, hitelkartya, atutalas, blik, przelew, bezgotowkowo, bon
        towarowy, stravne listky, gastrolistok""",
    "change": """
        change, change due, balance, change amount, total change, cash change, baki, wang baki, ruckgeld,
        rueckgeld, ruckgel, zuruck, zurueck, vraceno, vratit, vratka, vydano, vydavok, vydane, reszta,
        visszajaro, rendu, monnaie, a rendre, monnaie rendue, nazpet, zpet, wechselgeld, ruckg, visszaadott, do
        wydania, vratene, spat""",
    "points": "points, point, punkte, body, punkty, pont, deposit, outstanding, loyalty, bonus, kumulovane",
    "date": """
        date, dated, invoice date, inv date, bill date, trans date, doc date, date time, tarikh, datum,
        rechnungsdatum, belegdatum, kaufdatum, datum vystaveni, data sprzedazy, datum prodeje, kelt, kelte,
        keltezes, datum cas, duzp, dat, leistungsdatum, issued, edite le, data wystawienia, dna""",
    "other_date": """
        due date, expiry, expiry date, valid until, valid till, delivery date, print date, gst effective, wef,
        since, effective, best before, exp, until, mfg, splatnost, datum splatnosti, faellig""",
    "phone": """
        tel, telephone, telefon, phone, fax, hotline, hp, h p, mobile, whatsapp, whatsapps, handphone, tlf,
        careline, call""",
    "registration": """
        gst id, gst reg, gst reg no, gst no, gst id no, co reg, co reg no, company reg, reg no, roc, roc no, co
        no, company no, business reg, biz reg no, ssm, sst no, sst id, sst reg no, tax id, vat no, vat
        id, vat reg no, ust id, ust idnr, ustid nr, ust id nr, st nr, steuernummer, steuer nr, handelsregister,
        hrb, ico, dic, ic dph, nip, regon, bdo, krs, adoszam, kozossegi adoszam, cegjegyzekszam, nav ap szam,
        siret, siren, rcs, ape, naf, tva intra, no tva, company registration no""",
    "document": """
        tax invoice, taxinvoice, invoice, simplified tax invoice, receipt, cash receipt, official receipt, cash
        bill, cash sales, cash sale, cash memo, sales receipt, invoice no, receipt no, bill to, table, cashier,
        counter, trans, slip no, doc no, order no, order, ref no, resit, resit no, no resit, inv no, bill no,
        pos no, bil no, juruwang, pax, guest check, check, rechnung, rechnung nr, quittung, beleg, bon,
        kassenbon, kassenzettel, kasse, kassierer, bediener, kundenbeleg, barverkauf, offnungszeiten, unsere
        offnungszeiten, uctenka, danovy doklad, zjednoduseny danovy doklad, doklad, pokladna, pokladni,
        pokladni doklad, faktura, blok, pokladnicny doklad, paragon fiskalny, paragon, kasa, kasjer, nyugta,
        szamla, blokk, penztar, penztaros, facture, ticket, recu de caisse, caisse, caissier, salesperson,
        receipt number, member, welcome, salesman, sales person, attn, closed bill, self collect, dine in, take
        away, deliver order, served by, server, duplicate, customer copy, merchant copy, duplikat, duplicata,
        masolat, stvrzenka, customer, terminal, time, page, site, shift, obsluhoval,
        obsluha, vystavil, cisnik, prodavac, obslouzila vas, uctoval, por cislo, ucet c, var symbol, variabilny
        symbol, c uctu, pokl, provozovna, stul, osob, pocet hostu, es bediente sie, kassiererin, bedienung,
        verkaufer, ihr kellner, mitarbeiter, rechnungsnummer, rg nr, ta nr, vorgang, auftrags nr, filiale,
        tisch, tisch nr, personen, operator, clerk, staff, waiter, covers, guests, servi par, vendeur,
        operateur, magasin, couverts, kezelo, felszolgalo, elado, pincer, nyugtaszam, sorszam, szamlaszam,
        bizonylat, rendeles, azonosito, penztargep, kassza, uzlet, asztal, asztalszam, vendeg, obsluguwal,
        obslugiwal, kelner, sprzedawca, wystawil, nr wydr, nr transakcji, stanowisko, stolik, gosci, liczba
        osob, pokladnicka, casnik, predavac, poradove cislo, pokladnica, prevadzka, stol, trn, outlet""",
    "item_header": """
        description, descriptions, item desc, item, items, qty, price, u price, unit price, u p, amount, disc,
        code, total, rm, bezeichnung, artikel, menge, einzelpreis, preis, nazev, mnozstvi, cena, polozka,
        nazov, mnozstvo, nazwa, ilosc, megnevezes, mennyiseg, egysegar, ar, designation, pu, p u, qte, prix,
        montant, s price, tax, amt, particulars, zbozi, popis, ks, mn, pocet, mnoz, celkem, castka,
        artikelbezeichnung, beschreibung, anz, anzahl, stk, stuck, einzel, betrag, gesamt, summe, gesamtpreis,
        product, quantity, no, unit, each, value, article, libelle, produit, quantite, nb, termek, tetel, cikk,
        arucikk, menny, db, ertek, osszeg, brutto, osszesen, rsp, towar, pozycja, opis, il, szt, c jedn, jedn,
        wartosc, kwota, razem, wart, tovar, spolu, suma""",
    "legal_form": """
        sdn bhd, sdn, s b, bhd, berhad, co, company, corporation, corp, ltd, limited, inc, llc, plt, plc, gmbh,
        ag, kg, ohg, e k, mbh, ug, se, ges mbh, handelsges, s r o, sro, a s, v o s, spol, sp z o o, spolka, s a,
        sp j, sp k, kft, zrt, nyrt, bt, sarl, sas, sa, eurl, sasu, k s, e v, haftungsbeschrankt, f h u, p h u,
        p p h u, druzstvo, szovetkezet, kkt, snc, scop, llp""",
    # Words that end a name and never begin one.
    "name_tail": "enterprise, enterprises, trading, holdings, group, industries, marketing, resources, services",
    "trade": """
        restaurant, restoran, restaurants, cafe, kafe, coffee, kopitiam, bakery, bakeries, confectionery, food,
        foods, seafood, kitchen, bistro, grill, pizza, noodle, house, shop, store, stores, mart, minimarket,
        mini market, hypermarket, supermarket, market, pasaraya, kedai, perniagaan, syarikat, gerai, pharmacy,
        farmasi, clinic, klinik, hardware, stationery, stationary, bookstore, books, book, electrical,
        electronic, electronics, motor, auto, petrol, petroleum, station, stesen, hotel, resort, gift, gifts,
        toys, fashion, boutique, beauty, health, supply, supplies, machinery, engineering, agency, centre,
        center, parking, cinema, printing, paper, optical, backerei, baeckerei, metzgerei, apotheke, drogerie,
        markt, baumarkt, tankstelle, gasthaus, kaffee, konditorei, blumen, lebensmittel, kavarna, restaurace,
        lekarna, pekarna, obchod, prodejna, hospoda, potraviny, restauracia, kaviaren, lekaren, pekaren,
        predajna, sklep, apteka, piekarnia, restauracja, kawiarnia, delikatesy, etterem, patika, gyogyszertar,
        pekseg, kavehaz, bolt, aruhaz, boulangerie, pharmacie, supermarche, epicerie, librairie, brasserie,
        boucherie, fromagerie, tabac""",
    "address": """
        jalan, jln, jl, lorong, lrg, medan, dataran, village, centre point, complex, kompleks, arcade, lot,
        taman, tmn, kampung, kg, bandar, persiaran, lebuh, lebuhraya, seksyen, sek, mukim, kawasan,
        perindustrian, batu, bukit, desa, pusat, perdagangan, bangunan, wisma, menara, plaza, mall, level,
        floor, ground, tingkat, block, blok, unit, street, road, avenue, lane, drive, square, park, highway,
        autoroute, g floor, ground floor, lgf, ug, pt, ptd, simpang, industrial, boulevard, suite, grove, terrace,
        crescent, parade, broadway, strasse, str, weg,
        platz, allee, gasse, ring, damm, ulice, namesti, trida, nabrezi, namestie, cesta, ul, ulica, al, aleja,
        plac, osiedle, utca, ut, ter, tere, korut, rue, place, quai, chemin, bp, cedex, postfach""",
    "place": """
        selangor, johor, johor bahru, kuala lumpur, pahang, perak, penang, pulau pinang, melaka, kedah,
        kelantan, terengganu, sabah, sarawak, perlis, negeri sembilan, putrajaya, labuan, malaysia, singapore,
        shah alam, petaling jaya, subang jaya, darul ehsan, darul takzim, wilayah persekutuan, wp, kl, jb,
        deutschland, germany, ceska republika, slovensko, polska, magyarorszag, france, osterreich, austria,
        budapest, praha, bratislava, warszawa, paris, berlin, wien""",
    # Towns, quarters and words of street names; they say nothing by themselves, but tell how a word was spelt.
    "spelling": """
        klang, ipoh, kuching, miri, sibu, cheras, ampang, puchong, kajang, subang, damansara, rawang, semenyih,
        seremban, batu caves, kepong, setapak, sentul, bangsar, skudai, masai, pasir gudang, tebrau, tampoi,
        kulai, muar, kluang, segamat, pontian, kota tinggi, kota kinabalu, sandakan, tawau, alor setar, sungai
        petani, butterworth, bayan lepas, georgetown, taiping, teluk intan, kuantan, bentong, temerloh, kuala
        terengganu, kota bharu, banting, dengkil, sepang, cyberjaya, balakong, seri kembangan, sungai buloh,
        sri petaling, genting highlands, mutiara, mahkota, perdana, utama, indah, jaya, sultan, ismail, ibrahim,
        abdul, tunku, seri, besar, baru, lama, makmur, setia, bunga, raya, harmoni, sentosa, kencana, permas, japan,
        berkeley, shopping, complex, international, northpoint, valley, tower, office, basement, lebuhraya,
        perusahaan, perniagaan, berjuntai, selatan, utara, timur, barat, berlin, hamburg, muenchen, koeln,
        frankfurt, stuttgart, duesseldorf, dortmund, essen, leipzig, bremen, dresden, hannover, nuernberg""",
    # Words that are one letter from another concept's and mean nothing here.
    "": "charge, charges, chance, range, orange, cast, dash, visit, cards, name, hash, cart, data, lash, glove, gloves",
    "thanks": """
        thank you, thankyou, thanks, thank, terima kasih, please come again, goods sold, vielen dank, danke,
        dekujeme, dakujeme, dziekujemy, koszonjuk, merci, goods, exchange, refund, follow us""",
    "owner": """
        owned by, dimiliki oleh, operated by, own by, owner by, managed by, dimiliki, trading as, t a, formerly
        known as, inhaber""",
    "recipient": "bill to, sold to, deliver to, customer, ship to, kunde, odberatel, nabywca, vevo, client, to",
}

# Words that tell a bill's language, folded. English has none: its words stand on bills everywhere.
_TELLTALES: dict[str, str] = {
    "ms": "jalan jln taman sdn bhd jumlah tunai baki terima kasih selangor johor malaysia syarikat kedai restoran",
    "de": "summe mwst bar ruckgeld vielen dank fur ihren einkauf strasse str gmbh ust steuer kasse uhr rechnung zahlen",
    "cs": "celkem dph uctenka hotove dekujeme nakup pokladna ulice dic prodejna zaklad sazba uhrade datum kc",
    "sk": "spolu dph uhradu blok dakujeme nakup pokladna ulica ico predajna zaklad sadzba hotovost eur datum",
    "pl": "suma ptu paragon fiskalny gotowka reszta nip dziekujemy sprzedaz zaplaty pln razem ul sklep kasa",
    "hu": "osszesen afa nyugta keszpenz visszajaro koszonjuk adoszam fizetendo vegosszeg utca szamla ft huf reszosszeg",
    "fr": "montant tva especes rendu merci visite rue caisse ttc ht siret payer facture votre carte",
}
_TELLING = {language: frozenset(words.split()) for language, words in _TELLTALES.items()}
_SHORT = {"AMT": "AMOUNT", "TTL": "TOTAL", "NETT": "NET"}
_FUZZY_FROM = 5
_LONGEST_PHRASE = 4


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Upper case letters and digits of a text, everything else as single blanks, accents off."""
    plain = without_accents(text.replace("ß", "ss"))
    plain = re.sub(r"(?:RM|EUR)(?=\d)", " ", plain.upper())  # "TOTAIRM15.40"
    return " ".join(_SHORT.get(word, word) for word in re.findall(r"[A-Z0-9]+", plain))


def without_accents(text: str) -> str:
    """The letters of a text without their accents, each still one letter."""
    text = text.replace("ł", "l").replace("Ł", "L")
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


@lru_cache(maxsize=4096)
def concepts(text: str) -> frozenset[str]:
    """What the words of a text stand for: names of concepts such as ``total``, ``tax``, ``change``, ``phone``."""
    return frozenset(concept for concept, _ in mentions(text))


@lru_cache(maxsize=4096)
def mentions(text: str) -> tuple[tuple[str, int], ...]:
    """Concepts of a text with the number of the word where each begins, longer phrases first."""
    words = fold(text).split()
    found = []
    for length in range(_LONGEST_PHRASE, 0, -1):
        for start in range(len(words) - length + 1):
            for concept in _concepts_of("".join(words[start : start + length])):
                found.append((concept, start))
    return tuple(found)


def language_of(texts: Iterable[str]) -> str | None:
    """The language of a bill as an ISO 639-1 code; None where fewer than three words tell it, or two do alike."""
    seen = {word for text in texts for word in fold(text).lower().split()}
    hits = sorted(((len(seen & words), language) for language, words in _TELLING.items()), reverse=True)
    (most, language), (second, _) = hits[:2]
    return language if most >= 3 and most > second else None


@lru_cache(maxsize=4096)
def exact_concepts(text: str) -> frozenset[str]:
    """As :func:`concepts`, from words without any wrong letter: for rows whose words can be anything."""
    words = fold(text).split()
    spans = (words[i : i + n] for n in range(1, _LONGEST_PHRASE + 1) for i in range(len(words) - n + 1))
    return frozenset(concept for span in spans for concept in _INDEX.get("".join(span), ()))


@lru_cache(maxsize=16384)
def _concepts_of(key: str) -> tuple[str, ...]:
    exact = _INDEX.get(key)
    if exact or len(key) < _FUZZY_FROM or key.isdigit():
        return exact or ()
    near = {phrase for part in _deletions(key) for phrase in _NEAR.get(part, ())}
    close = (phrase for phrase in near if Levenshtein.distance(key, phrase, score_cutoff=1) <= 1)
    return tuple(dict.fromkeys(concept for phrase in close for concept in _INDEX[phrase]))


_AS_CAPITALS = str.maketrans("l0", "IO")


def mend_word(word: str) -> str:
    """A word of names and addresses for one that is a single letter away from it, else the word itself.

    Only for words that the recogniser was unsure of. The case of the word is kept, and so are signs around it.
    """
    if re.fullmatch(r"\W*(?=\w*[A-Z]\w*[A-Z])[A-Z]*[l0][A-Z]+\W*|\W*[A-Z]{2,}[l0][A-Z]*\W*", word):
        word = word.translate(_AS_CAPITALS)
    if re.fullmatch(r"[^\W\d_]{2,}[^\w\s&'-][^\W\d_]+", word):  # a letter taken for a sign: "Hardwa.e"
        without = re.sub(r"\W", "", word)
        mended = mend_word(without)
        return word if mended == without else mended
    match = re.fullmatch(r"(\W*)([^\W\d_]{5,})(\W*)", word)
    if not match or fold(match[2]) in _NAME_WORDS:
        return word
    key = match[2].upper()
    near = {known for part in _deletions(key) for known in _NEAR_NAME_WORDS.get(part, ())}
    close = [each for each in near if Levenshtein.distance(key, each, score_cutoff=1) <= 1 and _alike(key, each)]
    if len(close) != 1:
        return word
    mended = close[0] if match[2].isupper() else close[0].capitalize() if match[2][0].isupper() else close[0].lower()
    return match[1] + mended + match[3]


_LEGAL_FORM = re.compile(r"\b(S[DO]N|Sdn|S[do]n)(\W{1,3})(?:[BDRH8][HNDO][DO0]|[B83]H\w{1,2})\b", re.IGNORECASE)
_STREET_SHORT = re.compile(r"\bJ[lIi1L]n\b(?=[. ]*[A-Z\d])|\bJ[I1]N\b(?=[. ]*[A-Z\d])")
_BLOCK_SHORT = re.compile(r"\bB[lIi1]{1,3}[kK]\b(?=[. ]*(?:[A-Z]|\d+)\b)")


def _alike(read: str, known: str) -> bool:
    """Whether a word of the same length differs from a known one by letters that look alike."""
    if len(read) != len(known):
        return True
    pairs = ({a, b} for a, b in zip(read, known, strict=True) if a != b)
    return all(any(pair <= group for group in _LOOK_ALIKE) for pair in pairs)


_LOOK_ALIKE = tuple(map(set, ("AEOCGQDU", "ILTJFYK", "MNHWRUKI", "BRPDES", "UVY", "FPETZ", "SGZBX", "KXH", "VWY")))


def mend_phrases(text: str) -> str:
    """A name or an address with those words mended that are too short to be known alone, by the words beside them.

    As :func:`mend_word`, only where the recogniser was unsure.
    """
    text = _LEGAL_FORM.sub(lambda m: m[1] + m[2] + ("BHD" if m[1].isupper() else "Bhd"), text)
    text = re.sub(r"\bS/[D8](?= |$)", "S/B", text)
    text = _STREET_SHORT.sub(lambda m: "JLN" if m.group().isupper() else "Jln", text)
    text = _BLOCK_SHORT.sub(lambda m: "BLK" if m.group().isupper() else "Blk", text)
    words = text.split(" ")
    for i in range(len(words) - 1):
        pair = [match for word in words[i : i + 2] if (match := re.fullmatch(r"([^\W\d_]+)(\W*)", word))]
        if len(pair) < 2 or pair[0][2]:
            continue
        key = (pair[0][1] + pair[1][1]).upper()
        if key in _TWO_WORDS or len(key) < 8:
            continue
        near = {known for part in _deletions(key) for known in _NEAR_TWO_WORDS.get(part, ())}
        close = [known for known in near if Levenshtein.distance(key, known, score_cutoff=1) <= 1]
        if len(close) == 1:
            mended = [
                part if word[1].isupper() else part.capitalize()
                for part, word in zip(_TWO_WORDS[close[0]], pair, strict=True)
            ]
            words[i], words[i + 1] = mended[0], mended[1] + pair[1][2]
    return " ".join(words)


def _deletions(key: str) -> set[str]:
    """A phrase and all phrases with one letter less: two phrases one edit apart have one of these in common."""
    return {key} | {key[:i] + key[i + 1 :] for i in range(len(key))}


def _build() -> tuple[dict[str, tuple[str, ...]], dict[str, set[str]]]:
    index: dict[str, tuple[str, ...]] = {}
    for concept, phrases in _PHRASES.items():
        for phrase in phrases.split(","):
            key = fold(phrase).replace(" ", "")
            index[key] = tuple(dict.fromkeys((*index.get(key, ()), concept)))
    near: dict[str, set[str]] = {}
    for key in index:
        if len(key) >= _FUZZY_FROM:
            for part in _deletions(key):
                near.setdefault(part, set()).add(key)
    return index, near


_INDEX, _NEAR = _build()
_NAME_WORDS = frozenset(
    word
    for concept in ("legal_form", "name_tail", "trade", "address", "place", "spelling")
    for phrase in _PHRASES[concept].split(",")
    for word in fold(phrase).split()
    if len(word) >= 5
)
_NEAR_NAME_WORDS: dict[str, set[str]] = {}
for _word in _NAME_WORDS:
    for _part in _deletions(_word):
        _NEAR_NAME_WORDS.setdefault(_part, set()).add(_word)
_TWO_WORDS = {
    "".join(words): words
    for concept in ("place", "spelling")
    for phrase in _PHRASES[concept].split(",")
    if len(words := tuple(fold(phrase).split())) == 2 and len("".join(words)) >= 8
}
_NEAR_TWO_WORDS: dict[str, set[str]] = {}
for _word in _TWO_WORDS:
    for _part in _deletions(_word):
        _NEAR_TWO_WORDS.setdefault(_part, set()).add(_word)
