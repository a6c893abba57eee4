import pytest

from guiyi.see.register.api import ChannelKind, all_precedents, precedents_for


def test_all_cases_are_there_with_their_sources_when_read() -> None:
    found = all_precedents()
    assert [precedent.id for precedent in found] == list(range(1, 32))
    assert all(precedent.source.startswith("http") and precedent.grade in {"A", "B", "C"} for precedent in found)
    assert {kind for precedent in found for kind in precedent.kinds} <= {*ChannelKind, "official_account"}


def test_notice_days_are_counted_when_both_dates_are_full() -> None:
    assert {p.id: p.notice_days for p in all_precedents() if p.notice_days is not None} == {7: 91, 9: 33}


def test_uncertain_dates_stay_texts_when_the_source_gives_words() -> None:
    assert all_precedents()[2].effective_date == "09-11 (year printed 2024; probably 2025)"


def test_accounts_of_unknown_kind_count_when_an_account_is_asked_for() -> None:
    found = precedents_for(ChannelKind.SERVICE_ACCOUNT)
    assert [precedent.id for precedent in found] == [1, 2, 5, 4, 22, 3]
    assert [precedent.id for precedent in precedents_for(ChannelKind.SUBSCRIPTION_ACCOUNT)] == [1, 2, 4, 22, 3]


@pytest.mark.parametrize(("kind", "first"), [("app", 7), ("direct_bank", 9), ("website", 9), ("mini_program", 6)])
def test_best_documented_comes_first_when_asked(kind: str, first: int) -> None:
    assert precedents_for(ChannelKind(kind))[0].id == first
