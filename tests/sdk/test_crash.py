"""Kill -9, of a worker and of the platform."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import openai
import pytest
from server import Server, wait_until

STORY = [{"role": "user", "content": "Tell me a very long story about the sea."}]


@pytest.fixture
def own():
    """A server of the test's own, with sixteen places."""
    server = Server("\n[engine]\nslots = 16\n")
    server.start()
    yield server
    server.remove()


def client_of(server, **options):
    options = {"max_retries": 0, "timeout": 60, **options}
    return openai.OpenAI(api_key=server.api_key, base_url=f"{server.url}/v1", **options)


def test_a_worker_that_is_killed_under_sixteen_streams_takes_nobody_down(own, model):
    client = client_of(own)
    client.chat.completions.create(model=model, messages=STORY, max_tokens=1)
    platform = own.pid
    begun, outcomes, lock = [], [], threading.Lock()

    def stream():
        text, outcome = 0, "ended without a word"
        try:
            for chunk in client.chat.completions.create(model=model, messages=STORY, max_tokens=200, stream=True):
                if chunk.choices and chunk.choices[0].delta.content:
                    if not text:
                        with lock:
                            begun.append(1)
                    text += 1
                if chunk.choices and chunk.choices[0].finish_reason:
                    outcome = "answer"
        except openai.APIStatusError as error:
            outcome = f"status {error.status_code}"
        except openai.APIConnectionError:
            outcome = "connection lost"
        except openai.APIError as error:
            outcome = "error event" if error.message else "error event without a message"
        with lock:
            outcomes.append(outcome)

    threads = [threading.Thread(target=stream) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(begun) >= 4, 60, "streams have begun")
    workers = own.workers()
    assert workers, "there is a worker process"
    killed_at = time.monotonic()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)

    def answers():
        try:
            return client.chat.completions.create(model=model, messages=STORY, max_tokens=2).choices
        except openai.APIStatusError:
            return None

    wait_until(answers, 30, "new calls work")
    assert time.monotonic() - killed_at < 60
    for thread in threads:
        thread.join(300)
    assert len(outcomes) == 16
    assert set(outcomes) <= {"answer", "error event", "status 502", "status 503"}, outcomes
    assert "error event" in outcomes, "the kill came in the middle of streams"
    assert own.process.poll() is None and own.pid == platform
    assert own.workers() and not set(own.workers()) & set(workers)
    # Retries of the SDK hide such a crash from whoever did not read a word yet.
    for worker in own.workers():
        os.kill(worker, signal.SIGKILL)
    assert client_of(own, max_retries=5).chat.completions.create(model=model, messages=STORY, max_tokens=2).choices


def usage_of(server):
    sdk = openai.OpenAI(
        api_key=None, admin_api_key=server.admin_key, base_url=f"{server.url}/v1", max_retries=0, timeout=60
    )
    usage = sdk.admin.organization.usage.completions(
        start_time=int(time.time()) - 3600, bucket_width="1d", project_ids=[server.project_id]
    )
    results = [result for bucket in usage.data for result in bucket.results]
    return tuple(sum(getattr(r, name) for r in results) for name in ("num_model_requests", "input_tokens", "output_tokens"))


def test_a_platform_that_is_killed_under_load_has_counted_each_complete_call_once(own, model, tmp_path):
    files = [tmp_path / f"load-{i}" for i in range(2)]
    script = Path(__file__).with_name("load.py")
    environment = {**os.environ, "LOAD_KEY": own.api_key}

    def load(file):
        return subprocess.Popen([sys.executable, script, f"{own.url}/v1", model, file], env=environment)

    def complete():
        return [tuple(map(int, line.split())) for file in files if file.exists() for line in file.read_text().splitlines()]

    lost = 0
    for _ in range(2):
        before = len(complete())
        clients = [load(file) for file in files]
        wait_until(lambda before=before: len(complete()) >= before + 24, 120, "calls are answered")
        own.kill()
        assert [process.wait(60) for process in clients] == [3, 3], "each client lost a call in the middle"
        own.start()
        lost += 2
        # What was answered as complete is counted once; of the calls that were lost nothing is known.
        calls, (requests, inputs, outputs) = complete(), usage_of(own)
        assert len(calls) <= requests <= len(calls) + lost, (len(calls), requests, lost)
        told = sum(call[0] for call in calls), sum(call[1] for call in calls)
        most = max(call[0] for call in calls), max(call[1] for call in calls)
        # The tokens are those of the calls that were answered, and of the lost ones that were counted.
        n_more = requests - len(calls)
        assert told[0] <= inputs <= told[0] + n_more * most[0]
        assert told[1] <= outputs <= told[1] + n_more * most[1]
        assert usage_of(own) == (requests, inputs, outputs), "asking changes nothing"
    # No worker of a platform that is gone lives on.
    wait_until(lambda: len(own.workers()) <= 1, 30, "one worker")


def test_a_call_that_a_crash_interrupted_is_sent_again_with_its_key_and_counted_once(own, model):
    client = client_of(own, timeout=10)
    request = dict(model=model, messages=STORY, max_tokens=300, temperature=0, extra_headers={"Idempotency-Key": "once"})
    stream = client.chat.completions.create(**request, stream=True)
    next(iter(stream))
    own.kill()
    with pytest.raises(openai.APIError):
        list(stream)
    own.start()

    def answer():
        try:
            return list(client_of(own).chat.completions.create(**request, stream=True))
        except openai.ConflictError:
            return None  # The first sending is taken to be alive still.

    first = wait_until(answer, 20, "the call is answered")
    assert answer() == first
    assert usage_of(own)[0] == 1


def test_a_platform_that_is_asked_to_end_lets_streams_end(own, model):
    client = client_of(own)
    stream = client.chat.completions.create(model=model, messages=STORY, max_tokens=60, stream=True)
    next(iter(stream))
    own.process.send_signal(signal.SIGTERM)
    finish = [c.choices[0].finish_reason for c in stream if c.choices and c.choices[0].finish_reason]
    assert finish and own.process.wait(40) == 0
    assert not own.workers()
