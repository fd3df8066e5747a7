"""`kolosal profile`: the page, JSON and HTML, on tables with known faults and on bad input."""

import json
import random
import unittest
from html.parser import HTMLParser

from kolosal_cli import CENSUS_TRAIN, CliTest, environment, toy_table


def faulty_table(n_rows=600):
    """A table with one fault per column."""
    draw = random.Random(3)
    lines = ["row_id,when,visit,total,amount,price,city,same,note,age,y"]
    for i in range(n_rows):
        y = i % 3 == 0
        when = f"2024-{i // 60 + 1:02}-{i % 28 + 1:02}" if i < 0 else f"2024-01-{i // 25 + 1:02}"
        cells = [f"K-{i:05}", when, f"V{(i // 6 * 37) % 100:03}", f"{10 * y + draw.random():.3f}",
                 "n/k" if i == 11 else f"{draw.random() * 50:.2f}", f"{draw.randrange(1, 90)},{draw.randrange(100, 999)} EUR",
                 "unknown" if i % 20 == 0 else draw.choice(["Bonn", "Köln", "Ulm"]), "x", "" if y else "seen",
                 "-999" if i % 40 == 0 else str(draw.randrange(18, 90)), "yes" if y else "no"]
        lines.append(",".join(f'"{c}"' if "," in c else c for c in cells))
    return "\n".join(lines) + "\n"


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects what refers to elsewhere."""

    VOID = {"meta", "br", "link", "img"}
    EMPTY_SVG = {"rect", "line", "circle", "polyline"}

    def __init__(self, text):
        super().__init__()
        self.open, self.errors, self.references, self.tags = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [v for k, v in attributes if k in ("src", "href") and not (v or "").startswith("#")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append((tag, self.getpos()))


class Profile(CliTest):
    def profile(self, content, *words):
        return self.run_json("profile", self.path("t.csv", content), *words)

    def test_finds_the_faults_of_a_table(self):
        profile = self.profile(faulty_table(), "--target", "y")
        flags = {c["name"]: {f["flag"] for f in c["flags"]} for c in profile["columns"]}
        for column, flag in {"row_id": "identifier", "when": "time_order", "visit": "group_blocks", "total": "target_leak",
                             "amount": "mixed_types", "price": "numbers_in_text", "city": "placeholder", "same": "constant",
                             "note": "telling_missing", "age": "placeholder", "y": "target_follows_rows"}.items():
            self.assertIn(flag, flags[column], column)
        self.assertEqual(profile["target"]["task"], "binary")
        self.assertEqual({c["value"]: c["rows"] for c in profile["target"]["classes"]}, {"false": 400, "true": 200})
        self.assertEqual(profile["missing"]["cells"], 200)
        self.assertEqual(profile["rows"], 600)

    def test_a_clean_table_has_no_warning(self):
        draw = random.Random(5)
        lines = ["a,b,y"] + [f"{draw.gauss(0, 1):.9f},{draw.choice('pqr')},{draw.choice(['u', 'v'])}" for _ in range(500)]
        profile = self.profile("\n".join(lines) + "\n", "--target", "y")
        self.assertEqual([f for c in profile["columns"] for f in c["flags"]] + profile["flags"], [])

    def test_pages_fit_their_width(self):
        data = self.path("t.csv", faulty_table())
        for width in (80, 120):
            text = self.run_ok("profile", data, "--target", "y", env=environment(COLUMNS=str(width))).stdout
            longest = max(text.splitlines(), key=len)
            self.assertLessEqual(len(longest), width, longest)
            for part in ["target     y: binary", "columns", "worth a look", "!! total", "power"]:
                self.assertIn(part, text)

    def test_html_stands_alone(self):
        page_file = self.path("page.html")
        hostile = faulty_table().replace("Bonn", "<script>alert(1)</script>").replace("city", "<b>&city")
        done = self.run_ok("profile", self.path("t.csv", hostile), "--target", "y", "--html", page_file)
        self.assertIn("page.html", done.stderr)
        text = page_file.read_text(encoding="utf-8")
        page = Page(text)
        self.assertEqual((page.errors, page.open, page.references), ([], [], []))
        self.assertNotIn("script", page.tags)
        self.assertNotIn("url(", text)
        self.assertIn("&lt;script&gt;", text)
        self.assertGreater(page.tags.count("svg"), 20)
        for part in ['id="findings"', 'id="target"', 'id="missing"', 'id="pairs"', "prefers-color-scheme: dark"]:
            self.assertIn(part, text)

    def test_same_bytes_for_any_number_of_threads(self):
        data, outputs = self.path("t.csv", faulty_table(3000)), []
        for threads in ("1", "2", "5"):
            html = self.path("p.html")
            text = self.run_ok("profile", data, "--target", "y", "--json", "--html", html, "--threads", threads).stdout
            outputs.append((text, html.read_bytes()))
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])

    def test_info_is_the_short_form(self):
        data = self.path("t.csv", faulty_table())
        info, profile = self.run_json("info", data), self.run_json("profile", data)
        for short, long in zip(info["columns"], profile["columns"]):
            for key in ("name", "type", "reason", "missing", "distinct"):
                self.assertEqual(short[key], long[key])
        self.assertEqual(info["associations"], [])

    def test_census(self):
        profile = self.run_json("profile", CENSUS_TRAIN, "--target", "income")
        self.assertEqual([f for c in profile["columns"] for f in c["flags"] if f["flag"] == "target_leak"], [])
        power = {c["name"]: c["target"]["power"] for c in profile["columns"] if "target" in c}
        self.assertGreater(power["age"], 0.3)
        self.assertGreater(len(profile["associations"]), 50)

    # ---- bad and strange input -------------------------------------------------------------------------

    def test_bad_calls(self):
        data = self.path("t.csv", toy_table())
        self.assert_refused(["profile"], 2, "kolosal profile needs")
        self.assert_refused(["profile", data, "--target", "targte"], 3, "targte", "did you mean 'target'?")
        self.assert_refused(["profile", data, "--target", "colour", "--task", "regression"], 3, '"colour"', "category")
        self.assert_refused(["profile", data, "--max-columns", "0"], 2, "at least 1")
        self.assert_refused(["profile", self.path("absent.csv")], 3, "absent.csv")
        self.assert_refused(["profile", self.path("e.csv", "")], 3, "empty")
        self.assert_refused(["profile", self.path("h.csv", "a,b\n")], 3, "no rows below it")

    def test_unwritable_page(self):
        data = self.path("t.csv", toy_table())
        line = self.assert_refused(["profile", data, "--html", self.folder / "no" / "p.html"], 3, "p.html")
        self.assertIn("the folder does not exist", line)
        self.assert_refused(["profile", data, "--html", "/dev/full"], 3, "/dev/full")

    def test_small_and_odd_tables(self):
        for content in ["a,b\n1,x\n", "a\n" + "1\n2\n" * 30, "a,b\n" + ",\n" * 50, "a,b\n1,\n2,\n"]:
            for target in ([], ["--target", "a"]):
                data, page = self.path("t.csv", content), self.path("p.html")
                self.run_ok("profile", data, *target, "--html", page)
                self.assertEqual(Page(page.read_text()).errors, [])
                json.loads(self.run_ok("profile", data, *target, "--json").stdout)

    def test_ten_thousand_columns(self):
        n = 10_000
        draw = random.Random(1)
        rows = [",".join(f"c{i}" for i in range(n))]
        rows += [",".join(str(draw.randrange(100)) for _ in range(n)) for _ in range(30)]
        data, page = self.path("wide.csv", "\n".join(rows) + "\n"), self.path("p.html")
        text = self.run_ok("profile", data, "--target", "c7", "--html", page).stdout
        self.assertLess(len(text.splitlines()), 150)
        self.assertIn("and 9,950 less remarkable columns", text)
        self.assertLess(page.stat().st_size, 3_000_000)
        self.assertIn("The 200 most remarkable of 10,000 columns", page.read_text())


if __name__ == "__main__":
    unittest.main()
