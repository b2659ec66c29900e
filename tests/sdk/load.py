"""Calls without a pause until the server is gone, and writes down each call that was answered as complete.

usage: load.py BASE_URL MODEL FILE      the key comes from the environment
"""

import os
import sys

import openai


def call(client, model, turn):
    """The usage of call number `turn`; every second one is streamed."""
    request = dict(
        model=model, messages=[{"role": "user", "content": f"Hi, {turn % 7}"}], max_tokens=3, temperature=0
    )
    if turn % 2:
        return client.chat.completions.create(**request).usage
    usage = None
    for chunk in client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
    return usage


def main(base_url, model, file):
    client = openai.OpenAI(api_key=os.environ["LOAD_KEY"], base_url=base_url, max_retries=0, timeout=30)
    turn = 0
    with open(file, "a", buffering=1) as complete:
        while True:
            turn += 1
            try:
                usage = call(client, model, turn)
            except openai.APIError as error:
                print(f"call {turn}: {type(error).__name__}", file=sys.stderr)
                return 3
            if usage is None:
                print(f"call {turn}: the stream ended early", file=sys.stderr)
                return 3
            complete.write(f"{usage.prompt_tokens} {usage.completion_tokens}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
