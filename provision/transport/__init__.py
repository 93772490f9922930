"""Ways to reach a host, and the controller's half of the agent protocol.

`base` says what a way must offer; `ssh`, `local` and `fake` stand behind it. `payload` makes an
agent, `link` speaks with it. The only importer of Fabric and Paramiko.
"""
