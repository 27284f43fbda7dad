"""Google's own description of the People API, as the official client ships it, and what breaks it.

Next: google_client.py (the official client against our sandbox), google_requests.py (what carnetd asks Google).
"""

import json
import re
from importlib.resources import files


def document():
    """The discovery document of the People API, version 1."""
    path = files("googleapiclient") / "discovery_cache" / "documents" / "people.v1.json"
    return json.loads(path.read_text())


TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}


class Description:
    """Checks values against the schemas of the document."""

    def __init__(self):
        self.document = document()
        self.schemas = self.document["schemas"]
        self.methods = {method["id"]: method for method in self._methods(self.document)}

    def _methods(self, node):
        for resource in node.get("resources", {}).values():
            yield from resource.get("methods", {}).values()
            yield from self._methods(resource)

    def method(self, verb, path):
        """The method that a call of this verb and path (without query) is, with the parameters in its path."""
        found = []
        for method in self.methods.values():
            pattern = re.sub(r"\\\{\\\+?(\w+)\\\}", r"(?P<\1>.+)", re.escape(method["path"]))
            match = re.fullmatch(pattern, path)
            if method["httpMethod"] == verb and match:
                found.append((method, match.groupdict()))
        for method, given in found:
            patterns = [(value, method["parameters"][name].get("pattern")) for name, value in given.items()]
            if all(re.fullmatch(pattern.strip("^$"), value) for value, pattern in patterns if pattern):
                return method, given
        return None, {}

    def query(self, method, pairs):
        """What is wrong with the query of a call."""
        known = {**self.document["parameters"], **method.get("parameters", {})}
        seen = set()
        for name, value in pairs:
            parameter = known.get(name)
            if parameter is None or parameter.get("location") != "query":
                yield f"query parameter {name} is unknown"
                continue
            if name in seen and not parameter.get("repeated"):
                yield f"query parameter {name} is given twice"
            seen.add(name)
            if "enum" in parameter and value not in parameter["enum"]:
                yield f"query parameter {name} is {value!r}, not one of {parameter['enum']}"
            if parameter["type"] == "boolean" and value not in ("true", "false"):
                yield f"query parameter {name} is {value!r}, not a boolean"
            if parameter["type"] == "integer" and not re.fullmatch(r"-?\d+", value):
                yield f"query parameter {name} is {value!r}, not an integer"

    def problems(self, value, schema, where="$", sent=False):
        """What is wrong with a value. In what is `sent`, nothing may stand that only the service says."""
        if "$ref" in schema:
            yield from self.problems(value, self.schemas[schema["$ref"]], where, sent)
            return
        kind = schema.get("type", "any")
        if kind == "any":
            return
        if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
            yield f"{where} is {value!r}, not of type {kind}"
            return
        if kind == "object":
            known = schema.get("properties", {})
            rest = schema.get("additionalProperties")
            for key, inner in value.items():
                if key in known:
                    if sent and known[key].get("readOnly") and key != "metadata":
                        yield f"{where}.{key} is sent, but only the service says it"
                    yield from self.problems(inner, known[key], f"{where}.{key}", sent)
                elif rest is not None:
                    yield from self.problems(inner, rest, f"{where}.{key}", sent)
                else:
                    yield f"{where}.{key} is unknown"
        elif kind == "array":
            for at, inner in enumerate(value):
                yield from self.problems(inner, schema["items"], f"{where}[{at}]", sent)
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where} is {value!r}, not one of {schema['enum']}"
        elif kind == "integer" and schema.get("format") == "int32" and not -(2**31) <= value < 2**31:
            yield f"{where} is {value}, too large for int32"
