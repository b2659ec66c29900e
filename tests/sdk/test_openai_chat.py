"""Chat, completions, embeddings and models with the unmodified `openai` package."""

import base64
import contextlib
import io
import json
import math
import struct
from typing import Literal

import openai
import pytest
from pydantic import BaseModel

USER = [{"role": "user", "content": "Say hello to the world in one sentence."}]
LONG = "You are a helpful assistant. " * 40
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "The time of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_models_are_listed_and_one_is_retrieved(client, model):
    listed = client.models.list().data
    assert model in [m.id for m in listed]
    one = client.models.retrieve(model)
    assert (one.id, one.object) == (model, "model")
    assert one.created > 1_600_000_000 and one.owned_by


def test_a_chat_is_answered(client, model):
    answer = client.chat.completions.create(model=model, messages=USER, max_completion_tokens=24, temperature=0)
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens <= 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_says_what_the_whole_answer_says_and_ends_with_usage(client, model):
    request = dict(model=model, messages=USER, max_tokens=24, temperature=0, seed=1)
    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
    assert text_of(chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.usage for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    last = chunks[-1]
    assert last.choices == []
    assert 0 < last.usage.completion_tokens <= 24
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert {c.id for c in chunks} == {chunks[0].id}
    finish = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert finish in (["stop"], ["length"])


def test_a_stream_without_include_usage_has_no_usage(client, model):
    stream = client.chat.completions.create(model=model, messages=USER, max_tokens=4, stream=True)
    assert all(chunk.usage is None and chunk.choices for chunk in stream)


def test_a_prefix_seen_before_is_counted_as_cached(client, model):
    def ask(question):
        messages = [{"role": "system", "content": LONG}, {"role": "user", "content": question}]
        return client.chat.completions.create(model=model, messages=messages, max_tokens=1, temperature=0).usage

    ask("One?")
    usage = ask("Two?")
    assert usage.prompt_tokens_details.cached_tokens > 100
    assert usage.prompt_tokens_details.cached_tokens < usage.prompt_tokens


def test_the_stream_helper_of_the_sdk_works(client, model):
    with client.chat.completions.stream(model=model, messages=USER, max_tokens=300, temperature=0) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.delta" in kinds and final.choices[0].message.content


def test_a_client_that_leaves_in_the_middle_does_not_harm_the_next(client, model):
    stream = client.chat.completions.create(model=model, messages=USER, max_tokens=500, stream=True)
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(model=model, messages=USER, max_tokens=2).choices


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_tool_that_must_be_called_is_called_with_valid_arguments(client, model, choice):
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Weather in Paris?"}], tools=[WEATHER], tool_choice=choice,
        temperature=0, max_tokens=100,
    ).choices[0]
    assert answer.finish_reason in ("tool_calls", "stop")
    call = answer.message.tool_calls[0]
    assert call.type == "function" and call.id and call.function.name == "get_weather"
    arguments = json.loads(call.function.arguments)
    assert set(arguments) == {"city", "unit"} and arguments["unit"] in ("celsius", "fahrenheit")


def test_the_named_tool_of_several_is_called(client, model):
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Weather in Paris?"}], tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": "get_time"}}, temperature=0, max_tokens=100,
    )
    assert {call.function.name for call in answer.choices[0].message.tool_calls} == {"get_time"}


def test_auto_answers_or_calls_and_none_never_calls(client, model):
    request = dict(model=model, messages=[{"role": "user", "content": "Weather in Paris?"}], tools=[WEATHER],
                   temperature=0, max_tokens=64)
    free = client.chat.completions.create(**request, tool_choice="auto").choices[0].message
    for call in free.tool_calls or []:
        assert set(json.loads(call.function.arguments)) == {"city", "unit"}
    assert free.content or free.tool_calls
    assert not client.chat.completions.create(**request, tool_choice="none").choices[0].message.tool_calls


def test_a_streamed_tool_call_says_what_the_whole_one_says(client, model):
    request = dict(model=model, messages=[{"role": "user", "content": "Weather in Paris?"}], tools=[WEATHER],
                   tool_choice="required", parallel_tool_calls=False, temperature=0, max_tokens=100)
    client.chat.completions.create(**request)
    whole = client.chat.completions.create(**request).choices[0].message.tool_calls[0].function
    with client.chat.completions.stream(**request) as stream:
        for _ in stream:
            pass
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert call.function.name == whole.name
    assert set(json.loads(call.function.arguments)) == set(json.loads(whole.arguments)) == {"city", "unit"}


def test_the_result_of_a_tool_goes_back(client, model):
    call = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"city": "Bern"}'}}
    answer = client.chat.completions.create(
        model=model, tools=[TIME], max_tokens=16, tool_choice="none",
        messages=[
            {"role": "user", "content": "What time is it in Bern?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "12:30"},
        ],
    )
    assert answer.choices[0].message.content


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["happy", "sad"]


def test_parse_gives_an_object_of_the_class(client, model):
    answer = client.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": "Ada, 36, is happy. Who is it?"}], response_format=Person,
        temperature=0, max_tokens=100,
    )
    person = answer.choices[0].message.parsed
    assert isinstance(person, Person) and person.mood in ("happy", "sad")


def test_json_schema_and_json_object_give_json(client, model):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "A number as JSON, please."}], temperature=0, max_tokens=60,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}},
    )
    assert isinstance(json.loads(answer.choices[0].message.content)["n"], int)
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "An empty JSON object, please."}], temperature=0,
        max_tokens=200, response_format={"type": "json_object"},
    )
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_logprobs_are_those_of_the_tokens(client, model):
    answer = client.chat.completions.create(
        model=model, messages=USER, max_tokens=6, temperature=0, logprobs=True, top_logprobs=3
    ).choices[0]
    tokens = answer.logprobs.content
    assert b"".join(bytes(t.bytes) for t in tokens).decode(errors="ignore").startswith(answer.message.content[:3])
    for token in tokens:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        assert math.isclose(max(t.logprob for t in token.top_logprobs), token.logprob, abs_tol=1e-4), "greedy"


def test_several_answers_are_counted_together(client, model):
    answer = client.chat.completions.create(model=model, messages=USER, n=3, max_tokens=5, temperature=1, seed=3)
    assert [c.index for c in answer.choices] == [0, 1, 2]
    assert 3 <= answer.usage.completion_tokens <= 15


def test_a_seed_repeats_and_another_differs(client, model):
    def say(seed):
        request = dict(model=model, messages=USER, max_tokens=24, temperature=1.5)
        return client.chat.completions.create(**request, seed=seed).choices[0].message.content

    assert say(7) == say(7)
    assert len({say(seed) for seed in (1, 2, 3)}) > 1


def test_a_stop_text_ends_the_answer_and_is_no_part_of_it(client, model):
    request = dict(model=model, messages=USER, max_tokens=24, temperature=0)
    client.chat.completions.create(**request)
    whole = client.chat.completions.create(**request).choices[0].message.content
    stop = whole[4:8]
    cut = client.chat.completions.create(**request, stop=[stop]).choices[0]
    assert cut.message.content == whole[: whole.index(stop)] and cut.finish_reason == "stop"
    streamed = client.chat.completions.create(**request, stop=stop, stream=True)
    assert text_of(streamed) == cut.message.content


def test_embeddings_are_the_same_as_floats_and_as_base64(client, model):
    texts = ["The cat sat on the mat.", "A kitten is sitting on a rug.", "Quarterly tax returns are due."]
    default = client.embeddings.create(model=model, input=texts)  # The SDK asks for base64 and unpacks it.
    floats = client.embeddings.create(model=model, input=texts, encoding_format="float")
    raw = client.embeddings.with_raw_response.create(model=model, input=texts, encoding_format="base64")
    packed = json.loads(raw.text if isinstance(raw.text, str) else raw.text())["data"]
    for i in range(3):
        assert default.data[i].index == i
        dim = len(floats.data[i].embedding)
        unpacked = struct.unpack(f"<{dim}f", base64.b64decode(packed[i]["embedding"]))
        for a, b, c in zip(default.data[i].embedding, floats.data[i].embedding, unpacked, strict=True):
            assert abs(a - b) < 1e-3 and abs(a - c) < 1e-3
        assert math.isclose(math.hypot(*floats.data[i].embedding), 1, abs_tol=1e-3)
    assert default.usage.prompt_tokens > 10 and default.usage.total_tokens == default.usage.prompt_tokens


def test_completions_go_on_with_a_text(client, model):
    request = dict(model=model, prompt="The capital of France is", max_tokens=8, temperature=0)
    client.completions.create(**request)
    whole = client.completions.create(**request)
    assert whole.object == "text_completion" and whole.choices[0].text
    streamed = "".join(c.choices[0].text for c in client.completions.create(**request, stream=True) if c.choices)
    assert streamed == whole.choices[0].text
    several = client.completions.create(model=model, prompt=["One,", "Two,"], max_tokens=2)
    assert [c.index for c in several.choices] == [0, 1]


def test_a_suffix_is_refused_by_name_where_the_model_cannot_fill(client, model):
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=model, prompt="a", suffix="b", max_tokens=1)
    assert error.value.param == "suffix"


def test_a_code_model_fills_the_middle(client, coder):
    """With the middle between them, a prompt and its suffix make a program that runs and is right."""
    cases = [
        ("def add(a, b):\n    return ", "\n\nprint(add(19, 23))\n", "42"),
        # The names and the operator can only be known from what comes after.
        (
            "def squares(xs):\n    total = 0\n    for ",
            "\n        total += item ** 2\n    return total\n\nprint(squares([1, 2, 3]))\n",
            "14",
        ),
        ("def is_even(n):\n    return ", "\n\nprint(is_even(4), is_even(5))\n", "True False"),
    ]
    for prompt, suffix, printed in cases:
        made = client.completions.create(
            model=coder, prompt=prompt, suffix=suffix, max_tokens=24, temperature=0, stop="\n"
        )
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(prompt + made.choices[0].text + suffix, {})
        assert out.getvalue().strip() == printed, made.choices[0].text
