"""From a ticket that nobody answers to the mailbox of whoever leads the desk, through a whole running system."""

from pathlib import Path

from tests.support.desk import running_desk
from tests.support.post_office import PostOffice
from tests.support.waiting import eventually


def test_who_leads_the_desk_is_told_by_mail_of_a_promise_that_was_broken(tmp_path: Path) -> None:
    with (
        PostOffice(password="right") as office,
        running_desk(
            tmp_path,
            PSMS_LEASE_SECONDS="4",
            PSMS_SMTP_URL=office.url(who="desk:right@"),
            PSMS_MAIL_FROM="desk@example.com",
        ) as (_, desk),
    ):
        boss = {"email": "max@example.com", "name": "Max", "role": "manager"}
        promise = {"name": "At once", "first_response_seconds": 1}
        assert desk.call("POST", "/v1/users", json=boss).status_code == 201
        assert desk.call("POST", "/v1/sla-policies", json=promise).status_code == 201
        ticket_id = desk.file_ticket("Printer on fire")

        eventually(lambda: "max@example.com" in [taken.recipient for taken in office.taken], within=20, what="the mail")

    (mail,) = [taken for taken in office.taken if taken.recipient == "max@example.com"]
    assert (mail.sender, mail.user) == ("desk@example.com", "desk")
    assert str(mail.message["Subject"]).endswith("Overdue: Printer on fire")
    assert f"{desk.api_url}/v1/tickets/{ticket_id}" in mail.message.get_content()
