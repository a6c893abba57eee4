"""Makes register-12-mistakes.xlsx out of the example bank: twelve different mistakes, one a cell."""

from datetime import date
from pathlib import Path

import openpyxl

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "example-bank.xlsx"


def main() -> None:
    book = openpyxl.load_workbook(EXAMPLE)
    book["channels"]["D3"] = "servce_account"
    book["channels"]["K4"] = date(2012, 1, 1)
    book["channels"]["E5"] = "wechatt"
    book["functions"].append(["transfer", "转账", "Transfer", "no", 1])
    book["offerings"]["D4"] = "12,000"
    book["offerings"]["A5"] = "mobile_bnk"
    book["offerings"]["F100"] = "wx_login, biometrics"
    book["hosting"]["A5"] = "oa_micro_bank"
    book["hosting"]["B5"] = "accounts.balance"
    book["costs"]["D6"] = "=50000+1"
    book["costs"]["D7"] = -50000
    book["filings"]["E4"] = 45000
    book["filings"]["E4"].number_format = "0"
    book["attrition"]["E9"] = 35
    book.save(HERE / "register-12-mistakes.xlsx")


if __name__ == "__main__":
    main()
