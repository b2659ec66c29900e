"""Calls without a pause until the server is gone, and writes down each call that was answered as complete.

Each call has an Idempotency-Key. The one that the crash interrupts is sent again, with its key, at the next start.

usage: load.py BASE_URL MODEL FILE [LAST]      the key comes from the environment; goes on to call number LAST
"""

import os
import sys
import time
from pathlib import Path

import openai


def call(client, model, turn, name):
    """The usage of call number `turn`; every second one is streamed."""
    request = dict(
        model=model, messages=[{"role": "user", "content": f"Hi, {turn % 7}"}], max_tokens=3, temperature=0,
        extra_headers={"Idempotency-Key": f"{name}-{turn}"},
    )
    if turn % 2:
        return client.chat.completions.create(**request).usage
    usage = None
    for chunk in client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
    return usage


def main(base_url, model, file, last="1000000000"):
    client = openai.OpenAI(api_key=os.environ["LOAD_KEY"], base_url=base_url, max_retries=0, timeout=30)
    file = Path(file)
    turn = len(file.read_text().splitlines()) if file.exists() else 0
    with open(file, "a", buffering=1) as complete:
        while turn < int(last):
            try:
                usage = call(client, model, turn + 1, file.name)
            except openai.ConflictError:
                time.sleep(0.1)  # The first sending is still being answered.
                continue
            except openai.APIError as error:
                print(f"{file.name}-{turn + 1}: {type(error).__name__}", file=sys.stderr)
                return 3
            if usage is None:
                print(f"{file.name}-{turn + 1}: the stream ended early", file=sys.stderr)
                return 3
            turn += 1
            complete.write(f"{usage.prompt_tokens} {usage.completion_tokens}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
