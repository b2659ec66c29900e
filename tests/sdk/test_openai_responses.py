"""The Responses API with the unmodified `openai` package."""

import json

import openai
import pytest
from pydantic import BaseModel

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def test_a_response_is_made_kept_retrieved_and_deleted(client, model):
    made = client.responses.create(
        model=model, input="Say hello.", instructions="Be brief.", max_output_tokens=16, temperature=0, metadata={"a": "b"}
    )
    assert made.id.startswith("resp_") and made.object == "response"
    assert made.status in ("completed", "incomplete")
    assert made.output_text and made.output[0].id.startswith("msg_")
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert made.usage.input_tokens_details.cached_tokens >= 0
    assert made.metadata == {"a": "b"} and made.instructions == "Be brief."
    kept = client.responses.retrieve(made.id)
    assert kept.output_text == made.output_text and kept.status == made.status
    items = client.responses.input_items.list(made.id).data
    assert items[0].content[0].text == "Say hello."
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_what_is_not_to_be_stored_is_not(client, model):
    made = client.responses.create(model=model, input="Hi", max_output_tokens=16, store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_an_answer_that_was_cut_off_says_so(client, model):
    made = client.responses.create(model=model, input="Tell a long story.", max_output_tokens=3, temperature=0)
    assert made.status == "incomplete" and made.incomplete_details.reason == "max_output_tokens"
    assert made.output[0].status == "incomplete"


def test_a_stream_has_the_right_events_and_says_what_the_whole_answer_says(client, model):
    request = dict(model=model, input="Say hello to the world.", temperature=0, max_output_tokens=64)
    client.responses.create(**request)  # From a warm prefix, as the second.
    whole = client.responses.create(**request)
    events = list(client.responses.create(**request, stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    kinds = [e.type for e in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]
    assert kinds[-4:-1] == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    assert kinds[-1] == f"response.{events[-1].response.status}"
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == events[-1].response.output_text
    assert text == whole.output_text
    assert events[-1].response.usage.input_tokens == whole.usage.input_tokens
    assert client.responses.retrieve(events[-1].response.id).output_text == text


def test_the_stream_helper_of_the_sdk_works(client, model):
    with client.responses.stream(model=model, input="Say only: yes.", temperature=0, max_output_tokens=256) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.output_text


def test_a_conversation_goes_on_from_an_earlier_response(client, model):
    first = client.responses.create(model=model, input="My name is Ada.", max_output_tokens=16, temperature=0)
    second = client.responses.create(
        model=model, input="What is my name?", previous_response_id=first.id, max_output_tokens=16, temperature=0
    )
    alone = client.responses.create(model=model, input="What is my name?", max_output_tokens=16, temperature=0)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > alone.usage.input_tokens + first.usage.output_tokens
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(model=model, input="x", previous_response_id="resp_unknown")
    assert error.value.param == "previous_response_id"


def test_another_project_sees_nothing_of_a_response(client, model, project_client):
    made = client.responses.create(model=model, input="Hi", max_output_tokens=16)
    for use in (project_client.responses.retrieve, project_client.responses.delete, project_client.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            use(made.id)
    with pytest.raises(openai.BadRequestError, match="not found"):
        project_client.responses.create(model=model, input="x", previous_response_id=made.id)
    assert client.responses.retrieve(made.id).id == made.id


def test_a_function_is_called_and_its_result_goes_back(client, model):
    first = client.responses.create(
        model=model, input="Weather in Paris?", tools=[WEATHER], tool_choice="required", temperature=0, max_output_tokens=100
    )
    call = next(item for item in first.output if item.type == "function_call")
    assert call.name == "get_weather" and call.id.startswith("fc_") and "city" in json.loads(call.arguments)
    second = client.responses.create(
        model=model, previous_response_id=first.id, tools=[WEATHER], tool_choice="none", max_output_tokens=16,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}],
    )
    assert second.output_text
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(
            model=model, input=[{"type": "function_call_output", "call_id": "call_unknown", "output": "x"}]
        )
    assert error.value.param == "input[0].call_id"


def test_a_streamed_function_call_says_what_the_whole_one_says(client, model):
    request = dict(model=model, input="Weather in Paris?", tools=[WEATHER], temperature=0, max_output_tokens=100,
                   tool_choice={"type": "function", "name": "get_weather"}, parallel_tool_calls=False)
    client.responses.create(**request)  # From a warm prefix, as the second.
    whole = next(i for i in client.responses.create(**request).output if i.type == "function_call")
    events = list(client.responses.create(**request, stream=True))
    arguments = "".join(e.delta for e in events if e.type == "response.function_call_arguments.delta")
    done = next(e for e in events if e.type == "response.function_call_arguments.done")
    assert json.loads(arguments) == json.loads(done.arguments)
    assert set(json.loads(arguments)) == set(json.loads(whole.arguments)) == {"city"}


class Place(BaseModel):
    city: str
    people: int


def test_parse_gives_an_object_of_the_class(client, model):
    made = client.responses.parse(
        model=model, input="Bern has 134000 people.", text_format=Place, temperature=0, max_output_tokens=100
    )
    assert isinstance(made.output_parsed, Place)


def test_a_response_in_the_background_is_cancelled(client, model):
    made = client.responses.create(model=model, input="Count to one thousand.", background=True, max_output_tokens=1500)
    assert made.status in ("queued", "in_progress")
    cancelled = client.responses.cancel(made.id)
    assert cancelled.status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"


def test_a_response_that_is_not_in_the_background_cannot_be_cancelled(client, model):
    made = client.responses.create(model=model, input="Hi", max_output_tokens=16)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(made.id)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"truncation": "auto"}, "truncation"),
        ({"include": ["reasoning.encrypted_content"]}, "include[0]"),
        ({"extra_body": {"conversation": "conv_1"}}, "conversation"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]}, "input[0].content[0].type"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(client, model, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(**{"model": model, "input": "Hi", **fields})
    assert error.value.param == param
