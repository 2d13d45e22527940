"""What readers of the newsletter say, and what is sent to them: the domain's private truth, of which its products are made."""

import dagmesh as dm

TEXT = {"type": "string"}
TOPIC = {"enum": ["deals", "home", "outdoor", "family"], "type": "string"}


def said(**fields: dict[str, object]) -> dict[str, object]:
    """The JSON schema of an event that says all of these."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


EVENTS = [
    dm.EventType("NewsletterSubscribed", 1, said(customer_id=TEXT, topic=TOPIC)),
    dm.EventType("NewsletterUnsubscribed", 1, said(customer_id=TEXT)),
    dm.EventType("CampaignSent", 1, said(campaign_id=TEXT, customer_id=TEXT, topic=TOPIC)),
]
