"""Public holidays out of the package `holidays`. Which of them a calendar keeps is decided in the domain."""

from psms.domain.sla.holiday_sources import FrozenHolidays, HolidaySource
from psms.errors import FieldError


class PackagedHolidays:
    """The release of the package that is locked in requirements.txt."""

    def compute(self, source: HolidaySource, /) -> FrozenHolidays:
        """Return the public holidays of *source*; raise FieldError for a country or a part that is not known."""
        import holidays  # noqa: PLC0415  (26 MB and 150 ms that few processes ever need)
        from holidays.version import __version__ as version  # noqa: PLC0415

        known = holidays.list_supported_countries()
        if source.country not in known:
            raise FieldError("holiday_source.country", "no holidays are known for this code; write it as in FR")
        if source.subdivision is not None and source.subdivision not in known[source.country]:
            message = f"this part of {source.country} is not known; choose one of {', '.join(known[source.country])}"
            raise FieldError("holiday_source.subdivision", message)
        found = holidays.country_holidays(source.country, subdiv=source.subdivision, years=source.years)
        # What is observed in lieu may fall into the year after.
        dates = frozenset(day for day in found if day.year in source.years)
        return FrozenHolidays(source=source, dates=dates, library=f"holidays {version}")
