"""Adapters of a deployment, asked for as `deployment:adapter`."""

import struct

import openai
import pytest

# Rows and columns of the first layer's `attn_output` in SmolLM2-135M.
WIDTH, RANK = 576, 4


def adapter(strength):
    """A LoRA adapter of one matrix in the GGUF format, every entry `strength` or its negative."""

    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    head = struct.pack("<4sIQQ", b"GGUF", 3, 2, 4)
    for key, value in [("general.architecture", "llama"), ("general.type", "adapter"), ("adapter.type", "lora")]:
        head += text(key) + struct.pack("<I", 8) + text(value)
    head += text("adapter.lora.alpha") + struct.pack("<If", 6, 4.0)
    for index, (name, shape) in enumerate([("a", (WIDTH, RANK)), ("b", (RANK, WIDTH))]):
        head += text(f"blk.0.attn_output.weight.lora_{name}") + struct.pack("<I", 2)
        head += struct.pack("<QQIQ", *shape, 0, index * WIDTH * RANK * 4)
    head += bytes(-len(head) % 32)
    signs = [1 if at * 7919 % 13 < 6 else -1 for at in range(2 * WIDTH * RANK)]
    return head + struct.pack(f"<{len(signs)}f", *(strength * sign for sign in signs))


@pytest.fixture
def adapted(server, model, tmp_path):
    (tmp_path / "strong.gguf").write_bytes(adapter(0.5))
    (tmp_path / "nothing.gguf").write_bytes(adapter(0.0))
    adapters = [{"name": name, "path": str(tmp_path / f"{name}.gguf")} for name in ("strong", "nothing")]
    body = {"name": "adapted", "model": model, "adapters": adapters}
    assert server.call("POST", "/v1/deployments", body, key=server.admin_key)[0] == 201
    yield "adapted"
    assert server.call("DELETE", "/v1/deployments/adapted", key=server.admin_key)[0] == 200


def test_an_adapter_is_a_model_of_its_own(client, adapted):
    assert {adapted, f"{adapted}:strong", f"{adapted}:nothing"} <= {m.id for m in client.models.list()}
    assert client.models.retrieve(f"{adapted}:strong").version.endswith("+strong")

    def answer(name):
        made = client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": "Tell me about rivers."}], max_tokens=12, temperature=0
        )
        assert made.model == name
        return made.choices[0].message.content

    base = answer(adapted)
    assert answer(f"{adapted}:nothing") == base
    assert answer(f"{adapted}:strong") != base
    with pytest.raises(openai.NotFoundError):
        answer(f"{adapted}:other")


def test_an_adapter_comes_and_goes_while_its_deployment_serves(server, client, adapted, tmp_path):
    path = tmp_path / "late.gguf"
    path.write_bytes(adapter(0.25))

    def change(method, path, body=None):
        return server.call(method, f"/v1/deployments/{adapted}/adapters{path}", body, key=server.admin_key)

    def answer(name):
        messages = [{"role": "user", "content": "Tell me about rivers."}]
        made = client.chat.completions.create(model=name, messages=messages, max_tokens=12, temperature=0)
        return made.choices[0].message.content

    base = answer(adapted)
    status, _, body = change("POST", "", {"name": "late", "path": str(path)})
    assert status == 201 and body["adapters"] == ["strong", "nothing", "late"]
    assert answer(f"{adapted}:late") not in (base, answer(f"{adapted}:strong"))
    status, _, body = change("POST", "", {"name": "late", "path": str(path)})
    assert status == 400 and body["error"]["param"] == "name"

    # A LoRA of another matrix is a GGUF file that this model cannot use.
    (tmp_path / "other.gguf").write_bytes(adapter(0.25).replace(b"attn_output", b"attn_nobody"))
    status, _, body = change("POST", "", {"name": "other", "path": str(tmp_path / "other.gguf")})
    assert status == 400 and body["error"]["param"] == "path"

    assert change("DELETE", "/late")[0] == 200
    assert change("DELETE", "/late")[0] == 404
    with pytest.raises(openai.NotFoundError):
        answer(f"{adapted}:late")
    assert answer(adapted) == base


def test_an_adapter_that_is_none_is_refused_by_name(server, model, tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"PK\3\4")
    for path, why in [(bad, "no GGUF"), (tmp_path / "missing.gguf", "No such file")]:
        body = {"name": "bad", "model": model, "adapters": [{"name": "bad", "path": str(path)}]}
        status, _, answer = server.call("POST", "/v1/deployments", body, key=server.admin_key)
        assert status == 400 and answer["error"]["param"] == "adapters" and why in answer["error"]["message"]
