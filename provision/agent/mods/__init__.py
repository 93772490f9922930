"""Host halves of actions, one file each.

A module offers `main(ctx, args) -> Result`. `args` is the action's rendered and validated
argument mapping. Optional: `prepare(ctx, [args, ...])` observes for many steps at once and
returns what `ctx.prepared` then holds until something on the host changes.
"""
