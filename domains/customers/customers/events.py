"""What the register learns of a customer: the domain's private truth, of which its product is made."""

import dagmesh as dm

TEXT = {"type": "string"}
PERSONAL = {"type": "string", "x-pii": True}  # encrypted with the customer's own key; gone once the customer is forgotten
COUNTRY = {"type": "string", "pattern": "^[A-Z]{2}$"}
ADDRESS = {"street": PERSONAL, "city": TEXT, "country": COUNTRY}


def said(**fields: dict[str, object]) -> dict[str, object]:
    """The JSON schema of an event that says all of these."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


EVENTS = [
    dm.EventType(
        "CustomerRegistered",
        1,
        said(customer_id=TEXT, name=PERSONAL, email=PERSONAL, **ADDRESS, phone={"type": ["string", "null"], "x-pii": True}),
    ),
    dm.EventType("AddressChanged", 1, said(customer_id=TEXT, **ADDRESS)),
]
