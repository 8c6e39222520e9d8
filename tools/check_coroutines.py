#!/usr/bin/env python3
"""Holds the rules of src/gateway/tasks/task.hpp: what GCC 12 gets wrong in coroutines.

  - no co_await inside a conditional operand (a ? b : c)
  - nothing made with braces in an expression that has a co_await: it would be destroyed twice
  - no coroutine that is a lambda: its captures may be gone when it goes on
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What a brace that opens a lambda's body, or a block, comes after.
OPENS_BODY = re.compile(r"(\)|mutable|noexcept|->\s*[\w:<>,&\s*]+|\)\s*const|else|do|try)\s*$")
LAMBDA = re.compile(r"\[[^\[\]]*\]\s*(\([^()]*(\([^()]*\)[^()]*)*\))?\s*(mutable|noexcept|\s)*(->[^{;]*)?$")


def without_comments(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\\\.|[^\"\\\\\n])*\"", blank, text, flags=re.S)


def statement(text, at):
    """The expression statement around `at`: from the last ; { } of its level to its ;."""
    begin = at
    depth = 0
    while begin > 0:
        c = text[begin - 1]
        if c in ")]":
            depth += 1
        elif c in "([":
            depth = max(depth - 1, 0)
        elif depth == 0 and c in ";{}":
            break
        begin -= 1
    end = at
    depth = 0
    while end < len(text):
        c = text[end]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and c == ";":
            break
        end += 1
    return begin, end


def blocks_of_lambdas(expression):
    """The expression with the bodies of its lambdas left out."""
    out, depth, i = [], 0, 0
    while i < len(expression):
        c = expression[i]
        if depth == 0 and c == "{" and LAMBDA.search("".join(out)):
            depth = 1
        elif depth > 0:
            depth += (c == "{") - (c == "}")
        else:
            out.append(c)
        i += 1
    return "".join(out)


def enclosing_lambda(text, at):
    """Whether the innermost function around `at` is a lambda."""
    depth = 0
    i = at
    while i > 0:
        i -= 1
        if text[i] == "}":
            depth += 1
        elif text[i] == "{":
            if depth > 0:
                depth -= 1
                continue
            before = text[max(0, i - 400):i]
            if LAMBDA.search(before.rstrip() + ""):
                return True
            if re.search(r"(if|for|while|switch|catch)\s*(constexpr\s*)?\([^;{}]*(;[^;{}]*){0,2}\)\s*$", before) or \
                    re.search(r"(else|do|try)\s*$", before):
                continue
            return False
    return False


def main():
    found = []
    for path in sorted((ROOT / "src").rglob("*.[ch]pp")):
        raw = path.read_text()
        if "co_await" not in raw and "co_return" not in raw:
            continue
        text = without_comments(raw)
        for match in re.finditer(r"\bco_(await|return)\b", text):
            line = text.count("\n", 0, match.start()) + 1
            where = f"{path.relative_to(ROOT)}:{line}"
            if enclosing_lambda(text, match.start()):
                found.append(f"{where}: a lambda is a coroutine")
            if match.group(1) != "await":
                continue
            begin, end = statement(text, match.start())
            rest = blocks_of_lambdas(text[begin:end])
            if "?" in rest:
                found.append(f"{where}: co_await in an expression with a condition")
            if "{" in rest:
                found.append(f"{where}: something is made with braces beside a co_await")
    print("\n".join(found) or "coroutines: nothing that GCC 12 gets wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
