"""The works that `./x bench` measures, each beside its goal.

A row runs ovlsniff and its peers in turn, on one thread and on two. A goal is a bound on one ratio: `Most(1.35, "cat")` asks
that ovlsniff take at most 1.35 times as long as cat, `Least(8, "ngrep")` that ngrep take at least 8 times as long as
ovlsniff. Ratios to cat hold from machine to machine better than those to ngrep.
"""

from dataclasses import dataclass, field

HARD = r"(GET|POST) /[a-z0-9]+ HTTP/1\.[01]"
MAIL = r"[a-z]+@[a-z]+\.com"
VERIFY = ["verify", "--vni", "4097", "--local", "192.0.2.1", "--peer", "192.0.2.2"]
# What stands for the path of the capture in a command.
FILE = "FILE"


@dataclass
class Most:
    bound: float
    peer: str

    def met(self, ratio):
        return round(ratio, 2) <= self.bound

    def __str__(self):
        return f"≤ {self.bound:g} × {self.peer}"


@dataclass
class Least:
    bound: float
    peer: str

    def met(self, ratio):
        return round(1 / ratio, 1) >= self.bound

    def __str__(self):
        return f"≥ {self.bound:g} × {self.peer}"


@dataclass
class Row:
    """One work on one capture. A peer that is a list of words without a program is ovlsniff with other options."""

    work: str
    capture: str
    ours: list
    peers: dict
    one: list = field(default_factory=list)
    two: list = field(default_factory=list)
    # Slow peers read the first 100 MB only.
    cut: bool = False
    rounds: int = 0
    ending: str = ""
    piped: bool = False


@dataclass
class Ours:
    """ovlsniff itself as a peer, with other options."""

    words: list


def grep(*words):
    return ["--no-drop", "-r", FILE, *words]


def ngrep(*words):
    return ["ngrep", "-I", FILE, *words]


CAT = {"cat": ["cat", FILE]}


def rows():
    yield from literal()
    yield from marks()
    yield from patterns()
    yield from printing()
    yield from narrowed()
    yield from sources()


def literal():
    quiet = grep("-q", "HTTP")
    peers = {**CAT, "ngrep": ngrep("-q", "HTTP")}
    for capture in ["http", "vxlan", "mixed"]:
        yield Row("literal, -q", capture, quiet, peers, [Most(1.35, "cat")], [Most(0.8, "cat"), Least(8, "ngrep")])
    yield Row("literal, -q", "esp", quiet, peers, [Most(1.1, "cat")], [Most(0.7, "cat")])
    yield Row("literal, -q", "small", quiet, peers, [Most(2.0, "cat")], [Most(1.2, "cat"), Least(25, "ngrep")])


def marks():
    for capture, least in [("http", 9), ("vxlan", 9), ("esp", 7.5), ("small", 34)]:
        peers = {"-q": Ours(grep("-q", "HTTP")), "ngrep": ngrep("HTTP")}
        yield Row("marks", capture, grep("HTTP"), peers, [Most(1.5, "-q")], [Least(least, "ngrep")])


def patterns():
    def row(work, capture, words, theirs, least):
        return Row(work, capture, grep("-q", *words), {**CAT, "ngrep": ngrep("-q", *theirs)}, [], [Least(least, "ngrep")])

    for capture, least in [("http", 7), ("vxlan", 7), ("small", 17)]:
        yield row("case, -y", capture, ["-y", "HTTP"], ["-i", "HTTP"], least)
    for capture, least in [("http", 6), ("small", 22)]:
        yield row("regex, hard", capture, [HARD], [HARD], least)
    yield row("regex, mail", "http", [MAIL], [MAIL], 25)


def printing():
    """Everything. Printing has no goal of its own on two threads but twice that of one."""

    def row(work, capture, words, peer, theirs, least):
        goals = [[Least(bound, peer)] for bound in (least, 2 * least)]
        return Row(work, capture, grep(*words), {peer: theirs}, *goals, cut=True, rounds=3)

    yield row("text", "http", ["-q", ""], "ngrep", ngrep("-q", ""), 34)
    yield row("text", "small", ["-q", ""], "ngrep", ngrep("-q", ""), 12)
    yield row("hex", "http", ["-q", "-x", ""], "ngrep", ngrep("-q", "-x", ""), 40)
    tshark = ["tshark", "-n", "-r", FILE, "-T", "ek"]
    yield row("json", "http", ["--json", "--all", ""], "tshark -T ek", tshark, 50)


def narrowed():
    """Options that narrow or widen the search, each beside the search without it."""

    def pair(work, capture, options, most, quiet, words=()):
        plain = [*quiet, "HTTP"]
        goal = [Most(most, "without")]
        return Row(work, capture, grep(*options, *plain, *words), {"without": Ours(grep(*plain))}, goal)

    thousand = ["--vni", ",".join(map(str, range(4000, 5000)))]
    for quiet, how in [(["-q"], ", -q"), ([], ", marks")]:
        yield pair("filter" + how, "http", [], 1.3, quiet, ["tcp", "port", "80"])
        yield pair("vni 1" + how, "vxlan", ["--vni", "4097"], 1.3, quiet)
        yield pair("vni 1000" + how, "vxlan", thousand, 1.3, quiet)
        yield pair("inner" + how, "vxlan", ["--inner", "tcp port 80"], 1.3, quiet)
    yield pair("before, -B 10", "http", ["-B", "10"], 2.0, ["-q"])
    for capture in ["vxlan", "esp"]:
        peers = {"marks": Ours(grep("HTTP"))}
        yield Row("verify -r", capture, [*VERIFY, "-r", FILE], peers, [Most(1.0, "marks")])


def sources():
    stdin = ["--no-drop", "-r", "-", "-q", "HTTP"]
    yield Row("pipe", "http", stdin, {"ngrep": ["ngrep", "-q", "-I", "-", "HTTP"]}, [Least(3, "ngrep")], piped=True)
    for ending, tool in [(".gz", "gzip"), (".zst", "zstd")]:
        peers = {f"{tool} -dc": [tool, "-dc", FILE], "the library": ["expand", FILE]}
        yield Row(f"compressed, {ending}", "http", grep("-q", "HTTP"), peers, [Most(1.1, "the library")], cut=True, ending=ending)
    yield Row("start", "one packet", grep("-q", "HTTP"), {"ngrep": ngrep("-q", "HTTP")}, [Most(1.0, "ngrep")], rounds=41)
