"""Asks the tests' double of a language model through the providers' own published clients.

Usage: model_double.py ADDRESS
ADDRESS is what `martlet planner double` says. The double must answer `escalate` with {"confidence": 1, "reason": "as asked"}, whoever asks. Prints one line for each client; exit code 1
where a client refuses what the double said, or reads something else in it.
"""
import json
import os
import sys

import anthropic
import openai

# The clients read settings from the environment, and would send whatever key is there.
for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "OPENAI_", "AZURE_"))]:
    del os.environ[name]
ADDRESS = sys.argv[1]
SCHEMA = {
    "type": "object",
    "properties": {"confidence": {"type": "number"}, "reason": {"type": "string"}},
    "required": ["confidence", "reason"],
    "additionalProperties": False,
}
EXPECTED = {"confidence": 1, "reason": "as asked"}
MESSAGES = [{"role": "user", "content": "What is to be done?"}]


def expect(holds, what):
    if not holds:
        sys.exit(f"{what}: not what the client should have read")


# A strict client: unknown or missing members of an answer are errors, not warnings.
client = anthropic.Anthropic(
    base_url=ADDRESS, api_key="k", max_retries=0, _strict_response_validation=True)
# What the planner sends is what this client sends unless told otherwise.
expect(client.default_headers["anthropic-version"] == "2026-10-21", "anthropic-version")
message = client.messages.create(
    model="m", max_tokens=100, messages=MESSAGES, tool_choice={"type": "auto"},
    tools=[{"name": "escalate", "description": "d", "input_schema": SCHEMA}])
expect(message.stop_reason == "tool_use" and message.content[0].name == "escalate", "anthropic")
expect(message.content[0].input == EXPECTED and message.usage.output_tokens == 60, "anthropic")
print("anthropic", anthropic.__version__, "messages: same")
try:
    client.messages.create(model="", max_tokens=100, messages=MESSAGES)
    sys.exit("anthropic: a question without a model was answered")
except anthropic.BadRequestError as error:
    expect(error.body["error"]["type"] == "invalid_request_error", "anthropic error")
for refused in ({"tool_choice": {"type": "any"}}, {"extra_body": {"temperature": 0}}):
    try:
        client.messages.create(
            model="m", max_tokens=100, messages=MESSAGES, tools=[{"name": "escalate", "description": "d", "input_schema": SCHEMA}],
            **refused)
        sys.exit(f"anthropic: {refused} was taken")
    except anthropic.BadRequestError:
        pass
print("anthropic", anthropic.__version__, "error: same")

TOOL = {"type": "function", "function": {"name": "escalate", "description": "d", "parameters": SCHEMA, "strict": True}}
PLAIN = openai.OpenAI(base_url=ADDRESS + "/v1", api_key="k", max_retries=0, _strict_response_validation=True)
AZURE = openai.AzureOpenAI(
    azure_endpoint=ADDRESS, api_key="k", api_version="2024-10-21", max_retries=0, _strict_response_validation=True)
for name, client in (("openai", PLAIN), ("azure", AZURE)):
    reply = client.chat.completions.create(model="m", messages=MESSAGES, tools=[TOOL], tool_choice="required")
    call = reply.choices[0].message.tool_calls[0]
    expect(reply.choices[0].finish_reason == "tool_calls" and call.function.name == "escalate", name)
    expect(json.loads(call.function.arguments) == EXPECTED and reply.usage.completion_tokens == 60, name)
    print(name, openai.__version__, "tools: same")
call = {"type": "object", "properties": {"tool": {"enum": ["escalate"]}, "input": SCHEMA}}
reply = PLAIN.chat.completions.create(
    model="m", messages=MESSAGES,
    response_format={"type": "json_schema", "json_schema": {"name": "repair", "schema": {
        "type": "object", "properties": {"call": {"anyOf": [call]}}}}})
expect(json.loads(reply.choices[0].message.content) == {"call": {"tool": "escalate", "input": EXPECTED}}, "openai schema")
print("openai", openai.__version__, "schema: same")
try:
    PLAIN.chat.completions.create(model="", messages=MESSAGES)
    sys.exit("openai: a question without a model was answered")
except openai.BadRequestError as error:
    expect(error.body["type"] == "invalid_request_error", "openai error")
print("openai", openai.__version__, "error: same")
