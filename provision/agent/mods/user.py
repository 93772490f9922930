"""Users. Observed in the host's databases; when all is as wanted no program is run."""

from __future__ import annotations

import grp
import os
import pwd

from provision.agent import accounts, core, fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_DAY_S = 86400
#: argument → column of /etc/shadow, option of chage
_AGING = {
    "password_expire_min": (3, "-m"),
    "password_expire_max": (4, "-M"),
    "password_expire_warn": (5, "-W"),
    "password_expire_account_disable": (6, "-I"),
}


def _bare(hashed: str) -> str:
    """The hash without the marks of a lock; `!` for a password that nothing matches."""
    return hashed.lstrip("!") or ("!" if hashed else "")


class UserState(core.State):
    """One user: flat keys, None for what a missing user has not."""

    secret = ("password",)

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.name: str = args["name"]
        self.warnings: List[str] = []
        self.made = False
        self.shadow_needed = (
            args.get("password") is not None
            or args.get("password_lock") is not None
            or args.get("expires") is not None
            or any(args.get(key) is not None for key in _AGING)
        )

    # -- observing --------------------------------------------------------------------

    def observe(self) -> Dict[str, Any]:
        entry = accounts.user(self.name, self.args.get("local", False))
        if entry is None:
            return {"state": "absent"}
        now: Dict[str, Any] = {
            "state": "present",
            "uid": entry.pw_uid,
            "group": entry.pw_gid,
            "comment": entry.pw_gecos,
            "home": entry.pw_dir,
            "shell": entry.pw_shell,
        }
        if self.args.get("groups") is not None:
            now["groups"] = sorted(accounts.further_groups(self.name, entry.pw_gid))
        if self.args.get("create_home"):
            now["home_exists"] = os.path.isdir(self.args.get("home") or entry.pw_dir)
        if self.args.get("generate_ssh_key"):
            now["ssh_key"] = os.path.exists(self._key_file(entry.pw_dir))
        if self.shadow_needed:
            now.update(self._shadow())
        return now

    def _shadow(self) -> Dict[str, Any]:
        line = accounts.shadow(self.name)
        hashed = line[1]
        now: Dict[str, Any] = {
            "password": _bare(hashed),
            "password_lock": hashed.startswith("!"),
            "expires": int(line[7]) if line[7] else -1,
        }
        for key, (column, _) in _AGING.items():
            now[key] = int(line[column]) if line[column] else -1
        return now

    def _key_file(self, home: str) -> str:
        default = ".ssh/id_" + self.args["ssh_key_type"]
        return os.path.join(home, self.args.get("ssh_key_file") or default)

    # -- what is wanted ---------------------------------------------------------------

    def desired(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        wanted: Dict[str, Any] = {"state": args["state"]}
        if args["state"] == "absent":
            return wanted
        for key in ("uid", "comment", "home", "shell"):
            if args.get(key) is not None:
                wanted[key] = args[key]
        if args.get("group") is not None:
            wanted["group"] = self._gid(args["group"])
        if args.get("groups") is not None:
            wanted["groups"] = self._groups(observed)
        if args.get("create_home") and observed["state"] == "present":
            wanted["home_exists"] = True
        if args.get("generate_ssh_key"):
            wanted["ssh_key"] = True
        if self.shadow_needed:
            wanted.update(self._wanted_shadow(observed))
        return wanted

    def _wanted_shadow(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        wanted: Dict[str, Any] = {}
        new = observed["state"] == "absent" or self.made
        if args.get("password") is not None and (new or args["update_password"] == "always"):
            wanted["password"] = bare = _bare(args["password"])
            locked = args["password"].startswith("!") and bare != "!"
            if locked and args.get("password_lock") is None:
                wanted["password_lock"] = True
        if args.get("password_lock") is not None:
            wanted["password_lock"] = args["password_lock"]
        if args.get("expires") is not None:
            wanted["expires"] = -1 if args["expires"] < 0 else int(args["expires"] // _DAY_S)
        for key in _AGING:
            if args.get(key) is not None:
                wanted[key] = max(-1, args[key])
        return wanted

    def _gid(self, group: str) -> Any:
        """The primary group's number; its name while an earlier task of a check makes it."""
        gid = accounts.gid_of(group)
        if gid is None:
            self._missing(group)
            return group
        return gid

    def _groups(self, observed: Observed) -> List[str]:
        names = set()
        for group in self.args["groups"]:
            try:
                entry = grp.getgrgid(int(group)) if group.isdigit() else grp.getgrnam(group)
                names.add(entry.gr_name)
            except KeyError:
                self._missing(group)
                names.add(group)
        primary = observed.get("group")
        if self.args.get("group") is not None:
            primary = accounts.gid_of(self.args["group"])
        names = {name for name in names if accounts.gid_of(name) != primary or primary is None}
        if self.args.get("append"):
            names.update(observed.get("groups") or ())
        return sorted(names)

    def _missing(self, group: str) -> None:
        if not self.ctx.check:
            raise core.Fail("Group %s does not exist" % group, name=self.name)
        words = "there is no group %s on the host yet" % group
        if words not in self.warnings:
            self.warnings.append(words)

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key == "group":
            before, after = (
                fs.group_name(gid) if isinstance(gid, int) else gid for gid in (before, after)
            )
        elif key == "expires":
            before, after = (
                "never" if days == -1 else accounts.date_of(days) if days else days
                for days in (before, after)
            )
        return {"key": key, "before": before, "after": after}

    # -- applying ---------------------------------------------------------------------

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if wanted["state"] == "absent":
            self._remove()
            return
        if observed["state"] == "absent":
            self._add(wanted)
            self.made = True
        else:
            self._modify(wanted, changes)
        if observed["state"] == "absent" or "home_exists" in changes:
            self._home()
        if "password" in changes:
            self._password(wanted["password"])
        if "password_lock" in changes or ("password" in changes and "password_lock" in wanted):
            self._lock(wanted["password_lock"])
        if any(key in changes for key in _AGING):
            self._aging(wanted)
        if "ssh_key" in changes:
            accounts.make_key(self.ctx, self.name, self._key_file(self._entry_home()), self.args)

    def _remove(self) -> None:
        argv = ["userdel"]
        if self.args.get("force"):
            argv.append("-f")
        if self.args.get("remove"):
            argv.append("-r")
        # 12: the home directory or the mail is not there or not the user's own
        self.ctx.run(argv + ["--", self.name], ok=(0, 12))

    def _add(self, wanted: Observed) -> None:
        args = self.args
        argv = ["useradd"] + self._common(wanted, wanted.keys())
        if args.get("group") is None and accounts.gid_of(self.name, numbers=False) is not None:
            argv.append("-N")  # a group of that name is there already
        if wanted.get("groups"):
            argv += ["-G", ",".join(wanted["groups"])]
        if args.get("system"):
            argv.append("-r")
        for key, option in (("uid_min", "UID_MIN"), ("uid_max", "UID_MAX"), ("umask", "UMASK")):
            if args.get(key) is not None:
                argv += ["-K", "%s=%s" % (option, args[key])]
        if args.get("seuser"):
            argv += ["-Z", args["seuser"]]
        argv += self._home_options()
        self.ctx.run(argv + ["--", self.name])

    def _home_options(self) -> List[str]:
        home = self.args.get("home")
        if not self.args.get("create_home") or (home and os.path.isdir(home)):
            return ["-M"]
        if home:
            os.makedirs(os.path.dirname(home.rstrip("/")) or "/", exist_ok=True)
        skeleton = self.args.get("skeleton")
        return ["-m"] + (["-k", skeleton] if skeleton else [])

    def _modify(self, wanted: Observed, changes: Sequence[str]) -> None:
        argv = self._common(wanted, changes)
        if "home" in changes and self.args.get("move_home"):
            argv.append("-m")
        if "groups" in changes:
            argv += ["-G", ",".join(wanted["groups"])]
        if argv:
            self.ctx.run(["usermod"] + argv + ["--", self.name])

    def _common(self, wanted: Observed, changes: Any) -> List[str]:
        """Options that useradd and usermod share."""
        argv: List[str] = []
        for key, option in (
            ("uid", "-u"),
            ("group", "-g"),
            ("comment", "-c"),
            ("home", "-d"),
            ("shell", "-s"),
        ):
            if key in changes and key in wanted:
                argv += [option, str(wanted[key])]
        if "uid" in changes and self.args.get("non_unique"):
            argv.append("-o")
        if "expires" in changes and "expires" in wanted:
            days = wanted["expires"]
            argv += ["-e", "" if days < 0 else accounts.date_of(days)]
        return argv

    def _entry_home(self) -> str:
        return pwd.getpwnam(self.name).pw_dir

    def _home(self) -> None:
        """A home directory where useradd made none."""
        entry = pwd.getpwnam(self.name)
        if self.args.get("create_home") and not os.path.isdir(entry.pw_dir):
            accounts.make_home(entry, self.args.get("skeleton"), self.args.get("umask"))

    def _password(self, hashed: str) -> None:
        # On standard input: a program's arguments can be read by everyone on the host.
        line = ("%s:%s\n" % (self.name, hashed)).encode()
        self.ctx.run(["chpasswd", "-e"], stdin=line)

    def _lock(self, locked: bool) -> None:
        if accounts.shadow(self.name)[1].startswith("!") != locked:
            self.ctx.run(["usermod", "-L" if locked else "-U", "--", self.name])

    def _aging(self, wanted: Observed) -> None:
        argv = ["chage"]
        for key, (_, option) in _AGING.items():
            if key in wanted:
                argv += [option, str(wanted[key])]
        self.ctx.run(argv + [self.name])

    # -- answering --------------------------------------------------------------------

    def data(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        values: Dict[str, Any] = {"name": self.name, "state": args["state"]}
        if args["state"] == "absent":
            values["remove"] = args.get("remove", False)
            values["force"] = args.get("force", False)
            return values
        for key in ("uid", "group", "comment", "home", "shell"):
            if observed.get(key) is not None:
                values[key] = observed[key]
        if args.get("groups") is not None:
            values["groups"] = ",".join(args["groups"])
            values["append"] = args.get("append", False)
        if args.get("password") is not None:
            values["password"] = "NOT_LOGGING_PASSWORD"
        values["move_home"] = args.get("move_home", False)
        if args.get("generate_ssh_key") and not self.ctx.check:
            values.update(accounts.describe_key(self._key_file(self._entry_home())))
        return values


def main(ctx: Context, args: Args) -> Result:
    """args: as the action's."""
    state = UserState(ctx, args)
    result = core.converge(ctx, state)
    if state.warnings:
        result["data"]["warnings"] = state.warnings
    return result
