import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from billocr_assets.store.idempotency import KEPT, PATIENCE, KeyReused, UnderWay, once
from billocr_assets.store.schema import IdempotencyKey, User, now


def age(store, by: timedelta) -> None:
    with store.database.session() as session:
        session.execute(update(IdempotencyKey).values(created_at=now() - by))


def never():
    raise AssertionError("acted a second time")


def test_a_repeated_request_gets_the_first_answer_and_does_nothing(store, user):
    assert once(store, user, "k", "same", lambda: (201, {"id": "a"})) == (201, {"id": "a"})
    assert once(store, user, "k", "same", never) == (201, {"id": "a"})


def test_a_key_answers_no_other_request(store, user):
    once(store, user, "k", "one", lambda: (201, {}))
    with pytest.raises(KeyReused):
        once(store, user, "k", "another", never)


def test_keys_of_two_users_have_nothing_to_do_with_one_another(store, user):
    with store.database.session() as session:
        session.add(other := User(name="other"))
    once(store, user, "k", "one", lambda: (201, {"id": "mine"}))
    assert once(store, other, "k", "two", lambda: (201, {"id": "theirs"})) == (201, {"id": "theirs"})


def test_a_request_that_failed_may_be_tried_again_with_its_key(store, user):
    with pytest.raises(ZeroDivisionError):
        once(store, user, "k", "same", lambda: (1 // 0, {}))
    assert once(store, user, "k", "same", lambda: (201, {})) == (201, {})


def test_of_many_at_once_one_acts_and_the_others_hear_that_it_is_under_way(store, user):
    acted, everybody_asked = [], threading.Event()
    start = threading.Barrier(8)

    def act():
        acted.append(1)
        assert everybody_asked.wait(30)
        return 201, {"id": "a"}

    def ask(_):
        start.wait(30)
        try:
            return once(store, user, "k", "same", act)
        except UnderWay:
            refused.append(1)
            if len(refused) == 7:
                everybody_asked.set()
            return None

    refused: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert (len(acted), answers.count(None), answers.count((201, {"id": "a"}))) == (1, 7, 1)


def test_a_key_whose_process_died_is_free_after_a_while(store, user):
    def die():
        age(store, PATIENCE + timedelta(seconds=1))
        assert once(store, user, "k", "same", lambda: (201, {"id": "second"})) == (201, {"id": "second"})
        return 201, {"id": "first, late"}

    once(store, user, "k", "same", die)
    assert once(store, user, "k", "same", never) == (201, {"id": "second"}), "the late one overwrote the answer"


def test_keys_are_forgotten_after_a_day(store, user):
    once(store, user, "k", "same", lambda: (201, {"id": "a"}))
    age(store, KEPT + timedelta(seconds=1))
    assert once(store, user, "k", "another", lambda: (201, {"id": "b"})) == (201, {"id": "b"})
