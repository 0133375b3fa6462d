"""Data: JSON, YAML, XML, CSV, and whether data keeps to a schema."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Iterator
from typing import Any

from runtime_min.kernel.errors import CapabilityFailed, ValidationFailed
from runtime_min.missions.steps import Parameters, StepContext
from runtime_min.missions.steps.files import text_of

_OPERATIONS = ("normalize", "validate", "statistics")
_MOST_NODES = 1_000_000


def parse_json(context: StepContext, given: Parameters) -> dict[str, Any]:
    """The value of a JSON text (RFC 8259: no NaN, no key twice)."""
    return {"parsed": json_value(given["content"]), "valid": True}


def parse_yaml(context: StepContext, given: Parameters) -> dict[str, Any]:
    """The value of one YAML document that JSON can hold."""
    import yaml

    try:
        _check_size(given["content"])
        value = yaml.load(given["content"], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = str(error).replace("\n", " ")
        raise CapabilityFailed(f"the content is no YAML: {said}", "not-yaml") from None
    return {"parsed": _as_json(value), "valid": True}


def parse_xml(context: StepContext, given: Parameters) -> dict[str, Any]:
    """An XML text as elements with text, and as a tree; no entity is expanded (defusedxml)."""
    root = xml_root(given["content"])
    elements = []
    for element in root.iter():
        if element.text and element.text.strip():
            elements.append({"element": element.tag, "content": element.text.strip()})
    return {
        "elements": elements,
        "element_count": len(elements),
        "tree": _tree(root),
        "valid": True,
    }


def validate_schema(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Whether data keeps to a schema: JSON Schema, XSD, or a CSV file that is one table.

    Data that does not is a failure of the step; it lists what does not hold, at most 100.
    """
    kind = (given.get("schema_type") or "json").lower()
    path = given.get("file")
    if path is not None:
        text = text_of(context.workspace.read(path, context.most_bytes), path)
    else:
        text = given["data"]
    schema = given.get("schema")
    if kind == "csv":
        errors = _csv_errors(text, schema)
    elif kind == "xsd":
        errors = _xsd_errors(text, schema)
    elif kind in ("json", "jsonschema", "json-schema"):
        errors = _json_errors(text, schema)
    else:
        raise ValidationFailed(f"schema_type {kind!r}: accepted are json, csv and xsd")
    what = path if path is not None else "data"
    if errors:
        raise CapabilityFailed(
            f"{what} breaks its schema: {errors[0]}" + _more(errors),
            "schema",
            output={"valid": False, "validated": what, "errors": errors},
        )
    return {"valid": True, "validated": what, "errors": []}


def csv_process(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Read CSV with a header row, do the operations in their order, write the result if asked.

    `normalize` trims cells and lowers header names to words with underscores, `validate` fails
    where a row has another number of cells or a header is missing or stands twice,
    `statistics` adds count, mean, minimum, maximum and deviation of every column of numbers.
    """
    path = given.get("input_file")
    if path is not None:
        text = text_of(context.workspace.read(path, context.most_bytes), path)
    else:
        text = given["content"]
    operations = list(given.get("operations") or [])
    if given.get("operation"):
        operations.append(given["operation"])
    for name in operations:
        if name not in _OPERATIONS:
            raise ValidationFailed(f"operation {name!r}: there are {', '.join(_OPERATIONS)}")
    headers, records = _table(text)
    output: dict[str, Any] = {}
    for name in operations:
        context.left()
        if name == "normalize":
            headers = ["_".join(header.split()).lower() for header in headers]
            records = [[cell.strip() for cell in row] for row in records]
        elif name == "validate":
            faults = list(_table_faults(headers, records))
            if faults:
                raise CapabilityFailed(
                    f"the table is not sound: {faults[0]}" + _more(faults), "csv"
                )
        else:
            output["statistics"] = _statistics(headers, records)
    if given.get("output_file"):
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows([headers, *records])
        context.workspace.write(given["output_file"], written.getvalue().encode())
        output["output_file"] = given["output_file"]
    return {"headers": headers, "records": records, "row_count": len(records), **output}


def json_value(text: str) -> Any:
    """A JSON text's value; CapabilityFailed with line and column of what is wrong."""

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the key {twice!r} stands twice")
        return found

    try:
        return json.loads(text, parse_constant=no_constant, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise CapabilityFailed(f"the content is no JSON: {error}", "not-json") from None


def xml_root(text: str) -> Any:
    """The root element of an XML text; entities, external or not, are refused."""
    from xml.etree.ElementTree import ParseError

    import defusedxml
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(text, forbid_dtd=True)
    except ParseError as error:
        raise CapabilityFailed(f"the content is no XML: {error}", "not-xml") from None
    except defusedxml.DefusedXmlException as error:
        raise CapabilityFailed(
            f"the XML declares a document type or entities, which are not read: {error}",
            "unsafe-xml",
        ) from None
    pending, nodes = [(root, 1)], 0
    while pending:
        element, depth = pending.pop()
        nodes += 1
        if depth > 500 or nodes > _MOST_NODES:
            raise CapabilityFailed("the XML is nested too deeply or too large", "too-large")
        pending += [(child, depth + 1) for child in element]
    return root


def _tree(element: Any) -> dict[str, Any]:
    return {
        "name": element.tag,
        "attributes": dict(element.attrib),
        "text": (element.text or "").strip(),
        "children": [_tree(child) for child in element],
    }


def _check_size(text: str) -> None:
    """Count what aliases would expand to before they do."""
    import yaml

    sizes: dict[str, int] = {}
    stack: list[tuple[str | None, int]] = []
    total = 0
    depth_limit = 200
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        size = 0
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            stack.append((event.anchor, total))
            if len(stack) > depth_limit:
                raise ValueError("nested more than 200 levels deep")
            size = 1
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            anchor, before = stack.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in stack):
                raise ValueError(f"the alias *{event.anchor} stands inside of itself")
            size = sizes.get(event.anchor or "", 1)
        total += size
        if total > _MOST_NODES:
            raise ValueError(f"it has, aliases expanded, more than {_MOST_NODES} values")


def _as_json(value: Any) -> Any:
    """A YAML value as JSON has it: keys are text, dates are written out."""
    if isinstance(value, dict):
        found = {}
        for key, item in value.items():
            name = key if isinstance(key, str) else json.dumps(_as_json(key))
            if name in found:
                raise CapabilityFailed(
                    f"the keys of a mapping are one in JSON: {name!r}", "not-json"
                )
            found[name] = _as_json(item)
        return found
    if isinstance(value, (list, tuple, set)):
        return [_as_json(item) for item in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise CapabilityFailed(f"{value} is no number that JSON has", "not-json")
        return value
    if isinstance(value, bytes):
        raise CapabilityFailed("binary data is no value that JSON has", "not-json")
    return value.isoformat()


def _json_errors(text: str, schema: Any) -> list[str]:
    import jsonschema_rs

    if isinstance(schema, str):
        schema = json_value(schema)
    if schema is None:
        raise ValidationFailed("a JSON Schema is needed in `schema`")
    value = json_value(text)

    def nothing(uri: str) -> Any:
        raise ValueError(f"the schema refers to {uri}, which is not fetched")

    try:
        validator = jsonschema_rs.validator_for(schema, retriever=nothing)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise ValidationFailed(f"`schema` is no JSON Schema: {said}") from None
    found = []
    for fault in validator.iter_errors(value):
        where = (
            "/" + "/".join(map(str, fault.instance_path)) if fault.instance_path else "the value"
        )
        found.append(f"{where}: {fault.message}")
        if len(found) == 100:
            break
    return found


def _xsd_errors(text: str, schema: Any) -> list[str]:
    if not isinstance(schema, str):
        raise ValidationFailed("an XML Schema (XSD) is needed in `schema`, as text")
    try:
        import xmlschema
    except ImportError:
        raise CapabilityFailed(
            "XSD needs the package xmlschema: pip install 'govlint[steps]'", "no-library"
        ) from None
    try:
        loaded = xmlschema.XMLSchema(schema, defuse="always", allow="none")
    except (xmlschema.XMLSchemaException, SyntaxError, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise ValidationFailed(f"`schema` is no XML Schema: {said}") from None
    xml_root(text)
    return [
        f"{error.path or '/'}: {(error.reason or str(error)).strip()}"
        for error, _ in zip(loaded.iter_errors(text), range(100), strict=False)
    ]


def _csv_errors(text: str, schema: Any) -> list[str]:
    """Faults of a table, and with a JSON Schema those of each row as a mapping of its cells."""
    headers, records = _table(text)
    faults = list(_table_faults(headers, records))
    if faults or schema is None:
        return faults[:100]
    rows = [dict(zip(headers, row, strict=True)) for row in records]
    return _json_errors(json.dumps(rows), {"type": "array", "items": _schema_value(schema)})


def _schema_value(schema: Any) -> Any:
    return json_value(schema) if isinstance(schema, str) else schema


def _table(text: str) -> tuple[list[str], list[list[str]]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise CapabilityFailed(f"the content is no CSV: {error}", "not-csv") from None
    if not rows:
        raise CapabilityFailed("the table has no header row", "not-csv")
    return rows[0], rows[1:]


def _table_faults(headers: list[str], records: list[list[str]]) -> Iterator[str]:
    seen: set[str] = set()
    for number, header in enumerate(headers, start=1):
        if not header.strip():
            yield f"column {number} has no name"
        elif header in seen:
            yield f"two columns are called {header!r}"
        seen.add(header)
    for number, row in enumerate(records, start=2):
        if len(row) != len(headers):
            yield f"row {number} has {len(row)} cells, and there are {len(headers)} columns"


def _statistics(headers: list[str], records: list[list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column, header in enumerate(headers):
        cells = [row[column].strip() for row in records if column < len(row)]
        numbers = [number for cell in cells if (number := _number(cell)) is not None]
        if not numbers or len(numbers) != len([cell for cell in cells if cell]):
            continue
        found[header] = {
            "count": len(numbers),
            "mean": statistics.fmean(numbers),
            "min": min(numbers),
            "max": max(numbers),
            "stdev": statistics.stdev(numbers) if len(numbers) > 1 else 0.0,
        }
    return found


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) != float("inf") and number == number else None


def _more(errors: list[str]) -> str:
    return f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
