"""A topic of Kafka: the events of a batch and the cursor behind them are one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from coffeert.errors import ConfigError, SinkBusy, SinkRefused, SinkUnavailable
from coffeert.wire.feed import OrderEvent
from coffeert.wire.orders import encode

_FORM: Final = "The target must look like kafka://host:9092/topic."
_SECONDS: Final = 10.0
# Records of the cursor's topic. Its last ones may be of transactions that were taken back.
_READ_BACK: Final = 64
_OURS: Final = frozenset(
    {
        "bootstrap.servers", "enable.idempotence", "group.id", "isolation.level",
        "queue.buffering.max.kbytes", "queue.buffering.max.messages",
    }
)  # fmt: skip
# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md, 3.3
_HEADERS: Final = [("content-type", b"application/cloudevents+json")]


class KafkaTopic:
    """What a URL names: a topic, and the properties by which librdkafka reaches it.

    `kafka://` is without encryption and `kafka+ssl://` with it; a user and a password are for SASL. Each
    parameter is a property of librdkafka
    (https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md). Raises `ConfigError`.
    """

    def __init__(self, target: str) -> None:
        try:
            url = urlsplit(target)
        except ValueError:
            raise ConfigError(_FORM) from None
        user, _, self.hosts = url.netloc.rpartition("@")
        self.name = url.path.strip("/")
        asked = dict(parse_qsl(url.query, keep_blank_values=True))
        if not self.hosts or not self.name or "/" in self.name:
            raise ConfigError(_FORM)
        if taken := sorted(_OURS & asked.keys()):
            raise ConfigError(f"{taken[0]} cannot be chosen for a target of the feed.")
        self.writer = asked.pop("transactional.id", f"coffeert-feed-{self.name}")
        name, _, password = user.partition(":")
        encryption = "SSL" if url.scheme == "kafka+ssl" else "PLAINTEXT"
        self.properties: Mapping[str, str] = {
            "bootstrap.servers": self.hosts,
            "client.id": "coffeert-feed",
            "log_level": "0",
            **({"security.protocol": f"SASL_{encryption}", "sasl.mechanism": "PLAIN",
                "sasl.username": unquote(name), "sasl.password": unquote(password)}
               if user else {"security.protocol": encryption}),
            **asked,
        }  # fmt: skip


class KafkaSink:
    """Fills a topic, a store's events in one partition; the cursor is the last record of `TOPIC.cursor`.

    Who opens the sink ends what another process has begun, whose next batch fails: it stops with an error.
    """

    def __init__(self, topic: KafkaTopic) -> None:
        self._topic = topic
        self._cursors = f"{topic.name}.cursor"
        self._producer: Any = None
        self._problem = ""

    async def open(self) -> None:
        await asyncio.to_thread(self._open)

    async def cursor(self) -> str | None:
        return await asyncio.to_thread(self._last_cursor)

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        await asyncio.to_thread(self._write, events, cursor)

    async def close(self) -> None:
        # What a thread commits goes on there; an open transaction is taken back by the next `open`.
        self._producer = None

    def _open(self) -> None:
        from confluent_kafka import KafkaException, Producer

        properties = {**self._topic.properties, "transactional.id": self._topic.writer}
        self._producer = _client(Producer, {**properties, "error_cb": self._note})
        try:
            self._producer.init_transactions(_SECONDS)
            self._make_topics()
        except (KafkaException, TimeoutError) as error:
            raise self._failed(error) from None

    def _make_topics(self) -> None:
        """Make those that are missing; the brokers decide how many partitions and replicas they have."""
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        known = self._producer.list_topics(timeout=_SECONDS).topics
        compacted = {"cleanup.policy": "compact"}
        wanted = (
            NewTopic(self._topic.name, -1, -1),
            NewTopic(self._cursors, 1, -1, config=compacted),
        )
        if not (missing := [topic for topic in wanted if topic.topic not in known]):
            return
        admin = AdminClient(dict(self._topic.properties))
        for made in admin.create_topics(missing).values():
            try:
                made.result(_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def _last_cursor(self) -> str | None:
        from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

        consumer = _client(
            Consumer,
            {**self._topic.properties, "group.id": "coffeert-feed", "enable.auto.commit": False,
             "isolation.level": "read_committed", "enable.partition.eof": True, "fetch.wait.max.ms": 50,
             "error_cb": self._note},
        )  # fmt: skip
        try:
            partition = TopicPartition(self._cursors, 0)
            first, end = consumer.get_watermark_offsets(partition, timeout=_SECONDS)
            start, found = end, None
            while found is None and start > first:
                start = max(first, end - 2 * (end - start) - _READ_BACK)
                consumer.assign([TopicPartition(self._cursors, 0, start)])
                while (message := consumer.poll(_SECONDS)) is not None:
                    if (error := message.error()) is None:
                        found = message.value()
                    elif error.code() == KafkaError._PARTITION_EOF:
                        break
                    else:
                        raise KafkaException(error)
                else:
                    raise TimeoutError
        except (KafkaException, TimeoutError) as problem:
            raise self._failed(problem) from None
        finally:
            consumer.close()
        return None if found is None else found.decode()

    def _write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        from confluent_kafka import KafkaException

        producer = self._producer
        try:
            producer.begin_transaction()
            for event in events:
                producer.produce(
                    self._topic.name, encode(event), key=event.subject.encode(), headers=_HEADERS
                )
            # A broker that shows what was taken back then repeats events; a cursor first would lose some.
            if producer.flush(_SECONDS):
                raise TimeoutError
            producer.produce(self._cursors, cursor.encode(), key=self._topic.name.encode())
            producer.commit_transaction(_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise self._failed(error) from None

    def _note(self, problem: Any) -> None:
        self._problem = problem.str()

    def _failed(self, error: Exception) -> SinkBusy | SinkRefused | SinkUnavailable:
        from confluent_kafka import KafkaError, KafkaException

        self._producer.poll(0)  # it is then that problems are noted
        where = f"Kafka at {self._topic.hosts}"
        if isinstance(error, KafkaException):
            code = error.args[0].code()
            if code in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
                return SinkBusy(
                    f"Another process writes the feed to {self._topic.name} at {self._topic.hosts}."
                )
            if code in _permanent_errors():
                return SinkRefused(f"{where} refuses the events: {_reason(error)}.")
            if code != KafkaError._TIMED_OUT:
                self._problem = _reason(error)
        problem = self._problem or "no answer in time"
        return SinkUnavailable(f"{where} did not store the events: {problem}.")


def _client(kind: Callable[[dict[str, Any]], Any], properties: dict[str, Any]) -> Any:
    """Make a client; raises `ConfigError` for a property that librdkafka or its binding does not take."""
    from confluent_kafka import KafkaException

    try:
        return kind(properties)
    except KafkaException as error:
        reason = _reason(error)
    except (TypeError, ValueError) as error:
        reason = str(error).rstrip(".")
    raise ConfigError(f"The target cannot be used: {reason}.")


def _permanent_errors() -> frozenset[int]:
    """The codes of what no later attempt changes: a missing privilege, a wrong name, too large an event."""
    from confluent_kafka import KafkaError

    return frozenset(
        {
            KafkaError._AUTHENTICATION, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.INVALID_REPLICATION_FACTOR, KafkaError.MSG_SIZE_TOO_LARGE,
            KafkaError.POLICY_VIOLATION, KafkaError.SASL_AUTHENTICATION_FAILED,
            KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.TOPIC_EXCEPTION,
            KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        }
    )  # fmt: skip


def _reason(error: Any) -> str:
    return str(error.args[0].str()).rstrip(".")
