"""Public holidays out of the package `holidays`. Which of them a calendar keeps is decided in the domain."""

import warnings

from psms.domain.sla.holiday_sources import FrozenHolidays, HolidaySource
from psms.errors import FieldError


class PackagedHolidays:
    """The release of the package that is locked in requirements.txt."""

    def compute(self, source: HolidaySource, /) -> FrozenHolidays:
        """Return the public holidays of *source*; raise FieldError for what the package does not know."""
        import holidays  # noqa: PLC0415  (26 MB and 150 ms that few processes ever need)
        from holidays.version import __version__ as version  # noqa: PLC0415

        known = holidays.list_supported_countries()
        if source.country not in known:
            raise FieldError("holiday_source.country", "no holidays are known for this code; write it as in FR")
        if source.subdivision is not None and source.subdivision not in known[source.country]:
            message = f"this part of {source.country} is not known; choose one of {', '.join(known[source.country])}"
            raise FieldError("holiday_source.subdivision", message)
        bare = holidays.country_holidays(source.country)
        if not all(bare.start_year <= year <= bare.end_year for year in source.years):
            message = f"holidays of {source.country} are known from {bare.start_year} to {bare.end_year}"
            raise FieldError("holiday_source.years", message)
        # Recorded, not raised: a filter counts for all threads, whose warnings are none of our business.
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            found = holidays.country_holidays(source.country, subdiv=source.subdivision, years=source.years)
        _refuse_partial_years(told)
        # What is observed in lieu may fall into the year after.
        dates = frozenset(day for day in found if day.year in source.years)
        return FrozenHolidays(source=source, dates=dates, library=f"holidays {version}")


def _refuse_partial_years(told: list[warnings.WarningMessage]) -> None:
    """Raise FieldError where the package says that it does not know all holidays of the years asked for."""
    for one in told:
        if one.category is UserWarning and "holidays" in one.filename:
            raise FieldError("holiday_source.years", str(one.message))
