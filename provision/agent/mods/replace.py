"""Every match of a regular expression in a text file.

args: regexp, replace, after, before, encoding, and what `Edit` takes.
"""

from __future__ import annotations

from provision.agent import edits
from provision.agent.core import Fail
from provision.agent.edits import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

    from provision.agent.core import Args, Context, Result


class Replaced(Edit):
    def needs_file(self) -> bool:
        return True

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        import re

        encoding = self.args.get("encoding", "utf-8")
        try:
            text = (old or b"").decode(encoding, "surrogateescape")
            start, end = self._section(text)
            if start < 0:
                return old
            section = text[start:end]
            mask = re.compile(self.args["regexp"], re.MULTILINE)
            new, count = mask.subn(self.args.get("replace", ""), section)
            if count and new != section:
                self.msg = "%d replacements made" % count
                return (text[:start] + new + text[end:]).encode(encoding, "surrogateescape")
        except (re.error, IndexError) as exc:
            words = "Unable to process replace due to error: %s" % exc
            raise Fail(words, path=self.said) from None
        except (LookupError, UnicodeError) as exc:
            raise Fail("%s is not %s: %s" % (self.said, encoding, exc), path=self.said) from None
        return old

    def _section(self, text: str) -> Tuple[int, int]:
        """Start and end of what may change; (-1, -1) when its bounds are not found."""
        import re

        after, before = self.args.get("after"), self.args.get("before")
        if not after and not before:
            return 0, len(text)
        if after and before:
            bounds = "%s(?P<subsection>.*?)%s" % (after, before)
        elif after:
            bounds = "%s(?P<subsection>.*)" % after
        else:
            bounds = "(?P<subsection>.*)%s" % before
        match = re.search(bounds, text, re.DOTALL)
        if match is None:
            self.msg = "Pattern for before/after params did not match the given file: " + bounds
            return -1, -1
        return match.span("subsection")


def main(ctx: Context, args: Args) -> Result:
    return edits.run(ctx, Replaced(ctx, args))
