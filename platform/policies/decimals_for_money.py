"""Money is exact and says its currency."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagmesh as dm

# ISO 4217, the currencies in use.
_CURRENCIES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE
CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES
KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND
TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CURRENCIES.split())
# A number whose name ends in one of these is money, whatever it says of its unit; TOP, ALL and the like are words too.
SUFFIXES = frozenset({"eur", "usd", "gbp", "chf", "jpy"})
NUMBERS = ("BIGINT", "DOUBLE", "DECIMAL")


class DecimalsForMoney(dm.Policy):
    """is money and {why}; write {name}: Decimal = dm.field(unit="{currency}", ...), cents are no binary fractions."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Columns whose unit is a currency, or whose name ends in one."""
        for column in subject.columns:
            name, unit = column["name"], column.get("unit") or ""
            suffix = name.rpartition("_")[2]
            if unit not in CURRENCIES and not (suffix in SUFFIXES and column["type"].startswith(NUMBERS)):
                continue
            currency = unit if unit in CURRENCIES else suffix.upper()
            why = _why(column, unit, currency)
            if why:
                named = name if suffix == currency.lower() else f"{name}_{currency.lower()}"
                yield dm.Finding(f"column '{name}'", name=named, why=why, currency=currency)


def _why(column: Mapping[str, Any], unit: str, currency: str) -> str:
    if not column["type"].startswith("DECIMAL"):
        return f"is {column['type']}"
    if unit != currency:
        return f"has unit '{unit}'" if unit else "has no unit"
    return "" if column["name"].endswith(f"_{currency.lower()}") else f"does not end in _{currency.lower()}"
