"""The one call: bounded in time and size, told apart in meaning, silent about secrets."""

from __future__ import annotations

import itertools
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shop import clock
from shop.boundary import flagged
from shop.providers.mtn import Mtn
from shop.providers.orange import Orange
from shop.providers.values import ProviderError, ProviderUnavailable, Status, Timing
from shop.providers.wave import Wave
from shop.providers.wire import MAX_BODY_BYTES
from tests.providers.fakes import SETTINGS, collection, wired

HASTY = Timing(connect_s=0.3, read_s=0.4, total_s=0.5)


class HastyWave(Wave):
    timing = HASTY


@contextmanager
def server(
    talk: Callable[[socket.socket], object], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve one connection at a time on a real socket, saying whatever the test says."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                line, _ = listener.accept()
            except OSError:
                return
            try:
                with tls.wrap_socket(line, server_side=True) if tls else line as line:
                    _hear(line)
                    talk(line)
            except OSError:
                line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(2)


def _hear(line: socket.socket) -> None:
    """Read one whole request: closing with bytes unread would reset the line."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += line.recv(65536) or b"\r\n\r\n"
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += line.recv(65536) or b" " * int(length[1])


def drip(data: bytes, pause_s: float = 0.1) -> Callable[[socket.socket], None]:
    def talk(line: socket.socket) -> None:
        for byte in data:
            line.sendall(bytes([byte]))
            time.sleep(pause_s)

    return talk


def hasty(base_url: str) -> Wave:
    return HastyWave(**{**SETTINGS["wave"], "base_url": base_url})


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    "talk",
    [
        drip(HEAD),
        lambda line: (line.sendall(HEAD), drip(b'{"id": "' + b"x" * 92)(line)),
        lambda line: time.sleep(1),
    ],
    ids=["headers drip", "body drips", "silence"],
)
def test_a_slow_server_is_left_at_the_total_limit(talk):
    with server(talk) as url:
        started = time.monotonic()

        with pytest.raises(ProviderUnavailable, match=r"Timeout|time limit") as silence:
            hasty(url).collect(collection())

        assert 0.3 < time.monotonic() - started < 2
        assert silence.value.sent


@pytest.mark.parametrize(
    "data",
    [HEAD + b'{"id": "cut', b"", b"HTTP/1.1 2", b"SSH-2.0-dropbear\r\n", HEAD[:-2] + b"x" * 70000],
    ids=["half a body", "nothing", "half a line", "another protocol", "endless header"],
)
def test_a_cut_or_senseless_line_is_unknown(data):
    with server(lambda line: line.sendall(data)) as url, pytest.raises(ProviderUnavailable):
        hasty(url).collect(collection())


def test_an_answer_beyond_the_cap_is_not_swallowed():
    body = b"x" * (MAX_BODY_BYTES + 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)

    with (
        server(lambda line: line.sendall(head + body)) as url,
        pytest.raises(ProviderUnavailable, match="too large"),
    ):
        hasty(url).collect(collection())


def test_a_provider_that_is_not_there_was_surely_not_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    with pytest.raises(ProviderUnavailable) as nobody:
        hasty(url).collect(collection())

    assert nobody.value.sent is False


def test_proxies_and_passwords_of_the_environment_are_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    heard = []

    def talk(line: socket.socket) -> None:
        heard.append(1)
        line.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")

    with server(talk) as url, pytest.raises(ProviderUnavailable, match="HTTP 404"):
        hasty(url).collection_status(collection(provider_ref="cos-1"))

    assert heard == [1]


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate nobody vouches for, and a server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


def test_an_untrusted_certificate_is_refused_and_nothing_is_sent(tmp_path):
    _, context = certificate(tmp_path)
    heard = []

    with server(heard.append, context) as url, pytest.raises(ProviderUnavailable) as refused:
        hasty(url).collect(collection())

    assert (refused.value.sent, heard) == (False, [])


def test_a_slow_server_is_left_at_the_total_limit_over_tls_too(tmp_path, monkeypatch):
    file, context = certificate(tmp_path)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(file))

    with server(drip(HEAD), context) as url:
        started = time.monotonic()
        with pytest.raises(ProviderUnavailable) as silence:
            hasty(url).collect(collection())

    assert silence.value.sent
    assert 0.3 < time.monotonic() - started < 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    wave, wire = wired("wave", (status, b"{}", {"Location": "https://evil.test/"}))

    with pytest.raises(ProviderUnavailable):
        wave.collect(collection())

    assert len(wire.seen) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_write_that_failed_on_the_way_is_unknown_and_never_repeated(status):
    wave, wire = wired("wave", (status, b'{"code":"service-unavailable"}'))

    with pytest.raises(ProviderUnavailable):
        wave.collect(collection())

    assert len(wire.seen) == 1


@pytest.mark.parametrize("status", [200, 201, 400, 404, 409])
@pytest.mark.parametrize("body", [b"<html>Maintenance</html>", b'{"id": "co', b"[]", b"null", b"1"])
def test_a_page_that_is_not_the_provider_speaking_is_unknown(status, body):
    wave, _ = wired("wave", (status, body))

    with pytest.raises(ProviderUnavailable):
        wave.collect(collection())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("999999", 3600.0),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2020 10:00:30 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value, seconds):
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    wave, _ = wired("wave", (429, b"{}", {"Retry-After": value}))

    with clock.turned_by(lambda: now, time.monotonic), pytest.raises(ProviderUnavailable) as busy:
        wave.collect(collection())

    assert busy.value.retry_after_s == seconds


def test_no_call_is_made_while_a_transaction_is_open():
    wave, wire = wired("wave", (200, b"{}"))

    with flagged(), pytest.raises(AssertionError, match="no transaction"):
        wave.collect(collection())

    assert wire.seen == []


@pytest.mark.parametrize("name", SETTINGS)
def test_logs_name_the_reference_and_never_people_or_secrets(name, caplog):
    caplog.set_level(logging.DEBUG)
    secret = {"pay_token": "deadbeef" * 8, "notif_token": "cafebabe" * 4}
    asked = collection(name, provider_ref="known-ref", memory=secret)
    leak = f'{{"code":"x {asked.payer}","message":"{asked.payer} {secret["pay_token"]}"}}'
    provider, _ = wired(name, (403, leak.encode()))

    for ask in (provider.collect, provider.collection_status):
        with pytest.raises(ProviderError) as error:
            ask(asked)
        logging.getLogger("caller").warning("%s", error.value)

    assert asked.reference in caplog.text
    settings = {k: v for k, v in SETTINGS[name].items() if k not in ("base_url", "username")}
    for private in (asked.payer, asked.payer[1:], "t0ken", "T0K", *secret.values()):
        assert private not in caplog.text
    for value in settings.values():
        assert value not in caplog.text or value == "client"


class Turned:
    """A clock the test moves by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def turned() -> Iterator[Turned]:
    hand = Turned()
    with clock.turned_by(clock.now, hand):
        yield hand


def fail(wave: Wave, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ProviderUnavailable):
            wave.collect(collection())


def test_a_provider_that_keeps_failing_is_left_alone_then_probed(turned):
    session = b'{"id":"cos-1","checkout_status":"open","payment_status":"processing"'
    good = (200, session + b',"wave_launch_url":"https://pay.wave.com/c/1"}')
    replies = [(500, b"{}")] * 20 + [(500, b"{}"), good, good, good]
    wave, wire = wired("wave", *replies)

    fail(wave, 20)
    assert wave.is_resting("collect")
    fail(wave, 3)
    assert len(wire.seen) == 20, "while it rests nothing is sent"

    turned.seconds += 31
    assert not wave.is_resting("collect"), "shown again, or nobody would ever probe"
    fail(wave, 1)
    assert len(wire.seen) == 21
    fail(wave, 1)
    assert len(wire.seen) == 21, "a failed probe rests again"

    turned.seconds += 31
    wave.collect(collection())
    wave.collect(collection())
    assert not wave.is_resting("collect")


def test_resting_is_told_as_never_sent_with_a_time_to_come_back(turned):
    wave, _ = wired("wave", (500, b"{}"))
    fail(wave, 20)

    with pytest.raises(ProviderUnavailable) as resting:
        wave.collect(collection())

    assert resting.value.sent is False
    assert resting.value.retry_after_s == 30.0


def test_each_operation_rests_alone(turned):
    wave, _ = wired("wave", (500, b"{}"))
    fail(wave, 20)

    assert not wave.is_resting("collection_status")


@pytest.mark.parametrize("status", [400, 422, 429])
def test_refusals_and_a_busy_provider_do_not_open_the_breaker(status, turned):
    wave, _ = wired("wave", (status, b'{"code":"insufficient-funds"}'))

    for _ in range(40):
        with pytest.raises(Exception, match=r"insufficient|HTTP 429"):
            wave.collect(collection())

    assert not wave.is_resting("collect")


def test_failures_of_long_ago_are_forgotten(turned):
    wave, _ = wired("wave", (500, b"{}"))
    fail(wave, 19)
    turned.seconds += 61

    fail(wave, 1)

    assert not wave.is_resting("collect")


def test_a_token_is_fetched_once_for_many_calls_and_threads():
    mtn, wire = wired("mtn", (202, b""))
    threads = [threading.Thread(target=mtn.collect, args=[collection("mtn")]) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(wire.seen), wire.tokens_fetched) == (8, 1)


def test_a_token_is_renewed_before_its_end(turned):
    mtn, wire = wired("mtn", (202, b""))
    mtn.collect(collection("mtn"))

    turned.seconds += 3600 * 0.79
    mtn.collect(collection("mtn"))
    assert wire.tokens_fetched == 1

    turned.seconds += 3600 * 0.20
    mtn.collect(collection("mtn"))
    assert wire.tokens_fetched == 2


@pytest.mark.parametrize(
    "token", [b"{}", b"", b"<html>", b'{"access_token": "a\\nb"}', '{"access_token": "é"}'.encode()]
)
def test_without_a_token_the_request_never_leaves(token):
    mtn, wire = wired("mtn", (202, b""))
    wire.token = token

    with pytest.raises(ProviderUnavailable) as refused:
        mtn.collect(collection("mtn"))

    assert (refused.value.sent, wire.seen) == (False, [])


def test_token_and_request_share_one_deadline():
    mtn, wire = wired("mtn", (202, b""))
    moments = iter([0.0] * 4 + [14.0] * 20)

    with clock.turned_by(clock.now, lambda: next(moments)):
        mtn.collect(collection("mtn"))

    assert wire.options["timeout"][1] <= 1.0


def test_the_clock_is_watched_between_pieces_on_any_adapter():
    wave, _ = wired("wave", (200, b'{"id": "' + b"x" * 200_000 + b'"}'))
    moments = itertools.count(0.0, 2.0)

    with (
        clock.turned_by(clock.now, lambda: next(moments)),
        pytest.raises(ProviderUnavailable, match="total time limit"),
    ):
        wave.collect(collection())


def test_every_lease_is_longer_than_its_total_limit():
    for provider in (Wave, Mtn, Orange):
        assert provider.timing.lease_s > provider.timing.total_s


def test_a_real_session_is_opened_when_none_is_given():
    answer = b'{"result": []}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)

    with server(lambda line: line.sendall(head + answer)) as url:
        wave = hasty(url)
        assert wave.collection_status(collection()).status is Status.ABSENT
        assert isinstance(wave._session, requests.Session)
        wave._session.close()
