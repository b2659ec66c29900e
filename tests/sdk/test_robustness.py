"""What strangers, mistakes and slow networks send."""

import json
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from server import wait_until

CHAT = "/v1/chat/completions"
POSTS = [CHAT, "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens"]
# Words that no other test says, to be looked for in the log.
SECRET_PROMPT = "zanzibar-marmalade-quokka"


def chat(model, **fields):
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2, **fields}


def head_of(server, path, length, key=None):
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key or server.api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n\r\n" in answer:
                head, body = answer.split(b"\r\n\r\n", 1)
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                if lengths and len(body) >= int(lengths[0].split(b":")[1]):
                    break
    except ConnectionError:
        pass
    return answer


def is_alive(server, model):
    return server.call("POST", CHAT, chat(model))[0] == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"1", b"{}", b'{"model": 1}', b'{"model": "m", "messages": {}}', b"\xff\xfe",
     b'{"model": "m", "messages": [{"role": "user", "content": "\xc3\x28"}]}', b"[" * 100_000, b'{"a":' * 50_000],
    ids=["empty", "cut", "null", "array", "string", "number", "object", "type", "type-inside", "bytes", "utf8", "deep", "deep-object"],
)
def test_a_body_that_is_no_request_is_a_clear_400(server, path, body):
    status, headers, answer = server.call("POST", path, body)
    assert status == 400, answer
    assert answer["error"]["message"] and answer["error"]["type"] == "invalid_request_error"
    assert headers["x-request-id"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0]"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": 1e300}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"unheard_of": True}, "unheard_of"),
        ({"logit_bias": {"1": "x"}}, "logit_bias"),
    ],
)
def test_a_wrong_type_or_an_unknown_field_is_named(server, model, fields, param):
    status, _, answer = server.call("POST", CHAT, chat(model, **fields))
    assert status == 400 and answer["error"]["param"].startswith(param), answer


def test_what_is_not_there_is_a_json_404_and_a_wrong_method_a_405(server):
    status, headers, answer = server.call("GET", "/v1/nothing")
    assert status == 404 and answer["error"]["message"]
    status, _, answer = server.call("DELETE", CHAT)
    assert status == 405 and answer["error"]["message"]


def test_no_key_is_a_401_everywhere_but_on_the_three_open_pages(server):
    for path in ("/healthz", "/readyz"):
        with connect(server) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert status_of(read_all(connection)) == 200
    for method, path in [("GET", "/v1/models"), *(("POST", path) for path in POSTS), ("GET", "/v1/organization/projects"),
                         ("GET", "/v1/responses/resp_1"), ("GET", "/metrics")]:
        with connect(server) as connection:
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            assert status_of(read_all(connection)) == 401, path


def test_a_body_of_100_mb_is_refused_quickly_and_not_kept(server, model):
    before = server.status("VmRSS")
    begin = time.monotonic()
    with connect(server) as connection:
        connection.sendall(head_of(server, CHAT, 100 << 20))
        answer = read_all(connection)
    assert status_of(answer) == 413 and time.monotonic() - begin < 3
    # The same without a length: the limit is met while reading.
    with connect(server) as connection:
        connection.sendall(head_of(server, CHAT, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        sent = 0
        try:
            for _ in range(100):
                connection.sendall(piece)
                sent += 1
        except OSError:
            pass
        assert sent < 100 or status_of(read_all(connection)) == 413
    assert server.status("VmRSS") - before < 100_000
    assert is_alive(server, model)


def test_a_slow_body_is_given_up(server, model):
    with connect(server) as connection:
        connection.sendall(head_of(server, CHAT, 1000) + b'{"model"')
        begin = time.monotonic()
        answer = read_all(connection)
        assert time.monotonic() - begin < 15
    assert status_of(answer) in (408, None)
    # A byte at a time does not help.
    with connect(server) as connection:
        connection.sendall(head_of(server, CHAT, 1000))
        begin = time.monotonic()
        connection.settimeout(0.3)
        while time.monotonic() - begin < 15:
            try:
                connection.sendall(b" ")
                if not (piece := connection.recv(65536)) or status_of(piece) == 408:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - begin < 15
    assert is_alive(server, model)


def test_slow_headers_are_given_up(server):
    with connect(server) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
        begin = time.monotonic()
        read_all(connection)
        assert time.monotonic() - begin < 15


def test_bytes_that_are_no_http_end_the_connection(server, model):
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 1000, b"GET\r\n\r\n", b"x" * 100_000):
        with connect(server) as connection:
            try:
                connection.sendall(noise)
                answer = read_all(connection)
            except OSError:
                continue
            assert not answer or 400 <= status_of(answer) < 500
    assert is_alive(server, model)


def test_two_thousand_idle_connections_cost_little_and_stop_nobody(server, model):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    before = server.status("VmRSS")
    idle = []
    try:
        for _ in range(2000):
            idle.append(connect(server))
        assert is_alive(server, model)
        begin = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(lambda _: is_alive(server, model), range(8)))
        assert time.monotonic() - begin < 60
        grown = server.status("VmRSS") - before
        assert grown < 60_000, f"{grown} kB for 2,000 idle connections"
    finally:
        for connection in idle:
            connection.close()
    again = server.status("VmRSS")
    for _ in range(3):
        several = [connect(server) for _ in range(500)]
        for connection in several:
            connection.close()
    assert server.status("VmRSS") - again < 20_000
    assert is_alive(server, model)


def test_memory_is_flat_over_refused_and_answered_requests(server, model):
    def some():
        for i in range(150):
            server.call("POST", CHAT, b"{" if i % 2 else chat("nobody"))
        for _ in range(10):
            assert is_alive(server, model)

    some()
    before = server.status("VmRSS")
    some()
    some()
    assert server.status("VmRSS") - before < 20_000


def test_a_key_that_is_revoked_is_refused_at_once(server, admin, project, project_client, model):
    assert server.call("POST", CHAT, chat(model), key=project.key)[0] == 200
    admin.projects.api_keys.delete(project.key_id, project_id=project.id)
    status, _, answer = server.call("POST", CHAT, chat(model), key=project.key)
    assert status == 401 and answer["error"]["code"] == "invalid_api_key"


def test_a_client_that_leaves_frees_its_place(server, model, client):
    """Twice as many abandoned streams as there are places do not keep the next call waiting."""
    for _ in range(16):
        body = json.dumps(chat(model, max_tokens=1500, stream=True, messages=[{"role": "user", "content": "Count."}]))
        connection = connect(server)
        connection.sendall(head_of(server, CHAT, len(body)) + body.encode())
        connection.recv(100)
        connection.close()
    begin = time.monotonic()
    assert is_alive(server, model)
    assert time.monotonic() - begin < 10


def test_neither_keys_nor_prompts_nor_answers_are_in_the_log(server, client, claude, admin, project, model):
    said = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": f"Repeat: {SECRET_PROMPT}"}], max_tokens=24
    ).choices[0].message.content
    list(client.responses.create(model=model, input=SECRET_PROMPT, stream=True, max_output_tokens=16))
    claude.messages.create(model=model, max_tokens=4, messages=[{"role": "user", "content": SECRET_PROMPT}])
    for fields in ({"temperature": 9}, {"extra_body": {SECRET_PROMPT: 1}}):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": SECRET_PROMPT}], **fields
            )
    server.call("POST", CHAT, f'{{"model": "{SECRET_PROMPT}'.encode())
    server.call("GET", "/v1/models", key="sk-" + SECRET_PROMPT)
    log = server.log_text()
    assert log, "the server logs something"
    secrets = [SECRET_PROMPT, server.admin_key, server.api_key, project.key, said.strip()[:40]]
    # The first start prints the two keys once, on purpose; nothing else may.
    printed = log.count(server.api_key)
    assert printed <= 1 and log.count(server.admin_key) <= 1
    for secret in secrets:
        lines = [line for line in log.splitlines() if secret in line and line.lstrip().startswith(("{", "20"))]
        assert not lines, "a line of the log tells a secret"
    assert SECRET_PROMPT not in log and project.key not in log


def test_all_that_was_sent_here_left_the_server_well(server, model):
    assert wait_until(lambda: is_alive(server, model), 30, "it answers")
    assert "panicked" not in server.log_text()
