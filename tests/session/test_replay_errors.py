"""REPLAY ERRORS OF SINK: what was quarantined lands once, when the definition is better, and is marked in the error table."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from kshell import decode
from kshell.columns import Column
from kshell.errors import ConflictError, DeadlineError, Error, NotFoundError, RefusedError
from kshell.iceberg import Stop
from kshell.session import Session, error_rows
from tests.session.conftest import Notes, OpenSession, one, rows
from tests.support.producing import Recorder
from tests.support.stub_http import StubHttp, schema_answer
from tests.support.topics import admin

WORDS = ['{"id": 1, "amount": 7}', '{"id": 2, "amount": 8}', '{"id": "three", "amount": 9}', "{broken", '{"id": 5, "amount": "many"}']
STRICT, TEXTS = "id BIGINT, amount BIGINT", "id VARCHAR, amount VARCHAR"
CAST = "SELECT TRY_CAST(id AS BIGINT) AS id, TRY_CAST(amount AS BIGINT) AS amount FROM events"
ERRORS = "FROM local.web.events__errors"


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """Of partition 0, offsets 2 and 4 do not decode as BIGINTs, and 3 as nothing."""
    name = kafka_topic(partitions=2)
    producer.produce(name, WORDS, partition=0)
    producer.produce(name, ['{"id": 6, "amount": 1}'], partition=1)
    return name


def source(session: Session, topic: str, columns: str, options: str = "") -> None:
    session.sql(f"CREATE OR REPLACE SOURCE events ({columns}) FROM KAFKA kafka (TOPIC '{topic}'{options}); WAIT SOURCE events")


def sink(session: Session, select: str = "", replace: str = "") -> None:
    reads = f"AS {select}" if select else "FROM events"
    session.sql(f"CREATE {replace} SINK landing {reads} INTO ICEBERG local.web.events (COMMIT_INTERVAL '1h')")


def replayed(session: Session, rest: str = "") -> tuple[int, int, int]:
    decoded, still_bad, snapshots = rows(session, f"REPLAY ERRORS OF SINK landing {rest}")[0]
    return decoded, still_bad, len(snapshots)


def offsets(session: Session, of: str = "local.web.events") -> list[int]:
    return [o for o, in rows(session, f"SELECT _kafka_offset FROM {of} WHERE _kafka_partition = 0 ORDER BY 1")]


@pytest.fixture
def quarantined(session: Session, topic: str) -> Session:
    """A sink whose source declares numbers; three records are in its error table."""
    source(session, topic, STRICT)
    sink(session)
    session.sql("FLUSH SINK landing")
    return session


@pytest.fixture
def cured(quarantined: Session, topic: str) -> Session:
    """The same table, from a source that takes texts and a sink that casts them."""
    quarantined.sql("DROP SINK landing")
    source(quarantined, topic, TEXTS)
    sink(quarantined, CAST, "OR REPLACE")
    return quarantined


# ---- what lands ----------------------------------------------------------------------------------------------------

def checked(session: Session, rest: str = "") -> list[tuple[Any, ...]]:
    """rows, missing, duplicates, errors, result"""
    return [(r[4], r[6], r[7], r[8], r[9]) for r in rows(session, f"CHECK SINK landing {rest}")]


def test_what_a_better_definition_decodes_lands_once(cured: Session) -> None:
    assert checked(cured) == [(2, 0, 0, 3, "ok"), (1, 0, 0, 0, "ok")]
    assert replayed(cured) == (2, 1, 1)
    assert rows(cured, "SELECT id, amount, _kafka_offset, _tier FROM landing WHERE _kafka_partition = 0 ORDER BY 3") == [
        (1, 7, 0, "lake"), (2, 8, 1, "lake"), (None, 9, 2, "lake"), (5, None, 4, "lake")]
    head = one(cured, "SELECT last_snapshot_id FROM kshell.sinks")
    assert rows(cured, f"SELECT _kafka_offset, resolved_snapshot, resolved_at IS NOT NULL {ERRORS} ORDER BY 1") == [
        (2, head, True), (3, None, False), (4, head, True)]
    assert checked(cured) == checked(cured, "AGAINST KAFKA") == [(4, 0, 0, 1, "ok"), (1, 0, 0, 0, "ok")]
    assert replayed(cured) == (0, 1, 0)
    assert offsets(cured) == [0, 1, 2, 4]
    assert one(cured, "SELECT committed_rows FROM kshell.sinks") == 5
    assert rows(cured, "SELECT kind, rows FROM kshell.commits") == [("replay", 2)]


def test_without_the_column_that_did_not_fit_the_definition_is_the_same(quarantined: Session, topic: str) -> None:
    quarantined.sql("DROP SINK landing")
    source(quarantined, topic, "amount BIGINT", ", SCHEMA_EVOLUTION none")
    sink(quarantined)
    assert replayed(quarantined) == (1, 2, 1)
    assert rows(quarantined, "SELECT id, amount FROM lake.events WHERE _kafka_offset = 2") == [(None, 9)]


def test_the_condition_chooses_among_the_columns_of_the_error_table(cured: Session) -> None:
    cured.sql("SET VARIABLE least = 4")
    assert replayed(cured, "WHERE code = 'TYPE_MISFIT' AND _kafka_offset >= getvariable('least') TIMEOUT '30s'") == (1, 0, 1)
    assert offsets(cured) == [0, 1, 4]
    assert replayed(cured, "WHERE events__errors.message LIKE 'nothing like it'") == (0, 0, 0)
    assert replayed(cured, "WHERE resolved_at IS NULL") == (1, 1, 1)


def test_a_record_that_the_query_leaves_out_is_resolved_without_a_row(quarantined: Session, topic: str, notes: Notes) -> None:
    quarantined.sql("DROP SINK landing")
    source(quarantined, topic, TEXTS)
    sink(quarantined, f"{CAST} WHERE amount <> '9'", "OR REPLACE")
    assert replayed(quarantined) == (2, 1, 1)
    assert offsets(quarantined) == [0, 1, 4]
    assert rows(quarantined, f"SELECT resolved_snapshot IS NULL {ERRORS} WHERE resolved_at IS NOT NULL ORDER BY _kafka_offset") == [
        (True,), (False,)]
    assert replayed(quarantined) == (0, 1, 0)
    assert checked(quarantined)[0] == (3, 0, 0, 1, "ok")


def test_records_keep_their_key_headers_time_and_topic(session: Session, kafka_topic: Callable[..., str], producer: Recorder) -> None:
    names = [kafka_topic(), kafka_topic()]
    for name in names:
        producer.produce(name, ['{"id": "x"}'], key="k", headers=[("h", b"\x01")])
    listed = ", ".join(f"'{n}'" for n in names)
    options = f"TOPICS [{listed}], INCLUDE [headers, value], KEY_FORMAT string"
    session.sql(f"CREATE SOURCE events (id BIGINT) FROM KAFKA kafka ({options}); WAIT SOURCE events")
    sink(session)
    session.sql("FLUSH SINK landing; DROP SINK landing")
    session.sql(f"CREATE OR REPLACE SOURCE events (id VARCHAR) FROM KAFKA kafka ({options}); WAIT SOURCE events")
    sink(session, "SELECT TRY_CAST(id AS BIGINT) AS id FROM events", "OR REPLACE")
    assert replayed(session) == (2, 0, 1)
    found = rows(session, "SELECT _kafka_topic, _kafka_key, _kafka_headers, _kafka_value, "
                          f"_kafka_timestamp IN (SELECT _kafka_timestamp {ERRORS}) FROM lake.landing ORDER BY 1")
    assert found == [(name, "k", [{"key": "h", "value": b"\x01"}], b'{"id": "x"}', True) for name in sorted(names)]


def test_a_record_that_is_bad_no_more_leaves_the_live_errors(quarantined: Session) -> None:
    assert one(quarantined, "SELECT count(*) FROM kshell.errors") == 3
    ingest = quarantined._sources.get("events").ingest
    swapped = (Column("id", "BIGINT", ("amount",)), Column("amount", "BIGINT", ("none",)))
    ingest.set_decoder(decode.make("json", "raw", swapped))
    assert replayed(quarantined) == (1, 2, 1)
    assert rows(quarantined, "SELECT _kafka_offset FROM kshell.errors ORDER BY 1") == [(3,), (4,)]


def test_kafka_need_not_hold_the_records_any_more(cured: Session, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a piece at a time, until all are done."""
    monkeypatch.setattr(error_rows, "PIECE_ROWS", 1)
    client = admin(cured._sources.get("events").cluster.bootstrap)
    client.delete_records([TopicPartition(topic, 0, 5)])[TopicPartition(topic, 0)].result(20)
    assert replayed(cured) == (2, 1, 2)
    assert offsets(cured) == [0, 1, 2, 4]


AVSC = '{"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}'


def test_a_schema_that_was_registered_since_is_asked_for_again(session: Session, kafka_topic: Callable[..., str],
                                                               producer: Recorder) -> None:
    name = kafka_topic()
    producer.produce(name, [b"\0\0\0\0\1\x0e", b"\0\0\0\0\2\x10"])
    with StubHttp() as registry:
        registry.answers["/schemas/ids/1"] = registry.answers[f"/subjects/{name}-value/versions/latest"] = schema_answer(AVSC, id=1)
        session.sql(f"CREATE SOURCE events FROM KAFKA kafka (TOPIC '{name}', SCHEMA_REGISTRY '{registry.url}'); WAIT SOURCE events")
        sink(session)
        session.sql("FLUSH SINK landing")
        assert rows(session, f"SELECT code, _kafka_offset {ERRORS}") == [("AVRO_SCHEMA_UNKNOWN", 1)]
        assert replayed(session) == (0, 1, 0)
        registry.answers["/schemas/ids/2"] = schema_answer(AVSC, id=2)
        assert replayed(session) == (1, 0, 1)
    assert rows(session, "SELECT id, _kafka_offset FROM lake.events ORDER BY 2") == [(7, 0), (8, 1)]
    assert rows(session, "FROM kshell.errors") == []


# ---- nothing, wrong, not now -----------------------------------------------------------------------------------------

def test_where_there_is_nothing_to_do_there_is_no_snapshot(session: Session, kafka_topic: Callable[..., str], producer: Recorder,
                                                           notes: Notes) -> None:
    name = kafka_topic()
    producer.produce(name, ['{"id": 1, "amount": 1}'])
    source(session, name, STRICT)
    sink(session)
    session.sql("FLUSH SINK landing")
    before = one(session, "SELECT last_snapshot_id FROM kshell.sinks")
    assert replayed(session) == (0, 0, 0)
    session.sql("REFRESH SINK landing")
    assert one(session, "SELECT last_snapshot_id FROM kshell.sinks") == before


def test_a_wrong_condition_is_marked_where_it_is_wrong(quarantined: Session) -> None:
    wrong: tuple[tuple[str, str, type[Error]], ...] = (
        ("cod = 'X'", "cod", NotFoundError), ("code = ", "", Error), ("code = 'X' AND nope(1)", "nope", Error),
        ("count(*) > 1", "count", Error), ("position = 1", "position", Error))
    for condition, marked, error in wrong:
        text = f"REPLAY ERRORS OF SINK landing WHERE {condition}"
        with pytest.raises(error) as caught:
            quarantined.sql(text)
        assert caught.value.position is not None, condition
        assert text[caught.value.position:].startswith(marked), condition


def test_a_skipped_range_is_no_record(quarantined: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ['{"id": 7, "amount": 1}'] * 4, partition=1)
    quarantined.sql("ALTER SINK landing SKIP PARTITION 1 TO 5")
    assert one(quarantined, f"SELECT count(*) {ERRORS} WHERE code = 'SKIPPED'") == 1
    assert replayed(quarantined, "WHERE _kafka_partition = 1") == (0, 0, 0)


def test_a_stopped_sink_a_paused_one_and_one_without_errors_are_told_apart(quarantined: Session, topic: str) -> None:
    quarantined.sql("PAUSE SINK landing")
    with pytest.raises(RefusedError, match="paused"):
        replayed(quarantined)
    quarantined.sql("DROP SINK landing")
    source(quarantined, topic, TEXTS)
    with pytest.raises(Stop, match="TYPE_MISMATCH"):
        sink(quarantined)
    with pytest.raises(ConflictError, match="TYPE_MISMATCH"):
        replayed(quarantined)
    assert checked(quarantined, "AGAINST KAFKA") == [(2, 0, 0, 3, "ok"), (1, 0, 0, 0, "ok")], "it has an error table all the same"
    with pytest.raises(NotFoundError, match="no sink nobody"):
        quarantined.sql("REPLAY ERRORS OF SINK nobody")
    quarantined.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR skip); "
                    "CREATE SINK bare FROM s INTO ICEBERG local.web.bare")
    with pytest.raises(RefusedError, match="keeps no records"):
        quarantined.sql("REPLAY ERRORS OF SINK bare")


# ---- beside others, and after losses -----------------------------------------------------------------------------------

def together(*work: Callable[[], object]) -> list[BaseException]:
    failed: list[BaseException] = []

    def run(each: Callable[[], object]) -> None:
        try:
            each()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failed


def test_two_processes_that_replay_at_once_land_each_record_once(cured: Session, open_session: OpenSession, topic: str,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_rows, "PIECE_ROWS", 1)
    other = open_session()
    source(other, topic, TEXTS)
    sink(other, CAST)
    found: list[int] = []
    assert together(*[lambda s=s: found.append(replayed(s)[2]) for s in (cured, other)]) == []
    assert sum(found) == 2, "commits that landed something"
    assert offsets(cured) == offsets(other) == [0, 1, 2, 4]
    for each in (cured, other):
        assert {r[-1] for r in rows(each, "CHECK SINK landing")} == {"ok"}


def test_a_replay_beside_a_running_flush_disturbs_neither(cured: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ['{"id": 9, "amount": 9}'] * 50, partition=0)
    cured.sql("WAIT SOURCE events")
    flusher = cured._sinks.get("landing").flusher
    request = flusher.request()
    assert replayed(cured) == (2, 1, 1)
    assert request.done.wait(30)
    assert request.error is None
    assert offsets(cured) == offsets(cured, "landing") == [0, 1, 2, 4, *range(5, 55)]
    assert {r[-1] for r in rows(cured, "CHECK SINK landing")} == {"ok"}


@pytest.mark.fault("F53")
@pytest.mark.parametrize("where", ["commit.after_catalog=raise:OSError@1", "commit.after_catalog=raise:OSError@2"])
def test_an_answer_that_is_lost_is_found_in_the_tables(cured: Session, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", where)
    assert replayed(cured) == (2, 1, 1)
    assert offsets(cured) == [0, 1, 2, 4]
    assert rows(cured, f"SELECT count(*), count(resolved_at) {ERRORS}") == [(3, 2)]


def test_a_statement_that_ran_out_of_time_is_said_again(cured: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "commit.before_catalog=raise:OSError")
    with pytest.raises(DeadlineError, match=r"has replayed 0 records after 0\.5 s") as late:
        replayed(cured, "TIMEOUT '500ms'")
    assert "goes on from there" in (late.value.hint or "")
    monkeypatch.delenv("KSHELL_FAILPOINTS")
    replayed(cured)
    assert offsets(cured) == [0, 1, 2, 4]
    assert rows(cured, f"SELECT count(*), count(resolved_at) {ERRORS}") == [(3, 2)]
    assert {r[-1] for r in rows(cured, "CHECK SINK landing")} == {"ok"}


def test_marks_that_a_dead_process_did_not_make_are_made_by_the_next(cured: Session, monkeypatch: pytest.MonkeyPatch,
                                                                     notes: Notes) -> None:
    monkeypatch.setattr("kshell.iceberg.marks.mark", lambda *_: None)
    assert replayed(cured) == (2, 1, 1)
    landed = one(cured, "SELECT last_snapshot_id FROM kshell.sinks")
    monkeypatch.undo()
    assert one(cured, f"SELECT count(resolved_at) {ERRORS}") == 0
    assert replayed(cured) == (0, 1, 0)
    assert rows(cured, f"SELECT resolved_snapshot {ERRORS} WHERE resolved_at IS NOT NULL") == [(landed,), (landed,)]
    assert offsets(cured) == [0, 1, 2, 4]
