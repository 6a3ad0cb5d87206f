"""proctor rollback: what was served before is served again, whatever the target is."""
import os
import shutil

from deploying import BETTER, GOOD, deploy, original, status_of, weights, world
from harness import proctor, run


def test_a_real_folder_is_exchanged_and_becomes_a_version_of_its_own():
    with world() as (folder, target, server):
        shutil.copytree(original("checkpoint-1574"), target)
        with open(os.path.join(target, "notes.txt"), "w") as f:
            f.write("mine")
        inode = os.stat(target).st_ino
        deploy(folder, GOOD)
        assert not os.path.islink(target) and weights(target) == weights(original(GOOD))
        versions = target + ".versions"
        own = [n for n in os.listdir(versions) if os.path.exists(os.path.join(versions, n, "notes.txt"))]
        assert len(own) == 1 and os.stat(os.path.join(versions, own[0])).st_ino == inode
        deploy(folder, BETTER)
        served = [x for x in proctor("deploy", "--list", "--base-dir", folder).out.split("\n") if "yes" in x.split()]
        assert len(served) == 1 and served[0].startswith(BETTER), served
        assert weights(target) == weights(original(BETTER))
        proctor("rollback", "--base-dir", folder)
        assert weights(target) == weights(original(GOOD))
        proctor("rollback", own[0], "--base-dir", folder)
        assert os.stat(target).st_ino == inode and os.path.exists(os.path.join(target, "notes.txt"))
        kept = status_of(folder)["versions"]
        assert sorted(v["checkpoint"] for v in kept) == sorted([GOOD, BETTER]), kept


def test_a_link_of_the_users_own_is_gone_back_to():
    with world() as (folder, target, server):
        os.symlink(original("checkpoint-1574"), target)
        deploy(folder, GOOD)
        assert status_of(folder)["previous"] == original("checkpoint-1574")
        proctor("rollback", "--base-dir", folder)
        assert os.readlink(target) == original("checkpoint-1574")
        assert weights(server.served.copy.name) == weights(original("checkpoint-1574"))


def test_there_must_be_something_to_go_back_to():
    with world() as (folder, target, server):
        assert "what was served before is not known" in proctor(
            "rollback", "--base-dir", folder, status=1).err
        deploy(folder, GOOD)
        made = status_of(folder)["history"][0]
        assert made["by"] == "hand" and "run_step" not in made and "run" not in made, made
        assert "no version's name" in proctor("rollback", "../x", "--base-dir", folder, status=2).err
        assert "--list" in proctor("rollback", "nothing", "--base-dir", folder, status=1).err
        assert weights(target) == weights(original(GOOD))


run(globals())
