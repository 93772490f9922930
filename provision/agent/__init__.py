"""The half that runs on a host: Python 3.8 or newer, standard library only.

It arrives over the connection as one payload (see `provision.transport.payload`), lives in
memory and leaves nothing behind. Modules are chosen for what they cost to import there:
`re`, `json`, `hashlib`, `subprocess` and `signal` together cost more than an interpreter
start, so the core uses the C modules beneath them and the rest is imported where needed.

    core    frames, batches, the observe → compare → apply → observe loop
    proc    starting programs and ending them with the agent
    fs      reading and atomically writing files
    mods/   one file for each action's host half
"""
