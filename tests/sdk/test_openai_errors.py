"""Errors, limits and retries as the unmodified `openai` package reports them."""

import time
import uuid

import openai
import pytest

HI = [{"role": "user", "content": "Hi"}]


def set_limit(admin, project, model, **limits):
    """Limits of the project for the model, as an administrator sets them."""
    listed = admin.projects.rate_limits.list_rate_limits(project.id).data
    limit = next(limit for limit in listed if limit.model == model)
    updated = admin.projects.rate_limits.update_rate_limit(limit.id, project_id=project.id, **limits)
    for name, value in limits.items():
        assert getattr(updated, name) == value


def requests_of(admin, project):
    buckets = admin.usage.completions(start_time=int(time.time()) - 3600, project_ids=[project.id], bucket_width="1d")
    return sum(r.num_model_requests for bucket in buckets.data for r in bucket.results)


def test_a_wrong_key_is_an_authentication_error(server, model):
    for key in ("sk-wrong", "sk-" + "0" * 48):
        stranger = openai.OpenAI(api_key=key, base_url=f"{server.url}/v1", max_retries=0)
        with pytest.raises(openai.AuthenticationError) as error:
            stranger.chat.completions.create(model=model, messages=HI)
        assert error.value.code == "invalid_api_key" and key[4:] not in str(error.value)
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()


def test_an_unknown_model_is_not_found(client):
    calls = [
        lambda: client.chat.completions.create(model="nobody", messages=HI),
        lambda: client.completions.create(model="nobody", prompt="x"),
        lambda: client.embeddings.create(model="nobody", input="x"),
        lambda: client.responses.create(model="nobody", input="x"),
        lambda: client.models.retrieve("nobody"),
    ]
    for call in calls:
        with pytest.raises(openai.NotFoundError) as error:
            call()
        assert error.value.code == "model_not_found" and "nobody" in error.value.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 9}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"logprobs": True, "top_logprobs": 99}, "top_logprobs"),
        ({"extra_body": {"nonsense": 1}}, "nonsense"),
        ({"extra_body": {"messages": "x"}}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": []}, "messages"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_a_wrong_field_is_a_bad_request_that_names_it(client, model, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(**{"model": model, "messages": HI, **fields})
    assert error.value.type == "invalid_request_error"
    assert error.value.param == param


def test_a_prompt_beyond_the_context_is_a_bad_request(client, model):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "word " * 200_000}])
    assert error.value.code == "context_length_exceeded"


def test_a_schema_that_cannot_be_enforced_says_so(client, model):
    schema = {"type": "no such type"}
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(
            model=model, messages=HI,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}},
        )
    assert error.value.param.startswith("response_format")


def test_a_limit_on_requests_is_a_rate_limit_error_that_says_when_to_retry(admin, project, project_client, model):
    set_limit(admin, project, model, max_requests_per_1_minute=1)
    ask = dict(model=model, messages=HI, max_tokens=1)
    project_client.chat.completions.create(**ask)
    with pytest.raises(openai.RateLimitError) as error:
        project_client.chat.completions.create(**ask)
    assert error.value.code == "rate_limit_exceeded"
    assert 0 < float(error.value.response.headers["retry-after"]) <= 60
    with pytest.raises(openai.RateLimitError):
        project_client.responses.create(model=model, input="Hi", max_output_tokens=16)


def test_the_sdk_retries_after_the_time_that_it_is_told(server, admin, project, model):
    patient = openai.OpenAI(api_key=project.key, base_url=f"{server.url}/v1", max_retries=3, timeout=60)
    hasty = patient.with_options(max_retries=0)
    ask = dict(model=model, messages=HI, max_tokens=1)
    set_limit(admin, project, model, max_requests_per_1_minute=30)
    refusal = None
    for _ in range(60):
        try:
            hasty.chat.completions.create(**ask)
        except openai.RateLimitError as error:
            refusal = error
            break
    assert refusal is not None, "thirty a minute is a limit"
    raw = patient.chat.completions.with_raw_response.create(**ask)
    assert raw.parse().choices and raw.retries_taken > 0


def test_a_request_that_is_sent_again_with_its_key_is_answered_and_counted_once(admin, project, project_client, model):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    ask = dict(model=model, messages=HI, max_tokens=8, temperature=1.5, extra_headers=headers)
    first = project_client.chat.completions.with_raw_response.create(**ask)
    again = project_client.chat.completions.with_raw_response.create(**ask)
    assert again.parse() == first.parse(), "the same answer, id and all"
    assert again.headers.get("idempotent-replayed") == "true"
    assert requests_of(admin, project) == 1
    with pytest.raises(openai.APIStatusError) as error:
        project_client.chat.completions.create(**{**ask, "max_tokens": 9})
    assert error.value.status_code in (400, 409, 422)
    assert requests_of(admin, project) == 1


def test_a_stream_that_is_sent_again_with_its_key_says_the_same(admin, project, project_client, model):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    ask = dict(model=model, messages=HI, max_tokens=8, temperature=1.5, extra_headers=headers, stream=True)
    first = list(project_client.chat.completions.create(**ask))
    assert list(project_client.chat.completions.create(**ask)) == first
    assert requests_of(admin, project) == 1


def test_every_answer_names_its_request(client, model):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HI, max_tokens=1)
    assert raw.headers["x-request-id"] and raw.parse()._request_id == raw.headers["x-request-id"]
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("nobody")
    assert error.value.request_id and error.value.request_id != raw.headers["x-request-id"]


def test_a_projects_key_may_not_administer(server, client):
    stranger = openai.OpenAI(api_key=None, admin_api_key=server.api_key, base_url=f"{server.url}/v1", max_retries=0)
    with pytest.raises(openai.PermissionDeniedError):
        stranger.admin.organization.projects.list()
    # Its own project's figures it may read, and no other's.
    stranger.admin.organization.usage.completions(start_time=0, project_ids=[server.project_id])
    with pytest.raises(openai.PermissionDeniedError):
        stranger.admin.organization.usage.completions(start_time=0, project_ids=["proj_another"])
