"""The OpenAPI document: what FastAPI finds, with problems, header fields and an example of everything.

An example is put together from the schema itself, with the examples of its fields, so that it cannot go stale; a field
that gives none is shown as other fields of its name are.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from node.errors import problem_type
from node.web.limits import IDEMPOTENCY_KEY_CHARS_MAX

_PROBLEM_TYPE: Final = "application/problem+json"
_DEPTH_MAX: Final = 12
_REF: Final = "#/components/schemas/"
# Values for fields that have no example of their own.
_SHOWN: Final[Mapping[str, Any]] = {
    "account": "0x5CbDd86a2FA8Dc4bDdd8a8f69dBa48572EeC07FB",
    "accounts": "0x5CbDd86a2FA8Dc4bDdd8a8f69dBa48572EeC07FB",
    "address": "0x5CbDd86a2FA8Dc4bDdd8a8f69dBa48572EeC07FB",
    "amount": "10,121.21 EUR",
    "base": "EUR",
    "bic": "PLDRNL2A",
    "buy_currency": "KES",
    "currency": "EUR",
    "customer": "bloem",
    "digest": "0x" + "5e" * 32,
    "dispute": "0x" + "5e" * 32,
    "exporter": "Naivasha Roses Ltd",
    "funding_currency": "EUR",
    "goods": "Cut roses, 60,000 stems",
    "id": "bank-nl",
    "importer": "Bloemenhuis BV",
    "invoice_number": "INV-2026-0817",
    "lei": "5299000LANDFALLNL084",
    "name": "Bloemenhuis BV",
    "owner": "bloem",
    "pair": "EUR/KES",
    "payee": "naivasha",
    "provider": "fx-lon",
    "quote": "KES",
    "reference": "NR-2026-0817",
    "sell_currency": "EUR",
    "summary": "Loaded at Nairobi on 2026-08-18",
    "text": "Invoice INV-2026-0817",
    "trade_id": "0x" + "7a" * 32,
    "tx_hash": "0x" + "0c" * 32,
    "uetr": "7a562c67-ca16-48ba-b074-65581be6f011",
}
_KEY_SCHEMA: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": IDEMPOTENCY_KEY_CHARS_MAX,
    "pattern": "^[ -~]+$",
    "examples": ["order-2026-0817/1"],
}
_HEADERS: Final = {
    "X-Request-Id": "The request's name, in the node's logs and the chain's; yours if you sent one",
    "RateLimit": "What is left of the limit (draft-ietf-httpapi-ratelimit-headers)",
    "RateLimit-Policy": "How many requests the caller may make, in how many seconds",
}


def build_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
    )
    components = document["components"]
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()
    }
    examples = Examples(components["schemas"])
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "Idempotency-Key":
                # FastAPI takes it for optional, because we refuse its absence ourselves.
                parameter["required"] = True
                parameter["schema"] = _KEY_SCHEMA
        for media in operation.get("requestBody", {}).get("content", {}).values():
            examples.add(media)
        for status, answer in operation["responses"].items():
            answer.setdefault("headers", {}).update(
                {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
            )
            if _is_problem(answer):
                name = f"Problem{status}"
                answer["content"] = {_PROBLEM_TYPE: _problem(int(status), answer["description"])}
                components.setdefault("responses", {})[name] = dict(answer)
                answer.clear()
                answer["$ref"] = f"#/components/responses/{name}"
                continue
            if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", [])):
                answer["headers"]["Link"] = {
                    "description": '`<...>; rel="next"` while there is a next page',
                    "schema": {"type": "string"},
                }
            for media in answer.get("content", {}).values():
                examples.add(media)
    return document


def download(
    media_type: str, example: str, text: str = "The document, byte for byte"
) -> dict[int | str, dict[str, Any]]:
    """Return how a route says that it answers with a document."""
    # What is JSON may be any JSON, and is told as the bytes that it is.
    schema = {} if media_type == "application/json" else {"type": "string"}
    content = {media_type: {"schema": schema, "example": example}}
    return {200: {"description": text, "content": content}}


def operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every operation of a document."""
    for methods in document["paths"].values():
        yield from methods.values()


def operation_id(route: APIRoute) -> str:
    """Return `trades_sign` of the route `sign` with the tag `trades`: the name it has in the SDK."""
    tag = str(route.tags[0]) if route.tags else "node"
    return f"{tag.replace(' ', '_').replace('-', '_')}_{route.name}"


class Examples:
    """Makes an example of anything that the document's schemas describe."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def add(self, media: dict[str, Any]) -> None:
        """Give a kind of content its example, unless it has one."""
        if "example" not in media and "examples" not in media and "schema" in media:
            media["example"] = self.of(media["schema"])

    def of(self, schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
        """Return an example of a schema.

        Args:
            name: Of the field it is the schema of.
        """
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].removeprefix(_REF)], name, depth)
        for key in ("example", "const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        if schema.get("examples"):
            return schema["examples"][0]
        if "enum" in schema:
            return schema["enum"][0]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.of(next((one for one in schema[key] if one.get("type") != "null"), {}), name, depth)
        return self._of_type(schema, name, depth)

    def _of_type(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        match schema.get("type"):
            case "object" if "properties" in schema and depth < _DEPTH_MAX:
                return {key: self.of(value, key, depth + 1) for key, value in schema["properties"].items()}
            case "object":
                return {}
            case "array":
                return [] if depth >= _DEPTH_MAX else [self.of(schema.get("items", {}), name, depth + 1)]
            case "integer" | "number":
                return max(schema.get("minimum", 0), schema.get("exclusiveMinimum", -1) + 1, 0)
            case "boolean":
                return False
            case "string":
                return _SHOWN.get(name, "text")[: schema.get("maxLength")]
            case _:
                return None


def _is_problem(answer: Mapping[str, Any]) -> bool:
    """Tell whether an answer is a problem; OAuth has errors of its own form."""
    content = answer.get("content", {}).values()
    return any(media.get("schema", {}).get("$ref") == _REF + "Problem" for media in content)


def _problem(status: int, title: str) -> dict[str, Any]:
    return {
        "schema": {"$ref": _REF + "Problem"},
        "example": {
            "type": problem_type("web", 12),
            "title": title,
            "status": status,
            "detail": "amount: expected minor units as a string of digits, got 10.5",
            "instance": "/v1/payments",
            "code": "web/12",
            "field": "amount",
            "next_step": "Correct what is named, and send the request again.",
        },
    }
