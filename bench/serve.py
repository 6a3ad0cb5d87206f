"""`proctor serve` under load: is every answer that of its fingerprint's model while models are swapped,
and how far is its rate from what the engine does with the same questions as one batch?

    bench/serve.py BUILD_FOLDER [--quick] [--clients N] [--seconds N] [--model FOLDER]

One process of asyncio asks; its CPU time is taken from the same cores.  The batched rate is that of
`proctor complete` on as many lines, loading left out (the time of all lines less that of one).  On a busy
machine the two are as busy only by chance: the seconds of CPU beside them tell more."""
import argparse
import asyncio
import itertools
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_A = os.path.join(ROOT, "tests", "fixtures", "run_a")
OLD, NEW = (os.path.join(RUN_A, "checkpoints", "checkpoint-%d" % n) for n in (1574, 4500))


class Server:
    def __init__(self, program, folder, *args):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, "serve", folder, "--port", "0", *args], stderr=self.errors)
        while not (at := re.search(r":(\d+)/v1", self.said())):
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)
        self.port = int(at.group(1))

    def said(self):
        return os.pread(self.errors.fileno(), 1 << 20, 0).decode()

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            ticks = f.read().rsplit(")", 1)[1].split()[11:13]
        return sum(map(float, ticks)) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.said()


class Connection:
    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        return self

    async def ask(self, path, body):
        body = json.dumps(body).encode()
        self.writer.write(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                          b"Content-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        n = int(re.search(r"(?i)\ncontent-length: (\d+)", head).group(1))
        return int(head.split()[1]), json.loads(await self.reader.readexactly(n))

    def close(self):
        self.writer.close()


def completion(prompt, tokens):
    return {"model": "served", "prompt": prompt, "max_tokens": tokens, "temperature": 0}


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def complete(program, folder, prompts, tokens):
    """(seconds, seconds of CPU), answers."""
    begin, cpu = time.monotonic(), children_cpu()
    done = subprocess.run([program, "complete", folder, "--quiet", "--max-new-tokens=%d" % tokens],
                          input="".join(json.dumps({"prompt": p}) + "\n" for p in prompts).encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return (time.monotonic() - begin, children_cpu() - cpu), rows


def fingerprint(program, folder):
    return json.loads(subprocess.run([program, "inspect", folder, "--json"], stdout=subprocess.PIPE,
                                     check=True).stdout)["fingerprint"]


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p / 100 * len(values)))]


# ---- swaps ----------------------------------------------------------------------------------------

async def swap_load(port, prompts, clients, seconds, every):
    answers, failed, times = [], [], []
    end, over = time.monotonic() + seconds, asyncio.Event()

    async def client(k):
        c = await Connection().open(port)
        for i in itertools.count(k * 7):
            if over.is_set():
                break
            begin = time.monotonic()
            status, row = await c.ask("/v1/completions", completion(prompts[i % len(prompts)], 32))
            times.append(time.monotonic() - begin)
            if status == 200:
                answers.append((i % len(prompts), row["system_fingerprint"], row["choices"][0]["text"]))
            else:
                failed.append((status, row))
        c.close()

    async def swapper():
        c, swaps = await Connection().open(port), []
        while time.monotonic() + every < end:
            await asyncio.sleep(every)
            begin = time.monotonic()
            status, row = await c.ask("/v1/load", {"path": (NEW, OLD)[len(swaps) % 2]})
            assert (status, row["status"]) == (200, "loaded"), row
            swaps.append(time.monotonic() - begin)
        await asyncio.sleep(max(0, end - time.monotonic()))
        over.set()
        c.close()
        return swaps

    work = [asyncio.create_task(client(k)) for k in range(clients)]
    swaps = await swapper()
    for done in await asyncio.gather(*work, return_exceptions=True):
        if done:
            failed.append(done)
    return answers, failed, times, swaps


def measure_swaps(program, clients, seconds, every):
    with open(os.path.join(RUN_A, "validation.jsonl")) as f:
        prompts = [json.loads(line)["prompt"] for line in f]
    want = {fingerprint(program, folder): [row["text"] for row in complete(program, folder, prompts, 32)[1]]
            for folder in (OLD, NEW)}
    s = Server(program, OLD, "--name", "served")
    answers, failed, times, swaps = asyncio.run(swap_load(s.port, prompts, clients, seconds, every))
    s.stop()
    wrong = sum(want.get(f, {i: None})[i] != text for i, f, text in answers)
    mine = [sum(f == x for _, f, _ in answers) for x in want]
    print("swaps: %d clients for %d s, %d swaps (median %.2f s, longest %.2f s)" % (
        clients, seconds, len(swaps), percentile(swaps, 50), max(swaps)))
    print("  %d answers (%d and %d of the two models): %d failed, %d not those of their fingerprint's model" % (
        len(answers), *mine, len(failed), wrong))
    print("  seconds of an answer: median %.3f, 99 %% %.3f, longest %.3f" % (
        percentile(times, 50), percentile(times, 99), max(times)))
    for f in failed[:3]:
        print("  ", f)
    return not failed and not wrong and all(mine)


# ---- the rate -------------------------------------------------------------------------------------

async def rate_load(port, prompts, tokens, clients):
    rest, rows = iter(enumerate(prompts)), {}

    async def client():
        c = await Connection().open(port)
        for i, prompt in rest:
            status, rows[i] = await c.ask("/v1/completions", completion(prompt, tokens))
            assert status == 200, rows[i]
        c.close()

    begin = time.monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.monotonic() - begin, [rows[i] for i in range(len(prompts))]


def measure_rate(program, folder, clients, rounds, tokens, repeats):
    rng = random.Random(1)
    prompts = ["%d: what is %d plus %d, and %d times %d?" % (i, *(rng.randrange(10000) for _ in range(4)))
               for i in range(clients * rounds)]
    shares = []
    for _ in range(repeats):
        start, _ = complete(program, folder, prompts[:1], 1)
        took, rows = complete(program, folder, prompts, tokens)
        alone, alone_cpu = took[0] - start[0], took[1] - start[1]
        s = Server(program, folder, "--name", "served")
        before = s.cpu()
        own = time.process_time()
        served, got = asyncio.run(rate_load(s.port, prompts, tokens, clients))
        own, cpu = time.process_time() - own, s.cpu() - before
        s.stop()
        n = sum(row["usage"]["completion_tokens"] for row in got)
        assert [row["choices"][0]["text"] for row in got] == [row["text"] for row in rows], "answers differ"
        shares.append(alone / served)
        print("rate: %d answers, %d tokens, %d clients: %.0f tokens/s served, %.0f as one batch: %.0f %%; "
              "seconds of CPU: server %.1f, batch %.1f, clients %.1f" % (
                  len(prompts), n, clients, n / served, n / alone, 100 * shares[-1], cpu, alone_cpu, own))
    return percentile(shares, 50) >= 0.85


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--clients", type=int, default=256)
    p.add_argument("--seconds", type=int)
    p.add_argument("--model", help="checkpoint whose rate is measured (default: one of 33 M parameters is made)")
    a = p.parse_args()
    program = os.path.join(a.build, "src", "cli", "proctor")
    seconds = a.seconds or (10 if a.quick else 60)
    ok = measure_swaps(program, a.clients, seconds, 1 if a.quick else 5)
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as made:
        if not a.model:
            subprocess.run([os.path.join(a.build, "tools", "make-checkpoint"), made, "--preset", "smollm-135m",
                            "--layers", "8", "--vocab", "8192", "--tokenizer", "bytes"], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ok &= measure_rate(program, a.model or made, 64 if a.quick else a.clients, 1, 32, 1 if a.quick else 3)
    print("reached" if ok else "NOT reached")
    sys.exit(not ok)


if __name__ == "__main__":
    main()
