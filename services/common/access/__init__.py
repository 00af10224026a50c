"""Who may call: keys, what each lets its holder do, and the rule for networks."""
