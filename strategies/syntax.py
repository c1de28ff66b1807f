"""Small pieces of Python source as syntax trees, and what a piece stands in."""

import ast

# Containers whose arrays stand for lists.
LISTS = ('list', 'matrix', 'block')


def parse(text):
    return ast.parse(text).body


def expression(text):
    return ast.parse(text, mode='eval').body


def call(name, *arguments):
    return ast.Call(expression(f'py.{name}'), list(arguments), [])


def parents_of(statements):
    return {child: node for statement in statements for node in ast.walk(statement) for child in ast.iter_child_nodes(node)}


def without_docstring(body):
    first = body[0]
    return body[1:] or [ast.Pass()] if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else body
