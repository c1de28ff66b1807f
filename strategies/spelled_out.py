"""What compilers do not take, or make slow code of, in other words: `a, b = map(f, [x, y])` becomes `a, b = f(x), f(y)`, and `f = lambda x: …`
becomes a function of this name.
"""

import ast

from source import edited


def spelled_out(module):
    """The module with such lines in other words, each on the line where it stood; the same module where there are none."""
    edits = [
        (*module.span(node.value), _calls(node.value))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign) and _is_map_of_parts(module, node) and node.value.lineno == node.value.end_lineno
    ]
    edits += [(*module.span(node), _function(node)) for node in _named_lambdas(module)]
    return module.rewritten(edited(module.text, edits)) if edits else module


def _is_map_of_parts(module, node):
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=into)], value=ast.Call(func=ast.Name(id='map') as called, args=[ast.Name() | ast.Attribute(), parts], keywords=[])):
            listed = isinstance(parts, (ast.List, ast.Tuple)) and not any(isinstance(each, ast.Starred) for each in [*into, *parts.elts])
            return listed and len(into) == len(parts.elts) > 0 and module.full_name(called) == 'map'
    return False


def _calls(node):
    function, parts = node.args
    return ', '.join(ast.unparse(ast.Call(function, [each], [])) for each in parts.elts)


def _named_lambdas(module):
    """Statements that do nothing but give a lambda its only name, each alone on its line."""
    names = [node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    for node in ast.walk(module.tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()) if names.count(name) == 1 and node.lineno == node.end_lineno:
                if module.lines[node.lineno - 1].strip() == module.source(node):
                    yield node


def _function(node):
    return f'def {node.targets[0].id}({ast.unparse(node.value.args)}): return {ast.unparse(node.value.body)}'
