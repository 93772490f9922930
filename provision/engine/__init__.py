"""Who does what when: hosts, batches, barriers, handlers, retries, events. Never prints.

`run` is the way in; `hostrun` walks a play for one host, `preparer` renders its tasks,
`performer` sends them in batches and takes the answers, `scheduler` drives the hosts.
"""
