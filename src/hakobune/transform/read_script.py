"""A training script (text) to the options of its command line, without running it. No I/O.

Options of argparse, optparse, click and typer are found where the script itself declares them with
plain texts. What an option takes is judged by its type, its default and its name.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from hakobune.errors import ScriptInvalidError
from hakobune.model.script import ScriptOption, Takes

_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLACE = "(dir|directory|folder|path|root)"
_OUTPUT = re.compile(
    rf"(out|outputs?)(_?{_PLACE})?|(.+_)?(outdir|out_dir|output_dir|output_folder|output)|"
    rf"(model|models|save|results?|artifacts?|export|checkpoints?|ckpt|work|log|run)s?_?{_PLACE}|"
    "(metric|plot|figure|report)s?_?(dir|directory|folder)|results|artifacts"
)
_INPUT = re.compile(
    r"(inputs?|in)(_?(file|csv|data|path|dir|folder))?|data|"
    r"(data|dataset|train|training|test|valid|validation|val|raw|features?|labels?)_?"
    r"(file|csv|path|dir|folder|root|data|set)|.+_(file|csv|parquet|data_path|data_dir)|csv"
)
_WRITTEN = re.compile(r"(out|output|log|model|save|export|metrics?|plot|figure|report|result)s?_.+")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.[A-Za-z0-9]+")
_NO_TEXT = {"int", "float", "bool", "complex", "INT", "FLOAT", "BOOL", "Choice", "IntRange"}
_PATHS = {"Path", "PurePath", "FileType", "File"}
# Below one of these a file is perhaps not written.
_PERHAPS = (ast.If, ast.IfExp, ast.While, ast.Match, ast.ExceptHandler)


def read_script(content: bytes, *, file: str) -> tuple[ScriptOption, ...]:
    """Return the options that the script declares, each flag once, in the order of its lines.

    Raises ScriptInvalidError for a text that is no Python.
    """
    tree = _parsed(content, file)
    found: dict[str, ScriptOption] = {}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt)]
    names = _typer_commands(tree)
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Call):
            options: Iterable[ScriptOption | None] = [_called(node)]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            options = _typer_options(node, is_command=node.name in names)
        else:
            continue
        for option in options:
            if option and _FLAG.fullmatch(option.flag) and _NAME.fullmatch(option.name.lower()):
                found.setdefault(option.flag, option)
    return tuple(_with_files(option, tree) for option in found.values())


def is_started_as_script(content: bytes) -> bool:
    """Tell whether a module does something when it is run; only its text is looked at."""
    return re.search(rb"""(?m)^if\s+__name__\s*==\s*['"]__main__""", content) is not None


def _parsed(content: bytes, file: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the script's texts
            return ast.parse(content)
    except SyntaxError as exc:
        place = f"{file}:{exc.lineno or 1}"
        raise ScriptInvalidError(
            f"{place}: {exc.msg}", remedy=f"correct {file}, or name another script", place=place
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise ScriptInvalidError(
            f"{file} cannot be read as Python", remedy="name the script: hakobune init --script"
        ) from None


def _called(call: ast.Call) -> ScriptOption | None:
    """Return the option that a call of argparse, optparse or click declares."""
    if _last(call.func) not in ("add_argument", "add_option", "option"):
        return None
    words = [word for part in call.args if (word := _text(part))]
    return _declared(words, {k.arg: k.value for k in call.keywords if k.arg})


def _declared(words: list[str], given: dict[str, ast.expr]) -> ScriptOption | None:
    """Return the option of these flags and keywords."""
    flags = [word for word in words if word.startswith("-")]
    if not flags:
        return None  # what is given by its place alone has no flag to hand a path over
    flag = next((word for word in flags if word.startswith("--")), flags[0])
    named = _text(given.get("dest")) or next((w for w in words if not w.startswith("-")), "")
    name = named or flag.lstrip("-").replace("-", "_")
    default = _text(given.get("default"))
    return ScriptOption(
        name=name,
        flag=flag,
        takes=_taken(name, given, default),
        default=default,
        is_required=_is_true(given.get("required")),
    )


def _taken(name: str, given: dict[str, ast.expr], default: str) -> Takes:
    kind, name = given.get("type"), name.lower()
    kind_name = _last(kind.func if isinstance(kind, ast.Call) else kind)
    is_one_text = (
        kind_name not in _NO_TEXT
        and (_text(given.get("action")) or "store") == "store"
        and not {"choices", "nargs"} & set(given)
        and not any(_is_true(given.get(key)) for key in ("is_flag", "multiple", "count"))
        and not isinstance(_constant(given.get("default")), int | float)
    )
    if not is_one_text:
        return Takes.OTHER
    how = kind if isinstance(kind, ast.Call) else None
    if kind_name in ("File", "FileType") and how and _mode(how)[:1] in ("w", "a", "x"):
        return Takes.OUTPUT_FILE
    if how and any(k.arg == "exists" and _is_true(k.value) for k in how.keywords):
        return Takes.INPUT
    is_file = bool(PurePosixPath(default).suffix) or kind_name in ("File", "FileType")
    if _OUTPUT.fullmatch(name):
        return Takes.OUTPUT_FILE if is_file else Takes.OUTPUT
    if _WRITTEN.fullmatch(name):
        return Takes.OUTPUT_FILE
    is_path = kind_name in _PATHS or "/" in default or is_file
    return Takes.INPUT if is_path or _INPUT.fullmatch(name) else Takes.OTHER


def _mode(call: ast.Call) -> str:
    modes = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "mode")]
    return next((text for mode in modes if (text := _text(mode))), "r")


def _typer_commands(tree: ast.Module) -> set[str]:
    """Return the functions that typer makes a command of: given to `run`, or decorated."""
    modules = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    modules += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    if "typer" not in modules:
        return set()
    run = {
        _last(call.args[0])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _last(call.func) == "run" and call.args
    }
    return run | {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(_last(_function(mark)) == "command" for mark in node.decorator_list)
    }


def _typer_options(
    node: ast.FunctionDef | ast.AsyncFunctionDef, *, is_command: bool
) -> Iterator[ScriptOption | None]:
    """Yield the options among the arguments of a function that typer makes a command of."""
    if not is_command:
        return
    every = [*node.args.posonlyargs, *node.args.args]
    without = [None] * (len(every) - len(node.args.defaults))
    pairs = [*zip(every, [*without, *node.args.defaults], strict=True)]
    pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    for argument, default in pairs:
        kind, marks = argument.annotation, [default]
        if isinstance(kind, ast.Subscript) and _last(kind.value) == "Annotated":
            parts = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
            kind, marks = parts[0], [default, *parts[1:]]
        calls = [mark for mark in marks if isinstance(mark, ast.Call)]
        if any(_last(call.func) == "Argument" for call in calls):
            continue
        option = next((call for call in calls if _last(call.func) == "Option"), None)
        if default is None and option is None:
            continue  # an argument by its place
        first = option.args[0] if option is default and option and option.args else default
        words = [_text(part) for part in option.args] if option else []
        flags = [word for word in words if word.startswith("-") and "/" not in word]
        given = {"type": kind, "default": first if first is not option else None}
        is_required = default is None or (option is default and _constant(first) is ...)
        given["required"] = ast.Constant(value=is_required)
        flags = flags or [f"--{argument.arg.replace('_', '-')}"]
        kept = {key: value for key, value in given.items() if value is not None}
        yield _declared([argument.arg, *flags], kept)


def _with_files(option: ScriptOption, tree: ast.Module) -> ScriptOption:
    """Return the option with the files that the script seems to write into its folder."""
    if option.takes is not Takes.OUTPUT:
        return option
    names = {option.name}
    for _ in range(2):  # `out = Path(args.output)`, then `folder = out`
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and _is_folder(node.value, names):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    found = dict.fromkeys(_joined(tree, names))
    return replace(option, files=tuple(found))


def _joined(node: ast.AST, names: set[str]) -> Iterator[str]:
    """Yield each file `folder / "name"` or `join(folder, "name")` that is surely made."""
    if isinstance(node, _PERHAPS) and not (
        isinstance(node, ast.If) and "__name__" in ast.dump(node.test)
    ):
        return
    folder, last = None, None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        folder, last = node.left, node.right
    elif isinstance(node, ast.Call) and _last(node.func) == "join" and len(node.args) == 2:  # noqa: PLR2004 - a folder and a name
        folder, last = node.args
    if folder is not None and _FILE.fullmatch(_text(last)) and _is_folder(folder, names):
        yield _text(last)
    for child in ast.iter_child_nodes(node):
        yield from _joined(child, names)


def _is_folder(node: ast.expr, names: set[str]) -> bool:
    """Tell whether this is the option's folder itself, such as `args.out` or `Path(args.out)`."""
    if isinstance(node, ast.Call) and _last(node.func) == "Path" and len(node.args) == 1:
        return _is_folder(node.args[0], names)
    return isinstance(node, ast.Name | ast.Attribute) and _last(node) in names


def _function(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _last(node: ast.expr | None) -> str:
    """Return the last part of a dotted name: `click.Path` is `Path`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _text(node: ast.expr | None) -> str:
    """Return a text that stands in the script as it is, or in `Path("text")`; else nothing."""
    if isinstance(node, ast.Call) and _last(node.func) == "Path" and len(node.args) == 1:
        return _text(node.args[0])
    value = _constant(node)
    return value if isinstance(value, str) else ""


def _is_true(node: ast.expr | None) -> bool:
    return _constant(node) is True
