"""Tables drawn from a rule, so that the best possible loss is known."""
