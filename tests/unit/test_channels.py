"""What Metta knows of a channel stands in one table, and the table is whole."""

from __future__ import annotations

from typing import get_args

from metta.channels import CHANNELS, ChannelKind, ChannelName


def test_every_channel_has_its_entry_and_every_name_of_the_policy_a_channel() -> None:
    assert set(CHANNELS) == set(get_args(ChannelKind))
    assert {channel.name for channel in CHANNELS.values()} == set(get_args(ChannelName))


def test_a_number_is_proved_only_where_a_provider_vouches_for_the_sender() -> None:
    proving = {kind for kind, channel in CHANNELS.items() if channel.number_after is not None}

    assert proving == {"Channel::Whatsapp", "Channel::Sms", "Channel::TwilioSms"}


def test_two_channels_read_alike_only_where_they_are_one_to_people() -> None:
    words = [channel.words for channel in CHANNELS.values()]

    assert len(words) == len(set(words))
