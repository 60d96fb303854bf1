"""The check of the mail server: whether one is named, and whether it lets PSMS in. No mail is sent."""

from collections.abc import Iterator

from psms.embedded.findings import Finding, ok, warn
from psms.settings import Environment, Settings

_PATIENCE_S = 10.0
_NONE = (
    "no mail server is named, so that notifications by mail wait, a week at most: set PSMS_SMTP_URL and "
    "PSMS_MAIL_FROM where people are to be told by mail"
)


def check_mail(settings: Settings) -> Iterator[Finding]:
    """Yield what was found about the mail server that *settings* name."""
    if settings.mail is None:
        at_home = settings.environment is Environment.DEVELOPMENT
        yield ok("mail", _NONE) if at_home else warn("mail", _NONE)
        return
    from psms.adapters.mail import mailer_of  # noqa: PLC0415 (the HTTP library beneath is slow to import)

    mailer, where = mailer_of(settings), f"{settings.mail.host}:{settings.mail.port}"
    problem = mailer.problem(_PATIENCE_S) if mailer is not None else None
    if problem:
        yield warn("mail", f"mails wait, because of {where}: {problem}")
    else:
        yield ok("mail", f"the mail server {where} lets PSMS in")
