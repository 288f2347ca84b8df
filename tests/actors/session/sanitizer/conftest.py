"""The long run of the property tests: `--hypothesis-profile=soak` (about a million cases)."""

from hypothesis import errors, settings

SOAK_EXAMPLES = 150_000

try:
    settings.get_profile("soak")
except errors.InvalidArgument:
    settings.register_profile("soak", max_examples=SOAK_EXAMPLES, deadline=None, database=None)
