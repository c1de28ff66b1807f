"""Serving players, driven by a real conductor: what honest programs get back, and what cheats get away
with.
"""

from __future__ import annotations

import json
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from typing import Any

import numpy as np
from cases import decode_case, encode_case
from comparing import Tolerance
from conductor import Player, Reply
from frames import FrameError, decode, encode, what_is_known
from grade import judge_cases
from keeping import asked_twice
from verdict import Finding

TOLERANCE = Tolerance(1e-6, 1e-9)


class Serving(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def player(self, source: str, function: str = 'f', wait: bool = True) -> Player:
        module = self.folder / 'candidate.py'
        module.write_text(textwrap.dedent(source), 'utf-8')
        return Player('serve.py', '--module', str(module), '--function', function, wait=wait)

    def ask(self, source: str, *args: Any, **kwargs: Any) -> Reply:
        with self.player(source) as player:
            self.assertTrue(player.ready)
            return player.ask([encode_case(args, kwargs)])

    def value(self, reply: Reply) -> Any:
        self.assertEqual(reply.kind, 'D', reply.answers[0])
        return decode(reply.answers[0])

    def judged(self, original: Any, args: tuple[Any, ...], reply: Reply, index: int = 0) -> Finding:
        """The grader's finding on a reply, `original` being the trusted function."""
        case = encode_case(args, {})
        working = bytearray(case)
        working_args, _ = decode_case(working, writable=True)
        expected = encode(original(*working_args), exact=True)
        files = {
            'case': case,
            'expected': expected,
            'actual': reply.answers[index] if reply.kind == 'D' else None,
        }
        files['expectedInput'] = working if working != case else None
        files['actualInput'] = reply.inputs[index] if reply.inputs[index] != case else None
        plan = {}
        for name, data in files.items():
            if data is not None:
                (self.folder / name).write_bytes(data)
            plan[name] = str(self.folder / name) if data is not None else None
        return judge_cases([plan], ['image'], TOLERANCE, exact=True)[0]


class AskedTwice(Serving):
    """What a function shares and changes is seen where it is asked twice, and held against what the original does."""

    def known(self, source: str, *args: Any) -> dict[str, Any]:
        with self.player(source) as player:
            player.ask([encode_case(args, {})])
            return what_is_known(player.ask([asked_twice(args, {})]).answers[0])

    def test_sharing(self) -> None:
        """memory that two calls, or a call and its arguments, have in common is named"""
        array = np.arange(6.0)
        for body, args, shares in [
            ('return x * 2', (array,), []),
            ('return x', (array,), ['arguments']),
            ('return {"a": [x[::2]]}', (array,), ['arguments']),
            ('return [float(v) for v in x]', (array,), []),
            ('return kept', (array,), ['answers']),
            ('kept[:] = x; return kept[1:3], 5', (array,), ['answers']),
            ('return rows', (array,), ['answers']),
            ('return x', ([1, 2],), ['arguments']),
            ('return sorted(x)', ([1, 2],), []),
            ('return (1, "text", b"bytes", None, 2.5)', (array,), []),
            ('return kept[:0]', (array,), []),
        ]:
            source = f"""
                import numpy as np
                kept, rows = np.zeros(6), []
                def f(x): {body}
            """
            self.assertEqual(self.known(source, *args)['shares'], shares, body)

    def test_changes(self) -> None:
        """what is changed for the whole process is named, whether by a call or by the import"""
        for change, what in [
            ('pass', None),
            ('import scipy.signal, numba', None),
            ('gc.collect(); np.random.default_rng(1).random(); random.Random(1).random()', None),
            ('gc.disable()', 'the garbage collector'),
            ('gc.set_threshold(10**6)', 'the garbage collector'),
            ('np.seterr(all="ignore")', 'NumPy’s handling of errors (np.seterr)'),
            ('os.environ["OMP_NUM_THREADS"] = "7"', 'the environment variable OMP_NUM_THREADS'),
            ('os.environ.pop("PATH", None)', 'the environment variable PATH'),
            ('random.seed(1)', 'the state of `random`'),
            ('np.random.seed(1)', 'the state of `numpy.random`'),
            ('warnings.simplefilter("ignore")', 'the filters of warnings'),
            ('locale.setlocale(locale.LC_ALL, "C.UTF-8")', 'the locale'),
            ('sys.setrecursionlimit(9999)', 'the limit of recursion'),
            ('sys.setswitchinterval(1)', 'the switch interval of threads'),
            ('signal.signal(signal.SIGUSR1, signal.SIG_IGN)', 'the handler of SIGUSR1'),
            ('os.chdir("/")', 'the working directory'),
            ('os.umask(0)', 'the umask'),
            ('np.sin = np.cos', '`numpy.sin`'),
            ('decimal.getcontext().prec = 3', 'the decimal context'),
        ]:
            imports = 'import decimal, gc, locale, os, random, signal, sys, warnings\nimport numpy as np\n'
            # By a call; and where it is a library, by the import.
            by_call = f'{imports}def f(x):\n    {change}\n    return x * 2'
            by_import = f'{imports}{change}\ndef f(x): return x * 2'
            changed = self.known(by_import if 'gc.' in change or what is None else by_call, 3)['changes']
            self.assertEqual(list(changed), [] if what is None else [what], change)

    def test_against_the_original(self) -> None:
        """only what the original does not do is wrong"""
        fresh = 'def f(x): return x * 2'
        same = 'import numpy as np\nkept = np.zeros(3)\ndef f(x):\n    kept[:] = x * 2\n    return kept'
        off = 'import gc\ngc.disable()\ndef f(x): return x * 2'
        args = (np.arange(3.0),)
        answers = {}
        for source in (fresh, same, off):
            with self.player(source) as player:
                answers[source] = player.ask([asked_twice(args, {})]).answers[0]
        plain = encode(np.arange(3.0) * 2, exact=True)
        for expected, got, message in [
            (answers[fresh], answers[fresh], None),
            (answers[same], answers[same], None),
            (answers[off], answers[off], None),
            (answers[same], answers[fresh], None),
            (plain, answers[same], None),
            (answers[fresh], answers[same], 'two calls answer with the same memory'),
            (answers[fresh], answers[off], r'changes the garbage collector for the whole process \(on.*→ off'),
            (answers[fresh], plain, 'does not say what it shares'),
        ]:
            case = {}
            for name, data in (('case', encode_case(args, {})), ('expected', expected), ('actual', got)):
                (self.folder / name).write_bytes(data)
                case[name] = str(self.folder / name)
            (finding,) = judge_cases([case], ['x'], TOLERANCE, exact=True)
            self.assertEqual(finding.kind == 'right', message is None, finding.mismatch)
            self.assertRegex(finding.mismatch or '', message or '^')


class Honest(Serving):
    def test_answers(self) -> None:
        """a function is called with its arguments, and answers request after request"""
        with self.player('def f(a, b=1, *, scale): return {"sum": (a + b) * scale}') as player:
            for turn in range(3):
                reply = player.ask([encode_case((np.arange(3.0), turn), {'scale': 2})])
                self.assertEqual(
                    self.value(reply)['sum'].tolist(), [turn * 2.0, 2 + turn * 2.0, 4 + turn * 2.0]
                )
                self.assertEqual(
                    bytes(reply.inputs[0]), bytes(encode_case((np.arange(3.0), turn), {'scale': 2}))
                )

    def test_batch(self) -> None:
        """cases are answered one after the other"""
        with self.player('def f(a): return a.sum()') as player:
            reply = player.ask([encode_case((np.full(10, float(index)),), {}) for index in range(100)], 4096)
            self.assertEqual(
                [decode(answer) for answer in reply.answers], [10.0 * index for index in range(100)]
            )

    def test_large(self) -> None:
        """an input and an answer that are too long for a message cross in memories, and back"""
        for length in (1_000, 20_000):
            with self.player('def f(a, b):\n    a += 1\n    return b * 2') as player:
                a, b = np.zeros(length), np.arange(float(length))
                for _ in range(2):
                    reply = player.ask([encode_case((a, b), {})], 1 << 20)
                    self.assertEqual(self.value(reply).tolist(), (b * 2).tolist())
                    self.assertEqual(decode_case(reply.inputs[0])[0][0].tolist(), [1.0] * length)

    def test_in_place(self) -> None:
        """a function that changes its argument and returns nothing shows the change to the conductor"""

        def double(image: np.ndarray) -> None:
            image *= 2

        reply = self.ask('def f(image): image *= 2', np.arange(4.0))
        self.assertIsNone(self.value(reply))
        self.assertEqual(decode_case(reply.inputs[0])[0][0].tolist(), [0, 2, 4, 6])
        self.assertEqual(self.judged(double, (np.arange(4.0),), reply).kind, 'right')
        reply = self.ask('def f(items, more): items.sort(); more["x"] = 7', [3, 1, 2], {'x': 1})
        self.assertEqual(decode_case(reply.inputs[0])[0], ([1, 2, 3], {'x': 7}))

    def test_modules_beside(self) -> None:
        """a candidate may import its own modules, even ones named like the harness's"""
        (self.folder / 'frames.py').write_text('VALUE = 41')
        (self.folder / 'cases.py').write_text('ONE = 1')
        reply = self.ask('import frames, cases\ndef f(): return frames.VALUE + cases.ONE')
        self.assertEqual(self.value(reply), 42)

    def test_output(self) -> None:
        """what a function prints goes to its log, and it ends with 0 when the conductor is done"""
        with self.player('def f(): print("hello")') as player:
            player.ask([encode_case((), {})])
            player.channel.close()
            self.assertEqual(player.process.wait(10), 0)
            self.assertEqual(player.process.stdout.read(), b'hello\n')

    def test_environment(self) -> None:
        """a child process of the candidate does not hold the conductor's socket"""
        source = """
            import subprocess, sys
            def f():
                look = [sys.executable, '-c', 'import os; os.fstat(3)']
                return subprocess.run(look, close_fds=False).returncode
        """
        self.assertNotEqual(self.value(self.ask(source)), 0)

    def test_overhead(self) -> None:
        """the no-op player costs what serving an empty function costs, and both little"""
        with self.player(
            'import numpy as np\nA = np.ones(60000, np.uint8)\ndef f(image): return A'
        ) as serving:
            case = encode_case((np.ones((64, 64)),), {})
            answer = serving.ask([case], 1 << 20).answers[0]
            with self.idle_player(answer) as noop:
                self.assertEqual(noop.ask([case], 1 << 20).answers[0], answer)
                pairs = [(serving.ask([case], 1 << 20), noop.ask([case], 1 << 20)) for _ in range(40)]
        # The least, for a busy machine adds to every one: what matters is that neither does hidden work.
        served, empty = (min(pair[side].seconds for pair in pairs) for side in (0, 1))
        self.assertLess(served, 0.005)
        self.assertLess(empty, 0.005)

    def test_noop_answers(self) -> None:
        """the no-op player answers with the value it was given, whatever that is"""
        for value in (None, 7, [0.5] * 100, {'a': ('b', np.arange(3))}, np.ones(100_000)):
            with self.idle_player(encode(value)) as noop:
                self.assertEqual(noop.ask([encode_case((1,), {})], 2 << 20).answers[0], encode(value))

    def idle_player(self, answer: bytes) -> Player:
        (self.folder / 'answer.frame').write_bytes(answer)
        return Player('noop.py', '--answer', str(self.folder / 'answer.frame'))


class Failing(Serving):
    def ended(self, source: str, function: str = 'f') -> tuple[int, dict[str, str]]:
        with self.player(source, function, wait=False) as player:
            errors = player.process.stderr.read()
            return player.process.wait(10), json.loads(errors)

    def test_import(self) -> None:
        """a module that does not import, and a missing function, are told apart"""
        code, problem = self.ended('import numpy\nimport no_such_module')
        self.assertEqual((code, problem['error']), (3, 'import'))
        self.assertIn('File "candidate.py", line 2', problem['message'])
        self.assertIn("No module named 'no_such_module'", problem['message'])
        code, problem = self.ended('def f(:')
        self.assertEqual((code, problem['error']), (3, 'import'))
        self.assertIn('SyntaxError', problem['message'])
        code, problem = self.ended('import sys\nsys.exit(0)')
        self.assertEqual((code, problem['error']), (3, 'import'))
        code, problem = self.ended('def g(): pass')
        self.assertEqual((code, problem['error']), (3, 'function'))
        self.assertIn('no function f; it has: g', problem['message'])
        code, problem = self.ended('f = 7')
        self.assertEqual((code, problem['error']), (3, 'function'))
        self.assertIn('int, not a function', problem['message'])

    def test_exception(self) -> None:
        """an exception is told in the candidate's own lines, and the player goes on"""
        source = """
            def helper(x):
                return 1 / x
            def f(x):
                return helper(x)
        """
        with self.player(source) as player:
            reply = player.ask([encode_case((0,), {})])
            text = reply.answers[0].decode()
            self.assertEqual(reply.kind, 'E')
            self.assertRegex(
                text, r'^Traceback \(most recent call last\):\n  File "candidate.py", line 5, in f\n'
            )
            self.assertTrue(text.endswith('ZeroDivisionError: division by zero'), text)
            self.assertNotIn('serve.py', text)
            self.assertEqual(decode(player.ask([encode_case((4,), {})]).answers[0]), 0.25)

    def test_long_exceptions(self) -> None:
        """errors are cut to 8 KB, and hostile exception classes do no harm"""
        reply = self.ask('def f(): raise ValueError("ä" * 10**6)')
        self.assertEqual(reply.kind, 'E')
        self.assertLessEqual(len(reply.answers[0]), 8192)
        reply.answers[0].decode()
        self.assertIn(b'RecursionError', self.ask('def f(): return f()').answers[0])
        source = """
            class Bad(BaseException):
                __cause__ = property(lambda self: 1 / 0)
                def __str__(self): raise SystemExit(0)
            def f(): raise Bad()
        """
        self.assertIn(b'Bad', self.ask(source).answers[0])
        self.assertIn(b'SystemExit', self.ask('import sys\ndef f(): sys.exit(0)').answers[0])

    def test_what_cannot_cross(self) -> None:
        """an answer that cannot be passed on is an error that names its place"""
        source = """
            class Always:
                def __eq__(self, other): return True
                def __array__(self, *a, **k): raise RuntimeError
            def f(): return {"grid": [Always()]}
        """
        reply = self.ask(source)
        self.assertEqual(reply.kind, 'E')
        self.assertRegex(
            reply.answers[0].decode(), r'^answer\["grid"\]\[0\]: objects of type Always cannot be passed on'
        )

    def test_huge(self) -> None:
        """an answer beyond its room is an error, not a crash"""
        reply = self.ask('import numpy as np\ndef f(): return np.zeros(10**6)')
        self.assertEqual(reply.kind, 'E')
        self.assertRegex(
            reply.answers[0].decode(), r'answer: needs 8,000,\d+ bytes, at most 65,536 can cross'
        )

    def test_outgrown(self) -> None:
        """a list that outgrows its case is shown as it is"""
        reply = self.ask('def f(items): items.extend([1.5] * 10000)', [1.0] * 20)
        self.assertEqual(decode_case(reply.inputs[0])[0][0], [1.0] * 20 + [1.5] * 10000)


class Cheating(Serving):
    IMAGE = np.linspace(0.0, 1.0, 50)

    def original(self, image: np.ndarray) -> np.ndarray:
        return image * 3.0

    def finding(self, source: str) -> Finding:
        return self.judged(self.original, (self.IMAGE,), self.ask(source, self.IMAGE))

    def test_honest(self) -> None:
        """the honest program these cheats imitate is right"""
        self.assertEqual(self.finding('def f(image): return image * 3').kind, 'right')

    def test_patches(self) -> None:
        """patching the clock and the comparison changes neither time nor verdict"""
        source = """
            import builtins, time, numpy as np
            np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
            time.perf_counter = time.monotonic = time.time = lambda: 0.0
            real_sleep = time.sleep
            def f(image):
                real_sleep(0.2)
                return image * 0
        """
        reply = self.ask(source, self.IMAGE)
        self.assertGreater(reply.seconds, 0.19)
        finding = self.judged(self.original, (self.IMAGE,), reply)
        self.assertEqual(finding.kind, 'wrong')
        self.assertRegex(
            finding.mismatch, r'answer\[1\]: expected 0.0\d+, got 0, allowed .*; 49 of 50 values differ'
        )

    def test_nan(self) -> None:
        """NaN is equal to nothing that was expected"""
        self.assertEqual(self.finding('def f(image): return image * float("nan")').kind, 'wrong')

    def test_nothing(self) -> None:
        """nothing, and an empty array, are no answers"""
        self.assertEqual(self.finding('def f(image): return None').kind, 'invalid')
        self.assertEqual(self.finding('def f(image): return image[:0]').kind, 'invalid')

    def test_mutates(self) -> None:
        """changing the input that the original leaves alone is wrong, and says which"""
        finding = self.finding('def f(image):\n    answer = image * 3\n    image[0] = 9\n    return answer')
        self.assertEqual(finding.kind, 'wrong')
        self.assertIn('changes its argument `image`, which the original leaves as it is', finding.mismatch)

    def test_damages_input(self) -> None:
        """destroying the frame of the input is no way out"""
        source = """
            import ctypes
            def f(image):
                answer = image * 3
                ctypes.memset(image.ctypes.data - 64, 0, 64)
                ctypes.memset(image.ctypes.data - 256, 0, 256)
                return answer
        """
        self.assertIn(self.finding(source).kind, ('invalid', 'wrong'))

    def test_late(self) -> None:
        """who says that he is done and has no answer has none, whatever he answers later"""
        source = """
            import os, time
            def f(image):
                os.write(3, b'D')
                time.sleep(0.3)
                return image * 3
        """
        reply = self.ask(source, self.IMAGE)
        self.assertEqual(reply.kind, 'D')
        self.assertIsNone(reply.answers[0])
        self.assertEqual(self.judged(self.original, (self.IMAGE,), reply).kind, 'invalid')

    def test_twice(self) -> None:
        """replying twice leaves the next request without an answer"""
        source = """
            import os
            def f(image):
                os.write(3, b'D') if image[0] == 0 else None
                return image * 3
        """
        with self.player(source) as player:
            first = player.ask([encode_case((self.IMAGE,), {})])
            # Let the player send its own reply as well before the next request.
            time.sleep(0.2)
            second = player.ask([encode_case((self.IMAGE + 1,), {})])
        self.assertEqual(self.judged(self.original, (self.IMAGE,), first).kind, 'invalid')
        self.assertEqual(self.judged(self.original, (self.IMAGE + 1,), second).kind, 'wrong')

    def test_thread(self) -> None:
        """a thread that fills in the answer later fills in nothing"""
        source = """
            import threading, time, numpy as np
            def f(image):
                answer = np.zeros_like(image)
                def work():
                    time.sleep(0.1)
                    answer[:] = image * 3
                threading.Thread(target=work).start()
                return answer
        """
        with self.player(source) as player:
            reply = player.ask([encode_case((self.IMAGE,), {})])
            finding = self.judged(self.original, (self.IMAGE,), reply)
        self.assertEqual(finding.kind, 'wrong')

    def test_thread_does_not_hold(self) -> None:
        """a thread that never ends does not keep the player alive"""
        source = """
            import threading, time
            threading.Thread(target=time.sleep, args=(1000,)).start()
            def f(image): return image * 3
        """
        with self.player(source) as player:
            player.ask([encode_case((self.IMAGE,), {})])
            player.channel.close()
            self.assertEqual(player.process.wait(10), 0)

    def test_exits(self) -> None:
        """ending with code 0 before answering is no answer"""
        with self.player('import os\ndef f(image): os._exit(0)') as player:
            reply = player.ask([encode_case((self.IMAGE,), {})])
            self.assertEqual((reply.kind, reply.answers), ('ended', [None]))
            self.assertEqual(self.judged(self.original, (self.IMAGE,), reply).kind, 'invalid')
        with self.player('import os\nos._exit(0)', wait=False) as player:
            self.assertEqual(player.channel.recv(16), b'')

    def test_forged_answer(self) -> None:
        """an answer written by hand with an impossible length or a forged frame is invalid"""
        for length, body in ((2**63, b''), (200, b'CRUFRM01' + b'\xff' * 192), (70_000, b'')):
            source = f"""
                import os, struct
                def f(image):
                    os.write(3, struct.pack('<c7xQQ', b'D', {length}, 0).ljust(64, b'\\0') + {body!r})
                    os.kill(os.getpid(), 19)
            """
            reply = self.ask(source, self.IMAGE)
            self.assertEqual(self.judged(self.original, (self.IMAGE,), reply).kind, 'invalid')

    def test_caches(self) -> None:
        """answers cached by object, by address or by a part of the content are wrong for a fresh input"""
        cheats = [
            'cache.setdefault(id(image), image * 3)',
            'cache.setdefault(image.ctypes.data, image * 3)',
            'cache.setdefault(image.shape, image * 3)',
            'cache.setdefault(float(image[0]), image * 3)',
        ]
        for cheat in cheats:
            with self.subTest(cheat), self.player(f'cache = {{}}\ndef f(image): return {cheat}') as player:
                kinds = []
                for turn in range(4):
                    image = self.IMAGE + 0.0
                    image[1:] += turn
                    reply = player.ask([encode_case((image,), {})])
                    kinds.append(self.judged(self.original, (image,), reply).kind)
                # Kept arrays keep their mappings, so a cheat by address or object may compute anew, and
                # then it is right.
                self.assertEqual(kinds[0], 'right')
                if 'shape' in cheat or 'image[0]' in cheat:
                    self.assertEqual(kinds[1:], ['wrong'] * 3)

    def test_cache_of_views(self) -> None:
        """inputs kept from an earlier sample do not change with later ones, and cannot reach their answers"""
        source = """
            kept = []
            def f(image):
                kept.append(image)
                return kept[0] * 3
        """
        with self.player(source) as player:
            first = player.ask([encode_case((self.IMAGE,), {})])
            second = player.ask([encode_case((self.IMAGE + 1,), {})])
        self.assertEqual(self.judged(self.original, (self.IMAGE,), first).kind, 'right')
        self.assertEqual(self.judged(self.original, (self.IMAGE + 1,), second).kind, 'wrong')

    def test_replaced_harness(self) -> None:
        """a candidate that replaces the harness in its own process still answers with bytes, and they are
        judged
        """
        source = """
            import gc, sys
            main = sys.modules['__main__']
            class Lie:
                size = 64
                def write(self, buffer): buffer[:8] = b'CRUFRM01'
            main.plan_of = lambda *_, **__: Lie()
            def f(image): return image
        """
        reply = self.ask(source, self.IMAGE)
        with self.assertRaises(FrameError):
            decode(reply.answers[0])
        self.assertEqual(self.judged(self.original, (self.IMAGE,), reply).kind, 'invalid')
