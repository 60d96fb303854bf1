"""The window of a change as it is planned piece by piece. What the calendar makes of windows: `test_changes`."""


def test_a_window_may_lose_its_start_and_keep_its_end(client):
    path = client.post("/v1/tickets", json={"subject": "Swap", "type": "change"}).headers["Location"] + "/change"
    window = {"planned_start": "2026-12-01T00:00:00Z", "planned_end": "2026-12-02T00:00:00Z"}
    assert client.patch(path, json=window).status_code == 200

    answer = client.patch(path, json={"planned_start": None})

    assert (answer.status_code, answer.json["planned_start"], answer.json["collisions"]) == (200, None, [])
    assert client.get(path).json == answer.json
