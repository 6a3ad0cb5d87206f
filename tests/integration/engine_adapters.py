"""LoRA adapters beside their bases, and configurations that the tiny checkpoints do not have, against
float64 (made by make_lora_reference.py)."""
import os
import tempfile
import unittest

import support as s

TOLERANCE = 1e-4


def folders(kind):
    top = s.fixture(kind)
    return [(name, os.path.join(top, name), s.read_json(os.path.join(top, name, "reference.json")))
            for name in sorted(os.listdir(top))]


class AgainstReference(unittest.TestCase):
    def check(self, name, folder, reference, *options, env=None):
        rows = [{"ids": q["token_ids"]} for q in reference["sequences"]]
        got = s.score(folder, rows, "--dtype", "f32", *options, env=env)
        worst = max(s.max_abs(g["logprobs"], q["token_logprobs"])
                    for g, q in zip(got, reference["sequences"]))
        print(f"{name} {(env or {}).get('PROCTOR_ISA', '')}: max |Δ logprob| {worst:.2e}")
        self.assertLessEqual(worst, TOLERANCE, name)
        return got


class Adapters(AgainstReference):
    def test_an_adapter_is_applied_beside_its_base(self):
        for isa in s.isas():
            for name, folder, reference in folders("adapters"):
                with self.subTest(adapter=name, isa=isa):
                    base = s.model_dir(reference["base"])
                    got = self.check(name, folder, reference, "--base-model", base,
                                     env={"PROCTOR_ISA": isa})
                    rows = [{"ids": q["token_ids"]} for q in reference["sequences"]]
                    without = s.score(base, rows, "--dtype", "f32", env={"PROCTOR_ISA": isa})
                    self.assertGreater(max(s.max_abs(a["logprobs"], b["logprobs"])
                                           for a, b in zip(got, without)), 100 * TOLERANCE,
                                       f"{name} changes nothing: the test proves nothing")

    def test_the_base_is_found_by_configuration(self):
        name, folder, reference = folders("adapters")[-1]
        wanted = s.read_json(os.path.join(folder, "adapter_config.json"))["base_model_name_or_path"]
        with tempfile.TemporaryDirectory() as tmp:
            with open(os.path.join(tmp, "proctor.yaml"), "w", encoding="utf-8") as f:
                f.write(f"models:\n  bases:\n    {wanted}: {s.model_dir(reference['base'])}\n")
            self.check(name, folder, reference, "--base-dir", tmp)

    def test_a_base_that_is_nowhere_is_an_error_that_names_the_places(self):
        _, folder, reference = folders("adapters")[0]
        rows = s.lines_in([{"ids": reference["sequences"][0]["token_ids"]}])
        with tempfile.TemporaryDirectory() as tmp:
            _, err = s.run(["score", folder, "--base-dir", tmp], rows, expect=1,
                           env={"HF_HOME": tmp, "HF_HUB_CACHE": tmp})
        for place in ("--base-model", "models.bases", "Hugging Face"):
            self.assertIn(place, err)

    def test_bits_do_not_depend_on_packing_with_an_adapter_either(self):
        for name, folder, reference in folders("adapters"):
            base = s.model_dir(reference["base"])
            rows = [{"ids": q["token_ids"]} for q in reference["sequences"]]
            for dtype in ("f32", "bf16"):
                options = ("--base-model", base, "--dtype", dtype)
                packed = s.score_text(folder, rows, *options)
                for row, line in zip(rows, packed):
                    alone = s.score_text(folder, [row], *options, "--threads", "1")
                    self.assertEqual(alone[0], line, f"{name} {dtype}")


class Variants(AgainstReference):
    def test_every_configuration_gives_the_numbers_of_the_reference(self):
        for isa in s.isas():
            for name, folder, reference in folders("variants"):
                with self.subTest(variant=name, isa=isa):
                    self.check(name, folder, reference, env={"PROCTOR_ISA": isa})


if __name__ == "__main__":
    s.main()
