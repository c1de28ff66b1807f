"""Runs programs in an interpreter that has done its imports (see README.md).

    warm.py PRELOAD                         the zygote of a warm sandbox: the preload, then a fork for each request
    warm.py --cold PRELOAD PROGRAM ARGS…    in an interpreter of its own: the preload, then the program

No program's code ever runs in the zygote, so it stays as it was for the next. A fork lets go of all that the zygote may before
the first line of its program: users or namespaces, capabilities, file descriptors. It is held and judged from outside.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import resource
import socket
import sys
import threading
import types
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location


CHANNEL = 3
_MOST_REQUEST = 1 << 18
_MOST_FILES = 16

# Of Linux's headers, which the standard library does not have.
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
_CLONE_NEWPID = 0x20000000

_libc = ctypes.CDLL(None, use_errno=True)


def preload(path: str) -> None:
    """Runs the file once, as a module that stays importable by its name."""
    name = os.path.basename(path).removesuffix('.py')
    spec = spec_from_file_location(name, path, loader=SourceFileLoader(name, path))
    if spec is None or spec.loader is None:
        raise ImportError(f'expected a Python file, got {path}')
    module = module_from_spec(spec)
    sys.modules[name] = module
    folder = os.path.dirname(path)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)


def run_program(path: str, arguments: list[str]) -> int:
    """Runs the file as `python FILE ARGUMENTS…` does, and returns its exit code; exit handlers have run then."""
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(path))
    code = _outcome(path)
    try:
        threading._shutdown()
    finally:
        atexit._run_exitfuncs()
    return code


def _outcome(path: str) -> int:
    main = types.ModuleType('__main__')
    main.__file__ = path
    main.__builtins__ = __builtins__
    sys.modules['__main__'] = main
    try:
        with open(path, 'rb') as file:
            code = compile(file.read(), path, 'exec')
        exec(code, main.__dict__)
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:
        # Without the frames of this file.
        frames = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(frames), frames)
        return 1
    return 0


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def end(code: int) -> None:
    """Ends the process at once: taking large libraries down takes longer than many a program."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    os._exit(code)


class Request:
    """What one fork is to be: NUL-terminated strings, a key and its value in turn, and file descriptors by name."""

    def __init__(self, text: bytes, files: list[int]) -> None:
        words = [os.fsdecode(word) for word in text.split(b'\0')[:-1]]
        pairs = list(zip(words[::2], words[1::2], strict=True))
        self.fields = dict(pairs)
        self.arguments = [value for key, value in pairs if key == 'arg']
        self.environment = dict(value.split('=', 1) for key, value in pairs if key == 'env')
        self.files = dict(zip((value for key, value in pairs if key == 'file'), files, strict=True))

    def number(self, key: str) -> int:
        return int(self.fields[key])


def serve(first: str) -> None:
    """The zygote. Ends when the supervisor hangs up."""
    os.set_inheritable(CHANNEL, False)
    channel = socket.socket(fileno=CHANNEL)
    preload(first)
    # What the preload said is its own; a fork would say it again.
    sys.stdout.flush()
    sys.stderr.flush()
    _libc.fflush(None)
    # What is there stays, and is not written to by looking at it.
    gc.collect()
    gc.freeze()
    channel.send(b'R')
    while True:
        text, files, _, _ = socket.recv_fds(channel, _MOST_REQUEST, _MOST_FILES)
        if not text:
            os._exit(0)
        _fork_for(Request(text, files), channel)
        for file in files:
            os.close(file)


def _fork_for(request: Request, channel: socket.socket) -> None:
    """Forks twice, so that the program's parent is process 1, which learns of its end."""
    with _told(channel):
        if 'pid' in request.files:
            _call('setns', request.files['pid'], _CLONE_NEWPID)
        between = os.fork()
    if between == 0:
        with _told(channel):
            for name in ('mount', 'ipc', 'net'):
                if name in request.files:
                    _call('setns', request.files[name], 0)
            if os.fork() == 0:
                _become(request, channel)
        os._exit(0)
    if os.waitpid(between, 0)[1] == 0:
        channel.send(b'D')


@contextlib.contextmanager
def _told(channel: socket.socket):
    """Trouble of ours is the supervisor's to know, and never the program's doing."""
    try:
        yield
    except BaseException as error:
        channel.send(f'E{type(error).__name__}: {error}'.encode()[:300])
        os._exit(70)


def _become(request: Request, channel: socket.socket) -> None:
    """Makes this process the program; does not return."""
    with _told(channel):
        os.dup2(request.files['out'], 1)
        os.dup2(request.files['err'], 2)
        os.setsid()
        limits = {'CPU': 'cpuSeconds', 'FSIZE': 'fileBytes', 'NPROC': 'tasks'}
        for name, key in limits.items():
            _limit(getattr(resource, f'RLIMIT_{name}'), request.number(key))
        if 'user' in request.fields:
            user = request.number('user')
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        _drop_capabilities()
        if 'seccomp' in request.files:
            _load_rules(request.files['seccomp'])
        # Changing users closes a process to all looks, also its own.
        _call('prctl', _PR_SET_DUMPABLE, 1, 0, 0, 0)
        # Short of memory, the kernel ends a program before its zygote.
        with contextlib.suppress(OSError), open('/proc/self/oom_score_adj', 'w') as score:
            score.write('1000')
        os.chdir(request.fields['cwd'])
        os.environ.clear()
        os.environ.update(request.environment)
        _take_environment()
        channel.send(f'S{os.getpid()}'.encode())
        os.closerange(3, 1 << 16)
    end(run_program(request.arguments[0], request.arguments[1:]))


def _limit(which: int, most: int) -> None:
    if most > 0:
        _, hard = resource.getrlimit(which)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _drop_capabilities() -> None:
    _call('prctl', _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call('prctl', _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    head = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call('capset', head, (ctypes.c_uint32 * 6)())


class _Rules(ctypes.Structure):
    _fields_ = (('count', ctypes.c_ushort), ('at', ctypes.c_void_p))


def _load_rules(file: int) -> None:
    text = os.pread(file, os.fstat(file).st_size, 0)
    at = ctypes.create_string_buffer(text, len(text))
    rules = _Rules(len(text) // 8, ctypes.addressof(at))
    _call('prctl', _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(rules), 0, 0)


def _take_environment() -> None:
    """Does what libraries do by the environment when they are loaded, which was before."""
    threads = os.environ.get('OMP_NUM_THREADS', '')
    pools = sys.modules.get('threadpoolctl')
    if pools is not None and threads.isdigit():
        pools.threadpool_limits(int(threads))
    numpy = sys.modules.get('numpy')
    if numpy is not None:
        numpy.random.seed()


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f'{name}: {os.strerror(number)}')


if __name__ == '__main__':
    if sys.argv[1] == '--cold':
        _, _, first, program, *rest = sys.argv
        preload(first)
        end(run_program(program, rest))
    serve(sys.argv[1])
