"""Numbers that a table writes with marks: a decimal comma, thousands, a currency, a per cent sign, a unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nncore.datasets.spelling import number

BOTH = frozenset(".,")
"""The decimal marks there are."""

_SYMBOLS = """
$ € £ ¥ ₹ ₽ ₩ ₺ ₪ ₫ ₱ ₦ ₴ ฿ ₸ ₵ ₡ ₲ ₾ % ‰ ° °C °F US$ A$ AU$ C$ CA$ HK$ NZ$ S$ NT$ R$ MX$ Rs Rs. Fr. SFr. kr kr. Kč zł
USD EUR GBP CHF JPY CNY INR SEK NOK DKK PLN CZK HUF RON BGN ISK RUB UAH TRY ILS ZAR BRL MXN AUD CAD NZD HKD SGD KRW THB
IDR MYR PHP VND
"""
_UNITS = """
kg g mg lb lbs oz km m cm mm nm µm mi ft l ml cl s ms min h hr hrs k kB KB MB GB TB Hz kHz MHz GHz V mV W kW kWh MW mA
mAh mph km/h m/s m² m³ m2 m3 km² ha bar mbar hPa kPa Pa K kcal kJ ppm dB px
"""
SYMBOLS = frozenset(_SYMBOLS.split())
UNITS = frozenset(_UNITS.split())
_BLANKS = " \u00a0\u202f\u2009"
_BEFORE = re.compile("|".join(map(re.escape, sorted((s for s in SYMBOLS if s not in "%‰°"), key=len, reverse=True))))
_CORE = re.compile(rf"(?:[0-9](?:[0-9.,'’{_BLANKS}]*[0-9])?[.,]?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^\W\d_][\w/²³°%.-]{0,14}")


def _pattern(decimal: str, other: str) -> re.Pattern[str]:
    mark, divider = re.escape(decimal), f"[{other}'’{_BLANKS}]"
    thousands = f"[1-9][0-9]?[0-9]?(?P<divider>{divider})[0-9][0-9][0-9](?:(?P=divider)[0-9][0-9][0-9])*"
    if other == ",":
        thousands += "|[1-9][0-9]?(?:,[0-9][0-9])+,[0-9][0-9][0-9]"  # lakhs
    plain = f"[0-9]+{mark}?|[0-9]*{mark}[0-9]+"
    return re.compile(f"(?:(?:{thousands})(?:{mark}[0-9]+)?|{plain})(?:[eE][+-]?[0-9]+)?")


_READS = {".": _pattern(".", ","), ",": _pattern(",", ".")}


@dataclass(frozen=True)
class Figure:
    """A field that looks like a number.

    Attributes
    ----------
    core : str
        Sign and digits, with what divides them.
    mark : str
        A currency, a per cent sign or a unit; empty if there is none.
    is_certain : bool
        Whether the mark is known for one: any word may follow a number, and 5 Main is an address.
    decimals : frozenset of str
        What may be the decimal mark, if any of both is there; otherwise both.
    """

    core: str
    mark: str
    is_certain: bool
    decimals: frozenset[str]

    def value(self, decimal: str) -> float:
        """Return the number, where `decimal` decides only if both marks may be meant."""
        mark = decimal if decimal in self.decimals else min(self.decimals)
        digits = re.sub(rf"[{',' if mark == '.' else '.'}'’{_BLANKS}]", "", self.core)
        return float(digits.replace(mark, "."))


def _reads(core: str) -> frozenset[str]:
    return frozenset(decimal for decimal, pattern in _READS.items() if pattern.fullmatch(core))


def figure(field: str) -> Figure | None:
    """Return what a field looks like as a number; None if it looks like none.

    Examples
    --------
    >>> figure("$1,250.50").value("."), figure("12 %").mark, sorted(figure("1,250").decimals), figure("1.2.3")
    (1250.5, '%', [',', '.'], None)
    """
    sign, rest = _signed(field)
    before = _BEFORE.match(rest)
    if before:
        inner, rest = _signed(rest[before.end() :].lstrip(_BLANKS))
        sign = sign or inner
    core = _CORE.match(rest)
    if core is None:
        return None
    after = rest[core.end() :]
    mark = after.strip(_BLANKS)
    decimals = _reads(core[0])
    if not decimals or (before and mark):
        return None
    if before or not mark:
        return Figure(sign + core[0], before[0] if before else "", True, decimals)
    apart = after != mark
    is_certain = mark in SYMBOLS or (mark in UNITS and (apart or len(mark) > 1))
    if not is_certain and not (apart and _WORD.fullmatch(mark)):
        return None
    return Figure(sign + core[0], mark, is_certain, decimals)


def _signed(text: str) -> tuple[str, str]:
    return (text[0].replace("−", "-"), text[1:]) if text[:1] in ("+", "-", "−") else ("", text)


@dataclass(frozen=True)
class Notation:
    """How one column writes its numbers.

    Attributes
    ----------
    decimal : {".", ","}
    mark : str
        Currency, per cent sign or unit of every number; empty for none. ``12%`` is 12.
    """

    decimal: str
    mark: str = ""

    def number(self, field: str, decimal: str | None = None) -> float | None:
        """Return the number that `field` spells, or None; a `decimal` that the table is known to have is stronger.

        Examples
        --------
        >>> Notation(",", "€").number("€1.250,50"), Notation(".").number("1,250"), Notation(".", "kg").number("5 lb")
        (1250.5, 1250.0, None)
        """
        found = figure(field)
        if found is None:
            return number(field)  # NaN and infinity, which are refused by name
        return found.value(decimal or self.decimal) if found.mark == self.mark else None
