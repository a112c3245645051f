"""From the domain's values to what people see: Block Kit and Markdown. Pure; called by engines and doors."""
