"""The words of the report, in both languages, and how figures are written in each."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from guiyi.decide.planning.facts import Name
from guiyi.kit.text import Language, Text

FATES: Final = {"keep": Text("保留", "keep"), "merge": Text("整合", "merge"), "retire": Text("关停", "retire")}
STATUSES: Final = {
    "proven_optimal": Text("已证明最优", "proven optimal"),
    "gap": Text("未证到底", "not proven to the end"),
}
KINDS: Final = {
    "app": Text("App", "app"),
    "service_account": Text("服务号", "service account"),
    "subscription_account": Text("订阅号", "subscription account"),
    "mini_program": Text("小程序", "mini-program"),
    "website": Text("网站", "website"),
    "direct_bank": Text("直销银行", "direct bank"),
}
PLATFORMS: Final = {
    "own": Text("自有", "own"),
    "wechat": Text("微信", "WeChat"),
    "alipay": Text("支付宝", "Alipay"),
}
AXES: Final = {
    "activity": Text("活跃", "activity"),
    "experience": Text("体验", "experience"),
    "redundancy": Text("冗余", "redundancy"),
    "risk": Text("风险", "risk"),
}
DOMAINS: Final = {
    "accounts": Text("账户", "Accounts"),
    "payments": Text("支付", "Payments"),
    "investments": Text("投资", "Investments"),
    "loans": Text("贷款", "Loans"),
    "lifestyle": Text("生活", "Lifestyle"),
    "corporate": Text("公司", "Corporate"),
    "service": Text("服务", "Service"),
}
SEGMENTS: Final = {
    "corporate": Text("公司客户", "corporate"),
    "frequent": Text("常用客户", "frequent"),
    "occasional": Text("偶用客户", "occasional"),
}

_WAN: Final = Decimal(10_000)
_MILLION: Final = Decimal(1_000_000)
_THOUSAND: Final = Decimal(1000)
_CURRENCY_ZH: Final = {"CNY": "元", "USD": "美元", "EUR": "欧元", "HKD": "港元"}


class Words:
    """Writes one language.

    Args:
        language: `zh` or `en`.
        currency: ISO 4217 code of every sum.
    """

    def __init__(self, language: Language, currency: str) -> None:
        self.language: Language = language
        self._currency = currency
        self._currency_zh = _CURRENCY_ZH.get(currency, currency)

    def __call__(self, zh: str, en: str) -> str:
        """Return the sentence of this language."""
        return zh if self.language == "zh" else en

    def of(self, text: Text | Name) -> str:
        """Return `text` in this language."""
        return self(text.zh, text.en)

    def label(self, labels: dict[str, Text], key: str) -> str:
        """Return the label of `key`, or the key itself when the bank has made it up."""
        return self.of(labels[key]) if key in labels else key

    @staticmethod
    def count(number: int | Decimal) -> str:
        """Return a whole number with thousands separators."""
        whole = Decimal(number).quantize(Decimal(1), ROUND_HALF_UP)
        return f"{whole:,}".replace("-", "−")

    def money(self, amount: Decimal) -> str:
        """Return a sum in 万元， or in millions or thousands of the currency, to one decimal."""
        if self.language == "zh":
            return f"{_scaled(amount, _WAN)} 万{self._currency_zh}"
        if abs(amount) >= _MILLION:
            return f"{self._currency} {_scaled(amount, _MILLION, '0.01')} m"
        return f"{self._currency} {_scaled(amount, _THOUSAND)} k"

    def money_figure(self, amount: Decimal) -> str:
        """Return a sum as `money_unit` says, without the unit."""
        return _scaled(amount, _WAN) if self.language == "zh" else _scaled(amount, _THOUSAND, "1")

    @property
    def money_unit(self) -> str:
        """Return the unit of `money_figure`."""
        return f"万{self._currency_zh}" if self.language == "zh" else f"{self._currency} thousand"

    @staticmethod
    def exact(amount: Decimal) -> str:
        """Return a sum to the cent."""
        return f"{amount:,.2f}".replace("-", "−")

    @staticmethod
    def percent(share: float) -> str:
        """Return a share as per cent to one decimal."""
        return f"{share * 100:.1f}%"


def _scaled(amount: Decimal, unit: Decimal, places: str = "0.1") -> str:
    scaled = (amount / unit).quantize(Decimal(places), ROUND_HALF_UP)
    return f"{scaled:,}".replace("-", "−")
