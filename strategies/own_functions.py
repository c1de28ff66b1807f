"""The program's own functions, where a name of one is looked up, and what a call of one reads and changes."""

import ast
import builtins

from liveness import all_reads, exposed, reads, stored, written
from source import NotApplicable


class Own:
    """A function of the program, or one inside another, and where its names are looked up. `given`: parameter -> the function it stands for."""

    def __init__(self, node, module, outer=None, given=None):
        self.node, self.module, self.outer, self.given = node, module, outer, given or {}
        self.inner = {each.name: each for each in ast.walk(node) if isinstance(each, ast.FunctionDef) and each is not node}
        self.local = (stored(node.body) | {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}) - self.given.keys()
        self._needs = None

    def taking(self, given):
        """The same function for callers that give it these functions. Raises NotApplicable where that cannot be told apart from its own names."""
        made = Own(self.node, self.module, self.outer, given)
        for name, function in given.items():
            if name in stored(self.node.body) or function.needs() & made.local:
                raise NotApplicable(f'{self.node.name} is given {function.node.name}, which uses names of both', self.node)
        return made

    def find(self, name):
        """The own function that a name stands for here."""
        if name in self.given:
            return self.given[name]
        if name in self.inner:
            return Own(self.inner[name], self.module, self)
        if self.outer is not None and name in self.outer.inner:
            return Own(self.outer.inner[name], self.module, self.outer)
        if name in self.local:
            return None
        if name in self.module.functions:
            return Own(self.module.functions[name], self.module)
        imported = self.module.imports.get(name)
        return self.elsewhere(imported) if imported and '.' in imported else None

    def elsewhere(self, full):
        """A function of another file of the program, by its full name."""
        library, _, name = full.rpartition('.')
        other = self.module.beside(library)
        return Own(other.functions[name], other) if other is not None and name in other.functions else None

    def is_value(self, name):
        """Whether a name is neither a function, nor a module, nor a builtin that is not hidden."""
        if name in self.local and name not in self.inner:
            return True
        if self.find(name) is not None or name in self.module.imports:
            return False
        return self.outer is not None and name in self.outer.local or not hasattr(builtins, name)

    def changes(self, seen=()):
        """The places of its arguments, and the names from outside, whose contents a call may change."""
        if id(self.node) in seen:
            return set(), set()

        def of(name):
            found = self.find(name)
            return None if found is None else found.changes((*seen, id(self.node)))

        found = written(self.node.body, of)
        arguments = [each.arg for each in self.node.args.posonlyargs + self.node.args.args]
        return {place for place, name in enumerate(arguments) if name in found}, found - self.local

    def needs(self, seen=()):
        """The names of values from outside that it reads, itself or by what it calls."""
        if self._needs is None:
            found, _ = exposed(self.node.body, {each.arg for each in ast.walk(self.node.args) if isinstance(each, ast.arg)})
            found |= {name for each in self.inner.values() for name in reads(each)}
            own = {name for name in found if name not in self.local and self.is_value(name)}
            for name in found | all_reads(self.node):
                other = self.find(name)
                if other is not None and id(other.node) not in seen and other.node is not self.node:
                    own |= {each for each in other.needs((*seen, id(self.node))) if each not in self.local}
            self._needs = own
        return self._needs
