"""A form as it is stored and shown: a document with every setting written out. What it may say is in `checks`."""

from collections.abc import Mapping, Sequence
from typing import Any

from psms.domain.forms.definitions import (
    Audience,
    FieldCondition,
    FieldType,
    Form,
    FormField,
    Referent,
    Required,
    make_form,
)
from psms.domain.tickets import TicketType

FieldDocument = dict[str, Any]


def form_of(version: int, documents: Sequence[Mapping[str, Any]]) -> Form:
    """Return the form that was stored as *documents*, one for each field."""
    return make_form(version, [field_of(document) for document in documents])


def field_of(document: Mapping[str, Any]) -> FormField:
    """Return the field that *document* describes; what it leaves out has its usual value."""
    kind, types = FieldType(document["type"]), document.get("ticket_types")
    settings = {
        name: document[name]
        for name in ("help", "default", "minimum", "maximum", "min_length", "max_length", "pattern")
        if document.get(name) is not None
    }
    refers_to = document.get("refers_to")
    filterable = document.get("filterable")
    return FormField(
        key=document["key"],
        type=kind,
        label=document["label"],
        required=Required(document.get("required") or Required.NEVER),
        required_if=_condition_of(document.get("required_if")),
        show_if=_condition_of(document.get("show_if")),
        visible_to=Audience(document.get("visible_to") or Audience.EVERYONE),
        ticket_types=None if types is None else tuple(TicketType(one) for one in types),
        choices=tuple(document.get("choices") or ()),
        refers_to=None if refers_to is None else Referent(refers_to),
        filterable=kind is not FieldType.LONG_TEXT if filterable is None else bool(filterable),
        **settings,
    )


def document_of(field: FormField) -> FieldDocument:
    """Return *field* as it is stored and shown."""
    return {
        "key": field.key,
        "type": field.type.value,
        "label": field.label,
        "help": field.help,
        "required": field.required.value,
        "required_if": _condition_document(field.required_if),
        "show_if": _condition_document(field.show_if),
        "visible_to": field.visible_to.value,
        "ticket_types": None if field.ticket_types is None else [one.value for one in field.ticket_types],
        "default": field.default,
        "choices": list(field.choices),
        "refers_to": None if field.refers_to is None else field.refers_to.value,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "min_length": field.min_length,
        "max_length": field.max_length,
        "pattern": field.pattern,
        "filterable": field.filterable,
    }


def for_requesters(document: FieldDocument) -> bool:
    """Tell whether requesters see the field that *document* describes."""
    return bool(document["visible_to"] == Audience.EVERYONE.value)


def _condition_of(document: Mapping[str, Any] | None) -> FieldCondition | None:
    return None if document is None else FieldCondition(field=document["field"], values=tuple(document["values"]))


def _condition_document(condition: FieldCondition | None) -> dict[str, Any] | None:
    return None if condition is None else {"field": condition.field, "values": list(condition.values)}
