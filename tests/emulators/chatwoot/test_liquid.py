"""Contract 3.2: what Liquid does to outgoing text."""

from __future__ import annotations

import pytest

from metta_local.chatwoot.liquid import render

VARIABLES = {
    "contact": {"name": "lena vogt", "email": "lena@example.org", "custom_attribute": {"odoo_partner_id": 4711}},
    "agent": {"email": None},
}


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("plain { } % text", "plain { } % text"),
        ("{{contact.email}}", "lena@example.org"),
        ("{{- contact.email -}}!", "lena@example.org!"),
        ("{{ contact.custom_attribute.odoo_partner_id }}", "4711"),
        ("a{{unknown}}b{{contact.unknown.deeper}}c{{agent.email}}", "abc"),
        ("{{ contact.name | capitalize }} {{ 'x' | upcase }}", "Lena vogt X"),
        ("{{ nothing | default: 'friend' }}", "friend"),
        ("{% if contact.email %}yes{% else %}no{% endif %}", "yes"),
        ("{% unless contact.email == 'x' %}yes{% endunless %}", "yes"),
        ("{% assign x = contact.email %}{{ x }}", "lena@example.org"),
        ("a{% comment %}{{contact.email}}{% endcomment %}b", "ab"),
        ("{% raw %}{{contact.email}}{% endraw %}", "{{contact.email}}"),
        ("`{{contact.email}}` {{contact.email}}", "`{{contact.email}}` lena@example.org"),
        ("{{contact.email", "{{contact.email"),
        ("{% bogus %}{{contact.email}}", "{% bogus %}{{contact.email}}"),
        ("{% if x %}{{contact.email}}", "{% if x %}{{contact.email}}"),
        ("{% endif %}", "{% endif %}"),
        ("{% raw %}{{contact.email}}", "{% raw %}{{contact.email}}"),
        ("{ {contact.email}}", "{ {contact.email}}"),
    ],
)
def test_rendering(text: str, saved: str) -> None:
    assert render(text, VARIABLES) == saved
