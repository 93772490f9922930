"""The forms that exact environments come in, to read and to write.

| form | read | written |
|---|---|---|
| ours (`lockfile`) | yes | yes |
| `@EXPLICIT`, `conda list --explicit` | yes | yes |
| conda-lock, version 1 | yes | yes |
| pixi.lock, rattler-lock | versions 1 to 7, through py-rattler | version 6 |
| `conda list --export`, requirements.txt | as something to solve | |
"""

from __future__ import annotations

from provision.conda.forms.reading import Input, read_input, read_locks
from provision.conda.forms.writing import FORMATS, form_path, form_text

__all__ = ["FORMATS", "Input", "form_path", "form_text", "read_input", "read_locks"]
