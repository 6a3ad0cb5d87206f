"""A real sshd on the loopback, as the current user, with keys of its own in a scratch folder; and a proxy that cuts
connections.  For tests that move checkpoints."""
import getpass
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")


def missing():
    """What this machine lacks, or None."""
    for program in ("ssh", "rsync", "ssh-keygen"):
        if not shutil.which(program):
            return program
    return None if SSHD else "sshd"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def keygen(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    with open(path + ".pub", encoding="ascii") as f:
        return f.read()


class Sshd:
    """With `poor_key`, a login finds only what `poor_path` holds in its PATH.  within: a command that runs another one where the
    host is, such as in its network namespace; address: its own there."""

    def __init__(self, scratch, poor_path=None, address="127.0.0.1", within=()):
        self.address, self.within = address, list(within)
        self.dir = os.path.join(scratch, "ssh")
        os.makedirs(self.dir, mode=0o700)
        self.host_key = keygen(self.path("host"))
        self.other_host_key = keygen(self.path("other_host"))
        key, poor = keygen(self.path("key")), keygen(self.path("poor_key"))
        keygen(self.path("stranger"))
        self.write("authorized", key + (f'environment="PATH={poor_path}" {poor}' if poor_path else ""))
        self.port = free_port()
        self.write("sshd_config", f"""
            Port {self.port}
            ListenAddress {self.address}
            HostKey {self.path("host")}
            AuthorizedKeysFile {self.path("authorized")}
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            PermitUserEnvironment yes
            UseDNS no
            PrintMotd no
            MaxStartups 100
            KexAlgorithms curve25519-sha256
            """)
        self.write("known", f"[{self.address}]:{self.port} {self.host_key}")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.process = None
        self.start()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(self.path(name), 0o600)

    def start(self):
        log = open(self.path("log"), "ab")
        self.process = subprocess.Popen([*self.within, SSHD, "-D", "-e", "-f", self.path("sshd_config")], stderr=log)
        log.close()
        if self.within:  # not to be reached from here
            time.sleep(0.3)
            assert self.process.poll() is None, open(self.path("log"), encoding="utf-8").read()
            return
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, open(self.path("log"), encoding="utf-8").read()
                time.sleep(0.02)
        raise AssertionError("sshd does not listen")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def trust(self, port, key=None):
        """known_hosts also knows this port, by the right key or another."""
        with open(self.path("known"), "a", encoding="ascii") as f:
            f.write(f"[127.0.0.1]:{port} {key or self.host_key}")

    def options(self, port=None, key="key"):
        found = ["--host", "127.0.0.1", "--user", getpass.getuser(), "--port", str(port or self.port)]
        for option in (f"IdentityFile={self.path(key)}", "IdentitiesOnly=yes", f"UserKnownHostsFile={self.path('known')}",
                       "GlobalKnownHostsFile=/dev/null", "IdentityAgent=none"):
            found += ["-o", option]
        return found


class Cutter:
    """A proxy to a port that cuts connections: after so many bytes of all of them together, then after so many more, …"""

    def __init__(self, to, gaps):
        self.to, self.gaps, self.cuts = to, list(gaps), 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def allowed(self, n):
        """Of n bytes, those that pass; fewer than n: the connection is cut behind them."""
        with self.lock:
            if not self.gaps or n < self.gaps[0]:
                if self.gaps:
                    self.gaps[0] -= n
                return n
            self.cuts += 1
            return self.gaps.pop(0) - 1

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.to)) as server:
            other = {client: server, server: client}
            while True:
                for s in select.select([client, server], [], [])[0]:
                    try:
                        data = s.recv(65536)
                        n = self.allowed(len(data)) if data else 0
                        other[s].sendall(data[:n])
                    except OSError:
                        return
                    if not data or n < len(data):
                        return

    def close(self):
        self.listener.close()


if __name__ == "__main__":
    sys.exit("a module of the integration tests")
