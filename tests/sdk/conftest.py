import os
import sys
from pathlib import Path
from types import SimpleNamespace

import anthropic
import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import Server  # noqa: E402

MODEL = os.environ.get("TENFOLD_TEST_MODEL", "smollm2-135m-instruct")


@pytest.fixture(scope="session")
def server():
    """The server that run.py started."""
    server = Server(home=os.environ["TENFOLD_TEST_HOME"], port=int(os.environ["TENFOLD_TEST_PORT"]))
    server.process = SimpleNamespace(pid=int(os.environ["TENFOLD_TEST_PID"]), poll=lambda: None)
    return server


@pytest.fixture(scope="session")
def model():
    return MODEL


@pytest.fixture(scope="session")
def client(server):
    return openai.OpenAI(api_key=server.api_key, base_url=f"{server.url}/v1", max_retries=0, timeout=120)


@pytest.fixture(scope="session")
def admin(server):
    """Administration, through the same SDK."""
    sdk = openai.OpenAI(
        api_key=None, admin_api_key=server.admin_key, base_url=f"{server.url}/v1", max_retries=0, timeout=60
    )
    return sdk.admin.organization


@pytest.fixture(scope="session")
def claude(server):
    return anthropic.Anthropic(api_key=server.api_key, base_url=server.url, max_retries=0, timeout=120)


@pytest.fixture
def project(admin):
    """A project of the test's own, with a key of a service account; archived afterwards."""
    project = admin.projects.create(name="of a test")
    account = admin.projects.service_accounts.create(project.id, name="tester")
    yield SimpleNamespace(id=project.id, key=account.api_key.value, key_id=account.api_key.id, account_id=account.id)
    admin.projects.archive(project.id)


@pytest.fixture
def project_client(server, project):
    return openai.OpenAI(api_key=project.key, base_url=f"{server.url}/v1", max_retries=0, timeout=120)


@pytest.fixture(scope="session")
def coder(server):
    """A code model of the catalogue, pulled once for all runs and deployed."""
    name = "qwen2.5-coder-0.5b-instruct"
    status, _, body = server.call("POST", f"/v1/catalog/{name}/pull", key=server.admin_key, timeout=900)
    assert status == 200, body
    server.share_pulled(name)
    if server.call("GET", f"/v1/deployments/{name}", key=server.admin_key)[0] == 404:
        body = {"model": name, "context_length": 2048, "max_concurrency": 2}
        status, _, body = server.call("POST", "/v1/deployments", body, key=server.admin_key)
        assert status == 201, body
    return name
