"""deploy/systemd: the units are what systemd takes without a word, and start what this proctor knows."""
import os
import re
import shutil
import subprocess

import harness
from harness import proctor, scratch

UNITS = os.path.join(harness.ROOT, "deploy", "systemd")
SYSTEM, USER, TEMPLATE = "proctor.service", "proctor-user.service", "proctor-system@.service"
# What graders need to shut themselves in.
SANDBOX = {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}


def read(unit):
    with open(os.path.join(UNITS, unit), encoding="utf-8") as f:
        return f.read()


def settings(unit):
    """Key → values of the [Service] section."""
    found = {}
    for line in read(unit).split("[Service]")[1].split("[Install]")[0].split("\n"):
        m = re.match(r"([A-Za-z]+)=(.*)", line)
        if m:
            found.setdefault(m.group(1), []).append(m.group(2))
    return found


def analyze(*args, folder):
    return subprocess.run(["systemd-analyze", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "XDG_RUNTIME_DIR": folder, "HOME": folder, "SYSTEMD_COLORS": "0"})


def placed(unit, folder, name=None):
    """A copy whose program is this build's, since systemd looks whether it is there."""
    path = os.path.join(folder, name or unit)
    with open(path, "w") as f:
        f.write(re.sub(r"ExecStart=\S+", "ExecStart=" + harness.PROCTOR, read(unit)))
    return path


def installed():
    if shutil.which("systemd-analyze"):
        return True
    print("skipped: systemd-analyze is not installed")
    return False


def test_systemd_takes_the_units_without_a_word():
    if not installed():
        return
    with scratch() as folder:
        for args, path in (
                (("verify",), placed(SYSTEM, folder)),
                (("verify",), placed(TEMPLATE, folder, "proctor-system@regression-monitor.service")),
                (("--user", "verify"), placed(USER, folder))):
            done = analyze(*args, path, folder=folder)
            assert done.returncode == 0 and not done.stdout, path + "\n" + done.stdout


def test_verifying_would_tell_a_unit_that_is_wrong():
    if not installed():
        return
    with scratch() as folder:
        path = placed(SYSTEM, folder)
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("ProtectSystem=", "ProtectSystm="))
        assert "ProtectSystm" in analyze("verify", path, folder=folder).stdout


def test_the_services_of_the_machine_are_shut_in():
    if not installed():
        return
    with scratch() as folder:
        for path in (placed(SYSTEM, folder), placed(TEMPLATE, folder, "proctor-system@regression-monitor.service")):
            done = analyze("security", "--offline=yes", "--threshold=20", path, folder=folder)
            assert done.returncode == 0, done.stdout  # 2.0 of 10; an unrestricted service has 9.6


def test_graders_may_shut_themselves_in():
    for unit in (SYSTEM, USER, TEMPLATE):
        allowed = " ".join(settings(unit)["SystemCallFilter"]).split()
        assert SANDBOX <= set(allowed) and not [w for w in allowed if w.startswith("~")], allowed
        assert settings(unit)["NoNewPrivileges"] == ["yes"]


def test_they_start_what_this_proctor_knows():
    commands = re.findall(r"^  ([a-z-]+) ", proctor("help").out, re.M)
    for unit in (SYSTEM, USER, TEMPLATE):
        words = settings(unit)["ExecStart"][0].split()
        name = words[1].replace("%i", "regression-monitor")
        assert name in commands, name + " is no command of " + " ".join(commands)
        text = proctor("help", name).out
        for word in words[2:]:
            if word.startswith("--"):
                assert re.search(r"^ +%s\b" % word, text, re.M), "%s has no %s" % (name, word)


def test_the_base_folder_is_the_same_throughout():
    for unit in (SYSTEM, TEMPLATE):
        base = settings(unit)["ExecStart"][0].split("--base-dir ")[1]
        assert settings(unit)["ReadWritePaths"] == [base]
        assert "RequiresMountsFor=%s\n" % base in read(unit)


harness.run(globals())
