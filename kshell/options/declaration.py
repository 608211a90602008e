"""The options of one statement, declared once: parsing, errors, completion, help and documentation all read the declaration.

Invariant: after `parse` every declared option has a value of its kind, and nothing that was written has been ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kshell.errors import BadValueError, Error, RefusedError, UnknownOptionError, did_you_mean
from kshell.options.kinds import Context, Kind, Misfit, Resolve
from kshell.options.written import Lookup, Options, RawOption, Span, Value, canonical, value_text


def unresolved(lookup: Lookup) -> Any:
    """The resolver of places where nothing can be looked up."""
    raise Misfit(f"cannot use {value_text(lookup)} here")


@dataclass(frozen=True)
class Option:
    """`default` is written as a user would write it; None: no value, and `otherwise` says what then happens."""

    name: str
    kind: Kind
    default: Value
    doc: str
    built: bool = True
    fixed: bool = False                         # ALTER cannot change it
    otherwise: str | None = None

    @property
    def default_text(self) -> str:
        return self.otherwise or ("none" if self.default is None else value_text(self.default))


class Parsed(dict[str, Any]):
    """Values by option name. `given` were written by the user; `spans` are the places of their values."""

    def __init__(self, values: Mapping[str, Any], given: Iterable[str] = (), spans: Mapping[str, Span] | None = None) -> None:
        super().__init__(values)
        self.given = frozenset(given)
        self.spans = dict(spans or {})

    def written(self) -> dict[str, Any]:
        """What the user gave, in the order of the declaration."""
        return {name: value for name, value in self.items() if name in self.given}


@dataclass(frozen=True)
class OptionSet:
    """The options of `owner`, which names the statement in errors ("CREATE SOURCE has no option TOPC")."""

    owner: str
    options: tuple[Option, ...]
    exclusive: tuple[tuple[str, ...], ...] = ()                         # at most one of each group
    elsewhere: Mapping[str, str] = field(default_factory=dict)          # canonical key that is not ours -> what to type instead
    noun: str = "option"
    replace: str = ""                                                   # what to type where ALTER cannot change an option

    def __getitem__(self, name: str) -> Option:
        return self._known()[canonical(name)]

    def __contains__(self, name: str) -> bool:
        return canonical(name) in self._known()

    def _known(self) -> dict[str, Option]:
        return {canonical(o.name): o for o in self.options}

    def names(self, *, built: bool = True) -> list[str]:
        """Names for completion."""
        return [o.name for o in self.options if o.built or not built]

    def words(self, name: str) -> tuple[str, ...]:
        """The words that completion offers as the value of an option; none for an unknown name."""
        option = self._known().get(canonical(name))
        return option.kind.words if option else ()

    def rows(self) -> list[tuple[str, str, str, str]]:
        """name, what it takes, default, meaning: one row per option, for help and documentation."""
        return [(o.name, o.kind.takes, o.default_text, o.doc if o.built else f"{o.doc} (not built yet)") for o in self.options]

    def parse(self, raw: Options, resolve: Resolve = unresolved, *, zone: str = "UTC", base: Mapping[str, Any] | None = None) -> Parsed:
        """Every declared option with its value: written, else from `base`, else the default."""
        given = self.changes(raw, resolve, zone=zone, altering=False)
        context = Context(resolve, zone)
        values = {o.name: self.default(o.name, context) for o in self.options} | dict(base or {}) | dict(given)
        return Parsed(values, given.given, given.spans)

    def changes(self, raw: Options, resolve: Resolve = unresolved, *, zone: str = "UTC", altering: bool = True) -> Parsed:
        """Only what was written, for ALTER ... SET: an option that cannot change afterwards is refused."""
        values: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        for written in raw:
            option = self._declared(written.key, written.written, written.span)
            if option.name in values:
                raise BadValueError(f"{option.name} is given twice", position=written.span.start, length=written.span.length)
            if altering:
                self._refuse_fixed(option, written.span)
            values[option.name] = self._read(option, written, Context(resolve, zone))
            spans[option.name] = written.value_span
            self._refuse_excluded(option, values, written.span)
        return Parsed(values, values, spans)

    def reset(self, keys: Iterable[str]) -> Parsed:
        """The defaults of these options, for ALTER ... RESET."""
        context = Context(unresolved)
        names = [self._declared(canonical(key), key, None) for key in keys]
        for option in names:
            self._refuse_fixed(option, None)
        return Parsed({o.name: self.default(o.name, context) for o in names}, [o.name for o in names])

    def check_names(self, raw: Options) -> None:
        """Only that every option is known and given once: for a statement whose values are not used."""
        seen: set[str] = set()
        for written in raw:
            option = self._declared(written.key, written.written, written.span)
            if option.name in seen:
                raise BadValueError(f"{option.name} is given twice", position=written.span.start, length=written.span.length)
            seen.add(option.name)

    def default(self, name: str, context: Context | None = None) -> Any:
        option = self[name]
        return None if option.default is None else option.kind.read(option.default, context or Context(unresolved))

    def find(self, name: str, *, span: Span | None = None) -> Option:
        """The option of this name; UnknownOptionError with the nearest name."""
        return self._declared(canonical(name), name, span)

    def read(self, name: str, value: Value, resolve: Resolve = unresolved, *, zone: str = "UTC", span: Span | None = None) -> Any:
        """One value, for SET kshell_x and the values of statements."""
        span = span or Span(0, 0)
        option = self._declared(canonical(name), name, span)
        return self._read(option, RawOption(canonical(name), name, value, span, span), Context(resolve, zone))

    def _declared(self, key: str, written: str, span: Span | None) -> Option:
        option = self._known().get(key)
        place: dict[str, int] = {"position": span.start, "length": span.length} if span else {}
        if option is None:
            raise UnknownOptionError(f"{self.owner} has no {self.noun} {written}", hint=self._instead(key, written), **place)
        if not option.built:
            raise RefusedError(f"{option.name} is not built yet", hint=f"leave {option.name} out", **place)
        return option

    def _instead(self, key: str, written: str) -> str:
        if key in self.elsewhere:
            return self.elsewhere[key]
        if "." in written and "CONFIG" in self:
            return f"settings of the Kafka client go inside CONFIG MAP {{'{written.lower()}': '...'}}"
        near = did_you_mean(key, [canonical(n) for n in self.names()])
        if near is None:
            return f"{self.noun}s: {', '.join(self.names())}"
        return next(near.replace(canonical(n), n) for n in self.names() if canonical(n) in near)

    def _read(self, option: Option, written: RawOption, context: Context) -> Any:
        place = written.value_span
        try:
            return option.kind.read(written.value, context)
        except Misfit as misfit:
            raise BadValueError(f"{option.name} {misfit.message}", hint=misfit.hint, position=place.start, length=place.length) from None
        except RefusedError as refused:
            raise RefusedError(f"{option.name} {refused.message}", hint=refused.hint, position=place.start, length=place.length) from None
        except Error as error:
            raise error.at(place.start, place.length)  # noqa: B904 - the same error, with its place

    def _refuse_fixed(self, option: Option, span: Span | None) -> None:
        if option.fixed:
            place: dict[str, int] = {"position": span.start, "length": span.length} if span else {}
            raise RefusedError(f"{option.name} cannot change afterwards", hint=self.replace or None, **place)

    def _refuse_excluded(self, option: Option, values: Mapping[str, Any], span: Span) -> None:
        for group in self.exclusive:
            others = [name for name in group if name in values and name != option.name]
            if option.name in group and others:
                raise BadValueError(f"{option.name} and {others[0]} exclude each other", hint=f"give one of {', '.join(group)}",
                                    position=span.start, length=span.length)


def read(kind: Kind, value: Value, resolve: Resolve = unresolved, *, what: str, zone: str = "UTC", span: Span | None = None) -> Any:
    """A single value outside an option list, such as that of TIMEOUT or SEEK TO; `what` names it in errors."""
    place: dict[str, int] = {"position": span.start, "length": span.length} if span else {}
    try:
        return kind.read(value, Context(resolve, zone))
    except Misfit as misfit:
        raise BadValueError(f"{what} {misfit.message}", hint=misfit.hint, **place) from None
    except RefusedError as refused:
        raise RefusedError(f"{what} {refused.message}", hint=refused.hint, **place) from None
