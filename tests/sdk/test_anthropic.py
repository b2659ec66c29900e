"""Messages with the unmodified `anthropic` package."""

import anthropic
import pytest
from pydantic import BaseModel

HI = [{"role": "user", "content": "Say hello to the world in one sentence."}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
GREEDY = {"temperature": 0}


def test_a_message_is_answered(claude, model):
    message = claude.messages.create(
        model=model, max_tokens=24, messages=HI, system="Be brief.", metadata={"user_id": "u"}, extra_body=GREEDY
    )
    assert message.id.startswith("msg_") and (message.type, message.role) == ("message", "assistant")
    assert message.content[0].type == "text" and message.content[0].text
    assert message.stop_reason in ("end_turn", "max_tokens")
    assert 0 < message.usage.output_tokens <= 24
    assert message._request_id


def test_counts_of_the_prompt_are_disjoint(claude, model):
    def ask(question):
        system = [{"type": "text", "text": "You are a helpful assistant. " * 40, "cache_control": {"type": "ephemeral"}}]
        messages = [{"role": "user", "content": question}]
        counted = claude.messages.count_tokens(model=model, system=system, messages=messages).input_tokens
        return claude.messages.create(model=model, max_tokens=1, system=system, messages=messages).usage, counted

    ask("One?")
    usage, counted = ask("Two?")
    assert usage.cache_read_input_tokens > 100
    assert usage.input_tokens + usage.cache_read_input_tokens == counted
    assert usage.cache_creation_input_tokens == 0


def test_a_stream_says_what_the_whole_message_says(claude, model):
    request = dict(model=model, max_tokens=24, messages=HI, extra_body=GREEDY)
    # A cold and a warm prefix may differ by a near-tie, so both answers are made from a warm one.
    claude.messages.create(**request)
    whole = claude.messages.create(**request)
    kinds = [event.type for event in claude.messages.create(**request, stream=True)]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds[1] == "content_block_start" and kinds[-3] == "content_block_stop"
    with claude.messages.stream(**request) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text
    assert text == whole.content[0].text
    assert final.stop_reason in ("end_turn", "max_tokens") and 0 < final.usage.output_tokens <= 24
    total = lambda usage: usage.input_tokens + usage.cache_read_input_tokens  # noqa: E731
    assert total(final.usage) == total(whole.usage)


def test_a_stop_sequence_ends_the_message(claude, model):
    request = dict(model=model, max_tokens=24, messages=HI, extra_body=GREEDY)
    claude.messages.create(**request)
    text = claude.messages.create(**request).content[0].text
    stop = text[4:8]
    cut = claude.messages.create(**request, stop_sequences=[stop])
    assert cut.content[0].text == text[: text.index(stop)]
    assert (cut.stop_reason, cut.stop_sequence) == ("stop_sequence", stop)


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
def test_a_tool_that_must_be_called_is_called_whole_and_streamed(claude, model, choice):
    request = dict(
        model=model, max_tokens=100, messages=[{"role": "user", "content": "Weather in Paris?"}], tools=[WEATHER],
        tool_choice={**choice, "disable_parallel_tool_use": True}, extra_body=GREEDY,
    )
    whole = claude.messages.create(**request)
    call = next(block for block in whole.content if block.type == "tool_use")
    assert call.name == "get_weather" and set(call.input) == {"city"} and whole.stop_reason == "tool_use"
    with claude.messages.stream(**request) as stream:
        final = stream.get_final_message()
    streamed = next(block for block in final.content if block.type == "tool_use")
    assert streamed.name == call.name and set(streamed.input) == {"city"}
    answer = claude.messages.create(
        model=model, max_tokens=16, tools=[WEATHER], tool_choice={"type": "none"},
        messages=[
            *request["messages"],
            {"role": "assistant", "content": whole.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
        ],
    )
    assert answer.content[0].type == "text"


class Place(BaseModel):
    city: str
    people: int


def test_parse_gives_an_object_of_the_class(claude, model):
    message = claude.messages.parse(
        model=model, max_tokens=100, messages=[{"role": "user", "content": "Bern has 134000 people."}],
        output_format=Place, extra_body=GREEDY,
    )
    assert isinstance(message.parsed_output, Place)


def test_tokens_are_counted_with_tools_and_without_a_call(claude, model, admin):
    alone = claude.messages.count_tokens(model=model, messages=HI).input_tokens
    longer = claude.messages.count_tokens(model=model, messages=HI, system="Be brief. " * 20).input_tokens
    assert 0 < alone < longer - 20


def test_errors_have_the_classes_of_the_sdk(server, claude, model):
    with pytest.raises(anthropic.NotFoundError) as error:
        claude.messages.create(model="nobody", max_tokens=1, messages=HI)
    assert error.value.body["type"] == "error" and error.value.body["error"]["type"] == "not_found_error"
    assert error.value.request_id
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    with pytest.raises(anthropic.BadRequestError) as error:
        claude.messages.create(model=model, max_tokens=1, messages=[{"role": "user", "content": [image]}])
    assert error.value.body["error"]["type"] == "invalid_request_error"
    assert "messages[0].content[0].type" in error.value.body["error"]["message"]
    stranger = anthropic.Anthropic(api_key="sk-wrong", base_url=server.url, max_retries=0)
    for call in (stranger.messages.create, stranger.messages.stream):
        with pytest.raises(anthropic.AuthenticationError) as error:
            with_max = call(model=model, max_tokens=1, messages=HI)
            with_max.__enter__()
        assert error.value.body["error"]["type"] == "authentication_error"


def test_a_limit_is_a_rate_limit_error(server, admin, project, model):
    from test_openai_errors import set_limit

    set_limit(admin, project, model, max_requests_per_1_minute=1)
    poor = anthropic.Anthropic(api_key=project.key, base_url=server.url, max_retries=0)
    poor.messages.create(model=model, max_tokens=1, messages=HI)
    with pytest.raises(anthropic.RateLimitError) as error:
        poor.messages.create(model=model, max_tokens=1, messages=HI)
    assert error.value.body["error"]["type"] == "rate_limit_error"
