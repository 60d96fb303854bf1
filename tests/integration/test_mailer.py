"""The mailer against a real mail server on a real socket: what arrives, what is refused, and how long it takes."""

import socket
import time
from datetime import UTC, datetime

import pytest

from psms.adapters.mail import SmtpMailer, mailer_of
from psms.domain.mails import Fate, Mail, MailResult
from psms.settings import Settings
from psms.settings_groups import MailSettings
from tests.support.post_office import PostOffice
from tests.support.receiver import Authority

AT = datetime(2026, 11, 22, 17, 59, tzinfo=UTC)


def mail(**values: object) -> Mail:
    """Return a mail to Ada, but for *values*."""
    usual = {
        "message_id": "0000-1@desk.example.com",
        "recipient_name": "Ada Lovelace",
        "recipient_address": "ada@example.com",
        "subject": "[#7] Overdue: Printer on fire",
        "body": "Hello Ada,\n\nit burns.\n",
        "written_at": AT,
        "timeout_s": 5.0,
    }
    return Mail(**{**usual, **values})  # type: ignore[arg-type]


def mailer(office: PostOffice, *, authority: Authority | None = None, host: str = "127.0.0.1", **values: object):
    """Return a mailer that is told of *office*."""
    usual = {
        "host": host,
        "port": office.port,
        "tls_first": office.manners.tls is not None,
        "user": "",
        "password": "",
        "sender": "desk@example.com",
    }
    settings = MailSettings(**{**usual, **values})  # type: ignore[arg-type]
    return SmtpMailer(settings, "desk.example.com", tls=authority.client_context if authority else None)


def test_a_mail_arrives_as_it_was_written():
    with PostOffice() as office:
        result = mailer(office).send(mail())

        assert result == MailResult(fate=Fate.TAKEN)
        (taken,) = office.taken
    message = taken.message
    assert (taken.sender, taken.recipient) == ("desk@example.com", "ada@example.com")
    assert message["From"] == "PSMS <desk@example.com>"
    assert message["To"] == "Ada Lovelace <ada@example.com>"
    assert message["Subject"] == "[#7] Overdue: Printer on fire"
    assert message["Message-ID"] == "<0000-1@desk.example.com>"
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == "Hello Ada,\n\nit burns.\n"
    assert office.verbs == ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "QUIT"]


def test_other_letters_arrive_too():
    with PostOffice() as office:
        sent = mail(recipient_name="Zoë Ångström", subject="Überfällig: 火事", body="Grüße\n.\nend\n")

        assert mailer(office).send(sent).fate is Fate.TAKEN
        message = office.taken[0].message
    assert message["Subject"] == "Überfällig: 火事"
    assert message["To"].addresses[0].display_name == "Zoë Ångström"
    assert message.get_content().replace("\r\n", "\n") == "Grüße\n.\nend\n"
    assert office.taken[0].content.isascii()


@pytest.mark.parametrize(
    "values",
    [
        {"recipient_address": "ada@example.com\r\nBcc: eve@example.com"},
        {"recipient_address": "ada@example.com>, eve@example.com"},
        {"recipient_address": "nobody"},
        {"recipient_address": ""},
        {"subject": "Overdue\r\nBcc: eve@example.com"},
        {"message_id": "1@x>\r\nBcc: eve@example.com"},
    ],
    ids=str,
)
def test_no_header_can_be_smuggled_in(values):
    with PostOffice() as office:
        result = mailer(office).send(mail(**values))

        assert (result.fate, office.taken, office.connections) == (Fate.REFUSED, [], 0)


def test_a_name_with_line_breaks_becomes_one_line():
    with PostOffice() as office:
        assert mailer(office).send(mail(recipient_name="Ada\r\nBcc: eve@example.com")).fate is Fate.TAKEN
        message = office.taken[0].message
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.com"]


def test_tls_from_the_first_byte_is_verified():
    trusted, other = Authority(), Authority()
    with PostOffice(tls=trusted.server_context("127.0.0.1")) as office:
        refused = mailer(office, authority=other).send(mail())
        taken = mailer(office, authority=trusted).send(mail())

        assert (refused.fate, taken.fate) == (Fate.DEFERRED, Fate.TAKEN)
        assert refused.error == (
            "No connection to the mail server: The certificate of the host comes from an authority that is not "
            "trusted, or the host does not send the whole chain."
        )
        assert [one.secured for one in office.taken] == [True]


def test_starttls_is_used_and_verified_where_it_is_offered():
    trusted = Authority()
    with PostOffice(starttls=trusted.server_context("127.0.0.1"), password="right") as office:
        taken = mailer(office, authority=trusted, user="desk", password="right").send(mail())
        other = mailer(office, authority=Authority(), user="desk", password="right").send(mail())

        assert (taken.fate, other.fate) == (Fate.TAKEN, Fate.DEFERRED)
        assert [(one.secured, one.user) for one in office.taken] == [(True, "desk")]
        assert office.verbs.count("AUTH") == 1


@pytest.fixture
def non_loopback() -> str:
    """An address of this machine that is not a loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


def test_over_a_network_nothing_is_said_in_clear(non_loopback):
    with PostOffice(host="0.0.0.0", password="right") as office:
        result = mailer(office, host=non_loopback, user="desk", password="right").send(mail())

        assert result.fate is Fate.DEFERRED
        assert result.error == (
            "The mail server offers no STARTTLS or no way to sign in that PSMS knows: look at PSMS_SMTP_URL."
        )
        assert office.verbs == ["GREETING", "EHLO"]


@pytest.mark.parametrize(
    ("verb", "reply", "fate", "error"),
    [
        ("RCPT", "550 5.1.1 <ada@example.com>: no such user", Fate.REFUSED, "answered 550 5.1.1 to the recipient"),
        ("RCPT", "450 4.2.1 greylisted", Fate.DEFERRED, "answered 450 4.2.1 to the recipient"),
        ("RCPT", "421 too busy", Fate.DEFERRED, "answered 421 to the recipient"),
        ("DATA", "554 no", Fate.REFUSED, "answered 554 to the mail"),
        ("CONTENT", "552 5.3.4 too big", Fate.REFUSED, "answered 552 5.3.4 to the mail"),
        ("CONTENT", "451 4.3.0 later", Fate.DEFERRED, "answered 451 4.3.0 to the mail"),
        ("CONTENT", "gibberish", Fate.DEFERRED, "answered -1 to the mail"),
        # Not this mail's fault, so every mail waits for somebody to mend it.
        ("GREETING", "554 not for you", Fate.DEFERRED, "turned PSMS away with 554: look at PSMS_SMTP_URL"),
        ("MAIL", "553 5.7.1 not yours", Fate.DEFERRED, "turned PSMS away with 553 5.7.1: look at PSMS_MAIL_FROM"),
    ],
)
def test_a_refusal_is_final_only_where_it_is_of_this_mail(verb, reply, fate, error):
    with PostOffice(replies={verb: [reply]}) as office:
        result = mailer(office).send(mail())

    assert result == MailResult(fate=fate, error=f"The mail server {error}.")
    assert "ada" not in (result.error or "")


def test_a_wrong_password_is_the_installation_s_fault_and_is_not_told():
    with PostOffice(password="right") as office:
        result = mailer(office, user="desk", password="wrong").send(mail())

    assert result.fate is Fate.DEFERRED
    assert result.error == "The mail server turned PSMS away with 535 5.7.8: look at PSMS_SMTP_URL."


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "RCPT", "CONTENT"])
def test_a_connection_that_breaks_off_is_tried_again(verb):
    with PostOffice(dropped_at=verb) as office:
        result = mailer(office).send(mail())

    assert result == MailResult(fate=Fate.DEFERRED, error="The mail server broke the connection off.")


def test_nobody_listens():
    with PostOffice() as office:
        pass

    result = mailer(office).send(mail())

    assert result.error == "No connection to the mail server: The host refused the connection."


@pytest.mark.parametrize("manners", [{"silent_at": "GREETING"}, {"drip_at": "EHLO"}, {"silent_at": "CONTENT"}], ids=str)
def test_a_slow_or_dripping_server_is_left_at_the_deadline(manners):
    with PostOffice(**manners, drip_s=0.3) as office:
        started = time.monotonic()
        result = mailer(office).send(mail(timeout_s=1.0))
        took = time.monotonic() - started

    assert result == MailResult(fate=Fate.DEFERRED, error="The mail server did not finish within 1 seconds.")
    assert took < 10


def test_a_slow_farewell_changes_nothing():
    with PostOffice(silent_at="QUIT") as office:
        assert mailer(office).send(mail(timeout_s=5.0)).fate is Fate.TAKEN
        assert len(office.taken) == 1


def test_without_a_mail_server_there_is_no_mailer():
    assert mailer_of(Settings.from_env({})) is None
