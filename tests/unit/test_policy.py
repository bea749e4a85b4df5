"""The policy file: sections laid over the packaged ones, and mistakes that name file and field."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from metta.errors import SettingsError
from metta.messages import Action
from metta.policy import load_policy


def _file(tmp_path: Path, content: str) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_the_packaged_policy_is_complete() -> None:
    policy = load_policy()
    assert policy.pii.input["CARD"] is Action.REDACT
    assert policy.rules.human_request
    assert len(policy.version) == 12


def test_a_section_left_out_keeps_the_packaged_one(tmp_path: Path) -> None:
    packaged = load_policy()
    policy = load_policy(_file(tmp_path, "company: Other Shop\nchecks: {injection: handoff}\n"))
    assert (policy.company, policy.checks.injection) == ("Other Shop", Action.HANDOFF)
    assert (policy.facts, policy.rules) == (packaged.facts, packaged.rules)
    assert policy.version != packaged.version


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("pii: {input: {CARD: allow}}", "pii.input"),
        ("pii: {input: {SSN: allow}}", "SSN must not be allow"),
        ("pii: {input: {EMIAL: redact}}", "pii.input.EMIAL"),
        ("pii: {output: {EMAIL: stop}}", "pii.output.EMAIL"),
        ("checks: {toxicity: {rude: block}}", "checks.toxicity.rude"),
        ("checks: {injection: redact}", "checks.injection"),
        ("checks: {thresholds: {injection: 7}}", "checks.thresholds.injection"),
        ("rules: {actions: {competitor: redact}}", "rules.actions"),
        ("rules: {actions: {competitors: block}}", "rules.actions.competitors"),
        ("rules: {human_request: ['']}", "rules.human_request"),
        ("rules: {human_request: 5}", "rules.human_request"),
        ("rulez: {}", "rulez"),
        ("audit: {contents: hidden}", "audit.contents"),
        ("audit: {keep_days: 0}", "audit.keep_days"),
        ("audit: {keep_days: yes}", "audit.keep_days"),
        ("limits: {input_chars: 1}", "limits.input_chars"),
        ("limits: {tokens_per_turn: 0}", "limits.tokens_per_turn"),
        ("limits: {tokens_per_turn: null}", "limits.tokens_per_turn"),
        ("limits: {chatwoot_seconds: 16}", "limits.chatwoot_seconds"),
        ("limits: {chatwoot_seconds: 0}", "limits.chatwoot_seconds"),
        ("limits: {odoo_seconds: .inf}", "limits.odoo_seconds"),
        ("limits: {run_seconds: soon}", "limits.run_seconds"),
        ("limits: {contact_messages_per_hour: 0}", "limits.contact_messages_per_hour"),
        ("limits: {contact_messages_per_hour: 2.5}", "limits.contact_messages_per_hour"),
        ("limits: {turns_per_hour: 101}", "limits.turns_per_hour"),
        ("limits: {turns_per_hour: yes}", "limits.turns_per_hour: must be a number"),
        ("limits: {same_text: 1}", "limits.same_text"),
        ("limits: {usd_per_day: -1}", "limits.usd_per_day"),
        ("limits: {usd_per_day: .nan}", "limits.usd_per_day"),
        ("limits: {usd_per_day: no}", "limits.usd_per_day: must be a number"),
        ("limits: {usd_per_day: 5}\nprices: {}", "limits.usd_per_day: cannot be kept without prices"),
        ("prices: {m: {input: .inf, cached: 1, output: 1}}", "prices.m.input"),
        ("limits: {usd_per_dya: 5}", "limits.usd_per_dya"),
        ("- a list", "mapping at its top level"),
        ("a: [1", "is not YAML (line"),
        ("5: x", "section names must be text"),
    ],
)
def test_a_mistake_names_file_and_field(tmp_path: Path, content: str, field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(_file(tmp_path, content))
    assert field in str(caught.value)
    assert "shop.yaml" in str(caught.value)


def test_a_limits_section_that_names_one_limit_keeps_the_packaged_others(tmp_path: Path) -> None:
    packaged = load_policy().limits.model_dump()
    policy = load_policy(_file(tmp_path, "limits: {model_turns: 2}"))
    assert policy.limits.model_dump() == {**packaged, "model_turns": 2}


@pytest.mark.parametrize("field", ["contact_messages_per_hour", "turns_per_hour", "same_text", "usd_per_day"])
def test_null_takes_a_limit_away(tmp_path: Path, field: str) -> None:
    assert load_policy(_file(tmp_path, f"limits: {{{field}: null}}")).limits.model_dump()[field] is None


def test_without_a_limit_of_money_no_prices_are_needed(tmp_path: Path) -> None:
    assert load_policy(_file(tmp_path, "limits: {usd_per_day: null}\nprices: {}")).prices == {}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml cannot be read"):
        load_policy(str(tmp_path / "nowhere.yaml"))


def test_a_section_keeps_the_fields_that_the_file_does_not_name(tmp_path: Path) -> None:
    packaged = load_policy()
    policy = load_policy(_file(tmp_path, "rules: {competitors: [Lampen-König]}\nchecks: {thresholds: {pii: 0.6}}\n"))
    assert policy.rules.competitors == ("Lampen-König",)
    assert policy.rules.human_request == packaged.rules.human_request
    assert (policy.checks.thresholds.pii, policy.checks.thresholds.injection) == (0.6, 0.7)


def test_lists_and_tables_are_replaced_whole(tmp_path: Path) -> None:
    policy = load_policy(_file(tmp_path, "rules: {human_request: [a person please]}\nmax_reply_chars: {sms: 320}\n"))
    assert policy.rules.human_request == ("a person please",)
    assert policy.max_reply_chars == {"sms": 320}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("company: X\nruels: {}", "line 2: ruels: is not known here, did you mean rules?"),
        ("rules:\n  competitor: []", "line 2: rules.competitor: is not known here, did you mean competitors?"),
        (
            "prices:\n  m:\n    input: 1\n    cashed: 1",
            "line 4: prices.m.cashed: is not known here, did you mean cached?",
        ),
        ("checks:\n  injection: blok", "line 2: checks.injection: 'blok' is not possible, did you mean block?"),
        ("pii: {input: {IBAM: block}}", "line 1: pii.input.IBAM: 'IBAM' is not possible, did you mean IBAN?"),
        ("languages:\n- en\n- no", "line 3: languages.1: Input should be a valid string; YAML reads yes, no"),
        ("limits:\n  model_turns: 99", "line 2: limits.model_turns: Input should be less than or equal to 20 (is 99)"),
        ("rules:\n  competitors: [A]\n  competitors: [B]", "line 3: rules.competitors: stands here and in line 2"),
        ("rules: {allowed_link_hosts: ['https://acme.example/']}", "is no host name; write it without scheme"),
        ("rules: {forbidden_topics: {legal: ['']}}", "legal: an entry is empty"),
        ("rules: {promises: {refund: maybe}}", "rules.promises.refund: Input should be a valid boolean"),
        ("working_hours: {time_zone: Berlin, days: {monday: 9:00-17:00}}", "is no IANA time zone"),
        ("working_hours: {days: {monday: 9:00}}", "working_hours.days.monday: must be closed, a period like"),
        ("working_hours: {days: {mondays: 9:00-17:00}}", "'mondays' is not possible, did you mean monday?"),
        ("max_reply_chars: {wathsapp: 500}", "'wathsapp' is not possible, did you mean whatsapp?"),
        ("max_reply_chars: {sms: 20}", "max_reply_chars.sms: Input should be greater than or equal to 160 (is 20)"),
        ("disclosures: [{name: recorded}]", "disclosures: recorded needs a text in en"),
        ("disclosures: [{name: x, text: {en: 'Hi {{contact.name}}'}}]", "must hold no Liquid"),
        ("disclosures: [{name: ai_assistant}, {name: ai_assistant}]", "disclosures: ai_assistant is named twice"),
        (
            "second_opinion: {judge: {enabled: true, model: other}}",
            "prices: other, which second_opinion.judge.model names",
        ),
        ("company: X\nfacts: {a: 2026-02-31}", "line 2: facts.a: '2026-02-31' is no date that can be"),
        (
            "working_hours:\n  days: {monday: closed}\n  holidays: [2026-12-25, 2026-02-30]",
            "line 3: working_hours.holidays.1: '2026-02-30' is no date that can be",
        ),
        (f"limits: {{input_chars: {'7' * 6000}}}", "line 1: limits.input_chars: '7777"),
        ("company: X\nx: &a [*a]", "line 2: holds itself"),
        ("languages: en", "line 1: languages: must be a list of texts"),
        ("disclosures: x", "disclosures: must be a list of sections"),
        ("rules: {human_request: a human}", "rules.human_request: must be a list of texts"),
        ("rules: {forbidden_topics: {legal: lawyer}}", "rules.forbidden_topics.legal: must be a list of texts"),
        ("working_hours: {days: {monday: closed}, holidays: x}", "working_hours.holidays: must be a list of dates"),
        ("rules: [a]", "rules: must be a table of names and values"),
        ("rules: {human_request: [a human, h]}", "rules.human_request: 'h' is a single letter"),
        ("rules: {forbidden_topics: {legal: [' l']}}", "rules.forbidden_topics: legal: ' l' is a single letter"),
        ("languages: [en, xx]", "languages.1: 'xx' is no language code of ISO 639-1"),
        ("default_language: qq-AT", "default_language: 'qq' is no language code of ISO 639-1"),
        ("company: ' '", "company: is empty"),
        ('company: "Acme\\x07"', "company: must hold no line breaks and no control characters"),
    ],
)
def test_a_mistake_is_explained_to_whoever_made_it(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(_file(tmp_path, content))
    assert said in str(caught.value)


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(_file(tmp_path, "odoo: {url: x}\nruels: {}\ncompany: 5\n"))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        ["  line 1", "odoo.url"],
        ["  line 2", "ruels"],
        ["  line 3", "company"],
    ]


def test_a_date_that_cannot_be_is_named_whoever_else_reads_yaml(tmp_path: Path) -> None:
    taught = dict(yaml.constructor.SafeConstructor.yaml_constructors)
    stamp = "tag:yaml.org,2002:timestamp"
    try:
        yaml.constructor.SafeConstructor.yaml_constructors[stamp] = taught["tag:yaml.org,2002:str"]
        with pytest.raises(SettingsError, match="is no date that can be"):
            load_policy(_file(tmp_path, "facts: {a: 2026-02-31}\n"))
    finally:
        yaml.constructor.SafeConstructor.yaml_constructors[stamp] = taught[stamp]


def test_what_yaml_hides_is_named_with_what_the_fields_say(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(_file(tmp_path, "tone: a\nfacts: {a: 2026-02-31}\ntone: b\nruels: {}\n"))
    assert [line.split(": ")[:2] for line in str(caught.value).splitlines()[1:]] == [
        ["  line 2", "facts.a"],
        ["  line 3", "tone"],
        ["  line 4", "ruels"],
    ]


def test_a_file_whose_aliases_multiply_is_judged_like_any_other(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(SettingsError, match="a39: is not known here"):
        load_policy(_file(tmp_path, bomb))


def test_old_words_for_what_toxicity_leads_to_are_still_valid(tmp_path: Path) -> None:
    policy = load_policy(_file(tmp_path, "checks: {toxicity: {profanity: allow, abuse: block, threat: handoff}}"))
    assert policy.checks.toxicity_verdicts == {
        "profanity": Action.ALLOW,
        "abuse": Action.BLOCK,
        "threat": Action.HANDOFF,
        "hate": Action.BLOCK,
        "sexual": Action.BLOCK,
    }
