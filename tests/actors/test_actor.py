"""Random conversations with clients that read at once."""

from hypothesis import settings

from tests.conversations import Conversations

Conversations.TestCase.settings = settings(max_examples=settings().max_examples, stateful_step_count=30, deadline=None)
TestConversations = Conversations.TestCase
