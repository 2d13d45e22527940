"""What happens to an order: the domain's private truth, of which its products are made."""

import dagmesh as dm

TEXT = {"type": "string"}
EUR = {"type": "string", "format": "decimal", "pattern": "^[0-9]"}  # a release that takes money away from itself is stopped here


def said(**fields: dict[str, object]) -> dict[str, object]:
    """The JSON schema of an event that says all of these."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


LINE = said(sku=TEXT, category=TEXT, quantity={"type": "integer", "minimum": 1}, unit_price_eur=EUR)

EVENTS = [
    dm.EventType(
        "OrderPlaced", 1, said(order_id=TEXT, customer_id=TEXT, channel=TEXT, lines={"type": "array", "items": LINE}, total_eur=EUR)
    ),
    dm.EventType("PaymentReceived", 1, said(order_id=TEXT, amount_eur=EUR, method=TEXT)),
    dm.EventType("OrderShipped", 1, said(order_id=TEXT)),
    dm.EventType("OrderDelivered", 1, said(order_id=TEXT)),
    dm.EventType("OrderCancelled", 1, said(order_id=TEXT, reason=TEXT)),
    dm.EventType("OrderReturned", 1, said(order_id=TEXT, amount_eur=EUR)),
]
