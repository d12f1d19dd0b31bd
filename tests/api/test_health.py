from billocr_assets.store.database import Database


def test_ready_says_which_part_does_not_answer(client, store, monkeypatch, tmp_path):
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["database"]) == (200, "ok")
    empty = Database(f"sqlite:///{tmp_path / 'not-migrated.db'}")
    monkeypatch.setattr("billocr_ui.api.health.the_store", lambda: type(store)(empty, store.objects, store.settings))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["database"], answer.json()["objects"]) == (503, "unavailable", "ok")
