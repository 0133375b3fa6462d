"""One run: targets times rules gives a RunResult.

discover, scan, analyse, then judge: suppressions, per-path configuration, baseline, and
what of it was asked for. The engine knows no check and no writer.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from govlint import record
from govlint.cache import Cache, Remembered, code_digest, location, open_cache, save
from govlint.catalog import make_params, ruleset_digest
from govlint.config import Config
from govlint.discover import SUFFIXES, Discovered, Target, discover, shown_path
from govlint.errors import ConfigError, UsageError
from govlint.model import Finding, Problem, Rule, RunResult, Severity, Suppressed
from govlint.verdict import ChangeFilter, Sources, fingerprint, in_shard, order, per_path

if TYPE_CHECKING:
    from govlint.baseline import Baseline, Entry
    from govlint.catalog import Catalog
    from govlint.document_run import DocumentRun
    from govlint.scan import Pool

_STACK = 512 << 20
_WORD = "govlint"  # a file without it holds no suppression


@dataclass(frozen=True, slots=True)
class Options:
    """What one run asks for beyond its configuration.

    `given` holds content by absolute path that stands for the file's own (standard input,
    an editor's buffer). `today` is what suppressions' end dates are compared with. With
    `kinds` the run is about documents of these kinds alone: files that are named are taken
    for one of them, and what lies beside the given paths is not looked at, but for roles.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    jobs: int = 0  # 0: as many as there are processors
    cache: bool = True
    diff: str | None = None
    baseline: Baseline | None = None
    shard: tuple[int, int] | None = None
    today: datetime.date = field(default_factory=datetime.date.today)
    given: Mapping[str, bytes] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()


def selected_rules(config: Config, catalog: Catalog, options: Options) -> list[Rule]:
    """The rules of this run with the configured severities. Raises UsageError for a wrong name."""
    rules = catalog.select(list(options.select or config.select), [*config.ignore, *options.ignore])
    changed = {
        rule.code: severity
        for name, severity in config.severity.items()
        for rule in catalog.select([name], [])
    }
    params = {
        rule.code: values
        for name, values in config.params.items()
        for rule in _one_rule(catalog, name, config)
    }
    rules = [
        _with_severity(rule, changed[rule.code]) if rule.code in changed else rule for rule in rules
    ]
    return [with_params(rule, params[rule.code]) if rule.code in params else rule for rule in rules]


def _one_rule(catalog: Catalog, name: str, config: Config) -> list[Rule]:
    try:
        return [catalog.get(name)]
    except UsageError as error:
        raise ConfigError(f"{config.source or 'the configuration'}: params: {error}") from None


def with_params(rule: Rule, params: Mapping[str, Any]) -> Rule:
    """The rule with what a project sets for its check: other parameters are another ruleset.

    Raises ConfigError for what the check does not take.
    """
    changed = replace(
        rule,
        params={**rule.params, **params},
        digest=f"{rule.digest}/{sha256(repr(sorted(params.items())).encode()).hexdigest()}",
    )
    try:
        make_params(changed)
    except ValueError as error:
        raise ConfigError(f"params.{rule.name}: {error}") from None
    return changed


def _with_severity(rule: Rule, severity: Severity) -> Rule:
    """The rule as the project weighs it: another severity is another ruleset."""
    if severity is rule.severity:
        return rule
    return replace(rule, severity=severity, digest=f"{rule.digest}/{severity.label}")


class Engine:
    """One run and its state; `result` is filled step by step. `run` is the short way."""

    def __init__(
        self,
        paths: Sequence[str],
        config: Config,
        catalog: Catalog,
        options: Options | None = None,
    ) -> None:
        # content that stands for a file which is not there is all that is asked about
        self.options = options = options or Options()
        self.paths = list(paths) or ([] if options.given else ["."])
        self.config, self.catalog = config, catalog
        self.cwd = os.getcwd()
        self.result = RunResult(shard=options.shard)
        self.rules = selected_rules(config, catalog, options)
        self.result.rules = self.rules
        self.result.ruleset = ruleset_digest(self.rules)
        self.facts: list[Target] = []
        self.reported: set[str] = set()  # by reported path
        self.abspaths: dict[str, str] = {}
        self.scans: Mapping[str, record.Scan] = {}
        self.documents: DocumentRun | None = None

    def run(self) -> RunResult:
        """Run all steps and return the result."""
        started = time.perf_counter()
        cache = self._open_cache()
        pool = None if cache.listing[1] else self._start_pool()
        documents, asked = self.discover(pool)
        self.look_at_documents(documents, asked)
        raw = self.look(cache, pool) if self.facts else record.Outcome([], [], set())
        self.result.files = self.result.statistics.files = len(self.reported)
        if not asked.targets and not asked.problems and not self._is_asked(asked.documents):
            self._nothing(asked)
        if self.abspaths:
            self.judge(self.judge_documents(raw))
        self.seconds("total", started)
        return self.result

    def relative(self, path: str) -> str:
        """A reported path as patterns and fingerprints see it: below the root."""
        abspath = self.abspaths.get(path) or os.path.join(self.cwd, path)
        return shown_path(abspath, self.config.root)

    def seconds(self, name: str, started: float) -> None:
        self.result.statistics.seconds[name] = time.perf_counter() - started

    # -- which files ---------------------------------------------------------------------

    def discover(self, pool: Pool | None = None) -> tuple[list[Target], Discovered]:
        """Find the files; with a `pool`, have them scanned as they are found.

        Returned are those that may be documents, and what the given paths hold.
        """
        started = time.perf_counter()
        config = self.config
        whole = any(os.path.abspath(path) == config.root for path in self.paths)
        # a role or a call of one is right or wrong by the project's registry
        by_itself = bool(self.options.kinds) and "role" not in self.options.kinds
        alone = whole or not config.bounded or by_itself
        feed = pool.feed if pool is not None else None
        asked = self._walk(self.paths, feed if alone else None)
        facts, documents = asked.targets, asked.documents
        if not alone and (
            asked.targets or asked.documents or (self.options.given and not by_itself)
        ):
            around = self._walk([config.root], feed)
            project = around.targets
            below = {target.abspath for target in project}
            more = [target for target in facts if target.abspath not in below]
            if feed is not None:
                feed(more)
            facts = [*project, *more]
            known = {target.abspath for target in around.documents}
            documents = [
                *around.documents,
                *(target for target in documents if target.abspath not in known),
            ]
        for abspath in self.options.given:
            if all(target.abspath != abspath for target in (*facts, *documents)):
                made = Target(abspath, shown_path(abspath, self.cwd), (-1, 0, 0, 0))
                if self.options.kinds or not abspath.endswith(SUFFIXES):
                    documents = [*documents, made]
                    asked.documents.append(made)
                    asked.named.add(abspath)
                    continue
                facts = [*facts, made]
                asked.targets.append(made)
                if pool is not None:
                    pool.feed([made])
        self.facts = facts
        self.abspaths = {target.path: target.abspath for target in facts}
        self.result.problems.extend(asked.problems)
        self.result.statistics.skipped = asked.skipped
        for target in asked.targets:
            self._report_on(target)
        self.seconds("discover", started)
        return documents, asked

    def _report_on(self, target: Target) -> None:
        shard = self.options.shard
        if shard is None or in_shard(self.relative(target.path), shard):
            self.reported.add(target.path)

    def _is_asked(self, candidates: Sequence[Target]) -> bool:
        """Say whether one of `candidates` turned out to be a document."""
        return any(target.path in self.abspaths for target in candidates)

    def _walk(
        self, paths: Sequence[str], found: Callable[[Sequence[Target]], None] | None = None
    ) -> Discovered:
        config, options = self.config, self.options
        suffixes: tuple[str, ...] = ()
        if any(rule.documents for rule in self.rules):
            from govlint.document_run import suffixes_of

            suffixes = suffixes_of(self.rules, options.kinds, config.documents)
        return discover(
            paths,
            config.root,
            self.cwd,
            config.exclude,
            config.max_file_size,
            found,
            not options.kinds,
            suffixes,
            bool(options.kinds),
        )

    def _nothing(self, asked: Discovered) -> None:
        """Nothing to check is a problem, unless all that was named is excluded on purpose."""
        if asked.excluded_by_name and asked.excluded_by_name == len(self.paths):
            return
        where = ", ".join(self.paths[:3]) + (" …" if len(self.paths) > 3 else "")
        kinds = [kind.replace("-", " ") for kind in self.options.kinds if kind != "text"]
        what = " or ".join(kinds) or "Python file"
        message = f"there is no {what} to check in {where}"
        skipped = asked.skipped + len(asked.documents)
        if skipped:
            message += f" ({skipped} excluded or of another kind)"
        self.result.problems.append(Problem("nothing-to-check", message))

    # -- what is in them -----------------------------------------------------------------

    def _may_remember(self) -> bool:
        options = self.options
        return options.cache and not options.given and not options.kinds

    def _open_cache(self) -> Cache:
        started_ns = time.time_ns()
        root = self.config.root
        path = location(root) if self._may_remember() else None
        if path is None:
            return Cache(None, "")
        searched = sorted({(rule.check, rule.triggers or ()) for rule in self.rules})
        basis = repr((code_digest(), root, searched, self.config.bindings))
        key = sha256(basis.encode("utf-8", "surrogatepass")).hexdigest()
        return open_cache(path, key, started_ns)

    def _start_pool(self) -> Pool:
        from govlint.analysis import all_words, looks
        from govlint.scan import Pool, cpus

        rules, bindings = self.rules, self.config.bindings
        _, words = all_words(rules, bindings)
        jobs, given = self.options.jobs or cpus(), self.options.given
        return Pool(words, jobs, given, looks(rules, bindings))

    def look(self, cache: Cache, pool: Pool | None) -> record.Outcome:
        """Scan and analyse, or take from the cache what still holds."""
        started = time.perf_counter()
        run_key = sha256(
            repr((self.cwd, [(r.code, r.digest) for r in self.rules])).encode("utf-8", "replace")
        ).hexdigest()
        by_code = {rule.code: rule for rule in self.rules}
        changed = cache.changed(self.facts) if pool is None else None
        earlier = None
        if changed is not None:
            earlier = record.load_outcome(cache.runs.get(run_key), by_code)
            self.scans = Remembered(cache)
            self.result.statistics.cached = len(self.facts) - len(changed)
            if earlier is not None and not changed:
                self.seconds("cache", started)
                return earlier
        self._scan(cache, pool, changed)
        self.seconds("scan", started)
        outcome = self._analyse(earlier, changed)
        if cache.path is not None and not any(
            p.kind in ("crash", "timeout") for p in outcome.problems
        ):
            if changed is None or changed:
                cache.runs = {}
            cache.runs.pop(run_key, None)
            cache.runs[run_key] = record.dump_outcome(outcome)
            started = time.perf_counter()
            save(cache, self.facts, self.scans)
            self.seconds("cache", started)
        return outcome

    def _scan(self, cache: Cache, pool: Pool | None, changed: list[Target] | None) -> None:
        """Scan what has to be; `changed` says which, where the files are the remembered ones."""
        if pool is not None:
            self.scans = pool.finish()
        elif changed is not None:
            if changed:
                pool = self._start_pool()
                pool.feed(changed)
                self.scans = Remembered(cache, pool.finish())
        else:
            known = {t.abspath: s for t in self.facts if (s := cache.known(t)) is not None}
            pool = self._start_pool()
            pool.feed([target for target in self.facts if target.abspath not in known])
            self.scans = {**pool.finish(), **known}
            self.result.statistics.cached = len(known)

    def _analyse(
        self, earlier: record.Outcome | None, changed: list[Target] | None
    ) -> record.Outcome:
        """Analyse the project, unless the `earlier` outcome holds in spite of what `changed`."""
        from govlint import analysis
        from govlint.threads import TimeLimit, run_on_stack

        config, outcomes = self.config, []

        def holds(earlier: record.Outcome, changed: list[Target]) -> bool:
            linked = earlier.linked
            return linked is not None and (
                all(t.abspath in linked.files or not earlier.mentions(t.path) for t in changed)
                and analysis.holds_still(
                    linked, changed, self.facts, self.scans, config.bindings, config.root, seeds
                )
            )

        def work() -> None:
            if earlier is not None and changed is not None and holds(earlier, changed):
                outcomes.append(earlier)
                return
            raw = analysis.analyse(
                self.facts,
                self.scans,
                self.rules,
                config.bindings,
                config.root,
                self.options.given,
                seeds,
                config.time_limit,
            )
            self.result.statistics.parsed = raw.parsed
            self.result.statistics.seconds.update(raw.seconds)
            outcomes.append(
                record.Outcome(raw.findings, raw.problems, set(raw.undecided), raw.linked)
            )

        seeds, _ = analysis.all_words(self.rules, config.bindings)
        try:
            run_on_stack(work, _STACK, config.time_limit)
        except TimeLimit:
            problem = analysis.out_of_time("the analysis", config.time_limit)
            return record.Outcome([], [problem], {rule.code for rule in self.rules})
        except RuntimeError as error:
            if outcomes or "thread" not in str(error):
                raise
            work()  # no room for a deep stack: the usual one then
        return outcomes[0]

    # -- documents -------------------------------------------------------------------------

    def look_at_documents(self, found: Sequence[Target], asked: Discovered) -> None:
        """Find out which of the files that may be documents are any."""
        rules = [rule for rule in self.rules if rule.documents]
        if not rules or not (found or _reads_commands(rules)):
            return
        from govlint.document_run import DocumentRun, Wanted

        started, started_ns = time.perf_counter(), time.time_ns()
        config, options = self.config, self.options
        wanted = Wanted(config.root, config.documents, options.kinds, frozenset(asked.named))
        from govlint.scan import cpus

        jobs = options.jobs or cpus()
        run = self.documents = DocumentRun(rules, wanted, options.given, self.cwd, jobs)
        path = location(config.root, "-documents") if self._may_remember() else None
        run.look(found, path, code_digest() if path else "", started_ns)
        named = {target.path for target in asked.documents}
        for entry in run.found:
            self.abspaths[entry.target.path] = entry.target.abspath
            if entry.target.path in named:
                self._report_on(entry.target)
                if entry.target.path in self.reported:
                    self.result.documents[entry.target.path] = entry.kind
        self.result.problems.extend(run.problems)
        self.seconds("documents", started)

    def judge_documents(self, raw: record.Outcome) -> record.Outcome:
        """Add to `raw` what the checks say of the documents."""
        if self.documents is None:
            return raw
        started = time.perf_counter()
        if _reads_commands(self.documents.rules):
            from govlint.analysis import COMMAND_WORD

            told = self._odd() if self.facts else []
            self.documents.add_python(
                t for t in told if COMMAND_WORD in self.scans[t.abspath].words
            )
        outcome = self.documents.judge({rule.code: rule for rule in self.rules})
        self.result.statistics.cached += self.documents.cached
        self.seconds("judge documents", started)
        return raw._replace(
            findings=raw.findings + outcome.findings,
            problems=raw.problems + outcome.problems,
            undecided=raw.undecided | outcome.undecided,
        )

    # -- what it means -------------------------------------------------------------------

    def judge(self, raw: record.Outcome) -> None:
        """Decide which of the raw findings are reported, silenced, or nobody's business."""
        started = time.perf_counter()
        result, options, today = self.result, self.options, self.options.today
        sources = Sources(self.abspaths, options.given, self._document_kinds())
        result.sources = sources
        incomplete = set()
        for path, (kind, message) in self._scan_problems():
            result.problems.append(Problem(kind, message, path))
            incomplete.add(path)
        faults, undecodable = self._faults()
        for problem in (*undecodable, *raw.problems):
            if not problem.path or problem.path in self.reported:
                result.problems.append(problem)
                incomplete.add(problem.path)
        ordered = fingerprint(order([*faults, *raw.findings]), sources, self.relative)
        incomplete.update(f.location.path for f in ordered if self._is_syntax(f))
        if "" in incomplete:
            incomplete = self.reported
        kept, suppressed, about = self._suppress(ordered, raw.undecided, incomplete, sources)
        own = unsuppressable(self.rules)
        findings, by_config = per_path([*kept, *about], self._per_path(), self.relative, today)
        suppressed += by_config
        if options.baseline is not None:
            from govlint import baseline

            accepted = baseline.apply(
                options.baseline, [f for f in findings if f.rule not in own], self.judged
            )
            findings = [*accepted.kept, *(f for f in findings if f.rule in own)]
            suppressed += accepted.suppressed
            result.stale = len(accepted.stale)
        wanted = self._filter(sources)
        result.findings = [f for f in order(findings) if wanted(f)]
        result.suppressed = sorted(
            (s for s in suppressed if wanted(s.finding)),
            key=lambda s: (s.finding.location.path, s.finding.location.line, s.finding.rule),
        )
        for finding in result.findings:
            rules = result.statistics.rules
            rules[finding.rule] = rules.get(finding.rule, 0) + 1
        result.problems.sort(key=lambda p: (p.path, p.line, p.kind, p.message))
        self.seconds("judge", started)

    def _suppress(
        self, findings: list[Finding], undecided: set[str], incomplete: set[str], sources: Sources
    ) -> tuple[list[Finding], list[Suppressed], list[Finding]]:
        """Apply the comments in the reported files: what is kept, silenced, and about them."""
        paths = self._with_word()
        if not paths:
            return findings, [], []
        from govlint.suppress import Suppressions, about_texts, parse_directives

        suppressions = Suppressions(self.rules, self._names(), self.options.today, undecided)
        directives = {
            path: parse_directives(sources.get(path) or "", sources.syntax(path)) for path in paths
        }
        for path in paths:
            if sources.syntax(path) == "text":
                directives[path] = about_texts(directives[path], self.catalog.rules.values())
        done = suppressions.apply(findings, directives, incomplete)
        return done.kept, done.suppressed, fingerprint(order(done.about), sources, self.relative)

    def _is_syntax(self, finding: Finding) -> bool:
        return any(r.code == finding.rule and r.check == "syntax" for r in self.rules)

    def _scan_problems(self) -> list[tuple[str, tuple[str, str]]]:
        found = []
        for target in self._odd():
            problem = self.scans[target.abspath].problem
            if problem is not None and target.path in self.reported:
                found.append((target.path, problem))
        return found

    def _faults(self) -> tuple[list[Finding], list[Problem]]:
        """The files that are no Python: findings, or problems where GOV901 is not selected."""
        faulty = [target for target in self._odd() if self.scans[target.abspath].fault is not None]
        if not faulty:
            return [], []
        from govlint.analysis import faults

        raw = faults(faulty, self.scans, self.rules)
        return raw.findings, raw.problems

    def _odd(self) -> list[Target]:
        """The files whose scan told anything, without asking for every file's."""
        if isinstance(self.scans, Remembered):
            odd = set(self.scans.odd())
            return [target for target in self.facts if target.abspath in odd]
        return self.facts

    def _with_word(self) -> list[str]:
        found = self.documents.found if self.documents is not None else ()
        return [
            target.path
            for target in self._odd()
            if target.path in self.reported and _WORD in self.scans[target.abspath].words
        ] + [f.target.path for f in found if f.has_word and f.target.path in self.reported]

    def _document_kinds(self) -> dict[str, str]:
        """How the files that are documents are written, by reported path."""
        if self.documents is None:
            return {}
        from govlint.document_run import syntax_of

        return {f.target.path: syntax_of(f.target.path, f.kind) for f in self.documents.found}

    def _names(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for rule in self.catalog.rules.values():
            known[rule.name] = known[rule.code] = rule.code
        return known

    def _per_path(self) -> list[tuple[Any, frozenset[str]]]:
        return [
            (entry, frozenset(rule.code for rule in self.catalog.select(list(entry.ignore), [])))
            for entry in self.config.per_path
        ]

    def judged(self, entry: Entry) -> bool:
        """Say whether this run looked at what a baseline entry speaks of.

        An entry for a file that is gone counts: nothing will ever meet it again.
        """
        if entry.rule not in {rule.code for rule in self.rules}:
            return all(rule.code != entry.rule for rule in self.catalog.rules.values())
        abspath = os.path.join(self.config.root, entry.path)
        return shown_path(abspath, self.cwd) in self.reported or not os.path.exists(abspath)

    def _filter(self, sources: Sources) -> Callable[[Finding], bool]:
        changed: Callable[[Finding], bool] = _always
        if self.options.diff is not None:
            from govlint.changes import changes_since

            changes = changes_since(self.options.diff, self.config.root)
            changed = ChangeFilter(changes, sources, self.abspaths)
        return lambda finding: finding.location.path in self.reported and changed(finding)


def _reads_commands(rules: Sequence[Rule]) -> bool:
    """Say whether one of `rules` looks for `@role` lines, which any text may hold."""
    return any("text" in rule.documents for rule in rules)


def _always(_finding: Finding) -> bool:
    return True


def unsuppressable(rules: Sequence[Rule]) -> frozenset[str]:
    """The codes of the rules about suppressions themselves."""
    return frozenset(r.code for r in rules if r.check.startswith("suppression-"))


def run(
    paths: Sequence[str], config: Config, catalog: Catalog, options: Options | None = None
) -> RunResult:
    """Check `paths` (the working directory by default) and return all that was found.

    Facts come from the whole project below `config.root`, findings only from `paths`.
    Raises GovlintError for what the user asked wrongly; what could not be decided is in
    the result's problems.
    """
    return Engine(paths, config, catalog, options).run()
