"""The mailer: one mail to the operator's mail server over SMTP, bounded in time, every failure a result.

What a mail says is in `psms.domain.notices`; whether it is tried again is decided in `workflows.mail_results`.
"""

import re
import socket
import ssl
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from ipaddress import ip_address
from smtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from time import monotonic

from psms.adapters.egress import EgressGuard, NameUnresolved
from psms.adapters.http_connection import Dial, DialFailed, public_context
from psms.adapters.watchdog import Watch, Watchdog
from psms.domain.egress import Target, parse_policy
from psms.domain.mails import Fate, Mail, MailResult
from psms.domain.notices import mail_domain, one_line
from psms.domain.url_hosts import IPAddress
from psms.guard import refuse_in_transaction
from psms.settings import Settings
from psms.settings_groups import MailSettings

# The operator names the mail server, so it may be anywhere.
_ANYWHERE = parse_policy("0.0.0.0/0,::/0", plain_http=True)
_QUIT_S = 1.0
_PERMANENT = range(500, 600)
# Enhanced status codes (RFC 3463). Nothing else of a reply is kept: it often names the recipient.
_ENHANCED = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")
_NO_ADDRESS = "The recipient's address is not valid."
_UNABLE = "The mail server offers no STARTTLS or no way to sign in that PSMS knows: look at PSMS_SMTP_URL."


class SmtpMailer:
    """Sends mails; made once a process, used by any number of threads at once. Each mail has its own connection.

    Over a network TLS is a must, with a certificate that is verified: from the first byte or by STARTTLS (RFC 3207).
    Only to a loopback address is it spoken in clear, where STARTTLS is not offered. *tls* replaces the trusted
    authorities, which are those of `requests`.
    """

    def __init__(self, settings: MailSettings, domain: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._domain = domain
        self._tls = tls or _mail_context()
        self._guard = EgressGuard(_ANYWHERE)
        self._watchdog = Watchdog()

    def send(self, mail: Mail, /) -> MailResult:
        """Hand *mail* over once and return what came of it, at most `timeout_s` and some milliseconds later.

        Raises TransactionOpenError inside a transaction, and nothing for a failure of the server.
        """
        refuse_in_transaction("a mail")
        try:
            message = _message(mail, self._settings.sender)
        except (ValueError, IndexError, MessageError):
            return MailResult(fate=Fate.REFUSED, error=_NO_ADDRESS)
        with self._watchdog.guard(monotonic() + mail.timeout_s) as watch:
            result = self._exchange(mail, message, watch)
            if result.fate is Fate.DEFERRED and (watch.fired or monotonic() >= watch.deadline):
                return _deferred(f"The mail server did not finish within {mail.timeout_s:g} seconds.")
            return result

    def problem(self, timeout_s: float) -> str | None:
        """Connect and sign in, and return what is wrong, as a sentence; None where the server lets PSMS in."""
        refuse_in_transaction("a visit to the mail server")
        with self._watchdog.guard(monotonic() + timeout_s) as watch:
            found = self._entered(watch)
            if isinstance(found, str):
                return found
            found.close()
            return None

    def _exchange(self, mail: Mail, message: EmailMessage, watch: Watch) -> MailResult:
        session = self._entered(watch)
        if isinstance(session, str):
            return _deferred(session)
        try:
            return self._handed_over(session, mail, message, watch)
        finally:
            session.close()

    def _entered(self, watch: Watch) -> "_Session | str":
        """Return a session in which PSMS is signed in, or the sentence that says why there is none."""
        session = None
        try:
            session = self._opened(watch)
            self._sign_in(session)
        except (SMTPException, OSError, ValueError, DialFailed, NameUnresolved) as problem:
            if session is not None:
                session.close()
            return _turned_away(problem)
        return session

    def _opened(self, watch: Watch) -> "_Session":
        place = self._settings
        literal = _literal(place.host)
        target = Target(scheme="https", host=place.host, port=place.port, literal=literal, path="/")
        addresses = self._guard.addresses_for(target, within_s=max(0.001, watch.deadline - monotonic()))
        tls = self._tls if place.tls_first else None
        dial = Dial(target=target, addresses=addresses, watch=watch, tls=tls)
        return _Session(dial, place.host, self._domain, max(0.001, watch.deadline - monotonic()))

    def _sign_in(self, session: "_Session") -> None:
        session.ehlo_or_helo_if_needed()
        if not self._settings.tls_first and (session.has_extn("starttls") or not session.is_local):
            session.starttls(context=self._tls)
        if self._settings.user:
            session.login(self._settings.user, self._settings.password)

    def _handed_over(self, session: "_Session", mail: Mail, message: EmailMessage, watch: Watch) -> MailResult:
        try:
            session.send_message(message, self._settings.sender, [mail.recipient_address])
        except SMTPRecipientsRefused as refusal:
            return _answered(*next(iter(refusal.recipients.values())), "to the recipient")
        except SMTPDataError as refusal:
            return _answered(refusal.smtp_code, refusal.smtp_error, "to the mail")
        except SMTPNotSupportedError:
            return MailResult(fate=Fate.REFUSED, error="The mail server takes no such address (SMTPUTF8).")
        except (SMTPException, OSError, ValueError) as problem:
            return _deferred(_turned_away(problem))
        # It has the mail: what becomes of the farewell changes nothing.
        watch.move(min(watch.deadline, monotonic() + _QUIT_S))
        with suppress(SMTPException, OSError):
            session.quit()
        return MailResult(fate=Fate.TAKEN)


class _Session(SMTP):
    """A session over the connection that a Dial makes; never by looking the host up again."""

    def __init__(self, dial: Dial, host: str, domain: str, timeout_s: float) -> None:
        self._dial = dial
        super().__init__(host, 1, local_hostname=domain, timeout=timeout_s)

    @property
    def is_local(self) -> bool:
        """Whether the other end is this machine."""
        return self._dial.peer is not None and self._dial.peer.is_loopback

    def _get_socket(self, _host: str, _port: int, timeout: float) -> socket.socket:
        connection = self._dial.connect()
        connection.settimeout(timeout)
        return connection


def mailer_of(settings: Settings) -> SmtpMailer | None:
    """Return the mailer of an installation, None where no mail server is configured."""
    return None if settings.mail is None else SmtpMailer(settings.mail, mail_domain(settings.public_url))


def _mail_context() -> ssl.SSLContext:
    context = public_context()
    # A mail server that looks at it would refuse one who says that he speaks HTTP.
    context.set_alpn_protocols([])
    return context


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _message(mail: Mail, sender: str) -> EmailMessage:
    """Return the mail as it is sent. A line break in any header raises ValueError: nobody writes another header."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = Address(display_name="PSMS", addr_spec=sender)
    message["To"] = Address(display_name=one_line(mail.recipient_name), addr_spec=mail.recipient_address)
    message["Subject"] = mail.subject
    message["Date"] = mail.written_at
    message["Message-ID"] = f"<{mail.message_id}>"
    # RFC 3834, section 5: so that nobody's absence is announced to us.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body, cte="quoted-printable")
    return message


def _answered(code: int, reply: bytes | str, to_what: str) -> MailResult:
    fate = Fate.REFUSED if code in _PERMANENT else Fate.DEFERRED
    return MailResult(fate=fate, error=f"The mail server answered {_code(code, reply)} {to_what}.")


def _deferred(sentence: str) -> MailResult:
    return MailResult(fate=Fate.DEFERRED, error=sentence)


def _turned_away(problem: Exception) -> str:
    match problem:
        case DialFailed():
            return f"No connection to the mail server: {problem.sentence}"
        case NameUnresolved():
            return "The name of the mail server could not be looked up."
        case SMTPResponseException():
            setting = "PSMS_MAIL_FROM" if isinstance(problem, SMTPSenderRefused) else "PSMS_SMTP_URL"
            code = _code(problem.smtp_code, problem.smtp_error)
            return f"The mail server turned PSMS away with {code}: look at {setting}."
        case SMTPNotSupportedError():
            return _UNABLE
        case ssl.SSLError():
            return "The TLS handshake with the mail server failed, or its certificate is not valid for this name."
        case _:
            return "The mail server broke the connection off."


def _code(code: int, reply: bytes | str) -> str:
    enhanced = _ENHANCED.search(reply if isinstance(reply, bytes) else reply.encode())
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)
