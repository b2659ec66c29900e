"""Administration through the same unmodified `openai` package."""

import time

import openai
import pytest


def sum_of(buckets, field):
    return sum(getattr(result, field) or 0 for bucket in buckets.data for result in bucket.results)


def test_a_project_is_made_named_listed_and_archived(admin):
    project = admin.projects.create(name="first name")
    assert project.object == "organization.project" and project.status == "active"
    assert admin.projects.update(project.id, name="second name").name == "second name"
    assert admin.projects.retrieve(project.id).name == "second name"
    assert project.id in [p.id for p in admin.projects.list(limit=100)]
    assert admin.projects.archive(project.id).status == "archived"
    assert project.id not in [p.id for p in admin.projects.list(limit=100)]
    assert project.id in [p.id for p in admin.projects.list(limit=100, include_archived=True)]


def test_a_key_is_shown_once_and_refused_at_once_when_it_is_deleted(admin, project, project_client, model):
    assert project.key.startswith("sk-")
    listed = admin.projects.api_keys.list(project.id).data
    assert project.key not in str(listed) and project.key_id in [key.id for key in listed]
    assert project_client.models.list().data
    admin.projects.api_keys.delete(project.key_id, project_id=project.id)
    with pytest.raises(openai.AuthenticationError):
        project_client.models.list()


def test_the_keys_of_an_archived_project_and_of_a_deleted_account_are_refused(server, admin):
    def client_of(key):
        return openai.OpenAI(api_key=key, base_url=f"{server.url}/v1", max_retries=0)

    project = admin.projects.create(name="short-lived")
    one = admin.projects.service_accounts.create(project.id, name="one")
    two = admin.projects.service_accounts.create(project.id, name="two")
    admin.projects.service_accounts.delete(one.id, project_id=project.id)
    with pytest.raises(openai.AuthenticationError):
        client_of(one.api_key.value).models.list()
    assert client_of(two.api_key.value).models.list().data
    admin.projects.archive(project.id)
    with pytest.raises((openai.AuthenticationError, openai.PermissionDeniedError)):
        client_of(two.api_key.value).models.list()


def test_every_call_is_in_the_usage_figures_with_its_tokens(admin, project, project_client, model):
    start = int(time.time()) - 60
    chat = project_client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=5
    ).usage
    text = project_client.completions.create(model=model, prompt="One, two,", max_tokens=5).usage
    made = project_client.responses.create(model=model, input="Hi", max_output_tokens=16).usage
    stream = project_client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=5, stream=True,
        stream_options={"include_usage": True},
    )
    streamed = [chunk for chunk in stream][-1].usage
    vectors = project_client.embeddings.create(model=model, input="Hello").usage

    of_project = dict(start_time=start, project_ids=[project.id], bucket_width="1d")
    usage = admin.usage.completions(**of_project, group_by=["model"])
    assert sum_of(usage, "num_model_requests") == 4
    outputs = chat.completion_tokens + text.completion_tokens + made.output_tokens + streamed.completion_tokens
    assert sum_of(usage, "output_tokens") == outputs
    inputs = chat.prompt_tokens + text.prompt_tokens + made.input_tokens + streamed.prompt_tokens
    assert sum_of(usage, "input_tokens") == inputs
    assert {r.model for b in usage.data for r in b.results} == {model}
    by_key = admin.usage.completions(**of_project, group_by=["api_key_id"])
    assert {r.api_key_id for b in by_key.data for r in b.results} == {project.key_id}
    embedded = admin.usage.embeddings(**of_project)
    assert sum_of(embedded, "input_tokens") == vectors.prompt_tokens
    costs = admin.usage.costs(start_time=start, project_ids=[project.id])
    assert costs.object == "page"
    assert all(result.amount.value >= 0 for bucket in costs.data for result in bucket.results)


def test_a_call_that_was_refused_costs_nothing(admin, project, project_client, model):
    with pytest.raises(openai.BadRequestError):
        project_client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}], temperature=9)
    usage = admin.usage.completions(start_time=int(time.time()) - 60, project_ids=[project.id])
    assert sum_of(usage, "output_tokens") == 0


def test_files_of_a_deployed_model_are_not_removed(server, model):
    status, _, body = server.call("DELETE", f"/v1/catalog/{model}", key=server.admin_key)
    assert status == 409 and body["error"]["code"] == "model_in_use"
    assert model in body["error"]["message"]
