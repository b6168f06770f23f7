"""Write the SDK's resources (node/client/resources) from the OpenAPI document of the program's own routes.

    python scripts/build_client.py            write them
    python scripts/build_client.py --check    write nothing; fail if they are not what the routes say

For each schema a TypedDict, for each tag a class with a method for each operation, once for programs that wait and once
for those that await. A list is given as an iterator over all of its pages.
"""

import argparse
import keyword
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / "node" / "client" / "resources"
_REF: Final = "#/components/schemas/"
_WORDS: Final = '"""{}\n\nWritten by scripts/build_client.py from the routes; do not edit.\n"""\n\n'
# Told by hand in node/client: it never ends.
_BY_HAND: Final = frozenset({"events_stream_events"})
_INDENT: Final = " " * 4


@dataclass(frozen=True)
class Parameter:
    """Of a method."""

    name: str
    wire_name: str
    kind: str
    is_required: bool
    text: str


@dataclass(frozen=True)
class Method:
    """One operation."""

    name: str
    verb: str
    path: str
    text: str
    in_path: tuple[Parameter, ...]
    in_query: tuple[Parameter, ...]
    body: str | None
    """Its type; `bytes` where a document is sent as it is."""
    has_key: bool
    has_tag: bool
    answer: str
    """Its type."""
    is_list: bool


def document() -> dict[str, Any]:
    """Return the OpenAPI document of every route."""
    sys.path.insert(0, str(ROOT))
    from node.app import status
    from node.app.wiring import ROUTERS
    from node.web.app import build_app
    from node.web.auth import TokenAuthority

    routers = (status.build_router(()), *ROUTERS)
    return build_app(desks={}, authority=TokenAuthority({}), routers=routers).openapi()


def build(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each file by its name."""
    resources = _resources(found)
    texts = {
        "__init__.py": '"""What the API has, as the routes say it; written by scripts/build_client.py."""\n',
        "models.py": _models(found["components"]["schemas"]),
        "blocking.py": "".join(_file(resources, is_async=False)),
        "awaiting.py": "".join(_file(resources, is_async=True)),
    }
    return {name: _formatted(text) for name, text in texts.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    for name, text in build(document()).items():
        path = TARGET / name
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if not is_check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, "utf-8")
    if is_check and stale:
        print(f"the SDK is not what the routes say: {', '.join(stale)}; run python scripts/build_client.py")
        return 1
    return 0


def _models(schemas: Mapping[str, Any]) -> str:
    parts = [
        _WORDS.format("What the API takes and gives, as JSON."),
        "from typing import Any, Literal, NotRequired, TypedDict\n\n\n",
    ]
    for name, schema in sorted(schemas.items()):
        if schema.get("type") != "object" or "properties" not in schema:
            parts.append(f"{name} = {_type(schema, '')}\n\n\n")
            continue
        required = set(schema.get("required", ()))
        fields = {
            field: _type(value, "") if field in required else f"NotRequired[{_type(value, '')}]"
            for field, value in schema["properties"].items()
        }
        # Names that Python keeps for itself need the other way of writing it.
        listed = ", ".join(f"{field!r}: {_quoted(kind)}" for field, kind in fields.items())
        parts.append(
            f'{name} = TypedDict("{name}", {{{listed}}})\n"""{_sentence(schema.get("description", name))}"""\n\n\n'
        )
    return "".join(parts)


def _quoted(kind: str) -> str:
    return f'"{kind}"' if not kind.startswith("NotRequired[") else f'NotRequired["{kind[12:-1]}"]'


def _resources(found: Mapping[str, Any]) -> dict[str, list[Method]]:
    resources: defaultdict[str, list[Method]] = defaultdict(list)
    for path, verbs in found["paths"].items():
        for verb, operation in verbs.items():
            tag = operation["tags"][0].replace(" ", "_").replace("-", "_")
            if path.startswith("/v1/") and operation["operationId"] not in _BY_HAND:
                resources[tag].append(_method(tag, verb, path.removeprefix("/v1"), operation))
    return dict(sorted(resources.items()))


def _method(tag: str, verb: str, path: str, operation: Mapping[str, Any]) -> Method:
    parameters = operation.get("parameters", ())
    by_place = {place: [one for one in parameters if one["in"] == place] for place in ("path", "query", "header")}
    headers = {one["name"].lower() for one in by_place["header"]}
    in_query = tuple(_parameter(one) for one in by_place["query"] if one["name"] != "cursor")
    is_list = len(in_query) < len(by_place["query"])
    success = next(answer for status, answer in sorted(operation["responses"].items()) if status.startswith("2"))
    return Method(
        name=operation["operationId"].removeprefix(f"{tag}_"),
        verb=verb.upper(),
        path=path,
        text=_sentence(operation["description"]),
        in_path=tuple(_parameter(one) for one in by_place["path"]),
        in_query=in_query,
        body=_body(operation.get("requestBody")),
        has_key="idempotency-key" in headers,
        has_tag="if-match" in headers,
        answer=_answer(success),
        is_list=is_list,
    )


def _parameter(one: Mapping[str, Any]) -> Parameter:
    name = re.sub(r"\W", "_", one["name"])
    name = f"{name}_" if keyword.iskeyword(name) or name in ("format",) else name
    schema = one["schema"]
    return Parameter(name, one["name"], _type(schema, "models."), one["required"], one.get("description", ""))


def _body(request: Mapping[str, Any] | None) -> str | None:
    if request is None:
        return None
    schema = next(iter(request["content"].values()))["schema"]
    return _type(schema, "models.") if "$ref" in schema else "bytes"


def _answer(success: Mapping[str, Any]) -> str:
    content = success.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    # A document that happens to be JSON is given as its bytes.
    if schema:
        return _type(schema, "models.")
    return "bytes" if content else "None"


def _type(schema: Mapping[str, Any], prefix: str) -> str:
    if "$ref" in schema:
        return prefix + schema["$ref"].removeprefix(_REF)
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(_type(one, prefix) for one in schema[key]))
    match schema.get("type"):
        case "array":
            return f"list[{_type(schema.get('items', {}), prefix)}]"
        case "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {_type(values, prefix) if isinstance(values, dict) else 'Any'}]"
        case "string":
            return "str"
        case "integer":
            return "int"
        case "number":
            return "float"
        case "boolean":
            return "bool"
        case "null":
            return "None"
        case _:
            return "Any"


def _file(resources: Mapping[str, list[Method]], *, is_async: bool) -> Iterator[str]:
    yield _WORDS.format(f"The API's resources for programs that {'await' if is_async else 'wait'}.")
    iterator = "AsyncIterator" if is_async else "Iterator"
    yield f"from collections.abc import {iterator}\n"
    yield "from typing import Any, Literal, Protocol, cast\n\n"
    yield "from node.client.calls import Call\nfrom node.client.resources import models\n\n\n"
    asynchronous = "async " if is_async else ""
    yield (
        "class Sender(Protocol):\n"
        f'{_INDENT}"""Makes calls."""\n\n'
        f"{_INDENT}{asynchronous}def send(self, call: Call) -> Any: ...\n\n"
        f"{_INDENT}def pages(self, call: Call) -> {iterator}[Any]: ...\n\n\n"
    )
    for tag, methods in resources.items():
        name = "".join(part.title() for part in tag.split("_"))
        yield f'class {name}:\n{_INDENT}"""Resources `{tag}`."""\n\n'
        yield f"{_INDENT}def __init__(self, sender: Sender) -> None:\n{_INDENT * 2}self._sender = sender\n\n"
        for method in methods:
            yield from _method_text(method, is_async=is_async)
        yield "\n"
    yield 'class Resources:\n    """Everything the API has."""\n\n'
    yield f"{_INDENT}def __init__(self, sender: Sender) -> None:\n"
    for tag in resources:
        yield f"{_INDENT * 2}self.{tag} = {''.join(part.title() for part in tag.split('_'))}(sender)\n"


def _method_text(method: Method, *, is_async: bool) -> Iterator[str]:
    arguments = ["self", *(f"{one.name}: {one.kind}" for one in method.in_path)]
    if method.body is not None:
        arguments.append(f"body: {method.body}")
    named = [f"{one.name}: {one.kind}" for one in method.in_query if one.is_required]
    named += [f"{one.name}: {_optional(one.kind)} = None" for one in method.in_query if not one.is_required]
    named += ["key: str | None = None"] if method.has_key else []
    named += ["if_match: str | None = None"] if method.has_tag else []
    answer = method.answer
    if method.is_list:
        answer = f"{'AsyncIterator' if is_async else 'Iterator'}[{answer.removeprefix('list[').removesuffix(']')}]"
    is_awaited = is_async and not method.is_list
    signature = ", ".join([*arguments, *(["*", *named] if named else [])])
    yield f"{_INDENT}{'async ' if is_awaited else ''}def {method.name}({signature}) -> {answer}:\n"
    yield f'{_INDENT * 2}"""{method.text}"""\n'
    call = [repr(method.verb), repr(method.path)]
    if method.in_path:
        call.append(f"in_path={{{', '.join(f'{one.wire_name!r}: {one.name}' for one in method.in_path)}}}")
    if method.in_query:
        call.append(f"query={{{', '.join(f'{one.wire_name!r}: {one.name}' for one in method.in_query)}}}")
    if method.body is not None:
        call.append("content=body" if method.body == "bytes" else "body=body")
    call += ["key=key", "is_once=True"] if method.has_key else []
    call += ["if_match=if_match"] if method.has_tag else []
    call += ["is_raw=True"] if method.answer == "bytes" else []
    sent = f"self._sender.{'pages' if method.is_list else 'send'}(Call({', '.join(call)}))"
    if answer == "None":
        yield f"{_INDENT * 2}{'await ' if is_awaited else ''}{sent}\n\n"
    else:
        yield f'{_INDENT * 2}return cast("{answer}", {"await " if is_awaited else ""}{sent})\n\n'


def _optional(kind: str) -> str:
    return kind if kind.endswith("None") else f"{kind} | None"


def _sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).replace('"', "'").replace("\\", "")


def _formatted(text: str) -> str:
    for arguments in (["check", "--fix-only", "--quiet", "--select", "UP,F401"], ["format", "--quiet"]):
        command = [ROOT / ".venv" / "bin" / "ruff", *arguments, "--stdin-filename", str(TARGET / "x.py"), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


if __name__ == "__main__":
    sys.exit(main())
